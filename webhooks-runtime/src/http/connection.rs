//! Holds one client's connection and its time limits.
//!
//! actix-web limits how long the first request's head takes and how long a connection pauses between
//! two requests. It limits neither the head of a later request, nor a request body that nobody reads,
//! nor a client that never reads its responses, and it drops a running function when its client resets
//! the connection. So the server hands actix-web this stream in place of the socket. The limits live in
//! the stream, need no second descriptor, and end with the connection.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::watchdog::was_just_blocked;

/// The listener that a connection came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The address that the server announces.
    Direct,
    /// The tunnel's own listener, so the client is somewhere on the internet.
    Tunnel,
}

/// How long a connection may take, and no longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// To pause between two requests.
    pub(crate) pause: Duration,
    /// To send a request's head, and to take the next bytes of a response.
    pub(crate) progress: Duration,
}

/// The state of a connection that its requests can see.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    /// Requests whose function runs.
    running: Cell<usize>,
    /// Requests whose response is on its way.
    responding: Cell<usize>,
    /// When bytes were last read.
    read_at: Cell<Instant>,
    /// When the last response ended, or the connection began.
    idle_since: Cell<Instant>,
    /// When the response was made that is being sent, if that is known.
    responded_at: Cell<Option<Instant>>,
    /// When the first byte after that arrived: of a head, or of a body that nobody reads. The first
    /// request is waited for as if a part of it had arrived.
    receiving_since: Cell<Option<Instant>>,
    /// Whether nothing reaches the client any more.
    gone: Cell<bool>,
    /// Whether the request that was read last had waited for a blocked thread.
    has_waited: Cell<bool>,
}

impl ConnectionState {
    fn new() -> Self {
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

    fn is_idle(&self) -> bool {
        self.running.get() + self.responding.get() == 0
    }
}

/// A connection, as actix-web reads and writes it.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    state: Rc<ConnectionState>,
    limits: ConnectionLimits,
    origin: Origin,
    /// Since when the client has taken nothing of what is to be written.
    blocked_since: Option<Instant>,
    /// Whether something was read since the connection last waited.
    has_read: bool,
    /// The deadline after which the connection was polled once more: what had arrived in time may be a
    /// whole request.
    last_look: Option<Instant>,
    /// Whether a read was put off until the client reads, too.
    read_deferred: bool,
    /// Wakes the connection at least once per `limits.progress`, so no request has to set it.
    timer: Option<Pin<Box<Sleep>>>,
    _slot: Slot,
}

impl Connection {
    pub(crate) fn new(
        stream: TcpStream,
        limits: ConnectionLimits,
        origin: Origin,
        slot: Slot,
    ) -> Self {
        Self {
            stream,
            state: Rc::new(ConnectionState::new()),
            limits,
            origin,
            blocked_since: None,
            has_read: false,
            last_look: None,
            read_deferred: false,
            timer: None,
            _slot: slot,
        }
    }

