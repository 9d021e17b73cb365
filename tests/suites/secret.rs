//! Where secrets come from, in real processes with variables of their own, and that nothing shows
//! them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use tests::client::{get, request};
use tests::program::{Ended, Program};
use tests::programs::secrets;

/// The statuses of an endpoint for several secrets, the empty one standing for none.
fn statuses(program: &Program, path: &str, secrets: &[&str]) -> Vec<u16> {
    let url = program.local_url();
    let status = |secret: &&str| {
        let header = format!("X-Webhook-Secret: {secret}");
        let headers: &[&str] = if secret.is_empty() { &[] } else { &[&header] };
        request(&url, &format!("POST {path}"), headers, "{}").unwrap().status
    };
    secrets.iter().map(status).collect()
}

fn start(variables: &[(&str, &str)]) -> Program {
    let own = [("TRAINING_SECRET", "own-one")];
    let variables: Vec<_> = own.iter().chain(variables).copied().collect();
    Program::start(&secrets(), &["--port", "0"], &variables).unwrap()
}

fn fails(variables: &[(&str, &str)]) -> Ended {
    let ended = Program::start(&secrets(), &["--port", "0"], variables).unwrap().wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout, "", "nothing is printed before all is checked");
    ended
}

#[test]
fn the_environment_gives_the_secret_and_the_one_before_it() {
    let program = start(&[("WEBHOOK_SECRET", "new-one"), ("WEBHOOK_SECRET_PREVIOUS", "old-one")]);
    let _ = program.wait_for("Webhook secret is correctly defined.");
    let tried = ["new-one", "old-one", "own-one", ""];
    assert_eq!(statuses(&program, "/webhooks/evaluation", &tried), [200, 200, 403, 401]);
    program.stop();
}

#[test]
fn an_endpoint_may_have_a_secret_of_its_own() {
    let program = start(&[("WEBHOOK_SECRET", "new-one"), ("TRAINING_SECRET_PREVIOUS", "own-old")]);
    let tried = ["own-one", "own-old", "new-one", ""];
    assert_eq!(statuses(&program, "/webhooks/training", &tried), [200, 200, 403, 401]);
    program.stop();
}

#[test]
fn without_a_common_secret_the_other_endpoints_are_open_and_named() {
    let program = start(&[]);
    let _ = program
        .wait_for("Webhook secret is not defined for /webhooks/evaluation, /webhooks/fails.");
    assert_eq!(statuses(&program, "/webhooks/evaluation", &[""]), [200]);
    assert_eq!(statuses(&program, "/webhooks/training", &[""]), [401]);
    program.stop();
}

#[test]
fn an_endpoint_s_own_variable_must_be_there() {
    let ended = fails(&[("WEBHOOK_SECRET", "new-one")]);
    assert!(ended.stderr.contains("TRAINING_SECRET is not set."), "{ended:?}");
    assert!(ended.stderr.contains("/webhooks/training"), "{ended:?}");
}

#[test]
fn an_unusable_secret_is_an_error_that_does_not_show_it() {
    for (variable, value) in [
        ("WEBHOOK_SECRET", ""),
        ("WEBHOOK_SECRET", "h\u{fc}sh"),
        ("WEBHOOK_SECRET", "hush\n"),
        ("TRAINING_SECRET", ""),
        ("TRAINING_SECRET_PREVIOUS", "h\u{fc}sh"),
        ("WEBHOOK_SECRET_PREVIOUS", "alone"),
    ] {
        let own = [("TRAINING_SECRET", "own-one")];
        let variables: Vec<_> = own.into_iter().chain([(variable, value)]).collect();
        let ended = fails(&variables);
        assert!(ended.stderr.contains(variable), "{ended:?}");
        assert!(value.is_empty() || !ended.stderr.contains(value.trim()), "{ended:?}");
    }
}

#[test]
fn the_secret_in_the_query_is_taken_only_where_that_was_said() {
    let program = start(&[("WEBHOOK_SECRET", "new one")]);
    let url = program.local_url();
    let status =
        |first: &str, headers: &[&str]| request(&url, first, headers, "{}").unwrap().status;
    assert_eq!(status("POST /webhooks/evaluation?secret=new%20one", &[]), 401);
    program.stop();

    let program = start(&[("WEBHOOK_SECRET", "new one"), ("TAKE_QUERY", "1")]);
    let url = program.local_url();
    let status =
        |first: &str, headers: &[&str]| request(&url, first, headers, "{}").unwrap().status;
    assert_eq!(status("POST /webhooks/evaluation?secret=new%20one", &[]), 200);
    assert_eq!(status("POST /webhooks/evaluation?a=b&secret=new+one", &[]), 200);
    assert_eq!(status("POST /webhooks/evaluation?secret=no", &[]), 403);
    assert_eq!(status("POST /webhooks/evaluation?secret=", &[]), 403);
    assert_eq!(status("POST /webhooks/evaluation?secret=new+one&secret=no", &[]), 400);
    assert_eq!(status("POST /webhooks/evaluation", &[]), 401);
    // The header decides where both are given.
    let wrong = ["X-Webhook-Secret: no"];
    assert_eq!(status("POST /webhooks/evaluation?secret=new%20one", &wrong), 403);
    program.stop();
}

#[test]
fn nothing_shows_a_secret() {
    let variables = [
        ("WEBHOOK_SECRET", "hush-new"),
        ("WEBHOOK_SECRET_PREVIOUS", "hush-old"),
        ("TRAINING_SECRET", "hush-own"),
        ("TAKE_QUERY", "1"),
        ("RUST_LOG", "trace"),
    ];
    let program = Program::start(&secrets(), &["--port", "0"], &variables).unwrap();
    let url = program.local_url();
    let mut shown = get(&url, "/").unwrap().body;
    for (first, header) in [
        ("POST /webhooks/evaluation", "X-Webhook-Secret: hush-new"),
        ("POST /webhooks/evaluation?secret=hush-new", "X-None: 1"),
        ("POST /webhooks/evaluation?secret=hush-wrong", "X-None: 1"),
        ("POST /webhooks/training", "X-Webhook-Secret: hush-wrong"),
        ("POST /webhooks/fails", "X-Webhook-Secret: hush-old"),
    ] {
        let answer = request(&url, first, &[header], r#"{"hush":"hush-payload"}"#).unwrap();
        shown += &answer.head;
        shown += &answer.body;
    }
    let _ = program.wait_for_log("the function failed");
    let ended = program.stop();
    shown += &ended.stdout;
    shown += &ended.stderr;
    assert!(shown.contains("/webhooks/training"));
    assert!(!shown.contains("hush"), "{shown}");
}
