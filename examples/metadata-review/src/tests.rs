//! The bot, with a stand-in for the Hub.

use webhooks_runtime::WebhooksServer;
use webhooks_runtime::serde_json::{Value, json};
use webhooks_runtime::testing::{HubStub, TestClient, TestResponse};
use webhooks_runtime::testing::{dataset_commit, model_commit, space_commit};

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

/// Sends a commit, and returns the end of its delivery.
fn send(stub: &HubStub, commit: impl Into<WebhookPayload>) -> TestResponse {
    let client = TestClient::new(WebhooksServer::new().hub(stub.hub())).unwrap();
    client.post(review::PATH, commit.into()).send()
}

fn push(stub: &HubStub) -> TestResponse {
    let response = send(stub, model_commit().repo("me/tiny"));
    assert_eq!(response.cause(), None);
    response
}

fn model() -> RepoId {
    RepoId::model("me/tiny")
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
    assert!(body["content"].as_str().unwrap().contains("- There is no card"));
}

#[test]
fn a_card_that_is_too_large_is_reported_and_not_parsed() {
    for (size, problem) in [(1_000_001, "The card is larger than 1 MB."), (1_000_000, "")] {
        let stub = hub(&format!("{COMPLETE}{}", "x".repeat(size - COMPLETE.len())));
        discussions(&stub, Some(("open", "Another report.")));
        push(&stub);
        let (_, edited) = changes(&stub).pop().unwrap();
        let text = edited["content"].as_str().unwrap();
        assert!(text.contains(problem), "{text}");
        assert_eq!(text == report(&model(), &[]), problem.is_empty(), "{text}");
    }
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
        discussions(&stub, Some((status, &report(&model(), &card::problems(card)))));
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
    assert_eq!(
        (edit.as_str(), &edited["content"]),
        ("/7/comment/c1/edit", &json!(report(&model(), &[])))
    );

    let stub = hub("# Tiny\n");
    discussions(&stub, Some(("closed", &report(&model(), &[]))));
    push(&stub);
    assert_eq!(changes(&stub)[0].1["status"], "open");
}

#[test]
fn a_report_that_a_person_has_closed_is_edited_and_stays_closed() {
    let stub = hub("---\nlicense: mit\n---\n");
    discussions(&stub, Some(("closed", &report(&model(), &card::problems("# Tiny\n")))));
    assert_eq!(push(&stub).note(), Some("updated discussion 7"));
    let [(edit, _)] = <[_; 1]>::try_from(changes(&stub)).unwrap();
    assert_eq!(edit, "/7/comment/c1/edit");
}

#[test]
fn a_dataset_is_reviewed_too_and_a_space_is_not() {
    let stub = HubStub::new();
    stub.on("GET", "/datasets/me/data/resolve/main/README.md").text("# Data\n");
    let path = "/api/datasets/me/data/discussions";
    stub.on("GET", path).respond(json!({ "count": 0, "start": 0, "discussions": [] }));
    let opened = json!({ "num": 7, "title": TITLE, "status": "open", "isPullRequest": false });
    stub.on("POST", path).respond(opened);
    let response = send(&stub, dataset_commit().repo("me/data"));
    assert_eq!(response.note(), Some("opened discussion 7"), "{:?}", response.cause());
    let description = changes(&stub)[0].1["description"].as_str().unwrap().to_owned();
    assert!(
        description.contains("(https://huggingface.co/docs/hub/datasets-cards)"),
        "{description}"
    );

    let stub = HubStub::new();
    let response = send(&stub, space_commit().repo("me/demo"));
    assert_eq!(response.note(), Some("neither a model nor a dataset"));
    assert_eq!(stub.calls(), []);
}

#[test]
fn a_report_whose_response_was_lost_is_not_opened_twice() {
    let card = "# Tiny\n";
    let stub = hub(card);
    let list = |discussions: &[Value]| json!({ "count": discussions.len(), "start": 0, "discussions": discussions });
    let mut discussion =
        json!({ "num": 7, "title": TITLE, "status": "open", "isPullRequest": false });
    let listed = stub.on("GET", DISCUSSIONS).respond(list(&[]));
    listed.respond(list(std::slice::from_ref(&discussion)));
    stub.on("POST", DISCUSSIONS).error(504, "Gateway timeout");
    let text = report(&model(), &card::problems(card));
    discussion["events"] =
        json!([{ "id": "c1", "type": "comment", "data": { "latest": { "raw": text } } }]);
    stub.on("GET", &format!("{DISCUSSIONS}/7")).respond(discussion);
    assert!(send(&stub, model_commit().repo("me/tiny")).cause().unwrap().contains("504"));
    assert_eq!(push(&stub).note(), Some("nothing has changed in discussion 7"));
    assert_eq!(changes(&stub).len(), 1);
}

