//! Writes and reads the log lines of attempts.

use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::writer::Writer;
use crate::jobs::attempt_log::{
    AttemptLogLine, LOGGED_CLAIMS, LogPosition, LogUpdate, NewLogLine, RunningLog, level_code,
    level_of,
};
use crate::jobs::clock::{from_millis, to_millis};

impl Writer {
    /// Writes the lines of running attempts, and returns the ids and fencing tokens of those whose claims are current.
    pub(super) fn write_logs(
        &self,
        logs: &[RunningLog],
    ) -> Result<Vec<(Uuid, i64)>, rusqlite::Error> {
        let mut written = Vec::new();
        for log in logs {
            let seq = self
                .connection
                .prepare_cached(
                    "SELECT seq FROM deliveries WHERE id = ? AND fence = ? AND state = 1",
                )?
                .query_row((log.id, log.fencing_token), |row| row.get(0))
                .optional()?;
            if let Some(seq) = seq {
                self.write_log(seq, log.fencing_token, &log.update, &log.update.lines)?;
                written.push((log.id, log.fencing_token));
            }
        }
        Ok(written)
    }

    /// Writes the lines of an attempt whose claim is current.
    pub(super) fn write_log(
        &self,
        seq: i64,
        fencing_token: i64,
        update: &LogUpdate,
        lines: &[NewLogLine],
    ) -> Result<(), rusqlite::Error> {
        for line in lines {
            self.execute(
                "INSERT INTO attempt_logs (delivery, fence, line, logged_at, level, text)
                 VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    seq,
                    fencing_token,
                    line.number,
                    to_millis(line.at),
                    level_code(line.level),
                    &line.text,
                ),
            )?;
        }
        if update.has_excess(fencing_token) {
            self.execute(
                "DELETE FROM attempt_logs WHERE delivery = ? AND fence = ? AND line < ?",
                (seq, fencing_token, update.first),
            )?;
            self.execute(
                "DELETE FROM attempt_logs WHERE delivery = ? AND fence <= ?",
                (seq, fencing_token - LOGGED_CLAIMS),
            )?;
        }
        Ok(())
    }
}

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
