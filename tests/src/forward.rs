//! What stands between a program and the internet in a company's network: a proxy that opens connections
//! to hosts by their names, and servers with certificates of their own authority behind it.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::share::certificates::Certificates;

/// What was said to a server, in its order.
type Notes = Arc<Mutex<Vec<String>>>;

fn noted(notes: &Notes) -> Vec<String> {
    notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn note(notes: &Notes, text: &str) {
    notes.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
}

/// A proxy that knows the method CONNECT and some hosts. It runs until the process ends.
#[derive(Debug)]
pub struct ForwardProxy {
    /// Where it listens.
    pub address: SocketAddr,
    targets: Notes,
}

impl ForwardProxy {
    /// Starts one that connects each host with an address of this machine, and wants these credentials,
    /// `user:password`, if there are any.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub fn start(hosts: &[(&str, SocketAddr)], credentials: Option<&str>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let hosts: HashMap<_, _> =
            hosts.iter().map(|(host, address)| ((*host).to_owned(), *address)).collect();
        let authorization =
            credentials.map(|it| format!("Proxy-Authorization: Basic {}", STANDARD.encode(it)));
        let (hosts, authorization) = (Arc::new(hosts), Arc::new(authorization));
        let targets = Notes::default();
        let notes = Arc::clone(&targets);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (hosts, authorization) = (Arc::clone(&hosts), Arc::clone(&authorization));
                let notes = Arc::clone(&notes);
                thread::spawn(move || connect(client, &hosts, authorization.as_deref(), &notes));
            }
        });
        Ok(Self { address, targets })
    }

    /// The URL for the variables, with these credentials.
    #[must_use]
    pub fn url(&self, credentials: Option<&str>) -> String {
        let credentials = credentials.map(|it| format!("{it}@")).unwrap_or_default();
        format!("http://{credentials}{}", self.address)
    }

    /// The hosts and ports that it was asked for, `host:port`.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        noted(&self.targets)
    }
}

fn connect(
    mut client: TcpStream,
    hosts: &HashMap<String, SocketAddr>,
    authorization: Option<&str>,
    notes: &Notes,
) -> io::Result<()> {
    let head = read_head(&mut client)?;
    let target = head.split(' ').nth(1).unwrap_or_default();
    note(notes, target);
    let host = target.rsplit_once(':').unwrap_or_default().0;
    let rejection = match (authorization, hosts.get(host)) {
        _ if !head.starts_with("CONNECT ") => "405 Method Not Allowed",
        (Some(line), _) if !head.split("\r\n").any(|it| it == line) => {
            "407 Proxy Authentication Required"
        }
        (_, None) => "502 Bad Gateway",
        (_, Some(address)) => {
            let server = TcpStream::connect(address)?;
            client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 tests\r\n\r\n")?;
            let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
            let outward = thread::spawn(move || carry(&mut from, &mut to));
            carry(&mut { server }, &mut client)?;
            return outward.join().unwrap_or(Ok(()));
        }
    };
    client.write_all(format!("HTTP/1.1 {rejection}\r\nContent-Length: 0\r\n\r\n").as_bytes())
}

fn carry(from: &mut TcpStream, to: &mut TcpStream) -> io::Result<()> {
    io::copy(from, to)?;
    to.shutdown(std::net::Shutdown::Write)
}

fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// A server that has one response to each request, over TLS. It runs until the process ends.
#[derive(Debug)]
pub struct HttpsServer {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Notes,
}

impl HttpsServer {
    /// Starts one that responds with this JSON.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub fn start(certificates: &Certificates, json: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (config, json, requests) = (certificates.server(), json.to_owned(), Notes::default());
        let notes = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // An error says that the client didn't like the certificate.
                let _ = respond(stream, &config, &json, &notes);
            }
        });
        Ok(Self { address, requests })
    }

    /// The requests so far, with their bodies.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        noted(&self.requests)
    }
}

fn respond(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    json: &str,
    notes: &Notes,
) -> io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let head = read_head(&mut stream)?;
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    note(notes, &(head + &String::from_utf8_lossy(&body)));
    let length = json.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{json}"
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}
