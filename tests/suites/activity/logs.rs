//! What functions log, with their deliveries on the page.

use std::time::{Duration, Instant};

use serde_json::Value;
use tests::client::{BY_SCRIPT, PATIENCE, request};

use super::background::InBackground;
use super::payload;

impl InBackground {
    /// The lines of a log after a cursor, and what else is known of it.
    fn log_after(&self, id: &str, cursor: &str) -> Value {
        let log = self.viewer.get(&format!("/deliveries/{id}/log?after={cursor}")).unwrap();
        assert_eq!(log.status, 200, "{log:?}");
        log.json()
    }
}

#[test]
fn a_log_grows_while_its_delivery_runs() {
    let server = InBackground::start();
    let id = server.deliver("narrates", r#"{"lines":100000,"milliseconds":50}"#, "running");
    let (mut cursor, mut whole) = ("0-0".to_owned(), String::new());
    let (mut parts, mut is_cancelled, deadline) = (0, false, Instant::now() + PATIENCE);
    loop {
        let log = server.log_after(&id, &cursor);
        let lines = log["lines"].as_str().unwrap();
        parts += u32::from(!lines.is_empty());
        whole.push_str(lines);
        log["after"].as_str().unwrap().clone_into(&mut cursor);
        if log["ended"] == true {
            break;
        }
        if parts == 2 && !is_cancelled {
            let cancel = format!("POST /deliveries/{id}/cancel");
            assert_eq!(server.viewer.request(&cancel, &BY_SCRIPT, "").unwrap().status, 200);
            is_cancelled = true;
        }
        assert!(Instant::now() < deadline, "{whole}");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(is_cancelled, "{whole}");
    let lines = whole.matches("<li").count();
    for epoch in 1..=lines {
        let line = format!("<strong>INFO</strong> <bdi>trained epoch={epoch}</bdi>");
        assert_eq!(whole.matches(&line).count(), 1, "{line}: {whole}");
    }
}

#[test]
fn a_log_is_shown_with_its_delivery() {
    let server = InBackground::start();
    let id = server.deliver("narrates", r#"{"lines":3}"#, "done");
    let log = server.log_after(&id, "0-0");
    let whole = log["lines"].as_str().unwrap();
    for line in [
        "<strong>INFO</strong> <bdi>trained epoch=1</bdi>",
        "<strong>INFO</strong> <bdi>trained epoch=3</bdi>",
        "<li class=\"line warn\">",
        "<strong>ERROR</strong> <bdi>the loss is not a number attempt=1</bdi>",
    ] {
        assert_eq!(whole.matches(line).count(), 1, "{line}: {whole}");
    }
    assert_eq!((whole.matches("<li").count(), &log["ended"]), (5, &Value::Bool(true)), "{whole}");
    // The page and the row have the same lines, and know that no others follow.
    for page in [format!("/deliveries/{id}"), format!("/deliveries/{id}/detail")] {
        let page = server.viewer.get(&page).unwrap().body;
        let mark = format!("data-after=\"{}\" data-ended>", log["after"].as_str().unwrap());
        assert!(page.contains(whole) && page.contains(&mark), "{page}");
    }
}

#[test]
fn a_log_says_that_its_delivery_has_changed() {
    let server = InBackground::start();
    // Blocks its thread, so that it goes on until it ends by itself.
    let id = server.deliver("blocks", r#"{"milliseconds":5000}"#, "running");
    let post = |path: &str| server.viewer.request(&format!("POST {path}"), &BY_SCRIPT, "").unwrap();
    let mut versions = Vec::new();
    let mut see = |label: &str| {
        let version = server.log_after(&id, "0-0")["version"].as_str().unwrap().to_owned();
        assert!(version.starts_with(label), "{version}");
        let page = server.viewer.get(&format!("/deliveries/{id}")).unwrap().body;
        assert!(page.contains(&format!("data-version=\"{version}\"")), "{version}: {page}");
        assert!(!versions.contains(&version), "{version}");
        versions.push(version);
    };
    see("running");
    assert_eq!(post(&format!("/deliveries/{id}/cancel")).status, 200);
    see("stopping");
    server.wait_for(&id, "done");
    see("done");
    assert_eq!(post("/endpoints/pause?endpoint=/webhooks/blocks").status, 200);
    assert_eq!(post(&format!("/deliveries/{id}/rerun")).status, 200);
    see("queued");
}

#[test]
fn a_log_marks_where_each_attempt_begins() {
    let server = InBackground::start();
    let id = server.deliver("narrates", r#"{"lines":1,"fails":true}"#, "done");
    let log = server.log_after(&id, "0-0")["lines"].as_str().unwrap().to_owned();
    let [first, second] =
        log.split("<li class=\"attempt\">Next attempt</li>").collect::<Vec<_>>()[..]
    else {
        panic!("{log}")
    };
    assert!(first.contains("attempt=1") && second.contains("attempt=2"), "{log}");
}

#[test]
fn a_log_is_escaped_and_shown_to_authorized_viewers_only() {
    let server = InBackground::start();
    let hostile = r#"{"lines":1,"text":"<script>alert(1)</script>\n\u001b[31m"}"#;
    let id = server.deliver("narrates", hostile, "done");
    let page = server.viewer.get(&format!("/deliveries/{id}")).unwrap().body;
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\n\\x1b[31m epoch=1"), "{page}");
    let quiet = server.deliver("payload", &payload("me/data"), "done");
    let page = server.viewer.get(&format!("/deliveries/{quiet}")).unwrap().body;
    assert!(page.contains("The function logged nothing."), "{page}");

    let path = format!("/deliveries/{id}/log?after=0-0");
    assert_eq!(request(&server.url, &format!("GET {path}"), &[], "").unwrap().status, 404);
    for path in [
        format!("/deliveries/{id}/log"),
        format!("/deliveries/{id}/log?after=last"),
        "/deliveries/0198f0c2-6ad5-7b1e-9f60-3a1c5d2e7b84/log?after=0-0".to_owned(),
    ] {
        assert_eq!(server.viewer.get(&path).unwrap().status, 404, "{path}");
    }
}
