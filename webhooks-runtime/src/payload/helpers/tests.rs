//! Each helper recognizes its own events and no other.

use serde_json::json;

use crate::payload::{RepoType, WebhookPayload, WebhookPayloadUpdatedConfig};
use crate::samples::*;

/// Returns the helpers that recognize the event, with their values.
fn recognized(payload: &WebhookPayload) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        found.extend(value.map(|value| format!("{name} {value}").trim_end().to_owned()));
    };
    let sha = |sha: &str| sha[..1].to_owned();
    add("commit_on main", payload.commit_on("main").map(sha));
    add("commit_on experiments", payload.commit_on("experiments").map(sha));
    for created in payload.created_refs() {
        add("created_refs", Some(created.ref_name.clone()));
    }
    for deleted in payload.deleted_refs() {
        add("deleted_refs", Some(deleted.ref_name.clone()));
    }
    for number in payload.pull_requests_pushed() {
        add("pull_requests_pushed", Some(number.to_string()));
    }
    let number = |discussion: &crate::payload::WebhookPayloadDiscussion| discussion.num.to_string();
    add("opened_discussion", payload.opened_discussion().map(number));
    add("opened_pull_request", payload.opened_pull_request().map(number));
    add("merged_pull_request", payload.merged_pull_request().map(number));
    add("closed", payload.closed().map(number));
    add("new_comment", payload.new_comment().map(|comment| comment.content.to_owned()));
    add("became_public", payload.became_public().then(String::new));
    add("became_private", payload.became_private().then(String::new));
    found
}

#[test]
fn each_documented_event_is_recognized_by_its_helpers_and_by_no_other() {
    let expected: [(&str, &[&str]); 24] = [
        ("dataset-commit", &["commit_on main 2"]),
        ("model-commit", &["commit_on main 2"]),
        ("space-commit", &["commit_on main 2"]),
        ("branch-commit", &["commit_on experiments 2"]),
        ("tag-created", &["created_refs refs/tags/v1.0"]),
        ("tag-deleted", &["deleted_refs refs/tags/v1.0"]),
        ("pull-request-pushed", &["pull_requests_pushed 1"]),
        ("bucket-files", &[]),
        ("bucket-upload", &[]),
        ("repo-created", &[]),
        ("repo-updated", &[]),
        ("repo-moved", &[]),
        ("repo-made-private", &["became_private"]),
        ("repo-deleted", &[]),
        ("discussion-opened", &["opened_discussion 1", "new_comment Which seed was used?"]),
        ("discussion-renamed", &[]),
        ("discussion-closed", &["closed 1"]),
        ("discussion-deleted", &[]),
        ("pull-request-opened", &["opened_pull_request 1", "new_comment Which seed was used?"]),
        ("pull-request-merged", &["merged_pull_request 1"]),
        ("pull-request-closed", &["closed 1"]),
        ("comment-created", &["new_comment Which seed was used?"]),
        ("comment-edited", &[]),
        ("comment-hidden", &[]),
    ];
    let recognized: Vec<(&str, Vec<String>)> =
        samples().iter().map(|sample| (sample.name, recognized(&sample.payload))).collect();
    let expected = expected.map(|(name, helpers)| {
        (name, helpers.iter().map(|helper| (*helper).to_owned()).collect::<Vec<_>>())
    });
    assert_eq!(recognized, expected);
}

/// Returns a payload with another event and the same fields.
fn with_event(payload: impl Into<WebhookPayload>, action: &str, scope: &str) -> WebhookPayload {
    let mut payload = payload.into();
    payload.event.action = action.into();
    payload.event.scope = scope.into();
    payload
}

#[test]
fn the_fields_of_an_event_of_another_scope_are_not_recognized() {
    for sample in samples() {
        let payload = with_event(sample.payload, "update", "repo");
        assert!(recognized(&payload).is_empty(), "{} {:?}", sample.name, recognized(&payload));
    }
    // A comment carries its discussion, which the comment did not open, close or merge.
    let of_comments = |sample: Sample, action| with_event(sample, action, "discussion.comment");
    assert_eq!(of_comments(discussion_opened(), "create").opened_discussion(), None);
    assert_eq!(of_comments(pull_request_opened(), "create").opened_pull_request(), None);
    assert!(recognized(&of_comments(discussion_closed(), "update")).is_empty());
    assert!(recognized(&of_comments(pull_request_merged(), "update")).is_empty());
}

