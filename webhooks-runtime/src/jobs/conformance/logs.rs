//! Tests of the log lines of attempts.

use std::time::UNIX_EPOCH;

use tracing::Level;

use super::super::attempt_log::{
    AttemptLogLine, LOGGED_CLAIMS, LogPosition, LogUpdate, NewLogLine, RunningLog,
};
use super::super::inspect::RetryTarget;
use super::super::store::Retention;
use super::*;

/// When a line of this number was emitted.
fn at(number: u32) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_764_600_000_123) + Duration::from_secs(number.into())
}

/// Makes the lines of these numbers. Each has its number as its text.
fn lines(numbers: std::ops::RangeInclusive<u32>) -> LogUpdate {
    let line = |number: u32| NewLogLine {
        number,
        at: at(number),
        level: Level::INFO,
        text: number.to_string(),
    };
    LogUpdate { lines: numbers.map(line).collect(), first: 1 }
}

async fn complete_with(
    store: &dyn Store,
    me: ReplicaId,
    claimed: &Claimed,
    next: Transition,
    log: LogUpdate,
) -> bool {
    let completions = [Completion { log, ..completion(claimed, next) }];
    store.complete_and_claim(me, &completions, &[]).await.unwrap().stale.is_empty()
}

/// Writes lines of a running attempt, and returns whether they are written.
async fn write(store: &dyn Store, claimed: &Claimed, update: LogUpdate) -> bool {
    let Claimed { id, fencing_token, .. } = *claimed;
    let written = store.write_logs(&[RunningLog { id, fencing_token, update }]).await.unwrap();
    assert!(written.is_empty() || written == [(id, fencing_token)]);
    !written.is_empty()
}

async fn all_lines(store: &dyn Store, id: Uuid) -> Vec<AttemptLogLine> {
    store.logs(id, Some(LogPosition::default()), 10_000).await.unwrap()
}

/// Returns the numbers of the lines of each attempt.
async fn numbers(store: &dyn Store, id: Uuid) -> Vec<(i64, u32)> {
    all_lines(store, id).await.iter().map(|line| (line.fence, line.number)).collect()
}

pub(crate) async fn lines_are_read_in_their_order(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let (id, other) = (queue(&*store, TRAIN).await, queue(&*store, TRAIN).await);
    let claimed = claim(&*store, me, TRAIN, 2).await;
    let mut log = lines(1..=12);
    log.lines[1].level = Level::ERROR;
    assert!(complete_with(&*store, me, &claimed[0], Transition::Done, log).await);
    assert!(complete(&*store, me, &claimed[1], Transition::Done).await);
    let every = all_lines(&*store, id).await;
    assert_eq!(every.len(), 12);
    let second = AttemptLogLine {
        fence: claimed[0].fencing_token,
        number: 2,
        at: at(2),
        level: Level::ERROR,
        text: "2".to_owned(),
    };
    assert_eq!(every[1], second);
    assert_eq!(every[2].level, Level::INFO);
    assert_eq!(store.logs(id, None, 5).await.unwrap(), every[7..]);
    assert_eq!(store.logs(id, None, 100).await.unwrap(), every);
    assert_eq!(store.logs(id, Some(every[3].position()), 5).await.unwrap(), every[4..9]);
    assert_eq!(store.logs(id, Some(every[11].position()), 5).await.unwrap(), []);
    for empty in [other, Uuid::now_v7()] {
        assert_eq!(store.logs(empty, None, 5).await.unwrap(), []);
    }
}

