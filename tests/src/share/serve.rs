//! A share server that does as it should.

use std::collections::HashMap;
use std::io::{self, Read, Write};
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
use tokio_util::io::SyncIoBridge;
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
    /// How many bytes came over work connections that are encrypted or compressed.
    carried: AtomicUsize,
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

    /// How many bytes came over work connections that are encrypted or compressed.
    #[must_use]
    pub fn carried(&self) -> usize {
        self.carried.load(Ordering::Relaxed)
    }

    /// The requests for a URL so far.
    #[must_use]
    pub fn proxies(&self) -> Vec<NewProxy> {
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A link that stands: a host name, and what serves it.
struct Link {
    proxy: NewProxy,
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
                let (links, seen) = (Arc::clone(&links), Arc::clone(&seen));
                tokio::spawn(async move { visitor(stream, &links, &seen).await });
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
                seen.proxies.lock().unwrap_or_else(PoisonError::into_inner).push(proxy.clone());
                let link = Link {
                    proxy,
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
async fn visitor(mut outside: TcpStream, links: &Links, seen: &Seen) -> io::Result<()> {
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
    match (link.proxy.use_encryption, link.proxy.use_compression) {
        (false, false) => {
            work.write_all(&head).await?;
            copy_bidirectional_with_sizes(&mut outside, &mut work, 8192, 8192).await?;
            Ok(())
        }
        (encrypted, compressed) => wrapped(outside, work, head, encrypted, compressed, seen).await,
    }
}

async fn not_found(outside: &mut TcpStream) -> io::Result<()> {
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    outside.write_all(answer).await?;
    outside.shutdown().await
}

/// Carries a connection whose bytes are encrypted, compressed or both: compressed first.
async fn wrapped(
    outside: TcpStream,
    work: StreamHandle,
    head: Vec<u8>,
    encrypted: bool,
    compressed: bool,
    seen: &Seen,
) -> io::Result<()> {
    let (mut from_outside, mut to_outside) = outside.into_split();
    let (from_client, to_client) = split(work);
    // Snappy's crate reads and writes while it blocks, so pipes and threads lie between.
    let (to_decoder, decoder) = tokio::io::duplex(8192);
    let (mut from_decoder, decoded) = tokio::io::duplex(8192);
    let (mut to_encoder, encoder) = tokio::io::duplex(8192);
    let (encoded, from_encoder) = tokio::io::duplex(8192);

    let mut decoder = SyncIoBridge::new(decoder);
    let mut decoded = SyncIoBridge::new(decoded);
    let decode = tokio::task::spawn_blocking(move || {
        let mut reader: Box<dyn Read> = if compressed {
            Box::new(snap::read::FrameDecoder::new(&mut decoder))
        } else {
            Box::new(&mut decoder)
        };
        io::copy(&mut reader, &mut decoded)?;
        decoded.shutdown()
    });
    let mut encoder = SyncIoBridge::new(encoder);
    let mut encoded = SyncIoBridge::new(encoded);
    let encode = tokio::task::spawn_blocking(move || {
        let mut buffer = [0; 4096];
        let mut compressor = snap::write::FrameEncoder::new(Vec::new());
        loop {
            let read = encoder.read(&mut buffer)?;
            if read == 0 {
                return encoded.shutdown();
            }
            if compressed {
                compressor.write_all(&buffer[..read])?;
                compressor.flush()?;
                encoded.write_all(&std::mem::take(compressor.get_mut()))?;
            } else {
                encoded.write_all(&buffer[..read])?;
            }
            encoded.flush()?;
        }
    });

    let mut to_decoder = to_decoder;
    let inward = async {
        let mut reader = Decrypting::new(from_client);
        let mut buffer = [0; 4096];
        loop {
            let read = if encrypted {
                match reader.read(&mut buffer).await {
                    // Nothing at all was said.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
                    read => read?,
                }
            } else {
                reader.plain(&mut buffer).await?
            };
            if read == 0 {
                return to_decoder.shutdown().await;
            }
            seen.carried.fetch_add(read, Ordering::Relaxed);
            to_decoder.write_all(&buffer[..read]).await?;
        }
    };
    let mut from_encoder = from_encoder;
    let outward = async {
        let mut writer = Encrypting::new(to_client);
        let mut buffer = [0; 4096];
        loop {
            let read = from_encoder.read(&mut buffer).await?;
            match (read, encrypted) {
                (0, _) => return writer.end().await,
                (_, true) => writer.write(&buffer[..read]).await?,
                (_, false) => writer.plain(&buffer[..read]).await?,
            }
        }
    };
    let feed = async {
        to_encoder.write_all(&head).await?;
        tokio::io::copy(&mut from_outside, &mut to_encoder).await?;
        to_encoder.shutdown().await
    };
    let drain = async {
        tokio::io::copy(&mut from_decoder, &mut to_outside).await?;
        to_outside.shutdown().await
    };
    tokio::try_join!(inward, outward, feed, drain)?;
    decode.await??;
    encode.await?
}
