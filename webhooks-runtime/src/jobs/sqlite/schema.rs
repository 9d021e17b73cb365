//! Creates and migrates the tables, and checks their version.

use std::error::Error;

use rusqlite::{Connection, TransactionBehavior};

use crate::jobs::remedy::StoreRemedy;

/// The `application_id` in a store's header, which tells it from other programs' databases: "WHKS".
pub(super) const APPLICATION_ID: i32 = 0x5748_4b53;

/// The migrations from each version to the next, starting with an empty file. A released migration is never
/// changed.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../../migrations/sqlite/1_deliveries.sql"),
    include_str!("../../../migrations/sqlite/2_names.sql"),
    include_str!("../../../migrations/sqlite/3_notes_and_values.sql"),
    include_str!("../../../migrations/sqlite/4_keys.sql"),
];

/// The last version without an `application_id`.
const WITHOUT_ID: usize = 1;

/// An unsupported version of the tables.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileVersionError {
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

impl FileVersionError {
    pub(super) fn remedy(&self) -> StoreRemedy {
        match self {
            Self::Newer(_) => StoreRemedy::UpdateProgram,
            Self::Older(_) => StoreRemedy::StartServer,
        }
    }
}

/// Checks that the tables have this program's version. Changes nothing.
pub(super) fn check(file: &Connection) -> Result<(), Box<dyn Error + Send + Sync>> {
    let id: i32 = file.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = version(file)?;
    if version > MIGRATIONS.len() {
        return Err(FileVersionError::Newer(version).into());
    }
    if version < MIGRATIONS.len() || id != APPLICATION_ID {
        return Err(FileVersionError::Older(version).into());
    }
    Ok(())
}

/// Creates or migrates the tables.
pub(super) fn migrate(file: &mut Connection) -> Result<(), Box<dyn Error + Send + Sync>> {
    let migration = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = version(&migration)?;
    let missing = MIGRATIONS.get(version..).ok_or(FileVersionError::Newer(version))?;
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

/// Returns the columns of all tables, in a fixed order. Other objects (a view, a trigger) are listed by name
/// only.
pub(super) fn columns(file: &Connection) -> Result<Vec<(String, String)>, rusqlite::Error> {
    let mut columns = file.prepare(
        "SELECT it.name, coalesce(of_it.name, '')
         FROM sqlite_schema AS it LEFT JOIN pragma_table_info(it.name) AS of_it
         WHERE it.type <> 'index' ORDER BY 1, 2",
    )?;
    columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Returns whether a file without an `application_id` is an old store, by its version and columns.
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
