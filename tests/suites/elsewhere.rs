//! The guide's page about machines of one's own goes as it says: a container behind a proxy, systemd, several
//! replicas.
//!
//! What the page names is replaced by what a test has: addresses by those of this machine, folders of the system
//! by one of the test's. Docker itself isn't there: its command lines are taken apart, and the program is started
//! with what they give it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches};
use nix::sys::signal::Signal;
use rcgen::{CertificateParams, KeyPair};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;
use tests::background::{random, wait_until};
use tests::client::{PAGE_TOKEN, request};
use tests::markdown::blocks;
use tests::payloads::dataset_commit;
use tests::program::{Program, build};
use tests::repository::{read, root};
use tests::terminal;

/// The blocks of the page, by language and in this order. A block that is added needs a test.
const BLOCKS: [&str; 11] = [
    "console",
    "console",
    "caddyfile",
    "console",
    "nginx",
    "ini",
    "console",
    "sql",
    "console",
    "caddyfile",
    "ini",
];

/// The address that the page's bot has.
const PUBLIC: &str = "https://bot.example.com";

const SECRET: (&str, &str) = ("WEBHOOK_SECRET", "hush");

/// The longest that a stop takes: running functions, the handing back of others, the closing of the store.
const LONGEST_STOP: u32 = 50;

/// The block at a place of [`BLOCKS`].
fn block(index: usize) -> String {
    let page = read("docs/en/deploy-elsewhere.md");
    blocks(&page).swap_remove(index).text
}

#[test]
fn every_block_is_known_and_the_same_in_each_language() {
    for language in fs::read_dir(root().join("docs")).unwrap() {
        let file = language.unwrap().path().join("deploy-elsewhere.md");
        let Ok(page) = fs::read_to_string(&file) else { continue };
        let shown = blocks(&page);
        let languages: Vec<_> = shown.iter().map(|block| block.language.as_str()).collect();
        assert_eq!(languages, BLOCKS, "{}", file.display());
        for (at, shown) in shown.into_iter().enumerate() {
            assert_eq!(shown.text, block(at), "{}", file.display());
        }
    }
}

// ---- what is typed

/// The commands of a block, each with what is shown after it.
fn commands(block: &str) -> Vec<(String, String)> {
    let text = |shown: Vec<&str>| shown.iter().map(|line| format!("{line}\n")).collect();
    let commands = terminal::commands(block).into_iter();
    commands.map(|(command, shown)| (command, text(shown))).collect()
}

fn path() -> String {
    // Where Debian has nginx, which not every user's PATH names.
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap())
}

/// Runs lines of a shell in a folder.
fn shell(folder: &Path, lines: &str) -> Output {
    let mut command = Command::new("bash");
    command.args(["-euc", lines]).current_dir(folder).env_clear().env("PATH", path());
    command.output().unwrap()
}

/// What a shell gives to a program of this name in a command line.
fn arguments(program: &str, command: &str) -> Vec<String> {
    let line = format!("{program}() {{ printf '%s\\0' \"$@\"; }}; {command}");
    let output = shell(Path::new("/"), &line);
    let text = String::from_utf8(output.stdout).unwrap();
    let arguments: Vec<_> = text.split_terminator('\0').map(str::to_owned).collect();
    assert!(output.status.success() && !arguments.is_empty(), "{command}");
    arguments
}

/// A command line of `docker`, as <https://docs.docker.com/reference/cli/docker/> has it.
fn docker(command: &str) -> (String, ArgMatches) {
    let option = |name: &'static str| Arg::new(name).long(name);
    let options = |name| option(name).action(ArgAction::Append);
    let container = || Arg::new("container").required(true);
    let rest =
        || Arg::new("command").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
    let build =
        clap::Command::new("build").arg(option("tag")).arg(Arg::new("folder").required(true));
    let run = clap::Command::new("run")
        .arg(option("detach").action(ArgAction::SetTrue))
        .args([option("name"), option("restart"), option("stop-timeout")])
        .args([options("publish"), options("volume"), options("env")])
        .args([Arg::new("image").required(true), rest()]);
    let logs = clap::Command::new("logs").arg(container());
    let exec = clap::Command::new("exec").args([container(), rest()]);
    let parser = clap::Command::new("docker").no_binary_name(true).subcommand_required(true);
    let parser = parser.subcommands([build, run, logs, exec]);
    let mut matches = parser
        .try_get_matches_from(arguments("docker", command))
        .unwrap_or_else(|error| panic!("{command}: {error}"));
    matches.remove_subcommand().unwrap()
}

