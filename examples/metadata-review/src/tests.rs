//! The bot, with a stand-in for the Hub.

use webhooks_runtime::WebhooksServer;
use webhooks_runtime::serde_json::{Value, json};
use webhooks_runtime::testing::{HubStub, TestClient, TestResponse, dataset_commit, model_commit};

use super::*;

const COMPLETE: &str = "---\nlicense: mit\nlanguage: en\ntags: [translation]\n---\n# Tiny\n";
const DISCUSSIONS: &str = "/api/models/me/tiny/discussions";

/// A Hub whose model has this card.
fn hub(card: &str) -> HubStub {
    let stub = HubStub::new();
    stub.on("GET", "/me/tiny/resolve/main/README.md").text(card);
    stub
}

/// Adds the discussions of the bot: none, or one with this status and report.
fn discussions(stub: &HubStub, report: Option<(&str, &str)>) {
    let list = |discussions: &[Value]| json!({ "count": discussions.len(), "start": 0, "discussions": discussions });
    let Some((status, text)) = report else {
        stub.on("GET", DISCUSSIONS).respond(list(&[]));
        return;
    };
    let mut discussion =
        json!({ "num": 7, "title": TITLE, "status": status, "isPullRequest": false });
    stub.on("GET", DISCUSSIONS).respond(list(std::slice::from_ref(&discussion)));
    let data = json!({ "latest": { "raw": text } });
    discussion["events"] = json!([{ "id": "c1", "type": "comment", "data": data }]);
    stub.on("GET", &format!("{DISCUSSIONS}/7")).respond(discussion);
    let edited = json!({ "updatedComment": { "id": "c1", "type": "comment" } });
    stub.on("POST", &format!("{DISCUSSIONS}/7/comment/c1/edit")).respond(edited);
    stub.on("POST", &format!("{DISCUSSIONS}/7/status")).respond(json!({}));
}

fn push(stub: &HubStub) -> TestResponse {
    let client = TestClient::new(WebhooksServer::new().hub(stub.hub())).unwrap();
    let response = client.post(review::PATH, model_commit().repo("me/tiny")).send();
    assert_eq!(response.cause(), None);
    response
}

/// Returns the calls that changed something, with their bodies.
fn changes(stub: &HubStub) -> Vec<(String, Value)> {
    let changes = stub.calls().into_iter().filter(|call| call.method != "GET");
    changes.map(|call| (call.path.replace(DISCUSSIONS, ""), call.body)).collect()
}

#[test]
fn a_report_is_opened_for_a_card_with_problems() {
    let stub = hub("# Tiny\n");
    discussions(&stub, None);
    let opened = json!({ "num": 7, "title": TITLE, "status": "open", "isPullRequest": false });
    stub.on("POST", DISCUSSIONS).respond(opened);
    assert_eq!(push(&stub).note(), Some("opened discussion 7"));
    let body = &changes(&stub)[0].1;
    assert_eq!(body["title"], TITLE);
    assert!(body["description"].as_str().unwrap().contains("\n- The card has no metadata"));
}

#[test]
fn a_model_without_a_card_gets_a_report_too() {
    let stub = HubStub::new();
    stub.on("GET", "/me/tiny/resolve/main/README.md").error(404, "Entry not found");
    discussions(&stub, Some(("open", "Another report.")));
    push(&stub);
    let [(edit, body)] = <[_; 1]>::try_from(changes(&stub)).unwrap();
    assert_eq!(edit, "/7/comment/c1/edit");
    assert!(body["content"].as_str().unwrap().contains("- There is no model card"));
}

#[test]
fn the_bot_is_silent_when_nothing_has_changed() {
    let stub = hub(COMPLETE);
    discussions(&stub, None);
    assert_eq!(push(&stub).note(), Some("all good, nothing to report"));
    assert_eq!(changes(&stub), []);

    let card = "---\nlicense: mit\ntags: [translation]\n---\n";
    for status in ["open", "closed"] {
        let stub = hub(card);
        discussions(&stub, Some((status, &report(&card::problems(card)))));
        assert_eq!(push(&stub).note(), Some("nothing has changed in discussion 7"));
        assert_eq!(changes(&stub), []);
    }
}

#[test]
fn a_complete_card_closes_the_report_once_and_a_new_problem_opens_it_again() {
    let stub = hub(COMPLETE);
    discussions(&stub, Some(("open", "Another report.")));
    push(&stub);
    let [(status, body), (edit, edited)] = <[_; 2]>::try_from(changes(&stub)).unwrap();
    assert_eq!((status.as_str(), &body["status"]), ("/7/status", &json!("closed")));
    assert!(body["comment"].as_str().unwrap().starts_with("All good now"));
    assert_eq!((edit.as_str(), &edited["content"]), ("/7/comment/c1/edit", &json!(report(&[]))));

    let stub = hub("# Tiny\n");
    discussions(&stub, Some(("closed", &report(&[]))));
    push(&stub);
    assert_eq!(changes(&stub)[0].1["status"], "open");
}

#[test]
fn a_report_that_a_person_has_closed_is_edited_and_stays_closed() {
    let stub = hub("---\nlicense: mit\n---\n");
    discussions(&stub, Some(("closed", &report(&card::problems("# Tiny\n")))));
    assert_eq!(push(&stub).note(), Some("updated discussion 7"));
    let [(edit, _)] = <[_; 1]>::try_from(changes(&stub)).unwrap();
    assert_eq!(edit, "/7/comment/c1/edit");
}

#[test]
fn a_dataset_has_no_model_card() {
    let stub = HubStub::new();
    let client = TestClient::new(WebhooksServer::new().hub(stub.hub())).unwrap();
    let response = client.post(review::PATH, dataset_commit().repo("me/data")).send();
    assert_eq!(response.note(), Some("not a model"));
    assert_eq!(stub.calls(), []);
}

#[test]
fn license_language_and_tags_are_checked() {
    assert_eq!(card::problems(COMPLETE), [""; 0]);
    assert_eq!(card::problems(&COMPLETE.replace('\n', "\r\n")), [""; 0]);
    // Not `false`, as in YAML 1.1.
    assert_eq!(card::problems(&COMPLETE.replace(": en", ": [no, zh-Hans, multilingual]")), [""; 0]);
    for (from, to, problem) in [
        ("license: mit\n", "", "`license` is missing"),
        ("license: mit", "license:", "`license` is missing"),
        ("license: mit", "license: other", "`license: other` needs"),
        ("language: en\n", "", "`language` is missing"),
        ("language: en", "language: [en, English]", "`language` has `English`"),
        ("tags: [translation]\n", "", "`tags` are missing"),
        ("[translation]", "[]", "`tags` are missing"),
        ("[translation]", "{ a: 1 }", "`tags` are missing"),
    ] {
        let problems = card::problems(&COMPLETE.replace(from, to));
        assert_eq!(problems.len(), 1, "{to}: {problems:?}");
        assert!(problems[0].starts_with(problem), "{to}: {problems:?}");
    }
}

#[test]
fn no_text_of_a_card_becomes_markdown() {
    let card = COMPLETE.replace("en\n", "\"` <b>@me</b> `\"\n");
    assert!(card::problems(&card)[0].starts_with("`language` has ` <b>@me</b> `: "));
    for yaml in ["license: [", "license: mit\nlicense: \"`@me`\"", "*a", "a: &a [*a]"] {
        let [problem] = <[_; 1]>::try_from(card::problems(&format!("---\n{yaml}\n---\n"))).unwrap();
        assert!(problem.starts_with("The metadata is invalid: `"), "{problem}");
        assert_eq!(problem.matches('`').count(), 2, "{problem}");
    }
}
