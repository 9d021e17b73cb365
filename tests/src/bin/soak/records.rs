//! The pipe through which functions record that they start and end.
//!
//! A pipe instead of a file: a limit on the size of files does not apply to it, and its one reader puts the records of all
//! processes in one order. The records of a killed process are not lost.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// The pipe, and a thread that writes its records to a file.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) pipe: PathBuf,
    writer: Mutex<File>,
    numbers: AtomicU32,
    reader: thread::JoinHandle<io::Result<u64>>,
}

impl Records {
    /// Makes a pipe in this folder. The records go to `journal` beside it.
    pub(crate) fn start(folder: &Path) -> io::Result<Self> {
        let pipe = folder.join("records");
        mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR)?;
        // With both ends, so that neither is waited for.
        let both = OpenOptions::new().read(true).write(true).open(&pipe)?;
        let mut from = File::open(&pipe)?;
        let writer = Mutex::new(OpenOptions::new().append(true).open(&pipe)?);
        drop(both);
        let mut to = OpenOptions::new().append(true).create(true).open(folder.join("journal"))?;
        let reader = thread::spawn(move || io::copy(&mut from, &mut to));
        Ok(Self { pipe, writer, numbers: AtomicU32::default(), reader })
    }

    /// Records what is done to a process, `killed` or `continued`, or to a function: `paused` or `resumed`, with the
    /// number of the pause.
    pub(crate) fn write(&self, what: &str, function: &str, number: u32) {
        let line = format!("{what} {function} - - 0 {number}\n");
        self.writer.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// A number of its own for something that is recorded.
    pub(crate) fn next_number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until everything is in the file. All processes must have ended.
    pub(crate) fn finish(self) {
        drop(self.writer);
        self.reader.join().unwrap().unwrap();
    }
}
