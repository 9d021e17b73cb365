//! Reads which secrets a Space has, and the commit that it runs.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::lenient::or_default;
use crate::hub::repo_id::RepoId;
use crate::hub::spaces::runtime::SpaceRuntime;

/// A secret of a Space. Nobody can read its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpaceSecretInfo {
    /// When it was set last, as the Hub writes it. Empty if it does not say.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) updated_at: String,
}

/// How a Space runs, and which commit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct SpaceStatus {
    #[serde(flatten)]
    pub(crate) runtime: SpaceRuntime,
    /// The commit that it runs or builds; `None` if the Hub does not say.
    pub(crate) sha: Option<String>,
}

/// Calls for what a Space has.
impl Hub {
    /// Returns the secrets of a Space by their names.
    pub(crate) async fn space_secrets(
        &self,
        space: &RepoId,
    ) -> Result<BTreeMap<String, SpaceSecretInfo>, HubError> {
        self.get(&path(space, "/secrets")?).fetch().await
    }

    /// Returns how a Space runs, and which commit.
    pub(crate) async fn space_status(&self, space: &RepoId) -> Result<SpaceStatus, HubError> {
        self.get(&path(space, "/runtime")?).fetch().await
    }
}

fn path(space: &RepoId, rest: &str) -> Result<String, HubError> {
    space.check_space()?;
    space.api(format_args!("{rest}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    #[tokio::test]
    async fn secrets_have_no_value() {
        let stub = HubStub::new();
        let secrets = json!({ "A": { "updatedAt": "2026-01-01T00:00:00.000Z" }, "B": {} });
        stub.on("GET", "/api/spaces/me/bot/secrets").respond(secrets);
        let (hub, space) = (stub.hub(), RepoId::space("me/bot"));
        let secrets = hub.space_secrets(&space).await.unwrap();
        let times: Vec<_> = secrets.values().map(|secret| secret.updated_at.as_str()).collect();
        assert_eq!(times, ["2026-01-01T00:00:00.000Z", ""]);
        let runtime =
            json!({ "stage": "RUNNING", "hardware": { "current": "cpu-basic" }, "sha": "abc" });
        stub.on("GET", "/api/spaces/me/bot/runtime")
            .respond(runtime)
            .respond(json!({ "stage": "PAUSED" }));
        let status = hub.space_status(&space).await.unwrap();
        assert_eq!(
            (status.runtime.stage.as_str(), status.sha.as_deref()),
            ("RUNNING", Some("abc"))
        );
        assert_eq!(hub.space_status(&space).await.unwrap().sha, None);
        assert!(hub.space_secrets(&RepoId::model("me/x")).await.is_err());
    }
}