fn one(matches: &ArgMatches, name: &str) -> String {
    matches.get_one::<String>(name).cloned().unwrap_or_default()
}

fn all(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches.get_many::<String>(name).unwrap_or_default().cloned().collect()
}

macro_rules! program {
    ($name:ident, $package:literal) => {
        fn $name() -> &'static Path {
            static BUILT: OnceLock<PathBuf> = OnceLock::new();
            BUILT.get_or_init(|| build($package, "dev"))
        }
    };
}

program!(quickstart, "quickstart");
program!(slow, "fixture-slow");
program!(background, "fixture-background");

fn start(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
    Program::start(program, arguments, variables).unwrap()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What stands behind a word at the begin of a line of a Dockerfile, the last time.
fn instruction(dockerfile: &str, word: &str) -> String {
    let mut lines = dockerfile.lines().filter_map(|line| line.strip_prefix(word));
    lines.next_back().unwrap_or_else(|| panic!("no {word}")).trim().to_owned()
}

#[test]
#[ignore = "needs openssl"]
fn the_container_starts_as_docker_is_told() {
    let typed = commands(&block(0));
    let [(build, _), (export, _), (run, _)] = &typed[..] else { panic!("{typed:?}") };
    let ((_, build), (_, run)) = (docker(build), docker(run));
    let command = all(&run, "command");
    assert_eq!(one(&build, "tag"), one(&run, "image"));
    assert!(one(&run, "stop-timeout").parse::<u32>().unwrap() > LONGEST_STOP);

    // The image is that of the examples.
    let dockerfile = read("examples/quickstart/Dockerfile");
    let installed = instruction(&dockerfile, "COPY --from=build /build/program ");
    assert_eq!(Path::new(&installed).file_name().unwrap(), command[0].as_str());
    assert_eq!(
        all(&run, "publish"),
        [format!("127.0.0.1:7860:{}", instruction(&dockerfile, "EXPOSE "))]
    );
    let volume = format!("{}:{}", one(&run, "name"), instruction(&dockerfile, "WORKDIR "));
    assert_eq!(all(&run, "volume"), [volume]);

    let exported = shell(Path::new("/"), &format!("{export}; printf %s \"$WEBHOOK_SECRET\""));
    let secret = String::from_utf8(exported.stdout).unwrap();
    assert_eq!(secret.len(), 64, "{secret}");
    let given = all(&run, "env");
    let mut variables: Vec<_> =
        given.iter().map(|given| given.split_once('=').unwrap_or((given, &secret))).collect();
    let settings = read("docs/en/settings.md");
    for (name, value) in &mut variables {
        assert!(settings.contains(&format!("`{name}`")), "{name}");
        if *value == "0.0.0.0" {
            // A test listens on no address but this machine's own.
            *value = "127.0.0.2";
        }
    }
    // Nothing but the command says that no link is made, and the port is a free one.
    variables.extend([("GRADIO_SHARE", ""), ("GRADIO_SERVER_PORT", "0")]);
    let rest: Vec<_> = command[1..].iter().map(String::as_str).collect();
    let program = start(quickstart(), &rest, &variables);
    let url = program.local_url();
    assert!(url.starts_with("http://127.0.0.2:"), "{url}");
    let ended = program.stop();

    let typed = commands(&block(1));
    let (logs, shown) = &typed[0];
    assert_eq!(one(&docker(logs).1, "container"), one(&run, "name"));
    let printed = format!("{}\n{}", ended.stderr.lines().next().unwrap(), ended.stdout);
    let printed = printed.replace(&url, "http://0.0.0.0:7860");
    assert_eq!(printed, *shown);
}

#[test]
fn without_a_word_about_it_the_program_listens_on_this_machine_alone() {
    let program = start(quickstart(), &["--port", "0"], &[]);
    assert!(program.local_url().starts_with("http://127.0.0.1:"));
    program.stop();
}

// ---- proxies

/// A proxy in front of a program, and how curl gets there.
struct Site {
    proxy: Program,
    url: String,
    curl: Vec<String>,
    folder: TempDir,
}

impl Site {
    /// Caddy, with a `Caddyfile` of the page in which addresses were replaced, apart from the site's own.
    fn caddy(caddyfile: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("http://localhost:{}", free_port());
        let site = caddyfile.replace("bot.example.com", &url);
        assert_ne!(site, caddyfile);
        let options = "{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}\n";
        let file = folder.path().join("Caddyfile");
        fs::write(&file, format!("{options}{site}")).unwrap();
        let (file, home, path) = (file.to_str().unwrap(), folder.path().to_str().unwrap(), path());
        let arguments = ["run", "--adapter", "caddyfile", "--config", file];
        let variables = [("HOME", home), ("PATH", &path)];
        let proxy = start(Path::new("caddy"), &arguments, &variables);
        let _ = proxy.wait_for_log("serving initial configuration");
        Self { proxy, url, curl: Vec::new(), folder }
    }

    /// nginx, with a `server` of the page in which the program's address was replaced.
    fn nginx(server: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, here) = (free_port(), folder.path().to_str().unwrap().to_owned());
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["bot.example.com".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap().pem();
        fs::write(folder.path().join("fullchain.pem"), certificate).unwrap();
        fs::write(folder.path().join("privkey.pem"), key.serialize_pem()).unwrap();
        let server = server.replace("listen 443", &format!("listen 127.0.0.1:{port}"));
        let server = server.replace("/etc/letsencrypt/live/bot.example.com", &here);
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String =
            temporary.iter().map(|name| format!("{name}_temp_path {here}/{name};\n")).collect();
        let file = folder.path().join("nginx.conf");
        let whole = format!(
            "daemon off;\nmaster_process off;\npid {here}/pid;\nerror_log stderr;\n\
             events {{}}\nhttp {{\naccess_log off;\n{temporary}{server}}}\n"
        );
        fs::write(&file, whole).unwrap();
        let arguments = ["-p", &here, "-e", "stderr", "-c", file.to_str().unwrap()];
        let proxy = start(Path::new("nginx"), &arguments, &[("PATH", &path())]);
        wait_until("nginx listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let curl = [
            "--cacert".to_owned(),
            format!("{here}/fullchain.pem"),
            "--resolve".to_owned(),
            format!("bot.example.com:{port}:127.0.0.1"),
        ];
        Self { proxy, url: format!("{PUBLIC}:{port}"), curl: curl.to_vec(), folder }
    }

    /// Starts curl with a path of the site and more arguments.
    fn curl(&self, path: &str, more: &[&str]) -> Program {
        let url = format!("{}{path}", self.url);
        let mut arguments = vec!["--silent", "--show-error", "--no-buffer"];
        arguments.extend(self.curl.iter().map(String::as_str).chain(more.iter().copied()));
        arguments.push(&url);
        start(Path::new("curl"), &arguments, &[("PATH", &self::path())])
    }

    /// What curl prints, and the status after it.
    fn ask(&self, path: &str, more: &[&str]) -> String {
        let more = [more, &["--write-out", "\n%{http_code}"]].concat();
        let ended = self.curl(path, &more).wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout.trim_end().to_owned()
    }

    /// Posts a delivery of a body that is in a file, as bodies can be too long for an argument.
    fn deliver(&self, body: &str) -> String {
        let file = self.folder.path().join("body.json");
        fs::write(&file, body).unwrap();
        let data = format!("@{}", file.display());
        let headers =
            ["--header", "X-Webhook-Secret: hush", "--header", "Content-Type: application/json"];
        let more = [&headers[..], &["--data-binary", &data]].concat();
        self.ask("/webhooks/trigger_training", &more)
    }
}

/// A program as the page has it behind a proxy.
fn behind_a_proxy() -> (Program, String) {
    let variables = [SECRET, PAGE_TOKEN];
    let program = start(quickstart(), &["--port", "0", "--public-url", PUBLIC], &variables);
    let address = program.local_url().trim_start_matches("http://").to_owned();
    (program, address)
}

/// A delivery of this repository, with a text in it of this many bytes.
fn commit_to(repo: &str, padding: usize) -> String {
    let mut payload = dataset_commit();
    payload["repo"]["name"] = repo.into();
    payload["padding"] = "x".repeat(padding).into();
    payload.to_string()
}

/// What a proxy has to do.
fn passes_all_on(site: &Site, address: &str) {
    assert_eq!(site.ask("/health", &[]), "{\"status\":\"ok\"}\n200");
    assert_eq!(site.deliver(&commit_to("me/first", 0)), "null\n200");
    assert_eq!(site.deliver(&commit_to("me/large", 2_000_000)), "null\n200");

    // Deliveries are seen with the token, here and on the machine itself.
    assert!(site.ask("/events", &[]).ends_with("\n404"));
    let direct = start(
        Path::new("curl"),
        &["--silent", &format!("http://{address}/")],
        &[("PATH", &path())],
    );
    assert!(!direct.wait().stdout.contains("me/first"));
    let jar = site.folder.path().join("cookies");
    let jar = jar.to_str().unwrap();
    let opened = site.ask(&format!("/?token={}", PAGE_TOKEN.1), &["--cookie-jar", jar]);
    assert_eq!(opened, "\n303");
    assert!(site.ask("/", &["--cookie", jar]).contains("me/first"));

    // Each event comes when it happens, though the stream has no end.
    let events = site.curl("/events", &["--cookie", jar]);
    let _ = events.wait_for("me/large");
    assert_eq!(site.deliver(&commit_to("me/live", 0)), "null\n200");
    let _ = events.wait_for("me/live");
    assert!(events.is_running());
}

#[test]
#[ignore = "needs Caddy and curl"]
fn a_delivery_and_the_pages_events_come_through_caddy() {
    let (program, address) = behind_a_proxy();
    let site = Site::caddy(&block(2).replace("127.0.0.1:7860", &address));
    passes_all_on(&site, &address);

    let typed = commands(&block(3));
    let [(curl, health), (exec, sent)] = &typed[..] else { panic!("{typed:?}") };
    let asked = shell(Path::new("/"), &curl.replace(PUBLIC, &site.url));
    assert_eq!(String::from_utf8_lossy(&asked.stdout), health.trim_end());
    let exec = docker(exec).1;
    let command = all(&exec, "command");
    let run = docker(&commands(&block(0))[2].0).1;
    assert_eq!(one(&exec, "container"), one(&run, "name"));
    assert_eq!(command[0], all(&run, "command")[0]);
    let rest: Vec<_> = command[1..].iter().map(|word| word.replace(PUBLIC, &site.url)).collect();
    let rest: Vec<_> = rest.iter().map(String::as_str).collect();
    let ended = start(quickstart(), &rest, &[SECRET]).wait();
    let lines: Vec<_> = ended.stderr.lines().collect();
    let printed = format!("{}\n{}{}\n", lines[0], ended.stdout, lines[1]);
    // Each time takes another.
    let without_time = |text: &str| text.rsplit_once(" in ").unwrap().0.to_owned();
    assert_eq!(without_time(&printed.replace(&site.url, PUBLIC)), without_time(sent));
    site.proxy.stop();
    program.stop();
}

#[test]
#[ignore = "needs nginx and curl"]
fn a_delivery_and_the_pages_events_come_through_nginx() {
    let (program, address) = behind_a_proxy();
    let site = Site::nginx(&block(4).replace("127.0.0.1:7860", &address));
    passes_all_on(&site, &address);
    let cookies = fs::read_to_string(site.folder.path().join("cookies")).unwrap();
    // The fourth column: for TLS alone.
    let cookie = cookies.lines().find(|line| line.contains("webhooks-session")).unwrap();
    assert_eq!(cookie.split('\t').nth(3), Some("TRUE"), "{cookie}");
    site.proxy.stop();
    program.stop();
}

#[test]
#[ignore = "needs Caddy"]
fn a_delivery_that_runs_is_answered_through_caddy_when_the_program_is_stopped() {
    let program = start(slow(), &["--port", "0"], &[]);
    let address = program.local_url().trim_start_matches("http://").to_owned();
    let site = Site::caddy(&block(2).replace("127.0.0.1:7860", &address));
    let url = site.url.clone();
    let posted = thread::spawn(move || request(&url, "POST /webhooks/second", &[], "{}"));
    let _ = program.wait_for("second started");
    program.signal(Signal::SIGTERM).unwrap();
    let answer = posted.join().unwrap().unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "\"done\""));
    assert_eq!(program.wait().code, Some(0));
    site.proxy.stop();
}

