//! Finds the files that changed between two commits, in the diff that the Hub returns.

use diffy::patch_set::{FileOperation, ParseOptions, PatchSet, PatchSetParseError};

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::repo_id::RepoId;
use crate::hub::request::HubRequest;
use crate::hub::response::HubResponse;

/// A file that changed between two commits: see [`Hub::changed_files`].
///
/// ```
/// use webhooks_runtime::hub::{ChangedFile, FileChange};
///
/// fn is_new_image(file: &ChangedFile) -> bool {
///     file.change == FileChange::Added && file.path.ends_with(".png")
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ChangedFile {
    /// The path in the repo; of a deleted file, the path that it had.
    pub path: String,
    /// The path that a renamed file had before.
    pub old_path: Option<String>,
    /// How it changed.
    pub change: FileChange,
}

/// How a file changed: see [`ChangedFile`].
///
/// ```
/// use webhooks_runtime::hub::FileChange;
///
/// assert_ne!(FileChange::Added, FileChange::Modified);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileChange {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content or mode changed.
    Modified,
    /// It has another path, and maybe another content.
    Renamed,
}

/// The call that compares commits.
impl Hub {
    /// Returns the files that changed between two commits, such as the `old_sha` and `new_sha` of a payload's
    /// `updated_refs`.
    ///
    /// ```
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let diff = "diff --git a/train.csv b/train.csv\nindex 1..2 100644\n--- a/train.csv\n+++ b/train.csv\n\
    /// #     @@ -1 +1 @@\n-a\n+b\n";
    /// # stub.on("GET", "/api/datasets/me/data/compare/1111111..2222222").text(diff);
    /// # let hub = stub.hub();
    /// let files = hub.changed_files("dataset:me/data", "1111111", "2222222").await?;
    /// assert_eq!(files[0].path, "train.csv");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, when the diff has more than 64 MB, and when the commits are not
    /// hexadecimal ids.
    pub async fn changed_files(
        &self,
        repo: impl Into<RepoId>,
        old_sha: &str,
        new_sha: &str,
    ) -> Result<Vec<ChangedFile>, HubError> {
        let request = self.comparison(&repo.into(), old_sha, new_sha)?;
        changed_in(&request.send().await?)
    }

    /// Returns the same for the server itself.
    pub(in crate::hub) async fn changed_files_by_server(
        &self,
        repo: &RepoId,
        old_sha: &str,
        new_sha: &str,
    ) -> Result<Vec<ChangedFile>, HubError> {
        let request = self.comparison(repo, old_sha, new_sha)?;
        changed_in(&request.by_server().send().await?)
    }

    fn comparison(&self, repo: &RepoId, old: &str, new: &str) -> Result<HubRequest, HubError> {
        let (old, new) = (commit_id("old_sha", old)?, commit_id("new_sha", new)?);
        let path = repo.api(format_args!("/compare/{old}..{new}"))?;
        Ok(self.get(&path).query("raw", "true"))
    }
}

/// Returns the files in the response to a comparison.
fn changed_in(response: &HubResponse) -> Result<Vec<ChangedFile>, HubError> {
    files_in(response.bytes()).map_err(|reason| response.invalid(reason))
}

/// Checks the id of a commit, which may be shortened.
pub(in crate::hub) fn commit_id<'a>(
    argument: &'static str,
    sha: &'a str,
) -> Result<&'a str, HubError> {
    let is_hexadecimal = sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    if (5..=64).contains(&sha.len()) && is_hexadecimal {
        Ok(sha)
    } else {
        Err(HubError::argument(argument, format!("{sha:?} is not the id of a commit")))
    }
}

/// Lists the files in a git diff.
fn files_in(diff: &[u8]) -> Result<Vec<ChangedFile>, String> {
    if diff.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let patches = PatchSet::parse_bytes(diff, ParseOptions::gitdiff());
    let files = patches.map(|patch| Ok(changed(patch?.operation())));
    let files: Result<_, PatchSetParseError> = files.collect();
    // The parser's error may contain a line of the diff.
    files.map_err(|_| "is not a git diff".to_owned())
}

