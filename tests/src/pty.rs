//! A program in a pseudo-terminal: all of its streams are the terminal, and a test types on it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};

use crate::client::PATIENCE;
use crate::program::fail;

/// Ctrl+C, as a terminal sends it.
pub const CTRL_C: &str = "\u{3}";

/// Ctrl+D, the end of the input.
pub const CTRL_D: &str = "\u{4}";

/// What the terminal got so far.
type Transcript = Arc<(Mutex<Vec<u8>>, Condvar)>;

/// A program in a terminal. It is ended when it is dropped.
#[derive(Debug)]
pub struct PtyProgram {
    child: Child,
    master: File,
    transcript: Transcript,
    reader: Option<thread::JoinHandle<()>>,
    columns: usize,
}

/// What a program left in its terminal.
#[derive(Debug)]
pub struct PtyEnded {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Every byte that it wrote.
    pub transcript: String,
    /// What a person sees: lines without what was overwritten.
    pub screen: String,
}

impl PtyProgram {
    /// Starts a program in a terminal of this width, with the variables that the command sets and no others.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn spawn(command: &Command, columns: u16) -> io::Result<Self> {
        let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None)?;
        // A session whose terminal it is, so that Ctrl+C is a signal.
        let mut in_session = Command::new("/usr/bin/setsid");
        in_session.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
        let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        in_session.env("TERM", "xterm").envs(variables);
        if let Some(folder) = command.get_current_dir() {
            in_session.current_dir(folder);
        }
        in_session.stdin(Stdio::from(pty.slave.try_clone()?));
        in_session.stdout(Stdio::from(pty.slave.try_clone()?)).stderr(Stdio::from(pty.slave));
        let child = in_session.spawn()?;
        let master = File::from(pty.master);
        let transcript = Transcript::default();
        let reader = follow(master.try_clone()?, &transcript);
        Ok(Self { child, master, transcript, reader: Some(reader), columns: columns.into() })
    }

    /// Types a text, with `\n` for the enter key.
    ///
    /// # Panics
    ///
    /// When the terminal is gone.
    pub fn enter(&mut self, text: &str) {
        if let Err(error) = self.master.write_all(text.as_bytes()) {
            fail(&format!("cannot type {text:?}: {error}"));
        }
    }

    /// Waits until the terminal has got this text so many times.
    ///
    /// # Panics
    ///
    /// When it doesn't come.
    pub fn wait_for(&self, text: &str, times: usize) {
        let (bytes, news) = &*self.transcript;
        let deadline = Instant::now() + PATIENCE;
        let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        while String::from_utf8_lossy(&bytes).matches(text).count() < times {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                fail(&format!("no {text:?} in {}", String::from_utf8_lossy(&bytes)));
            }
            bytes = news.wait_timeout(bytes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the program has ended.
    ///
    /// # Panics
    ///
    /// When it doesn't.
    pub fn wait(mut self) -> PtyEnded {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                other => fail(&format!("the program doesn't end: {other:?} {:?}", self.text())),
            }
        };
        // The terminal has ended now that no program holds it.
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let transcript = self.text();
        let screen = screen(&transcript, self.columns);
        PtyEnded { code: status.code(), transcript, screen }
    }

    fn text(&self) -> String {
        let bytes = self.transcript.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for PtyProgram {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(mut master: File, transcript: &Transcript) -> thread::JoinHandle<()> {
    let transcript = Arc::clone(transcript);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // At its end, a terminal is an error.
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            let mut bytes = transcript.0.lock().unwrap_or_else(PoisonError::into_inner);
            bytes.extend_from_slice(&buffer[..count]);
            transcript.1.notify_all();
        }
    })
}

/// Returns what a terminal shows that knows the carriage return and "erase to the end of the line", and wraps lines. Any
/// other order stays visible.
fn screen(transcript: &str, columns: usize) -> String {
    let mut rows: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut rest = transcript;
    while let Some(letter) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\u{1b}[K") {
            rows[row].truncate(column);
            rest = after;
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                rows.resize(rows.len().max(row + 1), Vec::new());
            }
            letter => {
                if column == columns {
                    (row, column) = (row + 1, 0);
                    rows.resize(rows.len().max(row + 1), Vec::new());
                }
                let line = &mut rows[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = letter;
                column += 1;
            }
        }
    }
    let line = |row: &Vec<char>| row.iter().collect::<String>().trim_end().to_owned() + "\n";
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_shows_what_was_not_overwritten() {
        for (transcript, columns, shown) in [
            ("a\r\nb\r\n", 80, "a\nb\n\n"),
            ("waiting 1\r\u{1b}[Kdone\r\n", 80, "done\n\n"),
            ("abc\rx\r\n", 80, "xbc\n\n"),
            // A line that has wrapped is erased in its last row only.
            ("abcdef\r\u{1b}[Kx", 4, "abcd\nx\n"),
            ("\u{1b}[31m", 80, "\u{1b}[31m\n"),
        ] {
            assert_eq!(screen(transcript, columns), shown, "{transcript:?}");
        }
    }
}
