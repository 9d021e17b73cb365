//! Replaces unpaired surrogate escapes in a JSON body.
//!
//! A JavaScript string may contain half of a surrogate pair, for example after a title was cut in the middle of an
//! emoji, and `JSON.stringify` writes it as an escape: `\ud83d`. JSON allows that, but no Rust string can contain it,
//! so serde_json rejects the whole body. The escape is replaced with `\ufffd`, the Unicode replacement character. It
//! has the same length, so that positions in error messages stay correct.

use memchr::memchr;
use serde::de::IgnoredAny;

/// The length of an escape, `\ud83d`.
const LENGTH: usize = 6;

const REPLACEMENT: &[u8; LENGTH] = br"\ufffd";

/// Returns the body with its unpaired surrogate escapes replaced, or `None` when nothing needs to be
/// replaced. A body that is not JSON is not changed, because its backslashes may have another meaning.
pub(crate) fn replace_unpaired_surrogates(body: &[u8]) -> Option<Vec<u8>> {
    let first = next_unpaired(body, 0)?;
    // `IgnoredAny` does not decode strings, so it accepts any escape.
    serde_json::from_slice::<IgnoredAny>(body).ok()?;
    let mut replaced = body.to_vec();
    let mut next = Some(first);
    while let Some(position) = next {
        let end = position + LENGTH;
        replaced[position..end].copy_from_slice(REPLACEMENT);
        next = next_unpaired(body, end);
    }
    Some(replaced)
}

/// Finds the first unpaired surrogate escape at or after `from`. Nearly all bodies have few backslashes
/// or none, so this costs next to nothing.
fn next_unpaired(body: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let position = from + memchr(b'\\', body.get(from..)?)?;
        let unit = |at: usize| code_unit(body.get(at..at + LENGTH)?);
        from = match unit(position) {
            Some(0xD800..=0xDBFF) => match unit(position + LENGTH) {
                Some(0xDC00..=0xDFFF) => position + 2 * LENGTH,
                _ => return Some(position),
            },
            Some(0xDC00..=0xDFFF) => return Some(position),
            // Any other escape has no second backslash after its first two bytes.
            _ => position + 2,
        };
    }
}

/// Returns the UTF-16 code unit of an escape.
fn code_unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(br"\u")?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replaced(body: &str) -> Option<String> {
        replace_unpaired_surrogates(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn an_unpaired_escape_becomes_the_replacement_character() {
        for (body, expected) in [
            (r#"["a\ud83d"]"#, r#"["a\ufffd"]"#),
            (r#"["\uDE00b"]"#, r#"["\ufffdb"]"#),
            (r#"{"\ud83d": "\ud83d\ud83d\ude00"}"#, r#"{"\ufffd": "\ufffd\ud83d\ude00"}"#),
            (r#"["\ude00\ud83d"]"#, r#"["\ufffd\ufffd"]"#),
            (r#"["\\\ud83d", "\ud83d\n"]"#, r#"["\\\ufffd", "\ufffd\n"]"#),
        ] {
            assert_eq!(replaced(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn everything_else_is_unchanged() {
        for body in [
            "",
            "\\",
            r#"["no escapes"]"#,
            r#"["\ud83d\ude00", "\n\"\\", "\u00e9"]"#,
            r#"["an escaped backslash: \\ud83d"]"#,
            // Not JSON.
            r"C:\ud83d",
            r#"["cut off: \ud83d"#,
            r#"["\ud83"]"#,
        ] {
            assert_eq!(replaced(body), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_json_string_can_be_read_afterwards(units in prop::collection::vec(
            prop_oneof![Just(0xD83D_u16), Just(0xDE00), Just(0x5C), Just(0x75), any::<u16>()], 0..20
        )) {
            let body: String = units.iter().map(|unit| format!(r"\u{unit:04x}")).collect();
            let body = format!("\"{body}\"");
            let read = replaced(&body).unwrap_or(body);
            let text: String = serde_json::from_str(&read).unwrap();
            prop_assert_eq!(text, String::from_utf16_lossy(&units));
        }
    }
}
