use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::endpoint::extract::body::parse_payload;
use crate::payload::WebhookPayload;
use crate::samples::{
    bucket_files, comment_created, dataset_commit, discussion_opened, repo_moved, samples,
    tag_deleted,
};

fn conditions(filter: &Filter, environment: &[(&str, &str)]) -> Conditions {
    let mut errors = Vec::new();
    let conditions = filter.resolve(&environment.iter().copied().collect(), &mut errors);
    assert_eq!(errors, []);
    conditions
}

fn errors(filter: &Filter, environment: &[(&str, &str)]) -> Vec<String> {
    let mut errors = Vec::new();
    filter.resolve(&environment.iter().copied().collect(), &mut errors);
    errors.iter().map(ToString::to_string).collect()
}

fn skip_reason(filter: &Filter, payload: impl Into<WebhookPayload>) -> Option<String> {
    filter.skip_reason(&payload.into()).unwrap()
}

fn verdict(filter: &Filter, body: &Value) -> Verdict {
    let read = parse_payload(body.to_string().as_bytes()).unwrap();
    conditions(filter, &[]).evaluate(&read.payload, &read.deviations)
}

/// The body of a commit to a branch, with these refs.
fn commit(updated_refs: &Value) -> Value {
    let mut body = json!(dataset_commit());
    body["updatedRefs"] = updated_refs.clone();
    body
}

#[test]
fn a_filter_without_values_matches_every_delivery() {
    for sample in samples() {
        assert_eq!(skip_reason(&Filter::new(), sample.payload), None, "{}", sample.name);
    }
}

#[test]
fn one_value_of_each_key_has_to_match() {
    let filter = Filter::new().on("discussion").on("repo").watch("model:me/a").watch("org:acme");
    assert_eq!(skip_reason(&filter, discussion_opened().repo("acme/b")), None);
    assert_eq!(skip_reason(&filter, repo_moved().repo("me/a")), None);
    let reason = skip_reason(&filter, comment_created().repo("me/a")).unwrap();
    assert_eq!(reason, "on: the event is none of discussion and repo");
    let reason = skip_reason(&filter, repo_moved().repo("me/b")).unwrap();
    assert_eq!(reason, "watch: the repo is none of model:me/a and org:acme");
}

#[test]
fn a_branch_implies_the_scope_of_commits_and_restricts_no_other() {
    let branch = Filter::new().branch("main");
    assert_eq!(
        skip_reason(&branch, comment_created()).unwrap(),
        "on: the event is not repo.content"
    );
    let mixed = Filter::new().on("discussion").on("repo.content").branch("main");
    assert_eq!(skip_reason(&mixed, discussion_opened()), None);
    assert_eq!(skip_reason(&mixed, dataset_commit()), None);
    assert!(skip_reason(&mixed, dataset_commit().branch("dev")).is_some());
}

#[test]
fn a_branch_ignores_tags_pull_requests_and_deletions_and_refs_do_not() {
    let everything = Filter::new().branch("**");
    assert_eq!(skip_reason(&everything, dataset_commit().branch("a/b")), None);
    assert!(skip_reason(&everything, dataset_commit().branch("refs/pr/4")).is_some());
    assert!(skip_reason(&everything, tag_deleted()).is_some());
    let deleted = json!([{ "ref": "refs/heads/main", "oldSha": "1", "newSha": null }]);
    assert_eq!(
        verdict(&Filter::new().branch("main"), &commit(&deleted)),
        Verdict::Skip("branch: no commit to main".into())
    );
    assert_eq!(verdict(&Filter::new().refs("refs/heads/main"), &commit(&deleted)), Verdict::Match);
    let either = Filter::new().branch("main").refs("refs/tags/*");
    assert_eq!(skip_reason(&either, tag_deleted()), None);
    assert_eq!(skip_reason(&either, dataset_commit()), None);
    assert_eq!(
        skip_reason(&either, dataset_commit().branch("dev")).unwrap(),
        "branch: no commit to main and no change of refs/tags/*"
    );
}

#[test]
fn an_unknown_scope_of_content_is_restricted_by_a_branch_like_its_commits() {
    let mut narrower = commit(&json!([{ "ref": "refs/heads/main", "oldSha": "1", "newSha": "2" }]));
    narrower["event"] = json!({ "action": "create", "scope": "repo.content.lfs" });
    let branch = Filter::new().branch("main");
    for filter in [branch.clone(), branch.clone().on("discussion").on("repo.content")] {
        assert_eq!(verdict(&filter, &narrower), Verdict::Match);
    }
    assert_eq!(
        verdict(&Filter::new().branch("dev"), &narrower),
        Verdict::Skip("branch: no commit to dev".into())
    );
    // Nothing says which branch changed.
    narrower.as_object_mut().unwrap().remove("updatedRefs");
    assert_eq!(
        verdict(&branch, &narrower),
        Verdict::Skip("branch: the delivery has no updatedRefs".into())
    );
}