// ---- systemd

/// The values of a key of the unit.
fn values(unit: &str, key: &str) -> Vec<String> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.map(str::to_owned).collect()
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_takes_the_unit_without_a_remark() {
    let folder = tempfile::tempdir().unwrap();
    let unit = block(5).replace("/usr/local/bin/my-bot", quickstart().to_str().unwrap());
    fs::write(folder.path().join("my-bot.service"), unit).unwrap();
    let verified = shell(folder.path(), "systemd-analyze verify --man=no ./my-bot.service 2>&1");
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    // Units of the machine's own may have faults.
    let remarks: Vec<_> = said.lines().filter(|line| line.contains("my-bot")).collect();
    assert!(verified.status.success() && remarks.is_empty(), "{said}");
}

#[test]
#[ignore = "needs openssl"]
fn the_unit_starts_what_its_commands_install_and_keeps_deliveries_in_its_folder() {
    let unit = block(5);
    let folder = tempfile::tempdir().unwrap();
    let system = folder.path().join("system");
    ["usr/local/bin", "etc", "state"]
        .iter()
        .for_each(|name| fs::create_dir_all(system.join(name)).unwrap());
    let within = |text: &str| {
        let system = system.to_str().unwrap();
        ["/usr/local/bin/", "/etc/"]
            .iter()
            .fold(text.to_owned(), |text, place| text.replace(place, &format!("{system}{place}")))
    };
    // What is typed, in a project that is built already.
    let release = folder.path().join("target/release");
    fs::create_dir_all(&release).unwrap();
    fs::copy(background(), release.join("my-bot")).unwrap();
    let stand_ins = "cargo() { :; }; sudo() { \"$@\"; }; systemctl() { echo \"systemctl $*\"; }; \
                     journalctl() { echo \"journalctl $*\"; };";
    let typed: Vec<_> =
        commands(&block(6)).into_iter().map(|(command, _)| within(&command)).collect();
    let output = shell(folder.path(), &format!("{stand_ins} {}", typed.join("; ")));
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("systemctl enable --now my-bot\njournalctl --unit my-bot "), "{said}");
    let file = within(&values(&unit, "EnvironmentFile")[0]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    // As systemd does it.
    let variables = fs::read_to_string(&file).unwrap();
    let variables: Vec<_> = variables.lines().map(|line| line.split_once('=').unwrap()).collect();
    assert_eq!(
        values(&unit, "WorkingDirectory"),
        [format!("%S/{}", values(&unit, "StateDirectory")[0])]
    );
    let line = within(&values(&unit, "ExecStart")[0]).replace("--port 7860", "--port 0");
    let line = format!("cd '{}'; exec {line}", system.join("state").display());
    let program = start(Path::new("/bin/sh"), &["-c", &line], &variables);
    let url = program.local_url();
    let _ = program.wait_for("Webhook secret is correctly defined.");
    let _ = program.wait_for(&format!("POST {PUBLIC}/webhooks/quick"));
    let secret = format!("X-Webhook-Secret: {}", variables[0].1);
    let answer = request(&url, "POST /webhooks/quick", &[&secret], "{}").unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(system.join("state/webhooks.db").is_file());
    assert_eq!(program.stop().code, Some(0));
    assert!(values(&unit, "TimeoutStopSec")[0].parse::<u32>().unwrap() > LONGEST_STOP);
}

