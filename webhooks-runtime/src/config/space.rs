//! Detects whether the program runs on a Space.

use crate::config::environment::Environment;

/// The Space that the program runs on.
///
/// Variables of <https://huggingface.co/docs/hub/spaces-overview#helper-environment-variables>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    /// The public host name, `user-name.hf.space`, if the Space provides it.
    host: Option<String>,
}

impl Space {
    /// Returns the Space if `SPACE_ID` is set.
    pub(crate) fn detect(environment: &Environment) -> Option<Self> {
        let value = |name| environment.filled(name).ok().flatten();
        value("SPACE_ID").map(|_| Self { host: value("SPACE_HOST") })
    }

    /// Returns the public URL without a trailing slash: `https://user-name.hf.space`.
    pub(crate) fn url(&self) -> Option<String> {
        let host = self.host.as_deref()?.trim_end_matches('/');
        // A bare host, by the documentation. A scheme before it must not be doubled.
        Some(format!("https://{}", host.strip_prefix("https://").unwrap_or(host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_is_known_by_its_id() {
        let here =
            Environment::from_iter([("SPACE_ID", "me/bot"), ("SPACE_HOST", "me-bot.hf.space")]);
        let space = Space::detect(&here).unwrap();
        assert_eq!(space.url().as_deref(), Some("https://me-bot.hf.space"));
        assert_eq!(Space::detect(&Environment::from_iter([("SPACE_HOST", "x")])), None);
        assert_eq!(Space::detect(&Environment::from_iter([("SPACE_ID", "")])), None);
    }

    #[test]
    fn a_space_may_not_know_its_host() {
        let space = Space::detect(&Environment::from_iter([("SPACE_ID", "me/bot")])).unwrap();
        assert_eq!(space.url(), None);
    }
}
