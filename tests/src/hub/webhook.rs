//! Webhooks, and the log of what they delivered.

use serde_json::{Value, json};

use super::repo::RepoKey;

/// Whether a webhook delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestWebhookState {
    /// It delivers.
    Enabled,
    /// Its owner disabled it.
    Disabled,
    /// The Hub suspended it after failed deliveries.
    Suspended,
}

/// A webhook.
#[derive(Clone, Debug)]
pub struct TestWebhook {
    /// The id.
    pub id: String,
    /// The name of the account that it belongs to.
    pub owner: String,
    /// Where it delivers to. `None` when it starts a Job.
    pub url: Option<String>,
    /// The watched repos, users and organizations: `dataset:me/data`, `org:acme`.
    pub watched: Vec<String>,
    /// `repo`, `discussion`, or both.
    pub domains: Vec<String>,
    /// The secret.
    pub secret: Option<String>,
    /// Whether it delivers.
    pub state: TestWebhookState,
    /// The deliveries, in order of their events.
    pub deliveries: Vec<TestDelivery>,
    /// How many deliveries in a row failed.
    pub(super) failures: usize,
    /// What the Job is that it starts.
    pub(super) job: Option<Value>,
}

/// A delivery of a webhook.
#[derive(Clone, Debug)]
pub struct TestDelivery {
    /// Its id in the log, for a replay.
    pub log_id: String,
    /// The header `Webhook-Id`. Every attempt and every replay has the same.
    pub webhook_id: String,
    /// The body.
    pub payload: Value,
    /// The attempts, replays among them.
    pub attempts: Vec<TestAttempt>,
}

/// An attempt to deliver.
#[derive(Clone, Debug)]
pub struct TestAttempt {
    /// The status of the response. `None` when there was none.
    pub status: Option<u16>,
    /// The response's body, or why there is none.
    pub text: String,
}

impl TestAttempt {
    /// Returns whether the delivery succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl TestDelivery {
    /// Returns the status of the last attempt's response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.attempts.last()?.status
    }

    /// Returns the action and the scope of the event: `update repo.content`.
    #[must_use]
    pub fn event(&self) -> String {
        let event = &self.payload["event"];
        let part = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", part("action"), part("scope"))
    }
}

impl TestWebhook {
    /// Returns whether the webhook delivers an event of this scope.
    pub(super) fn delivers(&self, repo: &RepoKey, scope: &str) -> bool {
        let owner = repo.owner();
        let names = [repo.to_string(), format!("org:{owner}"), format!("user:{owner}")];
        let domain = scope.split('.').next().unwrap_or_default();
        self.state == TestWebhookState::Enabled
            && self.watched.iter().any(|watched| names.contains(watched))
            && self.domains.iter().any(|it| it == domain)
    }

    /// Returns the webhook in a response: in a list, only whether it has a secret.
    pub(super) fn json(&self, with_secret: bool) -> Value {
        let disabled = match self.state {
            TestWebhookState::Enabled => json!(false),
            TestWebhookState::Disabled => json!(true),
            TestWebhookState::Suspended => json!("suspended-after-failure"),
        };
        let watched = self.watched.iter().filter_map(|it| it.split_once(':'));
        let watched: Vec<_> =
            watched.map(|(kind, name)| json!({ "type": kind, "name": name })).collect();
        let mut webhook = json!({
            "id": self.id,
            "watched": watched,
            "domains": self.domains,
            "disabled": disabled,
        });
        match (&self.url, &self.job) {
            (Some(url), _) => webhook["url"] = json!(url),
            (None, job) => webhook["job"] = json!(job),
        }
        match &self.secret {
            Some(secret) if with_secret => webhook["secret"] = json!(secret),
            secret => webhook["hasSecret"] = json!(secret.is_some()),
        }
        webhook
    }
}
