//! Builds the server's tunnel from its settings, runs it, and announces its state.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::banner;
use super::output::Stream;
use crate::config::addresses::Addresses;
use crate::config::environment::Environment;
use crate::config::error::SettingError;
use crate::config::exposure::{Exposure, ShareServer};
use crate::config::settings::Settings;
use crate::endpoint::registry::EndpointInfo;
use crate::network::HttpProxy;
use crate::share::{
    ClientTls, DISCOVERY_HOST, DynTunnel, NameSlot, ServerAddress, ServerLocation, ShareLink,
    TunnelEvent, client_tls, default_folder, keep_open,
};
use crate::text::in_one_line;

/// The settings of the tunnel that only code can set.
#[derive(Default)]
pub(super) struct TunnelOptions {
    /// A custom tunnel, in place of the share link.
    pub(super) custom: Option<Box<dyn DynTunnel>>,
    /// The project that the share link's URL belongs to. `None` stands for the working directory.
    pub(super) project: Option<String>,
    /// Whether the process belongs to the server, so that the server may raise its limit of open files.
    pub(super) own_process: bool,
}

/// Returns the tunnel that the settings ask for.
pub(super) fn build(
    settings: &Settings,
    options: TunnelOptions,
    errors: &mut Vec<SettingError>,
) -> Option<Box<dyn DynTunnel>> {
    let (server, renew) = match &settings.reach {
        Exposure::Local | Exposure::At(_) => return None,
        Exposure::Tunnel => return options.custom,
        Exposure::Link { server, renew } => (server, *renew),
    };
    let (location, scheme, server_name) = match server {
        ShareServer::Gradio => (ServerLocation::Gradio, "https", "gradio.live".to_owned()),
        ShareServer::Own { host, port, certificate } => {
            let tls = match certificate.as_deref().map(read_certificate).transpose() {
                Ok(tls) => tls,
                Err(error) => {
                    errors.push(error);
                    return None;
                }
            };
            let address = ServerAddress { host: host.clone(), port: *port, tls };
            // A share server that has a certificate is assumed to use it for its public URLs, too.
            let scheme = if certificate.is_some() { "https" } else { "http" };
            (ServerLocation::Custom(address), scheme, format!("{host}:{port}"))
        }
    };
    let host = match &location {
        ServerLocation::Gradio => DISCOVERY_HOST,
        ServerLocation::Custom(address) => &address.host,
    };
    if let Ok(Some(proxy)) = HttpProxy::find(&Environment::default(), true, host) {
        tracing::info!(%proxy, "the share link goes through a proxy");
    }
    let project = match options.project {
        Some(project) => project,
        None => std::env::current_dir().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let slot = NameSlot { project, server: server_name, folder: default_folder(), renew };
    Some(Box::new(ShareLink::new(location, scheme, slot)))
}

/// Reads the certificates that connections to the share server trust.
fn read_certificate(file: &Path) -> Result<ClientTls, SettingError> {
    let name = "The share server's certificate";
    let unreadable = SettingError { name, wants: "a file that can be read" };
    let pem = fs::read(file).map_err(|_| unreadable)?;
    let wants = "a file with a certificate in PEM";
    client_tls(&pem).map_err(|_| SettingError { name, wants })
}

/// How much of an error's text is printed, in characters.
const LONGEST_ERROR: usize = 300;

/// Announces the tunnel's state, and stores the public address.
pub(super) struct Announcer {
    pub(super) addresses: Addresses,
    pub(super) shown: Vec<EndpointInfo>,
}

impl Announcer {
    /// Stores the public address, and returns the texts to print, in order.
    pub(super) fn texts(&self, event: TunnelEvent) -> Vec<(Stream, String)> {
        match event {
            TunnelEvent::Open { url, note } => {
                let before = self.addresses.set_public(url.clone());
                if before.as_ref() == Some(&url) {
                    return vec![(Stream::Err, format!("The public URL works again: {url}\n"))];
                }
                let mut texts =
                    vec![(Stream::Out, banner::public_url(&url, note.as_deref(), &self.shown))];
                texts.extend(banner::unprotected(&self.shown).map(|text| (Stream::Err, text)));
                texts
            }
            TunnelEvent::Failed(error) => {
                let local = self.addresses.local();
                let warning = banner::no_public_url(&one_line(&*error), local);
                vec![(Stream::Err, warning), (Stream::Out, banner::waiting(local, &self.shown))]
            }
            TunnelEvent::Lost(error) => vec![(
                Stream::Err,
                format!(
                    "Warning: the public URL does not work at the moment: {}. The program keeps trying to restore it.\n",
                    one_line(&*error)
                ),
            )],
            TunnelEvent::Expired => {
                vec![(Stream::Err,
                "The public URL has expired, as it does after some days. The program is opening it again.\n"
                    .to_owned(),
            )]
            }
        }
    }

    /// Stores the public address and logs the event, for a program that controls its own output.
    pub(super) fn log(&self, event: TunnelEvent) {
        match event {
            TunnelEvent::Open { url, note } => {
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
            TunnelEvent::Failed(error) => {
                tracing::warn!(error = one_line(&*error), "there is no public URL yet");
            }
            TunnelEvent::Lost(error) => {
                tracing::warn!(
                    error = one_line(&*error),
                    "the public URL does not work at the moment"
                );
            }
            TunnelEvent::Expired => tracing::warn!("the public URL has expired"),
        }
    }
}

/// The task that keeps a tunnel open. Dropping it closes the tunnel.
pub(super) struct TunnelTask {
    task: JoinSet<()>,
    stop: CancellationToken,
}

impl TunnelTask {
    /// Opens a tunnel to `entrance` and reports its state.
    pub(super) fn open(
        tunnel: Box<dyn DynTunnel>,
        entrance: SocketAddr,
        report: impl Fn(TunnelEvent) + Send + Sync + 'static,
    ) -> Self {
        let (mut task, stop) = (JoinSet::new(), CancellationToken::new());
        task.spawn(keep_open(tunnel, entrance, stop.clone(), report));
        Self { task, stop }
    }

    /// Closes the tunnel when all responses are sent, or at `deadline`.
    pub(super) async fn shut_down(mut self, deadline: Instant) {
        self.stop.cancel();
        let _ = timeout_at(deadline, self.task.join_next()).await;
    }
}

/// Formats the error of a tunnel as one line of plain text.
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
