//! Compares the program's endpoints with the webhooks of an account, and decides what to do. Changes nothing.
//!
//! - `decide` decides for each endpoint, by the rules that protect the account.
//! - `change` is a difference between a webhook and what its endpoint needs.
//! - `overlap` finds other webhooks that call the same function for the same repo.
//! - `servers` tells the servers of the program apart by their public URLs.
//! - `words` says in words what is done, and why something is left as it is.

mod change;
mod decide;
mod overlap;
mod servers;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

pub(crate) use change::WebhookChange;
pub(crate) use decide::plan;
pub(crate) use servers::taken;

use super::endpoint::WebhookEndpoint;
use super::remembered::{RememberedWebhooks, ServerUrl};
use crate::hub::{WatchedItem, Webhook, WebhookSpec};

/// What a plan is made from.
#[derive(Clone, Debug)]
pub(crate) struct PlanInput {
    /// All endpoints of the program, also those without `watch`.
    pub(crate) endpoints: Arc<[WebhookEndpoint]>,
    pub(crate) public_url: ServerUrl,
    /// All webhooks of the account.
    pub(crate) account: Arc<[Webhook]>,
    pub(crate) remembered: RememberedWebhooks,
    pub(crate) mode: RegistrationMode,
    pub(crate) now: SystemTime,
    /// The public URLs of other servers of the program that run now. Their webhooks stay theirs.
    pub(crate) running: BTreeSet<String>,
}

/// Who wants the webhooks to agree with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RegistrationMode {
    /// A person, who sees the plan first: `webhooks sync`.
    Sync,
    /// A server that starts, or that runs. It creates, it updates only webhooks that it remembers, and it enables only
    /// suspended ones and those that it has disabled itself.
    Unattended,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegistrationPlan {
    /// At most one step for each endpoint and webhook.
    pub(crate) steps: Vec<PlannedStep>,
    pub(crate) warnings: Vec<PlanWarning>,
    /// The ids of webhooks that work again although this program has disabled them: a person has enabled them.
    pub(crate) resumed: Vec<String>,
    /// The paths of the endpoints that get no webhook, because they have no `watch`.
    pub(crate) unwatched: Vec<String>,
}

/// What to do for one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedStep {
    /// The path of the endpoint.
    pub(crate) path: String,
    /// The id of its webhook; `None` if it has none yet.
    pub(crate) id: Option<String>,
    pub(crate) action: StepAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StepAction {
    Create(WebhookSpec),
    Update {
        spec: WebhookSpec,
        /// Not empty.
        changes: Vec<WebhookChange>,
        /// Whether it is not remembered yet.
        adopts: bool,
        enables: Option<EnableReason>,
    },
    /// Remember it, and nothing else.
    Adopt,
    Enable(EnableReason),
    /// It is as it should be.
    Unchanged {
        /// Whether this program has disabled it, until its server starts.
        paused: bool,
    },
    LeaveAlone(LeaveReason),
}

/// Why a webhook is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EnableReason {
    /// The Hub has suspended it after failures.
    Suspended,
    /// This program has disabled it, because its server was stopped.
    Paused,
}

/// Why a webhook stays as it is, although it may not be as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeaveReason {
    /// A person has disabled it.
    DisabledByPerson,
    /// The Hub keeps suspending it.
    SuspendedTooOften,
    /// It is not remembered, so that only a person may change it like this.
    NotRemembered(Vec<WebhookChange>),
    /// It has a secret, and the program knows none.
    UnknownSecret,
    /// It starts a Job now, and no longer calls a URL.
    StartsJob,
    /// Its endpoint no longer exists, or has no `watch` any more.
    NoWatch,
    /// It is disabled, perhaps by this program: the Hub has not confirmed that in time.
    PauseUnconfirmed,
    /// It calls another server of the program, which runs now at this public URL. It is taken over later.
    InUse(String),
}

/// Something that a person should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlanWarning {
    /// Another webhook, perhaps of the same program elsewhere, calls the same function for the same repos.
    AlsoWatched {
        path: String,
        id: String,
        /// Without its query.
        url: String,
        /// Watched by both.
        repos: Vec<WatchedItem>,
    },
    /// A suspended webhook is enabled that differs in more from what its endpoint needs.
    Differs { path: String, id: String, changes: Vec<WebhookChange> },
    /// The program has registered this webhook, but it calls another server of the program, which runs now.
    OfOtherServer { path: String, id: String, public_url: String },
}

impl RegistrationPlan {
    /// Returns whether the account changes, or what is remembered of it.
    pub(crate) fn has_changes(&self) -> bool {
        self.steps.iter().any(|step| step.action.is_change())
    }
}

impl StepAction {
    /// Returns whether the account changes, or what is remembered of it.
    pub(crate) fn is_change(&self) -> bool {
        match self {
            Self::Create(_) | Self::Update { .. } | Self::Adopt | Self::Enable(_) => true,
            Self::Unchanged { .. } | Self::LeaveAlone(_) => false,
        }
    }
}
