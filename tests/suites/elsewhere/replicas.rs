//! Replicas that share PostgreSQL, directly or through PgBouncer.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;
use tests::background::{random, wait_until};
use tests::client::request;
use tests::program::Program;
use tests::programs::{background, free_port};

use super::{Site, arguments, block, commands, path, start};

/// A user and a database of this test's own, as the page's statements make them.
struct SiteDatabase {
    server: String,
    name: String,
}

impl SiteDatabase {
    fn make() -> Self {
        let server = std::env::var("WEBHOOKS_TEST_POSTGRES").unwrap_or_else(|_| {
            panic!("WEBHOOKS_TEST_POSTGRES must be the URL of a PostgreSQL server")
        });
        let database = Self { server, name: format!("my_bot_{:016x}", random()) };
        database.execute(&block(7).replace("my_bot", &database.name)).unwrap();
        database
    }

    /// Each statement by itself, as a database is made in no transaction.
    fn execute(&self, statements: &str) -> sqlx::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.server).await?;
            for statement in statements.split_terminator(";\n") {
                connection.execute(AssertSqlSafe(statement.to_owned())).await?;
            }
            connection.close().await
        })
    }

    /// The server's host and port.
    fn host(&self) -> &str {
        self.server.split('@').nth(1).unwrap().split('/').next().unwrap()
    }

    /// What stands in the page's command, with this database in place of the page's.
    fn in_place(&self, text: &str) -> String {
        text.replace("db.example.com/my_bot", &format!("{}/{}", self.host(), self.name))
            .replace("//my_bot:", &format!("//{}:", self.name))
    }
}

impl Drop for SiteDatabase {
    fn drop(&mut self) {
        let name = &self.name;
        let _ = self.execute(&format!("DROP DATABASE {name} WITH (FORCE);\nDROP ROLE {name};\n"));
    }
}

#[test]
#[ignore = "needs PostgreSQL and Caddy"]
fn two_replicas_share_their_work_and_none_is_lost_when_one_after_the_other_is_restarted() {
    let database = SiteDatabase::make();
    let typed = commands(&block(8));
    let exported = typed.iter().filter_map(|(command, _)| command.strip_prefix("export "));
    let exported: Vec<_> = exported.map(|variable| database.in_place(variable)).collect();
    let variables: Vec<_> = exported.iter().map(|given| given.split_once('=').unwrap()).collect();
    let port = free_port().to_string();
    // Addresses of a network, which are this machine's here.
    let here = |text: &str| text.replace("10.0.0.", "127.0.0.").replace("7860", &port);
    let first = here(typed.last().unwrap().0.as_str());
    let first = arguments("my-bot", &first);
    let second: Vec<_> =
        first.iter().map(|word| word.replace("127.0.0.11", "127.0.0.12")).collect();
    assert_ne!(first, second);
    let replica = |arguments: &[String]| {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let program = start(&background(), &arguments, &variables);
        let _ = program.local_url();
        program
    };
    let replicas = [replica(&first), replica(&second)];
    let site = Site::caddy(&here(&block(9)));

    // The command that lists what all of them have.
    let list = || {
        let arguments = ["deliveries", "--json", "--limit", "1000000"];
        let listed = start(&background(), &arguments, &variables).wait();
        serde_json::from_str::<Vec<serde_json::Value>>(&listed.stdout).unwrap()
    };

    let (stop, secret) = (AtomicBool::new(false), format!("X-Webhook-Secret: {}", variables[0].1));
    let ids = thread::scope(|scope| {
        let posting = [0, 1].map(|one| {
            let (site, stop, secret) = (&site, &stop, &secret);
            scope.spawn(move || {
                let mut ids = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let id = format!("{one}-{}", ids.len());
                    let header = format!("Webhook-Id: {id}");
                    // As the Hub does it.
                    wait_until("the delivery is taken", || {
                        let headers = [secret.as_str(), &header];
                        let answer = request(&site.url, "POST /webhooks/quick", &headers, "{}");
                        let status = answer.unwrap().status;
                        assert!([200, 202, 502, 503].contains(&status), "{status}");
                        status < 300
                    });
                    ids.push(id);
                }
                ids
            })
        });
        let restarted = replicas.into_iter().zip([&first, &second]).map(|(before, arguments)| {
            assert_eq!(before.stop().code, Some(0));
            let restarted = replica(arguments);
            // Until Caddy asks it again.
            thread::sleep(Duration::from_secs(10));
            restarted
        });
        let restarted: Vec<_> = restarted.collect();
        stop.store(true, Ordering::Relaxed);
        let ids: Vec<_> = posting.into_iter().flat_map(|posting| posting.join().unwrap()).collect();
        // What is handed back by the last one that is stopped, nobody is there to run.
        let waits = |listed: &serde_json::Value| {
            ["queued", "running"].iter().any(|it| listed["state"] == *it)
        };
        wait_until("every delivery has run", || !list().iter().any(waits));
        restarted.into_iter().for_each(|replica| assert_eq!(replica.stop().code, Some(0)));
        ids
    });
    assert!(ids.len() > 100, "{}", ids.len());

    let listed = list();
    let done = listed.iter().filter(|listed| listed["state"] == "done" && listed["attempts"] == 1);
    let done: BTreeSet<_> = done.filter_map(|done| done["webhook_id"].as_str()).collect();
    assert_eq!(listed.len(), ids.len());
    assert_eq!(done, ids.iter().map(String::as_str).collect());
    site.proxy.stop();
}

