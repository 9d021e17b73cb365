//! Merges the bodies of the deliveries that claimed ones carry.

use futures_util::TryStreamExt;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::delivery::{Claimed, DeliveryOrigin};
use super::claim::ClaimRow;
use crate::payload::Merge;

/// The superseded deliveries of groups that arrived before their newest ones, group by group in order of arrival.
pub(super) const CARRIED: &str = "
    SELECT carrier.place, it.id, payload.body, it.origin, it.trace
    FROM UNNEST($1::bigint[], $2::uuid[], $3::bigint[]) AS carrier (place, merge_group, arrival)
    JOIN webhooks_runtime.deliveries AS it
        ON it.merge_group = carrier.merge_group AND it.state = 4 AND it.arrival < carrier.arrival
    JOIN webhooks_runtime.payloads AS payload ON payload.delivery = it.id
    ORDER BY carrier.place, it.arrival";

/// The place of the delivery that carries it, its id, its body, its origin and the context of its span.
type CarriedRow = (i64, Uuid, Vec<u8>, i16, Option<String>);

/// Merges the bodies of the deliveries that these carry, one after the other.
///
/// Not in the transaction of the claim, so that the endpoint is not locked meanwhile. What a running delivery carries
/// does not change, except that a person may run one of them again.
pub(super) async fn merge(
    connection: &mut PgConnection,
    rows: Vec<ClaimRow>,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let (mut places, mut groups, mut arrivals) = (Vec::new(), Vec::new(), Vec::new());
    for (place, row) in (0_i64..).zip(&rows) {
        if let Some((group, arrival)) = row.group {
            places.push(place);
            groups.push(group);
            arrivals.push(arrival);
        }
    }
    let mut claimed: Vec<Claimed> = rows.into_iter().map(|row| row.claimed).collect();
    if groups.is_empty() {
        return Ok(claimed);
    }
    let carried = sqlx::query_as::<_, CarriedRow>(CARRIED);
    let mut carried = carried.bind(places).bind(groups).bind(arrivals).fetch(connection);
    let mut merging: Option<(usize, Merge)> = None;
    while let Some((place, id, body, origin, trace)) = carried.try_next().await? {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let Some(carrier) = claimed.get_mut(place) else { continue };
        carrier.merged.push(id);
        carrier.merged_traces.extend(trace);
        if origin == DeliveryOrigin::Enqueued.code() {
            carrier.origin = DeliveryOrigin::Enqueued;
        }
        if let Some((before, merge)) = merging.take_if(|(merging, _)| *merging != place) {
            finish(&mut claimed, before, merge);
        }
        merging.get_or_insert_with(|| (place, Merge::new())).1.add(&body);
    }
    if let Some((place, merge)) = merging {
        finish(&mut claimed, place, merge);
    }
    Ok(claimed)
}

/// Merges what the delivery at this place carries into its body.
fn finish(claimed: &mut [Claimed], place: usize, merge: Merge) {
    if let Some(carrier) = claimed.get_mut(place) {
        carrier.body = merge.finish(std::mem::take(&mut carrier.body));
    }
}
