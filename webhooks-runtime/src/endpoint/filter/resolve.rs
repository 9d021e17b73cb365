//! Checks a filter, and reads its environment variable.

use std::fmt;

use super::event::{CONTENT, EventPattern};
use super::watch::WatchedRepo;
use super::{Conditions, Filter, FilterError, Verdict};
use crate::config::environment::Environment;
use crate::payload::{Deviations, WebhookPayload};

impl Filter {
    /// Returns why a delivery with this payload is skipped: the key that does not match, and what it expected. `None`
    /// if the delivery matches.
    ///
    /// ```
    /// use webhooks_runtime::Filter;
    /// use webhooks_runtime::testing::dataset_commit;
    ///
    /// let filter = Filter::new().branch("main");
    /// assert_eq!(filter.skip_reason(&dataset_commit().into())?, None);
    /// let reason = filter.skip_reason(&dataset_commit().branch("dev").into())?;
    /// assert_eq!(reason.as_deref(), Some("branch: no commit to main"));
    /// # Ok::<(), webhooks_runtime::FilterError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the first error of a filter with which no server starts: a value is invalid, or the variable of
    /// [`watch_env`](Self::watch_env) is missing or empty.
    pub fn skip_reason(&self, payload: &WebhookPayload) -> Result<Option<String>, FilterError> {
        let mut errors = Vec::new();
        let conditions = self.resolve(&Environment::default(), &mut errors);
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        Ok(match conditions.evaluate(payload, &Deviations::default()) {
            Verdict::Skip(reason) => Some(reason.as_ref().to_owned()),
            Verdict::Match | Verdict::Unknown(_) => None,
        })
    }

    /// Returns the conditions, with the repos in the variable of `watch_env`. They are incomplete if there is an error.
    pub(crate) fn resolve(
        &self,
        environment: &Environment,
        errors: &mut Vec<FilterError>,
    ) -> Conditions {
        errors.extend(self.errors.iter().cloned());
        let mut conditions = self.conditions.clone();
        let on = &conditions.on;
        if !on.is_empty() && !on.iter().any(EventPattern::is_content) {
            let excluded = |key, what| {
                let reason = format!(
                    "{what} change only in {CONTENT}, which `on` excludes: add it to `on`, or remove `{key}`"
                );
                move |value: String| FilterError::value(key, &value, &*reason)
            };
            let (branch, refs) = (texts(&conditions.branch), texts(&conditions.refs));
            errors.extend(branch.map(excluded("branch", "branches and tags")));
            errors.extend(refs.map(excluded("refs", "branches and tags")));
            errors.extend(texts(&conditions.paths).map(excluded("paths", "files")));
        }
        if let Some(variable) = &self.watch_env {
            conditions.watch.extend(watched(variable, environment, errors));
        }
        conditions
    }

    /// Returns whether it selects certain files.
    pub(crate) fn has_paths(&self) -> bool {
        self.conditions.restricts_paths()
    }

    /// Returns the error of an endpoint that has this filter and responds after its function.
    pub(crate) fn error_inline(&self) -> Option<FilterError> {
        let path = self.conditions.paths.first()?;
        let reason = "only a background endpoint can have it, because the Hub has to be asked for the changed files: \
                      write #[webhook_endpoint(paths = …, background)]";
        Some(FilterError::value("paths", &path.to_string(), reason))
    }

    /// Makes the filter of a test, which reads no variable.
    pub(crate) fn without_environment(self) -> Self {
        Self { watch_env: None, ..self }
    }
}

fn texts<T: ToString>(values: &[T]) -> impl Iterator<Item = String> {
    values.iter().map(ToString::to_string)
}

/// Reads the repos in a variable. Neither a missing variable nor an empty one means every repo.
fn watched(
    variable: &str,
    environment: &Environment,
    errors: &mut Vec<FilterError>,
) -> Vec<WatchedRepo> {
    let invalid = |reason| FilterError::value("watch_env", variable, reason);
    let value = match environment.get(variable) {
        Ok(Some(value)) => value,
        Ok(None) => {
            errors.push(FilterError::MissingVariable { variable: variable.to_owned() });
            return Vec::new();
        }
        Err(_) => {
            errors.push(invalid("its value is not Unicode".to_owned()));
            return Vec::new();
        }
    };
    let mut texts = value.split(',').map(str::trim).filter(|text| !text.is_empty()).peekable();
    if texts.peek().is_none() {
        errors.push(invalid(
            "this environment variable is empty: set it to the watched repos, such as dataset:me/data,org:acme"
                .to_owned(),
        ));
    }
    let mut repos = Vec::new();
    for text in texts {
        match WatchedRepo::parse(text) {
            Ok(repo) => repos.push(repo),
            Err(reason) if text.contains([' ', '\t', '\n', ';']) => {
                errors.push(invalid(format!(
                    "{text:?}: {reason}; separate several repos with commas"
                )));
            }
            Err(reason) => errors.push(invalid(format!("{text:?}: {reason}"))),
        }
    }
    repos
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.conditions.description(self.watch_env.as_deref()))
    }
}
