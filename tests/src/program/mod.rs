//! Programs that run as processes of their own, with only the variables that a test gives them.

mod build;
mod lines;
mod own_machine;
mod process;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::PATIENCE;

/// How long a build of other tests may take.
const BUILD_PATIENCE: Duration = Duration::from_secs(10 * 60);

pub use build::{
    ReservedPort, build, build_bin, build_with_full_lto, forget_package, reserve_port_7860,
    turn_of_port_7860,
};
pub use lines::OutputReading;
use lines::{Lines, ReadingState, follow, text, wait_in};
pub use own_machine::OwnMachine;

#[allow(clippy::panic, reason = "a test that cannot go on")]
pub(crate) fn fail(text: &str) -> ! {
    panic!("{text}")
}

/// A program that runs. It is ended when it is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    readers: Vec<thread::JoinHandle<()>>,
    reading: ReadingState,
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
        let (stdout, stderr, reading) =
            (Lines::default(), Lines::default(), ReadingState::default());
        let readers = [
            output.map(|stream| follow(stream, &stdout, &reading)),
            child.stderr.take().map(|stream| follow(stream, &stderr, &reading)),
        ];
        let readers = readers.into_iter().flatten().collect();
        Self { child, stdout, stderr, readers, reading }
    }

    /// Waits for a line of standard output that holds `text`.
    ///
    /// # Panics
    ///
    /// When it doesn't come.
    #[must_use]
    pub fn wait_for(&self, text: &str) -> String {
        self.try_wait_for(text).unwrap_or_else(|| self.did_not_print(text))
    }

    /// The same; `None` when it doesn't come.
    #[must_use]
    pub fn try_wait_for(&self, text: &str) -> Option<String> {
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

    fn did_not_print(&self, line: &str) -> ! {
        let state = if self.is_running() { "runs" } else { "has ended" };
        let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
        fail(&format!(
            "no line with {line:?}; the program {state}\nstdout:\n{stdout}\nstderr:\n{stderr}"
        ))
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
        wait_in(&self.stderr, text, patience).unwrap_or_else(|| self.did_not_print(text))
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
    /// found, `None` when it didn't in time, and the lines. The program may be cargo, which waits for the builds of
    /// other tests in the same target directory.
    pub fn wait_until<T>(
        &self,
        mut check: impl FnMut(&[String]) -> Option<T>,
    ) -> (Option<T>, Vec<String>) {
        let (lines, news) = &*self.stdout;
        let deadline = Instant::now() + BUILD_PATIENCE;
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

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
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
        self.set_reading(OutputReading::Followed);
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
        self.set_reading(OutputReading::Followed);
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
