//! A share server that does as it should.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener as StdListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional_with_sizes, split,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_yamux::config::Config;
use tokio_yamux::session::Session;
use tokio_yamux::stream::StreamHandle;

use super::Terms;
use super::wire::{Decrypting, Encrypting, Login, NewProxy, message, read};

/// How long the internet waits for a work connection.
const WORK_LIMIT: Duration = Duration::from_secs(10);

/// What the server saw of its clients.
#[derive(Debug, Default)]
pub struct Seen {
    /// Each login.
    pub logins: Mutex<Vec<Login>>,
    /// Each request for a URL.
    pub proxies: Mutex<Vec<NewProxy>>,
    /// How many pings came.
    pub pings: AtomicUsize,
    /// Told when all links are to expire.
    pub(super) expire: Notify,
    /// Set when no ping is answered any more.
    pub(super) silent: AtomicBool,
}

impl Seen {
    /// The logins so far.
    #[must_use]
    pub fn logins(&self) -> Vec<Login> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The requests for a URL so far.
    #[must_use]
    pub fn proxies(&self) -> Vec<NewProxy> {
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A link that stands: a host name, and what serves it.
struct Link {
    renamed: String,
    wanted: mpsc::UnboundedSender<()>,
    work: AsyncMutex<mpsc::UnboundedReceiver<StreamHandle>>,
    permits: Semaphore,
}

type Links = Arc<Mutex<HashMap<String, Arc<Link>>>>;

pub(super) async fn serve(
    control: StdListener,
    outside: StdListener,
    terms: Terms,
    seen: Arc<Seen>,
) -> io::Result<()> {
    let links = Links::default();
    let tls = terms.tls.as_ref().map(|tls| TlsAcceptor::from(tls.server()));
    let (control, outside) = (TcpListener::from_std(control)?, TcpListener::from_std(outside)?);
    loop {
        tokio::select! {
            accepted = control.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                let (tls, links, seen) = (tls.clone(), Arc::clone(&links), Arc::clone(&seen));
                let most = terms.work_connections;
                tokio::spawn(async move {
                    match tls {
                        None => client(stream, most, &links, &seen).await,
                        Some(tls) => secure(stream, &tls, most, &links, &seen).await,
                    }
                });
            }
            accepted = outside.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                let links = Arc::clone(&links);
                tokio::spawn(async move { visitor(stream, &links).await });
            }
        }
    }
}

async fn secure(
    mut stream: TcpStream,
    tls: &TlsAcceptor,
    most: usize,
    links: &Links,
    seen: &Arc<Seen>,
) -> io::Result<()> {
    if stream.read_u8().await? != 0x17 {
        return Err(io::Error::other("no TLS"));
    }
    client(tls.accept(stream).await?, most, links, seen).await
}

/// Serves one client until its connection ends.
async fn client<S>(stream: S, most: usize, links: &Links, seen: &Arc<Seen>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut session = Session::new_server(stream, Config::default());
    let (offer, work) = mpsc::unbounded_channel();
    let mut work = Some(work);
    let mut controls = JoinSet::new();
    let host = Arc::new(Mutex::new(None));
    loop {
        let mut stream = tokio::select! {
            next = session.next() => match next {
                Some(Ok(stream)) => stream,
                _ => break,
            },
            Some(_) = controls.join_next() => break,
        };
        let Some(work) = work.take() else {
            let offer = offer.clone();
            tokio::spawn(async move {
                if let Ok((b'w', text)) = read(&mut stream).await
                    && text["run_id"] == "session-1"
                {
                    let _ = offer.send(stream);
                }
            });
            continue;
        };
        let (links, seen, host) = (Arc::clone(links), Arc::clone(seen), Arc::clone(&host));
        controls.spawn(async move { control(stream, most, work, &links, &seen, &host).await });
    }
    if let Some(host) = host.lock().unwrap_or_else(PoisonError::into_inner).take() {
        links.lock().unwrap_or_else(PoisonError::into_inner).remove(&host);
    }
    Ok(())
}

