//! Records how deliveries have moved the refs of a repo, in the order in which they were noted, and which deliveries were
//! made here.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::seen::{NO_COMMIT, SeenCommit};
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

/// What only the line of a delivery that was made here contains. Texts have no unescaped quotation marks.
const MADE: &str = "\"made\":";

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

    /// Reads the entries since the first delivery that was made here for one of these commits. Most logs have none, and to
    /// parse a long one takes longer than to accept a delivery.
    pub(super) fn parse_since_made(text: &str, refs: &[WebhookPayloadUpdatedRef]) -> Self {
        // The commits that the Hub has named need no escapes.
        let commits: Vec<_> = refs.iter().filter_map(|it| it.new_sha.as_deref()).collect();
        let is_made =
            |line: &str| line.contains(MADE) && commits.iter().any(|sha| line.contains(sha));
        let start =
            text.split_inclusive('\n').take_while(|line| !is_made(line)).map(str::len).sum();
        Self::parse(&text[start..])
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

    /// Returns what deliveries have made of a ref since a commit was seen. If the entry from then is not there any more, all
    /// entries are newer.
    pub(super) fn progress<'a>(
        &'a self,
        ref_name: &str,
        from: &'a SeenCommit,
        current: &'a str,
    ) -> RefProgress<'a> {
        let after = from.after;
        let start = self.0.iter().position(|entry| Some(entry.id) == after).map_or(0, |at| at + 1);
        let newer = self.0[start..].iter().filter(|entry| entry.ref_name == ref_name);
        let arrived = newer.clone().filter(|entry| entry.made.is_none());
        let mut moves = Moves(arrived.map(|entry| (&*entry.old, &*entry.new)).collect());
        let old = moves.follow(&from.sha).last().copied().unwrap_or(&from.sha);
        let new = moves.follow_back(current);
        // A ref that was deleted, or is created again, is a new one.
        let is_new = [old, new].contains(&NO_COMMIT);
        let is_made =
            newer.clone().any(|it| it.made.is_some() && (&*it.old, &*it.new) == (old, new));
        if old == current || old == new || is_new || is_made {
            return RefProgress::Known;
        }
        RefProgress::Missing { old, new }
    }

    /// Returns the delivery that was made here for the commit that a ref has been moved to; `None` if there is none, or
    /// if the ref has moved on since then and returns to the commit now.
    pub(super) fn made_for(&self, updated: &WebhookPayloadUpdatedRef) -> Option<Uuid> {
        let WebhookPayloadUpdatedRef { ref_name, old_sha, new_sha } = updated;
        let (old, new) = (old_sha.as_deref().unwrap_or(NO_COMMIT), new_sha.as_deref()?);
        let of_ref: Vec<_> = self.0.iter().filter(|entry| entry.ref_name == *ref_name).collect();
        let made = of_ref.iter().rposition(|entry| entry.made.is_some() && entry.new == new)?;
        let later = of_ref[made + 1..].iter();
        let mut moves = Moves(later.map(|entry| (&*entry.old, &*entry.new)).collect());
        if moves.follow(new).contains(&old) { None } else { of_ref[made].made }
    }
}

/// What deliveries have made of a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefProgress<'a> {
    /// They have moved it to its current commit, or it is a new ref.
    Known,
    /// No delivery has moved it from the one commit to the other. Deliveries have moved it on from there, if the second one
    /// is not the current commit.
    Missing { old: &'a str, new: &'a str },
}

