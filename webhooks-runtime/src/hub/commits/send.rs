//! Sends a commit, after the Hub has said that none of its files is a large one.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::operations::{Commit, Operation};
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::lenient::or_default;
use crate::hub::path::segment;
use crate::hub::repo_id::RepoId;
use crate::hub::transport::CallLimits;

/// How many files one request asks about, as in Python's client.
const FILES_PER_REQUEST: usize = 256;

/// How many of a file's first bytes the Hub sees before it decides, as in Python's client.
const SAMPLE: usize = 512;

/// A commit that the Hub made: see [`Hub::commit`].
///
/// ```
/// use webhooks_runtime::hub::CommitInfo;
///
/// fn link(commit: &CommitInfo) -> &str {
///     commit.pull_request_url.as_deref().unwrap_or(&commit.commit_url)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CommitInfo {
    /// The id.
    pub commit_oid: String,
    /// The URL of its page; empty if the Hub leaves it out.
    #[serde(default, deserialize_with = "or_default")]
    pub commit_url: String,
    /// The URL of the pull request that was opened for it.
    #[serde(default)]
    pub pull_request_url: Option<String>,
}

#[derive(Serialize)]
struct PreuploadBody<'a> {
    files: Vec<PreuploadFile<'a>>,
}

#[derive(Serialize)]
struct PreuploadFile<'a> {
    path: &'a str,
    sample: String,
    size: usize,
}

#[derive(Deserialize)]
struct PreuploadJson {
    files: Vec<UploadModeJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UploadModeJson {
    path: String,
    upload_mode: String,
    #[serde(default, deserialize_with = "or_default")]
    should_ignore: bool,
}

/// The call that commits.
impl Hub {
    /// Commits to a branch such as `main`, or to the ref of a pull request such as `refs/pr/7`.
    ///
    /// An endpoint of this program that takes `Hub` is not called for the commit, unless it has `own = true`. If you drop
    /// the future before its end, the commit is made and remembered all the same.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::hub::Commit;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let modes = json!({ "files": [{ "path": "results.json", "uploadMode": "regular" }] });
    /// # stub.on("POST", "/api/datasets/me/data/preupload/main").respond(modes);
    /// # let commit = json!({ "commitOid": "abc", "commitUrl": "https://huggingface.co/…" });
    /// # stub.on("POST", "/api/datasets/me/data/commit/main").respond(commit);
    /// # let hub = stub.hub();
    /// let commit = Commit::new("Add the results").add("results.json", r#"{"accuracy": 0.9}"#);
    /// let info = hub.commit("dataset:me/data", "main", &commit).await?;
    /// assert_eq!(info.commit_oid, "abc");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when a call fails, and [`HubError::LargeFile`] for a file that the repo keeps as a large file
    /// (LFS). Then nothing was committed. A commit whose response was lost is not sent again: it may have been made.
    pub async fn commit(
        &self,
        repo: impl Into<RepoId>,
        revision: &str,
        commit: &Commit,
    ) -> Result<CommitInfo, HubError> {
        let (repo, revision) = (repo.into(), segment("revision", revision)?);
        commit.check()?;
        match self.rejected_files(&repo, &revision, commit).await?.pop_first() {
            Some((_, error)) => Err(error),
            None => self.send_commit(&repo, &revision, commit).await,
        }
    }

    /// Commits without a check. The revision is encoded.
    pub(super) async fn send_commit(
        &self,
        repo: &RepoId,
        revision: &str,
        commit: &Commit,
    ) -> Result<CommitInfo, HubError> {
        let path = repo.api(format_args!("/commit/{revision}"))?;
        let mut request = self.post(&path).limits(CallLimits::FILE);
        if commit.pull_request {
            request = request.query("create_pr", "1");
        }
        let request = request.body("application/x-ndjson", commit.body());
        self.make_commit(async move {
            let info: CommitInfo = request.fetch().await?;
            let oid = info.commit_oid.clone();
            Ok((info, Some(oid)))
        })
        .await
    }

