//! Runs a Job.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client::Hub;
use super::error::HubError;
use super::lenient::or_default;
use super::path::{filled, segment};

/// The image of a Space, in place of one of a registry: the rest of the name is the Space's.
///
/// The list of `huggingface_hub` 2.4.0, in its `_jobs_api.py`.
const SPACE_IMAGES: [&str; 4] = [
    "https://huggingface.co/spaces/",
    "https://hf.co/spaces/",
    "huggingface.co/spaces/",
    "hf.co/spaces/",
];

/// A Job to run, for [`Hub::run_job`].
///
/// `Debug` hides the values of secrets.
///
/// ```
/// use std::time::Duration;
///
/// use webhooks_runtime::hub::JobSpec;
///
/// let spec = JobSpec::new("python:3.12", ["python", "-c", "print('Hello!')"])
///     .env("EPOCHS", "3")
///     .secret("HF_TOKEN", "hf_of_the_job")
///     .flavor("a10g-small")
///     .timeout(Duration::from_secs(2 * 60 * 60));
/// assert!(!format!("{spec:?}").contains("hf_of_the_job"));
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct JobSpec {
    command: Vec<String>,
    arguments: [String; 0],
    environment: BTreeMap<String, String>,
    flavor: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    docker_image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    space_id: Option<String>,
}

impl JobSpec {
    /// Describes a Job that runs a command in an image: one of Docker's registry, or the one of a Space, such as
    /// `hf.co/spaces/me/bot`. Its hardware is `cpu-basic`.
    ///
    /// ```
    /// use webhooks_runtime::hub::JobSpec;
    ///
    /// let spec = JobSpec::new("hf.co/spaces/me/bot", ["/usr/local/bin/bot", "deliver"]);
    /// ```
    pub fn new<T: Into<String>>(image: &str, command: impl IntoIterator<Item = T>) -> Self {
        let space = SPACE_IMAGES.iter().find_map(|prefix| image.strip_prefix(prefix));
        let (docker_image, space_id) = match space {
            Some(space) => (None, Some(space.to_owned())),
            None => (Some(image.to_owned()), None),
        };
        Self {
            command: command.into_iter().map(Into::into).collect(),
            arguments: [],
            environment: BTreeMap::new(),
            flavor: "cpu-basic".to_owned(),
            secrets: BTreeMap::new(),
            timeout_seconds: None,
            labels: BTreeMap::new(),
            docker_image,
            space_id,
        }
    }

    /// Sets a variable of its environment.
    ///
    /// ```
    /// use webhooks_runtime::hub::JobSpec;
    ///
    /// let spec = JobSpec::new("python:3.12", ["python", "train.py"]).env("EPOCHS", "3");
    /// ```
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(key.into(), value.into());
        self
    }

    /// Sets a secret variable of its environment.
    ///
    /// ```
    /// use webhooks_runtime::hub::JobSpec;
    ///
    /// let spec = JobSpec::new("python:3.12", ["python", "train.py"]).secret("HF_TOKEN", "hf_of_the_job");
    /// ```
    pub fn secret(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.insert(key.into(), value.into());
        self
    }

    /// Sets its hardware.
    ///
    /// ```
    /// use webhooks_runtime::hub::JobSpec;
    ///
    /// let spec = JobSpec::new("python:3.12", ["python", "train.py"]).flavor("a10g-small");
    /// ```
    pub fn flavor(mut self, flavor: impl Into<String>) -> Self {
        self.flavor = flavor.into();
        self
    }

    /// Sets how long it may run, in whole seconds.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use webhooks_runtime::hub::JobSpec;
    ///
    /// let spec = JobSpec::new("python:3.12", ["python", "train.py"]);
    /// let spec = spec.timeout(Duration::from_secs(60 * 60));
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout_seconds = Some(limit.as_secs());
        self
    }

    /// Adds a label. The label `name` is the name of the Job.
    ///
    /// ```
    /// use webhooks_runtime::hub::JobSpec;
    ///
    /// let spec = JobSpec::new("python:3.12", ["python", "train.py"]).label("name", "training");
    /// ```
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    fn check(&self) -> Result<(), HubError> {
        let image = self.docker_image.as_ref().or(self.space_id.as_ref());
        filled("image", image.map_or("", String::as_str))?;
        filled("flavor", &self.flavor)?;
        if self.command.is_empty() {
            return Err(HubError::argument("command", "is empty"));
        }
        if self.timeout_seconds == Some(0) {
            return Err(HubError::argument("timeout", "is less than a second"));
        }
        for key in self.environment.keys().chain(self.secrets.keys()).chain(self.labels.keys()) {
            filled("key", key)?;
        }
        Ok(())
    }
}

