//! Deploys the project to a Docker Space: creates or updates the Space, and follows its build until the program responds.
//!
//! Nothing in the project's folder is changed. What the project lacks for a Space, a `Dockerfile` and settings in
//! `README.md`, is added to the upload only.
//!
//! - `project` finds the project's packages, and `files` the files to upload: `git` lists them, `dockerignore` and
//!   `exclusions` leave some out.
//! - `tokens` finds tokens of the Hub in files.
//! - `dockerfile` and `front_matter` make the files that the project lacks.
//! - `marker` is the list of files that a deployment has uploaded, which is stored on the Space.
//! - `snapshot` reads what the Space has, `plan` decides what changes, and `apply` changes it.
//! - `follow` follows the build and the start, and `health` waits for the program.
//! - `event` is what a deployment reports.
//! - `error` is what can fail.

pub(crate) mod apply;
mod dockerfile;
mod dockerignore;
pub(crate) mod error;
pub(crate) mod event;
mod exclusions;
pub(crate) mod files;
pub(crate) mod follow;
mod front_matter;
mod git;
mod health;
mod marker;
pub(crate) mod plan;
pub(crate) mod project;
pub(crate) mod snapshot;
mod tokens;

pub(crate) use self::tokens::has_token;
