//! Lists the members of organizations.

use serde::Deserialize;

use super::client::Hub;
use super::error::HubError;
use super::path::segment;

/// A member in a response.
#[derive(Deserialize)]
struct MemberJson {
    user: String,
}

/// The call that lists members.
impl Hub {
    /// Returns the names of an organization's members, as far as the token may see them.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("GET", "/api/organizations/acme/members").respond(json!([{ "user": "ada" }]));
    /// # let hub = stub.hub();
    /// let members = hub.organization_members("acme").await?;
    /// assert_eq!(members, ["ada"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when a call fails: with the status 404 when there is no such organization, for example because
    /// it is the name of a user.
    pub async fn organization_members(&self, name: &str) -> Result<Vec<String>, HubError> {
        let path = format!("/api/organizations/{}/members", segment("name", name)?);
        let members: Vec<MemberJson> = self.fetch_pages(&path, &[]).await?;
        Ok(members.into_iter().map(|member| member.user).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::HubStub;

    #[tokio::test]
    async fn a_member_without_a_name_is_an_error_and_not_left_out() {
        let stub = HubStub::new();
        let members = stub.on("GET", "/api/organizations/acme/members");
        members
            .respond(json!([{ "user": "ada", "isPro": true }]))
            .respond(json!([{ "name": "b" }]));
        let hub = stub.hub();
        assert_eq!(hub.organization_members("acme").await.unwrap(), ["ada"]);
        assert!(hub.organization_members("acme").await.is_err());
        assert!(hub.organization_members("").await.is_err());
    }
}
