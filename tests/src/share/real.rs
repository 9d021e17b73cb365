//! The public share server, where a test is given one.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::certificates::Certificates;
use crate::client::PATIENCE;

/// A server that runs. It is ended when it is dropped.
#[derive(Debug)]
pub(super) struct ServerProcess {
    pub(super) program: PathBuf,
    child: Child,
    _settings: TempDir,
}

impl ServerProcess {
    pub(super) fn start(
        program: PathBuf,
        address: SocketAddr,
        public: SocketAddr,
        tls: Option<&Certificates>,
    ) -> io::Result<Self> {
        let mut text = format!(
            "[common]\nbind_addr = {host}\nproxy_bind_addr = {host}\nbind_port = {}\n\
             vhost_http_port = {}\nsubdomain_host = localhost\ntcp_mux = true\n",
            address.port(),
            public.port(),
            host = address.ip(),
        );
        if let Some(tls) = tls {
            let file = |name: &str| tls.folder().join(name).display().to_string();
            text += &format!(
                "tls_only = true\ntls_cert_file = {}\ntls_key_file = {}\n",
                file("server.pem"),
                file("server.key")
            );
        }
        let settings = tempfile::tempdir()?;
        let file = settings.path().join("settings.ini");
        std::fs::write(&file, text)?;
        let child = Command::new(&program)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let process = Self { program, child, _settings: settings };
        let deadline = Instant::now() + PATIENCE;
        while [address, public].iter().any(|address| TcpStream::connect(address).is_err()) {
            if Instant::now() > deadline {
                return Err(io::Error::other("the public share server doesn't start"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(process)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
