//! Turns a 404 into the absence of a value.

use super::error::HubError;

/// Adds [`optional`](Self::optional) to the results of calls of the [`Hub`](super::Hub).
///
/// ```
/// use webhooks_runtime::hub::OptionalExtension;
/// use webhooks_runtime::{Hub, HubError};
///
/// /// Returns the card of a model, or nothing if the model has none.
/// async fn card(hub: &Hub, model: &str) -> Result<Option<String>, HubError> {
///     hub.file_text(model, "main", "README.md").await.optional()
/// }
/// ```
pub trait OptionalExtension<T> {
    /// Returns `None` for a response with the status 404: what the call is about does not exist, or the token may not
    /// read it.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::hub::OptionalExtension;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// let stub = HubStub::new();
    /// stub.on("GET", "/api/models/me/tiny").error(404, "Repository not found");
    /// assert_eq!(stub.hub().repo_info("me/tiny").await.optional()?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns any other error.
    fn optional(self) -> Result<Option<T>, HubError>;
}

impl<T> OptionalExtension<T> for Result<T, HubError> {
    fn optional(self) -> Result<Option<T>, HubError> {
        match self {
            Err(error) if error.status() == Some(404) => Ok(None),
            result => result.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    #[tokio::test]
    async fn only_a_404_is_the_absence_of_a_value() {
        let stub = HubStub::new();
        let call = stub.on("GET", "/api/models/me/tiny");
        let call = call.error(404, "Repository not found").error(403, "Forbidden");
        call.respond(json!({ "id": "me/tiny" }));
        let hub = stub.hub();
        assert!(hub.repo_info("me/tiny").await.optional().unwrap().is_none());
        assert_eq!(hub.repo_info("me/tiny").await.optional().unwrap_err().status(), Some(403));
        assert_eq!(hub.repo_info("me/tiny").await.optional().unwrap().unwrap().name, "me/tiny");
        assert!(hub.repo_info("").await.optional().is_err());
    }
}
