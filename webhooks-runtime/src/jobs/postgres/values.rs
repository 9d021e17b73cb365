//! Stores small values that replicas share, with their leases.

use std::time::Duration;

use futures_util::FutureExt;
use uuid::Uuid;

use super::convert;
use super::pool::with_retries;
use super::store::PostgresStore;
use crate::state::{SharedState, StateFuture};

const GET: &str = "
    SELECT value FROM webhooks_runtime.shared_values
    WHERE key = $1 AND (expires_at IS NULL OR expires_at > statement_timestamp())";

/// Sets a value, and deletes others that have expired.
const SET: &str = "
    WITH expired AS (
        DELETE FROM webhooks_runtime.shared_values
        WHERE expires_at IS NOT NULL AND expires_at <= statement_timestamp() AND key <> $1
    )
    INSERT INTO webhooks_runtime.shared_values (key, value, expires_at)
    VALUES ($1, $2, statement_timestamp() + $3::bigint * interval '1 millisecond')
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";

/// Appends to a value that has not expired, keeps its last characters, and deletes others that have expired.
const APPEND: &str = "
    WITH expired AS (
        DELETE FROM webhooks_runtime.shared_values
        WHERE expires_at IS NOT NULL AND expires_at <= statement_timestamp() AND key <> $1
    )
    INSERT INTO webhooks_runtime.shared_values AS it (key, value, expires_at)
    VALUES ($1, right($2, $3), statement_timestamp() + $4::bigint * interval '1 millisecond')
    ON CONFLICT (key) DO UPDATE SET
        value = CASE
            WHEN it.expires_at <= statement_timestamp() THEN excluded.value
            ELSE right(it.value || $2, $3)
        END,
        expires_at = excluded.expires_at";

const REMOVE: &str = "DELETE FROM webhooks_runtime.shared_values WHERE key = $1";

/// Takes a lease that is free or over, or renews it.
const LEASE: &str = "
    INSERT INTO webhooks_runtime.shared_leases AS it (name, holder, lease_until)
    VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 millisecond')
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until
    WHERE it.holder = excluded.holder OR it.lease_until <= clock_timestamp()";

const RELEASE: &str = "DELETE FROM webhooks_runtime.shared_leases WHERE name = $1 AND holder = $2";

// PostgreSQL's text type cannot store NUL.
impl SharedState for PostgresStore {
    fn get<'a>(&'a self, key: &'a str) -> StateFuture<'a, Option<String>> {
        async move {
            let key = &convert::text(key);
            Ok(with_retries(&self.pool, |mut connection| async move {
                let value =
                    sqlx::query_scalar(GET).bind(key).fetch_optional(&mut *connection).await;
                (connection, value)
            })
            .await?)
        }
        .boxed()
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        ttl: Option<Duration>,
    ) -> StateFuture<'a, ()> {
        let ttl = ttl.map(convert::milliseconds);
        async move {
            let (key, value) = (&convert::text(key), &convert::text(value));
            with_retries(&self.pool, |mut connection| async move {
                let set = sqlx::query(SET).bind(key).bind(value).bind(ttl);
                let set = set.execute(&mut *connection).await;
                (connection, set)
            })
            .await?;
            Ok(())
        }
        .boxed()
    }

    fn append<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        most: usize,
        ttl: Duration,
    ) -> StateFuture<'a, ()> {
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let ttl = convert::milliseconds(ttl);
        async move {
            let (key, text) = (&convert::text(key), &convert::text(text));
            with_retries(&self.pool, |mut connection| async move {
                let append = sqlx::query(APPEND).bind(key).bind(text).bind(most).bind(ttl);
                let append = append.execute(&mut *connection).await;
                (connection, append)
            })
            .await?;
            Ok(())
        }
        .boxed()
    }

    fn remove<'a>(&'a self, key: &'a str) -> StateFuture<'a, ()> {
        async move {
            let key = &convert::text(key);
            with_retries(&self.pool, |mut connection| async move {
                let removed = sqlx::query(REMOVE).bind(key).execute(&mut *connection).await;
                (connection, removed)
            })
            .await?;
            Ok(())
        }
        .boxed()
    }

    fn lease<'a>(
        &'a self,
        name: &'a str,
        holder: Uuid,
        duration: Duration,
    ) -> StateFuture<'a, bool> {
        let duration = convert::milliseconds(duration);
        async move {
            let taken = with_retries(&self.pool, |mut connection| async move {
                let taken = sqlx::query(LEASE).bind(name).bind(holder).bind(duration);
                let taken = taken.execute(&mut *connection).await;
                (connection, taken)
            })
            .await?;
            Ok(taken.rows_affected() == 1)
        }
        .boxed()
    }

    fn release<'a>(&'a self, name: &'a str, holder: Uuid) -> StateFuture<'a, ()> {
        async move {
            with_retries(&self.pool, |mut connection| async move {
                let released =
                    sqlx::query(RELEASE).bind(name).bind(holder).execute(&mut *connection).await;
                (connection, released)
            })
            .await?;
            Ok(())
        }
        .boxed()
    }
}
