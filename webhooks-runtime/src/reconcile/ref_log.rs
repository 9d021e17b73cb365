//! Records how deliveries have moved the refs of a repo, in the order in which they were noted, and which deliveries were
//! made here.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::memory::NO_COMMIT;
use crate::payload::WebhookPayloadUpdatedRef;

/// One ref that a delivery has moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RefLogEntry {
    id: Uuid,
    #[serde(rename = "ref")]
    ref_name: String,
    old: String,
    new: String,
    /// The delivery, if it was made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<Uuid>,
}

impl RefLogEntry {
    /// Creates the entry of a delivery that has arrived.
    pub(super) fn arrived(ref_name: &str, (old, new): (&str, &str)) -> Self {
        let (old, new) = (old.to_owned(), new.to_owned());
        Self { id: Uuid::now_v7(), ref_name: ref_name.to_owned(), old, new, made: None }
    }

    /// Creates the entry of a delivery that was made here.
    pub(super) fn made(ref_name: &str, moved: (&str, &str), delivery: Uuid) -> Self {
        Self { made: Some(delivery), ..Self::arrived(ref_name, moved) }
    }
}

/// The entries of a repo, the oldest first.
#[derive(Debug, Default)]
pub(super) struct RefLog(Vec<RefLogEntry>);

impl RefLog {
    /// Reads entries. The first line may be cut off.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Writes entries, one in each line.
    pub(super) fn to_text(entries: &[RefLogEntry]) -> String {
        let line = |entry| serde_json::to_string(entry).unwrap_or_default() + "\n";
        entries.iter().map(line).collect()
    }

    /// Returns the id of the last entry.
    pub(super) fn last_id(&self) -> Option<Uuid> {
        self.0.last().map(|entry| entry.id)
    }

    /// Returns how deliveries that have arrived moved a ref, after an entry. If that entry is not there any more, all
    /// entries are newer.
    pub(super) fn moves(&self, ref_name: &str, after: Option<Uuid>) -> RefMoves<'_> {
        let start = self.0.iter().position(|entry| Some(entry.id) == after).map_or(0, |at| at + 1);
        let entries = self.0[start..].iter();
        let arrived = entries.filter(|entry| entry.ref_name == ref_name && entry.made.is_none());
        RefMoves(arrived.map(|entry| (&*entry.old, &*entry.new)).collect())
    }

    /// Returns the delivery that was made here for the commit that a ref has been moved to; `None` if there is none, or
    /// if the ref has moved on since then and returns to the commit now.
    pub(super) fn made_for(&self, updated: &WebhookPayloadUpdatedRef) -> Option<Uuid> {
        let WebhookPayloadUpdatedRef { ref_name, old_sha, new_sha } = updated;
        let (old, new) = (old_sha.as_deref().unwrap_or(NO_COMMIT), new_sha.as_deref()?);
        let of_ref: Vec<_> = self.0.iter().filter(|entry| entry.ref_name == *ref_name).collect();
        let made = of_ref.iter().rposition(|entry| entry.made.is_some() && entry.new == new)?;
        let returns = of_ref[made..].iter().any(|entry| entry.new == old);
        if returns { None } else { of_ref[made].made }
    }
}

/// How deliveries have moved a ref: from and to which commits. The Hub sends them in any order.
#[derive(Debug)]
pub(super) struct RefMoves<'a>(Vec<(&'a str, &'a str)>);

impl<'a> RefMoves<'a> {
    /// Returns whether the moves have brought a ref to a commit, which was at the commit `from` before them: whether they
    /// lead to it more often than away from it.
    pub(super) fn bring(&self, from: &str, commit: &str) -> bool {
        let to = self.0.iter().filter(|(_, new)| *new == commit).count();
        let away = self.0.iter().filter(|(old, _)| *old == commit).count();
        usize::from(from == commit) + to > away
    }

