//! Accounts, organizations and access tokens.

use serde_json::{Value, json};

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Read the account and its repos.
    Read,
    /// Change repos, Spaces and Jobs, and take part in discussions.
    Write,
    /// Read and change webhooks.
    Webhooks,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Webhooks];
}

/// A user, or an organization.
#[derive(Clone, Debug)]
pub struct TestAccount {
    /// The id, as in payloads.
    pub id: String,
    /// The name, as in the names of repos.
    pub name: String,
    /// The organizations that the user is a member of. `None` for an organization.
    pub orgs: Option<Vec<String>>,
    /// A token with all scopes. An organization has none.
    pub token: String,
}

/// An access token.
#[derive(Clone, Debug)]
pub(super) struct AccessToken {
    pub(super) text: String,
    pub(super) account: String,
    pub(super) scopes: Vec<Scope>,
}

impl TestAccount {
    /// Returns whether the account may change what this user or organization owns.
    pub(super) fn may_change(&self, owner: &str) -> bool {
        self.name == owner || self.orgs.iter().flatten().any(|org| org == owner)
    }

    /// Returns the response to `whoami-v2`. `orgs` are the accounts of the organizations.
    pub(super) fn whoami(&self, orgs: &[&Self], token: &AccessToken) -> Value {
        let orgs: Vec<_> = orgs
            .iter()
            .map(|org| json!({ "type": "org", "id": org.id, "name": org.name, "roleInOrg": "admin" }))
            .collect();
        let role = if token.scopes.contains(&Scope::Write) { "write" } else { "read" };
        json!({
            "type": "user",
            "id": self.id,
            "name": self.name,
            "fullname": self.name,
            "isPro": false,
            "orgs": orgs,
            "auth": {
                "type": "access_token",
                "accessToken": { "displayName": "test", "role": role, "createdAt": super::state::START },
            },
        })
    }
}