#[test]
fn a_narrower_scope_is_an_update_of_the_nearest_known_one() {
    let content = with_event(dataset_commit(), "create", "repo.content.commit");
    assert_eq!(recognized(&content), ["commit_on main 2"]);
    let config = with_event(repo_made_private(), "create", "repo.config.visibility");
    assert_eq!(recognized(&config), ["became_private"]);
    let status = with_event(discussion_closed(), "create", "discussion.status");
    assert_eq!(recognized(&status), ["closed 1"]);
    // An update is no new comment or discussion, whatever the action of the narrower scope.
    let reaction = with_event(comment_created(), "create", "discussion.comment.reaction");
    assert!(recognized(&reaction).is_empty());
    let poll = with_event(discussion_opened(), "create", "discussion.poll");
    assert!(recognized(&poll).is_empty());
}

/// Returns a change of the content of a model, with these refs: name, old and new commit.
fn with_refs(refs: &[(&str, Option<&str>, Option<&str>)]) -> WebhookPayload {
    let mut payload = serde_json::to_value(model_commit()).unwrap();
    payload["updatedRefs"] = refs
        .iter()
        .map(|(name, old, new)| json!({ "ref": name, "oldSha": old, "newSha": new }))
        .collect();
    serde_json::from_value(payload).unwrap()
}

#[test]
fn a_branch_has_a_commit_when_it_was_created_but_not_when_it_was_deleted() {
    let created = with_refs(&[("refs/heads/main", None, Some("2"))]);
    assert_eq!(recognized(&created), ["commit_on main 2", "created_refs refs/heads/main"]);
    let deleted = with_refs(&[("refs/heads/main", Some("1"), None)]);
    assert_eq!(recognized(&deleted), ["deleted_refs refs/heads/main"]);
    // Neither created nor deleted: the Hub does not send it.
    assert!(recognized(&with_refs(&[("refs/heads/main", None, None)])).is_empty());
}

#[test]
fn a_branch_is_compared_by_its_whole_name() {
    let moved = |name: &'static str| with_refs(&[(name, Some("1"), Some("2"))]);
    assert_eq!(moved("refs/heads/fix/seed").commit_on("fix/seed"), Some("2"));
    for other in ["seed", "fix", "fix/", "refs/heads/fix/seed", "Fix/seed", ""] {
        assert_eq!(moved("refs/heads/fix/seed").commit_on(other), None, "{other}");
    }
    for other in ["refs/tags/main", "refs/pr/main", "refs/heads/my/main", "refs/heads/", "main"] {
        assert_eq!(moved(other).commit_on("main"), None, "{other}");
    }
}

#[test]
fn each_of_several_refs_is_recognized() {
    let payload = with_refs(&[
        ("refs/tags/v1", None, Some("2")),
        ("refs/heads/main", Some("1"), Some("2")),
        ("refs/tags/v0", Some("1"), None),
        ("refs/pr/7", None, Some("3")),
        ("refs/pr/12", Some("3"), Some("4")),
        ("refs/heads/old", Some("1"), None),
    ]);
    let expected = [
        "commit_on main 2",
        "created_refs refs/tags/v1",
        "created_refs refs/pr/7",
        "deleted_refs refs/tags/v0",
        "deleted_refs refs/heads/old",
        "pull_requests_pushed 7",
        "pull_requests_pushed 12",
    ];
    assert_eq!(recognized(&payload), expected);
}

#[test]
fn an_event_is_about_one_discussion_or_none() {
    for (sample, expected) in [
        (discussion_deleted().number(4), Some(4)),
        (comment_hidden().number(4), Some(4)),
        (pull_request_pushed().number(4), Some(4)),
        (dataset_commit(), None),
        (repo_deleted(), None),
    ] {
        assert_eq!(WebhookPayload::from(sample).discussion_num(), expected);
    }
    let push = with_refs(&[("refs/heads/main", None, Some("1")), ("refs/pr/7", None, Some("1"))]);
    assert_eq!(push.discussion_num(), Some(7));
    let push = with_refs(&[("refs/pr/7", None, Some("1")), ("refs/pr/8", None, Some("1"))]);
    assert_eq!(push.discussion_num(), None);
    let mut without_number = WebhookPayload::from(comment_created());
    without_number.discussion.as_mut().unwrap().num = 0;
    assert_eq!(without_number.discussion_num(), None);
}

