//! Finds out why no deliveries arrive: examines the token, the webhooks on the Hub, the public URL, the store, the clock
//! and the Space. Changes nothing, and runs no function.
//!
//! Each check turns what it has seen into a [`Diagnosis`], in a file of its own: `token`, `clock`, `webhooks`, `reach`
//! (the public URL, the secret and the version), `store` and `space`. `finding` has the types, `input` is what the checks
//! know of the program, `probe` asks the server through its public URL, and `commands` writes commands to copy.

mod clock;
mod commands;
mod finding;
mod input;
mod left_alone;
mod probe;
mod reach;
mod space;
mod store;
mod token;
mod webhooks;

use self::probe::EndpointProbe;

pub(crate) use commands::invocation;
pub(crate) use finding::{CheckReport, Diagnosis, Finding};
pub(crate) use input::DoctorInput;

/// Makes all checks.
pub(crate) async fn examine(input: &DoctorInput) -> Vec<CheckReport> {
    let whoami = token::ask(input).await;
    let account = whoami.as_ref().and_then(|whoami| whoami.as_ref().ok());
    // Before the probes: they would wake a Space that sleeps, and hide why nothing arrives.
    let space = space::check(input, account).await;
    let probes = if space.is_running { Some(probe::ask_all(input).await) } else { None };
    let reach = |check: &dyn Fn(&DoctorInput, &[EndpointProbe]) -> Diagnosis| match &probes {
        Some(probes) => check(input, probes),
        None => Diagnosis::Unchecked("the Space does not run"),
    };
    let check_version = |input: &DoctorInput, probes: &[EndpointProbe]| {
        reach::check_version(input, probes, space.id.as_deref())
    };
    let diagnoses = [
        ("settings", input.settings()),
        ("token", token::check(input, whoami.as_ref())),
        ("clock", account.map_or(token::NO_ANSWER, |it| clock::check(it.clock.as_ref()))),
        ("webhooks", webhooks::check(input, account).await),
        ("public URL", reach(&reach::check_url)),
        ("secret", reach(&reach::check_secret)),
        ("version", reach(&check_version)),
        ("store", store::check(input)),
        ("space", space.diagnosis),
    ];
    diagnoses.map(|(check, diagnosis)| CheckReport { check, diagnosis }).into()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, ErrorKind, Write};
    use std::net::TcpListener;

    use serde_json::json;

    use super::*;
    use crate::config::addresses::PublicUrl;
    use crate::http::authorize::FORM_REJECTED;
    use crate::registration::remembered::{ServerUrl, UrlKind};
    use crate::testing::HubStub;

    /// Returns a server that answers each request like an older version, and its URL.
    fn older_server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let mut head = BufReader::new(&connection).lines().map(Result::unwrap);
                while head.next().is_some_and(|line| !line.is_empty()) {}
                let body = json!({ "error": FORM_REJECTED }).to_string();
                let head = format!("HTTP/1.1 415 X\r\nContent-Length: {}\r\n", body.len());
                write!(connection, "{head}Connection: close\r\n\r\n{body}").unwrap();
            }
        });
        url
    }

    #[tokio::test]
    async fn an_older_version_on_a_space_is_replaced_by_deploy() {
        let url = PublicUrl::parse(&older_server()).unwrap();
        let stub = HubStub::new();
        let info = json!({ "id": "me/bot", "sdk": "docker", "runtime": { "stage": "RUNNING" } });
        stub.on("GET", "/api/spaces/me/bot").respond(info);
        stub.on("GET", "/api/settings/webhooks").respond(json!([]));
        let mut input = DoctorInput::for_test(Ok(stub.hub()), vec![webhooks::tests::endpoint()]);
        let url = ServerUrl { url, kind: UrlKind::Fixed };
        (input.public_url, input.space) = (Some(url), Some("me/bot".to_owned()));
        let reports = examine(&input).await;
        let version = reports.iter().find(|report| report.check == "version").unwrap();
        let Diagnosis::Faulty(findings) = &version.diagnosis else { panic!("{reports:?}") };
        assert_eq!(findings[0].fix, "my-bot deploy me/bot");
    }

    #[tokio::test]
    async fn a_space_that_sleeps_is_not_woken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let url = ServerUrl { url: PublicUrl::parse(&url).unwrap(), kind: UrlKind::Fixed };
        let stub = HubStub::new();
        let info = json!({ "id": "me/bot", "sdk": "docker", "runtime": { "stage": "SLEEPING" } });
        stub.on("GET", "/api/spaces/me/bot").respond(info);
        stub.on("GET", "/api/settings/webhooks").respond(json!([]));
        let mut input = DoctorInput::for_test(Ok(stub.hub()), vec![webhooks::tests::endpoint()]);
        (input.public_url, input.space) = (Some(url), Some("me/bot".to_owned()));

        let reports = examine(&input).await;
        let of = |name| &reports.iter().find(|report| report.check == name).unwrap().diagnosis;
        assert!(matches!(of("space"), Diagnosis::Faulty(_)), "{reports:?}");
        for name in ["public URL", "secret", "version"] {
            assert!(matches!(of(name), Diagnosis::Unchecked(_)), "{reports:?}");
        }
        let called = listener.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(called, Err(ErrorKind::WouldBlock));
    }
}
