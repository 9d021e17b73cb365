//! The requests that the Python client sends, from `tests/hub/requests.json`, and a Hub on which they succeed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::repository::read;

use super::call;

/// What the Python client does when it is called.
#[derive(Debug, Deserialize)]
pub(super) struct RecordedCall {
    /// The name of the method of `webhooks_runtime::Hub`, with a variant after a colon.
    pub(super) call: String,
    pub(super) requests: Vec<RecordedRequest>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecordedRequest {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Value,
    /// What the client reads of the response. Absent for a file.
    #[serde(default, deserialize_with = "Deserialize::deserialize")]
    pub(super) response: Option<Value>,
}

/// Returns all calls, about this Hub: with its token and ids.
pub(super) fn recorded_calls(hub: &RecordedHub) -> Vec<RecordedCall> {
    let text = hub.fill_in(&read("tests/hub/requests.json"));
    let mut recorded: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(recorded["calls"].take()).unwrap()
}

/// A Hub with everything that the recorded calls are about.
pub(super) struct RecordedHub {
    pub(super) hub: TestHub,
    /// The values of placeholders.
    pub(super) values: BTreeMap<&'static str, String>,
}

impl RecordedHub {
    pub(super) fn start() -> Self {
        let hub = TestHub::start();
        hub.create_org("acme");
        hub.create_repo("dataset:me/data");
        let files: [(&str, Option<&[u8]>); 3] = [
            ("README.md", Some(b"# Data\n")),
            ("data/train.csv", Some(b"seed\n42\n")),
            ("notes/first.txt", Some(b"Hello\n")),
        ];
        let head = hub.push("dataset:me/data", "main", &files);
        hub.set_ref("dataset:me/data", "refs/tags/v1", Some(&head));
        hub.open_discussion("dataset:me/data", "me", "Name the seed", "Which seed was used?");
        let files: [(&str, Option<&[u8]>); 1] = [("notes/a b#1?ä.txt", Some(b"seed\n42\n"))];
        hub.open_pull_request("dataset:me/data", "me", "Name the seed", &files);
        hub.create_repo("model:me/tiny");
        hub.push("model:me/tiny", "main", &[("config.json", Some(b"{}"))]);
        hub.open_discussion("model:me/tiny", "me", "Name the seed", "Which seed was used?");
        hub.create_repo("space:me/bot");
        hub.push("space:me/bot", "main", &[("README.md", Some(b"# Bot\n"))]);
        hub.set_space_stage("space:me/bot", "RUNNING");
        let pair = json!({ "key": "LEVEL", "value": "info" });
        assert_eq!(call(&hub, "POST /api/spaces/me/bot/variables", &pair).status, 200);
        let pair = json!({ "key": "WEBHOOK_SECRET", "value": "hush" });
        assert_eq!(call(&hub, "POST /api/spaces/me/bot/secrets", &pair).status, 200);
        let job = json!({
            "command": ["bot"], "arguments": [], "environment": {}, "flavor": "cpu-basic",
            "dockerImage": "bot",
        });
        let job = call(&hub, "POST /api/jobs/me", &job).json();
        let url = "https://bot.example/webhooks/retrain";
        let values = BTreeMap::from([
            ("endpoint", hub.url().to_owned()),
            ("token", hub.token().to_owned()),
            ("comment", hub.comments("dataset:me/data", 1)[0].id.clone()),
            ("webhook", hub.create_webhook("me", url, &["dataset:me/data"])),
            ("job", job["id"].as_str().unwrap().to_owned()),
            ("head", head),
            ("pull_request_head", hub.head("dataset:me/data", "refs/pr/2").unwrap()),
        ]);
        hub.forget_requests();
        Self { hub, values }
    }

    /// Replaces placeholders by the ids of this Hub.
    fn fill_in(&self, text: &str) -> String {
        let fill = |text: String, (name, value): (&&str, &String)| {
            text.replace(&format!("{{{name}}}"), value)
        };
        self.values.iter().fold(text.to_owned(), fill)
    }
}
