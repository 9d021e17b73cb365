//! Formats a body for people.

use std::borrow::Cow;

use crate::json_lines::in_lines;

/// Formats JSON in lines, with its keys in their order. Anything else is unchanged.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    // Deeply nested JSON would consist mostly of spaces.
    let lines = in_lines(bytes).filter(|lines| lines.len() < 8 * bytes.len() + 1024);
    match lines.and_then(|lines| String::from_utf8(lines).ok()) {
        Some(lines) => lines.into(),
        None => String::from_utf8_lossy(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_keeps_its_order() {
        assert_eq!(
            text(br#"{"b":1,"a":[{}, "x\u0000"]}"#),
            "{\n  \"b\": 1,\n  \"a\": [\n    {},\n    \"x\\u0000\"\n  ]\n}"
        );
    }

    #[test]
    fn anything_else_is_unchanged() {
        assert_eq!(text(b"hello, \"you"), "hello, \"you");
        assert_eq!(text(b"{} {}"), "{} {}");
        assert_eq!(text(b"\xff!"), "\u{fffd}!");
        assert_eq!(text(b""), "");
        // Deeply nested.
        let deep = "[".repeat(100_000);
        assert_eq!(text(deep.as_bytes()), deep);
    }
}
