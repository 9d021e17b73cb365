//! The settings of a new repo.

use std::ffi::OsString;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::hub::error::HubError;
use crate::hub::path::filled;
use crate::hub::repo_id::RepoId;
use crate::payload::RepoType;
use crate::payload::open_set;

open_set! {
    /// Who can see a repo.
    ///
    /// ```
    /// use webhooks_runtime::hub::{NewRepo, RepoVisibility};
    ///
    /// let settings = NewRepo::new().visibility(RepoVisibility::Private);
    /// ```
    pub enum RepoVisibility in hub {
        /// Everybody.
        Public = "public",
        /// The owner, and the members of the organization that owns it.
        Private = "private",
    }
}

/// The settings of a new repo, for [`Hub::create_repo`](crate::Hub::create_repo) and
/// [`Hub::duplicate_space`](crate::Hub::duplicate_space). All but the visibility are for Spaces.
///
/// `Debug` hides the values of secrets.
///
/// ```
/// use webhooks_runtime::hub::NewRepo;
///
/// let settings = NewRepo::new().sdk("docker").secret("WEBHOOK_SECRET", "hush");
/// assert!(!format!("{settings:?}").contains("hush"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct NewRepo {
    visibility: Option<RepoVisibility>,
    sdk: Option<String>,
    hardware: Option<String>,
    secrets: Vec<SpaceVariable>,
    variables: Vec<SpaceVariable>,
}

/// The hardware of the Space that is duplicated.
const AUTO: &str = "auto";

/// A secret or a variable of a Space.
#[derive(Clone, PartialEq, Eq, Serialize)]
struct SpaceVariable {
    key: String,
    value: String,
}

impl NewRepo {
    /// Leaves all settings to the Hub.
    ///
    /// ```
    /// use webhooks_runtime::hub::NewRepo;
    ///
    /// assert_eq!(NewRepo::new(), NewRepo::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets who can see the repo.
    ///
    /// ```
    /// use webhooks_runtime::hub::{NewRepo, RepoVisibility};
    ///
    /// let settings = NewRepo::new().visibility(RepoVisibility::Private);
    /// ```
    pub fn visibility(mut self, visibility: RepoVisibility) -> Self {
        self.visibility = Some(visibility);
        self
    }

    /// Sets the SDK of a Space, which a new Space needs: `docker`, `gradio` or `static`.
    ///
    /// ```
    /// use webhooks_runtime::hub::NewRepo;
    ///
    /// let settings = NewRepo::new().sdk("docker");
    /// ```
    pub fn sdk(mut self, sdk: impl Into<String>) -> Self {
        self.sdk = Some(sdk.into());
        self
    }

    /// Sets the hardware of a Space, such as `cpu-basic`. For [`duplicate_space`](crate::Hub::duplicate_space), `auto` is
    /// the hardware of the Space that is duplicated.
    ///
    /// ```
    /// use webhooks_runtime::hub::NewRepo;
    ///
    /// let settings = NewRepo::new().sdk("docker").hardware("cpu-basic");
    /// ```
    pub fn hardware(mut self, flavor: impl Into<String>) -> Self {
        self.hardware = Some(flavor.into());
        self
    }

    /// Adds a secret of a Space: a variable that nobody can read afterwards, except for the Space.
    ///
    /// ```
    /// use webhooks_runtime::hub::NewRepo;
    ///
    /// let settings = NewRepo::new().sdk("docker").secret("WEBHOOK_SECRET", "hush");
    /// ```
    pub fn secret(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.push(SpaceVariable { key: key.into(), value: value.into() });
        self
    }

    /// Adds the variables of this program with a prefix as secrets of a Space, without the prefix: with `CI_SECRET_`, the
    /// variable `CI_SECRET_API_KEY` becomes the secret `API_KEY`.
    ///
    /// The prefix keeps the program's other secrets, such as its own token, out of the Space. A variable that is not
    /// Unicode is left out.
    ///
    /// ```
    /// use webhooks_runtime::hub::NewRepo;
    ///
    /// let settings = NewRepo::new().secrets_from_env("CI_SECRET_");
    /// ```
    pub fn secrets_from_env(self, prefix: &str) -> Self {
        with_prefix(prefix, std::env::vars_os())
            .fold(self, |settings, (key, value)| settings.secret(key, value))
    }

