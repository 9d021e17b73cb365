//! A stand-in for a reverse proxy: it passes requests on and says for whom.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A proxy in front of a server of this machine, for as long as the runtime runs.
///
/// # Errors
///
/// When there is no free port.
pub async fn in_front_of(server: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, server));
        }
    });
    Ok(address)
}

/// Passes one request on, with the headers that proxies add. Each has a connection of its own, so that
/// none goes without.
async fn pass_on(mut client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let (first, headers) = head.split_once("\r\n").unwrap_or_default();
    let is_kept = |line: &&str| !line.to_ascii_lowercase().starts_with("connection:");
    let headers: String = headers
        .trim_end()
        .split("\r\n")
        .filter(is_kept)
        .map(|line| format!("{line}\r\n"))
        .collect();
    let added = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: http\r\nConnection: close\r\n";
    let mut server = TcpStream::connect(server).await?;
    server.write_all(format!("{first}\r\n{headers}{added}\r\n").as_bytes()).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
