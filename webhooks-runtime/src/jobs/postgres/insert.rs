//! Inserts deliveries, and revives dead ones.

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::delivery::NewDelivery;
use super::arrivals::Arrivals;
use super::convert;
use super::keys::LockedKeys;
use super::store::PostgresStore;

/// Inserts a batch without keys, or nothing if one `Webhook-Id` is already stored. The unique index also makes
/// it fail as a whole when another replica has just inserted one.
const INSERT_IF_ALL_NEW: &str = "
    WITH new AS (
        SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::text[], $8::smallint[], $9::text[])
            AS new (id, endpoint, webhook_id, received_at, body, event, repo, origin, trace)
    ), existing AS (
        SELECT 1 FROM new CROSS JOIN LATERAL (
            SELECT 1 FROM webhooks_runtime.deliveries AS old
            WHERE old.endpoint = new.endpoint AND old.webhook_id = new.webhook_id AND old.latest
                AND old.webhook_id IS NOT NULL
            LIMIT 1
        ) AS old (one)
    ), inserted AS (
        INSERT INTO webhooks_runtime.deliveries (id, endpoint, webhook_id, received_at, event, repo, origin, trace)
        SELECT id, endpoint, webhook_id, to_timestamp(received_at / 1000.0), event, repo, origin, trace FROM new
        WHERE NOT EXISTS (SELECT 1 FROM existing)
        RETURNING id
    ), bodies AS (
        INSERT INTO webhooks_runtime.payloads (delivery, body)
        SELECT id, body FROM new WHERE NOT EXISTS (SELECT 1 FROM existing)
    )
    SELECT count(*) FROM inserted";

/// Inserts deliveries, with their places in the queues of their keys.
const INSERT: &str = "
    WITH new AS (
        SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::text[], $8::smallint[],
                $9::text[], $10::text[], $11::bigint[], $12::smallint[], $13::bigint[], $14::uuid[], $15::integer[], $16::bigint[],
                $17::bigint[], $18::bigint[], $19::uuid[])
            AS new (id, endpoint, webhook_id, received_at, body, event, repo, origin, trace,
                key, arrival, state, merge_scope, merge_group, merged, merge_bytes,
                debounce_since, run_at, superseded_by)
    ), inserted AS (
        INSERT INTO webhooks_runtime.deliveries
            (id, endpoint, webhook_id, received_at, event, repo, origin, trace,
            key, arrival, state, merge_scope, merge_group, merged, merge_bytes, superseded_by,
            debounce_since, run_at, ended_at)
        SELECT id, endpoint, webhook_id, to_timestamp(received_at / 1000.0), event, repo, origin, trace,
            key, arrival, state, merge_scope, merge_group, merged, merge_bytes, superseded_by,
            timestamptz 'epoch' + debounce_since * interval '1 microsecond',
            coalesce(timestamptz 'epoch' + run_at * interval '1 microsecond', statement_timestamp()),
            CASE WHEN state = 4 THEN statement_timestamp() END
        FROM new
        ON CONFLICT DO NOTHING
        RETURNING id
    ), bodies AS (
        INSERT INTO webhooks_runtime.payloads (delivery, body)
        SELECT new.id, new.body FROM inserted JOIN new ON new.id = inserted.id
    )
    SELECT count(*) FROM inserted";

/// Queues dead deliveries with all their attempts restored, and with the new payload. In the queue of a key they are
/// barriers, in their old place by arrival if they had this key already.
const REVIVE: &str = "
    WITH new AS (
        SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[])
            AS new (id, received_at, body, event, repo, key, arrival, trace)
    ), revived AS (
        UPDATE webhooks_runtime.deliveries AS old
        SET state = 0, attempt = 0, releases = 0, waits = 0, snoozes = 0, note = NULL, owner = NULL,
            ended_at = NULL, run_at = statement_timestamp(),
            accepted_at = statement_timestamp(),
            received_at = to_timestamp(new.received_at / 1000.0), event = new.event, repo = new.repo,
            key = new.key, merge_scope = NULL, trace = new.trace,
            arrival = CASE WHEN old.key = new.key THEN old.arrival ELSE new.arrival END
        FROM new WHERE old.id = new.id
    )
    UPDATE webhooks_runtime.payloads AS old SET body = new.body
    FROM new WHERE old.delivery = new.id";

/// The columns of a batch that every statement needs.
struct Columns<'a> {
    ids: Vec<Uuid>,
    endpoints: Vec<i64>,
    webhook_ids: Vec<Option<&'a str>>,
    received_at: Vec<i64>,
    bodies: Vec<&'a [u8]>,
    events: Vec<Option<String>>,
    repos: Vec<Option<String>>,
    origins: Vec<i16>,
    traces: Vec<Option<&'a str>>,
}

