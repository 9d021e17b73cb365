//! How others reach the server: not at all, at a URL that a proxy provides, or through a tunnel.

use std::path::PathBuf;

use actix_web::http::uri::Authority;

use crate::config::addresses::plain;
use crate::config::addresses::{NotAUrl, PublicUrl};
use crate::config::environment::{Environment, NotUnicode};
use crate::config::error::SettingError;
use crate::config::host::Host;
use crate::config::space::Space;

/// Whether this program can open a tunnel.
pub(crate) const CAN_SHARE: bool = cfg!(feature = "share");

/// How to expose the server, from one source of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExposureChoice {
    /// Through a tunnel, or not at all.
    Share(bool),
    /// At this URL.
    Url(String),
}

/// The exposure settings from one source: flags, code or environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartialExposure {
    pub(crate) choice: Option<ExposureChoice>,
    /// The share server, `host:port`.
    pub(crate) server: Option<String>,
    /// A PEM file with the certificates to trust for the share server's TLS.
    pub(crate) certificate: Option<PathBuf>,
    /// Whether the code brings its own tunnel.
    pub(crate) tunnel: bool,
    /// Whether the share link gets a new name, and with it a new URL.
    pub(crate) renew: bool,
}

/// How others reach the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// At the address that it listens on.
    Local,
    /// At this URL, which a proxy, another tunnel or the Space provides.
    At(PublicUrl),
    /// Through a share server, at a new URL or at the previous one.
    Link { server: ShareServer, renew: bool },
    /// Through the tunnel that the user's code brings.
    Tunnel,
}

/// A share server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ShareServer {
    /// The one of gradio.live, whose address is looked up.
    Gradio,
    /// Another one.
    Own {
        host: String,
        port: u16,
        /// The certificates for TLS. Without them, there is no TLS, and public URLs begin with `http`.
        certificate: Option<PathBuf>,
    },
}

impl PartialExposure {
    /// Reads the variables that a Gradio app reads.
    pub(crate) fn environment(environment: &Environment, errors: &mut Vec<SettingError>) -> Self {
        let choice = environment.switch("GRADIO_SHARE", errors).map(ExposureChoice::Share);
        let name = "GRADIO_SHARE_SERVER_ADDRESS";
        let server = environment.filled(name).unwrap_or_else(|NotUnicode| {
            errors.push(SettingError { name, wants: "text in UTF-8" });
            None
        });
        Self { choice, server, ..Self::default() }
    }

    /// Fills in from `weaker` what is not set here. The settings of a share server that isn't used are dropped with it.
    pub(crate) fn or(self, weaker: Self) -> Self {
        let (choice, renew) = (self.choice.or(weaker.choice), self.renew || weaker.renew);
        let chosen = self.server.is_some() || self.tunnel;
        if chosen && (weaker.server.is_some() || weaker.tunnel) {
            return Self { choice, renew, ..self };
        }
        Self {
            choice,
            renew,
            server: self.server.or(weaker.server),
            tunnel: self.tunnel || weaker.tunnel,
            certificate: self.certificate.or(weaker.certificate),
        }
    }

    /// Resolves the exposure. `by_default` is whether a tunnel is opened if no setting decides it.
    pub(crate) fn decide(
        self,
        host: &Host,
        by_default: bool,
        errors: &mut Vec<SettingError>,
    ) -> Exposure {
        let choice = self.choice.clone().unwrap_or(ExposureChoice::Share(by_default));
        match choice {
            ExposureChoice::Share(true) if CAN_SHARE && self.tunnel => Exposure::Tunnel,
            ExposureChoice::Share(true) if CAN_SHARE => {
                let renew = self.renew;
                let server = self.through(errors);
                server.map_or(Exposure::Local, |server| Exposure::Link { server, renew })
            }
            ExposureChoice::Share(_) => {
                let url = host.space.as_ref().and_then(Space::url);
                url.and_then(|url| PublicUrl::parse(&url).ok())
                    .map_or(Exposure::Local, Exposure::At)
            }
            ExposureChoice::Url(url) => PublicUrl::parse(&url).map_or_else(
                |NotAUrl| {
                    let wants = "an address like https://hooks.example.com";
                    errors.push(SettingError { name: "The public URL", wants });
                    Exposure::Local
                },
                Exposure::At,
            ),
        }
    }

