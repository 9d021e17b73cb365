//! Tests of log lines that the database rejects, and of deleting many.

use std::time::{Duration, SystemTime};

use tracing::Level;
use uuid::Uuid;

use super::{open, with_database};
use crate::jobs::attempt_log::{LogPosition, LogUpdate, NewLogLine, RunningLog};
use crate::jobs::conformance::new;
use crate::jobs::delivery::{ClaimRequest, Claimed, Completion};
use crate::jobs::state::{State, Transition};
use crate::jobs::store::{Retention, Store};

const REQUESTS: [ClaimRequest; 1] = [ClaimRequest { endpoint: 0, slots: 10 }];

/// Makes the lines with these texts.
fn update(texts: &[&str]) -> LogUpdate {
    let line = |(number, text): (u32, &&str)| NewLogLine {
        number,
        at: SystemTime::now(),
        level: Level::INFO,
        text: (*text).to_owned(),
    };
    LogUpdate { lines: (1..).zip(texts).map(line).collect(), first: 1 }
}

/// Runs a delivery for each text, which are their log lines, and completes them together. Returns their ids.
async fn run(store: &dyn Store, logs: &[Vec<&str>]) -> Vec<Uuid> {
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(60)).await.unwrap();
    store.accept(logs.iter().map(|_| new(0, None, "{}")).collect()).await.unwrap();
    let claimed = store.complete_and_claim(me, &[], &REQUESTS).await.unwrap().claimed;
    assert_eq!(claimed.len(), logs.len());
    let completion = |(claimed, texts): (&Claimed, &Vec<&str>)| Completion {
        id: claimed.id,
        fencing_token: claimed.fencing_token,
        next: Transition::Done,
        error: None,
        note: None,
        log: update(texts),
    };
    let completions: Vec<_> = claimed.iter().zip(logs).map(completion).collect();
    let response = store.complete_and_claim(me, &completions, &[]).await.unwrap();
    assert!(response.stale.is_empty());
    claimed.iter().map(|claimed| claimed.id).collect()
}

async fn count(store: &dyn Store, id: Uuid) -> usize {
    store.logs(id, Some(LogPosition::default()), 100_000).await.unwrap().len()
}

/// Rejects a text as the type of a column would.
const REJECT_SOME: &str =
    "ALTER TABLE webhooks_runtime.attempt_logs ADD CHECK (text NOT LIKE 'rejected%')";

#[test]
#[ignore = "needs PostgreSQL"]
fn a_line_that_the_database_rejects_takes_no_other_line_and_no_result_with_it() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database).await;
            let mut connection = store.pool.acquire().await.unwrap();
            sqlx::raw_sql(REJECT_SOME).execute(&mut *connection).await.unwrap();
            drop(connection);
            let logs = [vec!["a", "rejected", "b"], vec!["rejected"], vec!["c"], vec!["d"; 1500]];
            let ids = run(&*store, &logs).await;
            for (id, lines) in ids.iter().zip([2, 0, 1, 1500]) {
                assert_eq!(
                    store.summary_of(*id).await.unwrap().map(|it| it.state),
                    Some(State::Done)
                );
                assert_eq!(count(&*store, *id).await, lines);
            }
        })
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_line_that_the_database_rejects_does_not_keep_those_of_running_attempts_out() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database).await;
            let mut connection = store.pool.acquire().await.unwrap();
            sqlx::raw_sql(REJECT_SOME).execute(&mut *connection).await.unwrap();
            drop(connection);
            let me = Uuid::now_v7();
            store.register(me, Duration::from_secs(60)).await.unwrap();
            store.accept(vec![new(0, None, "{}"), new(0, None, "{}")]).await.unwrap();
            let claimed = store.complete_and_claim(me, &[], &REQUESTS).await.unwrap().claimed;
            let logs = [["a", "rejected", "b"], ["c", "d", "rejected"]];
            let log = |(claimed, texts): (&Claimed, [&str; 3])| RunningLog {
                id: claimed.id,
                fencing_token: claimed.fencing_token,
                update: update(&texts),
            };
            let logs: Vec<_> = claimed.iter().zip(logs).map(log).collect();
            assert_eq!(store.write_logs(&logs).await.unwrap().len(), 2);
            for claimed in &claimed {
                assert_eq!(count(&*store, claimed.id).await, 2);
            }
        })
    });
}

/// Rejects to delete more lines at once than a server with a time limit can.
const REJECT_MANY: &str = "
    CREATE FUNCTION reject_many() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) FROM gone) > 10000 THEN RAISE EXCEPTION 'too many lines'; END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER reject_many AFTER DELETE ON webhooks_runtime.attempt_logs
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION reject_many()";

#[test]
#[ignore = "needs PostgreSQL"]
fn lines_are_deleted_in_chunks() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database).await;
            let ids = run(&*store, &[vec!["a"; 15_000], vec!["b"], vec!["c"; 15_000]]).await;
            assert_eq!(count(&*store, ids[0]).await, 15_000);
            let mut connection = store.pool.acquire().await.unwrap();
            sqlx::raw_sql(REJECT_MANY).execute(&mut *connection).await.unwrap();
            store.advance_clock(Duration::from_secs(60)).await.unwrap();
            let retention = Retention { done: Duration::from_secs(30), dead: None };
            assert_eq!(store.purge_expired(retention).await.unwrap(), 3);
            let lines = "SELECT count(*) FROM webhooks_runtime.attempt_logs";
            let left: i64 = sqlx::query_scalar(lines).fetch_one(&mut *connection).await.unwrap();
            assert_eq!(left, 0);
        })
    });
}
