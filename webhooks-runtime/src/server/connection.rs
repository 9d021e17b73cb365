//! Tells where a connection comes from, and cuts off clients that hold one without sending a request.
//!
//! actix-web times the head of a connection's first request and the pause between two requests. It
//! doesn't time the head of a later request, nor the rest of a chunked body after its request was
//! refused, which it reads on for as long as it comes. So each connection is watched from here: while
//! no request is being served, it has the time of a pause and a head, and is closed after that.

use std::any::Any;
use std::cell::Cell;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Extensions;
use actix_web::rt;
use actix_web::web::Bytes;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was made to the address that the server listens on for everybody.
    Direct,
    /// It came through the tunnel, so from outside, whatever its requests say.
    Tunnel,
}

impl Origin {
    /// `entrance` is where nothing but the tunnel's connections arrive.
    fn of(stream: &rt::net::TcpStream, entrance: Option<SocketAddr>) -> Self {
        let Some(entrance) = entrance else {
            return Self::Direct;
        };
        match stream.local_addr() {
            Ok(address) if address != entrance => Self::Direct,
            // What isn't known to be direct is trusted as little as it can be.
            _ => Self::Tunnel,
        }
    }
}

/// A connection and what it is doing.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The same socket that actix-web serves.
    socket: TcpStream,
    /// How many requests are being served, from the head to the end of the answer.
    serving: Cell<usize>,
    /// When the last one ended, or the connection began.
    idle_since: Cell<Instant>,
}

/// Notes where a new connection comes from and watches it, for `HttpServer::on_connect`.
pub(crate) fn watch(
    connection: &dyn Any,
    data: &mut Extensions,
    limit: impl Fn(Origin) -> Duration,
    entrance: Option<SocketAddr>,
) {
    let Some(stream) = connection.downcast_ref::<rt::net::TcpStream>() else {
        return;
    };
    let origin = Origin::of(stream, entrance);
    data.insert(origin);
    // Without a free descriptor there is no watch, and the connection is served all the same.
    let Ok(socket) = same_socket(stream) else {
        return;
    };
    let idle_since = Cell::new(Instant::now());
    let connection = Rc::new(Connection { socket, serving: Cell::new(0), idle_since });
    rt::spawn(close_when_idle(Rc::downgrade(&connection), limit(origin)));
    data.insert(connection);
}

#[cfg(unix)]
fn same_socket(stream: &rt::net::TcpStream) -> std::io::Result<TcpStream> {
    use std::os::fd::AsFd;
    stream.as_fd().try_clone_to_owned().map(TcpStream::from)
}

#[cfg(windows)]
fn same_socket(stream: &rt::net::TcpStream) -> std::io::Result<TcpStream> {
    use std::os::windows::io::AsSocket;
    stream.as_socket().try_clone_to_owned().map(TcpStream::from)
}

async fn close_when_idle(connection: Weak<Connection>, limit: Duration) {
    let mut wait = limit;
    loop {
        tokio::time::sleep(wait).await;
        let Some(connection) = connection.upgrade() else {
            return;
        };
        let idle = connection.idle_since.get().elapsed();
        wait = match connection.serving.get() {
            0 if idle >= limit => {
                // An error says that it is closed already.
                let _ = connection.socket.shutdown(Shutdown::Both);
                return;
            }
            0 => limit - idle,
            _ => limit,
        };
    }
}

/// What fits into the socket's buffer, in bytes.
const SMALL: u64 = 16 * 1024;

/// A request is being served for as long as this lives.
#[derive(Debug)]
pub(crate) struct Serving(Rc<Connection>);

impl Serving {
    pub(crate) fn new(connection: &Rc<Connection>) -> Self {
        connection.serving.set(connection.serving.get() + 1);
        Self(Rc::clone(connection))
    }

    /// Lives on until the answer's body has been sent or given up. A small one is as good as sent: it
    /// goes to the system at once.
    pub(crate) fn until_sent(self, body: BoxBody) -> BoxBody {
        match body.size() {
            BodySize::None | BodySize::Sized(0..=SMALL) => body,
            _ => BoxBody::new(Sent { body, _serving: self }),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.serving.set(self.0.serving.get().saturating_sub(1));
        self.0.idle_since.set(Instant::now());
    }
}

/// An answer's body, with the mark that its request is being served.
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
