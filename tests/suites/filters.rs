//! The filters of a program's functions, wherever the program shows them: `endpoints`, `trigger`, the page, the OpenAPI
//! document and the log.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use serde_json::{Value, json};
use tests::client::{PAGE_TOKEN, Viewer, post, request};
use tests::program::{Ended, Program};
use tests::programs::filtered;
use webhooks_runtime::WebhookPayload;
use webhooks_runtime::testing::dataset_commit;

const TEAM: (&str, &str) = ("TEAM_WATCH", "org:acme,model:me/tiny");

const DEBUG: (&str, &str) = ("RUST_LOG", "webhooks_runtime=debug");

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    Program::start(&filtered(), arguments, variables).unwrap().wait()
}

fn serve() -> (Program, String) {
    let variables = [TEAM, PAGE_TOKEN, DEBUG];
    let server = Program::start(&filtered(), &["--port", "0"], &variables).unwrap();
    let url = server.local_url();
    (server, url)
}

#[test]
fn endpoints_lists_each_filter_in_words_and_as_json() {
    let listed = run(&["endpoints"], &[]).stdout;
    assert!(listed.contains("\n    for new comments of the repos in `TEAM_WATCH`\n"), "{listed}");
    assert!(listed.contains("\n    for commits to `release/*` of Space me/data\n"), "{listed}");
    let listed: Value = serde_json::from_str(&run(&["endpoints", "--json"], &[]).stdout).unwrap();
    assert_eq!(listed[0]["filter"], Value::Null);
    let expected = json!({
        "description": "new comments of the repos in `TEAM_WATCH`",
        "on": ["create discussion.comment"],
        "watch": [],
        "watch_env": "TEAM_WATCH",
        "branch": [],
        "refs": [],
        "paths": [],
    });
    assert_eq!(listed[1]["filter"], expected);
}

#[test]
fn a_program_does_not_start_without_its_variable() {
    let ended = run(&["--port", "0"], &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("TEAM_WATCH"), "{ended:?}");
}

#[test]
fn trigger_sends_a_sample_that_matches_and_says_when_a_delivery_was_skipped() {
    let (server, url) = serve();
    let trigger = |arguments: &[&str]| {
        run(&[&["trigger"][..], arguments, &["--url", &url]].concat(), &[TEAM])
    };
    let matching = trigger(&["reply"]);
    assert_eq!(matching.code, Some(0), "{matching:?}");
    assert!(matching.stdout.starts_with("acme/"), "{matching:?}");
    assert!(matching.stderr.contains("  comment-created, "), "{matching:?}");
    assert_eq!(trigger(&["retrain"]).stdout.trim(), "null");
    let skipped = trigger(&["reply", "--set", "repo.name=me/other"]);
    assert_eq!(skipped.code, Some(0), "{skipped:?}");
    let line = "skipped: the function was not called (watch: the repo is none of org:acme and model:me/tiny)\n";
    assert!(skipped.stderr.ends_with(line), "{skipped:?}");
    server.stop();
}

#[test]
fn a_skipped_delivery_is_logged_at_debug_counted_and_can_be_hidden_on_the_page() {
    let (server, url) = serve();
    let sample = serde_json::to_string(&WebhookPayload::from(dataset_commit())).unwrap();
    assert_eq!(post(&url, "/webhooks/retrain", &sample).unwrap().status, 200);
    let line = server.wait_for_log("skipped=");
    assert!(line.contains("DEBUG") && line.contains("status=200"), "{line}");
    assert!(line.contains("skipped=\"watch: the repo is not space:me/data\""), "{line}");
    let viewer = Viewer::of_program(&url);
    let page = |query: &str| viewer.get(&format!("/{query}")).unwrap().body;
    for (query, shown) in [
        ("", true),
        ("?outcome=skipped", true),
        ("?outcome=not-skipped", false),
        ("?outcome=succeeded", false),
    ] {
        assert_eq!(page(query).contains("data-outcome=\"skipped\""), shown, "{query}");
    }
    assert_eq!(post(&url, "/webhooks/retrain", &sample).unwrap().status, 200);
    assert_eq!(post(&url, "/webhooks/everything", &sample).unwrap().status, 200);
    let log = server.stop().stderr;
    let line = log.lines().find(|line| line.contains("deliveries were skipped since the start"));
    assert!(line.unwrap().contains("count=2 endpoints=\"/webhooks/retrain (2)\""), "{line:?}");
}

#[test]
fn the_page_and_the_document_have_the_filter_in_words_and_a_sample_that_matches() {
    let (server, url) = serve();
    let page = request(&url, "GET /", &[], "").unwrap().body;
    assert!(page.contains("for commits to <code>release/*</code> of Space me/data"), "{page}");
    assert!(page.contains("for new comments of any repo of org acme or model me/tiny"), "{page}");
    let sample = "/samples/comment-created?endpoint=/webhooks/reply";
    let sample = request(&url, &format!("GET {sample}"), &[], "").unwrap().json();
    assert!(sample["repo"]["name"].as_str().unwrap().starts_with("acme/"), "{sample}");
    let sample = "/samples/dataset-commit?endpoint=/webhooks/retrain";
    let sample = request(&url, &format!("GET {sample}"), &[], "").unwrap().json();
    assert_eq!(sample["updatedRefs"][0]["ref"], "refs/heads/release/1", "{sample}");
    let document = request(&url, "GET /openapi.json", &[], "").unwrap().json();
    let description = &document["paths"]["/webhooks/retrain"]["post"]["description"];
    let words = "The function is called for commits to `release/*` of Space me/data.";
    assert!(description.as_str().unwrap().starts_with(words), "{description}");
    // It takes nothing, and its filter reads the Hub's payload.
    assert!(document["paths"]["/webhooks/retrain"]["post"]["requestBody"].is_object());
    assert!(!page.contains("ignores the payload · for"), "{page}");
    let everything = &document["paths"]["/webhooks/everything"]["post"];
    assert!(everything.get("description").is_none(), "{everything}");
    server.stop();
}
