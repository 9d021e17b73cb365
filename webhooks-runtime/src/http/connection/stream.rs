//! The connection as actix-web reads and writes it, with its time limits.

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
use super::slots::Slot;
use super::state::ConnectionState;

/// How long a connection may take, and no longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// To pause between two requests.
    pub(crate) pause: Duration,
    /// To send a request's head, and to take the next bytes of a response.
    pub(crate) progress: Duration,
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
