//! Tests of deleting many log lines.

use std::time::{Duration, SystemTime};

use tracing::Level;
use uuid::Uuid;

use super::{FileFixture, open};
use crate::jobs::attempt_log::{LogUpdate, NewLogLine};
use crate::jobs::conformance::{dead, new};
use crate::jobs::delivery::{ClaimRequest, Completion};
use crate::jobs::sqlite::SqliteStore;
use crate::jobs::sqlite::command::{LINES, WriterCommand};
use crate::jobs::state::Transition;
use crate::jobs::store::{Retention, Store};

/// Runs a delivery for each number of log lines.
async fn run(store: &SqliteStore, logs: &[usize], next: Transition) {
    let me = Uuid::now_v7();
    store.register(me, Duration::from_secs(3600)).await.unwrap();
    for count in logs {
        store.accept(vec![new(0, None, "{}")]).await.unwrap();
        let requests = [ClaimRequest { endpoint: 0, slots: 1 }];
        let claimed = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed;
        let line = |number| NewLogLine {
            number,
            at: SystemTime::now(),
            level: Level::INFO,
            text: "line".to_owned(),
        };
        let completion = Completion {
            id: claimed[0].id,
            fencing_token: claimed[0].fencing_token,
            next,
            error: None,
            note: None,
            log: LogUpdate { lines: (1..).map(line).take(*count).collect(), first: 1 },
        };
        store.complete_and_claim(me, &[completion], &[]).await.unwrap();
    }
}

fn lines(fixture: &FileFixture) -> usize {
    let file = rusqlite::Connection::open(fixture.file()).unwrap();
    let count: i64 =
        file.query_row("SELECT count(*) FROM attempt_logs", [], |row| row.get(0)).unwrap();
    count.unsigned_abs().try_into().unwrap()
}

#[tokio::test]
async fn a_command_deletes_no_more_than_a_chunk_of_lines() {
    let fixture = FileFixture::new();
    let store = open(&fixture);
    let logs = [LINES * 3 / 2, 1, 0, LINES];
    let all: usize = logs.iter().sum();
    run(&store, &logs, Transition::Done).await;
    store.advance_clock(Duration::from_secs(60)).await.unwrap();
    let retention = Retention { done: Duration::from_secs(30), dead: None };
    let step = store.send(|reply| WriterCommand::PurgeExpired(retention, reply)).await.unwrap();
    assert_eq!((step.deleted, step.is_complete), (0, false));
    assert_eq!(lines(&fixture), all - LINES);
    assert_eq!(store.purge_expired(retention).await.unwrap(), 4);
    assert_eq!(lines(&fixture), 0);
    store.close().await;
}

#[tokio::test]
async fn a_purge_deletes_every_line() {
    let fixture = FileFixture::new();
    let store = open(&fixture);
    run(&store, &[LINES * 5 / 2, 1], Transition::Dead).await;
    assert_eq!(store.purge(&dead(Duration::ZERO)).await.unwrap(), 2);
    assert_eq!(lines(&fixture), 0);
    store.close().await;
}
