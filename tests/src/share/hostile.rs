//! Share servers that don't do as they should.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_yamux::config::Config;
use tokio_yamux::session::Session;
use tokio_yamux::stream::StreamHandle;

use super::wire::{Encrypting, message, read};

/// What a server does to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malice {
    /// Takes the connection and says nothing.
    Silence,
    /// Closes the connection at once.
    Refusal,
    /// Sends bytes without any sense, without end.
    Garbage,
    /// Answers the login with a message that says it is very long.
    HugeLength,
    /// Answers the login with a frame of yamux that says it is very long.
    HugeFrame,
    /// Answers the login with a message of a type that nobody knows.
    UnknownType,
    /// Answers the login with text that is no JSON.
    NoJson,
    /// Refuses the login, with colours and lines for the terminal of whoever reads it.
    ColourfulRefusal,
    /// Opens a stream, where only the client may.
    UninvitedStream,
    /// Gives a URL that is none.
    BadUrl,
    /// Answers the login, and then nothing.
    HalfLogin,
    /// Gives a URL and asks for work connections without end.
    EndlessRequests,
    /// Gives a URL, then closes the connection.
    Flight,
}

/// A server with malice. It ends when it is dropped.
#[derive(Debug)]
pub struct HostileServer {
    /// Where clients connect.
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl HostileServer {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub fn start(malice: Malice) -> io::Result<Self> {
        let listener = StdListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel();
        let counter = Arc::clone(&connections);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serve = async move {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(harm(stream, malice));
            }
        };
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    ended = serve => drop::<io::Result<()>>(ended),
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { address, connections, stop: Some(stop), thread: Some(thread) })
    }

    /// How many connections there have been.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn harm(mut stream: TcpStream, malice: Malice) -> io::Result<()> {
    match malice {
        Malice::Silence => std::future::pending().await,
        Malice::Refusal => Ok(()),
        Malice::Garbage => loop {
            stream.write_all(&[0xa7; 4096]).await?;
        },
        Malice::HugeFrame => {
            let mut head = [0; 12];
            stream.read_exact(&mut head).await?;
            // Version 0, data, no flags, stream 1, four gigabytes.
            stream.write_all(b"\0\0\0\0\0\0\0\x01\xff\xff\xff\xff").await?;
            stream.write_all(&[0; 4096]).await?;
            std::future::pending().await
        }
        _ => multiplexed(stream, malice).await,
    }
}

async fn multiplexed(stream: TcpStream, malice: Malice) -> io::Result<()> {
    let mut session = Session::new_server(stream, Config::default());
    let Some(Ok(stream)) = session.next().await else {
        return Ok(());
    };
    if malice == Malice::UninvitedStream {
        let mut uninvited = session.open_stream().map_err(io::Error::other)?;
        uninvited.write_all(b"hello").await?;
    }
    let mut answering = tokio::spawn(answer(stream, malice));
    loop {
        tokio::select! {
            ended = &mut answering => return ended?,
            // Streams that the client opens are dropped unread.
            stream = session.next() => if stream.is_none() { return Ok(()) },
        }
    }
}

async fn answer(mut stream: StreamHandle, malice: Malice) -> io::Result<()> {
    read(&mut stream).await?;
    let say = |kind: u8, text: &Value| message(kind, text);
    let welcome = say(b'1', &json!({ "run_id": "session-1" }));
    let bytes = match malice {
        Malice::HugeLength => [b"1", &i64::MAX.to_be_bytes()[..], b"{}"].concat(),
        Malice::UnknownType => say(b'?', &json!({})),
        Malice::NoJson => b"1\0\0\0\0\0\0\0\x05hello".to_vec(),
        Malice::ColourfulRefusal => {
            say(b'1', &json!({ "error": "\u{1b}[31mred\nWarning: pay us".repeat(100) }))
        }
        _ => welcome,
    };
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    let (_reader, writer) = tokio::io::split(stream);
    let mut writer = Encrypting::new(writer);
    match malice {
        Malice::BadUrl => {
            let url = json!({ "remote_addr": "https://x\u{1b}[2J.localhost\nhttps://evil" });
            writer.write(&say(b'2', &url)).await?;
        }
        Malice::EndlessRequests => {
            writer.write(&say(b'2', &json!({ "remote_addr": "https://x.localhost" }))).await?;
            let requests = say(b'r', &json!({})).repeat(100);
            loop {
                writer.write(&requests).await?;
            }
        }
        Malice::Flight => {
            writer.write(&say(b'2', &json!({ "remote_addr": "https://x.localhost" }))).await?;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            return Ok(());
        }
        _ => {}
    }
    std::future::pending().await
}
