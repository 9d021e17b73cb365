//! Parses which store to use: an SQLite file or a PostgreSQL database.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// The mount point of a Space's persistent disk, if it has one.
const SPACE_DISK: &str = "/data";

/// The default file name.
const DEFAULT_FILE: &str = "webhooks.db";

/// The address of a store.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    File(PathBuf),
    /// The URL, which may contain a password.
    Postgres {
        /// The URL itself.
        url: String,
        /// Its host and database, for messages.
        name: String,
    },
}

impl StoreUrl {
    /// Parses a file name, `sqlite://` and a file name, or a `postgres://` URL. Rejects text that looks like
    /// another kind of address: it may contain a password, which messages would show as a file name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`] when it is none of them.
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        let wrong = |reason: &str| StoreError::Address { reason: reason.to_owned() };
        let text = text.trim();
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        let (scheme, rest) = scheme(text).unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" if rest.starts_with("//") => Self::postgres(text),
            "postgres" | "postgresql" => Err(wrong("a PostgreSQL URL begins with postgres://")),
            "sqlite" => {
                let file = rest.strip_prefix("//").unwrap_or(rest);
                match file {
                    "" => Err(wrong("the file name is missing")),
                    _ if file.contains('?') => Err(wrong("a file takes no parameters")),
                    _ => Ok(Self::File(file.into())),
                }
            }
            "" if has_connection_keyword(text) => {
                Err(wrong("write settings such as host=… as one URL"))
            }
            "" if has_credentials(text) => Err(wrong(
                "it looks like an address with a password: if it is a file name, write sqlite: before it",
            )),
            "" => Ok(Self::File(text.into())),
            scheme => Err(wrong(&format!(
                "{scheme:?} is not a kind of store: if it is part of a file name, write sqlite: before the name"
            ))),
        }
    }

    fn postgres(url: &str) -> Result<Self, StoreError> {
        #[cfg(feature = "postgres")]
        return super::postgres::check_url(url)
            .map(|()| Self::Postgres { url: url.to_owned(), name: super::postgres::name_of(url) });
        #[allow(unreachable_code, reason = "with the feature, the statement above returns")]
        let reason = "this program is built without PostgreSQL. Add it: cargo add webhooks-runtime --features \
                      postgres"
            .to_owned();
        Err(StoreError::Address { reason })
    }

    /// Returns the name for messages, without a password.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(file) => file.display().to_string(),
            Self::Postgres { name, .. } => name.clone(),
        }
    }

    /// Returns the default store: a file on a Space's persistent disk, if it has one, otherwise in the working
    /// directory.
    pub(crate) fn default(on_space: bool) -> Self {
        Self::default_with(on_space, Path::new(SPACE_DISK))
    }

    fn default_with(on_space: bool, disk: &Path) -> Self {
        if on_space && disk.is_dir() {
            Self::File(disk.join(DEFAULT_FILE))
        } else {
            Self::File(DEFAULT_FILE.into())
        }
    }

    /// Returns a warning for the terminal when the store may lose deliveries.
    pub(crate) fn warning(&self, on_space: bool) -> Option<String> {
        let file = match self {
            Self::File(file) => file,
            Self::Postgres { .. } => return None,
        };
        if on_space && !file.starts_with(SPACE_DISK) {
            return Some(format!(
                "Warning: background deliveries are stored in {}, which this Space LOSES at each restart, \
                 including deliveries that have not run yet.\n\
                 Store them in PostgreSQL: set WEBHOOKS_STORE to postgres://…\n",
                file.display()
            ));
        }
        network_file_system(file).map(|kind| {
            format!(
                "Warning: background deliveries are stored in {}, which is on a network file system ({kind}). \
                 The file can be damaged there, and deliveries lost.\n\
                 Use a file on a local disk, or PostgreSQL: --store postgres://…\n",
                file.display()
            )
        })
    }
}

/// Splits a URL into its scheme and the rest. A single letter is a Windows drive.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some((scheme, rest))
}

/// Returns whether it is a libpq connection string, such as `host=db password=…`.
fn has_connection_keyword(text: &str) -> bool {
    const KEYWORDS: [&str; 10] = [
        "dbname", "host", "hostaddr", "passfile", "password", "port", "service", "sslmode", "user",
        "username",
    ];
    let spaced = text.replace('=', " = ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.windows(2).any(|pair| {
        pair[1] == "=" && KEYWORDS.iter().any(|keyword| pair[0].eq_ignore_ascii_case(keyword))
    })
}

