//! Copies the files of one repo to another.

use std::collections::BTreeMap;

use super::Commit;
use super::large::LargeFile;
use super::operations::Operation;
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::files::RepoFile;
use crate::hub::path::{check_file_path, segment};
use crate::hub::repo_id::RepoId;

/// How many bytes one call reads and sends. They are in memory twice: as they are, and encoded in the commit.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// How many files one call reads, each with a request. Otherwise a commit of very many small files would take all the time
/// and all the requests that the account has.
const MAX_FILES: usize = 1000;

/// The call that copies files.
impl Hub {
    /// Copies the files of a repo at a revision to a branch of another repo, in one commit. Other files of the branch are
    /// deleted. If no file differs, nothing is committed.
    ///
    /// Only files that differ are read and sent. They are kept in memory. Large files (LFS) are copied by the Hub itself,
    /// from a repo in the same storage region. The call returns the files that were not copied:
    ///
    /// - large files that the Hub cannot copy, such as files outside of Xet's storage,
    /// - files that the target's `.gitignore` names, or that the target keeps as large files,
    /// - files whose path has a control character,
    /// - files above the limit of 64 MB or 1,000 files for each call. The next call copies more of them.
    ///
    /// The branch then has no file at their paths, rather than one with another content.
    ///
    /// Pass a commit id as the revision: a branch may change meanwhile.
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
    /// let missing = hub.mirror_files("space:acme/demo", "refs/pr/7", "space:me/preview", "main").await?;
    /// assert!(missing.is_empty());
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
        let (mut small, mut large, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        let mut bytes = 0_u64;
        for file in wanted {
            let total = bytes.saturating_add(file.size);
            if existing.get(&file.path) == Some(&file.oid) {
                existing.remove(&file.path);
            } else if file.is_large {
                large.push(file);
            } else if total > MAX_BYTES
                || small.len() == MAX_FILES
                || check_file_path("path", &file.path).is_err()
            {
                missing.push(file);
            } else {
                bytes = total;
                let content = self.file_bytes(&from, revision, &file.path).await?;
                commit = commit.add(file.path.clone(), content);
                small.push(file);
            }
        }
        let branch = segment("branch", branch)?;
        let rejected = self.rejected_files(&to, &branch, &commit).await?;
        for file in small {
            if rejected.contains_key(&file.path) {
                missing.push(file);
            } else {
                existing.remove(&file.path);
            }
        }
        commit
            .operations
            .retain(|it| !matches!(it, Operation::Add { path, .. } if rejected.contains_key(path)));
        let stored = large
            .iter()
            .filter_map(|file| Some(LargeFile { path: &file.path, stored: file.stored.as_ref()? }));
        let stored: Vec<_> = stored.collect();
        let failed = self.copy_large_files(&from, &to, &stored).await?;
        let copied = stored.iter().filter(|file| !failed.contains(&file.stored.sha256));
        for LargeFile { path, stored } in copied {
            existing.remove(*path);
            commit = commit.add_stored((*path).to_owned(), stored.sha256.clone());
        }
        large.retain(|file| file.stored.as_ref().is_none_or(|it| failed.contains(&it.sha256)));
        missing.extend(large);
        // Deletions first: a file may become a folder.
        let deletions = existing.into_keys().map(|path| Operation::DeleteFile { path });
        commit.operations.splice(..0, deletions);
        if !commit.is_empty() {
            // Its paths come from the Hub, which may know some that a program could not commit.
            self.send_commit(&to, &branch, &commit).await?;
        }
        Ok(missing)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::HubStub;

    const FROM: &str = "space:acme/demo";
    const TO: &str = "space:me/preview";
    const COPY: &str = "/api/spaces/acme/demo/lfs-files/duplicate";
    const HEAD: &str = "2222222222222222222222222222222222222222";

    fn file(path: &str, oid: &str) -> Value {
        json!({ "type": "file", "path": path, "size": 1, "oid": oid })
    }

    /// A large file, whose content has this SHA-256.
    fn large(path: &str, oid: &str, sha256: &str) -> Value {
        let lfs = json!({ "oid": sha256, "size": 5, "pointerSize": 127 });
        let xet_hash = format!("xet of {sha256}");
        json!({ "type": "file", "path": path, "size": 5, "oid": oid, "lfs": lfs, "xetHash": xet_hash })
    }

    /// Returns a stand-in with these files in both repos.
    fn stub(from: &[Value], to: &[Value]) -> HubStub {
        let stub = HubStub::new();
        stub.on("GET", &format!("/api/spaces/acme/demo/tree/{HEAD}")).respond(from);
        stub.on("GET", "/api/spaces/me/preview/tree/main").respond(to);
        stub.on("GET", &format!("/spaces/acme/demo/resolve/{HEAD}/app.py")).text("new");
        stub.on("POST", "/api/spaces/me/preview/preupload/main").respond(json!({ "files": [] }));
        let failed = json!([{ "sha256": "failing", "error": "another region" }]);
        stub.on("POST", COPY).respond(json!({ "failed": failed }));
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
            &[file("README.md", "a"), file("app.py", "b2"), large("same.bin", "c", "c")],
            &[
                file("README.md", "a"),
                file("app.py", "b1"),
                large("same.bin", "c", "c"),
                large("old.bin", "e", "e"),
            ],
        );
        let (missing, lines) = mirror(&stub).await;
        assert_eq!(missing, [""; 0]);
        assert_eq!(lines.len(), 2, "{lines:?}");
        // The deletion first: the Hub may not accept `data/x.csv` while there is a file `data`.
        let deleted = json!({ "key": "deletedFile", "value": { "path": "old.bin" } });
        assert_eq!(lines[0], deleted);
        assert_eq!(
            (&lines[1]["key"], &lines[1]["value"]["path"]),
            (&json!("file"), &json!("app.py"))
        );
        let calls = stub.calls();
        let read = calls.iter().filter(|call| call.path.contains("/resolve/")).count();
        assert_eq!((read, calls.iter().any(|call| call.path == COPY)), (1, false));
    }

