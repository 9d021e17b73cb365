//! Registers the program's webhooks on the Hub: one for each endpoint with `watch`.
//!
//! These rules protect a person's account. Registration changes only webhooks of this program, never deletes one, never
//! leaves one without a watched repo, and never enables one that a person has disabled.
//!
//! - `endpoint` is what registration knows of an endpoint, with its secret.
//! - `new_secret` makes a secret for endpoints that have none.
//! - `ours` decides whether a webhook belongs to this program, by its URL.
//! - `remembered` keeps the ids of the webhooks that this program has registered, and its last public URL.
//! - `plan` compares the endpoints with the webhooks of an account, and decides what to do. It changes nothing.
//!   `planning` asks first whether another server of the program still uses them.
//! - `apply` carries out a plan.
//! - `pause` disables the webhooks of a tunnel while its server is stopped. `paused_notice` says at a start without
//!   registration that they still are.
//!
//! A running server does this by itself:
//!
//! - `part` is the part of the server, and `monitor` registers the webhooks and watches them, as often as `timing` says.
//!   `context` is what it works with, `lease` lets one replica do it, and `unfinished` are the steps that it repeats.
//!   `blocking` does what takes long.
//! - `own_health` checks that the public URL leads to this server. `check_error` is what can go wrong.
//! - `announcement` and `transitions` say what was done and what has happened, in the terminal or the log (`console`);
//!   `report` is what the page and `/health` show.

mod announcement;
mod apply;
pub(crate) mod blocking;
mod check_error;
mod console;
mod context;
pub(crate) mod endpoint;
mod lease;
mod monitor;
mod new_secret;
pub(crate) mod ours;
mod own_health;
mod part;
pub(crate) mod pause;
mod paused_notice;
pub(crate) mod plan;
mod planning;
pub(crate) mod remembered;
mod report;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod test_state;
mod timing;
mod transitions;
mod unfinished;

pub(crate) use apply::{Registrar, StepError};
pub(crate) use console::Printer;
pub(crate) use new_secret::{add_missing_secret, new_secret};
pub(crate) use part::{RegistrationSettings, compose};
pub(crate) use paused_notice::PausedNotice;
pub(crate) use planning::plan_beside_others;
