//! The tunnel of a server: what it is made of, and what is said of it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::banner;
use super::output::Stream;
use crate::SettingError;
use crate::addresses::Addresses;
use crate::config::Settings;
use crate::endpoint::registry::EndpointInfo;
use crate::environment::Environment;
use crate::network::HttpProxy;
use crate::reach::{Reach, ShareServer};
use crate::share::{
    Address, AnyTunnel, Event, Owner, ShareLink, TUNNEL_REQUEST_HOST, Through, folder, keep, tls,
};
use crate::text::in_one_line;

/// What is set about the tunnel in code alone.
#[derive(Default)]
pub(super) struct Link {
    /// One of the user's own.
    pub(super) tunnel: Option<Box<dyn AnyTunnel>>,
    /// What the share link's URL belongs to; the working directory when it isn't known.
    pub(super) project: Option<String>,
    /// Whether the process is the server's own, so that its limits may be changed for the tunnel.
    pub(super) own_process: bool,
}

/// The tunnel that the settings ask for.
pub(super) fn tunnel(
    settings: &Settings,
    link: Link,
    errors: &mut Vec<SettingError>,
) -> Option<Box<dyn AnyTunnel>> {
    let (server, renew) = match &settings.reach {
        Reach::Local | Reach::At(_) => return None,
        Reach::Tunnel => return link.tunnel,
        Reach::Link { server, renew } => (server, *renew),
    };
    let (through, scheme, at) = match server {
        ShareServer::Gradio => (Through::Gradio, "https", "gradio.live".to_owned()),
        ShareServer::Own { host, port, certificate } => {
            let tls = match certificate.as_deref().map(trusted).transpose() {
                Ok(tls) => tls,
                Err(error) => {
                    errors.push(error);
                    return None;
                }
            };
            let address = Address { host: host.clone(), port: *port, tls };
            // A server that has a certificate for the one side has one for the other.
            let scheme = if certificate.is_some() { "https" } else { "http" };
            (Through::Own(address), scheme, format!("{host}:{port}"))
        }
    };
    let host = match &through {
        Through::Gradio => TUNNEL_REQUEST_HOST,
        Through::Own(address) => &address.host,
    };
    if let Ok(Some(proxy)) = HttpProxy::find(&Environment::default(), true, host) {
        tracing::info!(%proxy, "the share link goes through a proxy");
    }
    let project = match link.project {
        Some(project) => project,
        None => std::env::current_dir().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let owner = Owner { project, server: at, folder: folder(), renew };
    Some(Box::new(ShareLink::new(through, scheme, owner)))
}

fn trusted(certificate: &Path) -> Result<crate::share::Tls, SettingError> {
    let name = "The share server's certificate";
    let unread = SettingError { name, wants: "a file that can be read" };
    let pem = fs::read(certificate).map_err(|_| unread)?;
    let wants = "a file with a certificate in PEM";
    tls(&pem).map_err(|_| SettingError { name, wants })
}

/// How much of an error's text is shown, in characters.
const LONGEST_ERROR: usize = 300;

/// What is said of the tunnel.
pub(super) struct Announcer {
    pub(super) addresses: Addresses,
    pub(super) shown: Vec<EndpointInfo>,
}

impl Announcer {
    /// Keeps the public address up to date and gives what there is to say, in this order.
    pub(super) fn tell(&self, event: Event) -> Vec<(Stream, String)> {
        match event {
            Event::Open { url, note } => {
                let before = self.addresses.set_public(url.clone());
                if before.as_ref() == Some(&url) {
                    return vec![(Stream::Err, format!("The public URL works again: {url}\n"))];
                }
                let mut said =
                    vec![(Stream::Out, banner::public_url(&url, note.as_deref(), &self.shown))];
                said.extend(banner::unprotected(&self.shown).map(|text| (Stream::Err, text)));
                said
            }
            Event::Failed(error) => {
                let local = self.addresses.local();
                let warning = banner::no_public_url(&one_line(&*error), local);
                vec![(Stream::Err, warning), (Stream::Out, banner::waiting(local, &self.shown))]
            }
            Event::Lost(error) => vec![(
                Stream::Err,
                format!(
                    "Warning: the public URL does not work at the moment: {}. The program keeps trying to restore it.\n",
                    one_line(&*error)
                ),
            )],
            Event::Expired => {
                vec![(Stream::Err,
                "The public URL has expired, as it does after some days. The program is opening it again.\n"
                    .to_owned(),
            )]
            }
        }
    }

    /// Keeps the public address up to date and notes what happens in the log, for a program that has
    /// the screen for itself.
    pub(super) fn log(&self, event: Event) {
        match event {
            Event::Open { url, note } => {
                tracing::info!(%url, note, "the public URL works");
                if self.addresses.set_public(url).is_none() {
                    for open in self.shown.iter().filter(|shown| !shown.protected) {
                        tracing::warn!(
                            endpoint = open.path,
                            "anyone who knows the public URL can call this endpoint, because no secret is set"
                        );
                    }
                }
            }
            Event::Failed(error) => {
                tracing::warn!(error = one_line(&*error), "there is no public URL yet");
            }
            Event::Lost(error) => {
                tracing::warn!(
                    error = one_line(&*error),
                    "the public URL does not work at the moment"
                );
            }
            Event::Expired => tracing::warn!("the public URL has expired"),
        }
    }
}

/// A tunnel that is kept open. It is closed when this is dropped.
pub(super) struct Kept {
    task: JoinSet<()>,
    stop: CancellationToken,
}

impl Kept {
    pub(super) fn open(
        tunnel: Box<dyn AnyTunnel>,
        entrance: SocketAddr,
        report: impl Fn(Event) + Send + Sync + 'static,
    ) -> Self {
        let (mut task, stop) = (JoinSet::new(), CancellationToken::new());
        task.spawn(keep(tunnel, entrance, stop.clone(), report));
        Self { task, stop }
    }

    /// Closes the tunnel when the answers that were given to it have gone out, or at `deadline`.
    pub(super) async fn finish(mut self, deadline: Instant) {
        self.stop.cancel();
        let _ = timeout_at(deadline, self.task.join_next()).await;
    }
}

/// An error of a tunnel for the screen: in one line, however it was made.
pub(super) fn one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let cut: String = text.chars().take(LONGEST_ERROR).collect();
    in_one_line(&cut.replace(['\n', '\t'], " ")).trim_end_matches(['.', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_of_plain_text() {
        let error = |text: &str| one_line(&*Box::<dyn std::error::Error>::from(text));
        assert_eq!(error("it broke."), "it broke");
        assert_eq!(error("a\nWarning: b\tc\u{1b}[31m"), "a Warning: b c\\u{1b}[31m");
        assert_eq!(error(&"x".repeat(1000)).len(), LONGEST_ERROR);
    }
}