/// From and to which commits deliveries have moved a ref. The Hub sends them in any order.
struct Moves<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Moves<'a> {
    /// Takes the moves that lead on from a commit, and returns their commits.
    ///
    /// It takes no move that no other one leads to: a sample that a person triggers, the replay of an older delivery, and a
    /// delivery after a missed one.
    fn follow(&mut self, from: &str) -> Vec<&'a str> {
        let (mut commits, mut at) = (Vec::new(), from);
        while let Some(next) = self.0.iter().position(|(old, _)| *old == at) {
            let (_, new) = self.0.remove(next);
            commits.push(new);
            at = new;
        }
        commits
    }

    /// Takes the moves that lead to a commit, and returns the first commit.
    fn follow_back(&mut self, to: &'a str) -> &'a str {
        let mut at = to;
        while let Some(before) = self.0.iter().position(|(_, new)| *new == at) {
            at = self.0.remove(before).0;
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

    fn seen(after: Option<Uuid>) -> SeenCommit {
        SeenCommit { sha: "a".to_owned(), since: 0, after }
    }

    #[test]
    fn a_ref_is_where_its_moves_have_brought_it_in_any_order_of_arrival() {
        for (name, moves, current, missing) in [
            ("nothing has changed", &[][..], "a", None),
            ("a missed commit", &[], "b", Some(("a", "b"))),
            ("a delivery", &[("a", "b")], "b", None),
            ("a missed commit after it", &[("a", "b")], "c", Some(("b", "c"))),
            ("another order", &[("c", "d"), ("a", "b"), ("b", "c")], "d", None),
            ("a delivery after a missed one", &[("b", "c")], "c", Some(("a", "b"))),
            ("deliveries around a missed one", &[("c", "d"), ("a", "b")], "d", Some(("b", "c"))),
            ("missed ones around a delivery", &[("b", "c")], "d", Some(("a", "d"))),
            ("a sample and a replay", &[("1", "2"), ("0", "a")], "b", Some(("a", "b"))),
            ("a sample of the same commits", &[("1", "b"), ("a", "b")], "b", None),
            ("back and forth", &[("a", "b"), ("b", "a")], "a", None),
            ("back, then a missed commit", &[("a", "b"), ("b", "a")], "b", Some(("a", "b"))),
            ("back, then on", &[("a", "b"), ("b", "a"), ("a", "c")], "c", None),
            ("back and on, in another order", &[("a", "b"), ("a", "c"), ("b", "a")], "c", None),
            ("deleted and created again", &[("a", NO_COMMIT), (NO_COMMIT, "b")], "b", None),
            ("deleted, and created without a delivery", &[("a", NO_COMMIT)], "b", None),
            ("deleted without a delivery", &[(NO_COMMIT, "b")], "b", None),
            ("the first of two missed ones is late", &[("a", "b")], "c", Some(("b", "c"))),
            ("more than the Hub's response", &[("a", "b"), ("b", "c")], "b", Some(("c", "b"))),
        ] {
            let expected =
                missing.map_or(RefProgress::Known, |(old, new)| RefProgress::Missing { old, new });
            assert_eq!(log(moves).progress(MAIN, &seen(None), current), expected, "{name}");
        }
    }

    #[test]
    fn only_later_moves_of_the_same_ref_count() {
        let mut log = log(&[("a", "b"), ("b", "c")]);
        log.0.push(RefLogEntry::arrived("refs/tags/v1", ("c", "d")));
        let last = log.last_id();
        log.0.push(RefLogEntry::made(MAIN, ("a", "e"), Uuid::nil()));
        let first = Some(log.0[0].id);
        for (name, after, current, missing) in [
            ("all", None, "c", None),
            ("none of the other ref", None, "d", Some(("c", "d"))),
            ("not the first", first, "c", Some(("a", "b"))),
            ("none", last, "c", Some(("a", "c"))),
            ("another replica has made it", last, "e", None),
            ("it was made before", log.last_id(), "e", Some(("a", "e"))),
            ("the entry was cut off", Some(Uuid::now_v7()), "c", None),
        ] {
            let expected =
                missing.map_or(RefProgress::Known, |(old, new)| RefProgress::Missing { old, new });
            assert_eq!(log.progress(MAIN, &seen(after), current), expected, "{name}");
        }
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
    fn only_entries_since_a_made_delivery_are_parsed_to_find_it() {
        let updated = |new: &str| WebhookPayloadUpdatedRef {
            ref_name: MAIN.to_owned(),
            old_sha: Some("b".repeat(40)),
            new_sha: Some(new.repeat(40)),
        };
        let [a, b, c] = ["a", "b", "c"].map(|sha| sha.repeat(40));
        let mut log = log(&[(&a, &b), (&b, &c), ("\"made\":", &c)]);
        let since_made = |log: &RefLog, new| {
            let text = RefLog::to_text(&log.0);
            RefLog::parse_since_made(&text, &[updated("0"), updated(new)])
        };
        assert_eq!(since_made(&log, "c").0, []);
        log.0.push(RefLogEntry::made(MAIN, (&a, &c), Uuid::now_v7()));
        log.0.push(RefLogEntry::arrived(MAIN, (&c, &a)));
        let made = since_made(&log, "c");
        assert_eq!(made.0, log.0[3..]);
        assert_eq!(made.made_for(&updated("c")), log.0[3].made);
        assert_eq!(since_made(&log, "b").0, []);
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
            ("the last of two, after the first", &[("a", "b")], ("b", "c"), true),
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
