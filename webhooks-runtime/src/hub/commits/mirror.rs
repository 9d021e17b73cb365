//! Makes the files of one repo those of another.

use std::collections::BTreeMap;

use super::Commit;
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::files::RepoFile;
use crate::hub::repo_id::RepoId;

/// The call that copies files.
impl Hub {
    /// Makes the files on a branch of a repo those of another repo at a revision, in one commit. If they are already,
    /// nothing is committed.
    ///
    /// Only files that differ are read and sent. They are kept in memory. Large files (LFS) are deleted, but not sent:
    /// the call returns those that differ. The revision is best a commit, which does not change meanwhile.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let file = |oid: &str| json!([{ "type": "file", "path": "app.py", "size": 9, "oid": oid }]);
    /// # stub.on("GET", "/api/spaces/acme/demo/tree/refs/pr/7").respond(file("b2"));
    /// # stub.on("GET", "/api/spaces/me/preview/tree/main").respond(file("a1"));
    /// # stub.on("GET", "/spaces/acme/demo/resolve/refs/pr/7/app.py").text("print(42)");
    /// # let modes = json!({ "files": [{ "path": "app.py", "uploadMode": "regular" }] });
    /// # stub.on("POST", "/api/spaces/me/preview/preupload/main").respond(modes);
    /// # stub.on("POST", "/api/spaces/me/preview/commit/main").respond(json!({ "commitOid": "abc" }));
    /// # let hub = stub.hub();
    /// let large = hub.mirror_files("space:acme/demo", "refs/pr/7", "space:me/preview", "main").await?;
    /// assert!(large.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when a call fails. Then nothing was committed, unless the response to the commit was lost.
    pub async fn mirror_files(
        &self,
        from: impl Into<RepoId>,
        revision: &str,
        to: impl Into<RepoId>,
        branch: &str,
    ) -> Result<Vec<RepoFile>, HubError> {
        let (from, to) = (from.into(), to.into());
        let wanted = self.files(&from, revision).await?;
        let existing = self.files(&to, branch).await?.into_iter();
        let mut existing: BTreeMap<_, _> = existing.map(|file| (file.path, file.oid)).collect();
        let mut commit = Commit::new(format!("Copy the files of {from} at {revision:.40}"));
        let mut large = Vec::new();
        for file in wanted {
            if existing.remove(&file.path).as_ref() == Some(&file.oid) {
                continue;
            }
            if file.is_large {
                large.push(file);
            } else {
                let content = self.file_bytes(&from, revision, &file.path).await?;
                commit = commit.add(file.path, content);
            }
        }
        let commit = existing.into_keys().fold(commit, Commit::delete);
        if !commit.is_empty() {
            self.commit(&to, branch, &commit).await?;
        }
        Ok(large)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::HubStub;

    const FROM: &str = "space:acme/demo";
    const TO: &str = "space:me/preview";
    const HEAD: &str = "2222222222222222222222222222222222222222";

    fn file(path: &str, oid: &str) -> Value {
        json!({ "type": "file", "path": path, "size": 1, "oid": oid })
    }

    fn large(path: &str, oid: &str) -> Value {
        let lfs = json!({ "oid": "d88b", "size": 5, "pointerSize": 127 });
        json!({ "type": "file", "path": path, "size": 5, "oid": oid, "lfs": lfs })
    }

    /// Returns a stand-in with these files in both repos.
    fn stub(from: &[Value], to: &[Value]) -> HubStub {
        let stub = HubStub::new();
        stub.on("GET", &format!("/api/spaces/acme/demo/tree/{HEAD}")).respond(from);
        stub.on("GET", "/api/spaces/me/preview/tree/main").respond(to);
        stub.on("GET", &format!("/spaces/acme/demo/resolve/{HEAD}/app.py")).text("new");
        stub.on("POST", "/api/spaces/me/preview/preupload/main").respond(json!({ "files": [] }));
        let commit = json!({ "commitOid": "abc" });
        stub.on("POST", "/api/spaces/me/preview/commit/main").respond(commit);
        stub
    }

    /// Copies the files. Returns the paths of large files that differ, and the lines of the commit.
    async fn mirror(stub: &HubStub) -> (Vec<String>, Vec<Value>) {
        let large = stub.hub().mirror_files(FROM, HEAD, TO, "main").await.unwrap();
        let calls = stub.calls();
        let commit = calls.iter().find(|call| call.path.ends_with("/commit/main"));
        let lines = commit.map(|call| call.body.as_array().unwrap()[1..].to_vec());
        (large.into_iter().map(|file| file.path).collect(), lines.unwrap_or_default())
    }

    #[tokio::test]
    async fn only_what_differs_is_committed() {
        let stub = stub(
            &[
                file("README.md", "a"),
                file("app.py", "b2"),
                large("same.bin", "c"),
                large("new.bin", "d2"),
            ],
            &[
                file("README.md", "a"),
                file("app.py", "b1"),
                large("same.bin", "c"),
                large("old.bin", "e"),
            ],
        );
        let (large, lines) = mirror(&stub).await;
        assert_eq!(large, ["new.bin"]);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(
            (&lines[0]["key"], &lines[0]["value"]["path"]),
            (&json!("file"), &json!("app.py"))
        );
        let deleted = json!({ "key": "deletedFile", "value": { "path": "old.bin" } });
        assert_eq!(lines[1], deleted);
        let read = stub.calls().into_iter().filter(|call| call.path.contains("/resolve/")).count();
        assert_eq!(read, 1);
    }

    #[tokio::test]
    async fn a_large_file_that_has_changed_stays_as_it_was() {
        let stub = stub(&[large("w.bin", "c2")], &[large("w.bin", "c1")]);
        assert_eq!(mirror(&stub).await, (vec!["w.bin".to_owned()], Vec::new()));
    }

    #[tokio::test]
    async fn equal_files_are_no_commit() {
        let stub = stub(&[file("app.py", "b")], &[file("app.py", "b")]);
        assert_eq!(mirror(&stub).await, (Vec::new(), Vec::new()));
        assert!(stub.calls().iter().all(|call| call.method == "GET"));
    }
}
