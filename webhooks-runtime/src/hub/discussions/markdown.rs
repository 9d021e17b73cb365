//! Writes texts of others into Markdown.

use crate::text::is_control;

/// Quotes a text as code in Markdown, from which no part of the text can break out.
///
/// Texts of a payload or a repo are chosen by others. In a comment of a bot, they could otherwise mention people, show
/// links or pretend to be the bot's own words. Line ends and other control characters become spaces, also those
/// that change the direction of text.
///
/// ```
/// use webhooks_runtime::hub::code_span;
///
/// assert_eq!(code_span("app.py"), "`app.py`");
/// assert_eq!(code_span("`@ada`"), "`` `@ada` ``");
/// ```
#[must_use]
pub fn code_span(text: &str) -> String {
    let text: String = text.chars().map(|c| if is_control(c) { ' ' } else { c }).collect();
    // The text ends at as many backticks as it begins with, so one more than there are in a row.
    let in_a_row = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(in_a_row + 1);
    // A space at both ends keeps the text's own backticks and spaces apart. Markdown takes it away again.
    let is_plain = |c: char| !matches!(c, '`' | ' ');
    let plain = text.starts_with(is_plain) && text.ends_with(is_plain);
    let space = if plain { "" } else { " " };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_breaks_out_of_the_code() {
        for (text, expected) in [
            ("app.py", "`app.py`"),
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            (" a ", "`  a  `"),
            ("a\n\n# b\u{7f}", "` a  # b  `"),
            ("app\u{202e}yp.\u{2069}", "` app yp.  `"),
            ("", "`  `"),
            ("`@me``", "``` `@me`` ```"),
        ] {
            assert_eq!(code_span(text), expected, "{text:?}");
        }
    }
}
