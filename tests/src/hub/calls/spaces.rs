//! Secrets, variables and the runtime of Spaces.

use serde::Deserialize;
use serde_json::json;

use super::repos::Visibility;
use crate::hub::repo::space::Space;
use crate::hub::repo::{RepoKey, RepoKind};
use crate::hub::server::{Call, Outcome, Rejection, Reply};

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
struct Duplicate {
    repository: String,
    visibility: Option<Visibility>,
    hardware: Option<String>,
    #[serde(default)]
    secrets: Vec<Pair>,
    #[serde(default)]
    variables: Vec<Pair>,
}

pub(in crate::hub) fn set_secret(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let (key, value) = pair(call)?;
    own_space(call)?.secrets.insert(key, value);
    Ok(Reply::text("OK").into())
}

pub(in crate::hub) fn delete_secret(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let Key { key } = call.json()?;
    own_space(call)?.secrets.remove(&key);
    Ok(Reply::text("OK").into())
}

pub(in crate::hub) fn set_variable(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let (key, value) = pair(call)?;
    let space = own_space(call)?;
    space.variables.insert(key, value);
    Ok(Reply::json(&space.variables()).into())
}

pub(in crate::hub) fn delete_variable(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let Key { key } = call.json()?;
    let space = own_space(call)?;
    space.variables.remove(&key);
    Ok(Reply::json(&space.variables()).into())
}

pub(in crate::hub) fn runtime(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let space = call.repo()?.space.as_ref().ok_or_else(no_space)?;
    Ok(Reply::json(&space.runtime()).into())
}

pub(in crate::hub) fn restart(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let stage = match call.query("factory", &["true"])? {
        Some(_) => "BUILDING",
        None => "APP_STARTING",
    };
    set_stage(call, stage)
}

pub(in crate::hub) fn pause(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    set_stage(call, "PAUSED")
}

pub(in crate::hub) fn set_hardware(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let body: Hardware = call.json()?;
    let space = own_space(call)?;
    space.requested_hardware = body.flavor;
    Ok(Reply::json(&space.runtime()).into())
}

pub(in crate::hub) fn duplicate(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let body: Duplicate = call.json()?;
    let source = call.repo()?.clone();
    let Some((owner, name)) = body.repository.split_once('/') else {
        return Err(Rejection::fault(400, "`repository` has no owner"));
    };
    call.may_change(owner)?;
    let key = RepoKey { kind: RepoKind::Space, name: format!("{owner}/{name}") };
    if call.state.repos.contains_key(&key) {
        return Err(Rejection::new(409, "You already created this space repo"));
    }
    let private = body.visibility.map_or(source.private, |it| it == Visibility::Private);
    let sdk = source.space.as_ref().map(|space| space.sdk.clone());
    call.state.create_repo(&key, private, sdk.as_deref());
    if let Some(copy) = call.state.repos.get_mut(&key) {
        // Secrets are not copied.
        let mut space = Space::new(sdk.as_deref().unwrap_or("docker"), body.hardware);
        space.variables = source.space.map(|it| it.variables).unwrap_or_default();
        space.variables.extend(body.variables.into_iter().map(<(String, String)>::from));
        space.secrets = body.secrets.into_iter().map(Pair::into).collect();
        copy.space = Some(space);
        (copy.commits, copy.refs) = (source.commits, source.refs);
        copy.refs.retain(|name, _| name.starts_with("refs/heads/"));
    }
    Ok(Reply::json(&json!({ "url": call.state.web_url(&key) })).into())
}

fn set_stage(call: &mut Call<'_>, stage: &str) -> Result<Outcome, Rejection> {
    let space = own_space(call)?;
    space.set_stage(stage);
    Ok(Reply::json(&space.runtime()).into())
}

fn pair(call: &Call<'_>) -> Result<(String, String), Rejection> {
    let pair: Pair = call.json()?;
    if pair.key.is_empty() {
        return Err(Rejection::fault(400, "`key` is empty"));
    }
    Ok(pair.into())
}

fn own_space<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Space, Rejection> {
    call.own_repo()?.space.as_mut().ok_or_else(no_space)
}

fn no_space() -> Rejection {
    Rejection::coded(404, "RepoNotFound", "Repository not found")
}
