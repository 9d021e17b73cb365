//! The share link: the tunnel that needs nothing but this program.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::address::{self, Address, AddressError, TUNNEL_REQUEST};
use super::control::{Control, ControlError};
use super::identity::{Identity, Owner, Term};
use super::relay::{self, Route, Wanted};
use super::session::{Session, SessionError};
use super::transport::{self, TransportError};
use super::{OpenTunnel, Tunnel, TunnelEnd, TunnelError};
use crate::environment::Environment;
use crate::network::HttpProxy;

/// How long the first try may take: a person waits for it.
const FIRST_LIMIT: Duration = Duration::from_secs(8);

/// How long another try may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Why the link doesn't stand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the address of the share server could not be read from {url}: {source}")]
    Address { url: &'static str, source: AddressError },
    #[error("cannot connect to the share server {server}: {source}")]
    Transport { server: String, source: TransportError },
    #[error("the share server {server} opened no link: {source}")]
    Refused { server: String, source: EndError },
    #[error("the link through the share server {server} was lost: {source}")]
    Lost { server: String, source: EndError },
    #[error("{who} did not respond within {} s", .limit.as_secs())]
    Slow { who: String, limit: Duration },
    #[error("no secret name could be made: {0}")]
    Name(std::io::Error),
}

/// Why a session or its control stream ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// Which share server a link goes through.
#[derive(Clone, Debug)]
pub(crate) enum Through {
    /// That of gradio.live.
    Gradio,
    /// Another one.
    Own(Address),
}

/// A link through a share server.
pub(crate) struct ShareLink {
    through: Through,
    /// `http` or `https`, as its public URLs begin.
    scheme: &'static str,
    owner: Owner,
    /// From the first try on.
    identity: Option<Identity>,
    /// What the last session was called.
    run_id: Option<String>,
    limit: Duration,
}

impl ShareLink {
    pub(crate) fn new(through: Through, scheme: &'static str, owner: Owner) -> Self {
        let limit = FIRST_LIMIT;
        Self { through, scheme, owner, identity: None, run_id: None, limit }
    }

    async fn stand(&mut self, entrance: SocketAddr) -> Result<OpenTunnel, LinkError> {
        let limit = std::mem::replace(&mut self.limit, LIMIT);
        let deadline = Instant::now() + limit;
        let slow = |who: &str| LinkError::Slow { who: who.to_owned(), limit };

        let identity = match self.identity.take() {
            Some(identity) => identity,
            None => Identity::of(&self.owner).map_err(LinkError::Name)?,
        };
        let identity = self.identity.insert(identity);

        let address = match &self.through {
            Through::Own(address) => address.clone(),
            Through::Gradio => {
                let url = TUNNEL_REQUEST;
                let asked = timeout_at(deadline, address::ask(url, limit)).await;
                let asked = asked.map_err(|_| slow(url))?;
                asked.map_err(|source| LinkError::Address { url, source })?
            }
        };
        let server = format!("{}:{}", address.host, address.port);
        let failed = |source| LinkError::Transport { server: server.clone(), source };
        // The tunnel is no HTTP, as what goes to `https` URLs is none for a proxy.
        let proxy = HttpProxy::find(&Environment::default(), true, &address.host);
        let proxy = proxy.map_err(|error| failed(error.into()))?;
        let way =
            proxy.as_ref().map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
        let silent = |_| slow(&format!("the share server {server}{way}"));

        let connected = timeout_at(deadline, transport::connect(&address, proxy.as_ref())).await;
        let transport = connected.map_err(silent)?.map_err(failed)?;

        let (session, driver) = Session::start(transport);
        let mut driving = JoinSet::new();
        driving.spawn(driver);
        let wanted = Wanted::none();
        let publish = async {
            let stream = session.open().await.ok_or(None)?;
            let mut control =
                Control::log_in(stream, self.run_id.as_deref()).await.map_err(Some)?;
            // From now on: the server may have the URL for it, though its answer is lost.
            self.run_id = Some(control.run_id.clone()).filter(|id| !id.is_empty());
            let url = control.publish(identity.name.reveal(), &wanted).await;
            url.map(|url| (control, url)).map_err(Some)
        };
        let published = tokio::select! {
            // Why the session ended says more than that a stream of it did.
            biased;
            ended = ended(&mut driving) => {
                return Err(LinkError::Refused { server, source: ended.into() });
            }
            published = timeout_at(deadline, publish) => published.map_err(silent)?,
        };
        let (control, remote) = match published {
            Ok(published) => published,
            Err(None) => {
                return Err(LinkError::Refused { server, source: SessionError::Closed.into() });
            }
            Err(Some(source)) => return Err(LinkError::Refused { server, source: source.into() }),
        };

        let run_id: Arc<str> = control.run_id.as_str().into();
        let route = Route { run_id, entrance };
        let finish = CancellationToken::new();
        let finishing = finish.clone();
        let closed = async move {
            let lost =
                |source: EndError| TunnelEnd::Lost(LinkError::Lost { server, source }.into());
            // Heard to the end, as the share server ends everything with the control stream.
            let mut hearing = pin!(control.hear(&wanted));
            tokio::select! {
                biased;
                source = ended(&mut driving) => return lost(source.into()),
                error = &mut hearing => return match error {
                    ControlError::Expired => TunnelEnd::Expired,
                    source => lost(source.into()),
                },
                () = relay::serve(&session, &wanted, &route, &finishing) => {}
            }
            // With nobody left to open a stream, the session sends what it has and ends.
            drop(session);
            let source = ended(&mut driving).await;
            lost(source.into())
        };
        // huggingface/frp announces every URL with `https`, also where only HTTP is served.
        let remote = remote.split_once("://").map_or(remote.as_str(), |(_, rest)| rest);
        let mut open = OpenTunnel::new(format!("{}://{remote}", self.scheme), closed);
        open.finish = Some(finish);
        open.note = note(&identity.term, self.owner.renew);
        Ok(open)
    }
}

impl Tunnel for ShareLink {
    async fn open(&mut self, entrance: SocketAddr) -> Result<OpenTunnel, TunnelError> {
        Ok(self.stand(entrance).await?)
    }
}

/// How the driver of a session ended.
async fn ended(driving: &mut JoinSet<SessionError>) -> SessionError {
    match driving.join_next().await {
        Some(Ok(error)) => error,
        // It panicked, or was stopped.
        Some(Err(_)) | None => SessionError::Closed,
    }
}

/// What there is to say of a name's term.
fn note(term: &Term, renew: bool) -> Option<String> {
    match term {
        Term::Kept(_) => Some("It stays the same at every start.".to_owned()),
        Term::Taken => Some(format!(
            "Another process of this project has its URL{}. This one has a URL of its own, until it ends.",
            // Who wanted to be rid of the URL must know that it is still there.
            if renew { ", which is therefore not renewed" } else { "" }
        )),
        Term::Unkept { file, error } => Some(format!(
            "The next start will have another URL: this one's name cannot be kept in {}: {error}. \
             XDG_STATE_HOME can name another folder.",
            file.display()
        )),
        Term::Homeless => Some(
            "The next start will have another URL: there is no home folder to keep this one's name in. \
             XDG_STATE_HOME can name a folder."
                .to_owned(),
        ),
    }
}
