//! Checks the token: whether there is one, whether the Hub accepts it, and whether it may write.

use std::time::SystemTime;

use actix_web::http::header::HttpDate;
use serde_json::Value;

use super::clock::ClockReading;
use super::finding::{Diagnosis, Finding};
use super::input::DoctorInput;
use crate::hub::{Account, Hub, HubError};

/// The diagnosis of what needs the account: there may be no token, no network, or too many requests.
pub(super) const NO_ANSWER: Diagnosis =
    Diagnosis::Unchecked("the Hub was not asked for the account, or did not say which it is");

const LOGIN: &str = "hf auth login";

/// What the Hub says of the token.
pub(super) struct Whoami {
    pub(super) account: Account,
    /// `read`, `write` or `fineGrained`.
    role: Option<String>,
    pub(super) clock: Option<ClockReading>,
}

/// Asks the Hub for the account. `None` without a token.
pub(super) async fn ask(input: &DoctorInput) -> Option<Result<Whoami, HubError>> {
    match &input.hub {
        Ok(hub) => Some(whoami(hub).await),
        Err(_) => None,
    }
}

/// Not through `Hub::whoami`, which has neither the role nor the time.
async fn whoami(hub: &Hub) -> Result<Whoami, HubError> {
    let sent = SystemTime::now();
    let response = hub.request("GET", "/api/whoami-v2").send().await?;
    let received = SystemTime::now();
    let date = response.header("date").and_then(|date| date.parse::<HttpDate>().ok());
    let json: Value = response.json()?;
    Ok(Whoami {
        account: response.json()?,
        role: json.pointer("/auth/accessToken/role").and_then(Value::as_str).map(str::to_owned),
        clock: date.map(|date| ClockReading { hub: date.into(), sent, received }),
    })
}

pub(super) fn check(input: &DoctorInput, whoami: Option<&Result<Whoami, HubError>>) -> Diagnosis {
    let whoami = match (whoami, &input.hub) {
        (Some(Ok(whoami)), _) => whoami,
        (Some(Err(error)), _) => return rejected(error).into(),
        (None, Err(_)) if !input.is_watching() => {
            return Diagnosis::Unchecked("no endpoint has `watch`");
        }
        (None, hub) => {
            let reason = hub.as_ref().err().cloned().unwrap_or_default();
            let why = "without a token, the webhooks can be neither checked nor registered";
            return Finding::new(reason, why, LOGIN).into();
        }
    };
    let name = &whoami.account.name;
    if whoami.role.as_deref() == Some("read") && input.is_watching() {
        return Finding::new(
            format!("the token of {name} may only read"),
            "registration needs a token that may write webhooks",
            new_token(input),
        )
        .into();
    }
    Diagnosis::Healthy(match &whoami.role {
        Some(role) => format!("{name}, {role}"),
        None => name.clone(),
    })
}

fn rejected(error: &HubError) -> Finding {
    match error.status() {
        Some(401) => Finding::new(
            "the Hub rejects the token",
            "it has expired, was deleted, or is not complete",
            LOGIN,
        ),
        // It says nothing about the token.
        Some(429 | 500..) => Finding::new(
            error.to_string(),
            "without this answer, nothing can be checked on the Hub",
            "try again later",
        ),
        Some(_) => Finding::new(
            error.to_string(),
            "without this answer, nothing can be checked on the Hub",
            LOGIN,
        ),
        None => Finding::new(
            error.to_string(),
            "without this answer, nothing can be checked on the Hub",
            "check the network, and the variables HF_ENDPOINT and HTTPS_PROXY, or try again later",
        ),
    }
}

/// Returns where to create a token with other permissions.
pub(super) fn new_token(input: &DoctorInput) -> String {
    let hub = input.hub.as_ref().map_or("https://huggingface.co", Hub::address);
    format!("create a token at {hub}/settings/tokens, then {LOGIN}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::webhooks::tests::endpoint;
    use crate::testing::HubStub;

    async fn checked(stub: &HubStub) -> Diagnosis {
        let input = DoctorInput::for_test(Ok(stub.hub()), vec![endpoint()]);
        let whoami = ask(&input).await;
        check(&input, whoami.as_ref())
    }

    fn account(role: &str) -> Value {
        json!({ "name": "me", "id": "65d0", "auth": { "accessToken": { "role": role } } })
    }

    #[tokio::test]
    async fn a_token_that_may_write_is_healthy() {
        for role in ["write", "fineGrained"] {
            let stub = HubStub::new();
            stub.on("GET", "/api/whoami-v2").respond(account(role));
            assert_eq!(checked(&stub).await, Diagnosis::Healthy(format!("me, {role}")));
        }
    }

    #[tokio::test]
    async fn a_token_that_may_only_read_or_that_is_rejected_is_a_finding() {
        let read = HubStub::new();
        read.on("GET", "/api/whoami-v2").respond(account("read"));
        let rejected = HubStub::new();
        rejected.on("GET", "/api/whoami-v2").error(401, "Invalid username or password.");
        let failing = HubStub::new();
        failing.on("GET", "/api/whoami-v2").error(403, "Forbidden");
        for (stub, what) in [
            (read, "the token of me may only read"),
            (rejected, "the Hub rejects the token"),
            (failing, "GET /api/whoami-v2"),
        ] {
            let Diagnosis::Faulty(findings) = checked(&stub).await else { panic!("{what}") };
            assert!(findings[0].what.contains(what), "{findings:?}");
        }
    }

    #[tokio::test]
    async fn a_hub_that_cannot_be_asked_now_says_nothing_about_the_token() {
        for status in [429, 500, 503] {
            let stub = HubStub::new();
            stub.on("GET", "/api/whoami-v2").error(status, "Try later");
            let input = DoctorInput::for_test(Ok(stub.hub()), vec![endpoint()]);
            let whoami = whoami(&stub.hub()).await;
            let Diagnosis::Faulty(findings) = check(&input, Some(&whoami)) else { panic!() };
            assert_eq!(findings[0].fix, "try again later");
        }
        let (call, reason) = ("GET /api/whoami-v2".to_owned(), "no route".to_owned());
        let offline = rejected(&HubError::NoResponse { call, reason });
        assert!(offline.fix.ends_with("or try again later"), "{offline:?}");
    }

    #[tokio::test]
    async fn a_missing_token_is_a_finding_only_where_webhooks_are_registered() {
        let without = |endpoints| DoctorInput::for_test(Err("no token".to_owned()), endpoints);
        let input = without(vec![endpoint()]);
        assert!(matches!(check(&input, ask(&input).await.as_ref()), Diagnosis::Faulty(_)));
        let input = without(Vec::new());
        assert!(matches!(check(&input, ask(&input).await.as_ref()), Diagnosis::Unchecked(_)));
    }

    #[tokio::test]
    async fn the_time_of_the_hub_is_that_of_its_response() {
        let stub = HubStub::new();
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        stub.on("GET", "/api/whoami-v2").respond(account("write")).header("Date", date);
        let whoami = whoami(&stub.hub()).await.unwrap();
        let seconds = whoami.clock.unwrap().hub.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(seconds.as_secs(), 784_111_777);
    }
}
