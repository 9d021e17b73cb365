//! Jobs: recorded, never run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::account::TestAccount;

/// A Job that was started.
#[derive(Clone, Debug)]
pub struct TestJob {
    /// The id.
    pub id: String,
    /// The user or organization that it belongs to.
    pub owner: TestAccount,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The secrets, which are in no response.
    pub secrets: BTreeMap<String, String>,
    /// The hardware.
    pub flavor: String,
    /// `dockerImage` or `spaceId`, and its value.
    pub image: (&'static str, String),
    /// How long it may run, in seconds.
    pub timeout_seconds: Option<u64>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    pub(super) created_at: String,
}

impl TestJob {
    /// Returns the Job in a response.
    pub(super) fn json(&self) -> Value {
        let mut job = json!({
            "id": self.id,
            "createdAt": self.created_at,
            "status": { "stage": "SCHEDULING", "message": null },
            "owner": { "id": self.owner.id, "name": self.owner.name, "type": self.owner_type() },
            "initiator": { "type": self.owner_type(), "id": self.owner.id, "name": self.owner.name },
            "labels": self.labels,
        });
        merge(&mut job, self.spec());
        job
    }

    /// Returns what a webhook that starts such Jobs has of it.
    pub(super) fn spec(&self) -> Value {
        let mut spec = json!({
            "command": self.command,
            "arguments": [],
            "environment": self.environment,
            "flavor": self.flavor,
        });
        merge(&mut spec, json!({ self.image.0: self.image.1 }));
        spec
    }

    fn owner_type(&self) -> &'static str {
        if self.owner.orgs.is_some() { "user" } else { "org" }
    }
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
