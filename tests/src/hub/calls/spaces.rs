//! Secrets, variables, logs and the runtime of Spaces.

use serde::Deserialize;
use serde_json::json;

use super::repos::Visibility;
use crate::hub::repo::space::RepoSpace;
use crate::hub::repo::{RepoKey, RepoKind};
use crate::hub::server::{ApiCall, CallOutcome, CallRejection, CallResponse};

/// A secret or a variable.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    key: String,
    value: String,
    #[serde(rename = "description")]
    _description: Option<String>,
}

impl From<Pair> for (String, String) {
    fn from(pair: Pair) -> Self {
        (pair.key, pair.value)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Hardware {
    flavor: String,
    #[serde(rename = "sleepTimeSeconds")]
    _sleep_time_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DuplicateBody {
    repository: String,
    visibility: Option<Visibility>,
    hardware: Option<String>,
    #[serde(default)]
    secrets: Vec<Pair>,
    #[serde(default)]
    variables: Vec<Pair>,
}

pub(in crate::hub) fn set_secret(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let pair = pair(call)?;
    let now = call.state.now();
    own_space(call)?.set_secrets([pair], &now);
    Ok(CallResponse::text("OK").into())
}

pub(in crate::hub) fn delete_secret(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let Key { key } = call.json()?;
    own_space(call)?.secrets.remove(&key);
    Ok(CallResponse::text("OK").into())
}

pub(in crate::hub) fn variables(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let space = call.repo()?.space.as_ref().ok_or_else(no_space)?;
    Ok(CallResponse::json(&space.variables()).into())
}

pub(in crate::hub) fn set_variable(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let (key, value) = pair(call)?;
    let space = own_space(call)?;
    space.variables.insert(key, value);
    Ok(CallResponse::json(&space.variables()).into())
}

pub(in crate::hub) fn delete_variable(
    call: &mut ApiCall<'_>,
) -> Result<CallOutcome, CallRejection> {
    let Key { key } = call.json()?;
    let space = own_space(call)?;
    space.variables.remove(&key);
    Ok(CallResponse::json(&space.variables()).into())
}

pub(in crate::hub) fn runtime(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let space = call.repo()?.space.as_mut().ok_or_else(no_space)?;
    let runtime = space.runtime();
    space.advance();
    Ok(CallResponse::json(&runtime).into())
}

pub(in crate::hub) fn secrets(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    Ok(CallResponse::json(&own_space(call)?.secrets()).into())
}

pub(in crate::hub) fn log(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let name = call.part(2).to_owned();
    if !["build", "run"].contains(&name.as_str()) {
        return Err(CallRejection::fault(404, "a Space has the logs build and run"));
    }
    own_space(call)?;
    let mut reply = CallResponse::text(call.state.builds.log(&name));
    reply.headers = vec![("Content-Type", "text/event-stream".to_owned())];
    Ok(reply.into())
}

pub(in crate::hub) fn restart(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let stage = match call.query("factory", &["true"])? {
        Some(_) => "BUILDING",
        None => "APP_STARTING",
    };
    set_stage(call, stage)
}

pub(in crate::hub) fn pause(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    set_stage(call, "PAUSED")
}

pub(in crate::hub) fn set_hardware(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: Hardware = call.json()?;
    let space = own_space(call)?;
    space.requested_hardware = body.flavor;
    Ok(CallResponse::json(&space.runtime()).into())
}

pub(in crate::hub) fn duplicate(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: DuplicateBody = call.json()?;
    let source = call.repo()?.clone();
    let Some((owner, name)) = body.repository.split_once('/') else {
        return Err(CallRejection::fault(400, "`repository` has no owner"));
    };
    call.may_change(owner)?;
    let key = RepoKey { kind: RepoKind::Space, name: format!("{owner}/{name}") };
    if call.state.repos.contains_key(&key) {
        return Err(CallRejection::new(409, "You already created this space repo"));
    }
    let private = body.visibility.map_or(source.private, |it| it == Visibility::Private);
    let sdk = source.space.as_ref().map(|space| space.sdk.clone());
    call.state.create_repo(&key, private, sdk.as_deref());
    let now = call.state.now();
    if let Some(copy) = call.state.repos.get_mut(&key) {
        // Secrets are not copied.
        let mut space = RepoSpace::new(sdk.as_deref().unwrap_or("docker"), body.hardware);
        space.variables = source.space.map(|it| it.variables).unwrap_or_default();
        space.variables.extend(body.variables.into_iter().map(<(String, String)>::from));
        space.set_secrets(body.secrets.into_iter().map(Pair::into), &now);
        copy.space = Some(space);
        (copy.commits, copy.refs) = (source.commits, source.refs);
        copy.refs.retain(|name, _| name.starts_with("refs/heads/"));
    }
    Ok(CallResponse::json(&json!({ "url": call.state.web_url(&key) })).into())
}

fn set_stage(call: &mut ApiCall<'_>, stage: &str) -> Result<CallOutcome, CallRejection> {
    let space = own_space(call)?;
    space.set_stage(stage);
    Ok(CallResponse::json(&space.runtime()).into())
}

fn pair(call: &ApiCall<'_>) -> Result<(String, String), CallRejection> {
    let pair: Pair = call.json()?;
    if pair.key.is_empty() {
        return Err(CallRejection::fault(400, "`key` is empty"));
    }
    Ok(pair.into())
}

fn own_space<'a>(call: &'a mut ApiCall<'_>) -> Result<&'a mut RepoSpace, CallRejection> {
    call.own_repo()?.space.as_mut().ok_or_else(no_space)
}

fn no_space() -> CallRejection {
    CallRejection::coded(404, "RepoNotFound", "Repository not found")
}
