//! Lists the commits of a repo.

use serde::Deserialize;

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::files::commit_id;
use crate::hub::repo_id::RepoId;

/// The most commits that are listed, of a ref with many, or after a forced push.
const MOST_COMMITS: usize = 1000;

#[derive(Deserialize)]
struct ListedCommit {
    id: String,
}

impl Hub {
    /// Returns the commits up to `new` and after `old`, the newest first: at most the last thousand.
    pub(crate) async fn commits_between(
        &self,
        repo: &RepoId,
        old: &str,
        new: &str,
    ) -> Result<Vec<String>, HubError> {
        let path = repo.api(format_args!("/commits/{}", commit_id("sha", new)?))?;
        let is_enough = |listed: &[ListedCommit]| {
            listed.len() >= MOST_COMMITS || listed.iter().any(|commit| commit.id == old)
        };
        let listed = self.fetch_pages_until(&path, &[], is_enough).await?;
        let commits = listed.into_iter().map(|commit| commit.id);
        Ok(commits.take_while(|id| id != old).take(MOST_COMMITS).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::HubStub;

    fn listed(ids: impl IntoIterator<Item = String>) -> Value {
        ids.into_iter().map(|id| json!({ "id": id, "title": "A commit" })).collect()
    }

    #[tokio::test]
    async fn the_commits_between_two_are_listed_from_as_many_pages_as_it_takes() {
        let stub = HubStub::new();
        let path = "/api/datasets/me/data/commits/c9999";
        let mut pages = stub.on("GET", path);
        let mut at = 9999;
        for page in 1..=14 {
            let next = format!("<https://huggingface.co{path}?p={page}>; rel=\"next\"");
            let ids = (0..100).map(|_| {
                at -= 1;
                format!("c{}", at + 1)
            });
            pages = pages.respond(listed(ids)).header("Link", &next);
        }
        let repo = RepoId::dataset("me/data");
        let between =
            async |old: &str| stub.hub().commits_between(&repo, old, "c9999").await.unwrap();
        assert_eq!(between("c9997").await, ["c9999", "c9998"]);
        assert_eq!(stub.calls().len(), 1);
        // The next ones begin with the second page.
        assert_eq!(between("c9700").await.len(), 199);
        assert_eq!(stub.calls().len(), 3);
        assert_eq!(between("none").await.len(), MOST_COMMITS);
        let error = stub.hub().commits_between(&repo, "c1", "../main").await.unwrap_err();
        assert!(error.to_string().ends_with("is not the id of a commit"), "{error}");
    }
}
