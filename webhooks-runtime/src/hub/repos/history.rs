//! Lists the commits of a repo.

use serde::Deserialize;

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::files::commit_id;
use crate::hub::repo_id::RepoId;

#[derive(Deserialize)]
struct ListedCommit {
    id: String,
}

impl Hub {
    /// Returns the last commits up to this one, the newest first: as many as the Hub lists at once.
    pub(crate) async fn commits_up_to(
        &self,
        repo: &RepoId,
        sha: &str,
    ) -> Result<Vec<String>, HubError> {
        let path = repo.api(format_args!("/commits/{}", commit_id("sha", sha)?))?;
        let listed: Vec<ListedCommit> = self.get(&path).fetch().await?;
        Ok(listed.into_iter().map(|commit| commit.id).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    #[tokio::test]
    async fn the_commits_up_to_one_are_listed() {
        let stub = HubStub::new();
        let listed = json!([{ "id": "bbbbb", "title": "Second" }, { "id": "aaaaa" }]);
        stub.on("GET", "/api/datasets/me/data/commits/bbbbb").respond(listed);
        let repo = RepoId::dataset("me/data");
        assert_eq!(stub.hub().commits_up_to(&repo, "bbbbb").await.unwrap(), ["bbbbb", "aaaaa"]);
        let error = stub.hub().commits_up_to(&repo, "../main").await.unwrap_err();
        assert!(error.to_string().ends_with("is not the id of a commit"), "{error}");
    }
}
