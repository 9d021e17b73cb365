//! The place of a function in the source code.

use std::fmt;

/// Where an endpoint is defined.
///
/// ```
/// use webhooks_runtime::webhook_endpoint;
///
/// #[webhook_endpoint]
/// async fn hello() {}
///
/// let location = hello::endpoint().location();
/// assert_eq!(location.to_string(), format!("{}:{}", location.file, location.line));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Location {
    /// The module, `my_bot::hooks`; empty for a function given to
    /// [`add_webhook`](crate::WebhooksServer::add_webhook).
    pub module_path: &'static str,
    /// The source file, as it was passed to the compiler.
    pub file: &'static str,
    /// The line in it, counted from 1.
    pub line: u32,
}

impl Location {
    /// For the attribute's expansion.
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(module_path: &'static str, file: &'static str, line: u32) -> Self {
        Self { module_path, file, line }
    }

    /// Returns the location without the folders of the machine that compiled it. For a crate outside of the
    /// workspace, the compiler has an absolute path.
    pub(crate) fn without_folders(&self) -> String {
        let parts: Vec<_> = self.file.split(['/', '\\']).collect();
        if !std::path::Path::new(self.file).is_absolute() {
            return self.to_string();
        }
        let source = parts.iter().rposition(|part| *part == "src");
        let from = source.unwrap_or(parts.len().saturating_sub(1));
        format!("{}:{}", parts.get(from..).unwrap_or_default().join("/"), self.line)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_can_be_shown_without_the_folders_of_a_machine() {
        let shown = |file| Location::__new("bots", file, 7).without_folders();
        assert_eq!(shown("examples/bots/src/lib.rs"), "examples/bots/src/lib.rs:7");
        assert_eq!(shown("/home/me/src/bots/src/hooks/lib.rs"), "src/hooks/lib.rs:7");
        assert_eq!(shown("/home/me/bots/lib.rs"), "lib.rs:7");
    }
}
