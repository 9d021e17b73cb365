//! Background deliveries from outside: where they are kept, the program that runs them, and what ran.
//!
//! The program is `fixture-background`. It writes what runs to a journal, and the store is read with
//! connections of one's own, so that a test believes neither the program's answers nor its log.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::missing_panics_doc, reason = "each panics when there is no such thing")]

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rusqlite::OpenFlags;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

use crate::client::{Answer, PATIENCE, request};
use crate::program::{Ended, Program, build};

/// The program.
#[must_use]
pub fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("fixture-background", "dev"))
}

/// Makes tests of functions that are given a fresh [`Place`]: one with a file, one with a database.
#[macro_export]
macro_rules! on_both_stores {
    ($($name:ident)*) => {
        mod in_a_file {
            $(#[test]
            fn $name() {
                $crate::background::repeated(|| super::$name(&$crate::background::Place::file()));
            })*
        }
        mod in_postgres {
            $(#[test]
            #[ignore = "needs PostgreSQL"]
            fn $name() {
                $crate::background::repeated(|| {
                    super::$name(&$crate::background::Place::database());
                });
            })*
        }
    };
}

/// Runs a test once, or as often as the variable `REPEAT` says: what happens at a random moment needs
/// more than one.
pub fn repeated(test: impl Fn()) {
    let times = std::env::var("REPEAT").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    (0..times).for_each(|_| test());
}

/// Waits until something is so.
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_long_until(what, PATIENCE, condition);
}

/// The same for something that takes its time.
pub fn wait_long_until(what: &str, patience: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: that doesn't come");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A random number.
#[must_use]
pub fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// A random time up to this one.
#[must_use]
pub fn some_of(time: Duration) -> Duration {
    time.mul_f64((random() % 1000) as f64 / 1000.0)
}

/// A delivery as its store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its id, as the answer has it.
    pub id: String,
    /// The endpoint's name.
    pub function: String,
    /// The `Webhook-Id` that it came with.
    pub webhook_id: Option<String>,
    /// `queued`, `running`, `done` or `dead`.
    pub state: &'static str,
    /// How many attempts have begun.
    pub attempt: i64,
    /// Why the last attempt failed that did.
    pub error: Option<String>,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `start` or `end`, and what the function adds.
    pub what: String,
    /// The function's name.
    pub function: String,
    /// The `Webhook-Id`, `-` without one.
    pub webhook_id: String,
    /// The delivery's id.
    pub delivery: String,
    /// Which attempt it is.
    pub attempt: u32,
    /// The process that runs it.
    pub process: u32,
}

/// A folder of a test's own, and the store of its programs' deliveries.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
    store: Store,
}

