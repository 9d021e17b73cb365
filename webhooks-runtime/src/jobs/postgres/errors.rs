//! Classifies errors of the database server, and explains the errors that a connection pooler causes.

use std::error::Error as StdError;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::super::error::StoreError;
use super::super::remedy::{RemediableCause, StoreRemedy};

/// The server cannot be reached or does not respond.
#[derive(Debug, thiserror::Error)]
#[error("the database server does not respond")]
struct NoResponse;

/// Another replica changed the same rows at the same time.
#[derive(Debug, thiserror::Error)]
#[error("other replicas are changing the same deliveries")]
pub(super) struct Conflict;

impl From<Conflict> for sqlx::Error {
    fn from(error: Conflict) -> Self {
        Self::AnyDriverError(Box::new(error))
    }
}

/// The server accepts no changes on this connection, for example after it became a standby.
#[derive(Debug, thiserror::Error)]
#[error("the database is read-only")]
pub(super) struct ReadOnly;

impl From<ReadOnly> for sqlx::Error {
    fn from(error: ReadOnly) -> Self {
        Self::AnyDriverError(Box::new(error))
    }
}

/// A connection pooler does not pool by session.
#[derive(Debug, thiserror::Error)]
#[error(
    "a connection pooler in front of the database, such as PgBouncer, pools by transaction or by statement. \
     This program keeps its sessions: set pool_mode = session"
)]
pub(super) struct NotBySession;

/// A connection pooler rejects a startup parameter.
#[derive(Debug, thiserror::Error)]
#[error(
    "a connection pooler in front of the database, such as PgBouncer, rejects a parameter in the store's URL \
     ({0}): remove it from the URL, or add it to ignore_startup_parameters"
)]
struct RejectsParameter(String);

impl From<NotBySession> for sqlx::Error {
    fn from(error: NotBySession) -> Self {
        Self::AnyDriverError(Box::new(error))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolClosed => Self::Closed,
            error => Self::Failed(Box::new(error)),
        }
    }
}

/// Returns whether the server accepts no changes: `read_only_sql_transaction`.
pub(super) fn is_read_only(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::AnyDriverError(cause) => cause.is::<ReadOnly>(),
        error => has_code(error, "25006"),
    }
}

/// Returns whether a connection is still usable after an error: the server rejected a statement and did not
/// end the connection.
pub(super) fn leaves_usable(error: &sqlx::Error) -> bool {
    if is_read_only(error) {
        return false;
    }
    let Some(rejected) = error.as_database_error() else { return is_conflict(error) };
    let severity = rejected.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
    severity == Some(PgSeverity::Error)
}

/// Returns whether work failed only because of concurrent work: `serialization_failure`,
/// `deadlock_detected`.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::AnyDriverError(cause) => cause.is::<Conflict>(),
        error => has_code(error, "40001") || has_code(error, "40P01"),
    }
}

/// Returns whether the server rejected a value: a data exception, or the violation of a constraint.
pub(super) fn is_rejected(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// Returns whether the server returned this error code.
pub(super) fn has_code(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|it| it == code)
}

/// Replaces an error that a pooler causes with one that names the pooler.
fn explain(error: sqlx::Error) -> sqlx::Error {
    // `duplicate_prepared_statement`, `invalid_sql_statement_name`: it was prepared in another session.
    if has_code(&error, "42P05") || has_code(&error, "26000") {
        return NotBySession.into();
    }
    let message =
        error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default();
    if message.contains("in statement pooling mode") {
        return NotBySession.into();
    }
    match message.strip_prefix("unsupported startup parameter") {
        Some(parameter) => {
            let parameter = parameter.rsplit(": ").next().unwrap_or_default().to_owned();
            sqlx::Error::AnyDriverError(Box::new(RejectsParameter(parameter)))
        }
        None => error,
    }
}

/// Converts an error of an operation on the open store.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => StoreError::Failed(Box::new(NoResponse)),
        error => explain(error).into(),
    }
}

/// Converts a cause for which a store cannot be opened, with its remedy.
pub(super) fn explained(
    cause: impl StdError + Send + Sync + 'static,
    remedy: StoreRemedy,
) -> sqlx::Error {
    sqlx::Error::AnyDriverError(RemediableCause::new(cause, remedy).into())
}

/// Converts an error of opening the store.
pub(super) fn unopened(store: &str, error: sqlx::Error) -> StoreError {
    let remedy = remedy(&error);
    let cause: Box<dyn StdError + Send + Sync> = match error {
        sqlx::Error::PoolTimedOut => Box::new(NoResponse),
        error => match explain(error) {
            sqlx::Error::AnyDriverError(cause) => cause,
            error => Box::new(error),
        },
    };
    let cause = match remedy.or_else(|| remedy_of_cause(&*cause)) {
        Some(remedy) => RemediableCause::new(cause, remedy).into(),
        // It may have its remedy already.
        None => cause,
    };
    StoreError::Open { store: store.to_owned(), cause }
}

/// Returns what to do about an error of the connection or the server.
fn remedy(error: &sqlx::Error) -> Option<StoreRemedy> {
    let code = error.as_database_error().and_then(DatabaseError::code);
    match (error, code.as_deref()) {
        (sqlx::Error::PoolTimedOut | sqlx::Error::Io(_), _) => Some(StoreRemedy::StartDatabase),
        (sqlx::Error::Tls(_), _) => Some(StoreRemedy::CorrectTls),
        // `invalid_password`, `invalid_authorization_specification`
        (_, Some("28P01" | "28000")) => Some(StoreRemedy::CorrectLogin),
        // `invalid_catalog_name`
        (_, Some("3D000")) => Some(StoreRemedy::CreateDatabase),
        // `insufficient_privilege`
        (_, Some("42501")) => Some(StoreRemedy::Grant),
        (error, _) if is_read_only(error) => Some(StoreRemedy::UsePrimary),
        _ => None,
    }
}

fn remedy_of_cause(cause: &(dyn StdError + Send + Sync + 'static)) -> Option<StoreRemedy> {
    match cause {
        it if it.is::<NotBySession>() => Some(StoreRemedy::SetPoolMode),
        it if it.is::<RejectsParameter>() => Some(StoreRemedy::RemoveParameter),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_remedy() {
        let wrapped = |cause: Box<dyn StdError + Send + Sync>| sqlx::Error::AnyDriverError(cause);
        for (error, expected) in [
            (sqlx::Error::PoolTimedOut, StoreRemedy::StartDatabase),
            (sqlx::Error::Io(std::io::Error::other("refused")), StoreRemedy::StartDatabase),
            (sqlx::Error::Tls("no".into()), StoreRemedy::CorrectTls),
            (ReadOnly.into(), StoreRemedy::UsePrimary),
            (NotBySession.into(), StoreRemedy::SetPoolMode),
            (wrapped(RejectsParameter("x".to_owned()).into()), StoreRemedy::RemoveParameter),
            (explained(NoResponse, StoreRemedy::StartServer), StoreRemedy::StartServer),
            (sqlx::Error::PoolClosed, StoreRemedy::NameAnother),
        ] {
            let text = error.to_string();
            assert_eq!(unopened("host/bot", error).remedy(), expected, "{text}");
        }
    }
}