#[test]
fn refs_that_are_there_twice_are_unknown() {
    let refs = |name| json!([{ "ref": name, "oldSha": "1", "newSha": "2" }]).to_string();
    let [main, dev] = ["refs/heads/main", "refs/heads/dev"].map(refs);
    let body = commit(&Value::Null).to_string();
    let twice = format!("\"updatedRefs\":{dev},\"updatedRefs\":{main}");
    let twice = body.replace("\"updatedRefs\":null", &twice);
    let read = parse_payload(twice.as_bytes()).unwrap();
    let verdict = |filter| conditions(&filter, &[]).evaluate(&read.payload, &read.deviations);
    assert!(matches!(verdict(Filter::new().branch("main")), Verdict::Unknown(_)));
    assert_eq!(verdict(Filter::new()), Verdict::Match);
}

#[test]
fn absent_refs_are_a_skip_and_dropped_ones_are_unknown() {
    let filter = Filter::new().branch("main");
    assert_eq!(
        skip_reason(&filter, bucket_files()).unwrap(),
        "branch: the delivery has no updatedRefs"
    );
    let path = |verdict| match verdict {
        Verdict::Unknown(path) => path.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(path(verdict(&filter, &commit(&json!("main")))), "updatedRefs");
    let incomplete = json!({ "ref": "refs/heads/main" });
    assert_eq!(path(verdict(&filter, &commit(&json!([incomplete])))), "updatedRefs.0");
    // Another ref matches, so the incomplete one is not needed.
    let complete = json!({ "ref": "refs/heads/main", "oldSha": "1", "newSha": "2" });
    assert_eq!(verdict(&filter, &commit(&json!([incomplete, complete]))), Verdict::Match);
    // What does not match anyway is not missed.
    let other = Filter::new().watch("dataset:me/other").branch("main");
    assert!(matches!(verdict(&other, &commit(&json!("main"))), Verdict::Skip(_)));
}

#[test]
fn paths_imply_the_scope_of_commits_and_restrict_no_other() {
    let paths = Filter::new().paths("data/**");
    let reason = skip_reason(&paths, comment_created()).unwrap();
    assert_eq!(reason, "on: the event is not repo.content");
    let mixed = Filter::new().on("discussion").on("repo.content").paths("data/**");
    assert_eq!(skip_reason(&mixed, discussion_opened()), None);
    // Only the Hub knows the files of a commit.
    assert_eq!(skip_reason(&mixed, dataset_commit()), None);
    let branch = Filter::new().branch("main").paths("data/**");
    let reason = skip_reason(&branch, dataset_commit().branch("dev")).unwrap();
    assert_eq!(reason, "branch: no commit to main");
}

#[test]
fn the_files_of_a_bucket_are_compared_with_the_paths() {
    let filter = Filter::new().paths("data/**").paths("!**/*.md");
    let files = |files: &Value| {
        let mut body = json!(bucket_files());
        body["updatedFiles"] = files.clone();
        body
    };
    let file = |path: &str| json!({ "path": path, "action": "delete" });
    assert_eq!(verdict(&filter, &files(&json!([file("x"), file("data/a")]))), Verdict::Match);
    let skip = Verdict::Skip("paths: no changed file matches data/** and !**/*.md".into());
    assert_eq!(verdict(&filter, &files(&json!([file("x"), file("data/a.md")]))), skip);
    // The list may be incomplete.
    let mut truncated = files(&json!([file("x")]));
    truncated["updatedFilesTruncated"] = json!(true);
    assert_eq!(verdict(&filter, &truncated), Verdict::Match);
    for (body, path) in [
        (files(&json!([file("x"), { "path": "data/a" }])), "updatedFiles.1"),
        (files(&json!("x")), "updatedFiles"),
    ] {
        let Verdict::Unknown(unknown) = verdict(&filter, &body) else { panic!("{path}") };
        assert_eq!(unknown.to_string(), path);
    }
    let mut neither = files(&Value::Null);
    neither.as_object_mut().unwrap().remove("updatedFiles");
    let skip = Verdict::Skip("paths: the delivery has no updatedRefs and no updatedFiles".into());
    assert_eq!(verdict(&filter, &neither), skip);
}

#[test]
fn the_variable_adds_repos_and_must_be_set_and_valid() {
    let filter = Filter::new().watch("dataset:me/data").watch_env("BOT_WATCH");
    let resolved = conditions(&filter, &[("BOT_WATCH", " org:acme , model:me/tiny,")]);
    let watched: Vec<_> = resolved.watch.iter().map(ToString::to_string).collect();
    assert_eq!(watched, ["dataset:me/data", "org:acme", "model:me/tiny"]);
    let missing = "watch_env = \"BOT_WATCH\": this environment variable is not set";
    assert!(errors(&filter, &[])[0].starts_with(missing));
    let empty = "watch_env = \"BOT_WATCH\": this environment variable is empty: set it to";
    for value in ["", " , "] {
        let errors = errors(&filter, &[("BOT_WATCH", value)]);
        assert!(errors.len() == 1 && errors[0].starts_with(empty), "{value:?}: {errors:?}");
    }
    let malformed = errors(&filter, &[("BOT_WATCH", "org:acme,models:a/b,x")]);
    assert_eq!(malformed.len(), 2);
    assert!(malformed[0].contains("\"models:a/b\": unknown type `models`"), "{malformed:?}");
    assert!(!malformed[0].contains("commas"), "{malformed:?}");
    for value in ["org:acme model:me/tiny", "org:acme;model:me/tiny", "org:acme\nmodel:me/tiny"] {
        let malformed = errors(&filter, &[("BOT_WATCH", value)]);
        assert_eq!(malformed.len(), 1);
        assert!(malformed[0].ends_with("; separate several repos with commas"), "{malformed:?}");
    }
}

#[test]
fn all_errors_of_a_filter_are_reported() {
    let filter = Filter::new().on("create repo.content").on("discussion").watch("x").branch("main");
    let errors = errors(&filter.paths("a").paths("/a"), &[]);
    assert_eq!(errors.len(), 5, "{errors:?}");
    assert!(errors[0].starts_with("on = \"create repo.content\": events of `repo.content`"));
    assert!(errors[1].starts_with("watch = \"x\": expected a type and a name"));
    assert!(errors[2].starts_with("paths = \"/a\": a path begins at the top of the repo"));
    assert!(errors[3].starts_with("branch = \"main\": branches and tags change only in"));
    assert!(errors[4].starts_with("paths = \"a\": files change only in repo.content, which `on`"));
}

#[test]
fn a_filter_is_described_in_words() {
    for (filter, words) in [
        (Filter::new(), "all events"),
        (Filter::new().watch("space:me/app"), "all events of Space me/app"),
        (
            Filter::new().on("repo.content").branch("main").watch("dataset:me/data"),
            "commits to `main` of dataset me/data",
        ),
        (
            Filter::new().branch("main").branch("v*").refs("refs/tags/*"),
            "commits to `main` or `v*` and changes of `refs/tags/*`",
        ),
        (
            Filter::new().on("create discussion").on("create discussion.comment").on("repo"),
            "new discussions, new comments and new, moved, updated and deleted repos",
        ),
        (
            Filter::new().on("repo.content").watch_env("BOT_WATCH"),
            "content changes of the repos in `BOT_WATCH`",
        ),
        (
            (1..=5).fold(Filter::new(), |filter, n| filter.watch(&format!("org:{n}"))),
            "all events of any repo of org 1, any repo of org 2, any repo of org 3 or 2 more",
        ),
        (Filter::new().paths("data/**"), "content changes that touch `data/**`"),
        (
            Filter::new().branch("main").paths("a").paths("b").paths("!c").on("repo.content"),
            "commits to `main` that touch `a` or `b` but not `c`",
        ),
        (
            Filter::new().paths("!a").paths("!b").watch("model:me/a"),
            "content changes that touch a file other than `a` or `b` of model me/a",
        ),
        (
            Filter::new().paths("a/**").paths("!a/b").paths("a/b/c"),
            "content changes that touch `a/**`, `!a/b` and `a/b/c`",
        ),
    ] {
        assert_eq!(filter.to_string(), words);
    }
}

proptest! {
    /// A skip reason reaches the sender and the log, so it has nothing from the delivery.
    #[test]
    fn a_reason_has_nothing_from_the_delivery(name in "[q-z]{6,12}", branch in "[q-z]{6,12}") {
        let payload = dataset_commit().repo(format!("{name}/{name}")).branch(&branch);
        let payload: WebhookPayload = payload.into();
        for filter in [
            Filter::new().on("discussion"),
            Filter::new().watch("dataset:me/data"),
            Filter::new().branch("main").refs("refs/tags/*"),
        ] {
            let reason = filter.skip_reason(&payload).unwrap().unwrap();
            prop_assert!(!reason.contains(&name) && !reason.contains(&branch), "{}", reason);
        }
    }

    #[test]
    fn no_text_makes_a_filter_panic(value in ".{0,20}") {
        let filter = Filter::new().on(&value).watch(&value).branch(&value).refs(&value);
        let filter = filter.paths(&value);
        let _ = filter.skip_reason(&dataset_commit().into());
        let _ = Filter::new().paths(&value).skip_reason(&bucket_files().into());
        let _ = filter.to_string();
    }
}
