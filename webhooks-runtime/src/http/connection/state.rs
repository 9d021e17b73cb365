//! The state that a connection shares with its requests.

use std::cell::Cell;

use tokio::time::Instant;

/// The state of a connection.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    /// The number of requests that have no response yet.
    pub(super) running: Cell<usize>,
    /// The number of responses that are being sent.
    pub(super) responding: Cell<usize>,
    /// When bytes were last read.
    pub(super) read_at: Cell<Instant>,
    /// When the last response was sent, or else when the connection was accepted.
    pub(super) idle_since: Cell<Instant>,
    /// When the response that is being sent was created, if known.
    pub(super) responded_at: Cell<Option<Instant>>,
    /// When the first byte after the last response arrived: of a head, or of the body of a rejected request. A new
    /// connection starts with the time at which it was accepted.
    pub(super) receiving_since: Cell<Option<Instant>>,
    /// Whether the client can no longer be reached.
    pub(super) gone: Cell<bool>,
    /// Whether the last request had to wait because a function blocked the thread.
    pub(super) was_delayed: Cell<bool>,
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
            was_delayed: Cell::new(false),
        }
    }

    /// Returns whether the client has reset the connection or stopped reading.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// Returns whether a function blocked the thread for so long that the request's timeout passed before it was
    /// read.
    pub(crate) fn was_delayed(&self) -> bool {
        self.was_delayed.get()
    }

    /// Returns when the last bytes of the request's head arrived.
    pub(crate) fn received_at(&self) -> std::time::Instant {
        self.read_at.get().into_std()
    }

    /// Records when the response was created, which saves reading the clock again when a small one is sent.
    pub(crate) fn set_responded_at(&self, now: std::time::Instant) {
        self.responded_at.set(Some(now.into()));
    }

    /// Returns whether the connection has no active request.
    pub(super) fn is_idle(&self) -> bool {
        self.running.get() + self.responding.get() == 0
    }
}
