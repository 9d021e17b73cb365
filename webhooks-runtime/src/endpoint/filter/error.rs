//! The errors of a filter that cannot be used.

/// The error of an invalid [`Filter`](super::Filter). The server does not start with one.
///
/// ```
/// use webhooks_runtime::{Filter, FilterError, WebhookPayload};
/// use webhooks_runtime::testing::dataset_commit;
///
/// let payload: WebhookPayload = dataset_commit().into();
/// let error = Filter::new().watch("dataset").skip_reason(&payload).unwrap_err();
/// assert!(matches!(&error, FilterError::Invalid { key: "watch", .. }));
/// assert!(error.to_string().starts_with(r#"watch = "dataset": expected a type and a name"#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// A value of the filter is invalid.
    #[error("{key} = {value:?}: {reason}")]
    Invalid {
        /// The key, such as `watch`.
        key: &'static str,
        /// The invalid value.
        value: String,
        /// What is wrong with it, and what to write instead.
        reason: String,
    },
    /// The environment variable of [`watch_env`](super::Filter::watch_env) is not set.
    #[error(
        "watch_env = {variable:?}: this environment variable is not set: set it to the watched repos, such as \
         dataset:me/data,org:acme"
    )]
    MissingVariable {
        /// The variable.
        variable: String,
    },
}

impl FilterError {
    pub(super) fn value(key: &'static str, value: &str, reason: impl Into<String>) -> Self {
        Self::Invalid { key, value: value.to_owned(), reason: reason.into() }
    }
}
