use std::future::ready;
use std::sync::Mutex;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::*;
use crate::endpoint::background::Policy;
use crate::endpoint::{MarkPermanent, RetryAfter};

/// A check that always decides the same; `None` never decides.
#[derive(Debug)]
struct Decided(Mutex<Option<AttemptDecision>>);

impl AttemptCheck for Decided {
    fn decide<'a>(&'a self, _: &'a BackgroundTask) -> BoxFuture<'a, AttemptDecision> {
        match self.0.lock().unwrap().clone() {
            Some(decision) => ready(decision).boxed(),
            None => pending().boxed(),
        }
    }
}

/// Runs an attempt, whose function fails, after a decision.
async fn after(decision: Option<AttemptDecision>, stopped: bool) -> AttemptEnd {
    of_origin(DeliveryOrigin::Webhook, decision, stopped).await
}

async fn of_origin(
    origin: DeliveryOrigin,
    decision: Option<AttemptDecision>,
    stopped: bool,
) -> AttemptEnd {
    let run = |_| {
        async { Err(TaskFailure { text: "busy".into(), permanent: false, retry_after: None }) }
            .boxed()
    };
    let handler = BackgroundHandler {
        path: "/webhooks/train".to_owned(),
        background: BackgroundWork::__new(Policy::DEFAULT, |_| Ok(()), |_| Vec::new(), run),
        shared: Arc::default(),
        check: Some(Arc::new(Decided(Mutex::new(decision)))),
    };
    let (id, body) = (String::new(), Bytes::new());
    let received_at = SystemTime::now();
    let (waits, snoozes) = (3, 0);
    let attempt = Attempt {
        id,
        webhook_id: None,
        attempt: 1,
        waits,
        snoozes,
        received_at,
        origin,
        body,
        merged: Vec::new(),
        log: None,
        span: None,
    };
    let stop = if stopped { ready(()).boxed() } else { pending().boxed() };
    handler.run(attempt, stop).await
}

#[tokio::test]
async fn what_the_program_enqueues_is_not_checked() {
    let skip = || Some(AttemptDecision::Skip { reason: "own: made by me".to_owned() });
    for (origin, is_checked) in [
        (DeliveryOrigin::Webhook, true),
        (DeliveryOrigin::Reconcile, true),
        (DeliveryOrigin::Enqueued, false),
    ] {
        let end = of_origin(origin, skip(), false).await;
        assert_eq!(end.outcome == Some(AttemptOutcome::Skipped), is_checked, "{origin:?}");
    }
}

#[tokio::test]
async fn an_attempt_calls_the_function_only_if_its_check_says_so() {
    let note = Some("data/a.csv".to_owned());
    let end = after(Some(AttemptDecision::Run { note: note.clone() }), false).await;
    assert_eq!((end.outcome, end.note), (Some(failed("busy".into())), note));

    let reason = "own: made by me".to_owned();
    let end = after(Some(AttemptDecision::Skip { reason: reason.clone() }), false).await;
    assert_eq!((end.outcome, end.note), (Some(AttemptOutcome::Skipped), Some(reason)));

    let (reason, at_least) = ("the Hub does not respond".to_owned(), Duration::from_secs(9));
    let wait = AttemptDecision::Wait { reason: reason.clone(), at_least };
    let end = after(Some(wait), false).await;
    let undecided = AttemptOutcome::Undecided { waits: 4, at_least };
    assert_eq!((end.outcome, end.note), (Some(undecided), Some(reason)));
}

#[tokio::test]
async fn an_attempt_that_is_stopped_before_its_decision_is_undecided() {
    let end = after(None, true).await;
    let undecided = AttemptOutcome::Undecided { waits: 4, at_least: Duration::ZERO };
    assert_eq!(end.outcome, Some(undecided));
}

/// Runs an attempt of a function, for the first time after `snoozes` others in a row.
async fn end_of(run: fn(BackgroundTask) -> TaskFuture, snoozes: u32) -> AttemptEnd {
    let handler = BackgroundHandler {
        path: "/webhooks/train".to_owned(),
        background: BackgroundWork::__new(Policy::DEFAULT, |_| Ok(()), |_| Vec::new(), run),
        shared: Arc::default(),
        check: Some(Arc::new(Decided(Mutex::new(Some(AttemptDecision::Run {
            note: Some("data/a.csv".to_owned()),
        }))))),
    };
    let attempt = Attempt {
        id: String::new(),
        webhook_id: None,
        attempt: 1,
        waits: 0,
        snoozes,
        received_at: SystemTime::now(),
        origin: DeliveryOrigin::Webhook,
        body: Bytes::new(),
        merged: vec![Uuid::nil(), Uuid::max()],
        log: None,
        span: None,
    };
    handler.run(attempt, pending()).await
}

#[tokio::test]
async fn the_notes_of_a_function_are_those_of_its_attempt_however_it_ends() {
    let returns = end_of(
        |task| {
            task.delivery.note(format!("merged {}", task.delivery.merged().join(" and ")));
            async { Ok(Some(Note("trained"))) }.boxed()
        },
        0,
    );
    let AttemptEnd { outcome, note } = returns.await;
    assert_eq!(outcome, Some(AttemptOutcome::Succeeded));
    let ids = format!("{} and {}", Uuid::nil(), Uuid::max());
    assert_eq!(note, Some(format!("data/a.csv; merged {ids}; trained")));

    let fails = end_of(
        |task| {
            task.delivery.note("half");
            async { Err(TaskFailure { text: "busy".into(), permanent: false, retry_after: None }) }
                .boxed()
        },
        0,
    );
    assert_eq!(fails.await.note.as_deref(), Some("data/a.csv; half"));

    let panics = end_of(
        |task| {
            task.delivery.note("half");
            async { panic!("no GPU") }.boxed()
        },
        0,
    );
    let AttemptEnd { outcome, note } = panics.await;
    assert_eq!(outcome, Some(failed("it panicked: no GPU".into())));
    assert_eq!(note.as_deref(), Some("data/a.csv; half"));
}

#[tokio::test]
async fn a_function_that_asks_to_run_later_is_snoozed_and_its_error_is_a_note() {
    let after = Duration::from_secs(600);
    let run = |_| {
        let error = anyhow::Error::from(RetryAfter(Duration::from_secs(600))).context("no GPU");
        async move { Err(TaskFailure::of(&*Box::<dyn std::error::Error>::from(error))) }.boxed()
    };
    let AttemptEnd { outcome, note } = end_of(run, 3).await;
    let reason = "no GPU: retry in 10m".to_owned();
    assert_eq!(note, Some(format!("data/a.csv; {reason}")));
    assert_eq!(outcome, Some(AttemptOutcome::Snoozed { snoozes: 4, after, reason }));

    let run = |_| {
        let error = RetryAfter(Duration::from_secs(600)).permanent();
        async move { Err(TaskFailure::of(&error)) }.boxed()
    };
    let AttemptEnd { outcome, .. } = end_of(run, 3).await;
    let failure = TaskFailure { text: "retry in 10m".into(), permanent: true, retry_after: None };
    assert_eq!(outcome, Some(AttemptOutcome::Failed(failure)));
}