impl PostgresStore {
    fn columns<'a>(&self, new: &[&'a NewDelivery]) -> Columns<'a> {
        Columns {
            ids: new.iter().map(|new| new.id).collect(),
            endpoints: new.iter().map(|new| self.endpoint_ids[new.endpoint]).collect(),
            webhook_ids: new.iter().map(|new| new.webhook_id.as_deref()).collect(),
            received_at: new.iter().map(|new| convert::unix(new.received_at)).collect(),
            bodies: new.iter().map(|new| &*new.body).collect(),
            events: convert::texts(new.iter().map(|new| &new.event)),
            repos: convert::texts(new.iter().map(|new| &new.repo)),
            origins: new.iter().map(|new| new.origin.code()).collect(),
            traces: new.iter().map(|new| new.trace.as_deref()).collect(),
        }
    }

    /// Inserts deliveries without keys, all of them or none. Returns whether they were inserted.
    pub(super) async fn insert_if_all_new(
        &self,
        connection: &mut PgConnection,
        new: &[&NewDelivery],
    ) -> Result<bool, sqlx::Error> {
        let columns = self.columns(new);
        let inserted: i64 = sqlx::query_scalar(INSERT_IF_ALL_NEW)
            .bind(columns.ids)
            .bind(columns.endpoints)
            .bind(columns.webhook_ids)
            .bind(columns.received_at)
            .bind(columns.bodies)
            .bind(columns.events)
            .bind(columns.repos)
            .bind(columns.origins)
            .bind(columns.traces)
            .fetch_one(connection)
            .await?;
        Ok(inserted == new.len() as i64)
    }

    /// Inserts deliveries, and returns whether all were inserted.
    pub(super) async fn insert(
        &self,
        connection: &mut PgConnection,
        new: &[&NewDelivery],
        arrivals: &Arrivals,
    ) -> Result<bool, sqlx::Error> {
        let columns = self.columns(new);
        let places = || new.iter().map(|new| arrivals.new.get(&new.id));
        let keys = new.iter().map(|new| self.key_of(new).map(|(_, key)| key));
        let inserted: i64 = sqlx::query_scalar(INSERT)
            .bind(columns.ids)
            .bind(columns.endpoints)
            .bind(columns.webhook_ids)
            .bind(columns.received_at)
            .bind(columns.bodies)
            .bind(columns.events)
            .bind(columns.repos)
            .bind(columns.origins)
            .bind(columns.traces)
            .bind(keys.collect::<Vec<_>>())
            .bind(places().map(|place| place?.arrival).collect::<Vec<_>>())
            .bind(places().map(|place| place.map_or(0, |it| it.state.code())).collect::<Vec<_>>())
            .bind(places().map(|place| place?.scope).collect::<Vec<_>>())
            .bind(places().map(|place| place?.group).collect::<Vec<_>>())
            .bind(places().map(|place| place.map_or(0, |it| it.merged)).collect::<Vec<_>>())
            .bind(places().map(|place| place.map_or(0, |it| it.bytes)).collect::<Vec<_>>())
            .bind(places().map(|place| place?.debounce_since).collect::<Vec<_>>())
            .bind(
                places()
                    .map(|place| place.map_or(arrivals.time, |it| Some(it.run_at)))
                    .collect::<Vec<_>>(),
            )
            .bind(places().map(|place| place?.superseded_by).collect::<Vec<_>>())
            .fetch_one(connection)
            .await?;
        Ok(inserted == new.len() as i64)
    }

    /// Revives dead deliveries, whose new keys are locked.
    pub(super) async fn revive(
        &self,
        connection: &mut PgConnection,
        revived: &[(Uuid, &NewDelivery)],
        locked: &mut LockedKeys,
    ) -> Result<(), sqlx::Error> {
        let ids: Vec<Uuid> = revived.iter().map(|(id, _)| *id).collect();
        let new: Vec<&NewDelivery> = revived.iter().map(|(_, new)| *new).collect();
        let columns = self.columns(&new);
        let (mut keys, mut arrivals) = (Vec::new(), Vec::new());
        for key in new.iter().map(|new| self.key_of(new)) {
            arrivals.push(key.as_ref().map(|key| locked.next(key)).transpose()?);
            keys.push(key.map(|(_, text)| text));
        }
        sqlx::query(REVIVE)
            .bind(ids)
            .bind(columns.received_at)
            .bind(columns.bodies)
            .bind(columns.events)
            .bind(columns.repos)
            .bind(keys)
            .bind(arrivals)
            .bind(columns.traces)
            .execute(connection)
            .await?;
        Ok(())
    }
}