/// Returns whether it looks like `user:password@host`, or like a URL that lacks its colon.
fn has_credentials(text: &str) -> bool {
    let behind_colon = text.split_once(':').map_or("", |(_, rest)| rest);
    let lower = text.to_ascii_lowercase();
    behind_colon.contains('@')
        || lower.starts_with("postgres//")
        || lower.starts_with("postgresql//")
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "File({})", file.display()),
            Self::Postgres { .. } => f.write_str("Postgres(…)"),
        }
    }
}

/// Returns the network file system that a file is on, if any. The numbers are those of statfs(2).
#[cfg(target_os = "linux")]
fn network_file_system(file: &Path) -> Option<&'static str> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = rustix::fs::statfs(folder.unwrap_or(Path::new("."))).ok()?;
    // The type is signed on some machines.
    network_kind(u64::from(found.f_type.cast_unsigned() as u32))
}

#[cfg(target_os = "linux")]
fn network_kind(kind: u64) -> Option<&'static str> {
    Some(match kind {
        0x6969 => "NFS",
        0x517b | 0xfe53_4d42 | 0xff53_4d42 => "SMB",
        0x0102_1997 => "9P",
        0x00c3_6400 => "Ceph",
        0x0bd0_0bd0 => "Lustre",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x4750_4653 => "GPFS",
        // Usually sshfs, s3fs or gcsfuse.
        0x6573_5546 => "FUSE",
        _ => return None,
    })
}

// Not implemented on other systems.
#[cfg(not(target_os = "linux"))]
fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_file_or_a_postgres_url() {
        let file = |name: &str| StoreUrl::File(name.into());
        for (text, url) in [
            ("webhooks.db", file("webhooks.db")),
            ("/data/bot.db", file("/data/bot.db")),
            ("sqlite://bot.db", file("bot.db")),
            ("sqlite:///data/bot.db", file("/data/bot.db")),
            ("sqlite:bot.db", file("bot.db")),
            (r"C:\bot.db", file(r"C:\bot.db")),
            ("backups/10:00.db", file("backups/10:00.db")),
            ("me@home.db", file("me@home.db")),
            ("lr=0.1.db", file("lr=0.1.db")),
            ("sqlite:a:b@c.db", file("a:b@c.db")),
        ] {
            assert_eq!(StoreUrl::parse(text).unwrap(), url, "{text}");
        }
        for wrong in [
            "",
            " ",
            "mysql://localhost/bot",
            "redis://:hush@localhost",
            "sqlite://",
            "sqlite://bot.db?mode=ro&key=hush",
            "postgres:/me:hush@localhost/bot",
            "postgres:me:hush@localhost/bot",
            "postgresql:host=localhost password=hush",
            "postgres//me:hush@localhost/bot",
            "//me:hush@localhost/bot",
            "me:hush@localhost/bot",
            "me:hu/sh@localhost/bot",
            "host=localhost user=me password=hush dbname=bot",
            "Password = hush",
            "jdbc:postgresql://localhost/bot?password=hush",
            "file:bot.db?key=hush",
        ] {
            let error = StoreUrl::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("must be a file, or postgres://"), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        for url in ["postgres://me:hush@localhost/bot", "postgresql://me:hush@localhost/bot"] {
            let parsed = StoreUrl::parse(url).unwrap();
            assert!(matches!(&parsed, StoreUrl::Postgres { url: parsed, .. } if parsed == url));
            assert_eq!(format!("{parsed:?}"), "Postgres(…)");
            assert_eq!(parsed.warning(true), None);
        }
    }

    #[test]
    fn a_space_defaults_to_its_persistent_disk() {
        let disk = tempfile::tempdir().unwrap();
        let persistent = StoreUrl::File(disk.path().join("webhooks.db"));
        let here = StoreUrl::File("webhooks.db".into());
        assert_eq!(StoreUrl::default_with(true, disk.path()), persistent);
        assert_eq!(StoreUrl::default_with(true, &disk.path().join("none")), here);
        assert_eq!(StoreUrl::default_with(false, disk.path()), here);
    }

    #[test]
    fn a_space_without_a_persistent_disk_causes_a_warning() {
        let warning = StoreUrl::File("webhooks.db".into()).warning(true).unwrap();
        assert!(warning.contains("LOSES at each restart"), "{warning}");
        assert_eq!(StoreUrl::File("/data/webhooks.db".into()).warning(true), None);
        assert_eq!(StoreUrl::File("webhooks.db".into()).warning(false), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn network_file_systems_are_recognized() {
        assert_eq!(network_kind(0x6969), Some("NFS"));
        assert_eq!(network_kind(0xff53_4d42), Some("SMB"));
        // ext4 and tmpfs.
        assert_eq!((network_kind(0xef53), network_kind(0x0102_1994)), (None, None));
    }
}