#[test]
fn a_status_whose_response_was_lost_is_not_set_twice() {
    // The report has the old text, and the new status.
    let stub = hub(COMPLETE);
    discussions(&stub, Some(("closed", "Another report.")));
    push(&stub);
    let [(edit, _)] = <[_; 1]>::try_from(changes(&stub)).unwrap();
    assert_eq!(edit, "/7/comment/c1/edit");
}

#[test]
fn a_model_that_is_deleted_meanwhile_is_no_error() {
    let stub = HubStub::new();
    stub.on("GET", "/me/tiny/resolve/main/README.md").error(404, "Repository not found");
    stub.on("GET", DISCUSSIONS).error(404, "Repository not found");
    assert_eq!(push(&stub).note(), Some("model:me/tiny is gone"));
    assert_eq!(changes(&stub), []);
}

#[test]
fn a_hidden_report_stays_as_it_is() {
    let stub = hub("# Tiny\n");
    let mut discussion =
        json!({ "num": 7, "title": TITLE, "status": "open", "isPullRequest": false });
    let list = json!({ "count": 1, "start": 0, "discussions": [discussion.clone()] });
    stub.on("GET", DISCUSSIONS).respond(list);
    discussion["events"] = json!([
        { "id": "c1", "type": "comment", "data": { "hidden": true } },
        { "id": "c2", "type": "comment", "data": { "latest": { "raw": "Why?" } } },
    ]);
    stub.on("GET", &format!("{DISCUSSIONS}/7")).respond(discussion);
    assert_eq!(push(&stub).note(), Some("nothing has changed in discussion 7"));
    assert_eq!(changes(&stub), []);
}

#[test]
fn license_language_and_tags_are_checked() {
    assert_eq!(card::problems(COMPLETE), [""; 0]);
    assert_eq!(card::problems(&COMPLETE.replace('\n', "\r\n")), [""; 0]);
    assert_eq!(card::problems(&format!("\u{feff}\n\n{COMPLETE}")), [""; 0]);
    // The metadata may be all of a card, and have lines that only begin like the last one.
    assert_eq!(card::problems(COMPLETE.trim_end_matches("\n# Tiny\n")), [""; 0]);
    assert_eq!(card::problems(&COMPLETE.replace("tags", "---x: y\ntags")), [""; 0]);
    let own_license = "license: other\nlicense_name: mine\nlicense_link: LICENSE";
    assert_eq!(card::problems(&COMPLETE.replace("license: mit", own_license)), [""; 0]);
    // Not `false`, as in YAML 1.1.
    assert_eq!(card::problems(&COMPLETE.replace(": en", ": no")), [""; 0]);
    assert_eq!(card::problems(&COMPLETE.replace(": en", ": [no, zh-Hans, multilingual]")), [""; 0]);
    for (from, to, problem) in [
        ("license: mit\n", "", "`license` is missing"),
        ("license: mit", "license:", "`license` is missing"),
        ("license: mit", "license: other", "`license: other` needs"),
        ("license: mit", "license: other\nlicense_name: mine", "`license: other` needs"),
        ("language: en\n", "", "`language` is missing"),
        ("language: en", "language: [en, English]", "`language` has `English`"),
        ("tags: [translation]\n", "", "`tags` are missing"),
        ("[translation]", "[]", "`tags` are missing"),
        ("[translation]", "{ a: 1 }", "`tags` are missing"),
        ("[translation]", "translation", "`tags` are missing"),
        ("[translation]", "[1, null]", "`tags` are missing"),
    ] {
        let problems = card::problems(&COMPLETE.replace(from, to));
        assert_eq!(problems.len(), 1, "{to}: {problems:?}");
        assert!(problems[0].starts_with(problem), "{to}: {problems:?}");
    }
}

#[test]
fn a_card_without_metadata_has_one_problem() {
    for card in ["", "# Tiny", "---\nlicense: mit\n", " ---", "---\n---\n", "----\na: b\n---\n"] {
        let [problem] = <[_; 1]>::try_from(card::problems(card)).unwrap();
        assert!(problem.starts_with("The card has no metadata: "), "{card:?}: {problem}");
    }
}

#[test]
fn no_text_of_a_card_becomes_markdown() {
    let card = COMPLETE.replace("en\n", "\"` <b>@me</b> `\"\n");
    let problem = "`language` has `` ` <b>@me</b> ` ``: ";
    assert!(card::problems(&card)[0].starts_with(problem));
    let long = card::problems(&COMPLETE.replace("en\n", &format!("{}\n", "x".repeat(1000))));
    assert!(long[0].len() < 300, "{long:?}");
    for yaml in ["license: [", "license: mit\nlicense: \"`@me`\"", "*a", "a: &a [*a]"] {
        let [problem] = <[_; 1]>::try_from(card::problems(&format!("---\n{yaml}\n---\n"))).unwrap();
        assert!(problem.starts_with("The metadata is invalid: `"), "{problem}");
        assert!(problem.ends_with("`."), "{problem}");
        // The place, rather than a picture of the lines.
        assert!(problem.contains(" at line ") && !problem.contains("-->"), "{problem}");
    }
}
