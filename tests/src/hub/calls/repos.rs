//! Repos: what they are, their refs, what changed in them; creating and deleting them.

use serde::Deserialize;
use serde_json::json;

use super::spaces::Pair;
use crate::hub::repo::diff::diff;
use crate::hub::repo::{RepoKey, RepoKind};
use crate::hub::server::{Call, Outcome, Rejection, Reply};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewRepo {
    name: String,
    organization: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    visibility: Option<Visibility>,
    sdk: Option<String>,
    hardware: Option<String>,
    #[serde(default)]
    secrets: Vec<Pair>,
    #[serde(default)]
    variables: Vec<Pair>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Visibility {
    Public,
    Private,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RepoName {
    name: String,
    organization: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub(in crate::hub) fn info(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    info_of(call, "main")
}

pub(in crate::hub) fn info_at(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let revision = call.part(2).to_owned();
    info_of(call, &revision)
}

fn info_of(call: &mut Call<'_>, revision: &str) -> Result<Outcome, Rejection> {
    let repo = call.repo()?;
    let commit = repo.resolve(revision).ok_or_else(|| no_revision(revision))?;
    Ok(Reply::json(&repo.info(commit)).into())
}

pub(in crate::hub) fn refs(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let with_pull_requests = call.query("include_prs", &["1"])?.is_some();
    Ok(Reply::json(&call.repo()?.refs_json(with_pull_requests)).into())
}

pub(in crate::hub) fn compare(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    if call.query("raw", &["true"])?.is_none() {
        return Err(Rejection::fault(501, "the tests' Hub compares with raw=true only"));
    }
    let range = call.part(2).to_owned();
    let Some((old, new)) = range.split_once("..") else {
        return Err(Rejection::fault(400, "the path has no {old}..{new}"));
    };
    let repo = call.repo()?;
    let commit = |revision| repo.resolve(revision).ok_or_else(|| no_revision(revision));
    Ok(Reply::text(diff(commit(old)?, commit(new)?)).into())
}

pub(in crate::hub) fn create(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let body: NewRepo = call.json()?;
    let key = key(call, &body.name, body.organization.as_deref(), body.kind.as_deref())?;
    call.may_change(key.owner())?;
    let is_space = key.kind == RepoKind::Space;
    let has_space_settings =
        body.hardware.is_some() || !body.secrets.is_empty() || !body.variables.is_empty();
    if is_space != body.sdk.is_some() || (has_space_settings && !is_space) {
        return Err(Rejection::fault(400, "`sdk` and its like are for a Space, which needs `sdk`"));
    }
    if call.state.repos.contains_key(&key) {
        let message = format!("You already created this {} repo: {}", key.kind.name(), key.name);
        return Err(Rejection::new(409, &message));
    }
    let private = body.visibility == Some(Visibility::Private);
    call.state.create_repo(&key, private, body.sdk.as_deref());
    let space = call.state.repos.get_mut(&key).and_then(|repo| repo.space.as_mut());
    if let Some(space) = space {
        space.secrets = body.secrets.into_iter().map(Pair::into).collect();
        space.variables = body.variables.into_iter().map(Pair::into).collect();
        if let Some(hardware) = body.hardware {
            space.requested_hardware = hardware;
        }
    }
    Ok(Reply::json(&json!({ "url": call.state.web_url(&key), "name": key.name })).into())
}

pub(in crate::hub) fn delete(call: &mut Call<'_>) -> Result<Outcome, Rejection> {
    let body: RepoName = call.json()?;
    let key = key(call, &body.name, body.organization.as_deref(), body.kind.as_deref())?;
    call.repo_named(&key)?;
    call.may_change(key.owner())?;
    call.state.delete_repo(&key);
    Ok(Reply::text("OK").into())
}

fn key(
    call: &Call<'_>,
    name: &str,
    owner: Option<&str>,
    kind: Option<&str>,
) -> Result<RepoKey, Rejection> {
    let owner = owner.unwrap_or(&call.account()?.name);
    let is_name = |text: &str| {
        let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        !text.is_empty() && text.chars().all(is_allowed)
    };
    let key = format!("{}:{owner}/{name}", kind.unwrap_or("model")).parse();
    match key {
        Ok(key) if is_name(owner) && is_name(name) => Ok(key),
        _ => Err(Rejection::fault(400, "the body names no repo")),
    }
}

/// Returns the error for a revision that does not exist.
pub(super) fn no_revision(revision: &str) -> Rejection {
    Rejection::coded(404, "RevisionNotFound", &format!("Invalid rev id: {revision}"))
}
