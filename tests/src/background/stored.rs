//! What a place's store has, read with a connection of its own.

use std::collections::BTreeMap;

use rusqlite::OpenFlags;
use sqlx::types::Uuid;
use sqlx::{Connection, PgConnection};

use super::Kept;
use super::place::{Place, StoreKind, now};

/// The states of a delivery, by the numbers in the tables.
const STATES: [&str; 6] = ["queued", "running", "done", "dead", "superseded", "cancelled"];

impl Place {
    /// What the store has, the oldest first.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        type StoredRow = (Uuid, String, Option<String>, i64, i64, Option<String>, Option<String>);
        let rows: Vec<StoredRow> = match &self.store {
            StoreKind::File(file) => {
                let connection =
                    rusqlite::Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
                let connection = connection.unwrap();
                let mut statement = connection
                    .prepare(
                        "SELECT d.id, path, webhook_id, state, attempt, error, CAST(merge_group AS text)
                         FROM deliveries AS d JOIN endpoints AS e ON e.id = endpoint ORDER BY seq",
                    )
                    .unwrap();
                let rows = statement.query_map([], |row| row.try_into()).unwrap();
                rows.collect::<Result<_, _>>().unwrap()
            }
            StoreKind::Database { .. } => now(async {
                let mut connection = PgConnection::connect(&self.store()).await.unwrap();
                let rows = sqlx::query_as(
                    "SELECT d.id, path, webhook_id, state::bigint, attempt::bigint, error, merge_group::text
                     FROM webhooks_runtime.deliveries AS d
                     JOIN webhooks_runtime.endpoints AS e ON e.id = endpoint ORDER BY d.id",
                );
                let rows = rows.fetch_all(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                rows
            }),
        };
        let kept =
            rows.into_iter().map(|(id, path, webhook_id, state, attempt, error, group)| Kept {
                id: id.to_string(),
                function: path.trim_start_matches("/webhooks/").to_owned(),
                webhook_id,
                state: STATES[usize::try_from(state).unwrap()],
                attempt,
                error,
                group,
            });
        kept.collect()
    }

    /// A delivery of the store.
    #[must_use]
    pub fn delivery(&self, id: &str) -> Kept {
        self.kept().into_iter().find(|kept| kept.id == id).unwrap()
    }

    /// How many deliveries are in which state.
    #[must_use]
    pub fn states(&self) -> BTreeMap<&'static str, usize> {
        let rows: Vec<(i64, i64)> = match &self.store {
            StoreKind::File(file) => {
                let connection =
                    rusqlite::Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
                let connection = connection.unwrap();
                let mut statement = connection
                    .prepare("SELECT state, count(*) FROM deliveries GROUP BY state")
                    .unwrap();
                let rows = statement.query_map([], |row| row.try_into()).unwrap();
                rows.collect::<Result<_, _>>().unwrap()
            }
            StoreKind::Database { .. } => now(async {
                let mut connection = PgConnection::connect(&self.store()).await.unwrap();
                let rows = sqlx::query_as(
                    "SELECT state::bigint, count(*) FROM webhooks_runtime.deliveries GROUP BY state",
                );
                let rows = rows.fetch_all(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                rows
            }),
        };
        let named = rows.into_iter().map(|(state, count)| {
            (STATES[usize::try_from(state).unwrap()], usize::try_from(count).unwrap())
        });
        named.collect()
    }
}
