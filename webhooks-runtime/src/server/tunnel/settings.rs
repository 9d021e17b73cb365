//! Builds the server's tunnel from its settings.

use std::fs;
use std::path::Path;

use crate::config::environment::Environment;
use crate::config::error::SettingError;
use crate::config::exposure::{Exposure, ShareServer};
use crate::config::settings::Settings;
use crate::network::HttpProxy;
use crate::share::{
    ClientTls, DISCOVERY_HOST, DynTunnel, NameSlot, ServerAddress, ServerLocation, ShareLink,
    client_tls, default_folder,
};
use crate::state::working_directory;

/// The settings of the tunnel that only code can set.
#[derive(Default)]
pub(in crate::server) struct TunnelOptions {
    /// A custom tunnel, which replaces the share link.
    pub(in crate::server) custom: Option<Box<dyn DynTunnel>>,
}

/// Builds the tunnel, if the settings ask for one. The share link's URL belongs to `project`. Invalid settings are added to `errors`.
pub(super) fn build(
    settings: &Settings,
    options: TunnelOptions,
    project: Option<String>,
    errors: &mut Vec<SettingError>,
) -> Option<Box<dyn DynTunnel>> {
    let (server, renew) = match &settings.exposure {
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
    let project = project.unwrap_or_else(working_directory);
    let slot = NameSlot { project, server: server_name, folder: default_folder(), renew };
    Some(Box::new(ShareLink::new(location, scheme, slot)))
}

/// Reads the certificates that connections to the share server trust.
fn read_certificate(file: &Path) -> Result<ClientTls, SettingError> {
    let name = "The share server's certificate";
    let unreadable = SettingError { name, wants: "a readable file" };
    let pem = fs::read(file).map_err(|_| unreadable)?;
    let wants = "a file with a certificate in PEM format";
    client_tls(&pem).map_err(|_| SettingError { name, wants })
}