impl fmt::Debug for JobSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSpec")
            .field("image", &self.docker_image.as_ref().or(self.space_id.as_ref()))
            .field("command", &self.command)
            .field("environment", &self.environment)
            .field("secrets", &self.secrets.keys().collect::<Vec<_>>())
            .field("flavor", &self.flavor)
            .finish_non_exhaustive()
    }
}

/// A Job on the Hub: see [`Hub::run_job`].
///
/// ```
/// use webhooks_runtime::hub::HubJob;
///
/// fn url(namespace: &str, job: &HubJob) -> String {
///     format!("https://huggingface.co/jobs/{namespace}/{}", job.id)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct HubJob {
    /// The id.
    pub id: String,
    /// How it is going.
    #[serde(default, deserialize_with = "or_default")]
    pub status: HubJobStatus,
}

/// How a Job is going: see [`HubJob`].
///
/// ```
/// use webhooks_runtime::hub::HubJob;
///
/// fn line(job: &HubJob) -> String {
///     format!("{}: {}", job.id, job.status.stage)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct HubJobStatus {
    /// The stage, such as `RUNNING`.
    #[serde(default, deserialize_with = "or_default")]
    pub stage: String,
    /// The Hub's message.
    #[serde(default)]
    pub message: Option<String>,
}

/// The call that runs a Job.
impl Hub {
    /// Runs a Job for a user or an organization, which pays for it.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::hub::JobSpec;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/jobs/me").respond(json!({ "id": "j1", "status": { "stage": "RUNNING" } }));
    /// # let hub = stub.hub();
    /// let spec = JobSpec::new("python:3.12", ["python", "-c", "print('Hello!')"]);
    /// let job = hub.run_job("me", &spec).await?;
    /// assert_eq!(job.status.stage, "RUNNING");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails, and when the spec has no command. A call whose response was lost is not
    /// sent again: the Job may run.
    pub async fn run_job(&self, namespace: &str, spec: &JobSpec) -> Result<HubJob, HubError> {
        let path = format!("/api/jobs/{}", segment("namespace", namespace)?);
        spec.check()?;
        self.post(&path).json(spec).fetch().await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    #[test]
    fn the_body_has_what_is_set_and_nothing_else() {
        let body = |spec: &JobSpec| serde_json::to_value(spec).unwrap();
        assert_eq!(
            body(&JobSpec::new("python:3.12", ["python"])),
            json!({
                "command": ["python"], "arguments": [], "environment": {}, "flavor": "cpu-basic",
                "dockerImage": "python:3.12",
            })
        );
        let spec = JobSpec::new("hf.co/spaces/me/bot", ["bot", "deliver"]).env("A", "1");
        let spec = spec.secret("S", "hush").flavor("a10g-small").label("name", "x");
        assert_eq!(
            body(&spec.timeout(Duration::from_secs(90))),
            json!({
                "command": ["bot", "deliver"], "arguments": [], "environment": { "A": "1" },
                "secrets": { "S": "hush" }, "flavor": "a10g-small", "timeoutSeconds": 90,
                "labels": { "name": "x" }, "spaceId": "me/bot",
            })
        );
    }

    #[tokio::test]
    async fn an_incomplete_spec_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        let spec = || JobSpec::new("python:3.12", ["python"]);
        for (namespace, spec) in [
            ("", spec()),
            ("..", spec()),
            ("me", JobSpec::new("", ["python"])),
            ("me", JobSpec::new("hf.co/spaces/", ["python"])),
            ("me", JobSpec::new("python:3.12", [""; 0])),
            ("me", spec().flavor("")),
            ("me", spec().timeout(Duration::ZERO)),
            ("me", spec().secret("", "hush")),
        ] {
            assert!(stub.hub().run_job(namespace, &spec).await.is_err(), "{namespace} {spec:?}");
        }
        assert_eq!(stub.calls(), []);
    }
}