    /// Adds the variables of this program with a prefix as variables of a Space, without the prefix, like
    /// [`secrets_from_env`](Self::secrets_from_env).
    ///
    /// ```
    /// use webhooks_runtime::hub::NewRepo;
    ///
    /// let settings = NewRepo::new().variables_from_env("CI_VARIABLE_");
    /// ```
    pub fn variables_from_env(self, prefix: &str) -> Self {
        with_prefix(prefix, std::env::vars_os())
            .fold(self, |settings, (key, value)| settings.variable(key, value))
    }

    /// Adds a variable of a Space.
    ///
    /// ```
    /// use webhooks_runtime::hub::NewRepo;
    ///
    /// let settings = NewRepo::new().sdk("docker").variable("RUST_LOG", "info");
    /// ```
    pub fn variable(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push(SpaceVariable { key: key.into(), value: value.into() });
        self
    }

    /// Returns the body that creates a repo.
    pub(super) fn to_create(&self, repo: &RepoId) -> Result<Value, HubError> {
        let mut body = repo.to_body()?;
        match (&repo.repo_type, &self.sdk) {
            (RepoType::Space, Some(sdk)) => body["sdk"] = filled("sdk", sdk)?.into(),
            (RepoType::Space, None) => {
                return Err(HubError::argument(
                    "sdk",
                    "is missing: a Space needs one, such as docker",
                ));
            }
            (_, Some(_)) => return Err(HubError::argument("sdk", only_for_spaces(repo))),
            (_, None) => {}
        }
        let settings = self.settings()?;
        if self.has_hardware_of_original() {
            return Err(HubError::argument(
                "hardware",
                "is auto, which needs a Space to duplicate",
            ));
        }
        if repo.repo_type != RepoType::Space && settings.keys().any(|key| key != "visibility") {
            return Err(HubError::argument("settings", only_for_spaces(repo)));
        }
        if let Value::Object(body) = &mut body {
            body.extend(settings);
        }
        Ok(body)
    }

    /// Returns whether the hardware is that of the Space that is duplicated.
    pub(super) fn has_hardware_of_original(&self) -> bool {
        self.hardware.as_deref() == Some(AUTO)
    }

    /// Returns the body that duplicates a Space to one of this name.
    pub(super) fn to_duplicate(&self, name: &str) -> Result<Value, HubError> {
        if self.sdk.is_some() {
            return Err(HubError::argument("sdk", "is the one of the Space that is duplicated"));
        }
        let mut body = self.settings()?;
        body.insert("repository".to_owned(), name.into());
        Ok(body.into())
    }

    fn settings(&self) -> Result<Map<String, Value>, HubError> {
        let mut settings = Map::new();
        if let Some(visibility) = &self.visibility {
            settings
                .insert("visibility".to_owned(), filled("visibility", visibility.as_str())?.into());
        }
        if let Some(hardware) = &self.hardware {
            settings.insert("hardware".to_owned(), filled("hardware", hardware)?.into());
        }
        for (key, entries) in [("secrets", &self.secrets), ("variables", &self.variables)] {
            for entry in entries {
                filled("key", &entry.key)?;
            }
            if !entries.is_empty() {
                settings.insert(key.to_owned(), json!(entries));
            }
        }
        Ok(settings)
    }
}

/// Returns the variables whose names have a prefix, without it.
fn with_prefix(
    prefix: &str,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (String, String)> {
    variables.filter_map(move |(name, value)| {
        let key = name.to_str()?.strip_prefix(prefix)?.to_owned();
        Some((key, value.into_string().ok()?))
    })
}

fn only_for_spaces(repo: &RepoId) -> String {
    format!("are only for a Space, and {repo} is none")
}

impl fmt::Debug for NewRepo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = |entries: &[SpaceVariable]| -> Vec<String> {
            entries.iter().map(|entry| entry.key.clone()).collect()
        };
        f.debug_struct("NewRepo")
            .field("visibility", &self.visibility)
            .field("sdk", &self.sdk)
            .field("hardware", &self.hardware)
            .field("secrets", &keys(&self.secrets))
            .field("variables", &keys(&self.variables))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_with_the_prefix_are_taken() {
        let variables = [("HF_TOKEN", "hf"), ("CI_SECRET_API_KEY", "hush"), ("CI_SECRETS", "no")];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let taken: Vec<_> = with_prefix("CI_SECRET_", variables.into_iter()).collect();
        assert_eq!(taken, [("API_KEY".to_owned(), "hush".to_owned())]);
    }
}
