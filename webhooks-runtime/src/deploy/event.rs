//! Defines what a deployment reports while it goes on.

use serde::Serialize;

/// A step of a deployment. With `--json`, each one is a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum DeployEvent<'a> {
    /// The Space was created.
    Created { space: &'a str, url: &'a str },
    /// A secret was set.
    SecretSet { name: &'a str },
    /// A variable was set.
    VariableSet { name: &'a str },
    /// Other hardware was requested.
    HardwareRequested { hardware: &'a str },
    /// The files were committed.
    Uploaded { files: usize, deleted: usize, commit: &'a str },
    /// The stage of the Space has changed.
    Stage { stage: &'a str },
    /// The Space is still at its stage, or does not respond yet. Not a line of JSON.
    #[serde(skip)]
    Waiting { on: &'a str, seconds: u64 },
    /// A line of the log of a Space that failed.
    Log { line: &'a str },
    /// The program responds at its public URL.
    Healthy { url: &'a str },
    /// A webhook was created, updated, or found as it must be.
    Webhook { endpoint: &'a str, action: &'a str, id: &'a str },
    /// Something that a person must know.
    Warning { message: &'a str },
    /// No webhook was registered.
    NotRegistered { reason: &'a str },
    /// The deployment is complete.
    Done { space: &'a str, url: &'a str },
}

/// Takes the events of a deployment.
pub(crate) type EventReport<'a> = &'a mut (dyn FnMut(DeployEvent<'_>) + 'a);
