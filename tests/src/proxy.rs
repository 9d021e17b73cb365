//! Reverse proxies: a stand-in that says for whom it passes a request on, and an nginx.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::client::PATIENCE;
use crate::program::{Program, fail};

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

/// An nginx that runs in `folder` with these lines in its one `server`, and its URL. It adds nothing to
/// requests that the lines don't ask for.
///
/// # Panics
///
/// When it doesn't start.
#[must_use]
pub fn nginx(folder: &Path, lines: &str) -> (Program, String) {
    let here = folder.to_string_lossy();
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
    let address = port.unwrap_or_else(|error| fail(&error.to_string()));
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String =
        temporary.iter().map(|name| format!("{name}_temp_path {here}/{name};\n")).collect();
    let whole = format!(
        "daemon off;\nmaster_process off;\npid {here}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}server {{\nlisten {address};\n{lines}\n}}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, whole).unwrap_or_else(|error| fail(&error.to_string()));
    let arguments = ["-p", &here, "-e", "stderr", "-c", &file.to_string_lossy()];
    // Where Debian has nginx, which not every user's PATH names.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let program = Program::start(Path::new("/usr/sbin/nginx"), &arguments, &[("PATH", &path)]);
    let program = program.unwrap_or_else(|error| fail(&format!("nginx doesn't start: {error}")));
    let deadline = std::time::Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(address).is_err() {
        if std::time::Instant::now() > deadline {
            fail("nginx doesn't listen");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    (program, format!("http://{address}"))
}
