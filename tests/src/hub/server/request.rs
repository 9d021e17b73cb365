//! A request as the Hub reads it: strictly.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::response::CallRejection;
use crate::hub::account::{Scope, TestAccount};
use crate::hub::log::ReceivedRequest;
use crate::hub::repo::{Repo, RepoKey};
use crate::hub::state::HubState;

/// A request that has a route, with the state that it reads or changes.
pub(in crate::hub) struct ApiCall<'a> {
    pub(in crate::hub) state: &'a mut HubState,
    pub(in crate::hub) request: &'a ReceivedRequest,
    /// Parts of the path that the route names, decoded, in their order.
    pub(in crate::hub) parts: Vec<String>,
    /// Whose token it is. `None` without a token.
    pub(in crate::hub) account: Option<TestAccount>,
}

impl ApiCall<'_> {
    /// Returns the account of the token.
    pub(in crate::hub) fn account(&self) -> Result<&TestAccount, CallRejection> {
        self.account.as_ref().ok_or_else(CallRejection::unauthorized)
    }

    /// Returns a part of the path.
    pub(in crate::hub) fn part(&self, at: usize) -> &str {
        self.parts.get(at).map(String::as_str).unwrap_or_default()
    }

    /// Returns a number in the path.
    pub(in crate::hub) fn number(&self, at: usize) -> Result<u64, CallRejection> {
        let text = self.part(at);
        text.parse().map_err(|_| CallRejection::fault(400, &format!("{text:?} is no number")))
    }

    /// Parses the body as JSON without unknown members.
    pub(in crate::hub) fn json<T: DeserializeOwned>(&self) -> Result<T, CallRejection> {
        serde_json::from_slice(&self.request.body)
            .map_err(|error| CallRejection::fault(400, &format!("the body: {error}")))
    }

    /// Parses each line of the body as JSON without unknown members.
    pub(in crate::hub) fn json_lines<T: DeserializeOwned>(&self) -> Result<Vec<T>, CallRejection> {
        let lines = serde_json::Deserializer::from_slice(&self.request.body).into_iter();
        lines
            .collect::<Result<_, _>>()
            .map_err(|error| CallRejection::fault(400, &format!("a line of the body: {error}")))
    }

    /// Returns a value of the query. Unless `values` is empty, it must be one of them.
    pub(in crate::hub) fn query(
        &self,
        key: &str,
        values: &[&str],
    ) -> Result<Option<&str>, CallRejection> {
        match self.request.query.get(key).map(String::as_str) {
            Some(value) if !values.is_empty() && !values.contains(&value) => {
                Err(CallRejection::fault(400, &format!("the query's {key} is none of {values:?}")))
            }
            value => Ok(value),
        }
    }

    /// Returns the repo that the first two parts of the path name, if the account may see it.
    pub(in crate::hub) fn repo(&mut self) -> Result<&mut Repo, CallRejection> {
        let key = self.repo_key()?;
        self.repo_named(&key)
    }

    /// Returns a repo, if the account may see it.
    pub(in crate::hub) fn repo_named(&mut self, key: &RepoKey) -> Result<&mut Repo, CallRejection> {
        let account = self.account.as_ref();
        match self.state.repos.get_mut(key) {
            Some(repo) if may_see(account, repo) => Ok(repo),
            // As if it did not exist, and without a token that is the same as to be unknown.
            _ if account.is_none() => Err(CallRejection::unauthorized()),
            _ => Err(CallRejection::coded(404, "RepoNotFound", "Repository not found")),
        }
    }

    /// Returns the repo that the path names, if the account may change it.
    pub(in crate::hub) fn own_repo(&mut self) -> Result<&mut Repo, CallRejection> {
        let key = self.repo_key()?;
        self.may_change(key.owner())?;
        self.repo()
    }

    /// Checks that the account may change what a user or organization owns.
    pub(in crate::hub) fn may_change(&self, owner: &str) -> Result<(), CallRejection> {
        if self.account()?.may_change(owner) {
            return Ok(());
        }
        let message = format!("You don't have the rights to change what {owner} owns");
        Err(CallRejection::new(403, &message))
    }

    /// Returns the type and name of the repo that the path names.
    pub(in crate::hub) fn repo_key(&self) -> Result<RepoKey, CallRejection> {
        let key = format!("{}:{}", self.part(0), self.part(1)).parse();
        key.map_err(|()| CallRejection::fault(404, "the path names no repo"))
    }
}

fn may_see(account: Option<&TestAccount>, repo: &Repo) -> bool {
    !repo.private || account.is_some_and(|it| it.may_change(repo.key.owner()))
}

/// Returns whose token a request has, and what it may do. `None` without a token.
pub(super) fn authenticate(
    state: &HubState,
    request: &ReceivedRequest,
) -> Result<Option<(TestAccount, Vec<Scope>)>, CallRejection> {
    let Some(header) = request.headers.get("authorization") else { return Ok(None) };
    let Some(text) = header.strip_prefix("Bearer ") else {
        return Err(CallRejection::fault(401, "Authorization is not a bearer token"));
    };
    let token = state.tokens.iter().find(|token| token.text == text);
    let account = token.and_then(|token| {
        Some((state.accounts.iter().find(|it| it.name == token.account)?, token))
    });
    let Some((account, token)) = account else {
        return Err(CallRejection::new(401, "Invalid credentials in Authorization header"));
    };
    Ok(Some((account.clone(), token.scopes.clone())))
}

/// Returns the query, decoded. Neither a key nor its value is repeated in any call of the Hub that is served here.
pub(super) fn parse_query(query: &str) -> Result<BTreeMap<String, String>, CallRejection> {
    let mut pairs = BTreeMap::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        if pairs.insert(key.to_string(), value.into_owned()).is_some() {
            return Err(CallRejection::fault(400, &format!("the query has {key} twice")));
        }
    }
    Ok(pairs)
}
