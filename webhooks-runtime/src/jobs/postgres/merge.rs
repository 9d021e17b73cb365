//! Merges the bodies of the deliveries that a claimed one carries.

use futures_util::TryStreamExt;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::delivery::{Claimed, DeliveryOrigin};
use super::claim::ClaimRow;
use crate::payload::Merge;

/// The superseded deliveries of a group that arrived before its newest one, in order of arrival.
const CARRIED: &str = "
    SELECT it.id, payload.body, it.origin FROM webhooks_runtime.deliveries AS it
    JOIN webhooks_runtime.payloads AS payload ON payload.delivery = it.id
    WHERE it.merge_group = $1 AND it.state = 4 AND it.arrival < $2 ORDER BY it.arrival";

/// Merges the bodies of the deliveries that these carry, one after the other.
///
/// Not in the transaction of the claim, so that the endpoint is not locked meanwhile. What a running delivery carries
/// does not change, except that a person may run one of them again.
pub(super) async fn merge(
    connection: &mut PgConnection,
    rows: Vec<ClaimRow>,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let mut merged = Vec::with_capacity(rows.len());
    for ClaimRow { mut claimed, group, .. } in rows {
        if let Some((group, arrival)) = group {
            let mut merge = Merge::new();
            let mut carried =
                sqlx::query_as(CARRIED).bind(group).bind(arrival).fetch(&mut *connection);
            while let Some((id, body, origin)) = carried.try_next().await? {
                let (id, body, origin): (Uuid, Vec<u8>, i16) = (id, body, origin);
                merge.add(&body);
                if origin == DeliveryOrigin::Enqueued.code() {
                    claimed.origin = DeliveryOrigin::Enqueued;
                }
                claimed.merged.push(id);
            }
            drop(carried);
            claimed.body = merge.finish(claimed.body);
        }
        merged.push(claimed);
    }
    Ok(merged)
}
