//! Tests of purges at the same moment as other changes.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;
use uuid::Uuid;

use super::{open, with_database};
use crate::jobs::conformance::new;
use crate::jobs::delivery::ClaimRequest;
use crate::jobs::state::State;
use crate::jobs::store::{Retention, Store};

/// Makes both deliveries done, and the second one carry the first one.
const CARRY: &str = "
    UPDATE webhooks_runtime.deliveries SET state = CASE WHEN id = $1 THEN 4 ELSE 2 END, merge_group = $1,
        merged = CASE WHEN id = $1 THEN 0 ELSE 1 END, ended_at = statement_timestamp()";

/// Queues a superseded delivery again, as a rerun does.
const RERUN: &str = "
    UPDATE webhooks_runtime.deliveries SET state = 0, merge_group = NULL, ended_at = NULL WHERE id = $1";

#[test]
#[ignore = "needs PostgreSQL"]
fn a_delivery_that_runs_again_meanwhile_is_not_purged_with_the_one_that_carried_it() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database).await;
            let (older, newer) = (new(0, None, "{}"), new(0, None, "{}"));
            let (id, carrier) = (older.id, newer.id);
            store.accept(vec![older, newer]).await.unwrap();
            let mut connection = PgConnection::connect(&database.url).await.unwrap();
            sqlx::query(CARRY).bind(id).execute(&mut connection).await.unwrap();
            store.advance_clock(Duration::from_secs(60)).await.unwrap();

            let mut rerun = connection.begin().await.unwrap();
            sqlx::query(RERUN).bind(id).execute(&mut *rerun).await.unwrap();
            let retention = Retention { done: Duration::from_secs(30), dead: None };
            let mut purging = store.purge_expired(retention);
            assert!(timeout(Duration::from_millis(300), &mut purging).await.is_err());
            rerun.commit().await.unwrap();
            assert_eq!(purging.await.unwrap(), 1);
            assert_eq!(store.summary_of(id).await.unwrap().map(|it| it.state), Some(State::Queued));
            assert_eq!(store.summary_of(carrier).await.unwrap().map(|it| it.state), None);
            let me = Uuid::now_v7();
            store.register(me, Duration::from_secs(60)).await.unwrap();
            let requests = [ClaimRequest { endpoint: 0, slots: 1 }];
            let claimed = store.complete_and_claim(me, &[], &requests).await.unwrap().claimed;
            assert_eq!((claimed[0].id, &claimed[0].body[..]), (id, &b"{}"[..]));
        })
    });
}
