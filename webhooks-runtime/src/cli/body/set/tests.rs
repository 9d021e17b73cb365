use serde_json::json;

use super::*;
use crate::samples::{comment_created, comment_hidden, dataset_commit, repo_moved, samples};

fn assignments(texts: &[&str]) -> Vec<Assignment> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn set(sample: impl Into<WebhookPayload>, texts: &[&str]) -> WebhookPayload {
    in_sample(sample.into(), &assignments(texts)).unwrap()
}

fn rejected(text: &str) -> String {
    in_sample(dataset_commit().into(), &assignments(&[text])).unwrap_err().to_string()
}

#[test]
fn setting_the_name_changes_the_urls() {
    let expected: WebhookPayload = dataset_commit().repo("me/data").into();
    assert_eq!(set(dataset_commit(), &["repo.name=me/data"]), expected);
    let expected: WebhookPayload = comment_created().number(7).into();
    assert_eq!(set(comment_created(), &["discussion.num=7"]), expected);
    let expected: WebhookPayload = repo_moved().to("you/model").into();
    assert_eq!(set(repo_moved(), &["moved_to.name=you/model"]), expected);
    for sample in samples() {
        assert_eq!(set(sample.payload.clone(), &[]), sample.payload, "{}", sample.name);
    }
}

#[test]
fn a_url_that_is_set_stays_in_either_order() {
    for order in [
        ["repo.url.web=http://x", "repo.name=me/data"],
        ["repo.name=me/data", "repo.url.web=http://x"],
    ] {
        let payload = set(dataset_commit(), &order);
        assert_eq!(payload.repo.url.web, "http://x");
        assert_eq!(
            payload.repo.url.api.as_deref(),
            Some("https://huggingface.co/api/datasets/me/data")
        );
    }
}

#[test]
fn names_in_rust_and_in_json_are_equivalent() {
    for (one, other) in [
        ("repo.repo_type=model", "repo.type=model"),
        ("repo.head_sha=abc", "repo.headSha=abc"),
        ("updated_refs.0.ref_name=refs/tags/v1", "updatedRefs.0.ref=refs/tags/v1"),
        ("updated_refs.0.new_sha=null", "updatedRefs.0.newSha=null"),
        ("updated_files_truncated=true", "updatedFilesTruncated=true"),
    ] {
        assert_eq!(set(dataset_commit(), &[one]), set(dataset_commit(), &[other]), "{one}");
        assert_ne!(set(dataset_commit(), &[one]), dataset_commit().into(), "{one}");
    }
}

#[test]
fn a_value_is_json_or_else_text_and_text_stays_text() {
    let payload = set(
        dataset_commit(),
        &["repo.name=123", "repo.private=true", "repo.tags=[\"a\",\"b\"]", "repo.owner.id=\"x\""],
    );
    assert_eq!((payload.repo.name.as_str(), payload.repo.private), ("123", true));
    assert_eq!(payload.repo.tags, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(payload.repo.owner.id, "x");
    // The field is absent, and only a text is valid.
    let payload = set(comment_hidden(), &["comment.content=42"]);
    assert_eq!(payload.comment.unwrap().content.as_deref(), Some("42"));
    assert_eq!(set(dataset_commit(), &["repo.headSha=null"]).repo.head_sha, None);
    let payload = set(dataset_commit(), &["repo.name=a=b"]);
    assert_eq!(payload.repo.name, "a=b");
}

#[test]
fn an_unknown_field_is_rejected_with_its_path() {
    let error = rejected("repo.nmae=me/data");
    assert!(error.contains("--set repo.nmae: unknown field repo.nmae."), "{error}");
    assert!(error.contains("headSha, id, name, owner"), "{error}");
    assert!(rejected("nothing=null").contains("unknown field nothing."));
    // Known, and absent.
    assert_eq!(set(comment_hidden(), &["comment.content=null"]).comment.unwrap().content, None);
    let error = rejected("updatedRefs.0={\"ref\":\"x\",\"oldSha\":null,\"newSha\":null,\"nu\":1}");
    assert!(error.contains("unknown field updatedRefs.0.nu."), "{error}");
}

#[test]
fn every_part_of_a_path_but_the_last_must_exist() {
    for (text, missing) in [
        ("discussion.title=x", "discussion"),
        ("reop.name=x", "reop"),
        ("updatedRefs.1.ref=x", "updatedRefs.1"),
        ("updatedRefs.1={}", "updatedRefs.1"),
        ("updatedRefs.first.ref=x", "updatedRefs.first"),
    ] {
        let error = rejected(text);
        assert!(error.contains(&format!("the payload has no {missing}.")), "{error}");
    }
    let error = rejected("repo.name.first=x");
    assert!(error.contains("repo.name is neither an object nor a list"), "{error}");
}

#[test]
fn an_invalid_value_is_rejected_and_not_shown() {
    for (text, fault) in [
        ("repo.private=hush", "repo.private: Expected a boolean."),
        ("webhook.version=7", "webhook.version: Expected version 3"),
        ("repo=hush", "repo: Expected an object."),
        ("discussion={\"id\":\"hush\"}", "discussion.num: This field is required."),
    ] {
        let error = rejected(text);
        assert!(error.contains(fault), "{error}");
        assert!(!error.contains("hush") && !error.contains('7'), "{error}");
    }
    for text in ["repo.name", "=x", "", ".repo=x", "repo..x=x", "repo.=x"] {
        assert!(text.parse::<Assignment>().is_err(), "{text}");
    }
}

#[test]
fn json_of_any_shape_can_be_changed_and_added_to() {
    let json = json!({ "headSha": "a", "my_key": { "list": [1, 2] }, "text": "x" });
    let texts = ["head_sha=b", "my_key.list.1=7", "my_key.new_one=true", "text=5", "other=5"];
    let changed = in_json(json, &assignments(&texts)).unwrap();
    let expected = json!({
        "headSha": "b", "my_key": { "list": [1, 7], "new_one": true }, "text": "5", "other": 5
    });
    assert_eq!(changed, expected);
    for document in [json!(7), json!({}), json!([])] {
        assert!(in_json(document, &assignments(&["a.b=1"])).is_err());
    }
}