// ---- replicas

/// A user and a database of this test's own, as the page's statements make them.
struct Database {
    server: String,
    name: String,
}

impl Database {
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

impl Drop for Database {
    fn drop(&mut self) {
        let name = &self.name;
        let _ = self.execute(&format!("DROP DATABASE {name} WITH (FORCE);\nDROP ROLE {name};\n"));
    }
}

#[test]
#[ignore = "needs PostgreSQL and Caddy"]
fn two_replicas_share_their_work_and_none_is_lost_when_one_after_the_other_is_restarted() {
    let database = Database::make();
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
        let program = start(background(), &arguments, &variables);
        let _ = program.local_url();
        program
    };
    let replicas = [replica(&first), replica(&second)];
    let site = Site::caddy(&here(&block(9)));

    // The command that lists what all of them have.
    let list = || {
        let arguments = ["deliveries", "--json", "--limit", "1000000"];
        let listed = start(background(), &arguments, &variables).wait();
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
fn pooler(database: &Database, settings: &str) -> (Program, String, TempDir) {
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
    let database = Database::make();
    let (pooler, store, _folder) = pooler(&database, &block(10));
    let program = start(background(), &["--port", "0", "--store", &store], &[]);
    let answer = request(&program.local_url(), "POST /webhooks/quick", &[], "{}").unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    let _ = program.wait_for_log("state=done");
    assert_eq!(program.stop().code, Some(0));
    pooler.stop();
}

#[test]
#[ignore = "needs PostgreSQL and PgBouncer"]
fn a_pooler_that_keeps_no_sessions_is_named_with_the_mode_that_it_needs() {
    let database = Database::make();
    // Tables that a listing could read.
    let direct = format!("postgres://{0}@{1}/{0}", database.name, database.host());
    let program = start(background(), &["--port", "0", "--store", &direct], &[]);
    let _ = program.local_url();
    program.stop();
    for mode in ["transaction", "statement"] {
        let (pooler, store, _folder) = pooler(&database, &format!("pool_mode = {mode}\n"));
        for command in [&["--port", "0"][..], &["deliveries"]] {
            let ended = start(background(), &[command, &["--store", &store]].concat(), &[]).wait();
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
    let ended = start(background(), &["--port", "0", "--store", &store], &[]).wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("ignore_startup_parameters"), "{}", ended.stderr);
    pooler.stop();
}
