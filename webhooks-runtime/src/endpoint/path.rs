//! The rules for the path of an endpoint that is added at run time.
//!
//! The attribute applies the same rules at compile time, in `webhooks-macros`, where a test compares the two.

/// The path above all endpoints.
const PREFIX: &str = "/webhooks/";

/// Why a path cannot be the path of an endpoint.
///
/// ```
/// use webhooks_runtime::testing::TestClient;
/// use webhooks_runtime::{LaunchError, PathError, SetupError, WebhooksServer};
///
/// async fn hello() {}
///
/// let server = WebhooksServer::empty().add_webhook("/say hello", hello);
/// let Err(LaunchError::Setup(errors)) = TestClient::new(server) else { panic!("it started") };
/// assert!(matches!(errors[0], SetupError::Path { reason: PathError::Character(' '), .. }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// There is nothing after `/webhooks/`.
    #[error("the path is empty: write \"/say_hello\", for example")]
    Empty,
    /// `/webhooks/webhooks/…`.
    #[error("`/webhooks` is in the path twice: write only the part after it")]
    DoubledPrefix,
    /// An empty segment, `.` or `..`.
    #[error("a path cannot contain empty segments, `.` or `..`")]
    Segment,
    /// A character that a path cannot contain.
    #[error("a path cannot contain {0:?}: use ASCII letters, digits, `-`, `_`, `.`, `~` and `/`")]
    Character(char),
}

/// Normalizes `/webhooks/x`, `/x`, `x` and `x/` to `/webhooks/x`.
///
/// # Errors
///
/// Returns an error when no request could reach the path.
pub fn normalize(path: &str) -> Result<String, PathError> {
    let is_allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '/');
    if let Some(character) = path.chars().find(|c| !is_allowed(*c)) {
        return Err(PathError::Character(character));
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let name = match path.strip_prefix("webhooks") {
        Some("") => "",
        Some(rest) => rest.strip_prefix('/').unwrap_or(path),
        None => path,
    };
    if name.is_empty() {
        return Err(PathError::Empty);
    }
    if name == "webhooks" || name.starts_with("webhooks/") {
        return Err(PathError::DoubledPrefix);
    }
    if name.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(PathError::Segment);
    }
    Ok(format!("{PREFIX}{name}"))
}

/// Returns the part of an endpoint's path that is enough to name it.
pub(crate) fn short(path: &str) -> &str {
    path.strip_prefix(PREFIX).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_ways_to_write_a_path_mean_the_same() {
        for path in ["/webhooks/x", "/x", "x", "x/", "/x/", "webhooks/x", "/webhooks/x/"] {
            assert_eq!(normalize(path).as_deref(), Ok("/webhooks/x"), "{path}");
        }
        assert_eq!(short("/webhooks/x"), "x");
        assert_eq!(normalize("/a/b-c.d~e").as_deref(), Ok("/webhooks/a/b-c.d~e"));
        assert_eq!(normalize("webhooks_of_mine").as_deref(), Ok("/webhooks/webhooks_of_mine"));
    }

    #[test]
    fn a_path_that_no_request_could_reach_is_an_error() {
        for (path, error) in [
            ("", PathError::Empty),
            ("/", PathError::Empty),
            ("/webhooks", PathError::Empty),
            ("/webhooks/", PathError::Empty),
            ("/webhooks/webhooks/x", PathError::DoubledPrefix),
            ("webhooks/webhooks", PathError::DoubledPrefix),
            ("//x", PathError::Segment),
            ("x//y", PathError::Segment),
            ("../x", PathError::Segment),
            ("x/.", PathError::Segment),
            ("say hello", PathError::Character(' ')),
            ("x?y", PathError::Character('?')),
            ("x#y", PathError::Character('#')),
            ("{id}", PathError::Character('{')),
            ("a%20b", PathError::Character('%')),
            ("학습", PathError::Character('학')),
        ] {
            assert_eq!(normalize(path), Err(error), "{path}");
        }
    }
}
