//! Discussions, pull requests and comments.

use serde_json::{Value, json};
use webhooks_runtime::testing::{
    Sample, comment_created, comment_edited, comment_hidden, discussion_closed, discussion_deleted,
    discussion_opened, discussion_renamed, pull_request_closed, pull_request_merged,
    pull_request_opened,
};

use super::{assert_sample, payload, repo, with};

/// Discussion 7 of a model of `me`.
fn discussion(more: Value) -> Value {
    let discussion = json!({
        "id": "65d000000000000000000004",
        "num": 7,
        "title": "Licence",
        "author": { "id": "65d0000000000000000000ff" },
        "url": {
            "web": "https://huggingface.co/me/model/discussions/7",
            "api": "https://huggingface.co/api/models/me/model/discussions/7",
        },
        "isPullRequest": false,
        "status": "open",
    });
    with(discussion, more)
}

fn comment(hidden: bool, more: Value) -> Value {
    let comment = json!({
        "id": "65d000000000000000000006",
        "author": { "id": "65d0000000000000000000ff" },
        "hidden": hidden,
        "url": { "web": "https://huggingface.co/me/model/discussions/7#65d000000000000000000006" },
    });
    with(comment, more)
}

#[test]
fn an_opened_discussion_has_its_first_comment() {
    let sample = || {
        let sample = discussion_opened().repo("me/model").title("Licence").number(7);
        sample.author("65d0000000000000000000ff").text("Which one?")
    };
    let wanted = |more| {
        payload(
            "create",
            "discussion",
            repo("model", "me/model", ""),
            json!({
                "discussion": discussion(more),
                "comment": comment(false, json!({ "content": "Which one?" })),
            }),
        )
    };
    assert_sample(sample(), &wanted(json!({})));
    let changes = json!({ "isPullRequest": true, "changes": { "base": "refs/heads/main" } });
    assert_sample(sample().pull_request(), &wanted(changes.clone()));
    let opened = pull_request_opened().repo("me/model").title("Licence").number(7);
    assert_sample(opened.author("65d0000000000000000000ff").text("Which one?"), &wanted(changes));
}

#[test]
fn a_change_of_a_discussion_has_no_comment() {
    let assert_change = |sample: Sample, action: &str, more: Value| {
        let sample = sample.repo("me/model").title("Licence").number(7);
        let parts = json!({ "discussion": discussion(more) });
        assert_sample(
            sample.author("65d0000000000000000000ff"),
            &payload(action, "discussion", repo("model", "me/model", ""), parts),
        );
    };
    assert_change(discussion_renamed(), "update", json!({}));
    assert_change(discussion_closed(), "update", json!({ "status": "closed" }));
    assert_change(discussion_deleted(), "delete", json!({}));
    let changes = json!({
        "isPullRequest": true,
        "status": "closed",
        "changes": { "base": "refs/heads/main" },
    });
    assert_change(pull_request_closed(), "update", changes);
}

#[test]
fn a_merged_pull_request_names_the_commit() {
    let sample = pull_request_merged().repo("me/model").title("Licence").number(7);
    let merged = discussion(json!({
        "isPullRequest": true,
        "status": "merged",
        "changes": { "base": "refs/heads/main", "mergeCommitId": "abc" },
    }));
    assert_sample(
        sample.author("65d0000000000000000000ff").merge_commit("abc"),
        &payload(
            "update",
            "discussion",
            repo("model", "me/model", ""),
            json!({
                "discussion": merged
            }),
        ),
    );
}

#[test]
fn a_comment_has_text_until_it_is_hidden() {
    // Who comments didn't open the discussion.
    let opener = json!({ "author": { "id": "65d000000000000000000005" } });
    let wanted = |action, comment| {
        let discussion = discussion(opener.clone());
        let parts = json!({ "discussion": discussion, "comment": comment });
        payload(action, "discussion.comment", repo("model", "me/model", ""), parts)
    };
    let created = comment_created().repo("me/model").title("Licence").number(7);
    assert_sample(
        created.author("65d0000000000000000000ff").text("Why?"),
        &wanted("create", comment(false, json!({ "content": "Why?" }))),
    );
    let edited = comment_edited().repo("me/model").title("Licence").number(7);
    assert_sample(
        edited.author("65d0000000000000000000ff").text("Why not?"),
        &wanted("update", comment(false, json!({ "content": "Why not?" }))),
    );
    let hidden = comment_hidden().repo("me/model").title("Licence").number(7);
    assert_sample(
        hidden.author("65d0000000000000000000ff"),
        &wanted("update", comment(true, json!({}))),
    );
}
