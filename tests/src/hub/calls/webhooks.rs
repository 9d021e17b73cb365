//! Webhooks: those of the token's account, and no other's.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::hub::server::{ApiCall, CallOutcome, CallRejection, CallResponse};
use crate::hub::webhook::{TestWebhook, TestWebhookState};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WebhookSettings {
    #[serde(default)]
    watched: Vec<Watched>,
    domains: Vec<String>,
    secret: Option<String>,
    url: Option<String>,
    job_source_id: Option<String>,
    secrets: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Watched {
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

pub(in crate::hub) fn list(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let owner = call.account()?.name.clone();
    let webhooks = call.state.webhooks.iter().filter(|it| it.owner == owner);
    let webhooks: Vec<_> = webhooks.map(|it| it.json(false)).collect();
    Ok(CallResponse::json(&json!(webhooks)).into())
}

pub(in crate::hub) fn get(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    respond(webhook(call)?)
}

pub(in crate::hub) fn create(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let settings = settings(call)?;
    let mut webhook = TestWebhook {
        id: call.state.new_id(),
        owner: call.account()?.name.clone(),
        url: None,
        watched: Vec::new(),
        domains: Vec::new(),
        secret: None,
        state: TestWebhookState::Enabled,
        deliveries: Vec::new(),
        failures: 0,
        job: None,
    };
    set(call, &mut webhook, settings)?;
    let response = respond(&webhook);
    call.state.webhooks.push(webhook);
    response
}

pub(in crate::hub) fn update(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let settings = settings(call)?;
    let mut updated = webhook(call)?.clone();
    set(call, &mut updated, settings)?;
    let response = respond(&updated);
    *webhook(call)? = updated;
    response
}

pub(in crate::hub) fn enable(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let webhook = webhook(call)?;
    (webhook.state, webhook.failures) = (TestWebhookState::Enabled, 0);
    respond(webhook)
}

pub(in crate::hub) fn disable(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let webhook = webhook(call)?;
    webhook.state = TestWebhookState::Disabled;
    respond(webhook)
}

pub(in crate::hub) fn delete(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let id = webhook(call)?.id.clone();
    call.state.webhooks.retain(|it| it.id != id);
    Ok(CallResponse::text("OK").into())
}

pub(in crate::hub) fn replay(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let log_id = call.part(1).to_owned();
    let webhook = webhook(call)?;
    if webhook.deliveries.iter().all(|delivery| delivery.log_id != log_id) {
        return Err(CallRejection::new(404, "No such delivery"));
    }
    Ok(CallOutcome::Replay { webhook: webhook.id.clone(), log_id })
}

fn respond(webhook: &TestWebhook) -> Result<CallOutcome, CallRejection> {
    Ok(CallResponse::json(&json!({ "webhook": webhook.json(true) })).into())
}

/// Returns the webhook that the path names, if it is the account's.
fn webhook<'a>(call: &'a mut ApiCall<'_>) -> Result<&'a mut TestWebhook, CallRejection> {
    let (id, owner) = (call.part(0).to_owned(), call.account()?.name.clone());
    let webhook = call.state.webhooks.iter_mut().find(|it| it.id == id && it.owner == owner);
    webhook.ok_or_else(|| CallRejection::new(404, "No such webhook"))
}

fn settings(call: &ApiCall<'_>) -> Result<WebhookSettings, CallRejection> {
    let settings: WebhookSettings = call.json()?;
    let kinds = ["model", "dataset", "space", "bucket", "org", "user"];
    let domains = ["repo", "discussion"];
    let fault = |message: &str| Err(CallRejection::fault(400, message));
    if settings.watched.is_empty() {
        return fault("`watched` is left out or empty, which may clear what the webhook watches");
    }
    if settings.watched.iter().any(|it| !kinds.contains(&it.kind.as_str()) || it.name.is_empty()) {
        return fault("`watched` has an unknown type or no name");
    }
    if settings.domains.is_empty()
        || settings.domains.iter().any(|it| !domains.contains(&it.as_str()))
    {
        return fault("`domains` is empty, or has another one than `repo` and `discussion`");
    }
    if settings.secret.as_ref().is_some_and(|secret| !secret.is_ascii()) {
        return fault("the secret is not ASCII");
    }
    match &settings.url {
        Some(_) if settings.job_source_id.is_some() => fault("`url` and `jobSourceId`"),
        Some(_) if settings.secrets.is_some() => fault("`secrets` is for a Job only"),
        Some(url) if !is_web(url) => fault("`url` is not an http or https URL"),
        _ => Ok(settings),
    }
}

fn is_web(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}

/// Sets everything, as the Hub does: a secret that is left out is removed.
fn set(
    call: &ApiCall<'_>,
    webhook: &mut TestWebhook,
    settings: WebhookSettings,
) -> Result<(), CallRejection> {
    if let Some(id) = settings.job_source_id {
        let job = call.state.jobs.iter().find(|job| job.id == id);
        let job = job.ok_or_else(|| CallRejection::new(404, "No such Job"))?;
        (webhook.url, webhook.job) = (None, Some(job.spec()));
    } else if settings.url.is_some() {
        (webhook.url, webhook.job) = (settings.url, None);
    } else if webhook.url.is_none() && webhook.job.is_none() {
        return Err(CallRejection::fault(400, "neither `url` nor `jobSourceId`"));
    }
    let watched = settings.watched.into_iter().map(|it| format!("{}:{}", it.kind, it.name));
    webhook.watched = watched.collect();
    webhook.domains = settings.domains;
    webhook.secret = settings.secret;
    Ok(())
}
