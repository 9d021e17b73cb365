//! One delivery in full.

use serde_json::{Value, json};

use super::{CommandStore, NONE, deliver};

#[test]
fn one_is_shown_with_its_attempts_and_its_payload_as_it_came() {
    let store = CommandStore::new();
    let (server, url) = store.serve();
    let id = deliver(&url, "fails", "an-id", r#"{"z":18446744073709551615,"a":[]}"#);
    store.wait_for(1, "dead");
    let shown = store.deliveries(&["show", &id]);
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    server.stop();
    assert_eq!(store.deliveries(&["show", &id]).stdout, shown.stdout);
    for line in [
        format!("delivery       {id}"),
        "state          dead".to_owned(),
        "endpoint       /webhooks/fails".to_owned(),
        "webhook id     an-id".to_owned(),
        "attempts       3 of 3".to_owned(),
        "    the training failed: the disk is full".to_owned(),
    ] {
        assert!(shown.stdout.lines().any(|other| other == line), "{line}: {}", shown.stdout);
    }
    for attempt in 1..=3 {
        assert!(shown.stdout.contains(&format!("\nattempt {attempt}, started 20")), "{attempt}");
    }
    let payload = "\npayload:\n{\n  \"z\": 18446744073709551615,\n  \"a\": []\n}\n";
    assert!(shown.stdout.ends_with(payload), "{}", shown.stdout);

    let text = store.deliveries(&["show", &id, "--json"]).stdout;
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&shown["id"], &shown["state"]), (&json!(id), &json!("dead")));
    let attempts = shown["failed_attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3);
    assert_eq!(attempts[2]["attempt"], 3);
    assert_eq!(attempts[2]["error"], "the training failed: the disk is full");
    assert!(attempts[0]["ended_at"].as_str() <= attempts[1]["started_at"].as_str());
    assert!(text.find("\"z\": 18446744073709551615").unwrap() < text.find("\"a\": []").unwrap());
}

#[test]
fn what_came_from_outside_gives_a_terminal_no_orders_and_no_lines() {
    let store = CommandStore::new();
    let (server, url) = store.serve();
    let body =
        json!({ "error": "first\nstate         done\u{1b}[2J\u{9b}31m\u{202e}" }).to_string();
    let id = deliver(&url, "says", "an-id", &body);
    store.wait_for(1, "dead");
    server.stop();
    let listed = store.deliveries(&[]).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let error = r"first\nstate         done\u{1b}[2J\u{9b}31m\u{202e}  -";
    assert!(listed.trim_end().ends_with(error), "{listed}");
    let shown = store.deliveries(&["show", &id]).stdout;
    let words = shown.split("payload:").next().unwrap();
    let orders = |text: &str| text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}');
    assert!(!orders(&listed) && !orders(&shown), "{shown}");
    // The payload means the same as before.
    let payload: Value = serde_json::from_str(shown.split("payload:").nth(1).unwrap()).unwrap();
    assert_eq!(payload, serde_json::from_str::<Value>(&body).unwrap());
    let error = "\n    first\n    state         done\\u{1b}[2J\\u{9b}31m\\u{202e}\n";
    assert!(words.contains(error), "{words}");
}

#[test]
fn one_that_is_not_there_is_said_to_be_none() {
    let store = CommandStore::new();
    store.serve().0.stop();
    let ended = store.deliveries(&["show", NONE]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let error = format!("error: There is no delivery {NONE} in {}.\n", store.file);
    assert_eq!(ended.stderr, error);
}
