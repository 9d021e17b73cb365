use actix_web::web::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::payload::WebhookPayload;
use crate::samples::dataset_commit;

/// Merges bodies in order of arrival.
fn merged(bodies: &[Value]) -> Value {
    let (newest, older) = bodies.split_last().unwrap();
    let mut merge = Merge::new();
    older.iter().for_each(|body| merge.add(body.to_string().as_bytes()));
    serde_json::from_slice(&merge.finish(Bytes::from(newest.to_string()))).unwrap()
}

/// Returns a body with changes of one ref. An empty commit is none.
fn of_main((old, new): (&str, &str)) -> Value {
    let commit = |sha: &str| (!sha.is_empty()).then(|| sha.to_owned());
    json!({ "updatedRefs": [
        { "ref": "refs/heads/main", "oldSha": commit(old), "newSha": commit(new) },
    ] })
}

/// Returns the change of the only ref after deliveries with these changes.
fn joined(changes: &[(&str, &str)]) -> (String, String) {
    let merged = merged(&changes.iter().map(|change| of_main(*change)).collect::<Vec<_>>());
    let [updated] = &merged["updatedRefs"].as_array().unwrap()[..] else { panic!("{merged}") };
    let commit = |name: &str| updated[name].as_str().unwrap_or_default().to_owned();
    (commit("oldSha"), commit("newSha"))
}

#[test]
fn the_body_of_a_delivery_that_is_alone_is_unchanged_byte_for_byte() {
    for body in ["", "no JSON", " {\"a\" :1, \"a\": 1e400,\n\"updatedRefs\": [ ]}"] {
        let merge = Merge::new();
        assert_eq!(merge.finish(Bytes::from(body)), body);
        // As one whose older deliveries cannot be read.
        let mut merge = Merge::new();
        ["", "[1]", "{\"updatedRefs\": ["].iter().for_each(|older| merge.add(older.as_bytes()));
        assert_eq!(merge.finish(Bytes::from(body)), body);
    }
}

#[test]
fn a_newest_body_that_cannot_be_read_is_unchanged() {
    let mut merge = Merge::new();
    merge.add(of_main(("a", "b")).to_string().as_bytes());
    assert_eq!(merge.finish(Bytes::from("[]")), "[]");
}

#[test]
fn everything_but_the_changes_is_from_the_newest_and_is_preserved_as_text() {
    let older = json!({ "event": {}, "older": true, "updatedRefs": [
        { "ref": "refs/heads/main", "oldSha": "a", "newSha": "b" },
    ] });
    let newest = r#"{"repo":{"headSha": "c"},"updatedRefs":[{"ref":"refs/heads/main","oldSha":"b","newSha":"c","new":[ 1e400 ]}],"z":1.50,"a":12345678901234567890123}"#;
    let expected = r#"{"repo":{"headSha": "c"},"updatedRefs":[{"ref":"refs/heads/main","oldSha":"a","newSha":"c","new":[ 1e400 ]}],"z":1.50,"a":12345678901234567890123}"#;
    let mut merge = Merge::new();
    merge.add(older.to_string().as_bytes());
    assert_eq!(merge.finish(Bytes::from(newest)), expected);
}

#[test]
fn changes_are_linked_by_their_commits_in_any_order_of_arrival() {
    for order in [["ab", "bc", "cd"], ["cd", "bc", "ab"], ["ab", "cd", "bc"], ["bc", "cd", "ab"]] {
        let changes = order.map(|change| change.split_at(1));
        assert_eq!(joined(&changes), ("a".into(), "d".into()), "{order:?}");
    }
}

#[test]
fn a_commit_that_a_chain_passes_twice_is_no_end() {
    // Forced back to `a`, and on to `c`.
    for changes in [[("a", "b"), ("b", "a"), ("a", "c")], [("b", "a"), ("a", "b"), ("a", "c")]] {
        assert_eq!(joined(&changes), ("a".into(), "c".into()));
    }
    assert_eq!(joined(&[("a", "b"), ("b", "a")]), ("a".into(), "a".into()));
}

#[test]
fn no_commit_is_linked_like_any_other() {
    let (created, deleted) = (("", "a"), ("a", ""));
    assert_eq!(joined(&[created, ("a", "b")]), (String::new(), "b".into()));
    assert_eq!(joined(&[("b", "a"), deleted]), ("b".into(), String::new()));
    assert_eq!(joined(&[created, deleted]), (String::new(), String::new()));
    // Deleted and created again, also in the other order of arrival.
    assert_eq!(joined(&[deleted, ("", "b")]), ("a".into(), "b".into()));
    assert_eq!(joined(&[("", "b"), deleted]), ("a".into(), "b".into()));
    assert_eq!(joined(&[deleted, created, ("", "b")]), (String::new(), "b".into()));
}

