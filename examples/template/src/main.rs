use webhooks_runtime::{Hub, HubError, WebhookPayload, webhook_endpoint, webhooks_main};

/// Reports each commit to the main branch in a discussion.
#[webhook_endpoint(
    // The type and the name of the repo.
    watch = "{{repo_type}}:{{repo}}",
    branch = "main",
    // Deliveries of the repo run one after the other: two at a time could open two discussions.
    background(key = "repo", attempts = 3)
)]
async fn report(payload: WebhookPayload, hub: Hub) -> Result<(), HubError> {
    let commit = payload.commit_on("main").unwrap_or_default();
    let description = "A bot comments here on each commit to the main branch.";
    let num = hub
        .find_or_create_discussion(&payload, "New commits", description)
        .await?;
    // With this key, a second attempt does not write a second comment.
    let text = format!("The main branch is now at `{commit}`.");
    hub.upsert_comment(&payload, num, commit, &text).await?;
    tracing::info!("commented in discussion {num}");
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
    fn a_commit_to_main_is_reported() {
        let stub = HubStub::new();
        let discussions = format!("/api/{{repo_type}}s/{REPO}/discussions");
        let commits =
            json!({ "num": 7, "title": "New commits", "status": "open", "isPullRequest": false });
        let page = json!({ "count": 1, "start": 0, "discussions": [commits] });
        stub.on("GET", &discussions).respond(page);
        stub.on("GET", &format!("{discussions}/7")).respond(commits);
        let comment = json!({ "newMessage": { "id": "c1", "type": "comment" } });
        stub.on("POST", &format!("{discussions}/7/comment"))
            .respond(comment);
        assert_eq!(send(&stub, "main").cause(), None);
        let comment = stub.calls().pop().unwrap().body["comment"].to_string();
        assert!(
            comment.starts_with("\"The main branch is now at `"),
            "{comment}"
        );
    }

    #[test]
    fn a_commit_to_another_branch_is_skipped() {
        let stub = HubStub::new();
        let response = send(&stub, "draft");
        assert_eq!(response.skipped(), Some("branch: no commit to main"));
        assert_eq!(stub.calls().len(), 0);
    }
}
