//! Formats a plan for the person who decides about it.

use crate::config::addresses::PublicUrl;
use crate::hub::WebhookDomain;
use crate::registration::plan::{EnableReason, PlannedStep, RegistrationPlan, StepAction};
use crate::text::in_one_line;

/// The width of the first column: its longest word is `left alone`.
const WIDTH: usize = 10;

/// Formats a plan: a line for each endpoint, below it what changes, or why nothing does.
pub(super) fn plan_text(plan: &RegistrationPlan, url: &PublicUrl, account: Option<&str>) -> String {
    let of_account = account.map_or_else(String::new, |name| format!(" of {}", in_one_line(name)));
    let mut text = format!("The webhooks{of_account} for {url}:\n\n");
    for step in &plan.steps {
        let id = step.id.as_deref().map_or_else(String::new, |id| format!("  {id}"));
        text += &line(word(&step.action), &format!("{}{id}", step.path));
        for detail in details(&step.action) {
            text += &line("", &format!("  {detail}"));
        }
    }
    for path in &plan.unwatched {
        text += &line("-", path);
        text += &line("", "  it has no `watch`, so it gets no webhook");
    }
    for warning in &plan.warnings {
        text += &format!("\nWarning: {}.\n", in_one_line(&warning.to_string()));
    }
    text
}

/// Formats the line of a step that is done.
pub(super) fn done_line(step: &PlannedStep, id: &str) -> String {
    line(done_word(&step.action), &format!("{}  {id}", step.path))
}

/// Returns what was done in a step.
pub(in crate::cli) fn done_word(action: &StepAction) -> &'static str {
    match action {
        StepAction::Create(_) => "created",
        StepAction::Update { .. } => "updated",
        StepAction::Adopt => "adopted",
        StepAction::Enable(_) => "enabled",
        StepAction::Unchanged { .. } | StepAction::LeaveAlone(_) => word(action),
    }
}

fn line(word: &str, text: &str) -> String {
    format!("  {word:WIDTH$}  {}\n", in_one_line(text))
}

fn word(action: &StepAction) -> &'static str {
    match action {
        StepAction::Create(_) => "create",
        StepAction::Update { .. } => "update",
        StepAction::Adopt => "adopt",
        StepAction::Enable(_) => "enable",
        StepAction::Unchanged { .. } => "unchanged",
        StepAction::LeaveAlone(_) => "left alone",
    }
}

fn details(action: &StepAction) -> Vec<String> {
    let adopted = "it calls this endpoint already, so this program takes care of it from now on";
    match action {
        StepAction::Create(spec) => {
            let watched: Vec<_> = spec.watched.iter().map(ToString::to_string).collect();
            let domains: Vec<_> = spec.domains.iter().map(WebhookDomain::as_str).collect();
            let secret = if spec.secret.is_some() { "yes" } else { "none" };
            vec![
                format!("watched: {}", watched.join(", ")),
                format!("domains: {}", domains.join(", ")),
                format!("secret: {secret}"),
            ]
        }
        StepAction::Update { changes, adopts, enables, .. } => {
            let adopts = adopts.then(|| adopted.to_owned());
            let enables = enables.map(enabled);
            let changes = changes.iter().map(ToString::to_string);
            adopts.into_iter().chain(changes).chain(enables).collect()
        }
        StepAction::Adopt => vec![adopted.to_owned()],
        StepAction::Enable(reason) => vec![enabled(*reason)],
        StepAction::Unchanged { paused: true } => {
            vec!["it stays disabled until the server starts".to_owned()]
        }
        StepAction::Unchanged { paused: false } => Vec::new(),
        StepAction::LeaveAlone(reason) => vec![reason.to_string()],
    }
}

fn enabled(reason: EnableReason) -> String {
    format!("enabled: {reason}")
}

/// Returns whether a step sends a secret to the Hub.
pub(super) fn sends_secret(action: &StepAction) -> bool {
    match action {
        StepAction::Create(spec) | StepAction::Update { spec, .. } => spec.secret.is_some(),
        _ => false,
    }
}
