//! The share server, and the links through it.

use std::time::Duration;

use tests::background::kills::LinkRoute;
use tests::program::Program;
use tests::share::{Terms, TestShareServer};

/// A share server that can be restarted.
pub(crate) struct SoakShareServer {
    /// `None` while it is away.
    server: Option<TestShareServer>,
    address: String,
    public: String,
}

impl SoakShareServer {
    pub(crate) fn start() -> Self {
        let server = TestShareServer::start(&Terms::default()).unwrap();
        let (address, public) = (server.address.to_string(), format!("http://{}", server.public));
        Self { server: Some(server), address, public }
    }

    /// The address that programs connect to.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// The way to a program through its link, if it has printed its public URL.
    pub(crate) fn route(&self, program: &Program) -> Option<LinkRoute> {
        let line = program.printed("* Running on public URL:")?;
        let host = line.rsplit("://").next()?.trim().to_owned();
        Some(LinkRoute { share_server: self.public.clone(), host })
    }

    /// Ends all links.
    pub(crate) fn expire(&self) {
        if let Some(server) = &self.server {
            server.expire();
        }
    }

    /// Stops the server, and starts it again after this time.
    pub(crate) fn restart(&mut self, after: Duration) {
        let Some(server) = self.server.take() else { return };
        self.server = Some(server.restart_after(after, &Terms::default()).unwrap());
    }
}
