//! Escapes text from outside, such as payloads, headers and error messages, before a person reads it.
//!
//! Control characters can move a terminal's cursor, clear its screen, or start a line that looks like one of this
//! program. Unicode's bidirectional controls can change the order in which a text is read.

use std::borrow::Cow;

/// Returns the beginning of a text, of at most this many bytes.
pub(crate) fn beginning(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Returns the end of a text, of at most this many characters.
pub(crate) fn ending(text: &str, most: usize) -> &str {
    let cut = text.chars().count().saturating_sub(most);
    text.char_indices().nth(cut).map_or("", |(start, _)| &text[start..])
}

/// Escapes the control characters of a text, except line ends and tabs.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |character| is_control(character) && !matches!(character, '\n' | '\t'))
}

/// Escapes the same characters of JSON with JSON's own escapes, so that its meaning does not change.
pub(crate) fn escaped_json(text: &str) -> Cow<'_, str> {
    let is_control = |character| is_control(character) && !matches!(character, '\n' | '\t');
    escape_as(text, is_control, |character| format!("\\u{:04x}", u32::from(character)))
}

/// Escapes the control characters of a text, also line ends and tabs, so that it stays in its line.
pub(crate) fn in_one_line(text: &str) -> Cow<'_, str> {
    escape(text, is_control)
}

/// The sequences with which `tracing-subscriber` colors a line, without their escape character.
const COLORS: [&str; 9] = ["[0m", "[1m", "[2m", "[3m", "[31m", "[32m", "[33m", "[34m", "[35m"];

/// Escapes the control characters of a log line. A `colored` line keeps its color sequences, but no others, because
/// `tracing-subscriber` doesn't escape fields that are written with `Display`.
pub(crate) fn log_line(text: &str, colored: bool) -> Cow<'_, str> {
    if !colored {
        return in_one_line(text);
    }
    let mut parts = text.split('\u{1b}');
    let mut line = in_one_line(parts.next().unwrap_or_default());
    for part in parts {
        let color = COLORS.into_iter().find(|color| part.starts_with(color)).unwrap_or_default();
        let line = line.to_mut();
        line.push_str(if color.is_empty() { "\\u{1b}" } else { "\u{1b}" });
        line.push_str(color);
        line.push_str(&in_one_line(&part[color.len()..]));
    }
    line
}

/// Returns whether a character controls the terminal, ends a line, or changes the direction of text.
pub(crate) fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{206f}'
        )
}

fn escape(text: &str, is_control: impl Fn(char) -> bool) -> Cow<'_, str> {
    escape_as(text, is_control, |character| match character {
        '\n' => "\\n".to_owned(),
        _ => character.escape_unicode().to_string(),
    })
}

fn escape_as(
    text: &str,
    is_control: impl Fn(char) -> bool,
    write: impl Fn(char) -> String,
) -> Cow<'_, str> {
    if !text.contains(&is_control) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_control(character) {
            escaped.push_str(&write(character));
        } else {
            escaped.push(character);
        }
    }
    escaped.into()
}

/// Returns the FNV-1a hash of a text. In a constant, so that the program contains the hash and not the text.
#[must_use]
pub const fn hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_line_stays_in_it() {
        assert_eq!(in_one_line("a\n\t\u{1b}[2Jb\u{2028}"), "a\\n\\u{9}\\u{1b}[2Jb\\u{2028}");
        assert_eq!(in_one_line("\u{202e}evil\u{2066}"), "\\u{202e}evil\\u{2066}");
        assert_eq!(in_one_line("\"학습\" isn't e\u{301}nough"), "\"학습\" isn't e\u{301}nough");
    }

    #[test]
    fn the_beginning_of_a_text_ends_with_a_character() {
        assert_eq!(
            ["학습", "학", "", ""].map(str::to_owned),
            [9, 5, 2, 0].map(|max| beginning("학습", max).to_owned())
        );
    }

    #[test]
    fn a_text_keeps_its_lines_but_no_control_characters() {
        assert_eq!(escaped("a\n\tb\r\u{9b}2J\u{202e}c"), "a\n\tb\\u{d}\\u{9b}2J\\u{202e}c");
        assert_eq!(escaped("학습"), "학습");
    }

    #[test]
    fn escaped_json_has_the_same_meaning() {
        let json = "{\n\t\"a\": \"\u{9b}2J\u{202e}\u{7f}\"\n}";
        let escaped = escaped_json(json);
        assert_eq!(escaped, "{\n\t\"a\": \"\\u009b2J\\u202e\\u007f\"\n}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(json), value(&escaped));
    }

    #[test]
    fn a_log_line_keeps_its_own_colors() {
        assert_eq!(
            log_line("\u{1b}[31mERROR\u{1b}[0m a\nb", true),
            "\u{1b}[31mERROR\u{1b}[0m a\\nb"
        );
        assert_eq!(log_line("\u{1b}[31m", false), "\\u{1b}[31m");
        assert_eq!(
            log_line("\u{1b}[2mname\u{1b}[0m=\u{1b}[2J\u{1b}[8mx\u{1b}", true),
            "\u{1b}[2mname\u{1b}[0m=\\u{1b}[2J\\u{1b}[8mx\\u{1b}"
        );
    }
}
