//! The rules for an endpoint's path, for paths that come at run time.
//!
//! The attribute applies the same rules while the program is compiled (`check.rs` in
//! `webhooks-macros`, whose tests compare the two).

/// The path under which all endpoints stand.
const PREFIX: &str = "/webhooks/";

/// Why a path cannot be an endpoint's.
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
    #[error("the path is empty; write \"/say_hello\" for instance")]
    Empty,
    /// `/webhooks/webhooks/…`.
    #[error("`/webhooks` stands twice in it; write what comes after it only")]
    DoubledPrefix,
    /// An empty segment, `.` or `..`.
    #[error("a path has no empty parts and no `.` or `..`")]
    Segment,
    /// A character outside the ones that a path may have.
    #[error("a path is made of ASCII letters, digits, `-`, `_`, `.`, `~` and `/`, not of {0:?}")]
    Character(char),
}

/// Brings `/webhooks/x`, `/x`, `x` and `x/` to `/webhooks/x`.
///
/// # Errors
///
/// When no request could reach the path.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_ways_to_write_a_path_mean_the_same() {
        for path in ["/webhooks/x", "/x", "x", "x/", "/x/", "webhooks/x", "/webhooks/x/"] {
            assert_eq!(normalize(path).as_deref(), Ok("/webhooks/x"), "{path}");
        }
        assert_eq!(normalize("/a/b-c.d~e").as_deref(), Ok("/webhooks/a/b-c.d~e"));
        assert_eq!(normalize("webhooks_of_mine").as_deref(), Ok("/webhooks/webhooks_of_mine"));
    }

    #[test]
    fn a_path_that_no_request_could_reach_is_refused() {
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
