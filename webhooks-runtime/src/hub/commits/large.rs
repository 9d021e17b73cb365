//! Copies the contents of large files from one repo to another, inside of the Hub's storage.

use serde::{Deserialize, Serialize};

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::files::StoredFile;
use crate::hub::lenient::or_default;
use crate::hub::repo_id::RepoId;
use crate::payload::RepoType;

/// How many files one request copies, as in Python's client.
const FILES_PER_REQUEST: usize = 500;

/// A large file at its path.
#[derive(Clone, Copy)]
pub(super) struct LargeFile<'a> {
    pub(super) path: &'a str,
    pub(super) stored: &'a StoredFile,
}

#[derive(Serialize)]
struct CopyBody<'a> {
    target: CopyTarget<'a>,
    files: Vec<CopyFile<'a>>,
}

#[derive(Serialize)]
struct CopyTarget<'a> {
    #[serde(rename = "type")]
    repo_type: &'a RepoType,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CopyFile<'a> {
    xet_hash: &'a str,
    sha256: &'a str,
    filename: &'a str,
}

#[derive(Deserialize)]
struct CopyResponse {
    #[serde(default, deserialize_with = "or_default")]
    failed: Vec<FailedFile>,
}

#[derive(Deserialize)]
struct FailedFile {
    sha256: String,
    #[serde(default, deserialize_with = "or_default")]
    error: String,
}

/// The call before a commit that adds the files, as `create_commit` of Python's client makes it for a
/// `CommitOperationCopy` from another repo.
impl Hub {
    /// Copies the contents of large files to a repo, where they are in no commit yet. Returns the SHA-256 of each
    /// file that the Hub did not copy.
    pub(super) async fn copy_large_files(
        &self,
        from: &RepoId,
        to: &RepoId,
        files: &[LargeFile<'_>],
    ) -> Result<Vec<String>, HubError> {
        to.check()?;
        let path = from.api(format_args!("/lfs-files/duplicate"))?;
        let mut failed = Vec::new();
        for files in files.chunks(FILES_PER_REQUEST) {
            let described = files.iter().map(|LargeFile { path, stored }| CopyFile {
                xet_hash: &stored.xet_hash,
                sha256: &stored.sha256,
                filename: path,
            });
            let target = CopyTarget { repo_type: &to.repo_type, name: &to.name };
            let body = CopyBody { target, files: described.collect() };
            let response: CopyResponse = self.post(&path).idempotent().json(&body).fetch().await?;
            for FailedFile { sha256, error } in response.failed {
                tracing::warn!(repo = %from, sha256, error, "the Hub did not copy a large file");
                failed.push(sha256);
            }
        }
        Ok(failed)
    }
}
