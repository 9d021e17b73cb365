//! Remembers which steps have failed at the first check, so that a later check repeats only these.

use super::plan::{LeaveReason, PlannedStep, RegistrationPlan, StepAction, WebhookChange};

/// The steps that are still to be done.
#[derive(Debug, Default)]
pub(super) struct Unfinished(Vec<UnfinishedStep>);

#[derive(Debug, PartialEq, Eq)]
struct UnfinishedStep {
    /// The path of the endpoint.
    path: String,
    /// The id of its webhook; `None` if it is to be created.
    id: Option<String>,
}

impl Unfinished {
    /// Returns the steps of a plan that were not carried out. `done` are the paths of the others. A webhook that another
    /// server uses is taken over later.
    pub(super) fn of(plan: &RegistrationPlan, done: &[String]) -> Self {
        let is_in_use =
            |action: &StepAction| matches!(action, StepAction::LeaveAlone(LeaveReason::InUse(_)));
        let is_wanted = |step: &&PlannedStep| step.action.is_change() || is_in_use(&step.action);
        let open = plan.steps.iter().filter(is_wanted).filter(|step| !done.contains(&step.path));
        let step = open.map(|step| UnfinishedStep { path: step.path.clone(), id: step.id.clone() });
        Self(step.collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the step of the endpoint at this path is still to be done.
    pub(super) fn contains(&self, path: &str) -> bool {
        self.0.iter().any(|step| step.path == path)
    }

    /// Forgets the steps that were done, or that are no longer needed. `still` are those of a later check.
    pub(super) fn keep(&mut self, still: &Self) {
        self.0.retain(|step| still.0.contains(step));
    }

    /// Keeps of a later plan only the steps that are still to be done, those that enable what the Hub has suspended,
    /// and those that change nothing. A webhook that a person has changed meanwhile stays as it is.
    pub(super) fn restrict(&self, plan: &mut RegistrationPlan) {
        plan.steps.retain_mut(|step| {
            let is_open = |open: &UnfinishedStep| open.path == step.path && open.id == step.id;
            if self.0.iter().any(is_open) {
                return true;
            }
            match &step.action {
                StepAction::Create(_) => return false,
                // At another URL, it is not known whether its deliveries work again.
                StepAction::Update { changes, enables: Some(reason), .. } if !has_url(changes) => {
                    step.action = StepAction::Enable(*reason);
                }
                StepAction::Update { .. } | StepAction::Adopt => {
                    step.action = StepAction::Unchanged { paused: false };
                }
                StepAction::Enable(_)
                | StepAction::Unchanged { .. }
                | StepAction::LeaveAlone(_) => {}
            }
            true
        });
    }
}

fn has_url(changes: &[WebhookChange]) -> bool {
    changes.iter().any(|change| matches!(change, WebhookChange::Url { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::WebhookSpec;
    use crate::registration::plan::EnableReason;

    fn plan(steps: &[(&str, Option<&str>, StepAction)]) -> RegistrationPlan {
        let step = |(path, id, action): &(&str, Option<&str>, StepAction)| PlannedStep {
            path: (*path).to_owned(),
            id: id.map(str::to_owned),
            action: action.clone(),
        };
        let steps = steps.iter().map(step).collect();
        RegistrationPlan { steps, warnings: Vec::new(), resumed: Vec::new(), unwatched: Vec::new() }
    }

    #[test]
    fn a_later_plan_changes_only_what_has_failed_and_enables() {
        let spec = || WebhookSpec::new("https://x.example/webhooks/x").watch("me/tiny");
        let update = |enables| StepAction::Update {
            spec: spec(),
            changes: Vec::new(),
            adopts: false,
            enables,
        };
        let moved = |enables| {
            let (before, after) = ("https://x.example".to_owned(), "https://y.example".to_owned());
            let changes = vec![WebhookChange::Url { before, after }];
            StepAction::Update { spec: spec(), changes, adopts: false, enables }
        };
        let first = plan(&[
            ("/a", None, StepAction::Create(spec())),
            ("/b", Some("b"), update(None)),
            ("/c", Some("c"), update(None)),
            ("/d", Some("d"), StepAction::Unchanged { paused: false }),
        ]);
        let mut unfinished = Unfinished::of(&first, &["/c".to_owned()]);
        let suspended = EnableReason::Suspended;
        let mut later = plan(&[
            ("/a", None, StepAction::Create(spec())),
            // A person has deleted it.
            ("/b", None, StepAction::Create(spec())),
            ("/c", Some("c"), update(None)),
            ("/d", Some("d"), update(Some(suspended))),
            ("/e", Some("e"), moved(Some(suspended))),
        ]);
        unfinished.restrict(&mut later);
        let kept: Vec<_> = later.steps.iter().map(|step| step.path.as_str()).collect();
        assert_eq!(kept, ["/a", "/c", "/d", "/e"]);
        let unchanged = StepAction::Unchanged { paused: false };
        let expected = [unchanged.clone(), StepAction::Enable(suspended), unchanged];
        assert!(later.steps[1..].iter().map(|step| &step.action).eq(&expected), "{later:?}");

        unfinished.keep(&Unfinished::of(&later, &[]));
        assert!(unfinished.contains("/a") && !unfinished.contains("/b"));
        unfinished.keep(&Unfinished::of(&later, &["/a".to_owned()]));
        assert!(unfinished.is_empty());
    }

    #[test]
    fn a_webhook_that_another_server_uses_is_taken_over_when_that_server_has_stopped() {
        let in_use = StepAction::LeaveAlone(LeaveReason::InUse("https://x.example".to_owned()));
        let disabled = StepAction::LeaveAlone(LeaveReason::DisabledByPerson);
        let first = plan(&[("/a", Some("a"), in_use), ("/b", Some("b"), disabled)]);
        let unfinished = Unfinished::of(&first, &[]);
        assert!(unfinished.contains("/a") && !unfinished.contains("/b"));
        let spec = WebhookSpec::new("https://y.example/webhooks/a").watch("me/tiny");
        let update = StepAction::Update { spec, changes: vec![], adopts: false, enables: None };
        let mut later = plan(&[("/a", Some("a"), update)]);
        unfinished.restrict(&mut later);
        assert!(later.has_changes());
    }
}
