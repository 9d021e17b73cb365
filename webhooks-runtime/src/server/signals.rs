//! Waits for the signals that stop the program.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// How long a program that got a signal may take to end, if a function blocks its thread.
const GRACE: Duration = Duration::from_secs(5);

/// A signal that stops the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopSignal {
    /// Ctrl+C.
    Interrupt,
    #[cfg(unix)]
    Terminate,
}

impl StopSignal {
    /// Returns the exit code of a program that this signal ended, as shells report it.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            #[cfg(unix)]
            Self::Terminate => 143,
        }
    }
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            #[cfg(unix)]
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Waits for the first signal on another thread, so that a function that blocks its own delays nothing: the process
/// ends with the second signal, or a few seconds after the first one, even if nobody reacts to it.
pub(crate) fn first_signal() -> io::Result<oneshot::Receiver<StopSignal>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals::new()?
    };
    let (sender, receiver) = oneshot::channel();
    let waiting = async move {
        let signal = signals.next().await;
        let _ = sender.send(signal);
        let _ = tokio::time::timeout(GRACE, signals.next()).await;
        let _ = writeln!(io::stderr(), "{signal} stopped the program.");
        std::process::exit(signal.exit_code().into());
    };
    std::thread::Builder::new()
        .name("webhooks-signals".to_owned())
        .spawn(move || runtime.block_on(waiting))?;
    Ok(receiver)
}

/// SIGINT and, on Unix, SIGTERM.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Starts listening for signals, which no longer end the process from then on.
    #[cfg(unix)]
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }

    #[cfg(not(unix))]
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> StopSignal {
        let _ = tokio::signal::ctrl_c().await;
        StopSignal::Interrupt
    }
}
