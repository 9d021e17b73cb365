//! The state of a connection, which its requests see and change.

use std::cell::Cell;

use tokio::time::Instant;

/// The state of a connection that its requests can see.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    /// Requests whose function runs.
    pub(super) running: Cell<usize>,
    /// Requests whose response is on its way.
    pub(super) responding: Cell<usize>,
    /// When bytes were last read.
    pub(super) read_at: Cell<Instant>,
    /// When the last response ended, or the connection began.
    pub(super) idle_since: Cell<Instant>,
    /// When the response was made that is being sent, if that is known.
    pub(super) responded_at: Cell<Option<Instant>>,
    /// When the first byte after that arrived: of a head, or of a body that nobody reads. The first
    /// request is waited for as if a part of it had arrived.
    pub(super) receiving_since: Cell<Option<Instant>>,
    /// Whether nothing reaches the client any more.
    pub(super) gone: Cell<bool>,
    /// Whether the request that was read last had waited for a blocked thread.
    pub(super) has_waited: Cell<bool>,
}

impl ConnectionState {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            running: Cell::new(0),
            responding: Cell::new(0),
            read_at: Cell::new(now),
            idle_since: Cell::new(now),
            responded_at: Cell::new(None),
            receiving_since: Cell::new(Some(now)),
            gone: Cell::new(false),
            has_waited: Cell::new(false),
        }
    }

    /// Whether the client is known to have reset the connection, or reads nothing.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// Whether the request waited for so long behind a function that blocked the thread that its time
    /// to arrive was over.
    pub(crate) fn has_waited(&self) -> bool {
        self.has_waited.get()
    }

    /// When the last bytes of the request's head arrived.
    pub(crate) fn received_at(&self) -> std::time::Instant {
        self.read_at.get().into_std()
    }

    /// Sets when the response was made, so that the clock isn't read again once a small one is sent.
    pub(crate) fn set_responded_at(&self, now: std::time::Instant) {
        self.responded_at.set(Some(now.into()));
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.get() + self.responding.get() == 0
    }
}
