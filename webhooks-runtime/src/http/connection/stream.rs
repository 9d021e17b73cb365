//! Wraps a client's socket for actix-web, with timeouts.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::super::watchdog::was_just_blocked;
use super::Origin;
use super::limit::ConnectionPermit;
use super::state::ConnectionState;

/// The timeouts of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionTimeouts {
    /// The longest time between two requests.
    pub(crate) idle: Duration,
    /// The longest time in which a client may send a request's head, or accept no bytes of a response.
    pub(crate) progress: Duration,
}

/// A client's connection with its timeouts.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    state: Rc<ConnectionState>,
    timeouts: ConnectionTimeouts,
    origin: Origin,
    /// Since when the client has accepted no bytes of the response.
    write_blocked_since: Option<Instant>,
    /// Whether bytes were read since the last time that none were available.
    has_read: bool,
    /// The deadline that has already been extended by one poll, because the bytes that arrived before it may be
    /// a whole request.
    extended_deadline: Option<Instant>,
    /// Whether a read waits until the client accepts the response.
    read_deferred: bool,
    /// Wakes the connection at least once per `timeouts.progress`, which is cheaper than a timer per request.
    timer: Option<Pin<Box<Sleep>>>,
    _permit: ConnectionPermit,
}

impl Connection {
    pub(crate) fn new(
        stream: TcpStream,
        timeouts: ConnectionTimeouts,
        origin: Origin,
        permit: ConnectionPermit,
    ) -> Self {
        Self {
            stream,
            state: Rc::new(ConnectionState::new()),
            timeouts,
            origin,
            write_blocked_since: None,
            has_read: false,
            extended_deadline: None,
            read_deferred: false,
            timer: None,
            _permit: permit,
        }
    }

    pub(crate) fn state(&self) -> &Rc<ConnectionState> {
        &self.state
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns when the connection times out; `None` while the client waits for a response.
    fn deadline(&self) -> Option<Instant> {
        if let Some(since) = self.write_blocked_since {
            return Some(since + self.timeouts.progress);
        }
        if !self.state.is_idle() {
            return None;
        }
        Some(match self.state.receiving_since.get() {
            Some(since) => since + self.timeouts.progress,
            None => self.state.idle_since.get() + self.timeouts.idle,
        })
    }

    /// Completes when the deadline has passed.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let progress = self.timeouts.progress;
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

    /// Makes dropping the socket reset the connection, which discards the bytes that the client has not read.
    fn prepare_reset(&mut self) -> io::Error {
        self.state.gone.set(true);
        // An error means that it is already closed.
        let _ = self.stream.set_zero_linger();
        io::ErrorKind::TimedOut.into()
    }

    /// Records that a write succeeded, and wakes a deferred read.
    fn unblock(&mut self, context: &Context<'_>) {
        self.write_blocked_since = None;
        if std::mem::take(&mut self.read_deferred) {
            context.waker().wake_by_ref();
        }
    }

    /// Returns whether a function is running although its client is gone. The error is hidden from actix-web until
    /// the function has finished, because actix-web would drop it.
    fn has_orphaned_function(&self) -> bool {
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
        if this.has_orphaned_function() {
            // At the end of the input, actix-web still lets the running function finish.
            return Poll::Ready(Ok(()));
        }
        if this.write_blocked_since.is_some() {
            // A client that does not read its responses cannot send more requests.
            this.read_deferred = true;
            return Poll::Pending;
        }
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                this.has_read = true;
                let now = Instant::now();
                this.state.read_at.set(now);
                if this.state.is_idle() {
                    this.state.was_delayed.set(was_just_blocked(this.timeouts.progress));
                    if this.state.receiving_since.get().is_none() {
                        this.state.receiving_since.set(Some(now));
                    }
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                this.state.gone.set(true);
                Poll::Ready(if this.has_orphaned_function() { Ok(()) } else { Err(error) })
            }
            Poll::Pending => {
                let has_read = std::mem::take(&mut this.has_read);
                ready!(this.poll_deadline(context));
                if has_read && this.extended_deadline != this.deadline() {
                    // The thread was busy when the bytes arrived. Let actix-web decode them before the timeout.
                    this.extended_deadline = this.deadline();
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

/// The response to a request whose head did not arrive in time.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.state.is_gone() && !this.has_orphaned_function() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let error = match Pin::new(&mut this.stream).poll_write(context, bytes) {
            Poll::Ready(Ok(written)) => {
                this.unblock(context);
                return Poll::Ready(Ok(written));
            }
            Poll::Ready(Err(error)) => error,
            Poll::Pending => {
                if this.write_blocked_since.is_none() {
                    this.write_blocked_since = Some(Instant::now());
                }
                ready!(this.poll_deadline(context));
                this.prepare_reset()
            }
        };
        this.state.gone.set(true);
        if this.has_orphaned_function() {
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