#[test]
fn chains_without_a_link_are_joined_in_order_of_arrival() {
    assert_eq!(joined(&[("a", "b"), ("x", "y")]), ("a".into(), "y".into()));
    // The first change of the first chain, and of the second one, arrive last.
    let changes = [("b", "c"), ("y", "z"), ("a", "b"), ("x", "y")];
    assert_eq!(joined(&changes), ("a".into(), "z".into()));
    // A missing delivery moved the ref back to `a`.
    assert_eq!(joined(&[("a", "b"), ("a", "c")]), ("a".into(), "c".into()));
    assert_eq!(joined(&[("a", "b"), ("b", "a"), ("x", "y")]), ("a".into(), "y".into()));
    assert_eq!(joined(&[("x", "y"), ("a", "b"), ("b", "a")]), ("x".into(), "a".into()));
}

#[test]
fn each_ref_has_its_own_changes_in_order_of_first_appearance() {
    let updated =
        |name: &str, old: &str, new: &str| json!({ "ref": name, "oldSha": old, "newSha": new });
    let body = |refs: &[Value]| json!({ "updatedRefs": refs });
    let merged = merged(&[
        body(&[updated("refs/heads/main", "a", "b"), updated("refs/pr/1", "p", "q")]),
        json!({ "updatedRefs": null }),
        json!({}),
        body(&[updated("refs/tags/v1", "t", "u"), updated("refs/heads/main", "b", "c")]),
    ]);
    let expected = [
        updated("refs/heads/main", "a", "c"),
        updated("refs/pr/1", "p", "q"),
        updated("refs/tags/v1", "t", "u"),
    ];
    assert_eq!(merged, body(&expected));
}

#[test]
fn changes_of_older_deliveries_reach_a_newest_one_without_any() {
    let merged = merged(&[
        of_main(("a", "b")),
        json!({ "updatedFiles": [{ "path": "a", "action": "add" }] }),
        json!({ "updatedConfig": { "private": true }, "updatedFilesTruncated": true }),
        json!({ "newest": 1, "updatedRefs": "?" }),
    ]);
    let expected = json!({
        "newest": 1,
        "updatedRefs": of_main(("a", "b"))["updatedRefs"],
        "updatedFiles": [{ "path": "a", "action": "add" }],
        "updatedConfig": { "private": true },
        "updatedFilesTruncated": true,
    });
    assert_eq!(merged, expected);
    let unchanged = json!({ "updatedRefs": "?", "updatedFiles": [], "updatedConfig": {} });
    assert_eq!(self::merged(&[json!({}), unchanged.clone()]), unchanged);
}

#[test]
fn the_last_change_of_a_file_wins() {
    let file = |path: &str, action: &str, size: u32| json!({ "path": path, "action": action, "size": size });
    let merged = merged(&[
        json!({ "updatedFiles": [file("a", "add", 1), file("b", "add", 1)] }),
        json!({ "updatedFiles": [file("b", "delete", 2), file("c", "add", 2)] }),
        json!({ "updatedFiles": [file("a", "add", 3), file("c", "copy", 3)] }),
    ]);
    let expected = [file("a", "add", 3), file("b", "delete", 2), file("c", "copy", 3)];
    assert_eq!(merged, json!({ "updatedFiles": expected }));
}

#[test]
fn a_list_that_is_incomplete_once_is_incomplete() {
    let body =
        |flag: Value| json!({ "updatedFilesTruncated": flag, "updatedRefsTruncated": false });
    for (older, newest, expected) in
        [(true, false, true), (false, true, true), (false, false, false), (true, true, true)]
    {
        assert_eq!(merged(&[body(older.into()), body(newest.into())]), body(expected.into()));
    }
    assert_eq!(merged(&[body("yes".into()), json!({})]), json!({}));
}

#[test]
fn the_newest_value_of_a_setting_wins() {
    let merged = merged(&[
        json!({ "updatedConfig": { "private": true, "new": { "a": 1 } } }),
        json!({ "updatedConfig": { "private": false, "xetEnabled": true } }),
    ]);
    let expected = json!({ "private": false, "new": { "a": 1 }, "xetEnabled": true });
    assert_eq!(merged, json!({ "updatedConfig": expected }));
}

