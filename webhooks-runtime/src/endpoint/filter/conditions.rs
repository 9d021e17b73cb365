//! Decides whether a delivery matches a filter.

use std::sync::{Arc, OnceLock};

use super::event::{CONTENT, EventPattern};
use super::lists::{any_of, none_of};
use super::refs::{BRANCHES, RefPattern};
use super::watch::WatchedRepo;
use crate::payload::{Deviations, EventAction, FieldPath, WebhookPayload};

/// The name in JSON of the field that `branch` and `refs` need.
const UPDATED_REFS: &str = "updatedRefs";

/// The conditions of a filter. A list without a value is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    pub(super) on: Vec<EventPattern>,
    pub(super) watch: Vec<WatchedRepo>,
    pub(super) branch: Vec<RefPattern>,
    pub(super) refs: Vec<RefPattern>,
    pub(super) reasons: Reasons,
}

/// Why deliveries are skipped. Each text depends only on the filter, so it is written once, at the first such delivery.
#[derive(Clone, Debug, Default)]
pub(super) struct Reasons {
    on: OnceLock<Arc<str>>,
    watch: OnceLock<Arc<str>>,
    refs: OnceLock<Arc<str>>,
    no_refs: OnceLock<Arc<str>>,
}

impl PartialEq for Reasons {
    /// Two filters are equal whatever texts they have written so far.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Reasons {}

/// Whether a delivery matches.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Match,
    /// It does not match, for this reason: the key of the condition and what did not match. The reason contains
    /// nothing from the delivery.
    Skip(Arc<str>),
    /// It may match, because this field was dropped: its value differs from the Hub's documentation.
    Unknown(FieldPath),
}

impl Conditions {
    /// Returns whether a delivery matches. `deviations` lists the fields that were dropped from the payload.
    ///
    /// The conditions that need only required fields come first, so that a field is not missed for a delivery that
    /// does not match anyway.
    pub(crate) fn evaluate(&self, payload: &WebhookPayload, deviations: &Deviations) -> Verdict {
        let event = &payload.event;
        if !self.on.is_empty() && !self.on.iter().any(|pattern| pattern.matches(event)) {
            return skip(&self.reasons.on, || format!("on: the event is {}", none_of(&self.on)));
        }
        let is_content = event.matches(EventAction::Update, CONTENT);
        if self.on.is_empty() && self.restricts_refs() && !is_content {
            return skip(&self.reasons.on, || format!("on: the event is not {CONTENT}"));
        }
        if !self.watch.is_empty() && !self.watch.iter().any(|repo| repo.matches(&payload.repo)) {
            return skip(&self.reasons.watch, || {
                format!("watch: the repo is {}", none_of(&self.watch))
            });
        }
        if self.restricts_refs() && is_content {
            return self.evaluate_refs(payload, deviations);
        }
        Verdict::Match
    }

    fn evaluate_refs(&self, payload: &WebhookPayload, deviations: &Deviations) -> Verdict {
        let matches = |updated: &_| {
            self.branch.iter().any(|pattern| pattern.matches_branch(updated))
                || self.refs.iter().any(|pattern| pattern.matches_ref(updated))
        };
        if payload.updated_refs.iter().flatten().any(matches) {
            return Verdict::Match;
        }
        if let Some(path) = deviations.dropped_at(UPDATED_REFS) {
            return Verdict::Unknown(path.clone());
        }
        let key = if self.branch.is_empty() { "refs" } else { "branch" };
        if payload.updated_refs.is_none() {
            return skip(&self.reasons.no_refs, || {
                format!("{key}: the delivery has no {UPDATED_REFS}")
            });
        }
        skip(&self.reasons.refs, || match (&self.branch[..], &self.refs[..]) {
            (branch, []) => format!("{key}: no commit to {}", any_of(branch)),
            ([], refs) => format!("{key}: no change of {}", any_of(refs)),
            (branch, refs) => {
                format!("{key}: no commit to {} and no change of {}", any_of(branch), any_of(refs))
            }
        })
    }

    pub(super) fn restricts_refs(&self) -> bool {
        !self.branch.is_empty() || !self.refs.is_empty()
    }

    /// Returns the watched repos and owners; none if all are.
    pub(crate) fn watched_repos(&self) -> &[WatchedRepo] {
        &self.watch
    }

    /// Returns the full name of a ref that matches.
    pub(crate) fn example_ref(&self) -> Option<String> {
        let branch = self.branch.iter().find_map(RefPattern::example);
        branch
            .map(|name| format!("{BRANCHES}{name}"))
            .or_else(|| self.refs.iter().find_map(RefPattern::example))
    }
}

fn skip(reason: &OnceLock<Arc<str>>, write: impl FnOnce() -> String) -> Verdict {
    Verdict::Skip(Arc::clone(reason.get_or_init(|| write().into())))
}
