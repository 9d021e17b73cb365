//! Reads a page of Markdown: its blocks of code, its pictures, its headings, its links.

use std::sync::LazyLock;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use regex::Regex;

use crate::program::fail;

/// A fenced block of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeBlock {
    /// The word after the fence: `rust`, `console`.
    pub language: String,
    /// The lines between the fences.
    pub text: String,
}

/// A comment of Rust, or a literal, in which `//` begins no comment.
static RUST: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r##"(?s)(r"[^"]*"|r#".*?"#|"(?:[^"\\]|\\.)*""##,
        r##"|'(?:[^'\\\n]|\\[^u]|\\u\{[0-9a-fA-F]+\})')"##,
        r##"|//[^\n]*"##,
    ))
});

/// A comment that begins with `#` and a space, or a text in quotes, in which neither begins a comment. `#!` and `#[` are
/// no comments.
static HASH: LazyLock<Regex> =
    LazyLock::new(|| regex(r##"(?m)("(?:[^"\\\n]|\\.)*"|'[^'\n]*')|(?:^|[ \t]+)#(?:[ \t].*)?$"##));

fn regex(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| fail(&error.to_string()))
}

impl CodeBlock {
    /// Returns the block without its comments, which each language of the guide has in its own words. The number of
    /// lines stays the same: a line that is only a comment becomes an empty one. In a block of the terminal, only the
    /// commands have comments.
    #[must_use]
    pub fn without_comments(&self) -> Self {
        let remove = |comment: &Regex, code: &str| comment.replace_all(code, "$1").into_owned();
        let language = self.language.split(',').next().unwrap_or_default();
        let text = match language {
            "rust" => remove(&RUST, &self.text),
            "sh" | "bash" | "toml" | "yaml" | "python" | "dockerfile" | "ini" | "nginx"
            | "caddyfile" => remove(&HASH, &self.text),
            "console" => {
                let mut is_typed = false;
                let lines = self.text.lines().map(|line| {
                    is_typed = is_typed || line.starts_with("$ ");
                    let shown = if is_typed { remove(&HASH, line) } else { line.to_owned() };
                    is_typed = is_typed && line.ends_with('\\');
                    shown + "\n"
                });
                lines.collect()
            }
            _ => return self.clone(),
        };
        let lines = text.lines().map(|line| format!("{}\n", line.trim_end()));
        Self { language: self.language.clone(), text: lines.collect() }
    }
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

impl PagePart {
    /// Returns the part without the comments in its code.
    #[must_use]
    pub fn without_comments(&self) -> Self {
        match self {
            Self::CodeBlock(block) => Self::CodeBlock(block.without_comments()),
            Self::Picture(file) => Self::Picture(file.clone()),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn without_comments(language: &str, text: &str) -> String {
        let block = CodeBlock { language: language.to_owned(), text: text.to_owned() };
        let without = block.without_comments();
        assert_eq!(without.language, language);
        without.text
    }

    #[test]
    fn comments_of_rust_are_removed_and_their_lines_stay() {
        let code = "\
            /// Trains.\n\
            //! Of the file.\n\
            let a = 1; // one\n    // a line\n\
            let b = 2;\n";
        assert_eq!(without_comments("rust", code), "\n\nlet a = 1;\n\nlet b = 2;\n");
        assert_eq!(without_comments("rust,no_run", "f(); // f\n"), "f();\n");
    }

    #[test]
    fn slashes_in_a_literal_of_rust_begin_no_comment() {
        for code in [
            "get(\"https://huggingface.co\");\n",
            "let two = \"a \\\" // b\";\n",
            "let raw = r#\"{\"url\": \"https://x\"}\"#;\n",
            "let raw = r\"\\// \";\n",
            "let lines = \"a\n    // b\";\n",
            "fn f<'a>(x: &'a str) -> &'a str { x.trim_matches('\"') } const U: &str = \"//\";\n",
            "let c = ['\\'', '\\u{fe}', '/', '/'];\n",
        ] {
            assert_eq!(without_comments("rust", code), code);
        }
        let code = "let q = '\"'; // \"quoted\"\nlet x: &'static str = \"//\"; // x\n";
        let without = "let q = '\"';\nlet x: &'static str = \"//\";\n";
        assert_eq!(without_comments("rust", code), without);
    }

    #[test]
    fn comments_with_a_hash_are_removed_except_in_quotes() {
        for language in ["toml", "yaml", "python", "dockerfile", "sh", "ini", "nginx", "caddyfile"]
        {
            let text = "# first\na = \"x # y\"  # last\n#\nb = 'c # d'\nc#d = #e\n";
            let without = "\na = \"x # y\"\n\nb = 'c # d'\nc#d = #e\n";
            assert_eq!(without_comments(language, text), without, "{language}");
        }
        let script = "#!/bin/sh\nrun # it\n";
        assert_eq!(without_comments("sh", script), "#!/bin/sh\nrun\n");
        assert_eq!(without_comments("rust", "#[test]\n# a\n"), "#[test]\n# a\n");
    }

    #[test]
    fn in_a_terminal_only_commands_have_comments() {
        let session =
            "$ cargo run # start\n# Greeter\n$ curl \\\n    --json '{}' # send\nnull # shown\n";
        let without = "$ cargo run\n# Greeter\n$ curl \\\n    --json '{}'\nnull # shown\n";
        assert_eq!(without_comments("console", session), without);
    }

    #[test]
    fn what_has_no_comments_stays_as_it_is() {
        for language in ["text", "json", ""] {
            let text = "a # b // c  \n";
            assert_eq!(without_comments(language, text), text);
        }
    }

    #[test]
    fn pictures_and_code_of_two_languages_are_compared_part_by_part() {
        let [english, korean] = ["// Trains.", "// 학습합니다."]
            .map(|comment| format!("![a](a.png)\n\n```rust\n{comment}\nfn main() {{}}\n```\n"));
        let parts_of =
            |page: &str| -> Vec<_> { parts(page).iter().map(PagePart::without_comments).collect() };
        assert_ne!(parts(&english), parts(&korean));
        assert_eq!(parts_of(&english), parts_of(&korean));
        assert_eq!(parts_of(&english).len(), 2);
    }
}
