//! What a page of Markdown holds: its blocks of code, its pictures, its headings, where its links
//! lead.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// A fenced block of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeBlock {
    /// What stands behind the fence: `rust`, `console`.
    pub language: String,
    /// The lines between the fences.
    pub text: String,
}

fn events(page: &str) -> Parser<'_> {
    Parser::new_ext(page, Options::ENABLE_TABLES)
}

/// What a page has besides its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PagePart {
    /// A block of code.
    CodeBlock(CodeBlock),
    /// A picture, and the file that it is in.
    Picture(String),
}

/// The blocks of code and the pictures, in the order of the page.
#[must_use]
pub fn parts(page: &str) -> Vec<PagePart> {
    let mut parts: Vec<PagePart> = Vec::new();
    let mut inside = false;
    for event in events(page) {
        match (event, parts.last_mut()) {
            (Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))), _) => {
                let block = CodeBlock { language: language.to_string(), text: String::new() };
                parts.push(PagePart::CodeBlock(block));
                inside = true;
            }
            (Event::End(TagEnd::CodeBlock), _) => inside = false,
            (Event::Text(text), Some(PagePart::CodeBlock(block))) if inside => {
                block.text.push_str(&text);
            }
            (Event::Start(Tag::Image { dest_url, .. }), _) => {
                parts.push(PagePart::Picture(dest_url.to_string()));
            }
            _ => {}
        }
    }
    parts
}

/// The blocks of code, in the order of the page.
#[must_use]
pub fn blocks(page: &str) -> Vec<CodeBlock> {
    let blocks = parts(page).into_iter().filter_map(|part| match part {
        PagePart::CodeBlock(block) => Some(block),
        PagePart::Picture(_) => None,
    });
    blocks.collect()
}

/// How a page is built: the level of each heading, and how many rows its tables have after each.
#[must_use]
pub fn outline(page: &str) -> Vec<(HeadingLevel, usize)> {
    let mut outline: Vec<(HeadingLevel, usize)> = Vec::new();
    for event in events(page) {
        match (event, outline.last_mut()) {
            (Event::Start(Tag::Heading { level, .. }), _) => outline.push((level, 0)),
            (Event::Start(Tag::TableRow), Some((_, rows))) => *rows += 1,
            _ => {}
        }
    }
    outline
}

/// The texts of the headings.
#[must_use]
pub fn headings(page: &str) -> Vec<String> {
    let mut headings: Vec<String> = Vec::new();
    let mut inside = false;
    for event in events(page) {
        match (event, headings.last_mut()) {
            (Event::Start(Tag::Heading { .. }), _) => {
                headings.push(String::new());
                inside = true;
            }
            (Event::End(TagEnd::Heading(_)), _) => inside = false,
            (Event::Text(text) | Event::Code(text), Some(heading)) if inside => {
                heading.push_str(&text);
            }
            _ => {}
        }
    }
    headings
}

/// The anchor of a heading, as GitHub and mdBook make it: `#what-there-is`.
#[must_use]
pub fn anchor(heading: &str) -> String {
    let plain = heading.to_lowercase().replace(' ', "-");
    let plain = plain.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter));
    std::iter::once('#').chain(plain).collect()
}

/// Where the links and the pictures lead.
#[must_use]
pub fn links(page: &str) -> Vec<String> {
    events(page)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some(dest_url.to_string())
            }
            _ => None,
        })
        .collect()
}
