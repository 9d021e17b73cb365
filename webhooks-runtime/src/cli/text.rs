//! Formats text from outside for a terminal, with control characters escaped, and numbers.

use std::borrow::Cow;

use crate::json_lines::in_lines;
use crate::text::{escaped, escaped_json};

/// Formats a body: JSON is indented and keeps its order; anything else is unchanged, or escaped if a person reads
/// it. The result ends with a line end.
pub(super) fn body(bytes: &[u8], for_person: bool) -> Vec<u8> {
    let mut text = match in_lines(bytes) {
        Some(json) => escaped_json(&String::from_utf8_lossy(&json)).into_owned().into_bytes(),
        None if for_person => escaped(&String::from_utf8_lossy(bytes)).into_owned().into_bytes(),
        None => bytes.to_vec(),
    };
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text
}

/// Shortens a text to at most `max` characters. A shortened one ends with an ellipsis.
pub(super) fn truncate(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        None => text.into(),
        Some(_) => text.chars().take(max - 1).chain(['…']).collect::<String>().into(),
    }
}

/// Aligns rows in columns, below their header.
pub(super) fn table<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
) -> String {
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].len()]).max().unwrap_or_default()
    });
    let line = |cells: [&str; COLUMNS]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let rows = rows.iter().map(|row| row.each_ref().map(String::as_str));
    [header].into_iter().chain(rows).map(line).collect()
}

/// Formats a number with commas: 1,012.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_comma_for_each_thousand() {
        for (number, text) in [(0, "0"), (999, "999"), (1012, "1,012"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

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
    fn control_characters_are_escaped_for_a_terminal() {
        let bytes = b"a\x1b[31m\r\n\tb\x9b\xc2\x9b";
        assert_eq!(body(bytes, true), "a\\u{1b}[31m\\u{d}\n\tb\u{fffd}\\u{9b}\n".as_bytes());
        assert_eq!(body(bytes, false), [&bytes[..], b"\n"].concat());
        for for_person in [true, false] {
            assert_eq!(body("\"\u{9b}\"".as_bytes(), for_person), b"\"\\u009b\"\n");
        }
    }

    #[test]
    fn a_long_text_is_truncated_with_an_ellipsis() {
        assert_eq!(truncate("학습학습", 4), "학습학습");
        assert_eq!(truncate("학습학습!", 4), "학습학…");
        assert_eq!(truncate("", 4), "");
    }
}