/// PgBouncer in front of a database, with these lines in its settings, and the URL of the database behind it.
fn pooler(database: &SiteDatabase, settings: &str) -> (Program, String, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    // It runs as another user than root.
    let anybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), anybody).unwrap();
    let (name, port) = (&database.name, free_port());
    let (host, at) = database.host().rsplit_once(':').unwrap();
    let whole = format!(
        "[databases]\n{name} = host={host} port={at} user={name}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = any\n{settings}"
    );
    let file = folder.path().join("pgbouncer.ini");
    fs::write(&file, whole).unwrap();
    let is_root = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0;
    let user: &[&str] = if is_root { &["-u", "postgres"] } else { &[] };
    let arguments = [user, &[file.to_str().unwrap()]].concat();
    let pooler = start(Path::new("pgbouncer"), &arguments, &[("PATH", &path())]);
    wait_until("PgBouncer listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    (pooler, format!("postgres://{name}@127.0.0.1:{port}/{name}"), folder)
}

#[test]
#[ignore = "needs PostgreSQL and PgBouncer"]
fn a_replica_keeps_its_deliveries_through_pgbouncer() {
    let database = SiteDatabase::make();
    let (pooler, store, _folder) = pooler(&database, &block(10));
    let program = start(&background(), &["--port", "0", "--store", &store], &[]);
    let answer = request(&program.local_url(), "POST /webhooks/quick", &[], "{}").unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    let _ = program.wait_for_log("state=done");
    assert_eq!(program.stop().code, Some(0));
    pooler.stop();
}

#[test]
#[ignore = "needs PostgreSQL and PgBouncer"]
fn a_pooler_that_keeps_no_sessions_is_named_with_the_mode_that_it_needs() {
    let database = SiteDatabase::make();
    // Tables that a listing could read.
    let direct = format!("postgres://{0}@{1}/{0}", database.name, database.host());
    let program = start(&background(), &["--port", "0", "--store", &direct], &[]);
    let _ = program.local_url();
    program.stop();
    for mode in ["transaction", "statement"] {
        let (pooler, store, _folder) = pooler(&database, &format!("pool_mode = {mode}\n"));
        for command in [&["--port", "0"][..], &["deliveries"]] {
            let ended = start(&background(), &[command, &["--store", &store]].concat(), &[]).wait();
            assert_eq!(ended.code, Some(1), "{mode} {command:?}: {ended:?}");
            for part in ["PgBouncer", "set pool_mode = session"] {
                assert!(ended.stderr.contains(part), "{mode} {command:?}: {}", ended.stderr);
            }
            assert!(!ended.stderr.contains("sqlx_s_1"), "{}", ended.stderr);
        }
        pooler.stop();
    }

    let (pooler, store, _folder) = pooler(&database, &block(10));
    let store = format!("{store}?options=-c%20geqo%3Doff");
    let ended = start(&background(), &["--port", "0", "--store", &store], &[]).wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("ignore_startup_parameters"), "{}", ended.stderr);
    pooler.stop();
}