#[test]
fn elements_of_another_form_are_preserved() {
    let unknown = json!({ "ref": "refs/heads/main", "oldSha": "a" });
    let merged = merged(&[
        json!({ "updatedRefs": [unknown, 1], "updatedFiles": [{ "path": "a" }] }),
        of_main(("a", "b")),
    ]);
    let main = &of_main(("a", "b"))["updatedRefs"][0];
    let expected = json!({ "updatedRefs": [main, unknown, 1], "updatedFiles": [{ "path": "a" }] });
    assert_eq!(merged, expected);
}

/// Returns a payload of a dataset.
fn payload(action: &str, scope: &str, name: &str) -> WebhookPayload {
    let mut payload: WebhookPayload = dataset_commit().into();
    payload.event.action = action.into();
    payload.event.scope = scope.into();
    payload.repo.name = name.to_owned();
    payload
}

#[test]
fn only_updates_of_content_and_of_settings_can_be_merged() {
    let of = |action, scope| MergeScope::of(&payload(action, scope, "me/data"));
    assert_eq!(of("update", "repo.content"), Some(MergeScope::Content));
    assert_eq!(of("update", "repo.config"), Some(MergeScope::Config));
    for (action, scope) in [
        ("update", "repo"),
        ("create", "repo"),
        ("delete", "repo.content"),
        ("update", "repo.config.dois"),
        ("update", "discussion"),
        ("create", "discussion.comment"),
    ] {
        assert_eq!(of(action, scope), None, "{action} {scope}");
        assert_eq!(MergeScope::of_one_repo(&payload(action, scope, "me/data")), None);
    }
}

#[test]
fn payloads_of_several_repos_have_several_scopes() {
    let code =
        |scope, name| MergeScope::of_one_repo(&payload("update", scope, name)).unwrap().code();
    let codes = [
        MergeScope::Content.code(),
        MergeScope::Config.code(),
        code("repo.content", "me/data"),
        code("repo.content", "me/other"),
        code("repo.config", "me/data"),
    ];
    let distinct: std::collections::HashSet<_> = codes.iter().collect();
    assert_eq!(distinct.len(), codes.len(), "{codes:?}");
    // The same in every version of the program that shares a store.
    assert_eq!(codes[2], 5_997_347_508_621_310_806);
}

#[test]
fn a_merge_adds_the_length_of_the_changes() {
    let body = r#"{"repo": {"name": "me/data"}, "updatedRefs": [12], "updatedConfig": {"a": 1}}"#;
    assert_eq!(changes_length(body.as_bytes()), "[12]".len() + r#"{"a": 1}"#.len());
    assert_eq!(changes_length(b"no JSON"), 0);
}

/// Returns a history of one ref, which may pass a commit several times, and the same changes in another order.
fn shuffled_history() -> impl Strategy<Value = (Vec<String>, Vec<usize>)> {
    prop::collection::vec("[a-e]?", 2..12).prop_flat_map(|history| {
        let order: Vec<_> = (0..history.len() - 1).collect();
        (Just(history), Just(order).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn the_ends_of_a_history_do_not_depend_on_the_order_of_arrival(
        (history, order) in shuffled_history(),
    ) {
        let changes: Vec<_> =
            order.iter().map(|at| (history[*at].as_str(), history[at + 1].as_str())).collect();
        let (first, last) = (history.first().unwrap(), history.last().unwrap());
        let (old, new) = joined(&changes);
        if first == last {
            // Nothing shows where a history that ends where it begins does so.
            prop_assert_eq!(&old, &new);
            prop_assert!(history.contains(&old));
        } else {
            prop_assert_eq!((&old, &new), (first, last));
        }
    }

    #[test]
    fn merging_at_once_and_step_by_step_is_the_same(
        changes in prop::collection::vec(("[a-c]", "[a-c]"), 3..8),
        paths in prop::collection::vec(("[a-d]", prop::bool::ANY), 3..8),
    ) {
        let bodies: Vec<_> = changes.iter().zip(&paths).map(|((old, new), (path, added))| {
            let mut body = of_main((old, new));
            let action = if *added { "add" } else { "delete" };
            body["updatedFiles"] = json!([{ "path": path, "action": action }]);
            body
        }).collect();
        let at_once = merged(&bodies);
        let step_by_step = bodies.into_iter().reduce(|older, newer| merged(&[older, newer]));
        prop_assert_eq!(&at_once["updatedFiles"], &step_by_step.unwrap()["updatedFiles"]);
    }

    #[test]
    fn any_bodies_can_be_merged(bodies in prop::collection::vec(".{0,40}", 1..4)) {
        let mut merge = Merge::new();
        bodies.iter().for_each(|body| merge.add(body.as_bytes()));
        merge.finish(Bytes::from(bodies[0].clone()));
    }
}
