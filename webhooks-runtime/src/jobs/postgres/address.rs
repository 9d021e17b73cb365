//! Parses the URL of a PostgreSQL server.

use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::super::error::StoreError;

/// Checks a URL, without connecting.
pub(in crate::jobs) fn check(url: &str) -> Result<(), StoreError> {
    parse(url).map(drop)
}

/// Returns the name of the database at a URL for messages, without the password.
pub(in crate::jobs) fn name_of(url: &str) -> String {
    parse(url).map_or_else(|_| "PostgreSQL".to_owned(), |options| name(&options))
}

/// Parses a URL.
pub(super) fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    if password_is_cut(url) {
        let reason = "it has an @ after the host: in the password, write %40 for @, %2F for /, %3F for ?, %23 for #";
        return Err(StoreError::Address { reason: reason.to_owned() });
    }
    let (url, unknown) = without_unknown_parameters(url);
    // The message must not contain the URL, which may contain a password.
    let options = PgConnectOptions::from_str(&url).map_err(|error| StoreError::Address {
        reason: match error {
            sqlx::Error::Configuration(cause) => cause.to_string(),
            _ => "it is not a valid URL".to_owned(),
        },
    })?;
    if unknown > 0 {
        tracing::debug!(unknown, "ignoring parameters of the store's URL");
    }
    // Poolers reject most parameters, and no query here depends on this one.
    let options = options.extra_float_digits(None);
    Ok(options.application_name("webhooks-runtime").disable_statement_logging())
}

/// The parameters that `sqlx` knows. It logs the names and values of others, which may be passwords.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Returns a URL without unknown parameters, and their number.
fn without_unknown_parameters(url: &str) -> (String, usize) {
    let Some((rest, query)) = url.split_once('?') else { return (url.to_owned(), 0) };
    let all = query.split('&').filter(|parameter| !parameter.is_empty());
    let (known, unknown): (Vec<&str>, Vec<&str>) = all.partition(|parameter| {
        let name = parameter.split('=').next().unwrap_or_default();
        PARAMETERS.contains(&name) || (name.starts_with("options[") && name.ends_with(']'))
    });
    let end = if known.is_empty() { String::new() } else { format!("?{}", known.join("&")) };
    (format!("{rest}{end}"), unknown.len())
}

/// Returns whether a URL's password ends too early, at a character that has a meaning in URLs. The rest of
/// the password would be taken for the name of a host or a database, which messages show.
fn password_is_cut(url: &str) -> bool {
    let after_scheme = url.split_once("//").map_or(url, |(_, rest)| rest);
    let end = after_scheme.find(['/', '?', '#']).unwrap_or(after_scheme.len());
    let (authority, rest) = after_scheme.split_at(end);
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    // Otherwise an @ may be in the query, as in `?user=me@tenant`.
    let has_port = authority.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok());
    path.contains('@') || (rest.contains('@') && !authority.contains('@') && !has_port)
}

/// Returns the name of the database for messages, without the password.
pub(super) fn name(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match (options.get_socket(), options.get_port()) {
        (Some(socket), _) => format!("{}/{database}", socket.display()),
        (None, 5432) => format!("{}/{database}", options.get_host()),
        (None, port) => format!("{}:{port}/{database}", options.get_host()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(url: &str) -> String {
        match parse(url) {
            Err(StoreError::Address { reason }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_about_the_url_has_no_password() {
        for url in [
            "postgres://me:hunter2@host:port/db",
            "postgres://me:hunter2@host/db?sslmode=hunted",
            "postgres://me:hunter2@/db?port=x",
            "postgres://me:hunter2@[::1/db",
            "postgres://me:a@hunter2/b@host/db",
            "postgres://me:a/hunter2@host/db",
            "postgres://me:a?hunter2@host/db",
            "postgres://me:a#hunter2@host/db",
        ] {
            let reason = reason(url);
            assert!(!reason.contains("hunter2") && !reason.is_empty(), "{url}: {reason}");
        }
    }

    #[test]
    fn unknown_parameters_are_removed() {
        let url = "postgres://me:hunter2@host/db";
        let of = |query: &str| without_unknown_parameters(&format!("{url}?{query}"));
        assert_eq!(of("sslmode=require"), (format!("{url}?sslmode=require"), 0));
        assert_eq!(
            of("pgbouncer=true&sslmode=require&token=hunter2"),
            (format!("{url}?sslmode=require"), 2)
        );
        assert_eq!(of("channel_binding=require"), (url.to_owned(), 1));
        assert_eq!(of("options[search_path]=x"), (format!("{url}?options[search_path]=x"), 0));
    }

    #[test]
    fn a_store_is_named_by_its_host_and_database() {
        let named = |url| name(&parse(url).unwrap());
        assert_eq!(named("postgres://me:hunter2@db.example/hooks"), "db.example/hooks");
        assert_eq!(named("postgresql://me:hunter2@db.example:5433/hooks"), "db.example:5433/hooks");
        assert_eq!(named("postgres://me:p%40ss%2Fword@db.example/hooks"), "db.example/hooks");
        assert_eq!(named("postgres://me:p@ss@db.example/hooks"), "db.example/hooks");
        assert_eq!(named("postgres://db.example/hooks?user=me@tenant"), "db.example/hooks");
        assert_eq!(named("postgres://me:p@db.example/hooks?user=me@tenant"), "db.example/hooks");
        assert_eq!(named("postgres://me@%2Frun%2Fpostgresql/hooks"), "/run/postgresql/hooks");
    }
}
