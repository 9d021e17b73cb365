//! Keeps the values in a file that only its user can read.
//!
//! Several processes of the user may use the file: the server, and commands beside it. A change is made under a lock
//! and replaces the file as a whole, so a reader never sees half of it, and a crash leaves the former file.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::ready;
use uuid::Uuid;

use super::folder::{file_name, state_folder};
use super::private_file::{self, check_regular_or_absent, restrict_to_user};
use super::values::{Values, now};
use super::{SharedState, StateError, StateFuture};
use crate::text::hash;

/// How long to wait for another process that changes the file.
const LOCK_LIMIT: Duration = Duration::from_secs(5);

/// The pause between two attempts to lock.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The size of the largest file that is read, in bytes.
const MAX_SIZE: u64 = 64 << 20;

/// The values in a file.
///
/// A lease is a lock of this process here. It ends when it is released or when the process ends, and not with time.
#[derive(Clone)]
pub(crate) struct FileState {
    file: Arc<Path>,
    /// The holders of this process's leases, and the locked files.
    leases: Arc<Mutex<HashMap<String, (Uuid, File)>>>,
}

impl FileState {
    /// Returns the values in a file. The file, and its folder, are created with the first value.
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file: file.into(), leases: Arc::default() }
    }

    /// Returns the values of a project, in the user's folder; `None` if the user has no folder for files.
    pub(crate) fn of_project(project: &str) -> Option<Self> {
        let name = file_name(project, &format!("{:016x}", hash(project)));
        Some(Self::new(state_folder()?.join("hub").join(name)))
    }

    /// Does work on the blocking pool.
    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> StateFuture<'static, T> {
        let this = self.clone();
        async move {
            let file = this.file.to_path_buf();
            let failed = |cause| StateError::File { file, cause };
            match tokio::task::spawn_blocking(move || work(&this)).await {
                Ok(result) => result.map_err(failed),
                Err(error) => Err(failed(io::Error::other(error))),
            }
        }
        .boxed()
    }

    /// Reads the values. A file that does not exist has none.
    fn read(&self) -> io::Result<Values> {
        check_regular_or_absent(&self.file)?;
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Values::default()),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        (&file).take(MAX_SIZE).read_to_end(&mut text)?;
        let values = serde_json::from_slice(&text)
            .map_err(|_| io::Error::other("it contains something other than a program's state"))?;
        // A file that cannot be changed may still be readable.
        let _ = restrict_to_user(&file);
        Ok(values)
    }

    /// Changes the values, and writes them if `change` returns `true`.
    fn change(&self, change: impl FnOnce(&mut Values) -> bool) -> io::Result<()> {
        if let Some(folder) = self.file.parent() {
            private_file::create_folder(folder)?;
        }
        let lock = self.open_beside("lock")?;
        let start = Instant::now();
        while !try_lock(&lock)? {
            if start.elapsed() > LOCK_LIMIT {
                return Err(io::Error::new(ErrorKind::TimedOut, "another process has locked it"));
            }
            thread::sleep(LOCK_PAUSE);
        }
        let mut values = self.read()?;
        if change(&mut values) {
            let mut new = self.open_beside("new")?;
            new.set_len(0)?;
            new.rewind()?;
            new.write_all(&serde_json::to_vec_pretty(&values)?)?;
            new.write_all(b"\n")?;
            new.sync_all()?;
            drop(new);
            fs::rename(self.beside("new"), &self.file)?;
        }
        Ok(())
    }

    fn take_lease(&self, name: &str, holder: Uuid) -> io::Result<bool> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((by, _)) = leases.get(name) {
            return Ok(*by == holder);
        }
        if let Some(folder) = self.file.parent() {
            private_file::create_folder(folder)?;
        }
        let file = self.open_beside(name)?;
        let is_free = try_lock(&file)?;
        if is_free {
            leases.insert(name.to_owned(), (holder, file));
        }
        Ok(is_free)
    }

    /// Opens or creates a file beside the values.
    fn open_beside(&self, end: &str) -> io::Result<File> {
        let path = self.beside(end);
        check_regular_or_absent(&path)?;
        let file = private_file::options(&mut OpenOptions::new()).open(path)?;
        restrict_to_user(&file)?;
        Ok(file)
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.file.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(end);
        self.file.with_file_name(name)
    }
}

/// Locks a file, and returns whether it is locked now. Where the file system has no locks, it is.
fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl SharedState for FileState {
    fn get<'a>(&'a self, key: &'a str) -> StateFuture<'a, Option<String>> {
        let key = key.to_owned();
        self.blocking(move |this| Ok(this.read()?.get(&key, now()).map(str::to_owned)))
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
        ttl: Option<Duration>,
    ) -> StateFuture<'a, ()> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.blocking(move |this| {
            this.change(|values| {
                values.set(&key, &value, ttl, now());
                true
            })
        })
    }

    fn append<'a>(
        &'a self,
        key: &'a str,
        text: &'a str,
        most: usize,
        ttl: Duration,
    ) -> StateFuture<'a, ()> {
        let (key, text) = (key.to_owned(), text.to_owned());
        self.blocking(move |this| {
            this.change(|values| {
                values.append(&key, &text, most, ttl, now());
                true
            })
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StateFuture<'a, ()> {
        let key = key.to_owned();
        self.blocking(move |this| this.change(|values| values.remove(&key)))
    }

    fn lease<'a>(&'a self, name: &'a str, holder: Uuid, _: Duration) -> StateFuture<'a, bool> {
        let name = name.to_owned();
        self.blocking(move |this| this.take_lease(&name, holder))
    }

    fn release<'a>(&'a self, name: &'a str, holder: Uuid) -> StateFuture<'a, ()> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.retain(|lease, (by, _)| lease != name || *by != holder);
        ready(Ok(())).boxed()
    }
}

impl fmt::Debug for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileState({})", self.file.display())
    }
}
