//! Tests of log lines that the database rejects, and of deleting many.

use std::time::{Duration, SystemTime};

use tracing::Level;
use uuid::Uuid;

use super::{Database, on_server, open, with_database};
use crate::jobs::attempt_log::{LogPosition, LogUpdate, NewLogLine};
use crate::jobs::conformance::new;
use crate::jobs::delivery::{ClaimRequest, Completion};
use crate::jobs::state::{State, Transition};
use crate::jobs::store::{Retention, Store};

const REQUESTS: [ClaimRequest; 1] = [ClaimRequest { endpoint: 0, slots: 10 }];

/// Runs a delivery for each text, which are their log lines, and completes them together. Returns their ids.
async fn run(store: &dyn Store, logs: &[Vec<&str>]) -> Vec<Uuid> {
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(60)).await.unwrap();
    store.accept(logs.iter().map(|_| new(0, None, "{}")).collect()).await.unwrap();
    let claimed = store.complete_and_claim(me, &[], &REQUESTS).await.unwrap().claimed;
    assert_eq!(claimed.len(), logs.len());
    let completion = |(claimed, texts): (&crate::jobs::delivery::Claimed, &Vec<&str>)| {
        let line = |(number, text): (u32, &&str)| NewLogLine {
            number,
            at: SystemTime::now(),
            level: Level::INFO,
            text: (*text).to_owned(),
        };
        Completion {
            id: claimed.id,
            fencing_token: claimed.fencing_token,
            next: Transition::Done,
            error: None,
            note: None,
            log: LogUpdate { lines: (1..).zip(texts).map(line).collect(), first: 1 },
        }
    };
    let completions: Vec<_> = claimed.iter().zip(logs).map(completion).collect();
    let response = store.complete_and_claim(me, &completions, &[]).await.unwrap();
    assert!(response.stale.is_empty());
    claimed.iter().map(|claimed| claimed.id).collect()
}

async fn count(store: &dyn Store, id: Uuid) -> usize {
    store.logs(id, Some(LogPosition::default()), 100_000).await.unwrap().len()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_character_that_the_encoding_lacks_does_not_keep_the_result_out() {
    with_database(|database| {
        Box::pin(async move {
            let name = &database.url[database.url.rfind('/').unwrap() + 1..];
            let latin = format!("{name}_latin");
            on_server(format!("CREATE DATABASE {latin} ENCODING 'LATIN1' TEMPLATE template0"))
                .await;
            let store = open(&Database { url: format!("{}_latin", database.url) }).await;
            let ids = run(&*store, &[vec!["학습"]]).await;
            assert_eq!(store.state_of(ids[0]).await.unwrap(), Some(State::Done));
            assert_eq!(count(&*store, ids[0]).await, 0);
            let ids = run(&*store, &[vec!["done"]]).await;
            assert_eq!(count(&*store, ids[0]).await, 1);
            store.close().await;
            on_server(format!("DROP DATABASE {latin} WITH (FORCE)")).await;
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
