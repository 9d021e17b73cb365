//! The content of a commit.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::hub::error::HubError;
use crate::hub::files::commit_id;
use crate::hub::path::{check_file_path, filled};

/// A commit, for [`Hub::commit`](crate::Hub::commit).
///
/// `Debug` shows the paths, not the contents.
///
/// ```
/// use webhooks_runtime::hub::Commit;
///
/// let commit = Commit::new("Add the results")
///     .description("Evaluated on the test split.")
///     .add("results/test.json", r#"{"accuracy": 0.9}"#)
///     .delete("results/draft.json")
///     .pull_request(true);
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Commit {
    message: String,
    description: String,
    parent: Option<String>,
    pub(super) pull_request: bool,
    pub(super) operations: Vec<Operation>,
}

/// One change of a commit.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Operation {
    Add {
        path: String,
        content: Vec<u8>,
    },
    /// Adds a large file whose content the Hub has copied to the repo.
    AddStored {
        path: String,
        sha256: String,
    },
    DeleteFile {
        path: String,
    },
    DeleteFolder {
        path: String,
    },
}

impl Commit {
    /// Creates a commit without changes, with the first line of its message.
    ///
    /// ```
    /// use webhooks_runtime::hub::Commit;
    ///
    /// let commit = Commit::new("Remove the logs").delete_folder("logs");
    /// ```
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            description: String::new(),
            parent: None,
            pull_request: false,
            operations: Vec::new(),
        }
    }

    /// Adds a file, or replaces it.
    ///
    /// Small files and text only: a file that the repo keeps as a large file (LFS) needs the crate `hf-hub`.
    ///
    /// ```
    /// use webhooks_runtime::hub::Commit;
    ///
    /// let commit = Commit::new("Add a README").add("README.md", "# Tiny\n");
    /// ```
    pub fn add(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        self.operations.push(Operation::Add { path: path.into(), content: content.into() });
        self
    }

    /// Deletes a file.
    ///
    /// ```
    /// use webhooks_runtime::hub::Commit;
    ///
    /// let commit = Commit::new("Remove a draft").delete("draft.md");
    /// ```
    pub fn delete(mut self, path: impl Into<String>) -> Self {
        self.operations.push(Operation::DeleteFile { path: path.into() });
        self
    }

    /// Deletes a folder and all files in it.
    ///
    /// ```
    /// use webhooks_runtime::hub::Commit;
    ///
    /// let commit = Commit::new("Remove the logs").delete_folder("logs");
    /// ```
    pub fn delete_folder(mut self, path: impl Into<String>) -> Self {
        self.operations.push(Operation::DeleteFolder { path: path.into() });
        self
    }

    /// Sets the rest of the message, below its first line.
    ///
    /// ```
    /// use webhooks_runtime::hub::Commit;
    ///
    /// let commit = Commit::new("Add results").description("For #7.").add("results.json", "{}");
    /// ```
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Sets the commit that this one must follow: the Hub rejects it when the branch has moved on.
    ///
    /// ```
    /// use webhooks_runtime::WebhookPayload;
    /// use webhooks_runtime::hub::Commit;
    /// # use webhooks_runtime::testing::dataset_commit;
    ///
    /// # let payload: WebhookPayload = dataset_commit().into();
    /// let mut commit = Commit::new("Sort").add("train.csv", "a\nb\n");
    /// if let Some(sha) = &payload.repo.head_sha {
    ///     commit = commit.parent(sha);
    /// }
    /// ```
    pub fn parent(mut self, sha: impl Into<String>) -> Self {
        self.parent = Some(sha.into());
        self
    }

    /// Sets whether to open a pull request with this commit, in place of committing to the branch.
    ///
    /// ```
    /// use webhooks_runtime::hub::Commit;
    ///
    /// let commit = Commit::new("Fix a typo").add("README.md", "# Tiny\n").pull_request(true);
    /// ```
    pub fn pull_request(mut self, open: bool) -> Self {
        self.pull_request = open;
        self
    }

    /// Adds a large file whose content the Hub has copied to the repo, or replaces it.
    pub(super) fn add_stored(mut self, path: String, sha256: String) -> Self {
        self.operations.push(Operation::AddStored { path, sha256 });
        self
    }

    /// Returns whether the commit changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Checks the commit before anything is sent.
    pub(super) fn check(&self) -> Result<(), HubError> {
        filled("message", &self.message)?;
        if self.is_empty() {
            return Err(HubError::argument("commit", "has no changes: add or delete a file"));
        }
        if let Some(parent) = &self.parent {
            commit_id("parent", parent)?;
        }
        self.operations.iter().try_for_each(|operation| match operation {
            Operation::Add { path, .. }
            | Operation::AddStored { path, .. }
            | Operation::DeleteFile { path } => check_file_path("path", path),
            Operation::DeleteFolder { path } => {
                check_file_path("path", path.strip_suffix('/').unwrap_or(path))
            }
        })
    }

    /// Returns the body: one line of JSON for the header, and one for each change.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut header = json!({ "summary": self.message, "description": self.description });
        if let Some(parent) = &self.parent {
            header["parentCommit"] = parent.as_str().into();
        }
        let mut body = Vec::new();
        let mut line = |key: &str, value: Value| {
            body.extend_from_slice(json!({ "key": key, "value": value }).to_string().as_bytes());
            body.push(b'\n');
        };
        line("header", header);
        for operation in &self.operations {
            match operation {
                Operation::Add { path, content } => {
                    let content = STANDARD.encode(content);
                    let file = json!({ "content": content, "path": path, "encoding": "base64" });
                    line("file", file);
                }
                Operation::AddStored { path, sha256 } => {
                    line("lfsFile", json!({ "path": path, "algo": "sha256", "oid": sha256 }));
                }
                Operation::DeleteFile { path } => line("deletedFile", json!({ "path": path })),
                Operation::DeleteFolder { path } => line("deletedFolder", json!({ "path": path })),
            }
        }
        body
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit")
            .field("message", &self.message)
            .field("operations", &self.operations)
            .field("pull_request", &self.pull_request)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (change, path) = match self {
            Self::Add { path, .. } | Self::AddStored { path, .. } => ("add", path),
            Self::DeleteFile { path } => ("delete", path),
            Self::DeleteFolder { path } => ("delete folder", path),
        };
        write!(f, "{change} {path}")
    }
}
