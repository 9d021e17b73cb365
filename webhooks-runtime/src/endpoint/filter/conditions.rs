//! Decides whether a delivery matches a filter.

use std::sync::{Arc, OnceLock};

use super::event::{CONTENT, EventPattern};
use super::lists::{all_of, any_of, none_of};
use super::paths::{PathPattern, selects};
use super::refs::{BRANCHES, RefPattern};
use super::watch::WatchedRepo;
use crate::payload::{
    Deviations, EventAction, EventScope, FieldPath, WebhookPayload, WebhookPayloadEvent,
    WebhookPayloadRepo, WebhookPayloadUpdatedRef,
};

/// The names in JSON of the fields that `branch`, `refs` and `paths` need.
const UPDATED_REFS: &str = "updatedRefs";
const UPDATED_FILES: &str = "updatedFiles";
const UPDATED_FILES_TRUNCATED: &str = "updatedFilesTruncated";

/// The conditions of a filter. A list without a value is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    pub(super) on: Vec<EventPattern>,
    pub(super) watch: Vec<WatchedRepo>,
    pub(super) branch: Vec<RefPattern>,
    pub(super) refs: Vec<RefPattern>,
    pub(super) paths: Vec<PathPattern>,
    pub(super) reasons: Reasons,
}

/// Why deliveries are skipped. Each text depends only on the filter, so it is written once, at the first such delivery.
#[derive(Clone, Debug, Default)]
pub(super) struct Reasons {
    on: OnceLock<Arc<str>>,
    watch: OnceLock<Arc<str>>,
    refs: OnceLock<Arc<str>>,
    no_refs: OnceLock<Arc<str>>,
    paths: OnceLock<Arc<str>>,
    no_paths: OnceLock<Arc<str>>,
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
        let restricts_content = self.restricts_refs() || self.restricts_paths();
        if self.on.is_empty() && restricts_content && !is_content {
            return skip(&self.reasons.on, || format!("on: the event is not {CONTENT}"));
        }
        if !self.watches(&payload.repo) {
            return skip(&self.reasons.watch, || {
                format!("watch: the repo is {}", none_of(&self.watch))
            });
        }
        if !is_content {
            return Verdict::Match;
        }
        if self.restricts_refs() {
            let verdict = self.evaluate_refs(payload, deviations);
            if verdict != Verdict::Match {
                return verdict;
            }
        }
        if self.restricts_paths() {
            return self.evaluate_paths(payload, deviations);
        }
        Verdict::Match
    }

    fn evaluate_refs(&self, payload: &WebhookPayload, deviations: &Deviations) -> Verdict {
        if self.matching_refs(payload).next().is_some() {
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

    /// Decides by the files in the payload, which only the delivery of a bucket has. The files of a commit are unknown
    /// here, so it matches.
    fn evaluate_paths(&self, payload: &WebhookPayload, deviations: &Deviations) -> Verdict {
        if self.selected_files(payload).next().is_some() || is_truncated(payload) {
            return Verdict::Match;
        }
        let fields = [UPDATED_FILES, UPDATED_FILES_TRUNCATED, UPDATED_REFS];
        let is_listed = payload.updated_files.is_some();
        if !is_listed && payload.updated_refs.as_ref().is_some_and(|refs| !refs.is_empty()) {
            return Verdict::Match;
        }
        if let Some(path) = fields.into_iter().find_map(|field| deviations.dropped_at(field)) {
            return Verdict::Unknown(path.clone());
        }
        if is_listed {
            return Verdict::Skip(self.no_path());
        }
        skip(&self.reasons.no_paths, || {
            format!("paths: the delivery has no {UPDATED_REFS} and no {UPDATED_FILES}")
        })
    }

    /// Returns the reason to skip a delivery of which no file matches `paths`.
    pub(crate) fn no_path(&self) -> Arc<str> {
        let write = || format!("paths: no changed file matches {}", all_of(&self.paths)).into();
        Arc::clone(self.reasons.paths.get_or_init(write))
    }

    /// Returns the refs of the delivery that match `branch` or `refs`; all of them without these keys.
    pub(crate) fn matching_refs<'a>(
        &'a self,
        payload: &'a WebhookPayload,
    ) -> impl Iterator<Item = &'a WebhookPayloadUpdatedRef> {
        payload.updated_refs.iter().flatten().filter(|updated| {
            !self.restricts_refs()
                || self.branch.iter().any(|pattern| pattern.matches_branch(updated))
                || self.refs.iter().any(|pattern| pattern.selects_ref(&updated.ref_name))
        })
    }

    /// Returns whether `branch` or `refs` matches commits of the ref with this name.
    pub(crate) fn selects_ref(&self, name: &str) -> bool {
        !self.restricts_refs()
            || self.branch.iter().any(|pattern| pattern.selects_branch(name))
            || self.refs.iter().any(|pattern| pattern.selects_ref(name))
    }

    /// Returns the files in the payload that match `paths`.
    pub(crate) fn selected_files<'a>(
        &'a self,
        payload: &'a WebhookPayload,
    ) -> impl Iterator<Item = &'a str> {
        let paths = payload.updated_files.iter().flatten().map(|file| file.path.as_str());
        paths.filter(|path| self.selects(path))
    }

    /// Returns whether the file at this path matches `paths`.
    pub(crate) fn selects(&self, path: &str) -> bool {
        selects(&self.paths, path)
    }

    /// Returns whether `paths` restricts the deliveries of this event.
    pub(crate) fn restricts_files_of(&self, payload: &WebhookPayload) -> bool {
        self.restricts_paths() && payload.event.matches(EventAction::Update, CONTENT)
    }

    pub(super) fn restricts_refs(&self) -> bool {
        !self.branch.is_empty() || !self.refs.is_empty()
    }

    pub(crate) fn restricts_paths(&self) -> bool {
        !self.paths.is_empty()
    }

    /// Returns whether commits may match.
    pub(crate) fn covers_commits(&self) -> bool {
        let commit =
            WebhookPayloadEvent { action: EventAction::Update, scope: EventScope::RepoContent };
        self.on.is_empty() || self.on.iter().any(|pattern| pattern.matches(&commit))
    }

    /// Returns whether deliveries of a repo may match.
    pub(crate) fn watches(&self, repo: &WebhookPayloadRepo) -> bool {
        self.watch.is_empty() || self.watch.iter().any(|watched| watched.matches(repo))
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

    /// Returns the path of a file that matches.
    pub(crate) fn example_path(&self) -> Option<String> {
        let mut examples = self.paths.iter().filter_map(PathPattern::example);
        examples.find(|path| self.selects(path))
    }
}

/// Returns whether the payload of a bucket lists only some of the changed files.
pub(crate) fn is_truncated(payload: &WebhookPayload) -> bool {
    payload.updated_files_truncated == Some(true)
}

fn skip(reason: &OnceLock<Arc<str>>, write: impl FnOnce() -> String) -> Verdict {
    Verdict::Skip(Arc::clone(reason.get_or_init(|| write().into())))
}
