//! Opens share links: tunnels through a share server, which need no other program.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::control::{ControlError, ControlStream};
use super::discovery::{DISCOVERY_URL, DiscoveryError, ServerAddress, look_up};
use super::identity::{LinkIdentity, NameSlot, NameStorage};
use super::relay::{self, RelayRoute, WorkRequests};
use super::session::{SessionError, YamuxSession};
use super::transport::{self, ConnectError};
use super::tunnel::{OpenTunnel, Tunnel, TunnelEnd, TunnelError};
use crate::config::environment::Environment;
use crate::network::HttpProxy;

/// How long the first attempt may take, while a person waits for it.
const FIRST_LIMIT: Duration = Duration::from_secs(8);

/// How long each further attempt may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The error of a link that cannot be opened or is lost.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("cannot get the address of the share server from {url}: {source}")]
    Discovery { url: &'static str, source: DiscoveryError },
    #[error("cannot connect to the share server {server}: {source}")]
    Transport { server: String, source: ConnectError },
    #[error("cannot open a link through the share server {server}: {source}")]
    Rejected { server: String, source: EndError },
    #[error("the link through the share server {server} was lost: {source}")]
    Lost { server: String, source: EndError },
    #[error("{peer} did not respond within {} s", .limit.as_secs())]
    Timeout { peer: String, limit: Duration },
    #[error("cannot generate a name for the link: {0}")]
    Name(std::io::Error),
}

/// The reason why a session or its control stream ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// The share server that a link uses.
#[derive(Clone, Debug)]
pub(crate) enum ServerLocation {
    /// gradio.live's share server, whose address is looked up.
    Gradio,
    /// A custom share server.
    Custom(ServerAddress),
}

/// A tunnel through a share server.
pub(crate) struct ShareLink {
    location: ServerLocation,
    /// The scheme of the share server's public URLs, `http` or `https`.
    scheme: &'static str,
    slot: NameSlot,
    /// Loaded by the first attempt.
    identity: Option<LinkIdentity>,
    /// The id of the last session at the share server.
    run_id: Option<String>,
    limit: Duration,
}

impl ShareLink {
    /// Creates a link that is not open yet.
    pub(crate) fn new(location: ServerLocation, scheme: &'static str, slot: NameSlot) -> Self {
        Self { location, scheme, slot, identity: None, run_id: None, limit: FIRST_LIMIT }
    }

    async fn connect(&mut self, entrance: SocketAddr) -> Result<OpenTunnel, LinkError> {
        let limit = std::mem::replace(&mut self.limit, LIMIT);
        let deadline = Instant::now() + limit;
        let timed_out = |peer: &str| LinkError::Timeout { peer: peer.to_owned(), limit };

        let identity = match self.identity.take() {
            Some(identity) => identity,
            None => LinkIdentity::load(&self.slot).map_err(LinkError::Name)?,
        };
        let identity = self.identity.insert(identity);

        let address = match &self.location {
            ServerLocation::Custom(address) => address.clone(),
            ServerLocation::Gradio => {
                let url = DISCOVERY_URL;
                let found = timeout_at(deadline, look_up(url, limit)).await;
                let found = found.map_err(|_| timed_out(url))?;
                found.map_err(|source| LinkError::Discovery { url, source })?
            }
        };
        let server = format!("{}:{}", address.host, address.port);
        let failed = |source| LinkError::Transport { server: server.clone(), source };
        // To a proxy, the tunnel looks like an `https` URL: bytes that are not HTTP.
        let proxy = HttpProxy::find(&Environment::default(), true, &address.host);
        let proxy = proxy.map_err(|error| failed(error.into()))?;
        let via =
            proxy.as_ref().map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
        let silent = |_| timed_out(&format!("the share server {server}{via}"));

        let connected = timeout_at(deadline, transport::connect(&address, proxy.as_ref())).await;
        let transport = connected.map_err(silent)?.map_err(failed)?;

        let (session, driver) = YamuxSession::start(transport);
        let mut drivers = JoinSet::new();
        drivers.spawn(driver.boxed());
        let requests = WorkRequests::new();
        let request_url = async {
            let stream = session.open().await.ok_or(SessionError::Closed)?;
            let mut control = ControlStream::log_in(stream, self.run_id.as_deref()).await?;
            // Stored before the URL is requested: if its response is lost, the server still holds the URL
            // for this session, which the next login then replaces.
            self.run_id = Some(control.run_id.clone()).filter(|id| !id.is_empty());
            let url = control.request_url(identity.name.reveal(), &requests).await?;
            Ok((control, url))
        };
        let rejected = |source| LinkError::Rejected { server: server.clone(), source };
        let (control, url) = tokio::select! {
            // The reason why the session ended says more than the end of one of its streams.
            biased;
            reason = ended(&mut drivers) => return Err(rejected(reason.into())),
            response = timeout_at(deadline, request_url) => {
                response.map_err(silent)?.map_err(rejected)?
            }
        };
        // huggingface/frp announces every URL with `https`, even where it serves only HTTP.
        let url = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let drain = CancellationToken::new();
        let session = OpenSession { server, session, drivers, control, requests };
        let closed = session.relay(entrance, drain.clone());
        let mut open = OpenTunnel::new(format!("{}://{url}", self.scheme), closed);
        open.drain = Some(drain);
        open.note = Some(note(&identity.storage, self.slot.renew));
        Ok(open)
    }
}

