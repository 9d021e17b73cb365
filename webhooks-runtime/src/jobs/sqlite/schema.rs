//! The tables of a store, and the versions that they have had.

use std::error::Error;

use rusqlite::{Connection, TransactionBehavior};

/// What SQLite notes in a store's header, so that it is not taken for another program's file: "WHKS".
pub(super) const APPLICATION_ID: i32 = 0x5748_4b53;

/// The statements that lead from each version to the next, beginning with an empty file. One that was
/// released is never changed.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../../migrations/sqlite/1_deliveries.sql"),
    include_str!("../../../migrations/sqlite/2_names.sql"),
];

/// The last version whose files had no `application_id`.
const WITHOUT_ID: usize = 1;

/// Why the tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum VersionError {
    #[error(
        "its format, version {0}, is newer than this program's, version {newest}: update the program",
        newest = MIGRATIONS.len()
    )]
    Newer(usize),
    #[error(
        "its format, version {0}, is older than this program's, version {newest}: start the server once, \
         which updates it",
        newest = MIGRATIONS.len()
    )]
    Older(usize),
}

/// Checks that the tables are those of this version. Nothing is changed.
pub(super) fn check(file: &Connection) -> Result<(), Box<dyn Error + Send + Sync>> {
    let id: i32 = file.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = version(file)?;
    if version > MIGRATIONS.len() {
        return Err(VersionError::Newer(version).into());
    }
    if version < MIGRATIONS.len() || id != APPLICATION_ID {
        return Err(VersionError::Older(version).into());
    }
    Ok(())
}

/// Creates the tables, or brings them up to date.
pub(super) fn migrate(file: &mut Connection) -> Result<(), Box<dyn Error + Send + Sync>> {
    let migration = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = version(&migration)?;
    let missing = MIGRATIONS.get(version..).ok_or(VersionError::Newer(version))?;
    for statements in missing {
        migration.execute_batch(statements)?;
    }
    migration.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    migration.pragma_update(None, "application_id", APPLICATION_ID)?;
    Ok(migration.commit()?)
}

fn version(file: &Connection) -> Result<usize, rusqlite::Error> {
    let version: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// The columns of all tables, in a fixed order. What else is in a file (a view, a trigger) is listed by
/// its name alone.
pub(super) fn columns(file: &Connection) -> Result<Vec<(String, String)>, rusqlite::Error> {
    let mut columns = file.prepare(
        "SELECT it.name, coalesce(of_it.name, '')
         FROM sqlite_schema AS it LEFT JOIN pragma_table_info(it.name) AS of_it
         WHERE it.type <> 'index' ORDER BY 1, 2",
    )?;
    columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Whether a file without an `application_id` is a store all the same, by its version and its columns.
pub(super) fn is_version_without_id(
    file: &Connection,
    found: &[(String, String)],
) -> Result<bool, rusqlite::Error> {
    if version(file)? != WITHOUT_ID {
        return Ok(false);
    }
    let reference = Connection::open_in_memory()?;
    for statements in &MIGRATIONS[..WITHOUT_ID] {
        reference.execute_batch(statements)?;
    }
    Ok(columns(&reference)? == found)
}
