//! What a Space has beside its repo.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::hub::build::SpaceWalk;

/// A Space's settings and its runtime.
#[derive(Clone, Debug)]
pub(in crate::hub) struct RepoSpace {
    pub(in crate::hub) sdk: String,
    /// Never in a response.
    pub(in crate::hub) secrets: BTreeMap<String, String>,
    /// When each secret was set last.
    pub(in crate::hub) set_at: BTreeMap<String, String>,
    pub(in crate::hub) variables: BTreeMap<String, String>,
    pub(in crate::hub) stage: String,
    /// The commit that it builds or runs.
    pub(in crate::hub) commit: Option<String>,
    /// What it does next.
    pub(in crate::hub) walk: SpaceWalk,
    /// `None` until it has run.
    pub(in crate::hub) hardware: Option<String>,
    pub(in crate::hub) requested_hardware: String,
}

impl RepoSpace {
    /// Makes a Space that is being built.
    pub(in crate::hub) fn new(sdk: &str, hardware: Option<String>) -> Self {
        Self {
            sdk: sdk.to_owned(),
            secrets: BTreeMap::new(),
            set_at: BTreeMap::new(),
            variables: BTreeMap::new(),
            stage: "BUILDING".to_owned(),
            commit: None,
            walk: SpaceWalk::default(),
            hardware: None,
            requested_hardware: hardware.unwrap_or_else(|| "cpu-basic".to_owned()),
        }
    }

    /// Sets the stage. A Space that runs has the hardware that was requested.
    pub(in crate::hub) fn set_stage(&mut self, stage: &str) {
        stage.clone_into(&mut self.stage);
        if stage == "RUNNING" {
            self.hardware = Some(self.requested_hardware.clone());
        }
    }

    /// Takes the next step of a build.
    pub(in crate::hub) fn advance(&mut self) {
        if let Some((stage, commit)) = self.walk.next() {
            self.set_stage(&stage);
            self.commit = Some(commit);
        }
    }

    /// Sets secrets.
    pub(in crate::hub) fn set_secrets(
        &mut self,
        secrets: impl IntoIterator<Item = (String, String)>,
        now: &str,
    ) {
        for (name, value) in secrets {
            self.set_at.insert(name.clone(), now.to_owned());
            self.secrets.insert(name, value);
        }
    }

    /// Returns the secrets in a response, without their values.
    pub(in crate::hub) fn secrets(&self) -> Value {
        let info = |name: &String| (name.clone(), json!({ "updatedAt": self.set_at.get(name) }));
        Value::Object(self.secrets.keys().map(info).collect())
    }

    /// Returns the runtime in a response.
    pub(in crate::hub) fn runtime(&self) -> Value {
        json!({
            "stage": self.stage,
            "hardware": { "current": self.hardware, "requested": self.requested_hardware },
            "storage": null,
            "gcTimeout": 172_800,
            "replicas": { "current": 1, "requested": 1 },
            "devMode": false,
            "sha": self.commit,
        })
    }

    /// Returns the variables in a response.
    pub(in crate::hub) fn variables(&self) -> Value {
        let pair = |(key, value): (&String, &String)| (key.clone(), json!({ "value": value }));
        Value::Object(self.variables.iter().map(pair).collect())
    }
}
