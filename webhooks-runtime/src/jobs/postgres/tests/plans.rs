//! Tests of how the server plans the statements that run for each batch and each round.

use sqlx::{AssertSqlSafe, Executor, Row};

use super::{open, with_database};
use crate::jobs::postgres::{accept, arrivals, claim, keys, peek, queries};

const STATEMENTS: [&str; 7] = [
    accept::LOCK_EXISTING,
    arrivals::LOCK_TAILS,
    claim::CLAIM,
    keys::QUEUED_KEYS,
    keys::REFRESH,
    peek::PEEK,
    queries::OLDEST_DUE,
];

#[test]
#[ignore = "needs PostgreSQL"]
fn no_statement_reads_everything_that_is_stored_when_the_statistics_are_missing() {
    with_database(|database| {
        Box::pin(async move {
            let store = open(database).await;
            let mut connection = store.pool.acquire().await.unwrap();
            for statement in STATEMENTS {
                let count = (1..).find(|next| !statement.contains(&format!("${next}"))).unwrap();
                let values = vec!["NULL"; count - 1].join(", ");
                let prepare = format!("PREPARE planned AS {statement}");
                connection.execute(AssertSqlSafe(prepare)).await.unwrap();
                let explain = format!("EXPLAIN EXECUTE planned ({values})");
                let plan = connection.fetch_all(AssertSqlSafe(explain)).await.unwrap();
                let plan: Vec<String> = plan.iter().map(|line| line.get(0)).collect();
                let plan = plan.join("\n");
                assert!(!plan.contains("Seq Scan") && !plan.contains("hashed"), "{plan}");
                connection.execute("DEALLOCATE planned").await.unwrap();
            }
        })
    });
}
