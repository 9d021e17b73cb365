//! The shared secret: holds it, compares it, never prints it.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use crate::config::environment::{Environment, NotUnicode};

/// The secrets that are accepted: several while one is being rotated.
#[derive(Clone)]
pub(crate) struct Secrets(Vec<Box<[u8]>>);

/// An invalid secret. The texts name its source, never the secret itself.
///
/// ```
/// use webhooks_runtime::testing::TestClient;
/// use webhooks_runtime::{LaunchError, SecretError, SetupError, WebhooksServer};
///
/// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
/// let Err(LaunchError::Setup(errors)) = TestClient::new(server.webhook_secret("hush\n")) else {
///     panic!("it started")
/// };
/// assert!(matches!(errors[0], SetupError::Secret(SecretError::NotAHeaderValue(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The secret is the empty string, or the list of secrets is empty.
    #[error(
        "{0} is empty. An empty secret would protect nothing: give it a value or leave it out."
    )]
    Empty(String),
    /// The secret contains characters that a header cannot carry unchanged.
    #[error(
        "{0} has characters that the X-Webhook-Secret header cannot carry. The Hub sends visible \
         ASCII only, and no space or line end around it: choose another secret."
    )]
    NotAHeaderValue(String),
    /// The file with the secret that `webhooks sync` has made cannot be read.
    #[error(
        "The secret of the program's webhooks cannot be read from {file}: {reason}. Set the secret with \
         WEBHOOK_SECRET, or delete the file and run `webhooks sync`."
    )]
    File {
        /// The path of the file.
        file: String,
        /// The reason. It does not contain anything of the file.
        reason: String,
    },
    /// A variable that must hold a secret is not set.
    #[error("{variable} is not set. {reason}")]
    Missing {
        /// The variable's name.
        variable: String,
        /// The reason why it is required.
        reason: String,
    },
}

impl Secrets {
    /// Checks secrets that are set in code; `origin` names their source in error texts.
    pub(crate) fn new(
        secrets: impl IntoIterator<Item = String>,
        origin: &str,
    ) -> Result<Self, SecretError> {
        let secrets = secrets
            .into_iter()
            .map(|secret| check(secret, origin))
            .collect::<Result<Vec<_>, _>>()?;
        if secrets.is_empty() {
            return Err(SecretError::Empty(origin.to_owned()));
        }
        Ok(Self(secrets))
    }

    /// Reads `variable` and, during a rotation, `{variable}_PREVIOUS`.
    pub(crate) fn from_environment(
        environment: &Environment,
        variable: &str,
    ) -> Result<Option<Self>, SecretError> {
        let previous_variable = format!("{variable}_PREVIOUS");
        let read = |name: &str| {
            environment
                .get(name)
                .map_err(|NotUnicode| SecretError::NotAHeaderValue(name.to_owned()))?
                .map(|secret| check(secret, name))
                .transpose()
        };
        match (read(variable)?, read(&previous_variable)?) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(SecretError::Missing {
                variable: variable.to_owned(),
                reason: format!("{previous_variable} is the old secret beside a new one."),
            }),
            (Some(secret), previous) => {
                Ok(Some(Self(std::iter::once(secret).chain(previous).collect())))
            }
        }
    }

    /// Returns the current secret, which comes before those that are only still accepted.
    pub(crate) fn first(&self) -> Option<&[u8]> {
        self.0.first().map(AsRef::as_ref)
    }

    /// Returns whether `candidate` is one of the secrets.
    ///
    /// All of them are compared, each in constant time. Only their lengths can be learned from the time.
    pub(crate) fn accept(&self, candidate: &[u8]) -> bool {
        self.0.iter().fold(Choice::from(0), |found, secret| found | secret.ct_eq(candidate)).into()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} hidden)", self.0.len())
    }
}

/// Returns a warning when a variable's secret is ignored, because the code has another.
pub(crate) fn ignored(
    environment: &Environment,
    variable: &str,
    code: &[String],
) -> Option<String> {
    let secret = environment.get(variable).ok().flatten()?;
    (!secret.is_empty() && !code.contains(&secret)).then(|| {
        format!(
            "Warning: {variable} is ignored, because the code sets another secret with \
             .webhook_secret(…). Remove one of the two.\n"
        )
    })
}

