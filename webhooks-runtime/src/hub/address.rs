//! The Hub's address: the only origin that gets the token.

use url::Url;

use super::error::HubError;
use crate::config::environment::Environment;
use crate::network::is_this_machine;

/// The Hub, where `HF_ENDPOINT` names no other.
pub(super) const HUGGING_FACE: &str = "https://huggingface.co";

/// The Hub's URL, without a slash at its end.
#[derive(Clone, Debug)]
pub(crate) struct HubAddress {
    text: String,
    url: Url,
}

impl HubAddress {
    /// Parses the URL of a Hub. `origin` names the place that it comes from.
    pub(super) fn parse(text: &str, origin: &str) -> Result<Self, HubError> {
        let invalid = |reason| HubError::setting(origin, reason);
        let text = text.trim().trim_end_matches('/');
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| {
            invalid(
                "must be the URL of the Hub, such as https://huggingface.co, with http or https",
            )
        })?;
        // The text is shown in messages.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("must not contain a user or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("must not contain a query or fragment"));
        }
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), url })
    }

    /// Reads `HF_ENDPOINT`.
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, HubError> {
        let variable = "HF_ENDPOINT";
        let value = environment.filled(variable);
        let value = value.map_err(|_| HubError::setting(variable, "is not valid Unicode"))?;
        Self::parse(value.as_deref().unwrap_or(HUGGING_FACE), variable)
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether others on the way to the Hub can read the token.
    pub(super) fn is_unencrypted(&self) -> bool {
        self.url.scheme() == "http" && !self.url.host_str().is_some_and(is_this_machine)
    }

    /// Returns whether a URL has the same scheme, host and port.
    pub(super) fn has_origin_of(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_one_of_the_environment_without_a_slash_at_its_end() {
        for (variables, expected) in [
            (&[][..], "https://huggingface.co"),
            (&[("HF_ENDPOINT", "")], "https://huggingface.co"),
            (&[("HF_ENDPOINT", "http://127.0.0.1:8123/")], "http://127.0.0.1:8123"),
            (&[("HF_ENDPOINT", "HTTPS://Hub.Example/hf//")], "https://hub.example/hf"),
        ] {
            let environment = Environment::from_iter(variables.iter().copied());
            let address = HubAddress::from_environment(&environment).unwrap();
            assert_eq!(address.as_str(), expected);
        }
    }

    #[test]
    fn an_invalid_address_is_an_error_that_shows_no_password() {
        for text in [
            "huggingface.co",
            "ftp://huggingface.co",
            "https://",
            "https://me:hush@hub.example",
            "https://hub.example/?token=hush",
            "https://hub.example/#hush",
        ] {
            let error = HubAddress::parse(text, "HF_ENDPOINT").unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.starts_with("HF_ENDPOINT must"), "{text}");
            assert!(!text.contains("hush"), "{text}");
        }
    }

    #[test]
    fn the_token_is_encrypted_or_stays_on_this_machine() {
        for (text, expected) in [
            ("https://huggingface.co", false),
            ("http://huggingface.co", true),
            ("http://127.0.0.1:8123", false),
            ("http://[::1]:8123", false),
            ("http://localhost", false),
            ("http://192.168.0.1", true),
        ] {
            let address = HubAddress::parse(text, "here").unwrap();
            assert_eq!(address.is_unencrypted(), expected, "{text}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let address = HubAddress::parse("https://hub.example/hf", "here").unwrap();
        for (url, same) in [
            ("https://hub.example/api", true),
            ("https://hub.example:443/", true),
            ("http://hub.example/", false),
            ("https://hub.example:8443/", false),
            ("https://cdn.hub.example/", false),
            ("https://hub.example.evil.example/", false),
        ] {
            assert_eq!(address.has_origin_of(&Url::parse(url).unwrap()), same, "{url}");
        }
    }
}
