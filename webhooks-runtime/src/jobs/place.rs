//! Where deliveries are kept: a file, or a database.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// Where the disk of a Space is that it keeps at a restart, if it has one.
const SPACE_DISK: &str = "/data";

/// The file's name where none is given.
const FILE: &str = "webhooks.db";

/// Where deliveries are kept.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    /// The URL, which may hold a password.
    #[cfg(feature = "postgres")]
    Postgres(String),
}

impl Place {
    /// The place that a setting names: a file, `sqlite://` and a file, or `postgres://…`. What looks like
    /// another kind of address is no file: it can hold a password, which a file's name would show.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`] when it is none of these.
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
                    "" => Err(wrong("no file is named")),
                    _ if file.contains('?') => Err(wrong("a file has no parameters")),
                    _ => Ok(Self::File(file.into())),
                }
            }
            "" if has_connection_keyword(text) => {
                Err(wrong("settings like host=… are written as one URL"))
            }
            "" if has_credentials(text) => Err(wrong(
                "it looks like an address with a password. Write sqlite: before a file's name",
            )),
            "" => Ok(Self::File(text.into())),
            scheme => Err(wrong(&format!(
                "{scheme:?} is no kind of store. Write sqlite: before a file's name"
            ))),
        }
    }

    #[cfg(feature = "postgres")]
    fn postgres(url: &str) -> Result<Self, StoreError> {
        super::postgres::check_url(url)?;
        Ok(Self::Postgres(url.to_owned()))
    }

    #[cfg(not(feature = "postgres"))]
    fn postgres(_: &str) -> Result<Self, StoreError> {
        let reason = "this program is built without PostgreSQL. Add it: cargo add webhooks-runtime --features \
                      postgres"
            .to_owned();
        Err(StoreError::Address { reason })
    }

    /// What to call it in a message: no password in it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(file) => file.display().to_string(),
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => super::postgres::name(url),
        }
    }

    /// The place where none is given: on a Space the disk that it keeps, if it has one, else the working
    /// directory.
    pub(crate) fn default(on_space: bool) -> Self {
        Self::default_with(on_space, Path::new(SPACE_DISK))
    }

    fn default_with(on_space: bool, disk: &Path) -> Self {
        if on_space && disk.is_dir() {
            Self::File(disk.join(FILE))
        } else {
            Self::File(FILE.into())
        }
    }

    /// What a person should know of the place, for it may lose what is kept there.
    pub(crate) fn warning(&self, on_space: bool) -> Option<String> {
        let file = match self {
            Self::File(file) => file,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => return None,
        };
        if on_space && !file.starts_with(SPACE_DISK) {
            return Some(format!(
                "Warning: background deliveries are kept in {}, which this Space LOSES at each restart, \
                 with all that still waits in it.\n\
                 Keep them in PostgreSQL: set WEBHOOKS_STORE to postgres://… Or mount a storage bucket at \
                 {SPACE_DISK}, where a crash can still lose some.\n",
                file.display()
            ));
        }
        network_file_system(file).map(|kind| {
            format!(
                "Warning: background deliveries are kept in {}, which is on a network file system ({kind}). \
                 There the file can be damaged, and deliveries lost.\n\
                 Keep it on a disk of this machine, or keep the deliveries in PostgreSQL: --store postgres://…\n",
                file.display()
            )
        })
    }
}

/// The scheme of a URL, and what follows its colon. A single letter is a drive.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some((scheme, rest))
}

/// Whether it is made of settings such as `host=db password=…`, as libpq takes them.
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

/// Whether one of its parts looks like `user:password@host`, or it is a URL without its colon.
fn has_credentials(text: &str) -> bool {
    let behind_colon = text.split_once(':').map_or("", |(_, rest)| rest);
    let lower = text.to_ascii_lowercase();
    behind_colon.contains('@')
        || lower.starts_with("postgres//")
        || lower.starts_with("postgresql//")
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "File({})", file.display()),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => f.write_str("Postgres(…)"),
        }
    }
}

/// The network file system that a file is on, if it is on one. Numbers of statfs(2).
#[cfg(target_os = "linux")]
fn network_file_system(file: &Path) -> Option<&'static str> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = rustix::fs::statfs(folder.unwrap_or(Path::new("."))).ok()?;
    // Signed on some machines.
    named(u64::from(found.f_type.cast_unsigned() as u32))
}

#[cfg(target_os = "linux")]
fn named(kind: u64) -> Option<&'static str> {
    Some(match kind {
        0x6969 => "NFS",
        0x517b | 0xfe53_4d42 | 0xff53_4d42 => "SMB",
        0x0102_1997 => "9P",
        0x00c3_6400 => "Ceph",
        0x0bd0_0bd0 => "Lustre",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x4750_4653 => "GPFS",
        // Mostly: sshfs, s3fs, gcsfuse.
        0x6573_5546 => "FUSE",
        _ => return None,
    })
}

// Not known on other systems.
#[cfg(not(target_os = "linux"))]
fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_file_or_a_database() {
        let file = |name: &str| Place::File(name.into());
        for (text, place) in [
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
            assert_eq!(Place::parse(text).unwrap(), place, "{text}");
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
            let error = Place::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("must be a file, or postgres://"), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_database_is_not_shown_with_its_password() {
        for url in ["postgres://me:hush@localhost/bot", "postgresql://me:hush@localhost/bot"] {
            let place = Place::parse(url).unwrap();
            assert_eq!(place, Place::Postgres(url.to_owned()));
            assert_eq!(format!("{place:?}"), "Postgres(…)");
            assert_eq!(place.warning(true), None);
        }
    }

    #[test]
    fn on_a_space_the_disk_that_it_keeps_is_the_default() {
        let disk = tempfile::tempdir().unwrap();
        let kept = Place::File(disk.path().join("webhooks.db"));
        let here = Place::File("webhooks.db".into());
        assert_eq!(Place::default_with(true, disk.path()), kept);
        assert_eq!(Place::default_with(true, &disk.path().join("none")), here);
        assert_eq!(Place::default_with(false, disk.path()), here);
    }

    #[test]
    fn a_space_without_a_disk_is_warned_of() {
        let warning = Place::File("webhooks.db".into()).warning(true).unwrap();
        assert!(warning.contains("LOSES at each restart"), "{warning}");
        assert_eq!(Place::File("/data/webhooks.db".into()).warning(true), None);
        assert_eq!(Place::File("webhooks.db".into()).warning(false), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn network_file_systems_are_known() {
        assert_eq!(named(0x6969), Some("NFS"));
        assert_eq!(named(0xff53_4d42), Some("SMB"));
        // ext4 and tmpfs.
        assert_eq!((named(0xef53), named(0x0102_1994)), (None, None));
    }
}
