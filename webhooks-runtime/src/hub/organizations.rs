//! Lists the members of organizations, and of the owners of repos.

use serde::Deserialize;

use super::client::Hub;
use super::error::HubError;
use super::optional::OptionalExtension;
use super::path::segment;
use super::repo_id::RepoId;

/// A member in a response.
#[derive(Deserialize)]
struct MemberJson {
    user: String,
}

/// Calls that list accounts.
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

    /// Returns the name of the user that owns a repo, or the names of all members of the organization that owns it, as
    /// far as the token may see them. A repo whose name has no owner has no members.
    ///
    /// A member of an organization may have a role without any right in the repo.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("GET", "/api/organizations/acme/members").respond(json!([{ "user": "ada" }]));
    /// # stub.on("GET", "/api/organizations/me/members").error(404, "There is no such organization");
    /// # let hub = stub.hub();
    /// assert_eq!(hub.repo_members("space:acme/demo").await?, ["ada"]);
    /// assert_eq!(hub.repo_members("space:me/demo").await?, ["me"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when a call fails.
    pub async fn repo_members(&self, repo: impl Into<RepoId>) -> Result<Vec<String>, HubError> {
        let repo = repo.into();
        let Some(owner) = repo.owner() else { return Ok(Vec::new()) };
        // The Hub has no organization of a user's name.
        let members = self.organization_members(owner).await.optional()?;
        Ok(members.unwrap_or_else(|| vec![owner.to_owned()]))
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

    #[tokio::test]
    async fn the_members_of_a_repo_are_its_user_or_the_members_of_its_organization() {
        let stub = HubStub::new();
        stub.on("GET", "/api/organizations/acme/members").respond(json!([{ "user": "ada" }]));
        stub.on("GET", "/api/organizations/me/members").error(404, "No such organization");
        stub.on("GET", "/api/organizations/secret/members").error(403, "Forbidden");
        let hub = stub.hub();
        assert_eq!(hub.repo_members("space:acme/demo").await.unwrap(), ["ada"]);
        assert_eq!(hub.repo_members("space:me/demo").await.unwrap(), ["me"]);
        assert_eq!(hub.repo_members("gpt2").await.unwrap(), [""; 0]);
        // A failure is not taken for a user.
        assert_eq!(hub.repo_members("secret/x").await.unwrap_err().status(), Some(403));
    }
}
