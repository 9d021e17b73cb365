//! Creates, deletes and duplicates repos.

use serde::Deserialize;

use super::new_repo::NewRepo;
use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::repo_id::RepoId;

#[derive(Deserialize)]
struct NewRepoResponse {
    url: String,
}

/// Calls that create and delete repos.
impl Hub {
    /// Creates a repo, and returns the URL of its page.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::hub::{NewRepo, RepoVisibility};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let created = json!({ "url": "https://huggingface.co/datasets/me/results" });
    /// # stub.on("POST", "/api/repos/create").respond(created);
    /// # let hub = stub.hub();
    /// let settings = NewRepo::new().visibility(RepoVisibility::Private);
    /// let url = hub.create_repo("dataset:me/results", &settings).await?;
    /// assert_eq!(url, "https://huggingface.co/datasets/me/results");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails: with the status 409 when the repo exists. Returns an error before the call
    /// when a Space has no SDK, and when another repo has settings of Spaces.
    pub async fn create_repo(
        &self,
        repo: impl Into<RepoId>,
        settings: &NewRepo,
    ) -> Result<String, HubError> {
        let body = settings.to_create(&repo.into())?;
        let response: NewRepoResponse = self.post("/api/repos/create").json(&body).fetch().await?;
        Ok(response.url)
    }

    /// Deletes a repo for good, with all its commits.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("DELETE", "/api/repos/delete").respond(json!({}));
    /// # let hub = stub.hub();
    /// hub.delete_repo("dataset:me/results").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn delete_repo(&self, repo: impl Into<RepoId>) -> Result<(), HubError> {
        let repo: RepoId = repo.into();
        self.delete("/api/repos/delete").json(&repo.to_body()?).send().await?;
        Ok(())
    }

    /// Duplicates a Space to one of another name, such as `me/copy`, and returns the URL of its page.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::hub::NewRepo;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let copy = json!({ "url": "https://huggingface.co/spaces/me/copy" });
    /// # stub.on("POST", "/api/spaces/acme/demo/duplicate").respond(copy);
    /// # let hub = stub.hub();
    /// let settings = NewRepo::new().hardware("cpu-basic").secret("HF_TOKEN", "hf_of_the_copy");
    /// let url = hub.duplicate_space("space:acme/demo", "me/copy", &settings).await?;
    /// assert_eq!(url, "https://huggingface.co/spaces/me/copy");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails: with the status 409 when the copy exists.
    pub async fn duplicate_space(
        &self,
        from: impl Into<RepoId>,
        to: &str,
        settings: &NewRepo,
    ) -> Result<String, HubError> {
        let from = from.into();
        from.check_space()?;
        let to = RepoId::space(to);
        to.check()?;
        if !to.name.contains('/') {
            return Err(HubError::argument("to", "must have an owner, as in \"me/copy\""));
        }
        let mut body = settings.to_duplicate(&to.name)?;
        if settings.has_hardware_of_original() {
            let runtime = self.space_runtime(&from).await?;
            body["hardware"] = runtime.requested_hardware.or(runtime.hardware).into();
        }
        let path = from.api(format_args!("/duplicate"))?;
        let response: NewRepoResponse = self.post(&path).json(&body).fetch().await?;
        Ok(response.url)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::hub::repos::RepoVisibility;
    use crate::testing::HubStub;

    fn settings_of_a_space() -> NewRepo {
        let settings = NewRepo::new().hardware("cpu-basic");
        settings.secret("S", "hush").variable("V", "1").visibility(RepoVisibility::Public)
    }

    #[test]
    fn the_bodies_have_what_is_set_and_nothing_else() {
        let create = |repo: &str, settings: &NewRepo| settings.to_create(&repo.into()).unwrap();
        assert_eq!(
            create("me/tiny", &NewRepo::new()),
            json!({ "name": "tiny", "organization": "me", "type": "model" })
        );
        assert_eq!(
            create("dataset:data", &NewRepo::new().visibility(RepoVisibility::Private)),
            json!({ "name": "data", "organization": null, "type": "dataset", "visibility": "private" })
        );
        let entries = json!({
            "visibility": "public", "hardware": "cpu-basic",
            "secrets": [{ "key": "S", "value": "hush" }], "variables": [{ "key": "V", "value": "1" }],
        });
        let mut expected = entries.clone();
        expected["name"] = "bot".into();
        expected["organization"] = "me".into();
        expected["type"] = "space".into();
        expected["sdk"] = "docker".into();
        assert_eq!(create("space:me/bot", &settings_of_a_space().sdk("docker")), expected);

        let copy = settings_of_a_space();
        let mut expected = entries;
        expected["repository"] = "me/copy".into();
        assert_eq!(copy.to_duplicate("me/copy").unwrap(), expected);
        assert!(!format!("{copy:?}").contains("hush"));
    }

    #[tokio::test]
    async fn a_copy_may_have_the_hardware_of_the_space() {
        for (runtime, expected) in [
            (json!({ "current": "t4-small", "requested": "l4x1" }), json!("l4x1")),
            (json!({ "current": "t4-small" }), json!("t4-small")),
            // A Space that has never run: as the Hub decides.
            (json!({}), json!(null)),
        ] {
            let stub = HubStub::new();
            let runtime = json!({ "stage": "RUNNING", "hardware": runtime });
            stub.on("GET", "/api/spaces/me/bot/runtime").respond(runtime);
            stub.on("POST", "/api/spaces/me/bot/duplicate").respond(json!({ "url": "" }));
            let settings = NewRepo::new().hardware("auto");
            stub.hub().duplicate_space("space:me/bot", "me/copy", &settings).await.unwrap();
            assert_eq!(stub.calls().pop().unwrap().body["hardware"], expected);
        }
    }

    #[tokio::test]
    async fn settings_that_do_not_fit_are_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        let hub = stub.hub();
        let sdk = || NewRepo::new().sdk("docker");
        for (repo, settings) in [
            ("space:me/bot", NewRepo::new()),
            ("me/tiny", sdk()),
            ("me/tiny", NewRepo::new().hardware("cpu-basic")),
            ("space:me/bot", sdk().secret("", "hush")),
            ("space:me/bot", sdk().hardware(" ")),
            ("space:me/bot", sdk().hardware("auto")),
            ("bucket:me/x", NewRepo::new()),
            ("space:", sdk()),
        ] {
            assert!(hub.create_repo(repo, &settings).await.is_err(), "{repo} {settings:?}");
        }
        let none = NewRepo::new();
        for (from, to, settings) in [
            ("space:a/b", "copy", &none),
            ("space:a/b", "me/../copy", &none),
            ("a/b", "me/copy", &none),
            ("space:a/b", "me/copy", &sdk()),
        ] {
            assert!(hub.duplicate_space(from, to, settings).await.is_err(), "{from} {to}");
        }
        assert!(hub.delete_repo("").await.is_err());
        assert_eq!(stub.calls(), []);
    }
}
