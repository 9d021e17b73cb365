//! A small server of a test's own, on loopback.

use std::net::TcpListener;
use std::sync::mpsc;
use std::{io, thread};

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer, rt};

/// A server in a thread of its own. It runs until it is stopped or the process ends.
#[derive(Debug)]
pub struct LocalServer {
    /// Its URL, without a path.
    pub url: String,
    handle: ServerHandle,
    thread: thread::JoinHandle<io::Result<()>>,
}

impl LocalServer {
    /// Starts one on this port, or on a free one if it is 0.
    ///
    /// # Errors
    ///
    /// When the port is not free.
    pub fn start(
        port: u16,
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let url = format!("http://{}", listener.local_addr()?);
        let (sender, handle) = mpsc::channel();
        let thread = thread::spawn(move || {
            rt::System::new().block_on(async {
                let app = move || App::new().configure(configure.clone());
                let server =
                    HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run();
                let _ = sender.send(server.handle());
                server.await
            })
        });
        let handle = handle.recv().map_err(io::Error::other)?;
        Ok(Self { url, handle, thread })
    }

    /// Stops it, without waiting for its requests.
    pub fn stop(self) {
        // It stops although nobody waits for that.
        drop(self.handle.stop(false));
        let _ = self.thread.join();
    }
}
