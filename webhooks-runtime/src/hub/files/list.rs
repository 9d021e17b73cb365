//! Lists the files of a repo at a revision.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::path::segment;
use crate::hub::repo_id::RepoId;

/// A file of a repo at a revision: see [`Hub::files`].
///
/// ```
/// use webhooks_runtime::hub::RepoFile;
///
/// /// Returns how many bytes the files have.
/// fn size(files: &[RepoFile]) -> u64 {
///     files.iter().map(|file| file.size).sum()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepoFile {
    /// The path, from the top of the repo.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The id of the content: files with the same content have the same id, also in different repos.
    pub oid: String,
    /// Whether the repo keeps it as a large file (LFS), which [`Hub::commit`] does not upload.
    pub is_large: bool,
}

/// A file or a folder in a response.
#[derive(Deserialize)]
struct TreeItem {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    oid: String,
    lfs: Option<IgnoredAny>,
}

/// The call that lists files.
impl Hub {
    /// Lists the files of a repo at a commit, branch, tag or ref, in all folders.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let file = json!({ "type": "file", "path": "data/train.csv", "size": 8, "oid": "abc" });
    /// # stub.on("GET", "/api/datasets/me/data/tree/main").respond(json!([file]));
    /// # let hub = stub.hub();
    /// let files = hub.files("dataset:me/data", "main").await?;
    /// assert_eq!(files[0].path, "data/train.csv");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when a call fails.
    pub async fn files(
        &self,
        repo: impl Into<RepoId>,
        revision: &str,
    ) -> Result<Vec<RepoFile>, HubError> {
        let revision = segment("revision", revision)?;
        let path = repo.into().api(format_args!("/tree/{revision}"))?;
        let query = [("recursive", "true"), ("expand", "false")];
        let items: Vec<TreeItem> = self.fetch_pages(&path, &query).await?;
        let files = items.into_iter().filter(|item| item.kind == "file");
        let file = |TreeItem { path, size, oid, lfs, .. }| RepoFile {
            path,
            size,
            oid,
            is_large: lfs.is_some(),
        };
        Ok(files.map(file).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::HubStub;

    #[tokio::test]
    async fn folders_are_left_out_and_large_files_are_marked() {
        let stub = HubStub::new();
        let lfs = json!({ "oid": "d88b", "size": 5, "pointerSize": 127 });
        stub.on("GET", "/api/spaces/me/app/tree/refs%2Fpr%2F7").respond(json!([
            { "type": "directory", "path": "src", "size": 0, "oid": "a1" },
            { "type": "file", "path": "src/app.py", "size": 9, "oid": "b2" },
            { "type": "file", "path": "w.bin", "size": 5, "oid": "c3", "lfs": lfs, "xetHash": "e" },
        ]));
        let files = stub.hub().files("space:me/app", "refs/pr/7").await.unwrap();
        let found =
            files.iter().map(|it| (it.path.as_str(), it.size, it.oid.as_str(), it.is_large));
        let expected = [("src/app.py", 9, "b2", false), ("w.bin", 5, "c3", true)];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn an_invalid_argument_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        assert!(stub.hub().files("space:me/app", "").await.is_err());
        assert!(stub.hub().files("bucket:me/app", "main").await.is_err());
        assert_eq!(stub.calls(), []);
    }
}