    /// Follows the moves from a commit as far as they lead, and returns the last one.
    ///
    /// A move that no other one leads to is not followed: a sample that a person triggers, the replay of an older
    /// delivery, and a delivery after a missed one.
    pub(super) fn last_after<'b>(&self, from: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let (mut left, mut at) = (self.0.clone(), from);
        while let Some(next) = left.iter().position(|(old, _)| *old == at) {
            at = left.remove(next).1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "refs/heads/main";

    fn log(moves: &[(&str, &str)]) -> RefLog {
        RefLog(moves.iter().map(|moved| RefLogEntry::arrived(MAIN, *moved)).collect())
    }

    #[test]
    fn a_ref_is_where_its_moves_have_brought_it_in_any_order_of_arrival() {
        for (name, moves, current, is_brought, last) in [
            ("nothing has changed", &[][..], "a", true, "a"),
            ("a missed commit", &[], "b", false, "a"),
            ("a delivery", &[("a", "b")], "b", true, "b"),
            ("a missed commit after it", &[("a", "b")], "c", false, "b"),
            ("another order", &[("c", "d"), ("a", "b"), ("b", "c")], "d", true, "d"),
            ("a delivery after a missed one", &[("b", "c")], "c", true, "a"),
            ("two missed ones around a delivery", &[("b", "c")], "d", false, "a"),
            ("a sample and a replay", &[("1", "2"), ("0", "a")], "b", false, "a"),
            ("back and forth", &[("a", "b"), ("b", "a")], "a", true, "a"),
            ("back, then a missed commit", &[("a", "b"), ("b", "a")], "b", false, "a"),
            ("back, then on", &[("a", "b"), ("b", "a"), ("a", "c")], "c", true, "c"),
            ("back and on, missed", &[("a", "b"), ("b", "a"), ("a", "c")], "b", false, "c"),
            (
                "back and on, in another order",
                &[("a", "c"), ("a", "b"), ("b", "a")],
                "c",
                true,
                "c",
            ),
            ("deleted and created again", &[("a", NO_COMMIT), (NO_COMMIT, "b")], "b", true, "b"),
            ("created again, without its deletion", &[(NO_COMMIT, "b")], "b", true, "a"),
            ("more than the Hub's response", &[("a", "b"), ("b", "c")], "b", false, "c"),
        ] {
            let log = log(moves);
            let moves = log.moves(MAIN, None);
            assert_eq!(
                (moves.bring("a", current), moves.last_after("a")),
                (is_brought, last),
                "{name}"
            );
        }
    }

    #[test]
    fn only_later_moves_of_the_same_ref_count() {
        let mut log = log(&[("a", "b"), ("b", "c")]);
        log.0.push(RefLogEntry::arrived("refs/tags/v1", ("c", "d")));
        log.0.push(RefLogEntry::made(MAIN, ("c", "d"), Uuid::nil()));
        let moves = |after: Option<Uuid>| log.moves(MAIN, after).0;
        assert_eq!(moves(None), [("a", "b"), ("b", "c")]);
        assert_eq!(moves(Some(log.0[0].id)), [("b", "c")]);
        assert_eq!(moves(log.last_id()), []);
        // Its entry was cut off.
        assert_eq!(moves(Some(Uuid::now_v7())).len(), 2);
    }

    #[test]
    fn entries_are_read_after_a_line_that_is_cut_off() {
        let log = log(&[("a", "b"), ("b", "c\n")]);
        let text = RefLog::to_text(&log.0);
        assert_eq!(RefLog::parse(&text).0, log.0);
        assert_eq!(RefLog::parse(&text[1..]).0, log.0[1..]);
        assert_eq!(RefLog::parse("").0, []);
    }

    #[test]
    fn a_made_delivery_is_known_until_the_ref_returns_to_its_commit() {
        let id = Uuid::now_v7();
        let made = RefLogEntry::made(MAIN, ("a", "c"), id);
        let find = |later: &[(&str, &str)], (old, new): (&str, &str)| {
            let mut log = log(&[("0", "a"), ("x", "c")]);
            log.0.push(made.clone());
            log.0.extend(later.iter().map(|moved| RefLogEntry::arrived(MAIN, *moved)));
            log.made_for(&WebhookPayloadUpdatedRef {
                ref_name: MAIN.to_owned(),
                old_sha: Some(old.to_owned()),
                new_sha: Some(new.to_owned()),
            })
        };
        for (name, later, moved, is_known) in [
            ("the same", &[][..], ("a", "c"), true),
            ("the last of two missed commits", &[], ("b", "c"), true),
            ("the first of two missed commits", &[], ("a", "b"), false),
            ("after later commits", &[("c", "d"), ("d", "e")], ("b", "c"), true),
            ("a forced push back", &[("c", "d")], ("d", "c"), false),
            ("the same, after a forced push back", &[("c", "d"), ("d", "c")], ("b", "c"), true),
        ] {
            assert_eq!(find(later, moved).is_some(), is_known, "{name}");
        }
        let deleted = WebhookPayloadUpdatedRef {
            ref_name: MAIN.to_owned(),
            old_sha: Some("c".to_owned()),
            new_sha: None,
        };
        assert_eq!(RefLog(vec![made]).made_for(&deleted), None);
    }
}
