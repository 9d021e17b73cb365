//! The error of an invalid setting, whatever its source.

/// An invalid setting.
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
    /// The variable, or the name of the setting.
    pub name: &'static str,
    /// The values that are valid.
    pub wants: &'static str,
}
