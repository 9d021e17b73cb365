//! Writes names and paths into URLs: percent-encoded, or rejected where no encoding keeps their meaning.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::HubError;

/// All but unreserved characters, as Python's `quote` encodes.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same, but for `/`.
const FILE: &AsciiSet = &SEGMENT.remove(b'/');

/// Encodes a value as one segment of a path: an id, or a revision such as `refs/pr/1`.
pub(super) fn segment(argument: &'static str, value: &str) -> Result<String, HubError> {
    if value.is_empty() {
        return Err(HubError::argument(argument, "is empty"));
    }
    // A URL cannot contain these segments: they mean the folder itself and the one above.
    if matches!(value, "." | "..") || value.chars().any(char::is_control) {
        return Err(HubError::argument(argument, format!("{value:?} is invalid")));
    }
    Ok(utf8_percent_encode(value, SEGMENT).to_string())
}

/// Encodes the path of a file in a repo.
pub(super) fn file_path(argument: &'static str, path: &str) -> Result<String, HubError> {
    check_file_path(argument, path)?;
    Ok(utf8_percent_encode(path, FILE).to_string())
}

/// Checks the path of a file in a repo: relative, with `/` between its parts.
pub(super) fn check_file_path(argument: &'static str, path: &str) -> Result<(), HubError> {
    let is_invalid = |part: &str| matches!(part, "" | "." | ".." | ".git");
    if path.is_empty() {
        return Err(HubError::argument(argument, "is empty"));
    }
    if path.split('/').any(is_invalid) || path.chars().any(char::is_control) {
        let reason =
            format!("{path:?} is not the path of a file in a repo: write \"folder/file.txt\"");
        return Err(HubError::argument(argument, reason));
    }
    Ok(())
}

/// Checks the path of a request, which is sent as it is.
pub(super) fn check_request_path(path: &str) -> Result<(), HubError> {
    let is_valid = |byte: u8| byte.is_ascii_graphic() && !b"?#\\\"<>^`{|}".contains(&byte);
    let mut segments = path.split('/').skip(1);
    let has_dots = segments.any(|segment| {
        matches!(segment.replace("%2e", ".").replace("%2E", ".").as_str(), "." | "..")
    });
    if !path.starts_with('/') || has_dots || !path.bytes().all(is_valid) {
        let reason = format!(
            "{path:?} is not a percent-encoded path such as \"/api/models/me/tiny\"; parameters are added with \
             .query(…)"
        );
        return Err(HubError::argument("path", reason));
    }
    Ok(())
}

/// Checks a text that must not be empty.
pub(super) fn filled<'a>(argument: &'static str, text: &'a str) -> Result<&'a str, HubError> {
    let text = text.trim();
    if text.is_empty() { Err(HubError::argument(argument, "is empty")) } else { Ok(text) }
}

/// Checks the number of a discussion.
pub(super) fn number(num: u64) -> Result<u64, HubError> {
    if num == 0 {
        Err(HubError::argument("num", "is 0; discussions are counted from 1"))
    } else {
        Ok(num)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_as_pythons_client_encodes_them() {
        // `quote(value, safe="")` and `quote(value)`.
        for (value, one_segment, path) in [
            ("refs/pr/1", "refs%2Fpr%2F1", "refs/pr/1"),
            ("v1.0-a_b~c", "v1.0-a_b~c", "v1.0-a_b~c"),
            ("a b+c%20", "a%20b%2Bc%2520", "a%20b%2Bc%2520"),
            ("비밀?#&=", "%EB%B9%84%EB%B0%80%3F%23%26%3D", "%EB%B9%84%EB%B0%80%3F%23%26%3D"),
        ] {
            assert_eq!(segment("x", value).unwrap(), one_segment);
            assert_eq!(file_path("x", value).unwrap(), path);
        }
    }

    #[test]
    fn values_that_would_lead_elsewhere_are_rejected() {
        for value in ["", ".", "..", "a\nb", "\u{0}"] {
            assert!(segment("revision", value).is_err(), "{value:?}");
            assert!(file_path("path", value).is_err(), "{value:?}");
        }
        for path in ["/a", "a/", "a//b", "a/../b", "./a", ".git/config", "a/.git/b"] {
            let error = file_path("path", path).unwrap_err();
            assert!(error.to_string().starts_with("the Hub was not called: path "), "{error}");
        }
        for path in [
            "api",
            "",
            "/a b",
            "/a?b",
            "/a#b",
            "/비밀",
            "/a/../b",
            "/a/%2e%2E/b",
            "/a\r\nX: y",
            "\\\\evil",
        ] {
            assert!(check_request_path(path).is_err(), "{path:?}");
        }
        for path in ["/", "/api/models/me/a%20b", "//evil.example/", "/@evil.example", "/a:b"] {
            assert!(check_request_path(path).is_ok(), "{path:?}");
        }
    }
}
