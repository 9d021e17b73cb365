//! The URL that alerts are posted to. Anyone who has it can post there, so nothing shows it: no message, no log line, and no
//! debug output.

use std::fmt;

use actix_web::http::Uri;

use super::environment::{Environment, NotUnicode};
use super::error::SettingError;
use super::table;

const VARIABLE: &str = "WEBHOOKS_ALERT_URL";

/// The URL that alerts are posted to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AlertUrl(String);

impl AlertUrl {
    /// Reads the variable. One that is empty counts as not set.
    pub(super) fn environment(
        environment: &Environment,
        errors: &mut Vec<SettingError>,
    ) -> Option<Self> {
        match environment.filled(VARIABLE) {
            Ok(url) => url.map(Self::from),
            Err(NotUnicode) => {
                errors.push(SettingError { name: VARIABLE, wants: "text in UTF-8" });
                None
            }
        }
    }

    /// Returns the URL if it is valid. Adds an error otherwise, or if this build sends no alerts.
    pub(super) fn check(self, errors: &mut Vec<SettingError>) -> Option<Self> {
        let wants = if !table::is_compiled("--alert-url") {
            "left out, because this program is built without alerts. Add them: cargo add webhooks-runtime --features hub"
        } else if is_url(&self.0) {
            return Some(self);
        } else {
            "a URL like https://hooks.slack.com/services/…"
        };
        errors.push(SettingError { name: "The URL for alerts", wants });
        None
    }

    /// Returns the URL, to send a request to it.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl From<String> for AlertUrl {
    /// A file or a variable of a deployment often ends with a line end.
    fn from(text: String) -> Self {
        Self(text.trim().to_owned())
    }
}

impl fmt::Debug for AlertUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlertUrl(…)")
    }
}

fn is_url(text: &str) -> bool {
    let Ok(url) = text.parse::<Uri>() else { return false };
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    is_http
        && url.authority().is_some_and(|authority| {
            let (_, host) = authority.as_str().rsplit_once('@').unwrap_or(("", authority.as_str()));
            let has_port = authority.port_u16().is_some() || host == authority.host();
            !authority.host().is_empty() && has_port
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_urls_are_valid_and_no_error_shows_the_url() {
        if !table::is_compiled("--alert-url") {
            return;
        }
        for url in [
            "https://hooks.slack.com/services/T0/B0/token",
            "http://127.0.0.1:8065/hooks/token?a=b",
            "https://user:token@example.com/x",
            "http://[::1]:80/",
            " https://example.com\n",
        ] {
            let mut errors = Vec::new();
            let checked = AlertUrl::from(url.to_owned()).check(&mut errors);
            assert_eq!((checked.unwrap().secret(), errors), (url.trim(), Vec::new()));
        }
        for url in [
            "",
            "token",
            "/hooks/token",
            "example.com/token",
            "ftp://example.com/token",
            "https:///token",
            "https://example.com:token/",
            "https://example.com:99999/token",
            "https://user:token@",
            "https://exa mple.com/token",
        ] {
            let mut errors = Vec::new();
            let checked = AlertUrl::from(url.to_owned()).check(&mut errors);
            assert_eq!(checked, None, "{url}");
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            let expected =
                "The URL for alerts must be a URL like https://hooks.slack.com/services/….";
            assert_eq!(errors, [expected]);
        }
    }

    #[test]
    fn the_debug_output_does_not_show_the_url() {
        let url = AlertUrl::from("https://example.com/token".to_owned());
        assert_eq!(format!("{url:?}"), "AlertUrl(…)");
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let of = |value| {
            let environment = Environment::from_iter([(VARIABLE, value)]);
            AlertUrl::environment(&environment, &mut Vec::new())
        };
        assert_eq!((of(""), of("x")), (None, Some(AlertUrl("x".to_owned()))));
    }
}
