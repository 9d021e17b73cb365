//! Outages and rate limits, as a test orders them.

use serde_json::{Value, json};
use tests::client::{connect, head, read_answer};
use tests::hub::{TestHub, Trouble};

use super::call;

const WHOAMI: &str = "GET /api/whoami-v2";

#[test]
fn an_outage_lasts_until_it_is_ended() {
    let hub = TestHub::start();
    hub.set_outage(Trouble::Status(503));
    for _ in 0..3 {
        let answer = call(&hub, WHOAMI, &Value::Null);
        assert_eq!(answer.status, 503);
        assert!(answer.header("X-Request-Id").is_some());
    }
    hub.clear_troubles();
    assert_eq!(call(&hub, WHOAMI, &Value::Null).status, 200);
    let statuses: Vec<_> = hub.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [503, 503, 503, 200]);
    hub.assert_no_faults();
}

#[test]
fn a_rate_limit_says_when_it_is_reset() {
    let hub = TestHub::start();
    hub.limit_rate(2, 7);
    for _ in 0..2 {
        let answer = call(&hub, WHOAMI, &Value::Null);
        assert_eq!((answer.status, answer.header("RateLimit")), (429, Some("\"api\";r=0;t=7")));
    }
    let answer = call(&hub, WHOAMI, &Value::Null);
    assert_eq!((answer.status, answer.header("RateLimit")), (200, Some("\"api\";r=499;t=300")));
}

#[test]
fn trouble_can_be_at_one_call() {
    let hub = TestHub::start();
    hub.trouble_at("GET /api/settings", 1, Trouble::Status(502));
    assert_eq!(call(&hub, WHOAMI, &Value::Null).status, 200);
    assert_eq!(call(&hub, "GET /api/settings/webhooks", &Value::Null).status, 502);
    assert_eq!(call(&hub, "GET /api/settings/webhooks", &Value::Null).status, 200);
}

#[test]
fn a_connection_is_lost_before_or_after_the_request_was_processed() {
    let hub = TestHub::start();
    hub.create_repo("dataset:me/data");
    hub.open_discussion("dataset:me/data", "me", "Name the seed", "Which seed was used?");
    let body = json!({ "comment": "42" }).to_string();
    let headers = [
        &format!("Authorization: Bearer {}", hub.token()),
        "Content-Type: application/json",
        &format!("Content-Length: {}", body.len()),
    ];
    let first = "POST /api/datasets/me/data/discussions/1/comment";
    for (trouble, comments) in [(Trouble::Lost, 1), (Trouble::LostResponse, 2)] {
        hub.trouble_next(1, trouble);
        let mut stream = connect(hub.url()).unwrap();
        std::io::Write::write_all(&mut stream, (head(first, &headers) + &body).as_bytes()).unwrap();
        assert!(read_answer(&mut stream).is_err());
        assert_eq!(hub.comments("dataset:me/data", 1).len(), comments);
    }
}
