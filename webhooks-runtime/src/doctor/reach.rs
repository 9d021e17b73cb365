//! Judges the server's answers: whether its public URL can be reached, whether it has the same secret, and the same
//! version.

use super::commands::shell_word;
use super::finding::{Diagnosis, Finding, NO_URL};
use super::input::DoctorInput;
use super::probe::{EndpointProbe, ProbeAnswer};
use crate::registration::remembered::UrlKind;

/// The diagnosis of what needs an answer of the server.
const NO_ANSWER: Diagnosis = Diagnosis::Unchecked("the server did not answer");

pub(super) fn check_url(input: &DoctorInput, probes: &[EndpointProbe]) -> Diagnosis {
    let Some(public) = &input.public_url else {
        return Finding::new(
            "the public URL of the server is not known",
            "the Hub can send deliveries only to a public URL",
            input.command("doctor --public-url https://…"),
        )
        .into();
    };
    let url = &public.url;
    let findings = probes.iter().filter_map(|probe| match &probe.answer {
        ProbeAnswer::Accepted { .. } | ProbeAnswer::FormRejected | ProbeAnswer::OtherSecret => None,
        ProbeAnswer::Unreachable(reason) => {
            let (why, fix) = match public.kind {
                UrlKind::Tunnel => {
                    ("the share link works only while the server runs", input.command("--share"))
                }
                UrlKind::Fixed => (
                    "the Hub cannot deliver there either, unless only this machine is cut off",
                    "start the server, or correct --public-url".to_owned(),
                ),
            };
            let what = format!("{url} cannot be reached from here: {reason}");
            Some(Finding::new(what, why, fix))
        }
        ProbeAnswer::Foreign => Some(Finding::new(
            format!("another server responds at {url}"),
            "its answer is not that of a program of webhooks-runtime",
            "correct --public-url, or the proxy behind it",
        )),
        ProbeAnswer::Status(status) => {
            let what = format!("{} responds with status {status}", probe.url);
            Some(Finding::new(
                what,
                why_status(*status),
                "correct --public-url, or the proxy behind it",
            ))
        }
    });
    Diagnosis::of(findings.collect(), url.as_str())
}

fn why_status(status: u16) -> &'static str {
    match status {
        401 | 403 | 415 => {
            "the text is not that of a program of webhooks-runtime: another program seems to respond there"
        }
        300..=399 => "a delivery is not sent along a redirect",
        404 => {
            "the server has no such endpoint: it may be another program, or another version of this one"
        }
        500.. => "the server or a proxy before it does not work",
        _ => "a status other than 2xx makes a delivery fail",
    }
}

pub(super) fn check_secret(input: &DoctorInput, probes: &[EndpointProbe]) -> Diagnosis {
    if input.public_url.is_none() {
        return NO_URL;
    }
    let has_secret = |path: &str| {
        input.endpoints.iter().any(|endpoint| endpoint.path == path && endpoint.secret.is_some())
    };
    let findings: Vec<_> = probes
        .iter()
        .filter_map(|EndpointProbe { path, answer, .. }| match answer {
            ProbeAnswer::OtherSecret if !has_secret(path) => Some(Finding::new(
                format!("the server requires a secret for {path}, and this program has none here"),
                "so it cannot be compared with that of the webhook",
                "set WEBHOOK_SECRET to the secret of the server",
            )),
            ProbeAnswer::OtherSecret => Some(Finding::new(
                format!("the server has another secret for {path} than this program"),
                "it rejects the deliveries of webhooks that were registered with this one",
                "set WEBHOOK_SECRET to the same value here and for the server",
            )),
            _ => None,
        })
        .collect();
    let is_accepted = |probe: &&EndpointProbe| {
        matches!(probe.answer, ProbeAnswer::Accepted { .. } | ProbeAnswer::FormRejected)
    };
    let accepted = probes.iter().filter(is_accepted);
    match (findings.is_empty(), accepted.clone().count()) {
        (true, 0) => NO_ANSWER,
        (true, _) if accepted.clone().any(|probe| has_secret(&probe.path)) => {
            Diagnosis::Healthy("the same".to_owned())
        }
        (true, _) => Diagnosis::Healthy("none".to_owned()),
        _ => Diagnosis::Faulty(findings),
    }
}