    #[tokio::test]
    async fn the_hub_copies_large_files() {
        let wanted = [large("new.bin", "n", "new"), large("w.bin", "c2", "changed")];
        let stub = stub(&wanted, &[large("w.bin", "c1", "old")]);
        let (missing, lines) = mirror(&stub).await;
        assert_eq!(missing, [""; 0]);
        let added = |path: &str, sha256: &str| {
            let value = json!({ "path": path, "algo": "sha256", "oid": sha256 });
            json!({ "key": "lfsFile", "value": value })
        };
        assert_eq!(lines, [added("new.bin", "new"), added("w.bin", "changed")]);
        let calls = stub.calls();
        let copied = calls.iter().position(|call| call.path == COPY).unwrap();
        let file = |path: &str, sha256: &str| json!({ "xetHash": format!("xet of {sha256}"), "sha256": sha256, "filename": path });
        let files = [file("new.bin", "new"), file("w.bin", "changed")];
        let target = json!({ "type": "space", "name": "me/preview" });
        assert_eq!(calls[copied].body, json!({ "target": target, "files": files }));
        // Before the commit, which needs them.
        assert!(calls[copied + 1].path.ends_with("/commit/main"), "{calls:?}");
        assert!(calls.iter().all(|call| !call.path.contains("/resolve/")));
    }

