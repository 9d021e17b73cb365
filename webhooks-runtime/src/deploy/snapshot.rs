//! Reads what a Space has, before anything is changed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::marker::{DeployMarker, MARKER_FILE};
use crate::hub::{Hub, HubError, RepoId, SpaceSecretInfo};

/// A Space as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpaceSnapshot {
    /// The head of its main branch.
    pub(crate) sha: Option<String>,
    pub(crate) private: bool,
    /// The ids of its files' contents, by their paths.
    pub(crate) files: BTreeMap<String, String>,
    /// What the last deployment has uploaded; `None` if there was none.
    pub(crate) marker: Option<DeployMarker>,
    pub(crate) secrets: BTreeMap<String, SpaceSecretInfo>,
    pub(crate) variables: BTreeMap<String, String>,
    /// The hardware that was requested last.
    pub(crate) hardware: Option<String>,
    /// Its public URL, without a slash at its end.
    pub(crate) url: Option<String>,
}

impl SpaceSnapshot {
    /// Reads a Space. `None` if it does not exist, or the token may not see it. Of a Space that `deploy` may not change,
    /// its settings are not read, unless `force`: the token may lack the right to do that.
    ///
    /// # Errors
    ///
    /// When a call fails.
    pub(crate) async fn read(
        hub: &Hub,
        space: &RepoId,
        force: bool,
    ) -> Result<Option<Self>, HubError> {
        let info = match hub.repo_info(space.clone()).await {
            Ok(info) => info,
            Err(error) if error.status() == Some(404) => return Ok(None),
            Err(error) => return Err(error),
        };
        let listed = match &info.sha {
            Some(sha) => hub.files(space.clone(), sha).await?,
            None => Vec::new(),
        };
        let files: BTreeMap<_, _> = listed.into_iter().map(|file| (file.path, file.oid)).collect();
        let marker = match &info.sha {
            Some(sha) if files.contains_key(MARKER_FILE) => {
                let text = hub.file_bytes(space.clone(), sha, MARKER_FILE).await?;
                DeployMarker::parse(&text)
            }
            _ => None,
        };
        let found = Self {
            sha: info.sha,
            private: info.private,
            files,
            marker,
            url: url(&info.other),
            ..Self::default()
        };
        if !force && !found.is_ours() {
            return Ok(Some(found));
        }
        Ok(Some(Self {
            hardware: hub.space_status(space).await?.runtime.requested_hardware,
            secrets: hub.space_secrets(space).await?,
            variables: hub.space_variables(space).await?,
            ..found
        }))
    }

    /// Returns whether `deploy` may change the Space: it has deployed to it before, or there is nothing on it but what
    /// the Hub puts there.
    pub(super) fn is_ours(&self) -> bool {
        let is_of_hub = |path: &String| [".gitattributes", "README.md"].contains(&path.as_str());
        self.marker.is_some() || self.files.keys().all(is_of_hub)
    }
}

/// Returns the public URL of a Space, from what the Hub says of it.
pub(super) fn url(info: &serde_json::Map<String, Value>) -> Option<String> {
    let host = info.get("host")?.as_str()?.trim_end_matches('/');
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    fn stub(files: &[&str]) -> HubStub {
        let stub = HubStub::new();
        let info = json!({
            "id": "me/bot", "sha": "abc", "private": true, "host": "https://me-bot.hf.space/",
        });
        stub.on("GET", "/api/spaces/me/bot").respond(info);
        let file = |path: &&str| json!({ "type": "file", "path": path, "oid": "1a" });
        let files: Vec<_> = files.iter().map(file).collect();
        stub.on("GET", "/api/spaces/me/bot/tree/abc").respond(json!(files));
        stub
    }

    #[tokio::test]
    async fn a_space_that_was_deployed_is_read_in_full() {
        let stub = stub(&["a", MARKER_FILE]);
        let marker = DeployMarker::of(&BTreeMap::from([("a".to_owned(), b"1".to_vec())]));
        stub.on("GET", "/spaces/me/bot/resolve/abc/.webhooks-deploy.json").bytes(marker.to_file());
        let hardware = json!({ "current": "cpu-basic", "requested": "cpu-upgrade" });
        let runtime = json!({ "stage": "RUNNING", "hardware": hardware });
        stub.on("GET", "/api/spaces/me/bot/runtime").respond(runtime);
        stub.on("GET", "/api/spaces/me/bot/secrets").respond(json!({ "A": {} }));
        stub.on("GET", "/api/spaces/me/bot/variables").respond(json!({ "B": { "value": "1" } }));
        let read = SpaceSnapshot::read(&stub.hub(), &RepoId::space("me/bot"), false).await;
        let space = read.unwrap().unwrap();
        assert_eq!((space.private, space.is_ours()), (true, true));
        assert_eq!(space.files["a"], "1a");
        assert_eq!(space.marker, Some(marker));
        assert_eq!(space.hardware.as_deref(), Some("cpu-upgrade"));
        assert_eq!(space.url.as_deref(), Some("https://me-bot.hf.space"));
        assert!(space.secrets.contains_key("A") && space.variables["B"] == "1");
    }

    #[tokio::test]
    async fn the_settings_of_a_space_of_somebody_else_are_not_read() {
        let stub = stub(&["app.py"]);
        let read = SpaceSnapshot::read(&stub.hub(), &RepoId::space("me/bot"), false).await;
        assert!(!read.unwrap().unwrap().is_ours());
        assert_eq!(stub.calls().len(), 2);
    }

    #[tokio::test]
    async fn a_space_that_does_not_exist_is_none() {
        let stub = HubStub::new();
        stub.on("GET", "/api/spaces/me/bot").error(404, "Repository not found");
        let read = SpaceSnapshot::read(&stub.hub(), &RepoId::space("me/bot"), false).await;
        assert_eq!(read.unwrap(), None);
    }
}
