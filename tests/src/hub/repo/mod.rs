//! Repos: their commits, refs, discussions, and what a Space or a bucket has beside them.

pub(super) mod commit;
pub(super) mod diff;
pub(super) mod discussion;
pub(super) mod space;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use commit::{Files, RepoCommit};
use discussion::RepoDiscussion;
use serde_json::{Value, json};
use space::RepoSpace;

/// The type of a repo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RepoKind {
    Model,
    Dataset,
    Space,
    Bucket,
}

impl RepoKind {
    /// Returns the type as it is in payloads and bodies.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Dataset => "dataset",
            Self::Space => "space",
            Self::Bucket => "bucket",
        }
    }

    /// Returns the start of the repo's path on the web, with a slash at its end.
    pub(super) fn web_prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
            Self::Space => "spaces/",
            Self::Bucket => "buckets/",
        }
    }
}

impl FromStr for RepoKind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let kinds = [Self::Model, Self::Dataset, Self::Space, Self::Bucket];
        kinds.into_iter().find(|kind| kind.name() == name).ok_or(())
    }
}

/// A repo's type and name: `dataset:me/data`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RepoKey {
    pub(super) kind: RepoKind,
    pub(super) name: String,
}

impl RepoKey {
    /// Returns the user or organization that owns the repo.
    pub(super) fn owner(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Returns the path on the web, without a slash at its start.
    pub(super) fn web_path(&self) -> String {
        format!("{}{}", self.kind.web_prefix(), self.name)
    }
}

impl FromStr for RepoKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, name) = text.split_once(':').ok_or(())?;
        let is_valid = name.split('/').count() <= 2 && name.split('/').all(|part| !part.is_empty());
        if is_valid { Ok(Self { kind: kind.parse()?, name: name.to_owned() }) } else { Err(()) }
    }
}

impl fmt::Display for RepoKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.kind.name(), self.name)
    }
}

/// A repo.
#[derive(Clone, Debug)]
pub(super) struct Repo {
    pub(super) key: RepoKey,
    pub(super) id: String,
    pub(super) private: bool,
    pub(super) tags: Vec<String>,
    pub(super) created_at: String,
    /// By their oids.
    pub(super) commits: BTreeMap<String, RepoCommit>,
    /// The oids of refs by their full names: `refs/heads/main`.
    pub(super) refs: BTreeMap<String, String>,
    pub(super) discussions: BTreeMap<u64, RepoDiscussion>,
    pub(super) space: Option<RepoSpace>,
    /// Contents of large files that the Hub has copied from other repos, by their SHA-256.
    pub(super) copied: Files,
    /// The files of a bucket, which has no commits.
    pub(super) bucket: Files,
}

impl Repo {
    /// Returns the commit at the head of the main branch.
    pub(super) fn head(&self) -> Option<&str> {
        self.refs.get(commit::MAIN).map(String::as_str)
    }

    /// Returns the repo in a response, at a commit. `host` is the public URL of a Space.
    pub(super) fn info(&self, commit: &RepoCommit, host: &str) -> Value {
        let siblings: Vec<_> =
            commit.files.keys().map(|path| json!({ "rfilename": path })).collect();
        let mut info = json!({
            "_id": self.id,
            "id": self.key.name,
            "author": self.key.owner(),
            "sha": commit.oid,
            "createdAt": self.created_at,
            "lastModified": commit.date,
            "private": self.private,
            "gated": false,
            "disabled": false,
            "downloads": 0,
            "likes": 0,
            "tags": self.tags,
            "siblings": siblings,
        });
        if let Some(space) = &self.space {
            info["sdk"] = json!(space.sdk);
            info["host"] = json!(host);
            info["runtime"] = space.runtime();
        }
        info
    }

    /// Returns the repo in a list.
    pub(super) fn listed(&self) -> Value {
        let mut listed = json!({
            "_id": self.id,
            "id": self.key.name,
            "author": self.key.owner(),
            "createdAt": self.created_at,
            "private": self.private,
            "downloads": 0,
            "likes": 0,
            "tags": self.tags,
            "lastModified": self.last_modified(),
        });
        if let Some(space) = &self.space {
            listed["sdk"] = json!(space.sdk);
        }
        listed
    }

    /// Returns when the last commit of any ref was made.
    pub(super) fn last_modified(&self) -> &str {
        let dates = self.refs.values().filter_map(|oid| Some(&*self.commits.get(oid)?.date));
        dates.max().unwrap_or(&self.created_at)
    }

    /// Returns the branches, tags and, if wanted, pull requests in a response.
    pub(super) fn refs_json(&self, with_pull_requests: bool) -> Value {
        let below = |prefix: &str| -> Vec<_> {
            let refs = self.refs.iter().filter_map(|(full, oid)| {
                let name = full.strip_prefix(prefix)?;
                Some(json!({ "name": name, "ref": full, "targetCommit": oid }))
            });
            refs.collect()
        };
        let mut refs = json!({ "branches": below("refs/heads/"), "converts": [], "tags": below("refs/tags/") });
        if with_pull_requests {
            refs["pullRequests"] = json!(below("refs/pr/"));
        }
        refs
    }
}
