//! Writes and reads the log lines of attempts.

use rusqlite::{Connection, Row};
use uuid::Uuid;

use crate::jobs::attempt_log::{AttemptLogLine, LogPosition, level_of};
use crate::jobs::clock::from_millis;

/// Returns the log lines of a delivery, in order.
pub(super) fn read(
    connection: &Connection,
    id: Uuid,
    after: Option<LogPosition>,
    limit: u32,
) -> Result<Vec<AttemptLogLine>, rusqlite::Error> {
    let Some(after) = after else {
        let mut statement = connection.prepare_cached(
            "SELECT fence, line, logged_at, level, text FROM attempt_logs
             WHERE delivery = (SELECT seq FROM deliveries WHERE id = ?)
             ORDER BY fence DESC, line DESC LIMIT ?",
        )?;
        let lines = statement.query_map((id, limit), line)?;
        let mut lines = lines.collect::<Result<Vec<_>, _>>()?;
        lines.reverse();
        return Ok(lines);
    };
    let mut statement = connection.prepare_cached(
        "SELECT fence, line, logged_at, level, text FROM attempt_logs
         WHERE delivery = (SELECT seq FROM deliveries WHERE id = ?) AND (fence, line) > (?, ?)
         ORDER BY fence, line LIMIT ?",
    )?;
    statement.query_map((id, after.fence, after.number, limit), line)?.collect()
}

fn line(row: &Row<'_>) -> Result<AttemptLogLine, rusqlite::Error> {
    Ok(AttemptLogLine {
        fence: row.get(0)?,
        number: row.get(1)?,
        at: from_millis(row.get(2)?),
        level: level_of(row.get(3)?),
        text: row.get(4)?,
    })
}
