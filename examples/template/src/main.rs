use webhooks_runtime::{Hub, HubError, WebhookPayload, webhook_endpoint, webhooks_main};

/// Opens a discussion for each commit to the main branch.
#[webhook_endpoint(
    // The type and the name of the repo.
    watch = "{{repo_type}}:{{repo}}",
    branch = "main"
)]
async fn report(payload: WebhookPayload, hub: Hub) -> Result<(), HubError> {
    let commit = payload.commit_on("main").unwrap_or_default();
    let text = format!("The main branch is now at `{commit}`.");
    let discussion = hub.create_discussion(&payload, "New commit", &text).await?;
    tracing::info!("opened discussion {}", discussion.num);
    Ok(())
}

webhooks_main!();

#[cfg(test)]
mod tests {
    use webhooks_runtime::WebhooksServer;
    use webhooks_runtime::serde_json::json;
    use webhooks_runtime::testing::{HubStub, TestClient, TestResponse, {{repo_type}}_commit};

    use super::*;

    const REPO: &str = "{{repo}}";

    /// Sends a commit to a branch of the repo.
    fn send(stub: &HubStub, branch: &str) -> TestResponse {
        let client = TestClient::new(WebhooksServer::new().hub(stub.hub())).unwrap();
        let commit = {{repo_type}}_commit().repo(REPO).branch(branch);
        client.post(report::PATH, commit).send()
    }

    #[test]
    fn a_commit_to_main_opens_a_discussion() {
        let stub = HubStub::new();
        let discussions = format!("/api/{{repo_type}}s/{REPO}/discussions");
        stub.on("POST", &discussions).respond(json!({ "num": 7 }));
        assert_eq!(send(&stub, "main").cause(), None);
        assert_eq!(stub.calls()[0].body["title"], "New commit");
    }

    #[test]
    fn a_commit_to_another_branch_is_skipped() {
        let stub = HubStub::new();
        let response = send(&stub, "draft");
        assert_eq!(response.skipped(), Some("branch: no commit to main"));
        assert_eq!(stub.calls().len(), 0);
    }
}