    pub(crate) fn state(&self) -> &Rc<ConnectionState> {
        &self.state
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// When the connection has waited long enough for its client; `None` while the client waits.
    fn deadline(&self) -> Option<Instant> {
        if let Some(since) = self.blocked_since {
            return Some(since + self.limits.progress);
        }
        if !self.state.is_idle() {
            return None;
        }
        Some(match self.state.receiving_since.get() {
            Some(since) => since + self.limits.progress,
            None => self.state.idle_since.get() + self.limits.pause,
        })
    }

    /// Is ready when the deadline has passed.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let progress = self.limits.progress;
        loop {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(progress)));
            ready!(timer.as_mut().poll(context));
            let now = Instant::now();
            let deadline = self.deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(());
            }
            // A deadline that is set while the timer runs is at least `progress` away.
            let wake = deadline.map_or(now + progress, |deadline| deadline.min(now + progress));
            if let Some(timer) = &mut self.timer {
                timer.as_mut().reset(wake);
            }
        }
    }

    /// Closes the connection at once when it is dropped, with all that the client has not read.
    fn give_up(&mut self) -> io::Error {
        self.state.gone.set(true);
        // An error says that it is closed already.
        let _ = self.stream.set_zero_linger();
        io::ErrorKind::TimedOut.into()
    }

    /// Nothing is in the way of reading any more.
    fn unblock(&mut self, context: &Context<'_>) {
        self.blocked_since = None;
        if std::mem::take(&mut self.read_deferred) {
            context.waker().wake_by_ref();
        }
    }

    /// Whether a function runs whose client is gone. It runs on, and actix-web learns of the client's
    /// end later: an error now would drop the function.
    fn outlives_its_client(&self) -> bool {
        self.state.is_gone() && self.state.running.get() > 0
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.outlives_its_client() {
            // The end of the input: actix-web lets the running function end all the same.
            return Poll::Ready(Ok(()));
        }
        if this.blocked_since.is_some() {
            // A client that reads no responses sends no more requests, either.
            this.read_deferred = true;
            return Poll::Pending;
        }
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                this.has_read = true;
                let now = Instant::now();
                this.state.read_at.set(now);
                if this.state.is_idle() {
                    this.state.has_waited.set(was_just_blocked(this.limits.progress));
                    if this.state.receiving_since.get().is_none() {
                        this.state.receiving_since.set(Some(now));
                    }
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                this.state.gone.set(true);
                Poll::Ready(if this.outlives_its_client() { Ok(()) } else { Err(error) })
            }
            Poll::Pending => {
                let has_read = std::mem::take(&mut this.has_read);
                ready!(this.poll_deadline(context));
                if has_read && this.last_look != this.deadline() {
                    // The thread was busy when it arrived. actix-web decodes it before it reads again.
                    this.last_look = this.deadline();
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if this.state.receiving_since.get().is_some() {
                    // Best effort: the client may be gone.
                    let _ = this.stream.try_write(REQUEST_TIMEOUT);
                }
                // The end of the input, as if the client had closed the connection.
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// The response to a request whose head does not arrive.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.state.is_gone() && !this.outlives_its_client() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let error = match Pin::new(&mut this.stream).poll_write(context, bytes) {
            Poll::Ready(Ok(written)) => {
                this.unblock(context);
                return Poll::Ready(Ok(written));
            }
            Poll::Ready(Err(error)) => error,
            Poll::Pending => {
                if this.blocked_since.is_none() {
                    this.blocked_since = Some(Instant::now());
                }
                ready!(this.poll_deadline(context));
                this.give_up()
            }
        };
        this.state.gone.set(true);
        if this.outlives_its_client() {
            this.unblock(context);
            return Poll::Ready(Ok(bytes.len()));
        }
        Poll::Ready(Err(error))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// What fits into the socket's buffer, in bytes.
const SMALL: u64 = 16 * 1024;

/// A request that is being served, until it is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    state: Rc<ConnectionState>,
    is_responding: bool,
    /// Whether a part of the request may follow the response.
    leaves_unread: bool,
}

impl Serving {
    pub(crate) fn new(state: &Rc<ConnectionState>) -> Self {
        state.running.set(state.running.get() + 1);
        state.receiving_since.set(None);
        Self { state: Rc::clone(state), is_responding: false, leaves_unread: false }
    }

    /// The request is rejected before its body has ended.
    pub(crate) fn leaves_unread(&mut self) {
        self.leaves_unread = true;
    }

    /// Lives on until the response's body has been sent or given up. A small one needs no more time than
    /// its head.
    pub(crate) fn until_sent(mut self, body: BoxBody) -> BoxBody {
        match body.size() {
            BodySize::None | BodySize::Sized(0..=SMALL) => body,
            _ => {
                self.state.running.set(self.state.running.get().saturating_sub(1));
                self.state.responding.set(self.state.responding.get() + 1);
                self.state.responded_at.set(None);
                self.is_responding = true;
                BoxBody::new(Sent { body, _serving: self })
            }
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let state = &self.state;
        let count = if self.is_responding { &state.responding } else { &state.running };
        count.set(count.get().saturating_sub(1));
        let now = state.responded_at.take().unwrap_or_else(Instant::now);
        state.idle_since.set(now);
        if self.leaves_unread {
            state.receiving_since.set(Some(now));
        }
    }
}

/// A response's body, with the mark that its request is being served.
struct Sent {
    body: BoxBody,
    _serving: Serving,
}

impl MessageBody for Sent {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

/// Counts the open connections of a server and limits them.
#[derive(Clone, Debug)]
pub(crate) struct Slots(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    open: AtomicUsize,
    limit: usize,
    is_reported: AtomicBool,
}

impl Slots {
    pub(crate) fn new(limit: usize) -> Self {
        let (open, is_reported) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self(Arc::new(Counts { open, limit, is_reported }))
    }

    /// Takes the place of one connection, if one is free.
    pub(crate) fn take(&self) -> Option<Slot> {
        // Without a free one, dropping this takes it off the count again.
        let slot = Slot(Arc::clone(&self.0));
        (self.0.open.fetch_add(1, Ordering::Relaxed) < self.0.limit).then_some(slot)
    }

    /// Logs that none is free, once each time that this happens.
    pub(crate) fn report_full(&self) {
        if !self.0.is_reported.swap(true, Ordering::Relaxed) {
            let limit = self.0.limit;
            tracing::warn!(limit, "too many open connections: rejecting new ones with 503");
        }
    }
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Counts>);

impl Drop for Slot {
    fn drop(&mut self) {
        let left = self.0.open.fetch_sub(1, Ordering::Relaxed) - 1;
        if left <= self.0.limit / 2 && self.0.is_reported.load(Ordering::Relaxed) {
            self.0.is_reported.store(false, Ordering::Relaxed);
        }
    }
}
