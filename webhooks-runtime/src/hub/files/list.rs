//! Lists the files of a repo at a revision.

use serde::Deserialize;

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
    /// What the Hub needs to know to copy a large file to another repo. `None` for a file that is not in Xet's storage.
    pub(in crate::hub) stored: Option<StoredFile>,
}

/// A large file in the Hub's storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hub) struct StoredFile {
    pub(in crate::hub) sha256: String,
    pub(in crate::hub) xet_hash: String,
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
    lfs: Option<LfsJson>,
    #[serde(rename = "xetHash")]
    xet_hash: Option<String>,
}

#[derive(Deserialize)]
struct LfsJson {
    /// The SHA-256 of the content.
    oid: Option<String>,
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
        let file = |TreeItem { path, size, oid, lfs, xet_hash, .. }| {
            let is_large = lfs.is_some();
            let sha256 = lfs.and_then(|lfs| lfs.oid);
            let stored = sha256.zip(xet_hash);
            let stored = stored.map(|(sha256, xet_hash)| StoredFile { sha256, xet_hash });
            RepoFile { path, size, oid, is_large, stored }
        };
        Ok(files.map(file).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    #[tokio::test]
    async fn folders_are_left_out_and_large_files_are_marked() {
        let stub = HubStub::new();
        let lfs = json!({ "oid": "d88b", "size": 5, "pointerSize": 127 });
        stub.on("GET", "/api/spaces/me/app/tree/refs%2Fpr%2F7").respond(json!([
            { "type": "directory", "path": "src", "size": 0, "oid": "a1" },
            { "type": "file", "path": "src/app.py", "size": 9, "oid": "b2" },
            { "type": "file", "path": "w.bin", "size": 5, "oid": "c3", "lfs": lfs, "xetHash": "e" },
            { "type": "file", "path": "old.bin", "size": 5, "oid": "c3", "lfs": lfs },
            { "type": "file", "path": "odd.bin", "size": 5, "oid": "d4", "lfs": {}, "xetHash": null },
        ]));
        let files = stub.hub().files("space:me/app", "refs/pr/7").await.unwrap();
        let found =
            files.iter().map(|it| (it.path.as_str(), it.size, it.oid.as_str(), it.is_large));
        let expected = [
            ("src/app.py", 9, "b2", false),
            ("w.bin", 5, "c3", true),
            ("old.bin", 5, "c3", true),
            ("odd.bin", 5, "d4", true),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
        let stored = StoredFile { sha256: "d88b".to_owned(), xet_hash: "e".to_owned() };
        let stored_files: Vec<_> = files.iter().map(|file| file.stored.clone()).collect();
        assert_eq!(stored_files, [None, Some(stored), None, None]);
    }

    #[tokio::test]
    async fn an_invalid_argument_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        assert!(stub.hub().files("space:me/app", "").await.is_err());
        assert!(stub.hub().files("bucket:me/app", "main").await.is_err());
        assert_eq!(stub.calls(), []);
    }
}
