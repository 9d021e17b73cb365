//! What is answered to a delivery for a background function, and that a retry is not a second one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use std::thread;

use serde_json::{Value, json};
use tests::background::{Place, accepted, deliver, id_of, wait_until};
use tests::client::{get, post};
use tests::on_both_stores;
use tests::payloads::dataset_commit;

on_both_stores! {
    a_delivery_is_answered_before_its_function_has_ended_and_runs_once
    a_body_that_does_not_fit_is_refused_and_not_kept
    a_delivery_whose_key_is_unknown_is_refused_and_not_kept
    a_retry_is_answered_with_the_state_of_the_first_and_does_not_run
    a_retry_that_comes_at_the_same_moment_is_a_retry_all_the_same
    after_the_window_the_same_id_runs_again
    a_retry_of_a_dead_delivery_revives_it
    without_an_id_each_delivery_runs
    an_id_is_an_endpoint_s_own
    a_retry_after_a_restart_is_a_retry
    what_is_over_the_limit_is_sent_away_and_a_retry_is_not
    functions_that_keep_every_worker_busy_do_not_slow_the_answers
}

fn a_delivery_is_answered_before_its_function_has_ended_and_runs_once(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let answer = deliver(&url, "sleeps", Some("a"), 500).unwrap();
    let id = id_of(&answer);
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), json!({ "delivery": id, "state": "queued" }));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(!place.journal().iter().any(|entry| entry.what == "end"));
    let kept = place.wait_for(&id, "done");
    assert_eq!((kept.function.as_str(), kept.webhook_id.as_deref()), ("sleeps", Some("a")));
    assert_eq!((kept.attempt, kept.error), (1, None));
    let journal = place.journal();
    let what: Vec<_> = journal.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(what, ["start", "end"]);
    assert!(journal.iter().all(|entry| entry.delivery == id && entry.webhook_id == "a"));
    assert_eq!(program.stop().code, Some(0));
}

fn a_body_that_does_not_fit_is_refused_and_not_kept(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    for (function, body) in
        [("payload", "{}"), ("payload", ""), ("payload", "nonsense"), ("sleeps", "{")]
    {
        let answer = post(&url, &format!("/webhooks/{function}"), body).unwrap();
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        assert!(answer.json()["detail"][0]["msg"].is_string(), "{answer:?}");
    }
    assert_eq!(place.kept(), []);
    let answer = post(&url, "/webhooks/payload", &dataset_commit().to_string()).unwrap();
    assert_eq!(answer.status, 202);
    place.wait_for(&id_of(&answer), "done");
    assert_eq!(place.journal()[0].what, "start openai/gsm8k");
}

fn a_delivery_whose_key_is_unknown_is_refused_and_not_kept(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let send = |function: &str, change: fn(&mut Value)| {
        let mut body = dataset_commit();
        change(&mut body);
        post(&url, &format!("/webhooks/{function}"), &body.to_string()).unwrap()
    };
    let answer = post(&url, "/webhooks/keyed", "{}").unwrap();
    assert_eq!(answer.status, 422, "{answer:?}");
    let answer = send("keyed", |body| body["updatedRefs"] = json!("main"));
    assert_eq!(answer.status, 422, "{answer:?}");
    assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", "updatedRefs"]));
    for name in ["", "long"] {
        let change: fn(&mut Value) = match name {
            "" => |body| body["repo"]["name"] = json!(""),
            _ => |body| body["repo"]["name"] = json!("long"),
        };
        let answer = send("keyed_by_function", change);
        assert_eq!(answer.status, 500, "{answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().contains("key"), "{answer:?}");
    }
    assert_eq!(place.kept(), []);
    for function in ["keyed", "keyed_by_function"] {
        let answer = send(function, |_| ());
        assert_eq!(answer.status, 202, "{answer:?}");
        place.wait_for(&id_of(&answer), "done");
    }
    let log = program.stop().stderr;
    assert!(log.contains("the function for the key of this delivery panicked"), "{log}");
    assert!(log.contains("the key of this delivery is longer than 1000 bytes"), "{log}");
}

fn a_retry_is_answered_with_the_state_of_the_first_and_does_not_run(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let first = accepted(&url, "alone", Some("a"), 1000);
    let second = accepted(&url, "alone", Some("b"), 0);
    place.wait_for_entries("start", "alone", 1);
    for (webhook_id, id, state) in [("a", &first, "running"), ("b", &second, "queued")] {
        let answer = deliver(&url, "alone", Some(webhook_id), 0).unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), json!({ "delivery": id, "state": state }));
    }
    place.wait_for_all();
    for (webhook_id, id) in [("a", &first), ("b", &second)] {
        let answer = deliver(&url, "alone", Some(webhook_id), 0).unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), json!({ "delivery": id, "state": "done" }));
    }
    assert_eq!(program.stop().code, Some(0));
    assert_eq!(place.starts(), [(first, 1), (second, 1)].into());
}

fn a_retry_that_comes_at_the_same_moment_is_a_retry_all_the_same(place: &Place) {
    let program = place.start(&[]);
    let url = &program.local_url();
    for round in 0..10 {
        let answers: Vec<_> = thread::scope(|scope| {
            let posting: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(move || {
                        deliver(url, "sleeps", Some(&format!("round-{round}")), 5).unwrap()
                    })
                })
                .collect();
            posting.into_iter().map(|posting| posting.join().unwrap()).collect()
        });
        let of = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((of(202), of(200)), (1, 7), "{answers:?}");
        assert!(answers.iter().all(|answer| id_of(answer) == id_of(&answers[0])), "{answers:?}");
    }
    place.wait_for_all();
    let starts = place.starts();
    assert!(starts.len() == 10 && starts.values().all(|starts| *starts == 1), "{starts:?}");
}

