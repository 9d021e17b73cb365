//! Repos: which there are, what they are, their refs, what changed in them; creating and deleting them.

use std::cmp::Reverse;

use serde::Deserialize;
use serde_json::json;

use super::spaces::Pair;
use crate::hub::repo::commit::RepoCommit;
use crate::hub::repo::diff::diff;
use crate::hub::repo::{Repo, RepoKey, RepoKind};
use crate::hub::server::{ApiCall, CallOutcome, CallRejection, CallResponse};

/// How many commits a list has at most.
const COMMITS_ON_A_PAGE: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RepoBody {
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

pub(in crate::hub) fn info(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    info_of(call, "main")
}

pub(in crate::hub) fn info_at(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let revision = call.part(2).to_owned();
    info_of(call, &revision)
}

fn info_of(call: &mut ApiCall<'_>, revision: &str) -> Result<CallOutcome, CallRejection> {
    let host = call.state.builds.host(&call.repo_key()?);
    let repo = call.repo()?;
    let commit = repo.resolve(revision).ok_or_else(|| no_revision(revision))?;
    Ok(CallResponse::json(&repo.info(commit, &host)).into())
}

/// Lists the repos of an owner, each with less than `info` returns.
pub(in crate::hub) fn list(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let kind = call.part(0).to_owned();
    let Some(author) = call.query("author", &[])?.map(str::to_owned) else {
        return Err(CallRejection::fault(501, "the tests' Hub lists the repos of an author only"));
    };
    let by_date = call.query("sort", &["lastModified"])?.is_some();
    let limit = call.query("limit", &[])?.map(str::parse).transpose();
    let limit = limit.map_err(|_| CallRejection::fault(400, "the query's limit is no number"))?;
    let account = call.account.clone();
    let may_see = account.is_some_and(|account| account.may_change(&author));
    let repos = call.state.repos.values().filter(|repo| {
        let is_wanted = repo.key.kind.name() == kind && repo.key.owner() == author;
        is_wanted && (may_see || !repo.private)
    });
    let mut repos: Vec<_> = repos.collect();
    if by_date {
        repos.sort_by_key(|repo| Reverse(repo.last_modified()));
    }
    let listed = repos.into_iter().take(limit.unwrap_or(usize::MAX)).map(Repo::listed).collect();
    super::pages::page(call, listed)
}

pub(in crate::hub) fn refs(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let with_pull_requests = call.query("include_prs", &["1"])?.is_some();
    Ok(CallResponse::json(&call.repo()?.refs_json(with_pull_requests)).into())
}

pub(in crate::hub) fn commits(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let revision = call.part(2).to_owned();
    let repo = call.repo()?;
    let commit = repo.resolve(&revision).ok_or_else(|| no_revision(&revision))?;
    let authors = json!([{ "user": repo.key.owner() }]);
    let listed = repo.history(commit).take(COMMITS_ON_A_PAGE).map(|commit| {
        let RepoCommit { oid, title, date, .. } = commit;
        json!({ "id": oid, "title": title, "message": "", "authors": authors, "date": date })
    });
    Ok(CallResponse::json(&listed.collect()).into())
}

pub(in crate::hub) fn compare(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    if call.query("raw", &["true"])?.is_none() {
        return Err(CallRejection::fault(501, "the tests' Hub compares with raw=true only"));
    }
    let range = call.part(2).to_owned();
    let Some((old, new)) = range.split_once("..") else {
        return Err(CallRejection::fault(400, "the path has no {old}..{new}"));
    };
    let repo = call.repo()?;
    let commit = |revision| repo.resolve(revision).ok_or_else(|| no_revision(revision));
    Ok(CallResponse::text(diff(commit(old)?, commit(new)?)).into())
}

pub(in crate::hub) fn create(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: RepoBody = call.json()?;
    let key = key(call, &body.name, body.organization.as_deref(), body.kind.as_deref())?;
    call.may_change(key.owner())?;
    let is_space = key.kind == RepoKind::Space;
    let has_space_settings =
        body.hardware.is_some() || !body.secrets.is_empty() || !body.variables.is_empty();
    if is_space != body.sdk.is_some() || (has_space_settings && !is_space) {
        return Err(CallRejection::fault(
            400,
            "`sdk` and its like are for a Space, which needs `sdk`",
        ));
    }
    if call.state.repos.contains_key(&key) {
        let message = format!("You already created this {} repo: {}", key.kind.name(), key.name);
        return Err(CallRejection::new(409, &message));
    }
    let private = body.visibility == Some(Visibility::Private);
    call.state.create_repo(&key, private, body.sdk.as_deref());
    let now = call.state.now();
    let space = call.state.repos.get_mut(&key).and_then(|repo| repo.space.as_mut());
    if let Some(space) = space {
        space.set_secrets(body.secrets.into_iter().map(Pair::into), &now);
        space.variables = body.variables.into_iter().map(Pair::into).collect();
        if let Some(hardware) = body.hardware {
            space.requested_hardware = hardware;
        }
    }
    Ok(CallResponse::json(&json!({ "url": call.state.web_url(&key), "name": key.name })).into())
}

pub(in crate::hub) fn delete(call: &mut ApiCall<'_>) -> Result<CallOutcome, CallRejection> {
    let body: RepoName = call.json()?;
    let key = key(call, &body.name, body.organization.as_deref(), body.kind.as_deref())?;
    call.repo_named(&key)?;
    call.may_change(key.owner())?;
    call.state.delete_repo(&key);
    Ok(CallResponse::text("OK").into())
}

fn key(
    call: &ApiCall<'_>,
    name: &str,
    owner: Option<&str>,
    kind: Option<&str>,
) -> Result<RepoKey, CallRejection> {
    let owner = owner.unwrap_or(&call.account()?.name);
    let is_name = |text: &str| {
        let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        !text.is_empty() && text.chars().all(is_allowed)
    };
    let key = format!("{}:{owner}/{name}", kind.unwrap_or("model")).parse();
    match key {
        Ok(key) if is_name(owner) && is_name(name) => Ok(key),
        _ => Err(CallRejection::fault(400, "the body names no repo")),
    }
}

/// Returns the error for a revision that does not exist.
pub(super) fn no_revision(revision: &str) -> CallRejection {
    CallRejection::coded(404, "RevisionNotFound", &format!("Invalid rev id: {revision}"))
}
