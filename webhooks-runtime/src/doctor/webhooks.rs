//! Compares the webhooks on the Hub with the endpoints, as `webhooks sync` does, and changes nothing.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::finding::{Diagnosis, Finding, NO_URL};
use super::input::DoctorInput;
use super::left_alone::left_alone;
use super::token::{NO_ANSWER, Whoami, another_token};
use crate::endpoint::short;
use crate::hub::{Hub, HubError, WebhookSpec};
use crate::registration::plan::{
    EnableReason, LeaveReason, PlanInput, PlannedStep, RegistrationMode, StepAction, WebhookChange,
};
use crate::registration::plan_beside_others;
use crate::registration::remembered::{RememberedWebhooks, ServerUrl};
use crate::state::StateError;

#[derive(Debug, thiserror::Error)]
enum PlanError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    State(#[from] StateError),
}

pub(super) async fn check(input: &DoctorInput, whoami: Option<&Whoami>) -> Diagnosis {
    if !input.is_watching() {
        return Diagnosis::Unchecked("no endpoint has `watch`");
    }
    let (Ok(hub), Some(whoami)) = (&input.hub, whoami) else { return NO_ANSWER };
    let Some(url) = &input.public_url else { return NO_URL };
    match planned(input, hub, url).await {
        Ok(steps) => {
            let findings = steps.iter().flat_map(|step| findings(step, input)).collect();
            let without_watch = StepAction::LeaveAlone(LeaveReason::NoWatch);
            let count = steps.iter().filter(|step| step.action != without_watch).count();
            Diagnosis::of(findings, format!("{count} enabled"))
        }
        Err(error) => unreadable(input, &error, &whoami.account.name).into(),
    }
}

/// Returns what `webhooks sync` would do.
async fn planned(
    input: &DoctorInput,
    hub: &Hub,
    url: &ServerUrl,
) -> Result<Vec<PlannedStep>, PlanError> {
    let account = hub.webhooks().await?;
    let now = SystemTime::now();
    let mut remembered = RememberedWebhooks::load(&*input.state).await?;
    remembered.claim_created(&account, now);
    let plan = PlanInput {
        endpoints: input.endpoints.clone().into(),
        public_url: url.clone(),
        account: account.into(),
        remembered,
        mode: RegistrationMode::Sync,
        now,
        running: BTreeSet::new(),
    };
    Ok(plan_beside_others(plan, None, &*input.state).await?.steps)
}

fn unreadable(input: &DoctorInput, error: &PlanError, account: &str) -> Finding {
    match error {
        PlanError::Hub(error) if error.status() == Some(403) => Finding::new(
            format!("the token may not read the webhooks of {account}"),
            "registration needs a token that may write webhooks",
            another_token(input),
        ),
        error => Finding::new(
            error.to_string(),
            "without this answer, nothing can be checked on the Hub",
            input.command("doctor"),
        ),
    }
}

/// Returns what is wrong with the webhook of an endpoint.
fn findings(step: &PlannedStep, input: &DoctorInput) -> Vec<Finding> {
    let path = &step.path;
    let id = step.id.as_deref().unwrap_or_default();
    let webhook = format!("the webhook {id} of {path}");
    let enable = || input.command(&format!("webhooks enable {}", short(path)));
    let paused = || {
        let why = "the server has disabled it when it was stopped, and enables it when it starts";
        Finding::new(format!("{webhook} is disabled"), why, input.command("--register"))
    };
    let suspended = || {
        Finding::new(
            format!("the Hub has suspended {webhook}"),
            "its deliveries failed again and again, and the Hub sends no more until it is enabled",
            enable(),
        )
    };
    let enabling = |reason: &EnableReason| match reason {
        EnableReason::Suspended => suspended(),
        EnableReason::Paused => paused(),
    };
    match &step.action {
        StepAction::Create(spec) => vec![missing(path, spec, input)],
        StepAction::Update { changes, enables, .. } => {
            let changed = changes.iter().filter_map(|change| changed(&webhook, change, input));
            changed.chain(enables.as_ref().map(enabling)).collect()
        }
        StepAction::Enable(reason) => vec![enabling(reason)],
        StepAction::Adopt | StepAction::Unchanged { paused: false } => Vec::new(),
        StepAction::Unchanged { paused: true } => vec![paused()],
        StepAction::LeaveAlone(LeaveReason::DisabledByPerson | LeaveReason::PauseUnconfirmed) => {
            let why = "a person or a program has disabled it, so the Hub sends it nothing";
            vec![Finding::new(format!("{webhook} is disabled"), why, enable())]
        }
        StepAction::LeaveAlone(reason) => left_alone(step, reason, input).into_iter().collect(),
    }
}

