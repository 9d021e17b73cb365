//! Reads, sets and deletes the variables of a Space; sets and deletes its secrets, which nobody can read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::path::filled;
use crate::hub::repo_id::RepoId;

/// The value of a variable in a response.
#[derive(Deserialize)]
struct VariableValue {
    value: String,
}

/// Calls for the secrets and variables of a Space. Each of them restarts the Space, except for the one that reads.
impl Hub {
    /// Returns the values of a Space's variables by their names. Nobody can read its secrets.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let variables = json!({ "RUST_LOG": { "value": "info" } });
    /// # stub.on("GET", "/api/spaces/me/bot/variables").respond(variables);
    /// # let hub = stub.hub();
    /// let variables = hub.space_variables("space:me/bot").await?;
    /// assert_eq!(variables["RUST_LOG"], "info");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn space_variables(
        &self,
        space: impl Into<RepoId>,
    ) -> Result<BTreeMap<String, String>, HubError> {
        let space = space.into();
        space.check_space()?;
        let request = self.get(&space.api(format_args!("/variables"))?);
        let variables: BTreeMap<String, VariableValue> = request.fetch().await?;
        Ok(variables.into_iter().map(|(name, variable)| (name, variable.value)).collect())
    }

    /// Sets a secret of a Space: a variable that nobody can read afterwards, except for the Space.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/spaces/me/bot/secrets").respond(json!({}));
    /// # let hub = stub.hub();
    /// hub.set_space_secret("space:me/bot", "WEBHOOK_SECRET", "hush").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn set_space_secret(
        &self,
        space: impl Into<RepoId>,
        key: &str,
        value: &str,
    ) -> Result<(), HubError> {
        self.set(&space.into(), "secrets", key, value).await
    }

    /// Deletes a secret of a Space.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("DELETE", "/api/spaces/me/bot/secrets").respond(json!({}));
    /// # let hub = stub.hub();
    /// hub.delete_space_secret("space:me/bot", "WEBHOOK_SECRET_PREVIOUS").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn delete_space_secret(
        &self,
        space: impl Into<RepoId>,
        key: &str,
    ) -> Result<(), HubError> {
        self.unset(&space.into(), "secrets", key).await
    }

    /// Sets a variable of a Space.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/spaces/me/bot/variables").respond(json!({}));
    /// # let hub = stub.hub();
    /// hub.set_space_variable("space:me/bot", "RUST_LOG", "info").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn set_space_variable(
        &self,
        space: impl Into<RepoId>,
        key: &str,
        value: &str,
    ) -> Result<(), HubError> {
        self.set(&space.into(), "variables", key, value).await
    }

    /// Deletes a variable of a Space.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("DELETE", "/api/spaces/me/bot/variables").respond(json!({}));
    /// # let hub = stub.hub();
    /// hub.delete_space_variable("space:me/bot", "RUST_LOG").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn delete_space_variable(
        &self,
        space: impl Into<RepoId>,
        key: &str,
    ) -> Result<(), HubError> {
        self.unset(&space.into(), "variables", key).await
    }

    async fn set(&self, space: &RepoId, of: &str, key: &str, value: &str) -> Result<(), HubError> {
        space.check_space()?;
        let body = json!({ "key": filled("key", key)?, "value": value });
        let path = space.api(format_args!("/{of}"))?;
        self.post(&path).json(&body).idempotent().send().await?;
        Ok(())
    }

    async fn unset(&self, space: &RepoId, of: &str, key: &str) -> Result<(), HubError> {
        space.check_space()?;
        let body = json!({ "key": filled("key", key)? });
        let path = space.api(format_args!("/{of}"))?;
        self.delete(&path).json(&body).send().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::HubStub;

    #[tokio::test]
    async fn a_key_without_a_name_and_a_repo_that_is_no_space_are_errors_before_anything_is_sent() {
        let stub = HubStub::new();
        let hub = stub.hub();
        assert!(hub.set_space_secret("space:me/bot", "", "hush").await.is_err());
        assert!(hub.space_variables("me/bot").await.is_err());
        assert!(hub.set_space_variable("me/bot", "A", "1").await.is_err());
        assert!(hub.delete_space_secret("dataset:me/bot", "A").await.is_err());
        assert!(hub.delete_space_variable("space:me/bot", " ").await.is_err());
        assert_eq!(stub.calls(), []);
    }

    #[tokio::test]
    async fn a_deletion_names_the_key_in_its_body() {
        let stub = HubStub::new();
        stub.on("DELETE", "/api/spaces/me/bot/secrets").respond(());
        stub.hub().delete_space_secret("space:me/bot", "A").await.unwrap();
        assert_eq!(stub.calls()[0].body, json!({ "key": "A" }));
    }
}
