//! The tunnel of a server: what it is made of, and what is said of it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::banner;
use crate::SettingError;
use crate::config::Settings;
use crate::endpoint::registry::Shown;
use crate::reach::{Addresses, Reach, ShareServer};
use crate::share::{Address, AnyTunnel, Event, Form, Owner, ShareLink, Through, folder, tls};

/// What is set about the tunnel in code alone.
#[derive(Default)]
pub(super) struct Link {
    /// One of the user's own.
    pub(super) tunnel: Option<Box<dyn AnyTunnel>>,
    pub(super) form: Form,
    /// What the share link's URL belongs to; the working directory when it isn't known.
    pub(super) project: Option<&'static str>,
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
    let (through, https) = match server {
        ShareServer::Gradio => (Through::Gradio, true),
        ShareServer::Own { host, port, certificate, https } => {
            let tls = match certificate.as_deref().map(trusted).transpose() {
                Ok(tls) => tls,
                Err(error) => {
                    errors.push(error);
                    return None;
                }
            };
            (Through::Own(Address { host: host.clone(), port: *port, tls }), *https)
        }
    };
    let project = match link.project {
        Some(project) => project.to_owned(),
        None => std::env::current_dir().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let owner = Owner { project, folder: folder(), renew };
    let scheme = if https { "https" } else { "http" };
    Some(Box::new(ShareLink::new(through, scheme, link.form, owner)))
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

/// What is said of the tunnel, and where to: standard output, then standard error.
pub(super) struct Announcer {
    pub(super) addresses: Addresses,
    pub(super) shown: Vec<Shown>,
}

impl Announcer {
    /// Keeps the public address up to date and gives what there is to say.
    pub(super) fn tell(&self, event: Event) -> Said {
        match event {
            Event::Open { url, note } => {
                let before = self.addresses.set_public(url.clone());
                if before.as_ref() == Some(&url) {
                    return Said::err(format!("The public URL works again: {url}\n"));
                }
                Said {
                    out: banner::public_url(&url, note.as_deref(), &self.shown),
                    err: banner::unprotected(&self.shown).unwrap_or_default(),
                }
            }
            Event::Failed(error) => {
                let local = self.addresses.local();
                Said {
                    err: banner::no_public_url(&one_line(&*error), local),
                    out: match self.addresses.public() {
                        Some(_) => String::new(),
                        None => banner::ready(local, &self.shown),
                    },
                }
            }
            Event::Lost(error) => Said::err(format!(
                "Warning: the public URL doesn't work: {}. It is being made again.\n",
                one_line(&*error)
            )),
            Event::Expired => Said::err(
                "The public URL has expired, as it does after some days. It is being made again.\n"
                    .to_owned(),
            ),
        }
    }
}

impl Announcer {
    /// Keeps the public address up to date and notes what happens in the log, for a program that has
    /// the screen for itself.
    pub(super) fn log(&self, event: Event) {
        match event {
            Event::Open { url, .. } => {
                tracing::info!(%url, "the public URL works");
                self.addresses.set_public(url);
            }
            Event::Failed(error) => {
                tracing::warn!(error = one_line(&*error), "there is no public URL yet");
            }
            Event::Lost(error) => {
                tracing::warn!(error = one_line(&*error), "the public URL doesn't work");
            }
            Event::Expired => tracing::warn!("the public URL has expired"),
        }
    }
}

/// What there is to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    fn err(err: String) -> Self {
        Self { err, out: String::new() }
    }
}

/// An error of a tunnel for the screen: in one line, however it was made.
pub(super) fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    for letter in error.to_string().chars().take(LONGEST_ERROR) {
        match letter {
            '\n' | '\t' => text.push(' '),
            control if control.is_control() => {
                let _ = write!(text, "{}", control.escape_default());
            }
            letter => text.push(letter),
        }
    }
    text.trim_end_matches(['.', ' ']).to_owned()
}
