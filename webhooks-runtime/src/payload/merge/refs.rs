//! Merges the changes of refs.
//!
//! Deliveries arrive in any order, so the order of two changes of a ref is found by their commits: `a → b` comes before
//! `b → c`, and together they are `a → c`. Commits are the nodes of a graph, and changes its edges. A chain of changes
//! begins at the commit that more changes leave than reach, and ends at the one that more changes reach than leave. So
//! it does not matter how often a chain passes the same commit, as after a forced push back to an older one.
//!
//! Changes that no chain connects, because a delivery between them is missing, are joined in order of arrival. No commit
//! at all, before a ref is created and after it is deleted, is a node like any other.

use indexmap::{IndexMap, IndexSet};
use serde_json::value::{RawValue, to_raw_value};

use crate::payload::WebhookPayloadUpdatedRef;

const OLD_SHA: &str = "oldSha";
const NEW_SHA: &str = "newSha";

/// A JSON object whose values are text, in the order of the JSON.
pub(super) type RawObject = IndexMap<String, Box<RawValue>>;

/// The changes of refs, in order of first appearance.
#[derive(Debug, Default)]
pub(super) struct RefChanges {
    by_name: IndexMap<String, RefHistory>,
    /// Elements of another form. Nobody but the function can tell what they mean.
    other: Vec<Box<RawValue>>,
}

impl RefChanges {
    /// Adds an element of `updatedRefs`.
    pub(super) fn add(&mut self, element: &RawValue) {
        let element = element.to_owned();
        match serde_json::from_str::<WebhookPayloadUpdatedRef>(element.get()) {
            Ok(WebhookPayloadUpdatedRef { ref_name, old_sha, new_sha }) => {
                let history = self.by_name.entry(ref_name).or_default();
                history.graph.add(old_sha, new_sha);
                history.last = Some(element);
            }
            Err(_) => self.other.push(element),
        }
    }

    /// Returns one element per ref.
    pub(super) fn merged(self) -> serde_json::Result<Vec<Box<RawValue>>> {
        let refs = self.by_name.into_values().filter_map(|history| history.merged().transpose());
        refs.chain(self.other.into_iter().map(Ok)).collect()
    }
}

/// The changes of one ref.
#[derive(Debug, Default)]
struct RefHistory {
    graph: CommitGraph,
    /// The element that arrived last. It may have members that this crate does not know.
    last: Option<Box<RawValue>>,
}

impl RefHistory {
    fn merged(mut self) -> serde_json::Result<Option<Box<RawValue>>> {
        let (Some(last), Some((old, new))) = (self.last, self.graph.ends()) else {
            return Ok(None);
        };
        let mut members: RawObject = serde_json::from_str(last.get())?;
        members.insert(OLD_SHA.to_owned(), to_raw_value(old)?);
        members.insert(NEW_SHA.to_owned(), to_raw_value(new)?);
        to_raw_value(&members).map(Some)
    }
}

/// A commit of a ref; `None` while the ref does not exist.
type RefTarget = Option<String>;

/// The commits of one ref, connected by its changes. A node is the index of its commit.
#[derive(Debug, Default)]
struct CommitGraph {
    /// In order of arrival.
    commits: IndexSet<RefTarget>,
    /// For each node: the number of changes that leave it, minus the number of those that reach it.
    balances: Vec<i64>,
    /// For each node: another one that it is connected with, and that arrived earlier; itself for the first.
    parents: Vec<usize>,
    /// In order of arrival.
    changes: Vec<(usize, usize)>,
}

impl CommitGraph {
    fn add(&mut self, old: RefTarget, new: RefTarget) {
        let (old, new) = (self.node(old), self.node(new));
        self.balances[old] += 1;
        self.balances[new] -= 1;
        self.changes.push((old, new));
        let (old, new) = (self.first(old), self.first(new));
        self.parents[old.max(new)] = old.min(new);
    }

    fn node(&mut self, commit: RefTarget) -> usize {
        let (node, is_new) = self.commits.insert_full(commit);
        if is_new {
            self.balances.push(0);
            self.parents.push(node);
        }
        node
    }

    /// Returns the connected node that arrived first. It is the same for all nodes of a chain. Shortens the way there
    /// for the next time.
    fn first(&mut self, mut node: usize) -> usize {
        while self.parents[node] != node {
            self.parents[node] = self.parents[self.parents[node]];
            node = self.parents[node];
        }
        node
    }

    /// Returns the commit before all changes, and the one after them; `None` without a change.
    fn ends(&mut self) -> Option<(&RefTarget, &RefTarget)> {
        let is_first = |&node: &usize| self.parents[node] == node;
        let last_chain = (0..self.parents.len()).rev().find(is_first)?;
        let ((begin, _), (_, end)) = (self.chain(0)?, self.chain(last_chain)?);
        Some((&self.commits[begin], &self.commits[end]))
    }

    /// Returns the first and the last commit of the chain whose first node this is. A chain that ends where it begins
    /// shows no end: then it is where the change that arrived first begins.
    fn chain(&mut self, first: usize) -> Option<(usize, usize)> {
        let mut changes = self.changes.clone();
        changes.retain(|(old, _)| self.first(*old) == first);
        let begin = changes.iter().find(|(old, _)| self.balances[*old] > 0).or(changes.first())?.0;
        let end = changes.iter().rev().find(|(_, new)| self.balances[*new] < 0);
        Some((begin, end.map_or(begin, |(_, new)| *new)))
    }
}
