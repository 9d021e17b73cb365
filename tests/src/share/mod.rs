//! A share server for tests, written from the protocol: the counterpart of the client, with which it
//! has no code in common.
//!
//! `wire` is what is said and how it is wrapped, `serve` is a server that does as it should, `hostile`
//! are some that don't, `real` starts the public server instead, `certificates` are for TLS.

pub mod certificates;
pub mod hostile;
mod real;
mod serve;
mod wire;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::client::PATIENCE;
use certificates::Certificates;
pub use serve::Seen;

/// What a share server is to do.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How many work connections it uses at once.
    pub work_connections: usize,
    /// With TLS, by these certificates.
    pub tls: Option<Certificates>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { work_connections: 1000, tls: None }
    }
}

/// A share server that runs. It ends when it is dropped.
#[derive(Debug)]
pub struct TestShareServer {
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where the internet connects.
    pub public: SocketAddr,
    /// What clients said; empty of the public server, which keeps it to itself.
    pub seen: Arc<Seen>,
    running: Option<Backend>,
}

#[derive(Debug)]
enum Backend {
    Ours { stop: oneshot::Sender<()>, thread: thread::JoinHandle<()> },
    Real(real::ServerProcess),
}

impl TestShareServer {
    /// Starts ours on free ports.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn start(terms: &Terms) -> io::Result<Self> {
        Self::ours_at(&[free()?, free()?], terms)
    }

    /// Starts ours at an address.
    ///
    /// # Errors
    ///
    /// When it is taken.
    pub fn start_at(address: SocketAddr) -> io::Result<Self> {
        Self::ours_at(&[address, free()?], &Terms::default())
    }

    /// Starts the public server that a program is, on free ports.
    ///
    /// # Errors
    ///
    /// When it doesn't start.
    pub fn start_real(program: PathBuf, terms: &Terms) -> io::Result<Self> {
        Self::real_at(program, &[free()?, free()?], terms)
    }

    /// Stops it and starts another in its place, as a restart does: its clients lose their
    /// connections.
    ///
    /// # Errors
    ///
    /// When it doesn't start again.
    pub fn restart(self, terms: &Terms) -> io::Result<Self> {
        self.restart_after(Duration::ZERO, terms)
    }

    /// The same, with a time in which nobody listens.
    ///
    /// # Errors
    ///
    /// When it doesn't start again.
    pub fn restart_after(mut self, pause: Duration, terms: &Terms) -> io::Result<Self> {
        let addresses = [self.address, self.public];
        match self.running.take() {
            Some(Backend::Real(process)) => {
                let program = process.program.clone();
                drop(process);
                thread::sleep(pause);
                Self::real_at(program, &addresses, terms)
            }
            ours => {
                self.running = ours;
                drop(self);
                thread::sleep(pause);
                Self::ours_at(&addresses, terms)
            }
        }
    }

    fn ours_at([address, public]: &[SocketAddr; 2], terms: &Terms) -> io::Result<Self> {
        let (control, outside) = (bind(*address)?, bind(*public)?);
        let seen = Arc::new(Seen::default());
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (terms, told) = (terms.clone(), Arc::clone(&seen));
        let serving = move || {
            runtime.block_on(async {
                tokio::select! {
                    result = serve::serve(control, outside, terms, told) => drop(result),
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("share-server".to_owned()).spawn(serving)?;
        let running = Some(Backend::Ours { stop, thread });
        Ok(Self { address: *address, public: *public, seen, running })
    }

    fn real_at(
        program: PathBuf,
        [address, public]: &[SocketAddr; 2],
        terms: &Terms,
    ) -> io::Result<Self> {
        let process = real::ServerProcess::start(program, *address, *public, terms.tls.as_ref())?;
        let running = Some(Backend::Real(process));
        Ok(Self { address: *address, public: *public, seen: Arc::default(), running })
    }

    /// Answers no ping any more.
    pub fn fall_silent(&self) {
        self.seen.silent.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Ends the links of all clients, as the server does when they have stood for long.
    pub fn expire(&self) {
        self.seen.expire.notify_waiters();
    }
}

impl Drop for TestShareServer {
    fn drop(&mut self) {
        if let Some(Backend::Ours { stop, thread }) = self.running.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

/// An address on this machine that was free a moment ago.
fn free() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// Listens at an address that another server may just have left.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(10));
            }
            bound => {
                let listener = bound?;
                listener.set_nonblocking(true)?;
                return Ok(listener);
            }
        }
    }
}
