//! Formats what was registered at the start, for a person.

use std::fmt::Write as _;

use super::apply::StepError;
use super::plan::{RegistrationPlan, StepAction, WebhookChange};
use super::unfinished::Unfinished;
use crate::text::in_one_line;

/// What the first check of the webhooks has found and done.
pub(super) struct Announcement<'a> {
    pub(super) plan: &'a RegistrationPlan,
    /// The steps of the plan that are still to be done.
    pub(super) unfinished: &'a Unfinished,
    /// Why some of them have failed.
    pub(super) errors: &'a [StepError],
    /// The address of the Hub.
    pub(super) hub: &'a str,
}

impl Announcement<'_> {
    /// Formats a line for each endpoint.
    pub(super) fn text(&self) -> String {
        let mut text = format!("\nWebhooks on the Hub ({}/settings/webhooks):\n", self.hub);
        for step in &self.plan.steps {
            let failed = self.errors.iter().find(|error| error.is_of(&step.path));
            let line = match failed {
                _ if !step.action.is_change() || !self.unfinished.contains(&step.path) => {
                    format!("{}: {}", step.path, outcome(&step.action))
                }
                // It begins with the path.
                Some(error) => format!("{error}. It is tried again"),
                None => format!("{}: not done yet. It is tried again", step.path),
            };
            let _ = writeln!(text, "  - {}", in_one_line(&line));
        }
        for path in &self.plan.unwatched {
            let _ = writeln!(text, "  - {path}: none, because the endpoint has no `watch`");
        }
        text
    }

    /// Returns what a person should know of, in sentences without their full stops.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        self.plan.warnings.iter().map(|warning| in_one_line(&warning.to_string()).into_owned())
    }
}

/// Says what was done for an endpoint.
fn outcome(action: &StepAction) -> String {
    match action {
        StepAction::Create(spec) => {
            let watched: Vec<_> = spec.watched.iter().map(ToString::to_string).collect();
            format!("created, watches {}", watched.join(", "))
        }
        StepAction::Update { changes, enables: None, .. } => {
            format!("updated ({})", joined(changes))
        }
        StepAction::Update { changes, enables: Some(reason), .. } => {
            format!("updated ({}) and enabled, because {reason}", joined(changes))
        }
        StepAction::Adopt => "taken over unchanged".to_owned(),
        StepAction::Enable(reason) => format!("enabled, because {reason}"),
        StepAction::Unchanged { .. } => "unchanged".to_owned(),
        StepAction::LeaveAlone(reason) => format!("not changed: {reason}"),
    }
}

fn joined(changes: &[WebhookChange]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
