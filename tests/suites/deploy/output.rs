//! What is printed for a script.

use serde_json::json;

use super::*;

#[test]
fn each_step_is_a_line_of_json() {
    let developer = Developer::new();
    let _server = developer.serve("hush");
    let ended = developer.deploy(0, &["--yes", "--json"]);
    let events = events(&ended);
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let expected = [
        "plan",
        "created",
        "secret_set",
        "uploaded",
        "stage",
        "stage",
        "stage",
        "healthy",
        "webhook",
        "webhook",
        "done",
    ];
    let expected: Vec<_> = expected.to_vec();
    assert_eq!(names, expected, "{events:#?}");
    assert_eq!(events[0]["secrets"], json!(["WEBHOOK_SECRET"]));
    assert_eq!(events[0]["made"], json!(["Dockerfile", "README.md"]));
    assert_eq!(events[3]["commit"], developer.hub.head(SPACE, "main").unwrap());
    assert_eq!(events[8]["action"], "created");
}

#[test]
fn an_error_is_an_event_too() {
    let developer = Developer::new();
    developer.hub.set_build(&["BUILDING", "BUILD_ERROR"]);
    developer.hub.set_log("build", &["error: no such crate"]);
    let ended = developer.deploy(1, &["--yes", "--json"]);
    let events = events(&ended);
    let (log, error) = (&events[events.len() - 2], &events[events.len() - 1]);
    assert_eq!(log, &json!({ "event": "log", "line": "error: no such crate" }));
    assert_eq!(error["event"], "error");
    assert!(error["message"].as_str().unwrap().contains("BUILD_ERROR"), "{error}");

    developer.write("src/a.rs", developer.hub.token());
    let ended = developer.deploy(2, &["--yes", "--json"]);
    assert_eq!(super::events(&ended)[0]["event"], "error");
}
