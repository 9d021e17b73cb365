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

    /// Returns the permissions of a fine-grained token with this scope.
    fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["repo.content.read"],
            Self::Write => &["repo.write", "discussion.write", "job.write"],
            Self::Webhooks => &["user.webhooks.read", "user.webhooks.write"],
        }
    }
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
        let mut access = json!({ "displayName": "test", "createdAt": super::state::START });
        access["role"] = match token.scopes[..] {
            [Scope::Read] => json!("read"),
            _ if token.scopes == Scope::ALL => json!("write"),
            _ => json!("fineGrained"),
        };
        if access["role"] == "fineGrained" {
            let user = json!({ "_id": self.id, "type": "user", "name": self.name });
            let permissions: Vec<_> = token.scopes.iter().flat_map(|it| it.permissions()).collect();
            let scoped = [json!({ "entity": user, "permissions": permissions })];
            access["fineGrained"] =
                json!({ "canReadGatedRepos": false, "global": [], "scoped": scoped });
        }
        json!({
            "type": "user",
            "id": self.id,
            "name": self.name,
            "fullname": self.name,
            "isPro": false,
            "orgs": orgs,
            "auth": { "type": "access_token", "accessToken": access },
        })
    }
}