#[derive(Debug)]
enum Store {
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
        Self { folder, store: Store::File(file) }
    }

    /// With a file in another folder.
    #[must_use]
    pub fn file_in(folder: &Path) -> Self {
        let file = folder.join("webhooks.db");
        Self { folder: tempfile::tempdir().unwrap(), store: Store::File(file) }
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
        let store = Store::Database { server: server.to_owned(), name };
        Self { folder: tempfile::tempdir().unwrap(), store }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether its store is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.store, Store::File(_))
    }

    /// What to give to `--store`.
    #[must_use]
    pub fn store(&self) -> String {
        match &self.store {
            Store::File(file) => file.to_str().unwrap().to_owned(),
            Store::Database { server, name } => {
                format!("{}/{name}", server.rsplit_once('/').unwrap().0)
            }
        }
    }

    /// Starts the program.
    #[must_use]
    pub fn start(&self, variables: &[(&str, &str)]) -> Program {
        let journal = self.folder.path().join("journal");
        let variables = [&[("JOURNAL", journal.to_str().unwrap())], variables].concat();
        let arguments = ["--port", "0", "--store", &self.store()];
        Program::start(program(), &arguments, &variables).unwrap()
    }

    /// Starts it in a shell that says something first, `ulimit` for instance.
    #[must_use]
    pub fn start_after(&self, first: &str, variables: &[(&str, &str)]) -> Program {
        let journal = self.folder.path().join("journal");
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
            Store::File(file) => {
                let connection = rusqlite::Connection::open(file).unwrap();
                let older = "UPDATE deliveries SET accepted_at = accepted_at - 3600000,
                     ended_at = ended_at - 3600000";
                connection.execute(older, []).unwrap();
            }
            Store::Database { .. } => {
                let _ = self.execute(
                    "UPDATE webhooks_runtime.deliveries SET
                         accepted_at = accepted_at - interval '1 hour',
                         ended_at = ended_at - interval '1 hour'",
                );
            }
        }
    }

    /// What has run so far.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        let journal = std::fs::read_to_string(self.folder.path().join("journal"));
        let journal = journal.unwrap_or_default();
        // A line that is being written has no end yet.
        let whole = &journal[..journal.rfind('\n').map_or(0, |at| at + 1)];
        whole.lines().map(Entry::read).collect()
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

    /// What the store has, the oldest first.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        type Row = (Uuid, String, Option<String>, i64, i64, Option<String>);
        let rows: Vec<Row> = match &self.store {
            Store::File(file) => {
                let connection =
                    rusqlite::Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
                let connection = connection.unwrap();
                let mut statement = connection
                    .prepare(
                        "SELECT d.id, path, webhook_id, state, attempt, error
                         FROM deliveries AS d JOIN endpoints AS e ON e.id = endpoint ORDER BY seq",
                    )
                    .unwrap();
                let rows = statement.query_map([], |row| row.try_into()).unwrap();
                rows.collect::<Result<_, _>>().unwrap()
            }
            Store::Database { .. } => now(async {
                let mut connection = PgConnection::connect(&self.store()).await.unwrap();
                let rows = sqlx::query_as(
                    "SELECT d.id, path, webhook_id, state::bigint, attempt::bigint, error
                     FROM webhooks_runtime.deliveries AS d
                     JOIN webhooks_runtime.endpoints AS e ON e.id = endpoint ORDER BY d.id",
                );
                let rows = rows.fetch_all(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                rows
            }),
        };
        let kept = rows.into_iter().map(|(id, path, webhook_id, state, attempt, error)| Kept {
            id: id.to_string(),
            function: path.trim_start_matches("/webhooks/").to_owned(),
            webhook_id,
            state: ["queued", "running", "done", "dead"][usize::try_from(state).unwrap()],
            attempt,
            error,
        });
        kept.collect()
    }

    /// A delivery of the store.
    #[must_use]
    pub fn delivery(&self, id: &str) -> Kept {
        self.kept().into_iter().find(|kept| kept.id == id).unwrap()
    }

    /// How many deliveries are in which state.
    #[must_use]
    pub fn states(&self) -> BTreeMap<&'static str, usize> {
        let mut states = BTreeMap::new();
        for kept in self.kept() {
            *states.entry(kept.state).or_default() += 1;
        }
        states
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
        if let Store::Database { server, name } = &self.store {
            // Its server may have ended before.
            let _ = on_server(server, format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

impl Entry {
    fn read(line: &str) -> Self {
        let mut words = line.rsplitn(6, ' ');
        let mut word = || words.next().unwrap();
        let (process, attempt, delivery) = (word(), word(), word());
        let (webhook_id, function, what) = (word(), word(), word());
        Self {
            what: what.to_owned(),
            function: function.to_owned(),
            webhook_id: webhook_id.to_owned(),
            delivery: delivery.to_owned(),
            attempt: attempt.parse().unwrap(),
            process: process.parse().unwrap(),
        }
    }
}

/// Does something at once.
fn now<T>(what: impl Future<Output = T>) -> T {
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

/// Posts a delivery to a function, with a `Webhook-Id` where there is one.
///
/// # Errors
///
/// When there is no answer.
pub fn deliver(
    url: &str,
    function: &str,
    webhook_id: Option<&str>,
    milliseconds: u32,
) -> std::io::Result<Answer> {
    let id = webhook_id.map(|id| format!("Webhook-Id: {id}"));
    let headers: Vec<_> =
        ["Content-Type: application/json"].into_iter().chain(id.as_deref()).collect();
    let body = format!("{{\"milliseconds\":{milliseconds}}}");
    request(url, &format!("POST /webhooks/{function}"), &headers, &body)
}

/// Posts a delivery that has to be accepted, and gives its id.
#[must_use]
pub fn accepted(url: &str, function: &str, webhook_id: Option<&str>, milliseconds: u32) -> String {
    let answer = deliver(url, function, webhook_id, milliseconds).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    id_of(&answer)
}

/// The delivery's id of an answer.
#[must_use]
pub fn id_of(answer: &Answer) -> String {
    answer.json()["delivery"].as_str().unwrap_or_default().to_owned()
}

/// Posts deliveries of this length, many at a time, that have to be accepted.
pub fn accepted_many(url: &str, function: &str, count: usize, milliseconds: u32) -> Vec<String> {
    const AT_ONCE: usize = 8;
    thread::scope(|scope| {
        let posting: Vec<_> = (0..AT_ONCE)
            .map(|at| {
                scope.spawn(move || {
                    let mine = (at..count).step_by(AT_ONCE);
                    mine.map(|_| accepted(url, function, None, milliseconds)).collect::<Vec<_>>()
                })
            })
            .collect();
        posting.into_iter().flat_map(|posting| posting.join().unwrap()).collect()
    })
}

/// A PostgreSQL server of a test's own, that can be stopped.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    /// Its URL.
    pub url: String,
}

impl Postgres {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap())
    }

    /// Starts one in this folder.
    #[must_use]
    pub fn start_in(folder: TempDir) -> Self {
        let url = Self::run("start", folder.path(), &[]);
        Self { folder, url }
    }

    /// Stops it as a machine's end would.
    pub fn stop(&self) {
        Self::run("stop", self.folder.path(), &["immediate"]);
    }

    /// Starts it again, at the same place.
    pub fn start_again(&self) {
        Self::run("start", self.folder.path(), &[]);
    }

    /// Makes it silent, with its connections open, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Signals the server's main process and all that it has started.
    fn signal(&self, signal: Signal) {
        let lock = self.folder.path().join("data/postmaster.pid");
        // It may have been stopped.
        let Ok(lock) = std::fs::read_to_string(lock) else { return };
        let main: i32 = lock.lines().next().unwrap().parse().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{main}/task/{main}/children"));
        let children = children.unwrap();
        let children = children.split_whitespace().map(|child| child.parse().unwrap());
        for process in std::iter::once(main).chain(children) {
            // One may have ended meanwhile.
            let _ = kill(Pid::from_raw(process), signal);
        }
    }

    fn run(command: &str, folder: &Path, more: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres");
        let output = Command::new(script).arg(command).arg(folder).args(more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.thaw();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres");
        let _ = Command::new(script).arg("stop").arg(self.folder.path()).arg("immediate").output();
    }
}
