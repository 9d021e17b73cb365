//! What is said of a setting that cannot be used, wherever it was given.

/// A setting whose value cannot be used.
///
/// ```
/// use webhooks_runtime::testing::TestClient;
/// use webhooks_runtime::{LaunchError, SetupError, WebhooksServer};
///
/// let server = WebhooksServer::empty().add_webhook("/hello", async || "hello");
/// let Err(LaunchError::Setup(errors)) = TestClient::new(server.workers(0)) else {
///     panic!("it started")
/// };
/// let SetupError::Setting(error) = &errors[0] else { panic!("another error") };
/// assert_eq!(error.to_string(), "The number of workers must be 1 to 512.");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {wants}.")]
#[non_exhaustive]
pub struct SettingError {
    /// The variable, or what the setting is called.
    pub name: &'static str,
    /// What it must be.
    pub wants: &'static str,
}
