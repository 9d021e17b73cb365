//! Checks the token: whether there is one, whether the Hub accepts it, and whether it may write.

use std::collections::BTreeSet;
use std::time::SystemTime;

use actix_web::http::header::HttpDate;
use serde_json::Value;

use super::clock::ClockReading;
use super::commands::login;
use super::finding::{Diagnosis, Finding};
use super::input::DoctorInput;
use crate::hub::{Account, Hub, HubError};

/// The diagnosis of what needs the account: there may be no token, no network, or too many requests.
pub(super) const NO_ANSWER: Diagnosis =
    Diagnosis::Unchecked("the Hub was not asked for the account, or did not say which it is");

/// The permission that a fine-grained token needs for registration: see
/// <https://huggingface.co/docs/hub/security-tokens>.
const WRITE_WEBHOOKS: &str = "user.webhooks.write";

/// Why a token that may only read is not enough.
const NEED: &str = "registration needs a token that may write webhooks";

/// What the Hub says of the token.
pub(super) struct Whoami {
    pub(super) account: Account,
    /// `read`, `write` or `fineGrained`.
    role: Option<String>,
    /// The permissions of a fine-grained token, for any repo or account; `None` if the Hub does not say.
    permissions: Option<BTreeSet<String>>,
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
        permissions: json.pointer("/auth/accessToken/fineGrained").and_then(permissions),
        clock: date.map(|date| ClockReading { hub: date.into(), sent, received }),
    })
}

/// Returns all permissions of a fine-grained token. `None` if they have another form than today.
fn permissions(token: &Value) -> Option<BTreeSet<String>> {
    let global = token.get("global").and_then(Value::as_array).into_iter().flatten();
    let scoped = token.get("scoped")?.as_array()?.iter().map(|scope| scope.get("permissions"));
    let scoped: Vec<_> = scoped.map(|it| it?.as_array()).collect::<Option<_>>()?;
    let all = global.chain(scoped.into_iter().flatten());
    all.map(|permission| Some(permission.as_str()?.to_owned())).collect()
}

pub(super) fn check(input: &DoctorInput, whoami: Option<&Result<Whoami, HubError>>) -> Diagnosis {
    let whoami = match (whoami, &input.hub) {
        (Some(Ok(whoami)), _) => whoami,
        (Some(Err(error)), _) => return rejected(error, input).into(),
        (None, Err(_)) if !input.is_watching() => {
            return Diagnosis::Unchecked("no endpoint has `watch`");
        }
        (None, hub) => {
            let reason = hub.as_ref().err().cloned().unwrap_or_default();
            let why = "without a token, the webhooks can be neither checked nor registered";
            return Finding::new(reason, why, another_token(input)).into();
        }
    };
    let name = &whoami.account.name;
    let lacks_webhooks = |all: &BTreeSet<String>| !all.contains(WRITE_WEBHOOKS);
    if input.is_watching() && whoami.role.as_deref() == Some("read") {
        let what = format!("the token of {name} may only read");
        return Finding::new(what, NEED, another_token(input)).into();
    }
    if input.is_watching() && whoami.permissions.as_ref().is_some_and(lacks_webhooks) {
        let what = format!("the token of {name} lacks the permission {WRITE_WEBHOOKS}");
        let fix = format!("add the permission to the token at {}", tokens_page(input));
        return Finding::new(what, NEED, fix).into();
    }
    Diagnosis::Healthy(match &whoami.role {
        Some(role) => format!("{name}, {role}"),
        None => name.clone(),
    })
}

fn rejected(error: &HubError, input: &DoctorInput) -> Finding {
    let unanswered = |fix: &str| {
        let why = "without this answer, nothing can be checked on the Hub";
        Finding::new(error.to_string(), why, fix)
    };
    match error.status() {
        Some(401) => Finding::new(
            "the Hub rejects the token",
            "it has expired, was deleted, or is not complete",
            another_token(input),
        ),
        // It says nothing about the token.
        Some(429 | 500..) => unanswered("try again later"),
        Some(_) => unanswered(&another_token(input)),
        None => unanswered(
            "check the network, and the variables HF_ENDPOINT and HTTPS_PROXY, or try again later",
        ),
    }
}

/// Returns how to use a token with other permissions. `HF_TOKEN` overrides that of a login.
pub(super) fn another_token(input: &DoctorInput) -> String {
    let page = tokens_page(input);
    match login().filter(|_| !input.token_in_variable) {
        Some(login) => format!("create a token at {page}, and enter it after {login}"),
        None => format!("create a token at {page}, and set HF_TOKEN to it"),
    }
}

/// Returns the page of the account's tokens.
fn tokens_page(input: &DoctorInput) -> String {
    let hub = input.hub.as_ref().map_or("https://huggingface.co", Hub::address);
    format!("{hub}/settings/tokens")
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
    async fn a_fine_grained_token_needs_the_permission_to_write_webhooks() {
        let user = json!({ "_id": "65d0", "type": "user", "name": "me" });
        let scoped = |permissions: Value| json!([{ "entity": user, "permissions": permissions }]);
        for (token, is_healthy) in [
            (json!({ "scoped": scoped(json!(["user.webhooks.read", WRITE_WEBHOOKS])) }), true),
            (json!({ "scoped": [], "global": [WRITE_WEBHOOKS] }), true),
            (json!({ "scoped": scoped(json!(["repo.write", "user.webhooks.read"])) }), false),
            (json!({ "scoped": [], "global": ["discussion.write"] }), false),
            // Of another form than today: not judged.
            (json!({}), true),
            (json!({ "scoped": scoped(json!([{ "name": "repo.write" }])) }), true),
            (json!({ "scoped": [{ "entity": user }] }), true),
        ] {
            let mut whoami = account("fineGrained");
            whoami["auth"]["accessToken"]["fineGrained"] = token.clone();
            let stub = HubStub::new();
            stub.on("GET", "/api/whoami-v2").respond(whoami);
            match checked(&stub).await {
                Diagnosis::Healthy(_) => assert!(is_healthy, "{token}"),
                Diagnosis::Faulty(findings) => {
                    assert!(!is_healthy, "{token}");
                    let what = "the token of me lacks the permission user.webhooks.write";
                    assert_eq!(findings[0].what, what);
                    assert!(findings[0].fix.ends_with("https://hub.test/settings/tokens"));
                }
                Diagnosis::Unchecked(_) => panic!("{token}"),
            }
        }
    }

    #[test]
    fn a_token_in_the_variable_is_replaced_there() {
        let mut input = DoctorInput::for_test(Err("no token".to_owned()), Vec::new());
        input.token_in_variable = true;
        let fix = another_token(&input);
        assert_eq!(
            fix,
            "create a token at https://huggingface.co/settings/tokens, and set HF_TOKEN to it"
        );
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
        let input = DoctorInput::for_test(Err("no token".to_owned()), Vec::new());
        let offline = rejected(&HubError::NoResponse { call, reason }, &input);
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