fn missing(path: &str, spec: &WebhookSpec, input: &DoctorInput) -> Finding {
    let watched: Vec<_> = spec.watched.iter().map(ToString::to_string).collect();
    Finding::new(
        format!("{path} has no webhook"),
        format!("nothing lets the Hub send the events of {} to it", watched.join(", ")),
        input.command("webhooks sync"),
    )
}

/// Returns the finding of a difference. A secret that is only not known may be right.
fn changed(webhook: &str, change: &WebhookChange, input: &DoctorInput) -> Option<Finding> {
    let why = match change {
        WebhookChange::Url { .. } => "its deliveries go to the other URL",
        WebhookChange::Watched { .. } => "the Hub sends only events of the repos that it watches",
        WebhookChange::Domains { .. } => "the Hub sends only events of its domains",
        WebhookChange::Secret(secret) if secret.is_known() => {
            "the server rejects deliveries without its secret"
        }
        WebhookChange::Secret(_) => return None,
    };
    let what = format!("{webhook} differs from the program: {change}");
    Some(Finding::new(what, why, input.command("webhooks sync")))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::addresses::PublicUrl;
    use crate::doctor::token;
    use crate::hub::{WatchedItem, WebhookDomain};
    use crate::registration::endpoint::{WebhookEndpoint, WebhookSecret};
    use crate::registration::remembered::{RememberedWebhook, UrlKind};
    use crate::testing::HubStub;

    const PATH: &str = "/webhooks/retrain";

    /// An endpoint with `watch` and a secret.
    pub(in crate::doctor) fn endpoint() -> WebhookEndpoint {
        WebhookEndpoint {
            path: PATH.to_owned(),
            watched: vec![WatchedItem::from("dataset:me/data")],
            domains: vec![WebhookDomain::Repo],
            secret: Some(WebhookSecret::new("hush")),
            secret_is_new: false,
        }
    }

    fn webhook() -> Value {
        json!({
            "id": "w1",
            "url": "https://me-bot.hf.space/webhooks/retrain",
            "watched": [{ "type": "dataset", "name": "me/data" }],
            "domains": ["repo"],
            "hasSecret": true,
            "disabled": false,
        })
    }

    /// Returns the diagnosis of an account with this webhook, to which `sent` was sent.
    async fn checked(webhook: &Value, sent: &str) -> Diagnosis {
        let stub = HubStub::new();
        stub.on("GET", "/api/settings/webhooks").respond(json!([webhook]));
        let mut input = DoctorInput::for_test(Ok(stub.hub()), vec![endpoint()]);
        let url = PublicUrl::parse("https://me-bot.hf.space").unwrap();
        input.public_url = Some(ServerUrl { url, kind: UrlKind::Fixed });
        let remembered = RememberedWebhook::new("w1", PATH, UrlKind::Fixed, Some(sent));
        let insert = |all: &mut RememberedWebhooks| all.insert("w1", remembered);
        RememberedWebhooks::change(&*input.state, insert).await.unwrap();
        let whoami = token::ask(&input).await.unwrap().unwrap();
        let diagnosis = check(&input, Some(&whoami)).await;
        let changes = stub.calls().into_iter().filter(|call| call.method != "GET").count();
        assert_eq!(changes, 0);
        diagnosis
    }

    #[tokio::test]
    async fn a_webhook_as_the_endpoint_needs_it_is_healthy() {
        assert_eq!(checked(&webhook(), "hush").await, Diagnosis::Healthy("1 enabled".to_owned()));
    }

    #[tokio::test]
    async fn each_fault_of_a_webhook_is_a_finding_with_its_command() {
        let with = |key: &str, value: Value| {
            let mut webhook = webhook();
            webhook[key] = value;
            webhook
        };
        let elsewhere = "https://elsewhere.example/webhooks/retrain";
        for (webhook, sent, what, fix) in [
            (with("id", json!("w2")), "hush", "", ""),
            (
                with("disabled", json!("suspended-after-failure")),
                "hush",
                "the Hub has suspended the webhook w1 of /webhooks/retrain",
                "my-bot webhooks enable retrain",
            ),
            (
                with("disabled", json!(true)),
                "hush",
                "the webhook w1 of /webhooks/retrain is disabled",
                "my-bot webhooks enable retrain",
            ),
            (
                with("url", json!(elsewhere)),
                "hush",
                "differs from the program: URL: https://elsewhere.example/webhooks/retrain -> https://me-bot.hf.space",
                "my-bot webhooks sync",
            ),
            (
                with("domains", json!(["discussion"])),
                "hush",
                "differs from the program: domains: +repo, -discussion",
                "my-bot webhooks sync",
            ),
            (
                with("watched", json!([{ "type": "user", "name": "me" }])),
                "hush",
                "differs from the program: watched: +dataset:me/data, -user:me",
                "my-bot webhooks sync",
            ),
            (
                webhook(),
                "another",
                "differs from the program: secret: replaced",
                "my-bot webhooks sync",
            ),
            (
                with("hasSecret", json!(false)),
                "hush",
                "differs from the program: secret: added",
                "my-bot webhooks sync",
            ),
        ] {
            let diagnosis = checked(&webhook, sent).await;
            if what.is_empty() {
                // It is not remembered, so its secret is not known, and it may be right.
                assert_eq!(diagnosis, Diagnosis::Healthy("1 enabled".to_owned()));
                continue;
            }
            let Diagnosis::Faulty(findings) = diagnosis else { panic!("{what}") };
            let [finding] = &findings[..] else { panic!("{findings:#?}") };
            assert!(finding.what.contains(what), "{finding:#?}");
            assert_eq!(finding.fix, fix);
            assert!(!format!("{finding:?}").contains("hush"));
        }
    }

    #[tokio::test]
    async fn a_webhook_of_an_endpoint_without_watch_is_healthy() {
        let mut by_hand = webhook();
        by_hand["id"] = json!("w9");
        by_hand["url"] = json!("https://me-bot.hf.space/webhooks/on_comment");
        let stub = HubStub::new();
        stub.on("GET", "/api/settings/webhooks").respond(json!([webhook(), by_hand]));
        let path = "/webhooks/on_comment".to_owned();
        let unwatched = WebhookEndpoint { path, watched: Vec::new(), ..endpoint() };
        let mut input = DoctorInput::for_test(Ok(stub.hub()), vec![endpoint(), unwatched]);
        let url = PublicUrl::parse("https://me-bot.hf.space").unwrap();
        input.public_url = Some(ServerUrl { url, kind: UrlKind::Fixed });
        let whoami = token::ask(&input).await.unwrap().unwrap();
        let diagnosis = check(&input, Some(&whoami)).await;
        assert_eq!(diagnosis, Diagnosis::Healthy("1 enabled".to_owned()));
    }

    #[tokio::test]
    async fn a_missing_webhook_is_a_finding() {
        let mut other = webhook();
        other["id"] = json!("w2");
        other["url"] = json!("https://other.example/hook");
        let Diagnosis::Faulty(findings) = checked(&other, "hush").await else { panic!() };
        assert_eq!(findings[0].what, "/webhooks/retrain has no webhook");
        assert!(findings[0].why.contains("dataset:me/data"), "{findings:?}");
    }
}
