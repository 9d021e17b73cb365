//! The account that a token belongs to.

use serde::Deserialize;

use super::lenient::or_default;

/// The account of a token: see [`Hub::whoami`](super::Hub::whoami).
///
/// ```
/// use webhooks_runtime::serde_json::json;
/// use webhooks_runtime::testing::HubStub;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), webhooks_runtime::HubError> {
/// let stub = HubStub::new();
/// let acme = json!({ "id": "65d0000000000000000000ac", "name": "acme" });
/// let me = json!({ "id": "65d0000000000000000000b1", "name": "me", "type": "user", "orgs": [acme] });
/// stub.on("GET", "/api/whoami-v2").respond(me);
///
/// let account = stub.hub().whoami().await?;
/// assert_eq!((account.name.as_str(), account.account_type.as_str()), ("me", "user"));
/// assert_eq!(account.orgs[0].name, "acme");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// The name, as in the names of its repos.
    pub name: String,
    /// The id, as in `author.id` and `owner.id` of a payload.
    pub id: String,
    /// `user` or `org`; `type` in JSON.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub account_type: String,
    /// The organizations that the account is a member of, as far as the token may know.
    #[serde(default, deserialize_with = "or_default")]
    pub orgs: Vec<Organization>,
}

/// An organization that an account is a member of: see [`Account`].
///
/// ```
/// use webhooks_runtime::hub::Account;
///
/// /// Returns whether the account may act for an organization.
/// fn is_member(account: &Account, name: &str) -> bool {
///     account.orgs.iter().any(|organization| organization.name == name)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Organization {
    /// The name.
    pub name: String,
    /// The id.
    #[serde(default, deserialize_with = "or_default")]
    pub id: String,
}
