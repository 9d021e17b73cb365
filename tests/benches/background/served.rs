//! The server that accepts and runs deliveries, and the stores of the benchmark.

use std::error::Error;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tests::client::get;
use tests::program::build;

use crate::PROFILE;
use crate::server::{SERVER_CORE, StartedServer, launch, pinned};

/// A PostgreSQL server of the benchmark's own. It is stopped when this is dropped.
pub(crate) struct BenchPostgres {
    folder: TempDir,
    url: String,
}

impl BenchPostgres {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let output = script("start", folder.path()).output()?;
        let url = String::from_utf8(output.stdout)?.trim().to_owned();
        if url.is_empty() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(Self { folder, url })
    }

    /// The folder of its data.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of a new database.
    pub(crate) fn database(&self, name: &str) -> Result<String, Box<dyn Error>> {
        psql(&self.url, &format!("CREATE DATABASE {name}"))?;
        let server = self.url.rsplit_once('/').map_or("", |(server, _)| server);
        Ok(format!("{server}/{name}"))
    }
}

impl Drop for BenchPostgres {
    fn drop(&mut self) {
        let _ = script("stop", self.folder.path()).status();
    }
}

fn script(command: &str, folder: &Path) -> Command {
    let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres"));
    script.arg(command).arg(folder);
    script
}

/// Executes a statement and returns the values that it selects.
fn psql(url: &str, statement: &str) -> Result<String, Box<dyn Error>> {
    let options = ["--quiet", "--tuples-only", "--no-align", "--dbname", url, "--command"];
    let ended = Command::new("psql").args(options).arg(statement).output()?;
    if !ended.status.success() {
        let errors = String::from_utf8_lossy(&ended.stderr);
        return Err(format!("psql fails: {statement}: {errors}").into());
    }
    Ok(String::from_utf8(ended.stdout)?)
}

/// Where a server has its deliveries.
pub(crate) enum BenchStore {
    File(TempDir),
    Postgres(String),
}

impl BenchStore {
    /// A new file.
    pub(crate) fn file() -> Result<Self, Box<dyn Error>> {
        Ok(Self::File(tempfile::tempdir()?))
    }

    /// A new database.
    pub(crate) fn postgres(server: &BenchPostgres, name: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self::Postgres(server.database(name)?))
    }

    fn url(&self) -> String {
        match self {
            Self::File(folder) => folder.path().join("webhooks.db").display().to_string(),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// Ends the leases of servers that were killed. A file has only one server, which knows that it is the only one.
    pub(crate) fn end_leases(&self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::File(_) => Ok(()),
            Self::Postgres(url) => {
                psql(url, "UPDATE webhooks_runtime.owners SET lease_until = 'epoch'").map(drop)
            }
        }
    }

    /// The size of a database, in bytes.
    pub(crate) fn database_size(&self) -> Result<f64, Box<dyn Error>> {
        match self {
            Self::File(_) => Err("a file is no database".into()),
            Self::Postgres(url) => {
                Ok(psql(url, "SELECT pg_database_size(current_database())")?.trim().parse()?)
            }
        }
    }
}

/// A server with a store of its own.
pub(crate) struct Served {
    pub(crate) running: StartedServer,
    pub(crate) base: String,
}

impl Served {
    /// Starts one that logs no deliveries.
    pub(crate) fn start(store: &BenchStore) -> Result<Self, Box<dyn Error>> {
        Self::start_with(store, &[])
    }

    pub(crate) fn start_with(
        store: &BenchStore,
        variables: &[(&str, &str)],
    ) -> Result<Self, Box<dyn Error>> {
        let program = build("fixture-kept", PROFILE);
        let mut command = pinned(SERVER_CORE, &program);
        command.args(["--store", &store.url()]).env("RUST_LOG", "warn");
        command.envs(variables.iter().copied());
        let running = launch(command, "fixture-kept", "/webhooks/answered")?;
        let base = running.url.trim_end_matches("/webhooks/answered").to_owned();
        Ok(Self { running, base })
    }

    pub(crate) fn url(&self, endpoint: &str) -> String {
        format!("{}/webhooks/{endpoint}", self.base)
    }

    /// What the program has counted.
    pub(crate) fn figures(&self) -> Result<Value, Box<dyn Error>> {
        Ok(get(&self.base, "/figures")?.json())
    }
}
