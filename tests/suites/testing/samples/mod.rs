//! The samples.

mod discussions;

use std::collections::HashSet;

use serde_json::{Value, json};
use webhooks_runtime::WebhookPayload;
use webhooks_runtime::testing::{
    Sample, branch_commit, bucket_files, bucket_upload, dataset_commit, model_commit,
    pull_request_pushed, repo_created, repo_deleted, repo_made_private, repo_moved, repo_updated,
    space_commit, tag_created, tag_deleted,
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
    assert_sample(
        branch_commit().repo("me/data"),
        &commit(OLD, json!({ "ref": "refs/heads/experiments", "oldSha": OLD, "newSha": NEW })),
    );
}

#[test]
fn a_commit_to_a_model_or_a_space_has_the_urls_of_its_type() {
    let commit = |repo: Value, head: &str, name: &str| {
        let updated = json!([{ "ref": name, "oldSha": OLD, "newSha": NEW }]);
        let repo = with(repo, json!({ "headSha": head }));
        payload("update", "repo.content", repo, json!({ "updatedRefs": updated }))
    };
    let model = repo("model", "me/model", "");
    assert_sample(model_commit().repo("me/model"), &commit(model.clone(), NEW, "refs/heads/main"));
    let pushed = commit(model, OLD, "refs/pr/4");
    assert_sample(pull_request_pushed().repo("me/model").number(4), &pushed);
    let space = with(repo("space", "me/demo", "spaces/"), json!({ "subdomain": "me-demo" }));
    assert_sample(space_commit().repo("me/demo"), &commit(space, NEW, "refs/heads/main"));
}

#[test]
fn a_created_tag_has_no_old_commit() {
    let tag = |head: &str, sha: &str| {
        let repo = with(repo("dataset", "me/data", "datasets/"), json!({ "headSha": head }));
        let updated = json!([{ "ref": "refs/tags/v2", "oldSha": null, "newSha": sha }]);
        payload("update", "repo.content", repo, json!({ "updatedRefs": updated }))
    };
    assert_sample(tag_created().tag("v2").repo("me/data"), &tag(NEW, NEW));
    // A commit that is not the head.
    assert_sample(tag_created().tag("v2").repo("me/data").sha("abc"), &tag(OLD, "abc"));
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
fn an_upload_to_a_bucket_has_several_files() {
    let json = serde_json::to_value(bucket_upload().added(["a", "b/c"])).unwrap();
    let file = |path: &str| json!({ "path": path, "action": "add", "xetHash": "a1".repeat(32), "size": 1024 });
    assert_eq!(json["updatedFiles"], json!([file("a"), file("b/c")]));
    let files = serde_json::to_value(bucket_upload()).unwrap()["updatedFiles"].take();
    let paths: HashSet<&str> =
        files.as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths.len(), 4);
}

#[test]
fn an_event_of_a_whole_repo_has_its_head() {
    let wanted = |action| {
        let repo = with(repo("model", "me/model", ""), json!({ "headSha": NEW }));
        payload(action, "repo", repo, json!({}))
    };
    assert_sample(repo_created().repo("me/model"), &wanted("create"));
    assert_sample(repo_updated().repo("me/model"), &wanted("update"));
    assert_sample(repo_deleted().repo("me/model"), &wanted("delete"));
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
