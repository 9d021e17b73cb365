//! Merges the bodies of a group when the delivery that carries it is claimed.

use uuid::Uuid;

use super::writer::Writer;
use crate::jobs::delivery::{Claimed, DeliveryOrigin};
use crate::payload::Merge;

impl Writer {
    /// Merges what a claimed delivery carries into its body. Reads one body at a time.
    pub(super) fn merge(&self, group: i64, claimed: &mut Claimed) -> Result<(), rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT older.id, payloads.body, older.origin, older.trace FROM deliveries AS older
                 JOIN payloads ON payloads.delivery = older.seq
             WHERE older.merge_group = ? AND older.state = 4 ORDER BY older.seq",
        )?;
        let mut merge = Merge::new();
        let mut rows = statement.query([group])?;
        while let Some(row) = rows.next()? {
            claimed.merged.push(row.get::<_, Uuid>(0)?);
            claimed.merged_traces.extend(row.get::<_, Option<String>>(3)?);
            merge.add(row.get_ref(1)?.as_blob()?);
            if row.get::<_, i16>(2)? == DeliveryOrigin::Enqueued.code() {
                claimed.origin = DeliveryOrigin::Enqueued;
            }
        }
        claimed.body = merge.finish(std::mem::take(&mut claimed.body));
        Ok(())
    }
}
