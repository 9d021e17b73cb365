//! Programs that run as processes of their own, with only the variables that a test gives them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::client::PATIENCE;
use crate::repository::root;

/// Builds a package of this workspace and returns the path of the program of the same name.
///
/// # Panics
///
/// When it cannot be built; the message holds cargo's.
#[must_use]
pub fn build(package: &str, profile: &str) -> PathBuf {
    build_bin(package, package, profile)
}

/// Builds one of several programs of a package of this workspace and returns its path. Each is built once.
///
/// # Panics
///
/// When it cannot be built; the message holds cargo's.
#[must_use]
pub fn build_bin(package: &str, bin: &str, profile: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<[String; 2], Arc<OnceLock<PathBuf>>>> =
        Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let program = Arc::clone(built.entry([bin, profile].map(str::to_owned)).or_default());
    // Builds in other profiles go on meanwhile.
    drop(built);
    program.get_or_init(|| cargo_build(package, bin, profile)).clone()
}

fn cargo_build(package: &str, bin: &str, profile: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--bin", bin, "--profile", profile])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root());
    if profile == "dev" {
        // `cargo test --workspace` has compiled the dependencies with the features that all packages and their
        // tests need together. A build of one package has fewer and would compile them again, so this builds a
        // test of the package with the most dependencies as well.
        command.args(["--workspace", "--test", "builds"]);
    } else {
        command.args(["--package", package]);
    }
    // cargo describes the tests' own package in these. The build script of `ring` asks to run again when they
    // change, and with it all that depends on `ring` would be compiled again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    let output = command.output();
    let output = output.unwrap_or_else(|error| fail(&format!("cargo doesn't start: {error}")));
    let messages = String::from_utf8_lossy(&output.stdout);
    let program = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let named = message["target"]["name"] == bin;
        message["executable"].as_str().filter(|_| named).map(PathBuf::from)
    });
    program.unwrap_or_else(|| fail(&String::from_utf8_lossy(&output.stderr)))
}

/// Waits until no other test of this process uses port 7860, which a Space forwards and the guide names.
///
/// # Panics
///
/// When another program has the port.
pub fn reserve_port_7860() -> MutexGuard<'static, ()> {
    static PORT: Mutex<()> = Mutex::new(());
    let port = PORT.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(TcpListener::bind("127.0.0.1:7860").is_ok(), "these tests need port 7860 to be free");
    port
}

#[allow(clippy::panic, reason = "a test that cannot go on")]
pub(crate) fn fail(text: &str) -> ! {
    panic!("{text}")
}

/// The lines that a stream has brought so far.
type Lines = Arc<(Mutex<Vec<String>>, Condvar)>;

/// A program that runs. It is ended when it is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    readers: Vec<thread::JoinHandle<()>>,
}

/// A machine that is no container, though this one may be: then it is a folder with nothing in it but a
/// program and its libraries, which takes `chroot`.
#[derive(Debug)]
pub struct OwnMachine {
    root: Option<TempDir>,
    program: PathBuf,
}

impl OwnMachine {
    /// A machine with this program.
    ///
    /// # Errors
    ///
    /// When the program cannot be copied.
    pub fn with(program: &Path) -> io::Result<Self> {
        let in_container =
            ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists());
        if !in_container {
            return Ok(Self { root: None, program: program.to_owned() });
        }
        let root = tempfile::tempdir()?;
        let listed = Command::new("ldd").arg(program).output()?.stdout;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
        for library in libraries.map(Path::new) {
            let copy = root.path().join(library.strip_prefix("/").map_err(io::Error::other)?);
            copy.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::copy(library, copy)?;
        }
        fs::copy(program, root.path().join("program"))?;
        Ok(Self { root: Some(root), program: "/program".into() })
    }

    /// A command that runs the program, without variables.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = match &self.root {
            None => Command::new(&self.program),
            Some(root) => {
                let mut command = Command::new("/usr/sbin/chroot");
                command.arg(root.path()).arg(&self.program);
                command
            }
        };
        command.env_clear();
        command
    }
}