pub(crate) async fn lines_are_written_while_an_attempt_runs(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let (id, other) = (queue(&*store, TRAIN).await, queue(&*store, TRAIN).await);
    let claimed = claim(&*store, me, TRAIN, 2).await;
    let log = |claimed: &Claimed, update| RunningLog {
        id: claimed.id,
        fencing_token: claimed.fencing_token,
        update,
    };
    let logs = [log(&claimed[0], lines(1..=2)), log(&claimed[1], lines(1..=1))];
    assert_eq!(store.write_logs(&logs).await.unwrap().len(), 2);
    let elsewhere = open(fixture).await;
    assert_eq!(numbers(&*elsewhere, id).await, [(1, 1), (1, 2)]);
    assert_eq!(numbers(&*elsewhere, other).await, [(1, 1)]);
    assert_eq!(elsewhere.summary_of(id).await.unwrap().map(|it| it.state), Some(State::Running));
    assert_eq!(elsewhere.summary_of(Uuid::now_v7()).await.unwrap().map(|it| it.state), None);
    assert!(complete_with(&*store, me, &claimed[0], Transition::Done, lines(3..=3)).await);
    assert_eq!(numbers(&*elsewhere, id).await, [(1, 1), (1, 2), (1, 3)]);
}

pub(crate) async fn lines_that_are_written_twice_are_kept_once(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(write(&*store, &claimed, lines(1..=2)).await);
    // The response was lost.
    assert!(write(&*store, &claimed, lines(1..=3)).await);
    assert!(complete_with(&*store, me, &claimed, Transition::Done, lines(2..=4)).await);
    assert_eq!(numbers(&*store, id).await, [(1, 1), (1, 2), (1, 3), (1, 4)]);
    // Too late: the result has all lines.
    assert!(!write(&*store, &claimed, lines(4..=5)).await);
    assert_eq!(numbers(&*store, id).await.len(), 4);
}

pub(crate) async fn older_lines_of_an_attempt_are_deleted(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(write(&*store, &claimed, lines(1..=5)).await);
    assert!(write(&*store, &claimed, LogUpdate { first: 4, ..lines(6..=6) }).await);
    assert_eq!(numbers(&*store, id).await, [(1, 4), (1, 5), (1, 6)]);
    let log = LogUpdate { first: 6, ..lines(7..=7) };
    assert!(complete_with(&*store, me, &claimed, Transition::Done, log).await);
    assert_eq!(numbers(&*store, id).await, [(1, 6), (1, 7)]);
}

pub(crate) async fn lines_of_a_stale_attempt_are_discarded(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let (me, other) = (replica(&*store).await, replica(&*store).await);
    let id = queue(&*store, TRAIN).await;
    let first = claim_one(&*store, me, TRAIN).await;
    assert!(write(&*store, &first, lines(1..=1)).await);
    store.deregister(me).await.unwrap();
    assert_eq!(store.recover_lost(other, &|_, _| Transition::Released).await.unwrap().recovered, 1);
    assert!(!write(&*store, &first, lines(2..=2)).await, "it is queued");
    let second = claim_one(&*store, other, TRAIN).await;
    assert!(write(&*store, &second, lines(1..=2)).await);
    let logs = [&first, &second].map(|claimed| RunningLog {
        id,
        fencing_token: claimed.fencing_token,
        update: lines(3..=3),
    });
    let written = store.write_logs(&logs).await.unwrap();
    assert_eq!(written, [(id, second.fencing_token)]);
    let stale = LogUpdate { first: 4, ..lines(4..=4) };
    assert!(!complete_with(&*store, me, &first, Transition::Done, stale).await);
    assert_eq!(numbers(&*store, id).await, [(1, 1), (2, 1), (2, 2), (2, 3)]);
}

pub(crate) async fn each_attempt_has_its_lines(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let retry = Transition::Retry { after: Duration::ZERO };
    for next in [retry, Transition::Dead] {
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert!(complete_with(&*store, me, &claimed, next, lines(1..=2)).await);
    }
    assert_eq!(store.retry(RetryTarget::One(id)).await.unwrap(), 1);
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(write(&*store, &claimed, lines(1..=1)).await);
    let every = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)];
    assert_eq!(numbers(&*store, id).await, every);
    let last = store.logs(id, None, 2).await.unwrap();
    assert_eq!(last.iter().map(|line| (line.fence, line.number)).collect::<Vec<_>>(), every[3..]);
}