/// The control stream of a client.
async fn control(
    mut stream: StreamHandle,
    most: usize,
    work: mpsc::UnboundedReceiver<StreamHandle>,
    links: &Links,
    seen: &Seen,
    host: &Mutex<Option<String>>,
) -> io::Result<()> {
    let (kind, text) = read(&mut stream).await?;
    let login: Login = serde_json::from_value(text)?;
    if kind != b'o' || !login.is_proven() {
        return Err(io::Error::other("not a login"));
    }
    let pool = login.pool_count;
    seen.logins.lock().unwrap_or_else(PoisonError::into_inner).push(login);
    let welcome = json!({ "version": "0.44.0", "run_id": "session-1", "error": "" });
    stream.write_all(&message(b'1', &welcome)).await?;
    stream.flush().await?;

    let (reader, writer) = split(stream);
    let (mut reader, mut writer) = (Decrypting::new(reader), Encrypting::new(writer));
    // As the public server does, before anybody wants one.
    for _ in 0..pool {
        writer.write(&message(b'r', &json!({}))).await?;
    }
    let (wanted, mut wants) = mpsc::unbounded_channel();
    let mut work = Some(work);
    loop {
        let (kind, text) = tokio::select! {
            said = reader.message() => said?,
            Some(()) = wants.recv() => {
                writer.write(&message(b'r', &json!({}))).await?;
                continue;
            }
            () = seen.expire.notified() => {
                writer.write(&message(b'k', &json!({}))).await?;
                continue;
            }
        };
        match (kind, work.take()) {
            (b'p', Some(work)) => {
                let proxy: NewProxy = serde_json::from_value(text)?;
                if proxy.proxy_type != "http" || proxy.subdomain != "random" {
                    return Err(io::Error::other("another kind of URL"));
                }
                let digest = Sha256::digest(&proxy.proxy_name);
                let renamed: String =
                    digest.iter().take(9).map(|byte| format!("{byte:02x}")).collect();
                let name = format!("{renamed}.localhost");
                seen.proxies.lock().unwrap_or_else(PoisonError::into_inner).push(proxy);
                let link = Link {
                    renamed: renamed.clone(),
                    wanted: wanted.clone(),
                    work: AsyncMutex::new(work),
                    permits: Semaphore::new(most),
                };
                let taken = {
                    let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
                    let taken = links.contains_key(&name);
                    if !taken {
                        links.insert(name.clone(), Arc::new(link));
                    }
                    taken
                };
                let answer = if taken {
                    json!({ "proxy_name": renamed, "error": "router config conflict" })
                } else {
                    json!({ "proxy_name": renamed, "remote_addr": format!("https://{name}") })
                };
                if !taken {
                    *host.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
                }
                writer.write(&message(b'2', &answer)).await?;
            }
            (b'h', kept) if seen.silent.load(Ordering::Relaxed) => work = kept,
            (b'h', kept) => {
                work = kept;
                seen.pings.fetch_add(1, Ordering::Relaxed);
                writer.write(&message(b'4', &json!({}))).await?;
            }
            _ => return Err(io::Error::other("an unknown message")),
        }
    }
}

/// A connection from the internet.
async fn visitor(mut outside: TcpStream, links: &Links) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > 16_384 || outside.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let host = text.lines().find_map(|line| line.strip_prefix("host:")).unwrap_or_default();
    let host = host.trim().split(':').next().unwrap_or_default();
    let link = links.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned();
    let Some(link) = link else {
        return not_found(&mut outside).await;
    };
    let _permit = link.permits.acquire().await.map_err(io::Error::other)?;
    let work = async {
        link.wanted.send(()).ok()?;
        link.work.lock().await.recv().await
    };
    let Ok(Some(mut work)) = timeout(WORK_LIMIT, work).await else {
        return not_found(&mut outside).await;
    };
    let start = json!({ "proxy_name": link.renamed, "src_addr": "127.0.0.1", "src_port": 1 });
    work.write_all(&message(b's', &start)).await?;
    work.write_all(&head).await?;
    copy_bidirectional_with_sizes(&mut outside, &mut work, 8192, 8192).await?;
    Ok(())
}

async fn not_found(outside: &mut TcpStream) -> io::Result<()> {
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    outside.write_all(answer).await?;
    outside.shutdown().await
}