#[test]
fn a_pull_request_is_pushed_when_its_ref_has_a_commit() {
    assert!(recognized(&with_refs(&[])).is_empty());
    let deleted = with_refs(&[("refs/pr/7", Some("1"), None)]);
    assert_eq!(deleted.pull_requests_pushed().next(), None);
    for other in ["refs/pr/", "refs/pr/main", "refs/pr/7/head", "refs/heads/pr/7", "refs/pr/-7"] {
        let payload = with_refs(&[(other, Some("1"), Some("2"))]);
        assert_eq!(payload.pull_requests_pushed().next(), None, "{other}");
    }
}

#[test]
fn a_new_comment_has_its_text_author_and_discussion() {
    for sample in [comment_created(), discussion_opened()] {
        let payload: WebhookPayload = sample.author("65d0000000000000000000ff").text("Why?").into();
        let comment = payload.new_comment().unwrap();
        assert_eq!(
            (comment.content, comment.author.id.as_str()),
            ("Why?", "65d0000000000000000000ff")
        );
        assert_eq!(comment.discussion, payload.discussion.as_ref());
    }
    let mut payload: WebhookPayload = comment_created().into();
    payload.discussion = None;
    assert_eq!(payload.new_comment().unwrap().discussion, None);
}

#[test]
fn a_hidden_or_missing_comment_is_not_new() {
    let comment_of = |change: fn(&mut WebhookPayload)| {
        let mut payload: WebhookPayload = comment_created().into();
        change(&mut payload);
        payload.new_comment().is_some()
    };
    assert!(comment_of(|_| ()));
    assert!(!comment_of(|payload| payload.comment = None));
    assert!(!comment_of(|payload| payload.comment.as_mut().unwrap().content = None));
    // Hidden, though its text is there.
    assert!(!comment_of(|payload| payload.comment.as_mut().unwrap().hidden = true));
    assert!(with_event(comment_hidden(), "create", "discussion.comment").new_comment().is_none());
}

#[test]
fn a_draft_is_an_opened_pull_request() {
    let mut payload: WebhookPayload = pull_request_opened().into();
    payload.discussion.as_mut().unwrap().status = "draft".into();
    assert!(payload.opened_pull_request().is_some());
}

#[test]
fn the_visibility_changes_only_when_the_settings_say_so() {
    let payload: WebhookPayload = repo_made_private().private(false).into();
    assert_eq!(recognized(&payload), ["became_public"]);
    let mut payload: WebhookPayload = repo_made_private().into();
    payload.updated_config = Some(WebhookPayloadUpdatedConfig::default());
    assert!(recognized(&payload).is_empty());
    payload.updated_config = None;
    assert!(recognized(&payload).is_empty());
    for private in [true, false] {
        assert!(recognized(&repo_created().private(private).into()).is_empty());
    }
}

#[test]
fn the_plural_of_a_type_is_the_one_in_urls() {
    let plurals = ["model", "dataset", "space", "bucket", "kernel"]
        .map(|name| RepoType::from(name).plural().into_owned());
    assert_eq!(plurals, ["models", "datasets", "spaces", "buckets", "kernels"]);
    // The same value, made by hand.
    assert_eq!(RepoType::Other("dataset".to_owned()).plural(), "datasets");
}

#[test]
fn the_owner_is_the_part_of_the_name_before_the_slash() {
    let owner = |name: &str| {
        let payload: WebhookPayload = model_commit().repo(name).into();
        payload.repo.owner_name().map(str::to_owned)
    };
    assert_eq!(owner("acme/tiny").as_deref(), Some("acme"));
    assert_eq!(owner("acme/a/b").as_deref(), Some("acme"));
    for name in ["gpt2", "", "/tiny"] {
        assert_eq!(owner(name), None, "{name}");
    }
}
