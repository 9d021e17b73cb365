//! The guide's page about machines of one's own goes as it says: a container behind a proxy, systemd, several
//! replicas.
//!
//! What the page names is replaced by what a test has: addresses by those of this machine, folders of the system
//! by one of the test's. Docker itself isn't there: its command lines are taken apart, and the program is started
//! with what they give it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod container;
mod proxies;
mod replicas;
mod systemd;

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use clap::{Arg, ArgAction, ArgMatches};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tests::background::wait_until;
use tests::markdown::{CodeBlock, blocks};
use tests::program::Program;
use tests::programs::free_port;
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
    code_block(index).text
}

fn code_block(index: usize) -> CodeBlock {
    let page = read("docs/en/deploy-elsewhere.md");
    blocks(&page).swap_remove(index)
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
            // Comments are in the language of the page.
            let (shown, english) = (shown.without_comments(), code_block(at).without_comments());
            assert_eq!(shown, english, "{}", file.display());
        }
    }
}

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

fn start(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
    Program::start(program, arguments, variables).unwrap()
}

/// What stands behind a word at the begin of a line of a Dockerfile, the last time.
fn instruction(dockerfile: &str, word: &str) -> String {
    let mut lines = dockerfile.lines().filter_map(|line| line.strip_prefix(word));
    lines.next_back().unwrap_or_else(|| panic!("no {word}")).trim().to_owned()
}

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