    #[tokio::test]
    async fn a_large_file_that_cannot_be_copied_is_missing_rather_than_old() {
        let mut without_xet = large("legacy.bin", "l2", "legacy");
        without_xet.as_object_mut().unwrap().remove("xetHash");
        let wanted =
            [without_xet, large("w.bin", "w2", "failing"), large("new.bin", "n", "failing")];
        let existing = [large("legacy.bin", "l1", "old"), large("w.bin", "w1", "old")];
        let (missing, lines) = mirror(&stub(&wanted, &existing)).await;
        assert_eq!(missing, ["legacy.bin", "w.bin", "new.bin"]);
        let deleted = |path: &str| json!({ "key": "deletedFile", "value": { "path": path } });
        assert_eq!(lines, [deleted("legacy.bin"), deleted("w.bin")]);
    }

    #[tokio::test]
    async fn files_above_the_limit_are_neither_read_nor_copied() {
        let sized = |path: &str, size: u64| json!({ "type": "file", "path": path, "size": size, "oid": "n" });
        let wanted =
            [sized("a.txt", u64::MAX), sized("app.py", 40 << 20), sized("b.txt", 25 << 20)];
        let stub = stub(&wanted, &[file("b.txt", "o")]);
        let (missing, lines) = mirror(&stub).await;
        assert_eq!(missing, ["a.txt", "b.txt"]);
        assert_eq!(lines[0], json!({ "key": "deletedFile", "value": { "path": "b.txt" } }));
        assert_eq!((lines.len(), &lines[1]["value"]["path"]), (2, &json!("app.py")));
        let read = stub.calls().into_iter().filter(|call| call.path.contains("/resolve/")).count();
        assert_eq!(read, 1);
    }

    #[tokio::test]
    async fn no_more_than_a_thousand_files_are_read() {
        let wanted: Vec<Value> = (0..1002).map(|n| file(&format!("{n:04}"), "n")).collect();
        let stub = stub(&wanted, &[]);
        for n in 0..1000 {
            stub.on("GET", &format!("/spaces/acme/demo/resolve/{HEAD}/{n:04}")).text("x");
        }
        let (missing, lines) = mirror(&stub).await;
        assert_eq!((missing, lines.len()), (vec!["1000".to_owned(), "1001".to_owned()], 1000));
    }

    #[tokio::test]
    async fn files_that_the_target_does_not_take_are_missing_and_stop_no_other() {
        let stub = HubStub::new();
        let paths = ["app.py", "data.csv", "w.txt", "odd\n.txt"];
        let wanted: Vec<Value> = paths.iter().map(|path| file(path, "n")).collect();
        stub.on("GET", &format!("/api/spaces/acme/demo/tree/{HEAD}")).respond(wanted);
        let existing = [file("data.csv", "o"), file("odd\n.txt", "o")];
        stub.on("GET", "/api/spaces/me/preview/tree/main").respond(existing);
        for path in &paths[..3] {
            stub.on("GET", &format!("/spaces/acme/demo/resolve/{HEAD}/{path}")).text("new");
        }
        let mode = |path: &str, mode: &str, ignore: bool| json!({ "path": path, "uploadMode": mode, "shouldIgnore": ignore });
        let modes = [
            mode("app.py", "regular", false),
            mode("data.csv", "regular", true),
            mode("w.txt", "lfs", false),
        ];
        let modes = json!({ "files": modes });
        stub.on("POST", "/api/spaces/me/preview/preupload/main").respond(modes);
        let commit = json!({ "commitOid": "abc" });
        stub.on("POST", "/api/spaces/me/preview/commit/main").respond(commit);
        let (missing, lines) = mirror(&stub).await;
        assert_eq!(missing, ["odd\n.txt", "data.csv", "w.txt"]);
        let changed: Vec<_> = lines.iter().map(|line| &line["value"]["path"]).collect();
        assert_eq!(changed, ["data.csv", "odd\n.txt", "app.py"]);
    }

    #[tokio::test]
    async fn equal_files_are_no_commit() {
        let stub = stub(&[file("app.py", "b")], &[file("app.py", "b")]);
        assert_eq!(mirror(&stub).await, (Vec::new(), Vec::new()));
        assert!(stub.calls().iter().all(|call| call.method == "GET"));
    }
}