    fn through(self, errors: &mut Vec<SettingError>) -> Option<ShareServer> {
        let Some(server) = self.server else {
            if self.certificate.is_some() {
                let wants = "given together with the address of a share server";
                let name = "The share server's certificate";
                errors.push(SettingError { name, wants });
            }
            return Some(ShareServer::Gradio);
        };
        let address: Option<Authority> = server.parse().ok().filter(plain);
        let address = address.and_then(|address| {
            // Brackets are for URLs.
            let host = address.host().trim_start_matches('[').trim_end_matches(']');
            Some((host.to_owned(), address.port_u16()?))
        });
        let Some((host, port)) = address else {
            let wants = "a host and a port, like share.example.com:7000";
            errors.push(SettingError { name: "The share server's address", wants });
            return None;
        };
        Some(ShareServer::Own { host, port, certificate: self.certificate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(given: PartialExposure, space: bool, by_default: bool) -> (Exposure, Vec<String>) {
        let variables = [("SPACE_ID", "me/bot"), ("SPACE_HOST", "me-bot.hf.space")];
        let host = match space {
            true => Host::detect(&Environment::from_iter(variables)),
            false => Host::with_terminal(&Environment::from_iter([])),
        };
        let mut errors = Vec::new();
        let exposure = given.decide(&host, by_default, &mut errors);
        (exposure, errors.iter().map(ToString::to_string).collect())
    }

    fn choice(choice: ExposureChoice) -> PartialExposure {
        PartialExposure { choice: Some(choice), ..PartialExposure::default() }
    }

    fn server(address: &str) -> PartialExposure {
        PartialExposure { server: Some(address.into()), ..PartialExposure::default() }
    }

    const GRADIO: Exposure = Exposure::Link { server: ShareServer::Gradio, renew: false };

    fn own(host: &str, port: u16) -> Exposure {
        let server = ShareServer::Own { host: host.into(), port, certificate: None };
        Exposure::Link { server, renew: false }
    }

    #[test]
    fn a_link_is_made_where_it_is_the_default() {
        let none = PartialExposure::default;
        assert_eq!(decide(none(), false, true).0, GRADIO);
        assert_eq!(decide(none(), false, false).0, Exposure::Local);
        let space = PublicUrl::parse("https://me-bot.hf.space").unwrap();
        assert_eq!(decide(none(), true, false).0, Exposure::At(space));
    }

    #[test]
    fn who_is_told_does_as_told() {
        let (on, off) = (choice(ExposureChoice::Share(true)), choice(ExposureChoice::Share(false)));
        assert_eq!(decide(on.clone(), true, true).0, GRADIO);
        assert_eq!(decide(on, false, false).0, GRADIO);
        assert_eq!(decide(off, false, true).0, Exposure::Local);
        let url = choice(ExposureChoice::Url("https://hooks.example.com:8443/bots/".into()));
        let at = PublicUrl::parse("https://hooks.example.com:8443/bots").unwrap();
        assert_eq!(decide(url, true, true).0, Exposure::At(at));
        assert_eq!(
            decide(choice(ExposureChoice::Url("x".into())), false, true).1,
            ["The public URL must be an address like https://hooks.example.com."]
        );
    }

    #[test]
    fn the_stronger_place_decides_and_a_server_keeps_its_certificate() {
        let weak = PartialExposure {
            choice: Some(ExposureChoice::Share(false)),
            certificate: Some("weak.pem".into()),
            ..server("weak.example:1")
        };
        let both = server("strong.example:2").or(weak.clone());
        assert_eq!(
            both,
            PartialExposure {
                choice: Some(ExposureChoice::Share(false)),
                ..server("strong.example:2")
            }
        );
        assert_eq!(choice(ExposureChoice::Share(true)).or(weak.clone()).server, weak.server);
        // A certificate that was given for any share server is never left out in silence.
        let certified =
            PartialExposure { certificate: Some("x.pem".into()), ..PartialExposure::default() };
        assert!(server("strong.example:2").or(certified).certificate.is_some());
        let tunnel = PartialExposure { tunnel: true, ..choice(ExposureChoice::Share(true)) };
        assert_eq!(decide(tunnel.clone().or(weak.clone()), false, true).0, Exposure::Tunnel);
        let over_tunnel = server("strong.example:2").or(tunnel);
        assert_eq!(decide(over_tunnel, false, true).0, own("strong.example", 2));
        let renew = PartialExposure { renew: true, ..PartialExposure::default() };
        assert!(matches!(decide(renew.or(weak), false, true).0, Exposure::Local));
    }

    #[test]
    fn the_environment_says_what_a_gradio_app_reads() {
        let read = |variables: &[(&'static str, &'static str)]| {
            let mut errors = Vec::new();
            let environment = Environment::from_iter(variables.iter().copied());
            (PartialExposure::environment(&environment, &mut errors), errors)
        };
        for (text, share) in [("True", true), ("1", true), ("false", false), ("off", false)] {
            assert_eq!(read(&[("GRADIO_SHARE", text)]).0, choice(ExposureChoice::Share(share)));
        }
        let address = [("GRADIO_SHARE", ""), ("GRADIO_SHARE_SERVER_ADDRESS", "10.0.0.1:7000")];
        assert_eq!(read(&address).0, server("10.0.0.1:7000"));
        let (given, errors) = read(&[("GRADIO_SHARE", "maybe")]);
        assert_eq!(given, PartialExposure::default());
        assert_eq!(errors[0].to_string(), "GRADIO_SHARE must be true or false.");
    }

    #[test]
    fn a_share_server_has_an_address_and_perhaps_a_certificate() {
        for good in ["share.example.com:7000", "[::1]:7000", "127.0.0.1:7000"] {
            assert_eq!(decide(server(good), false, true).1, <[&str; 0]>::default());
        }
        for bad in ["share.example.com", ":7000", "me@share.example.com:7000", "x:99999", "a b:1"] {
            assert_eq!(
                decide(server(bad), false, true).1,
                [
                    "The share server's address must be a host and a port, like share.example.com:7000."
                ],
                "{bad}"
            );
        }
        let alone =
            PartialExposure { certificate: Some("x.pem".into()), ..PartialExposure::default() };
        assert_eq!(decide(alone, false, true).1.len(), 1);
    }
}