fn changed(operation: &FileOperation<'_, [u8]>) -> ChangedFile {
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    // `a/` and `b/`, which git writes before every path except for a renamed or copied one.
    let inner = |path: &[u8]| {
        let slash = path.iter().position(|byte| *byte == b'/');
        text(slash.map_or(path, |slash| &path[slash + 1..]))
    };
    let (path, old_path, change) = match operation {
        FileOperation::Create(path) => (inner(path), None, FileChange::Added),
        FileOperation::Delete(path) => (inner(path), None, FileChange::Deleted),
        FileOperation::Modify { modified, .. } => (inner(modified), None, FileChange::Modified),
        FileOperation::Rename { from, to } => (text(to), Some(text(from)), FileChange::Renamed),
        FileOperation::Copy { to, .. } => (text(to), None, FileChange::Added),
    };
    ChangedFile { path, old_path, change }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::HubStub;

    /// What `git diff -M` prints for a commit that changes these files in these ways.
    const DIFF: &[u8] = b"\
diff --git a/new.txt b/new.txt
new file mode 100644
index 0000000..3e75765
--- /dev/null
+++ b/new.txt
@@ -0,0 +1,2 @@
+new
+--- a/not/a/header
diff --git a/data/old.txt b/data/old.txt
deleted file mode 100644
index 3367afd..0000000
--- a/data/old.txt
+++ /dev/null
@@ -1 +0,0 @@
-old
diff --git \"a/\\353\\271\\204 \\\"q\\\".txt\" \"b/\\353\\271\\204 \\\"q\\\".txt\"
index 3367afd..0cfbf08 100644
--- \"a/\\353\\271\\204 \\\"q\\\".txt\"
+++ \"b/\\353\\271\\204 \\\"q\\\".txt\"
@@ -1 +1 @@
-a
+b
\\ No newline at end of file
diff --git a/from b.txt b/sub/to b.txt
similarity index 100%
rename from from b.txt
rename to sub/to b.txt
diff --git a/image.png b/image.png
index 1cf3a3e..d7d1bf2 100644
Binary files a/image.png and b/image.png differ
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
diff --git a/empty file b/empty file
new file mode 100644
index 0000000..e69de29
";

    #[test]
    fn each_change_of_a_git_diff_is_listed() {
        use FileChange::{Added, Deleted, Modified, Renamed};

        let files = files_in(DIFF).unwrap();
        let found: Vec<_> = files
            .iter()
            .map(|file| (file.change, file.path.as_str(), file.old_path.as_deref()))
            .collect();
        let expected = [
            (Added, "new.txt", None),
            (Deleted, "data/old.txt", None),
            (Modified, "비 \"q\".txt", None),
            (Renamed, "sub/to b.txt", Some("from b.txt")),
            (Modified, "image.png", None),
            (Modified, "run.sh", None),
            (Added, "empty file", None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn content_that_is_not_utf_8_does_not_matter() {
        let diff = b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-\xff\n+\xfe\n";
        assert_eq!(files_in(diff).unwrap()[0].path, "a");
    }

    #[test]
    fn no_change_is_an_empty_list_and_other_text_is_an_error_that_does_not_show_it() {
        assert_eq!(files_in(b"").unwrap(), []);
        assert_eq!(files_in(b"\n").unwrap(), []);
        for text in ["<html>hush</html>", "diff --git a/hush\n"] {
            assert_eq!(files_in(text.as_bytes()).unwrap_err(), "is not a git diff", "{text}");
        }
    }

    #[tokio::test]
    async fn only_ids_of_commits_are_compared() {
        let stub = HubStub::new();
        let sha = "1111111111111111111111111111111111111111";
        for (old, new) in
            [("", sha), (sha, "main"), (sha, "../22222"), (sha, "1111..2222"), ("12", sha)]
        {
            let error = stub.hub().changed_files("me/x", old, new).await.unwrap_err();
            assert!(error.to_string().ends_with("is not the id of a commit"), "{error}");
        }
        assert_eq!(stub.calls(), []);
    }
}
