//! Remembers which steps have failed at the first check, so that a later check repeats only these.

use super::plan::{RegistrationPlan, StepAction};

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
    /// Returns the steps of a plan that were not carried out. `done` are the paths of the others.
    pub(super) fn of(plan: &RegistrationPlan, done: &[String]) -> Self {
        let changes = plan.steps.iter().filter(|step| step.action.is_change());
        let open = changes.filter(|step| !done.contains(&step.path));
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
    /// and those that change nothing.
    pub(super) fn restrict(&self, plan: &mut RegistrationPlan) {
        plan.steps.retain_mut(|step| {
            let is_open = |open: &UnfinishedStep| open.path == step.path && open.id == step.id;
            if self.0.iter().any(is_open) {
                return true;
            }
            if let StepAction::Update { enables: Some(reason), .. } = step.action {
                step.action = StepAction::Enable(reason);
            }
            !step.action.is_change() || matches!(step.action, StepAction::Enable(_))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::WebhookSpec;
    use crate::registration::plan::{EnableReason, PlannedStep};

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
        ]);
        unfinished.restrict(&mut later);
        let kept: Vec<_> = later.steps.iter().map(|step| step.path.as_str()).collect();
        assert_eq!(kept, ["/a", "/d"]);
        assert_eq!(later.steps[1].action, StepAction::Enable(suspended));

        unfinished.keep(&Unfinished::of(&later, &[]));
        assert!(unfinished.contains("/a") && !unfinished.contains("/b"));
        unfinished.keep(&Unfinished::of(&later, &["/a".to_owned()]));
        assert!(unfinished.is_empty());
    }
}
