//! Text from outside, for a terminal: it gives the terminal no orders.

#[cfg(feature = "background")]
use std::borrow::Cow;

use crate::json_lines::in_lines;

/// JSON with a line for each part, in the order it came in; anything else as it is. Ends with a line
/// end.
pub(super) fn body(bytes: &[u8], terminal: bool) -> Vec<u8> {
    let mut text = in_lines(bytes).unwrap_or_else(|| bytes.to_vec());
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    // A terminal would take these for orders.
    if terminal { escaped(&String::from_utf8_lossy(&text)).into_bytes() } else { text }
}

/// A text of several lines, with nothing in it that a terminal would obey but its line ends and tabs.
pub(super) fn escaped(text: &str) -> String {
    escape(text, |character| character.is_control() && !matches!(character, '\n' | '\t'))
}

/// A text as a part of one line, in the direction of that line.
#[cfg(feature = "background")]
pub(super) fn in_one_line(text: &str) -> String {
    escape(text, |character| {
        // Unicode's line ends, and what turns the direction of the text behind it.
        let turns = matches!(character, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(character, '\u{2066}'..='\u{2069}');
        character.is_control() || turns
    })
}

/// The beginning of a text, with a mark where there is more.
#[cfg(feature = "background")]
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect::<String>().into(),
    }
}

fn escape(text: &str, is_order: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' if is_order(character) => escaped.push_str("\\n"),
            _ if is_order(character) => escaped.extend(character.escape_unicode()),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_order_and_its_numbers() {
        let shown = |text: &str| String::from_utf8(body(text.as_bytes(), false)).unwrap();
        assert_eq!(
            shown(r#"{"z":1,"a":[18446744073709551615,-1,0.5,null]}"#),
            "{\n  \"z\": 1,\n  \"a\": [\n    18446744073709551615,\n    -1,\n    0.5,\n    null\n  ]\n}\n"
        );
        assert_eq!(shown("null"), "null\n");
        assert_eq!(shown(""), "");
        assert_eq!(shown("training on me/data"), "training on me/data\n");
        assert_eq!(shown("{} and more\n"), "{} and more\n");
    }

    #[test]
    fn a_terminal_gets_no_orders_from_a_text() {
        let bytes = b"a\x1b[31m\r\n\tb\x9b\xc2\x9b";
        assert_eq!(body(bytes, true), "a\\u{1b}[31m\\u{d}\n\tb\u{fffd}\\u{9b}\n".as_bytes());
        assert_eq!(body(bytes, false), [&bytes[..], b"\n"].concat());
        assert_eq!(body("\"\u{9b}\"".as_bytes(), true), b"\"\\u{9b}\"\n");
    }

    #[cfg(feature = "background")]
    #[test]
    fn a_part_of_a_line_stays_in_it() {
        assert_eq!(in_one_line("a\n\t\u{1b}[2Jb\u{2028}"), "a\\n\\u{9}\\u{1b}[2Jb\\u{2028}");
        assert_eq!(in_one_line("\u{202e}evil\u{2066}"), "\\u{202e}evil\\u{2066}");
        assert_eq!(in_one_line("\"학습\" isn't e\u{301}nough"), "\"학습\" isn't e\u{301}nough");
    }

    #[cfg(feature = "background")]
    #[test]
    fn a_long_text_is_cut_with_a_mark() {
        assert_eq!(cut("학습학습", 4), "학습학습");
        assert_eq!(cut("학습학습!", 4), "학습학…");
        assert_eq!(cut("", 4), "");
    }
}
