//! A folder of a test's own with a store, and what is read from the folder.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

use super::{JournalEntry, Kept, program, random, wait_long_until, wait_until};
use crate::client::PATIENCE;
use crate::program::{Ended, Program};

/// A folder of a test's own, and the store of its programs' deliveries.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
    is_kept: bool,
    pub(super) store: StoreKind,
}

#[derive(Debug)]
pub(super) enum StoreKind {
    File(PathBuf),
    /// A database of a server, by its URL.
    Database {
        server: String,
        name: String,
    },
}

impl Place {
    /// With a file in the folder.
    #[must_use]
    pub fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("webhooks.db");
        Self { folder, is_kept: false, store: StoreKind::File(file) }
    }

    /// With a file in another folder.
    #[must_use]
    pub fn file_in(folder: &Path) -> Self {
        let file = folder.join("webhooks.db");
        let folder = tempfile::tempdir().unwrap();
        Self { folder, is_kept: false, store: StoreKind::File(file) }
    }

    /// With a database on the tests' server.
    #[must_use]
    pub fn database() -> Self {
        let server = std::env::var("WEBHOOKS_TEST_POSTGRES").unwrap_or_else(|_| {
            crate::program::fail(
                "WEBHOOKS_TEST_POSTGRES must be the URL of a PostgreSQL server: \
                 export WEBHOOKS_TEST_POSTGRES=$(./tests/postgres start FOLDER)",
            )
        });
        Self::database_on(&server)
    }

    /// With a database on a server.
    #[must_use]
    pub fn database_on(server: &str) -> Self {
        let name = format!("test_{:016x}", random());
        on_server(server, format!("CREATE DATABASE {name}")).unwrap();
        let store = StoreKind::Database { server: server.to_owned(), name };
        Self { folder: tempfile::tempdir().unwrap(), is_kept: false, store }
    }

    /// Leaves the folder and the database where they are, so that somebody can look into them.
    pub fn keep(&mut self) {
        self.is_kept = true;
        self.folder.disable_cleanup(true);
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether its store is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.store, StoreKind::File(_))
    }

    /// What to give to `--store`.
    #[must_use]
    pub fn store(&self) -> String {
        match &self.store {
            StoreKind::File(file) => file.to_str().unwrap().to_owned(),
            StoreKind::Database { server, name } => {
                format!("{}/{name}", server.rsplit_once('/').unwrap().0)
            }
        }
    }

    /// Starts the program.
    #[must_use]
    pub fn start(&self, variables: &[(&str, &str)]) -> Program {
        let journal = self.journal_file();
        let variables = [&[("JOURNAL", journal.to_str().unwrap())], variables].concat();
        let arguments = ["--port", "0", "--store", &self.store()];
        Program::start(program(), &arguments, &variables).unwrap()
    }

    /// Starts it in a shell that says something first, `ulimit` for instance.
    #[must_use]
    pub fn start_after(&self, first: &str, variables: &[(&str, &str)]) -> Program {
        let journal = self.journal_file();
        let variables = [&[("JOURNAL", journal.to_str().unwrap())], variables].concat();
        let script = format!("{first}; exec \"$0\" \"$@\"");
        let program = program().to_str().unwrap();
        let store = self.store();
        let arguments = ["-c", &script, program, "--port", "0", "--store", &store];
        Program::start(Path::new("/bin/sh"), &arguments, &variables).unwrap()
    }

    /// Runs a command of the program's to its end, `deliveries` for instance.
    #[must_use]
    pub fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let store = self.store();
        let arguments = [&["--store", &store], arguments].concat();
        Program::start(program(), &arguments, variables).unwrap().wait()
    }

    /// Does a statement in the database, and gives how many rows there were.
    #[must_use]
    pub fn execute(&self, statement: &'static str) -> u64 {
        now(async {
            let mut connection = PgConnection::connect(&self.store()).await.unwrap();
            let executed = connection.execute(statement).await.unwrap();
            connection.close().await.unwrap();
            executed.rows_affected()
        })
    }

    /// Makes all that the store has an hour older.
    pub fn pass_an_hour(&self) {
        match &self.store {
            StoreKind::File(file) => {
                let connection = rusqlite::Connection::open(file).unwrap();
                let older = "UPDATE deliveries SET accepted_at = accepted_at - 3600000,
                     ended_at = ended_at - 3600000";
                connection.execute(older, []).unwrap();
            }
            StoreKind::Database { .. } => {
                let _ = self.execute(
                    "UPDATE webhooks_runtime.deliveries SET
                         accepted_at = accepted_at - interval '1 hour',
                         ended_at = ended_at - interval '1 hour'",
                );
            }
        }
    }

    /// Adds a line to the journal.
    pub fn write_to_journal(&self, line: &str) {
        let journal = OpenOptions::new().append(true).create(true).open(self.journal_file());
        journal.unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn journal_file(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// What has run so far.
    #[must_use]
    pub fn journal(&self) -> Vec<JournalEntry> {
        let journal = std::fs::read_to_string(self.journal_file());
        let journal = journal.unwrap_or_default();
        // A line that is being written has no end yet.
        let whole = &journal[..journal.rfind('\n').map_or(0, |at| at + 1)];
        whole.lines().map(JournalEntry::read).collect()
    }

    /// How often each delivery was started.
    #[must_use]
    pub fn starts(&self) -> HashMap<String, usize> {
        let mut starts = HashMap::new();
        for entry in self.journal() {
            *starts.entry(entry.delivery).or_default() += usize::from(entry.what != "end");
        }
        starts
    }

    /// Waits until a delivery is in a state, and gives it.
    pub fn wait_for(&self, id: &str, state: &str) -> Kept {
        wait_until(&format!("{id} is {state}"), || self.delivery(id).state == state);
        self.delivery(id)
    }

    /// Waits until nothing waits or runs.
    pub fn wait_for_all(&self) {
        wait_long_until("all are done or dead", PATIENCE * 3, || {
            let states = self.states();
            !states.contains_key("queued") && !states.contains_key("running")
        });
    }

    /// Waits until there are so many lines in the journal of a function that say this.
    pub fn wait_for_entries(&self, what: &str, function: &str, count: usize) {
        wait_until(&format!("{count} lines {what:?} of {function}"), || {
            let journal = self.journal();
            let them = journal.iter().filter(|it| it.what == what && it.function == function);
            them.count() >= count
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let StoreKind::Database { server, name } = &self.store
            && !self.is_kept
        {
            // Its server may have ended before.
            let _ = on_server(server, format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// Does something at once.
pub(super) fn now<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what)
}

fn on_server(server: &str, statement: String) -> Result<(), sqlx::Error> {
    now(async {
        let executed = async {
            let mut connection = PgConnection::connect(server).await?;
            connection.execute(AssertSqlSafe(statement)).await?;
            connection.close().await
        };
        // A test that has failed may leave the server frozen.
        let executed = tokio::time::timeout(PATIENCE, executed).await;
        executed.unwrap_or_else(|error| Err(sqlx::Error::Io(error.into())))
    })
}