/// Compares the versions. `space` is the id of the Space of the public URL, if it is one and the Hub knows it.
pub(super) fn check_version(
    input: &DoctorInput,
    probes: &[EndpointProbe],
    space: Option<&str>,
) -> Diagnosis {
    let Some(public) = &input.public_url else { return NO_URL };
    let fix = || match (space, public.kind) {
        (Some(space), _) => input.command(&format!("deploy {}", shell_word(space))),
        (None, UrlKind::Tunnel) => {
            format!("stop it, and start this version: {}", input.command("--share"))
        }
        (None, UrlKind::Fixed) => "start this version there".to_owned(),
    };
    let diagnosis = probes.iter().find_map(|probe| match &probe.answer {
        ProbeAnswer::Accepted { version: Some(version) } if *version == input.version => {
            Some(Diagnosis::Healthy(version.clone()))
        }
        ProbeAnswer::Accepted { version: Some(version) } => Some(
            Finding::new(
                format!("the server runs {version}, and this program is {}", input.version),
                "what you see here may differ from what runs there",
                fix(),
            )
            .into(),
        ),
        ProbeAnswer::FormRejected => Some(
            Finding::new(
                "the server runs an older version, which does not know `doctor`",
                "it has accepted the secret, and called no function",
                fix(),
            )
            .into(),
        ),
        _ => None,
    });
    let is_silent =
        |probe: &EndpointProbe| matches!(probe.answer, ProbeAnswer::Accepted { version: None });
    diagnosis.unwrap_or(match probes.iter().any(is_silent) {
        true => Diagnosis::Unchecked("without a secret, the server does not report its version"),
        false => NO_ANSWER,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::addresses::PublicUrl;
    use crate::doctor::webhooks::tests::endpoint;
    use crate::registration::endpoint::WebhookEndpoint;
    use crate::registration::remembered::ServerUrl;

    fn input(kind: UrlKind, endpoint: WebhookEndpoint) -> DoctorInput {
        let mut input = DoctorInput::for_test(Err("no token".to_owned()), vec![endpoint]);
        let url = PublicUrl::parse("https://me-bot.hf.space").unwrap();
        input.public_url = Some(ServerUrl { url, kind });
        input
    }

    /// Returns what was found about the URL, the secret and the version.
    fn found(input: &DoctorInput, answer: ProbeAnswer) -> [Option<String>; 3] {
        let path = "/webhooks/retrain".to_owned();
        let url = format!("https://me-bot.hf.space{path}");
        let probes = [EndpointProbe { path, url, answer }];
        let version = check_version(input, &probes, None);
        let reached = [check_url(input, &probes), check_secret(input, &probes), version];
        reached.map(|diagnosis| match diagnosis {
            Diagnosis::Faulty(findings) => Some(findings[0].what.clone()),
            Diagnosis::Healthy(_) | Diagnosis::Unchecked(_) => None,
        })
    }

    fn accepted(version: &str) -> ProbeAnswer {
        ProbeAnswer::Accepted { version: Some(version.to_owned()) }
    }

    #[test]
    fn a_server_that_accepts_the_secret_of_the_same_version_is_healthy() {
        let input = input(UrlKind::Fixed, endpoint());
        assert_eq!(found(&input, accepted(&input.version)), [None, None, None]);
    }

    #[test]
    fn a_server_that_does_not_tell_its_version_is_not_compared() {
        let input = input(UrlKind::Fixed, endpoint());
        let probe = |answer| {
            let path = "/webhooks/retrain".to_owned();
            EndpointProbe { path, url: String::new(), answer }
        };
        let silent = probe(ProbeAnswer::Accepted { version: None });
        let diagnosis = check_version(&input, std::slice::from_ref(&silent), None);
        assert!(matches!(diagnosis, Diagnosis::Unchecked(reason) if reason.contains("secret")));
        // Another endpoint has a secret.
        let diagnosis = check_version(&input, &[silent, probe(accepted(&input.version))], None);
        assert_eq!(diagnosis, Diagnosis::Healthy(input.version.clone()));
    }

    #[test]
    fn each_other_answer_is_one_finding() {
        let input = input(UrlKind::Fixed, endpoint());
        for (answer, at, what) in [
            (ProbeAnswer::Unreachable("no route".to_owned()), 0, "cannot be reached from here: no"),
            (ProbeAnswer::Foreign, 0, "another server responds at https://me-bot.hf.space"),
            (ProbeAnswer::Status(404), 0, "/webhooks/retrain responds with status 404"),
            (ProbeAnswer::Status(502), 0, "/webhooks/retrain responds with status 502"),
            (ProbeAnswer::Status(415), 0, "/webhooks/retrain responds with status 415"),
            (ProbeAnswer::Status(301), 0, "/webhooks/retrain responds with status 301"),
            (ProbeAnswer::OtherSecret, 1, "another secret for /webhooks/retrain than this program"),
            (accepted("1.1.0"), 2, "the server runs 1.1.0, and this program is 1.2.0 ("),
            (ProbeAnswer::FormRejected, 2, "the server runs an older version"),
        ] {
            let found = found(&input, answer.clone());
            for (index, finding) in found.iter().enumerate() {
                match finding {
                    Some(text) => assert!(index == at && text.contains(what), "{found:?}"),
                    None => assert_ne!(index, at, "{answer:?}"),
                }
            }
        }
    }

    #[test]
    fn a_secret_that_only_the_server_has_is_a_finding() {
        let endpoint = WebhookEndpoint { secret: None, ..endpoint() };
        let found = found(&input(UrlKind::Fixed, endpoint), ProbeAnswer::OtherSecret);
        assert!(found[1].as_ref().is_some_and(|text| text.contains("has none here")), "{found:?}");
    }

    #[test]
    fn a_share_link_that_is_closed_is_opened_by_the_server() {
        let input = input(UrlKind::Tunnel, endpoint());
        let answer = ProbeAnswer::Unreachable("no route".to_owned());
        let probe =
            EndpointProbe { path: "/webhooks/retrain".to_owned(), url: String::new(), answer };
        let Diagnosis::Faulty(findings) = check_url(&input, &[probe]) else { panic!() };
        assert_eq!(findings[0].fix, "my-bot --share");
    }

    #[test]
    fn an_unknown_url_is_one_finding() {
        let input = DoctorInput::for_test(Err("no token".to_owned()), vec![endpoint()]);
        assert!(matches!(check_url(&input, &[]), Diagnosis::Faulty(_)));
        assert_eq!(check_secret(&input, &[]), NO_URL);
        assert_eq!(check_version(&input, &[], None), NO_URL);
    }

    #[test]
    fn another_version_is_replaced_by_a_command_where_one_is_known() {
        let fix = |kind, space| {
            let path = "/webhooks/retrain".to_owned();
            let probe = EndpointProbe { path, url: String::new(), answer: accepted("1.1.0") };
            let Diagnosis::Faulty(findings) =
                check_version(&input(kind, endpoint()), &[probe], space)
            else {
                panic!()
            };
            findings[0].fix.clone()
        };
        assert_eq!(fix(UrlKind::Fixed, Some("me/bot")), "my-bot deploy me/bot");
        let share = "stop it, and start this version: my-bot --share";
        assert_eq!(fix(UrlKind::Tunnel, None), share);
        assert_eq!(fix(UrlKind::Fixed, None), "start this version there");
    }
}