impl Tunnel for ShareLink {
    async fn open(&mut self, entrance: SocketAddr) -> Result<OpenTunnel, TunnelError> {
        Ok(self.connect(entrance).await?)
    }
}

/// A session whose URL is open.
struct OpenSession {
    server: String,
    session: YamuxSession,
    /// The task that drives the session.
    drivers: JoinSet<SessionError>,
    control: ControlStream,
    requests: WorkRequests,
}

impl OpenSession {
    /// Relays connections to `entrance` until the link ends or is drained. Returns the reason.
    async fn relay(self, entrance: SocketAddr, drain: CancellationToken) -> TunnelEnd {
        let Self { server, session, mut drivers, control, requests } = self;
        let lost = |source: EndError| TunnelEnd::Lost(LinkError::Lost { server, source }.into());
        let route = RelayRoute { run_id: control.run_id.as_str().into(), entrance };
        // Runs while connections are drained, too: the share server ends them with the control stream.
        let mut control = pin!(control.run(&requests));
        tokio::select! {
            biased;
            reason = ended(&mut drivers) => return lost(reason.into()),
            reason = &mut control => return match reason {
                ControlError::Expired => TunnelEnd::Expired,
                reason => lost(reason.into()),
            },
            () = relay::serve(&session, &requests, &route, &drain) => {}
        }
        // Without handles, the session sends what is queued and ends.
        drop(session);
        lost(ended(&mut drivers).await.into())
    }
}

/// Waits for the end of a session's driver. Returns the reason.
async fn ended(drivers: &mut JoinSet<SessionError>) -> SessionError {
    match drivers.join_next().await {
        Some(Ok(error)) => error,
        // It panicked or was aborted.
        Some(Err(_)) | None => SessionError::Closed,
    }
}

/// Returns a note for the user about the lifetime of the URL.
fn note(storage: &NameStorage, renew: bool) -> String {
    match storage {
        NameStorage::File(_) => "It stays the same at every start.".to_owned(),
        NameStorage::InUse => {
            let renewal = if renew { ", so that URL was not renewed" } else { "" };
            format!(
                "Another process of this project is using its URL{renewal}. This process has a different URL \
                 until it stops."
            )
        }
        NameStorage::Unusable { file, error } => format!(
            "The URL will change at the next start: its name cannot be stored in {}: {error}. Set \
             XDG_STATE_HOME to another folder.",
            file.display()
        ),
        NameStorage::NoFolder => {
            let note = "The URL will change at the next start: there is no home folder to store its name in. \
                        Set XDG_STATE_HOME to a folder.";
            note.to_owned()
        }
    }
}
