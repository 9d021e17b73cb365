//! The samples.

use serde_json::{Value, json};
use webhooks_runtime::WebhookPayload;
use webhooks_runtime::testing::{
    Sample, bucket_files, comment_created, comment_hidden, dataset_commit, discussion_opened,
    pull_request_merged, repo_made_private, repo_moved, tag_deleted,
};

/// What the Hub sends for a repo of `me`, without what comes after `owner`.
fn repo(repo_type: &str, name: &str, folder: &str) -> Value {
    let api = if folder.is_empty() { "models/" } else { folder };
    json!({
        "type": repo_type,
        "name": name,
        "id": "65d000000000000000000001",
        "private": false,
        "url": {
            "web": format!("https://huggingface.co/{folder}{name}"),
            "api": format!("https://huggingface.co/api/{api}{name}"),
        },
        "owner": { "id": "65d000000000000000000002" },
    })
}

/// A payload with these parts, and the webhook.
fn payload(action: &str, scope: &str, repo: Value, rest: Value) -> Value {
    let mut payload = json!({
        "event": { "action": action, "scope": scope },
        "repo": repo,
        "webhook": { "id": "65d000000000000000000003", "version": 3 },
    });
    payload.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    payload
}

fn with(mut base: Value, more: Value) -> Value {
    base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    base
}

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";

/// A sample is `wanted` in the Hub's form, and is read back as what it is.
fn assert_sample(sample: Sample, wanted: &Value) {
    let json = serde_json::to_value(&sample).unwrap();
    assert_eq!(json, *wanted);
    let payload: WebhookPayload = serde_json::from_value(json).unwrap();
    assert_eq!(payload, sample.into());
}

#[test]
fn a_commit_brings_the_ref_that_it_moved() {
    let commit = |head: &str, updated: Value| {
        let repo = with(repo("dataset", "me/data", "datasets/"), json!({ "headSha": head }));
        payload("update", "repo.content", repo, json!({ "updatedRefs": [updated] }))
    };
    assert_sample(
        dataset_commit().repo("me/data"),
        &commit(NEW, json!({ "ref": "refs/heads/main", "oldSha": OLD, "newSha": NEW })),
    );
    assert_sample(
        dataset_commit().repo("me/data").sha("abc"),
        &commit("abc", json!({ "ref": "refs/heads/main", "oldSha": OLD, "newSha": "abc" })),
    );
    // The head is that of the main branch.
    let elsewhere = commit(OLD, json!({ "ref": "refs/heads/dev", "oldSha": OLD, "newSha": "abc" }));
    assert_sample(dataset_commit().repo("me/data").sha("abc").branch("dev"), &elsewhere);
    assert_sample(dataset_commit().branch("dev").sha("abc").repo("me/data"), &elsewhere);
    let proposed = commit(OLD, json!({ "ref": "refs/pr/4", "oldSha": OLD, "newSha": NEW }));
    assert_sample(dataset_commit().repo("me/data").branch("refs/pr/4"), &proposed);
}

#[test]
fn a_deleted_tag_has_no_new_commit() {
    let repo = with(repo("dataset", "me/data", "datasets/"), json!({ "headSha": NEW }));
    let updated = json!([{ "ref": "refs/tags/v2", "oldSha": OLD, "newSha": null }]);
    assert_sample(
        tag_deleted().tag("v2").repo("me/data"),
        &payload("update", "repo.content", repo, json!({ "updatedRefs": updated })),
    );
}

#[test]
fn the_files_of_a_bucket_have_no_commit() {
    let mut repo = repo("bucket", "me/runs", "buckets/");
    repo["url"].as_object_mut().unwrap().remove("api");
    let files = json!({
        "updatedFiles": [
            { "path": "b", "action": "delete" },
            { "path": "a", "action": "add", "xetHash": "a1".repeat(32), "size": 1024 },
        ],
        "updatedFilesTruncated": true,
    });
    assert_sample(
        bucket_files().repo("me/runs").deleted(["b"]).added(["a"]).truncated(),
        &payload("update", "repo.content", repo, files),
    );
    let json = serde_json::to_value(bucket_files()).unwrap();
    assert_eq!(json["updatedFiles"][0]["action"], "add");
    assert_eq!(json["updatedFiles"][1]["action"], "delete");
}

#[test]
fn a_moved_repo_says_where_it_went() {
    let more = json!({ "headSha": NEW, "subdomain": "me-demo" });
    let repo = with(repo("space", "me/demo", "spaces/"), more);
    let moved = |name: &str, owner: &str| {
        let moved_to = json!({ "movedTo": { "name": name, "owner": { "id": owner } } });
        payload("move", "repo", repo.clone(), moved_to)
    };
    let sample = || repo_moved().repo_type("space").repo("me/demo");
    assert_sample(sample(), &moved("me/renamed", "65d000000000000000000002"));
    // Another owner has another id.
    assert_sample(sample().to("us/demo"), &moved("us/demo", "65d000000000000000000007"));
    assert_sample(sample().to("us/x").to("me/x"), &moved("me/x", "65d000000000000000000002"));
}

#[test]
fn a_repo_made_private_is_private_now() {
    for private in [true, false] {
        let head = json!({ "headSha": NEW, "private": private, "tags": ["license:mit"] });
        let repo = with(repo("model", "me/model", ""), head);
        assert_sample(
            repo_made_private().repo("me/model").tags(["license:mit"]).private(private),
            &payload(
                "update",
                "repo.config",
                repo,
                json!({ "updatedConfig": { "private": private } }),
            ),
        );
    }
}

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
    assert_sample(sample().pull_request(), &wanted(changes));
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
    let hidden = comment_hidden().repo("me/model").title("Licence").number(7);
    assert_sample(
        hidden.author("65d0000000000000000000ff"),
        &wanted("update", comment(true, json!({}))),
    );
}
