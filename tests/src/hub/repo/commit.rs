//! Commits: each has all files of the repo at its time.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Repo;

pub(in crate::hub) const MAIN: &str = "refs/heads/main";

/// Contents of files by their paths.
pub(in crate::hub) type Files = BTreeMap<String, Arc<[u8]>>;

/// A commit.
#[derive(Clone, Debug)]
pub(in crate::hub) struct RepoCommit {
    pub(in crate::hub) oid: String,
    pub(in crate::hub) parent: Option<String>,
    pub(in crate::hub) title: String,
    pub(in crate::hub) date: String,
    pub(in crate::hub) files: Files,
}

/// A change that a commit makes.
#[derive(Clone, Debug)]
pub(in crate::hub) enum Change {
    Add(String, Vec<u8>),
    Delete(String),
    DeleteFolder(String),
}

/// What a commit needs beside its changes.
#[derive(Clone, Debug)]
pub(in crate::hub) struct CommitMessage {
    pub(in crate::hub) title: String,
    pub(in crate::hub) date: String,
}

impl Repo {
    /// Returns the commit of a branch, tag, full ref, or oid of at least 7 digits.
    pub(in crate::hub) fn resolve(&self, revision: &str) -> Option<&RepoCommit> {
        let names = [
            revision.to_owned(),
            format!("refs/heads/{revision}"),
            format!("refs/tags/{revision}"),
        ];
        let of_ref = names.iter().find_map(|name| self.refs.get(name));
        let by_oid = || {
            let is_oid = revision.len() >= 7;
            self.commits.keys().find(|oid| is_oid && oid.starts_with(revision))
        };
        self.commits.get(of_ref.or_else(by_oid)?)
    }

    /// Returns a commit and those before it, the newest first.
    pub(in crate::hub) fn history<'a>(
        &'a self,
        commit: &'a RepoCommit,
    ) -> impl Iterator<Item = &'a RepoCommit> {
        std::iter::successors(Some(commit), |commit| self.commits.get(commit.parent.as_ref()?))
    }

    /// Returns the content of a large file that is in a commit or was copied, by its SHA-256.
    pub(in crate::hub) fn large_file(&self, digest: &str) -> Option<&Arc<[u8]>> {
        let committed = self.commits.values().flat_map(|commit| &commit.files);
        let mut large = committed.filter(|(path, contents)| is_lfs(path, contents.len() as u64));
        let found =
            large.find_map(|(_, contents)| (sha256(contents) == digest).then_some(contents));
        found.or_else(|| self.copied.get(digest))
    }

    /// Returns the full name of a branch or a pull request that can be committed to.
    pub(in crate::hub) fn writable_ref(&self, revision: &str) -> Option<String> {
        let names = [revision.to_owned(), format!("refs/heads/{revision}")];
        let is_writable =
            |name: &String| ["refs/heads/", "refs/pr/"].iter().any(|it| name.starts_with(it));
        names.into_iter().find(|name| is_writable(name) && self.refs.contains_key(name))
    }

    /// Makes a commit on top of another one, and returns its oid. No ref points to it yet.
    ///
    /// # Errors
    ///
    /// The path of a deleted file or folder that does not exist, or of a file that would be a folder as well.
    pub(in crate::hub) fn commit(
        &mut self,
        parent: Option<&str>,
        changes: Vec<Change>,
        message: CommitMessage,
    ) -> Result<String, String> {
        let parent_commit = parent.and_then(|oid| self.commits.get(oid));
        let mut files = parent_commit.map(|commit| commit.files.clone()).unwrap_or_default();
        for change in changes {
            apply(&mut files, change)?;
        }
        let oid = oid_of(self, parent, &files, &message);
        let CommitMessage { title, date } = message;
        let parent = parent.map(str::to_owned);
        let commit = RepoCommit { oid: oid.clone(), parent, title, date, files };
        self.commits.insert(oid.clone(), commit);
        Ok(oid)
    }
}

/// Changes files.
pub(in crate::hub) fn apply(files: &mut Files, change: Change) -> Result<(), String> {
    let before = files.len();
    match change {
        Change::Add(path, contents) => {
            let folder = format!("{path}/");
            let is_folder = files.keys().any(|file| file.starts_with(&folder));
            let mut parents = path.match_indices('/').map(|(end, _)| &path[..end]);
            if is_folder || parents.any(|parent| files.contains_key(parent)) {
                return Err(format!("{path}, which would be a file and a folder"));
            }
            files.insert(path, contents.into());
            Ok(())
        }
        Change::Delete(path) => {
            files.remove(&path);
            if files.len() == before { Err(path) } else { Ok(()) }
        }
        Change::DeleteFolder(path) => {
            let folder = format!("{}/", path.trim_end_matches('/'));
            files.retain(|file, _| !file.starts_with(&folder));
            if files.len() == before { Err(path) } else { Ok(()) }
        }
    }
}

/// Returns a digest with as many digits as a SHA-1 has.
fn oid_of(repo: &Repo, parent: Option<&str>, files: &Files, message: &CommitMessage) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{}\n{parent:?}\n{message:?}\n", repo.id));
    for (path, contents) in files {
        hasher.update(path);
        hasher.update(contents);
    }
    hex(&hasher.finalize())[..40].to_owned()
}

/// Returns the SHA-256 of a file.
pub(in crate::hub) fn sha256(contents: &[u8]) -> String {
    hex(&Sha256::digest(contents))
}

/// Returns the id that git gives a file.
pub(in crate::hub) fn blob_id(contents: &[u8]) -> String {
    let mut hasher = Sha1::new_with_prefix(format!("blob {}\0", contents.len()));
    hasher.update(contents);
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns whether the Hub wants a file as LFS: by its name, as `.gitattributes` of a new repo says, or by its size.
pub(in crate::hub) fn is_lfs(path: &str, size: u64) -> bool {
    let extensions = ["bin", "safetensors", "parquet", "onnx", "zip", "gz"];
    let extension = path.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    extensions.contains(&extension) || size > 10 * 1024 * 1024
}

/// Returns a large file's id in Xet's storage. An archive is as one from before Xet, and has none.
pub(in crate::hub) fn xet_hash(path: &str, contents: &[u8]) -> Option<String> {
    let digest = Sha256::new().chain_update("xet").chain_update(contents).finalize();
    (!path.ends_with(".gz")).then(|| hex(&digest))
}
