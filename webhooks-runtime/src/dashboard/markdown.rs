//! Renders Markdown as HTML that the page's Content-Security-Policy allows.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Renders Markdown. HTML in it is shown as text. An image of another site, which the page may not show, becomes a
/// link, and a link that would run a script leads nowhere.
pub(super) fn markdown(text: &str) -> String {
    let mut markup = String::new();
    html::push_html(&mut markup, events(text));
    markup
}

/// Renders Markdown below a heading: its own headings become bold lines.
pub(super) fn description(text: &str) -> String {
    let mut markup = String::new();
    let plain = |event| match event {
        Event::Start(Tag::Heading { .. }) => {
            [Some(Event::Start(Tag::Paragraph)), Some(Event::Start(Tag::Strong))]
        }
        Event::End(TagEnd::Heading(_)) => {
            [Some(Event::End(TagEnd::Strong)), Some(Event::End(TagEnd::Paragraph))]
        }
        event => [Some(event), None],
    };
    html::push_html(&mut markup, events(text).flat_map(plain).flatten());
    markup
}

fn events(text: &str) -> impl Iterator<Item = Event<'_>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut linked = Vec::new();
    Parser::new_ext(text, options).map(move |event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        // An alignment would become an inline style.
        Event::Start(Tag::Table(columns)) => {
            Event::Start(Tag::Table(vec![pulldown_cmark::Alignment::None; columns.len()]))
        }
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: safe_url(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            let is_local = dest_url.starts_with('/') && !dest_url.starts_with("//");
            linked.push(!is_local);
            if is_local {
                Event::Start(Tag::Image { link_type, dest_url, title, id })
            } else {
                Event::Start(Tag::Link { link_type, dest_url: safe_url(dest_url), title, id })
            }
        }
        Event::End(TagEnd::Image) if linked.pop() == Some(true) => Event::End(TagEnd::Link),
        event => event,
    })
}

/// Returns a URL, or `#` in place of one that may run a script.
fn safe_url(url: CowStr<'_>) -> CowStr<'_> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| {
        // A colon after one of these is part of a path or a query.
        !scheme.contains(['/', '?', '#'])
    });
    let is_safe = scheme.is_none_or(|scheme| {
        ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
    });
    if is_safe { url } else { CowStr::Borrowed("#") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_markup() {
        let markup = markdown("# Bot\n\nIt *trains* ~~never~~ [daily](https://example.com).\n");
        assert_eq!(
            markup,
            "<h1>Bot</h1>\n<p>It <em>trains</em> <del>never</del> \
             <a href=\"https://example.com\">daily</a>.</p>\n"
        );
        assert!(markdown("|a|\n|:-:|\n|b|").contains("<td>b</td>"));
    }

    #[test]
    fn a_description_has_no_headings() {
        assert_eq!(
            description("# How\n\nIt *runs*."),
            "<p><strong>How</strong></p>\n<p>It <em>runs</em>.</p>\n"
        );
    }

    #[test]
    fn html_is_shown_as_text() {
        for text in ["<script>alert(1)</script>", "a <b onclick=x>b</b>", "<!-- x -->", "`<b>`"] {
            let markup = markdown(text);
            for tag in ["<script", "<b", "<!--"] {
                assert!(!markup.contains(tag), "{markup}");
            }
            assert!(markup.contains("&lt;"), "{markup}");
        }
    }

    #[test]
    fn a_link_runs_no_script() {
        for bad in ["javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x"]
        {
            assert_eq!(markdown(&format!("[x]({bad})")), "<p><a href=\"#\">x</a></p>\n");
        }
        for good in ["/docs", "#endpoints", "mailto:a@b.c", "a?b:c", "https://x/y:z"] {
            assert!(markdown(&format!("[x]({good})")).contains(&format!("\"{good}\"")), "{good}");
        }
    }

    #[test]
    fn an_image_of_another_site_becomes_a_link() {
        let from = |url: &str| markdown(&format!("![the *logo*]({url})"));
        assert_eq!(from("/logo.png"), "<p><img src=\"/logo.png\" alt=\"the logo\" /></p>\n");
        for elsewhere in ["https://example.com/a.png", "//example.com/a.png"] {
            assert_eq!(
                from(elsewhere),
                format!("<p><a href=\"{elsewhere}\">the <em>logo</em></a></p>\n")
            );
        }
        assert_eq!(from("javascript:x"), "<p><a href=\"#\">the <em>logo</em></a></p>\n");
    }
}