pub(crate) async fn the_last_attempts_keep_their_lines(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    for _ in 0..=LOGGED_CLAIMS {
        let claimed = claim_one(&*store, me, TRAIN).await;
        let next = Transition::Wait { after: Duration::ZERO };
        assert!(complete_with(&*store, me, &claimed, next, lines(1..=1)).await);
    }
    let fences: Vec<_> = numbers(&*store, id).await.into_iter().map(|(fence, _)| fence).collect();
    assert_eq!(fences, (2..=LOGGED_CLAIMS + 1).collect::<Vec<_>>());
}

pub(crate) async fn lines_are_deleted_with_their_delivery(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let (done, dies) = (queue(&*store, TRAIN).await, queue(&*store, TRAIN).await);
    for next in [Transition::Done, Transition::Dead] {
        let claimed = claim_one(&*store, me, TRAIN).await;
        assert!(complete_with(&*store, me, &claimed, next, lines(1..=2)).await);
    }
    let retention = Retention { done: Duration::ZERO, dead: None };
    assert_eq!(store.purge_expired(retention).await.unwrap(), 1);
    assert_eq!(numbers(&*store, done).await, []);
    assert_eq!(numbers(&*store, dies).await.len(), 2);
    assert_eq!(store.purge(&dead(Duration::ZERO)).await.unwrap(), 1);
    assert_eq!(numbers(&*store, dies).await, []);
}

pub(crate) async fn a_lost_attempt_keeps_what_was_written(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let (me, other) = (replica(&*store).await, replica(&*store).await);
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    assert!(write(&*store, &claimed, lines(1..=2)).await);
    store.deregister(me).await.unwrap();
    assert_eq!(store.recover_lost(other, &retried).await.unwrap().recovered, 1);
    assert_eq!(numbers(&*store, id).await, [(1, 1), (1, 2)]);
}

pub(crate) async fn the_last_lines_are_written_when_many_attempts_end_together(
    fixture: &dyn Fixture,
) {
    const ATTEMPTS: usize = 100;
    let endpoint = keyed::endpoint(Policy::DEFAULT.concurrency(ATTEMPTS as u32));
    let store = fixture.open(vec![endpoint], NO_LIMIT.into()).await;
    let me = replica(&*store).await;
    for _ in 0..ATTEMPTS {
        queue(&*store, TRAIN).await;
    }
    let claimed = claim(&*store, me, TRAIN, ATTEMPTS as u32).await;
    let with_log = |claimed: &Claimed| {
        let mut log = lines(1..=64);
        log.lines.iter_mut().for_each(|line| line.text = "x".repeat(1024));
        Completion { log, ..completion(claimed, Transition::Done) }
    };
    let completions: Vec<_> = claimed.iter().map(with_log).collect();
    let response = store.complete_and_claim(me, &completions, &[]).await.unwrap();
    assert!(response.stale.is_empty());
    // Each has an equal share of 4 MiB.
    for claimed in claimed {
        let expected: Vec<_> = (25..=64).map(|number| (1, number)).collect();
        assert_eq!(numbers(&*store, claimed.id).await, expected);
    }
}

pub(crate) async fn a_line_may_contain_any_text(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let me = replica(&*store).await;
    let id = queue(&*store, TRAIN).await;
    let claimed = claim_one(&*store, me, TRAIN).await;
    let texts = ["", "학습 'done' \"$1\" \\", "a\u{0}b", "{}"];
    let mut log = lines(1..=4);
    for (line, text) in log.lines.iter_mut().zip(texts) {
        line.text = text.to_owned();
    }
    assert!(complete_with(&*store, me, &claimed, Transition::Done, log).await);
    let read: Vec<_> = all_lines(&*store, id)
        .await
        .into_iter()
        .map(|line| line.text.replace('\u{fffd}', "\u{0}"))
        .collect();
    assert_eq!(read, texts);
}