/// What a program left when it had ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Program {
    /// Starts a program with these arguments and these variables, and no others. It makes no public
    /// URL unless the variables say so: that would ask the internet.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(
        program: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments.iter().map(OsStr::new)).env_clear();
        command.env("GRADIO_SHARE", "false").envs(variables.iter().copied());
        Self::spawn(&mut command)
    }

    /// Starts a program as this command says, with whatever variables it has.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take();
        Ok(Self::follow(child, stdout))
    }

    /// Starts a program as this command says, with a terminal of its own as standard output.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn spawn_in_terminal(command: &mut Command) -> io::Result<Self> {
        let terminal = openpty(None, None)?;
        command.stdin(Stdio::null()).stdout(Stdio::from(terminal.slave)).stderr(Stdio::piped());
        let child = command.spawn()?;
        // The terminal has ended when nobody but its reader holds it any more.
        command.stdout(Stdio::null());
        Ok(Self::follow(child, Some(File::from(terminal.master))))
    }

    fn follow(mut child: Child, output: Option<impl Read + Send + 'static>) -> Self {
        let (stdout, stderr) = (Lines::default(), Lines::default());
        let readers = [
            output.map(|stream| follow(stream, &stdout)),
            child.stderr.take().map(|stream| follow(stream, &stderr)),
        ];
        Self { child, stdout, stderr, readers: readers.into_iter().flatten().collect() }
    }

    /// Waits for a line of standard output that holds `text`.
    ///
    /// # Panics
    ///
    /// When it doesn't come.
    #[must_use]
    pub fn wait_for(&self, text: &str) -> String {
        wait_in(&self.stdout, text, PATIENCE)
    }

    /// The same on standard error.
    ///
    /// # Panics
    ///
    /// When it doesn't come.
    #[must_use]
    pub fn wait_for_log(&self, text: &str) -> String {
        self.wait_long_for_log(text, PATIENCE)
    }

    /// Waits until so many lines of standard error hold `text`.
    ///
    /// # Panics
    ///
    /// When they don't come.
    pub fn wait_for_logs(&self, text: &str, count: usize) {
        let (lines, news) = &*self.stderr;
        let deadline = Instant::now() + PATIENCE;
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        while lines.iter().filter(|line| line.contains(text)).count() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                fail(&format!("not {count} lines with {text:?} in {lines:#?}"));
            }
            lines = news.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a line of standard error that holds `text` and takes its time.
    ///
    /// # Panics
    ///
    /// When it doesn't come.
    #[must_use]
    pub fn wait_long_for_log(&self, text: &str, patience: Duration) -> String {
        wait_in(&self.stderr, text, patience)
    }

    /// Waits for the line with the local URL and gives the URL. The ready lines have come then, too.
    ///
    /// # Panics
    ///
    /// When it doesn't come.
    #[must_use]
    pub fn local_url(&self) -> String {
        let line = self.wait_for("* Running on local URL:");
        let _ = self.wait_for("to set up your webhooks");
        line.rsplit(' ').next().unwrap_or_default().to_owned()
    }

    /// Waits until `check` finds what it looks for in the lines of standard output so far. Gives what it
    /// found, `None` when it didn't in time, and the lines.
    pub fn wait_until<T>(
        &self,
        mut check: impl FnMut(&[String]) -> Option<T>,
    ) -> (Option<T>, Vec<String>) {
        let (lines, news) = &*self.stdout;
        let deadline = Instant::now() + PATIENCE;
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let found = check(&lines);
            let left = deadline.saturating_duration_since(Instant::now());
            if found.is_some() || left.is_zero() {
                return (found, lines.clone());
            }
            lines = news.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many lines of standard output there are that say that something started.
    #[must_use]
    pub fn started(&self) -> usize {
        let lines = self.stdout.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|line| line.ends_with(" started")).count()
    }

    /// Waits for the line with the public URL and gives the URL.
    ///
    /// # Panics
    ///
    /// When it doesn't come.
    #[must_use]
    pub fn public_url(&self) -> String {
        let line = self.wait_for("* Running on public URL:");
        line.rsplit(' ').next().unwrap_or_default().to_owned()
    }

    /// The process's resident memory, in bytes.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|text| text.trim().strip_suffix(" kB"));
        let kibibytes: u64 = kibibytes.and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(kibibytes * 1024)
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_running(&self) -> bool {
        // Its state is after its name, which is in brackets; `Z` when it has ended.
        let status = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        status.is_ok_and(|status| {
            !status.rsplit_once(") ").is_some_and(|(_, it)| it.starts_with('Z'))
        })
    }

    /// Ends the program without a word, like a machine that loses its power does, and gives what it
    /// left.
    ///
    /// # Panics
    ///
    /// When it doesn't end.
    pub fn kill(self) -> Ended {
        let _ = self.signal(Signal::SIGKILL);
        self.wait()
    }

    /// Sends the program a signal.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).map_err(io::Error::other)?;
        Ok(kill(Pid::from_raw(pid), signal)?)
    }

    /// Waits until the program has ended.
    ///
    /// # Panics
    ///
    /// When it doesn't.
    pub fn wait(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status: ExitStatus = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(5));
                }
                other => fail(&format!("the program doesn't end: {other:?} {:?}", self.stderr)),
            }
        };
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        Ended { code: status.code(), stdout: text(&self.stdout), stderr: text(&self.stderr) }
    }

    /// Stops the program like `docker stop` or a process manager does, and waits for its end.
    ///
    /// # Panics
    ///
    /// When it doesn't end.
    pub fn stop(self) -> Ended {
        let _ = self.signal(Signal::SIGTERM);
        self.wait()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_in(
    (lines, news): &(Mutex<Vec<String>>, Condvar),
    text: &str,
    patience: Duration,
) -> String {
    let deadline = Instant::now() + patience;
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(line) = lines.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            fail(&format!("no line with {text:?} in {lines:#?}"));
        }
        lines = news.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn follow(stream: impl Read + Send + 'static, lines: &Lines) -> thread::JoinHandle<()> {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            lines.1.notify_all();
        }
    })
}

fn text(lines: &Lines) -> String {
    let lines = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().map(|line| format!("{line}\n")).collect()
}