/// Returns a warning for each secret in quotes, of the variable and of its `…_PREVIOUS`. A shell removes
/// quotes, `docker run --env-file` for example does not.
pub(crate) fn quoted(environment: &Environment, variable: &str) -> Vec<String> {
    let is_quoted = |name: &String| {
        let secret = environment.get(name).ok().flatten().unwrap_or_default();
        ['"', '\'']
            .iter()
            .any(|quote| secret.len() > 2 && secret.starts_with(*quote) && secret.ends_with(*quote))
    };
    let names = [variable.to_owned(), format!("{variable}_PREVIOUS")];
    let warning = |name: String| {
        format!(
            "Warning: {name} is wrapped in quotes, and they count as a part of the secret: \
             `docker run --env-file` keeps them. Remove them, unless the webhook's secret has them, too.\n"
        )
    };
    names.into_iter().filter(is_quoted).map(warning).collect()
}

/// HTTP drops white space around a header's value, and a line end cannot be sent at all: with such a
/// secret, from `echo secret > file` for example, every request would be rejected.
fn check(secret: String, origin: &str) -> Result<Box<[u8]>, SecretError> {
    if secret.is_empty() {
        return Err(SecretError::Empty(origin.to_owned()));
    }
    let inner_space_only = secret.trim_ascii() == secret;
    if !inner_space_only || !secret.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(SecretError::NotAHeaderValue(origin.to_owned()));
    }
    Ok(secret.into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &'static [(&str, &str)]) -> Environment {
        Environment::from_iter(variables.iter().copied())
    }

    #[test]
    fn each_of_several_secrets_is_accepted() {
        let secrets = Secrets::new(["new".into(), "old".into()], "here").unwrap();
        assert!(secrets.accept(b"new"));
        assert!(secrets.accept(b"old"));
        assert!(!secrets.accept(b"ne"));
        assert!(!secrets.accept(b"news"));
        assert!(!secrets.accept(b""));
    }

    #[test]
    fn the_previous_secret_is_read_beside_the_new_one() {
        let set = environment(&[("S", "new"), ("S_PREVIOUS", "old")]);
        let secrets = Secrets::from_environment(&set, "S").unwrap().unwrap();
        assert!(secrets.accept(b"new") && secrets.accept(b"old"));

        let alone = environment(&[("S_PREVIOUS", "old")]);
        let error = Secrets::from_environment(&alone, "S").unwrap_err();
        assert!(matches!(error, SecretError::Missing { .. }), "{error}");
        assert!(Secrets::from_environment(&environment(&[]), "S").unwrap().is_none());
    }

    #[test]
    fn a_secret_that_no_header_carries_is_an_error_that_does_not_show_it() {
        for secret in ["sh\u{fa}sh", "hush\n", " hush", "hu\tsh", "비밀"] {
            let error = Secrets::new([secret.to_owned()], "webhook_secret(…)").unwrap_err();
            assert_eq!(error, SecretError::NotAHeaderValue("webhook_secret(…)".into()));
            assert!(!error.to_string().contains(secret.trim()));
        }
        assert!(Secrets::new(["two words".to_owned()], "here").is_ok());
        for none in [vec![], vec![String::new()]] {
            assert_eq!(Secrets::new(none, "here").unwrap_err(), SecretError::Empty("here".into()));
        }
    }

    #[test]
    fn a_secret_in_quotes_is_warned_of_and_not_shown() {
        let set =
            environment(&[("S", "\"hush\""), ("S_PREVIOUS", "'old'"), ("T", "it's"), ("Q", "\"")]);
        let warnings = quoted(&set, "S");
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].starts_with("Warning: S is wrapped in quotes"), "{warnings:?}");
        assert!(warnings[1].starts_with("Warning: S_PREVIOUS is wrapped"), "{warnings:?}");
        assert!(!warnings.concat().contains("hush"));
        assert!(quoted(&set, "T").is_empty() && quoted(&set, "Q").is_empty());
    }

    #[test]
    fn a_variable_that_the_code_overrides_is_warned_of() {
        let set = environment(&[("S", "new"), ("T", "")]);
        assert!(ignored(&set, "S", &["old".into()]).is_some_and(|text| !text.contains("new")));
        assert_eq!(ignored(&set, "S", &["new".into(), "old".into()]), None);
        assert_eq!(ignored(&set, "T", &["old".into()]), None);
        assert_eq!(ignored(&set, "U", &["old".into()]), None);
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let secrets = Secrets::new(["hush".into()], "here").unwrap();
        assert_eq!(format!("{secrets:?}"), "Secrets(1 hidden)");
    }
}