    /// Asks the Hub how each file is uploaded. Returns each path that cannot be in the commit, with the reason.
    pub(super) async fn rejected_files(
        &self,
        repo: &RepoId,
        revision: &str,
        commit: &Commit,
    ) -> Result<BTreeMap<String, HubError>, HubError> {
        let mut rejected = BTreeMap::new();
        let path = repo.api(format_args!("/preupload/{revision}"))?;
        let files = commit.operations.iter().filter_map(|operation| match operation {
            Operation::Add { path, content } => Some((path.as_str(), content)),
            _ => None,
        });
        let files: Vec<_> = files.collect();
        for files in files.chunks(FILES_PER_REQUEST) {
            let mut request = self.post(&path).idempotent();
            if commit.pull_request {
                request = request.query("create_pr", "1");
            }
            let described = files.iter().map(|(path, content)| PreuploadFile {
                path,
                sample: STANDARD.encode(&content[..content.len().min(SAMPLE)]),
                size: content.len(),
            });
            let body = PreuploadBody { files: described.collect() };
            let modes: PreuploadJson = request.json(&body).fetch().await?;
            for (path, content) in files {
                let mode = modes.files.iter().find(|mode| mode.path == *path);
                if let Err(error) = check_mode(path, content, mode) {
                    rejected.insert((*path).to_owned(), error);
                }
            }
        }
        Ok(rejected)
    }
}

fn check_mode(path: &str, content: &[u8], mode: Option<&UploadModeJson>) -> Result<(), HubError> {
    if mode.is_some_and(|mode| mode.should_ignore) {
        let reason = format!("{path:?} would be left out, because the repo's .gitignore names it");
        return Err(HubError::argument("path", reason));
    }
    // An empty file is never a large one, as in Python's client.
    match mode {
        Some(mode) if mode.upload_mode != "regular" && !content.is_empty() => {
            Err(HubError::LargeFile { path: path.to_owned() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::HubStub;

    const PREUPLOAD: &str = "/api/models/me/x/preupload/refs%2Fpr%2F1";
    const COMMIT: &str = "/api/models/me/x/commit/refs%2Fpr%2F1";

    /// Returns a stand-in that uploads these files in these modes.
    fn stub(modes: &[(&str, &str, bool)]) -> HubStub {
        let stub = HubStub::new();
        let mode = |(path, mode, ignore): &(&str, &str, bool)| json!({ "path": path, "uploadMode": mode, "shouldIgnore": ignore });
        let files: Vec<Value> = modes.iter().map(mode).collect();
        stub.on("POST", PREUPLOAD).respond(json!({ "files": files }));
        stub.on("POST", COMMIT).respond(json!({ "commitOid": "abc", "commitUrl": "https://x" }));
        stub
    }

    async fn send(stub: &HubStub, commit: &Commit) -> Result<CommitInfo, HubError> {
        stub.hub().commit("me/x", "refs/pr/1", commit).await
    }

    #[tokio::test]
    async fn the_files_are_announced_and_then_committed() {
        let stub = stub(&[("a.txt", "regular", false)]);
        let commit = Commit::new("Sum").description("More").parent("abcdef0").pull_request(true);
        let commit = commit.add("a.txt", "x".repeat(600)).delete("b").delete_folder("c/");
        send(&stub, &commit).await.unwrap();
        let calls = stub.calls();
        assert_eq!(calls[0].to_string(), format!("POST {PREUPLOAD}"));
        let sample = STANDARD.encode("x".repeat(512));
        let files = json!([{ "path": "a.txt", "sample": sample, "size": 600 }]);
        assert_eq!(calls[0].body, json!({ "files": files }));
        assert_eq!(calls[1].to_string(), format!("POST {COMMIT}"));
        let content = STANDARD.encode("x".repeat(600));
        let header = json!({ "summary": "Sum", "description": "More", "parentCommit": "abcdef0" });
        let file = json!({ "path": "a.txt", "content": content, "encoding": "base64" });
        let lines = json!([
            { "key": "header", "value": header },
            { "key": "file", "value": file },
            { "key": "deletedFile", "value": { "path": "b" } },
            { "key": "deletedFolder", "value": { "path": "c/" } },
        ]);
        assert_eq!(calls[1].body, lines);
        for call in calls {
            assert_eq!(call.query, [("create_pr".to_owned(), "1".to_owned())]);
        }
    }

    #[tokio::test]
    async fn a_large_or_ignored_file_stops_the_commit() {
        let stub = stub(&[
            ("a.txt", "regular", false),
            ("b.bin", "lfs", false),
            (".env", "regular", true),
        ]);
        let error = send(&stub, &Commit::new("Add").add("a.txt", "a").add("b.bin", "b")).await;
        let error = error.unwrap_err();
        assert!(matches!(&error, HubError::LargeFile { path } if path == "b.bin"), "{error}");
        assert!(error.to_string().contains("hf-hub"), "{error}");
        let error = send(&stub, &Commit::new("Add").add(".env", "TOKEN=hush")).await.unwrap_err();
        assert!(error.to_string().contains(".gitignore"), "{error}");
        assert!(stub.calls().iter().all(|call| call.path == PREUPLOAD));
        // An empty file is a regular one.
        send(&stub, &Commit::new("Add").add("b.bin", "")).await.unwrap();
    }

    #[tokio::test]
    async fn deletions_alone_are_not_announced() {
        let stub = stub(&[]);
        send(&stub, &Commit::new("Delete").delete("a")).await.unwrap();
        assert_eq!(stub.calls().len(), 1);
    }

    #[tokio::test]
    async fn an_invalid_commit_is_an_error_before_anything_is_sent() {
        let stub = stub(&[]);
        for commit in [
            Commit::new("").delete("a"),
            Commit::new("Nothing"),
            Commit::new("x").delete(""),
            Commit::new("x").delete("/a"),
            Commit::new("x").delete_folder("/"),
            Commit::new("x").add("../a", "a"),
            Commit::new("x").add("a/.git/config", "a"),
            Commit::new("x").delete("a").parent("main"),
        ] {
            assert!(send(&stub, &commit).await.is_err(), "{commit:?}");
        }
        assert_eq!(stub.calls(), []);
        assert!(!format!("{:?}", Commit::new("x").add("a", "hush")).contains("hush"));
    }

    #[test]
    fn a_commit_needs_no_url() {
        for json in
            [json!({ "commitOid": "abc" }), json!({ "commitOid": "abc", "commitUrl": null })]
        {
            let info: CommitInfo = serde_json::from_value(json).unwrap();
            assert_eq!((info.commit_oid.as_str(), info.commit_url.as_str()), ("abc", ""));
        }
    }
}
