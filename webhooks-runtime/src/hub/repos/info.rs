//! Reads a repo's state: its commit, files, tags and refs. Lists the repos of an owner.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::lenient::or_default;
use crate::hub::path::{filled, segment};
use crate::hub::repo_id::RepoId;
use crate::payload::RepoType;

/// The state of a repo: see [`Hub::repo_info`].
///
/// ```
/// use webhooks_runtime::hub::RepoInfo;
///
/// fn has_readme(repo: &RepoInfo) -> bool {
///     repo.files.iter().any(|path| path == "README.md")
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "InfoJson")]
#[non_exhaustive]
pub struct RepoInfo {
    /// The name, `owner/name`: the current one, also when the call had an old one.
    pub name: String,
    /// The commit.
    pub sha: Option<String>,
    /// Whether the repo is private.
    pub private: bool,
    /// The tags.
    pub tags: Vec<String>,
    /// The paths of the files.
    pub files: Vec<String>,
    /// The metadata of the README.
    pub card_data: Option<Value>,
    /// All other fields of the response, which differ between models, datasets and Spaces.
    pub other: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InfoJson {
    id: String,
    sha: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    private: bool,
    #[serde(default, deserialize_with = "or_default")]
    tags: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    siblings: Vec<SiblingJson>,
    card_data: Option<Value>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
struct SiblingJson {
    rfilename: String,
}

impl From<InfoJson> for RepoInfo {
    fn from(json: InfoJson) -> Self {
        Self {
            name: json.id,
            sha: json.sha,
            private: json.private,
            tags: json.tags,
            files: json.siblings.into_iter().map(|file| file.rfilename).collect(),
            card_data: json.card_data,
            other: json.other,
        }
    }
}

/// The branches, tags and pull requests of a repo: see [`Hub::refs`].
///
/// ```
/// use webhooks_runtime::hub::RepoRefs;
///
/// fn main_commit(refs: &RepoRefs) -> Option<&str> {
///     let main = refs.branches.iter().find(|branch| branch.name == "main")?;
///     Some(&main.target_commit)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RepoRefs {
    /// The branches.
    #[serde(default, deserialize_with = "or_default")]
    pub branches: Vec<RepoRef>,
    /// The tags.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<RepoRef>,
    /// The pull requests.
    #[serde(default, deserialize_with = "or_default")]
    pub pull_requests: Vec<RepoRef>,
}

/// A branch, a tag or a pull request's ref: see [`RepoRefs`].
///
/// ```
/// use webhooks_runtime::hub::RepoRef;
///
/// fn is_at(branch: &RepoRef, commit: &str) -> bool {
///     branch.target_commit == commit
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RepoRef {
    /// The name, such as `main`.
    pub name: String,
    /// The full name, such as `refs/heads/main`; `ref` in JSON.
    #[serde(rename = "ref")]
    pub ref_name: String,
    /// The commit.
    pub target_commit: String,
}

/// Calls that read repos.
impl Hub {
    /// Returns the state of a repo's main branch.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let files = json!([{ "rfilename": "README.md" }]);
    /// # let info = json!({ "id": "me/data", "sha": "abc", "private": false, "siblings": files, "likes": 7 });
    /// # stub.on("GET", "/api/datasets/me/data").respond(info);
    /// # let hub = stub.hub();
    /// let info = hub.repo_info("dataset:me/data").await?;
    /// assert_eq!(info.files, ["README.md"]);
    /// assert_eq!(info.other["likes"], 7);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails. The Hub does not tell a repo that does not exist from one that the token
    /// may not read.
    pub async fn repo_info(&self, repo: impl Into<RepoId>) -> Result<RepoInfo, HubError> {
        let path = repo.into().api(format_args!(""))?;
        self.get(&path).fetch().await
    }

    /// Returns the state of a repo at a commit, branch, tag or ref.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let info = json!({ "id": "me/tiny", "sha": "abc" });
    /// # stub.on("GET", "/api/models/me/tiny/revision/refs/pr/7").respond(info);
    /// # let hub = stub.hub();
    /// let info = hub.repo_info_at("me/tiny", "refs/pr/7").await?;
    /// assert_eq!(info.sha.as_deref(), Some("abc"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn repo_info_at(
        &self,
        repo: impl Into<RepoId>,
        revision: &str,
    ) -> Result<RepoInfo, HubError> {
        let revision = segment("revision", revision)?;
        let path = repo.into().api(format_args!("/revision/{revision}"))?;
        self.get(&path).fetch().await
    }

    /// Returns the branches, tags and pull requests of a repo.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let main = json!({ "name": "main", "ref": "refs/heads/main", "targetCommit": "abc" });
    /// # stub.on("GET", "/api/models/me/tiny/refs").respond(json!({ "branches": [main], "tags": [] }));
    /// # let hub = stub.hub();
    /// let refs = hub.refs("me/tiny").await?;
    /// assert_eq!(refs.branches[0].ref_name, "refs/heads/main");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn refs(&self, repo: impl Into<RepoId>) -> Result<RepoRefs, HubError> {
        let path = repo.into().api(format_args!("/refs"))?;
        self.get(&path).query("include_prs", "1").fetch().await
    }

    /// Lists the models, datasets or Spaces of a user or organization, as far as the token may see them. The list has
    /// no `files`, and usually no `sha` and no `card_data`: read these with [`repo_info`](Self::repo_info).
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::RepoType;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("GET", "/api/spaces").respond(json!([{ "id": "acme/demo", "private": false }]));
    /// # let hub = stub.hub();
    /// let spaces = hub.repos(RepoType::Space, "acme").await?;
    /// assert_eq!(spaces[0].name, "acme/demo");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when a call fails, and when the type is none of model, dataset and Space.
    pub async fn repos(&self, repo_type: RepoType, owner: &str) -> Result<Vec<RepoInfo>, HubError> {
        if !matches!(repo_type, RepoType::Model | RepoType::Dataset | RepoType::Space) {
            let reason = format!("is {repo_type}; the Hub lists models, datasets and Spaces");
            return Err(HubError::argument("repo_type", reason));
        }
        let path = format!("/api/{}", repo_type.plural());
        self.fetch_pages(&path, &[("author", filled("owner", owner)?)]).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    #[tokio::test]
    async fn the_repos_of_an_owner_are_listed_by_type() {
        let stub = HubStub::new();
        stub.on("GET", "/api/datasets").respond(json!([{ "id": "me/data" }, { "id": "me/more" }]));
        let found = stub.hub().repos(RepoType::Dataset, "me").await.unwrap();
        assert_eq!(
            found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
            ["me/data", "me/more"]
        );
        assert_eq!(stub.calls()[0].query, [("author".to_owned(), "me".to_owned())]);
    }

    #[tokio::test]
    async fn a_list_of_nothing_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        let hub = stub.hub();
        assert!(hub.repos(RepoType::Bucket, "me").await.is_err());
        assert!(hub.repos("../settings".into(), "me").await.is_err());
        // Without an owner, it would be all repos of the Hub.
        assert!(hub.repos(RepoType::Space, " ").await.is_err());
        assert_eq!(stub.calls(), []);
    }
}
