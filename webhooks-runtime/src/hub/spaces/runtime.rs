//! How a Space runs: its stage and hardware; restart, pause, other hardware.

use serde::Deserialize;
use serde_json::json;

use crate::hub::client::Hub;
use crate::hub::error::HubError;
use crate::hub::lenient::or_default;
use crate::hub::path::filled;
use crate::hub::repo_id::RepoId;
use crate::payload::open_set;

open_set! {
    /// The stage of a Space.
    ///
    /// ```
    /// use webhooks_runtime::hub::SpaceStage;
    ///
    /// fn is_broken(stage: &SpaceStage) -> bool {
    ///     matches!(stage, SpaceStage::BuildError | SpaceStage::RuntimeError)
    /// }
    ///
    /// assert!(is_broken(&SpaceStage::from("BUILD_ERROR")));
    /// ```
    pub enum SpaceStage in hub {
        /// Its image is being built.
        Building = "BUILDING",
        /// Its image is built, and the program starts.
        AppStarting = "APP_STARTING",
        /// The program runs.
        Running = "RUNNING",
        /// The image could not be built.
        BuildError = "BUILD_ERROR",
        /// The program failed.
        RuntimeError = "RUNTIME_ERROR",
        /// A person or a program paused it.
        Paused = "PAUSED",
    }
}

/// How a Space runs: see [`Hub::space_runtime`].
///
/// ```
/// use webhooks_runtime::hub::{SpaceRuntime, SpaceStage};
///
/// fn is_up(runtime: &SpaceRuntime) -> bool {
///     runtime.stage == SpaceStage::Running
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "RuntimeJson")]
#[non_exhaustive]
pub struct SpaceRuntime {
    /// The stage.
    pub stage: SpaceStage,
    /// The hardware that it runs on, such as `cpu-basic`; `None` while it is built for the first time.
    pub hardware: Option<String>,
    /// The hardware that was requested last.
    pub requested_hardware: Option<String>,
}

#[derive(Deserialize)]
struct RuntimeJson {
    stage: SpaceStage,
    #[serde(default, deserialize_with = "or_default")]
    hardware: HardwareJson,
}

#[derive(Default, Deserialize)]
struct HardwareJson {
    current: Option<String>,
    requested: Option<String>,
}

impl From<RuntimeJson> for SpaceRuntime {
    fn from(json: RuntimeJson) -> Self {
        let HardwareJson { current: hardware, requested: requested_hardware } = json.hardware;
        Self { stage: json.stage, hardware, requested_hardware }
    }
}

/// Calls for the runtime of a Space.
impl Hub {
    /// Returns the stage and the hardware of a Space.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// use webhooks_runtime::hub::SpaceStage;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let runtime = json!({ "stage": "RUNNING", "hardware": { "current": "cpu-basic" } });
    /// # stub.on("GET", "/api/spaces/me/bot/runtime").respond(runtime);
    /// # let hub = stub.hub();
    /// let runtime = hub.space_runtime("space:me/bot").await?;
    /// assert_eq!(runtime.stage, SpaceStage::Running);
    /// assert_eq!(runtime.hardware.as_deref(), Some("cpu-basic"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn space_runtime(&self, space: impl Into<RepoId>) -> Result<SpaceRuntime, HubError> {
        self.get(&path(&space.into(), "/runtime")?).fetch().await
    }

    /// Restarts a Space, also one that is paused. `factory` builds its image again, without caches.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/spaces/me/bot/restart").respond(json!({ "stage": "BUILDING" }));
    /// # let hub = stub.hub();
    /// let runtime = hub.restart_space("space:me/bot", false).await?;
    /// assert_eq!(runtime.stage, "BUILDING");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn restart_space(
        &self,
        space: impl Into<RepoId>,
        factory: bool,
    ) -> Result<SpaceRuntime, HubError> {
        let request = self.post(&path(&space.into(), "/restart")?);
        let request = if factory { request.query("factory", "true") } else { request };
        request.fetch().await
    }

    /// Pauses a Space until somebody restarts it.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # stub.on("POST", "/api/spaces/me/bot/pause").respond(json!({ "stage": "PAUSED" }));
    /// # let hub = stub.hub();
    /// assert_eq!(hub.pause_space("space:me/bot").await?.stage, "PAUSED");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn pause_space(&self, space: impl Into<RepoId>) -> Result<SpaceRuntime, HubError> {
        self.post(&path(&space.into(), "/pause")?).idempotent().fetch().await
    }

    /// Requests other hardware for a Space, such as `cpu-basic`. Most hardware costs money as long as it runs.
    ///
    /// ```
    /// # use webhooks_runtime::serde_json::json;
    /// # use webhooks_runtime::testing::HubStub;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), webhooks_runtime::HubError> {
    /// # let stub = HubStub::new();
    /// # let runtime = json!({ "stage": "RUNNING", "hardware": { "requested": "cpu-basic" } });
    /// # stub.on("POST", "/api/spaces/me/bot/hardware").respond(runtime);
    /// # let hub = stub.hub();
    /// let runtime = hub.set_space_hardware("space:me/bot", "cpu-basic").await?;
    /// assert_eq!(runtime.requested_hardware.as_deref(), Some("cpu-basic"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error when the call fails.
    pub async fn set_space_hardware(
        &self,
        space: impl Into<RepoId>,
        flavor: &str,
    ) -> Result<SpaceRuntime, HubError> {
        let path = path(&space.into(), "/hardware")?;
        let body = json!({ "flavor": filled("flavor", flavor)? });
        self.post(&path).json(&body).idempotent().fetch().await
    }
}

fn path(space: &RepoId, rest: &str) -> Result<String, HubError> {
    space.check_space()?;
    space.api(format_args!("{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::HubStub;

    #[test]
    fn a_space_that_is_built_for_the_first_time_has_no_hardware() {
        for hardware in [json!(null), json!({}), json!({ "current": null, "requested": null })] {
            let json = json!({ "stage": "NO_APP_FILE", "hardware": hardware, "gcTimeout": null });
            let runtime: SpaceRuntime = serde_json::from_value(json).unwrap();
            assert_eq!((runtime.hardware, runtime.requested_hardware), (None, None));
            assert_eq!(runtime.stage, SpaceStage::Other("NO_APP_FILE".to_owned()));
        }
    }

    #[tokio::test]
    async fn only_a_factory_restart_says_so() {
        let stub = HubStub::new();
        stub.on("POST", "/api/spaces/me/bot/restart").respond(json!({ "stage": "BUILDING" }));
        for factory in [false, true] {
            stub.hub().restart_space("space:me/bot", factory).await.unwrap();
        }
        let calls = stub.calls();
        assert_eq!(calls[0].query, []);
        assert_eq!(calls[1].query, [("factory".to_owned(), "true".to_owned())]);
        assert!(calls[1].body.is_null());
    }

    #[tokio::test]
    async fn what_is_no_space_or_no_hardware_is_an_error_before_anything_is_sent() {
        let stub = HubStub::new();
        let hub = stub.hub();
        assert!(hub.space_runtime("me/bot").await.is_err());
        assert!(hub.pause_space("dataset:me/bot").await.is_err());
        assert!(hub.restart_space("space:", true).await.is_err());
        assert!(hub.set_space_hardware("space:me/bot", "").await.is_err());
        assert_eq!(stub.calls(), []);
    }
}