fn after_the_window_the_same_id_runs_again(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let first = accepted(&url, "once", Some("a"), 0);
    place.wait_for(&first, "done");
    let answer = deliver(&url, "once", Some("a"), 0).unwrap();
    assert_eq!((answer.status, id_of(&answer)), (200, first.clone()));
    let mut second = String::new();
    wait_until("it runs again", || {
        let answer = deliver(&url, "once", Some("a"), 0).unwrap();
        second = id_of(&answer);
        answer.status == 202
    });
    assert_ne!(second, first);
    place.wait_for(&second, "done");
    // And the second has a window of its own.
    let answer = deliver(&url, "once", Some("a"), 0).unwrap();
    assert_eq!((answer.status, id_of(&answer)), (200, second.clone()));
    assert_eq!(place.starts(), [(first, 1), (second, 1)].into());
}

fn a_retry_of_a_dead_delivery_revives_it(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let id = accepted(&url, "gives_up", Some("a"), 0);
    place.wait_for(&id, "dead");
    let answer = deliver(&url, "gives_up", Some("a"), 0).unwrap();
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), json!({ "delivery": id, "state": "queued" }));
    place.wait_for_entries("start", "gives_up", 2);
    place.wait_for(&id, "dead");
    let attempts: Vec<_> = place.journal().iter().map(|entry| entry.attempt).collect();
    assert_eq!(attempts, [1, 1]);
    assert_eq!(place.kept().len(), 1);
}

fn without_an_id_each_delivery_runs(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    for _ in 0..3 {
        let _ = accepted(&url, "quick", None, 0);
    }
    place.wait_for_all();
    let starts = place.starts();
    assert!(starts.len() == 3 && starts.values().all(|starts| *starts == 1), "{starts:?}");
}

fn an_id_is_an_endpoint_s_own(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let one = accepted(&url, "quick", Some("a"), 0);
    let other = accepted(&url, "sleeps", Some("a"), 0);
    place.wait_for_all();
    assert_eq!(place.starts(), [(one, 1), (other, 1)].into());
}

fn a_retry_after_a_restart_is_a_retry(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    let done = accepted(&url, "sleeps", Some("done"), 0);
    let dead = accepted(&url, "gives_up", Some("dead"), 0);
    place.wait_for(&dead, "dead");
    place.wait_for(&done, "done");
    let running = accepted(&url, "alone", Some("running"), 300);
    let queued = accepted(&url, "alone", Some("queued"), 0);
    place.wait_for_entries("start", "alone", 1);
    program.kill();
    let program = place.start(&[]);
    let url = program.local_url();
    for (id, webhook_id) in [(&done, "done"), (&running, "running"), (&queued, "queued")] {
        let function = if webhook_id == "done" { "sleeps" } else { "alone" };
        let answer = deliver(&url, function, Some(webhook_id), 0).unwrap();
        assert_eq!((answer.status, &id_of(&answer)), (200, id), "{answer:?}");
    }
    let answer = deliver(&url, "gives_up", Some("dead"), 0).unwrap();
    assert_eq!((answer.status, &id_of(&answer)), (202, &dead), "{answer:?}");
}

fn what_is_over_the_limit_is_sent_away_and_a_retry_is_not(place: &Place) {
    let program = place.start(&[("BACKLOG_LIMIT", "3")]);
    let url = program.local_url();
    let first = accepted(&url, "alone", Some("a"), 2000);
    // A database's replicas count roughly, on the side of too many.
    let mut kept = 1;
    let refused = loop {
        let answer = deliver(&url, "alone", None, 0).unwrap();
        if answer.status != 202 {
            break answer;
        }
        kept += 1;
    };
    assert!(kept == 3 || kept < 3 && !place.is_file(), "{kept}");
    assert_eq!(refused.status, 503);
    let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert!(refused.json()["error"].as_str().unwrap().contains("not accepted"), "{refused:?}");
    assert_eq!(place.kept().len(), kept);
    let answer = deliver(&url, "alone", Some("a"), 0).unwrap();
    assert_eq!((answer.status, id_of(&answer)), (200, first));
    place.wait_for_all();
    wait_until("there is room again", || {
        deliver(&url, "alone", Some("c"), 0).unwrap().status == 202
    });
}

fn functions_that_keep_every_worker_busy_do_not_slow_the_answers(place: &Place) {
    let program = place.start(&[]);
    let url = program.local_url();
    for function in ["blocks", "computes"] {
        // As many as there are workers, and more.
        for _ in 0..4 {
            let _ = accepted(&url, function, None, 4000);
        }
        place.wait_for_entries("start", function, 2);
        for _ in 0..5 {
            assert_eq!(post(&url, "/webhooks/answered", "{}").unwrap().body, "answered");
            assert_eq!(get(&url, "/health").unwrap().status, 200);
        }
        let quick = accepted(&url, function, None, 0);
        let mut journal = place.journal();
        journal.retain(|it| it.function == function && it.delivery != quick);
        assert!(!journal.iter().any(|it| it.what == "end"), "{journal:?}");
        place.wait_for_all();
    }
}
