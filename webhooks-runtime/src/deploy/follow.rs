//! Follows the build and the start of a Space, until its program responds.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::DeployError;
use super::event::{DeployEvent, EventReport};
use super::health;
use crate::hub::{Hub, HubError, RepoId, SpaceLog, SpaceStatus};

/// How long to wait between two requests, as Python's client does.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a Space may take to build and start. A first build compiles all crates.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// How long a Space may have its old stage after a commit, if the Hub does not say of which commit the stage is.
const SETTLING: Duration = Duration::from_secs(15);

/// How long a Space that runs may take to respond.
const HEALTH_LIMIT: Duration = Duration::from_secs(3 * 60);

/// How many requests in a row may fail before the command gives up.
const MAX_FAILURES: u32 = 5;

/// How many lines of the log are shown when a Space fails.
const LOG_LINES: usize = 20;

/// A Space to follow.
pub(crate) struct SpaceRun<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) space: &'a RepoId,
    /// The commit that it is to run; `None` if no file has changed.
    pub(crate) commit: Option<&'a str>,
    /// Its public URL; `None` if nobody can reach it without a token.
    pub(crate) url: Option<&'a str>,
}

/// What a stage means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Pending,
    Running,
    /// It failed, and the reason is in this log.
    Failed(SpaceLog),
}

impl SpaceRun<'_> {
    /// Waits until the program responds, and reports each stage.
    ///
    /// # Errors
    ///
    /// When the build or the start fails, after the last lines of the log, or takes too long.
    pub(crate) async fn follow(&self, report: EventReport<'_>) -> Result<(), DeployError> {
        self.wait_until_running(report).await?;
        let Some(url) = self.url else { return Ok(()) };
        if let Err(reason) = health::wait(url, HEALTH_LIMIT, report).await {
            self.report_log(SpaceLog::Run, report).await;
            return Err(DeployError::Unhealthy {
                space: self.space.name.clone(),
                url: format!("{url}/health"),
                reason,
                log: self.log_url(SpaceLog::Run),
            });
        }
        report(DeployEvent::Healthy { url });
        Ok(())
    }

    async fn wait_until_running(&self, report: EventReport<'_>) -> Result<(), DeployError> {
        let start = Instant::now();
        let (mut last_stage, mut has_changed, mut failures) = (None::<String>, false, 0);
        let mut since = start;
        loop {
            let status = match self.hub.space_status(self.space).await {
                Ok(status) => status,
                Err(error) if failures < MAX_FAILURES && is_temporary(&error) => {
                    failures += 1;
                    sleep(PAUSE).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            failures = 0;
            let stage = status.runtime.stage.as_str();
            let is_new = last_stage.as_deref() != Some(stage);
            has_changed |= is_new && last_stage.is_some();
            if is_new {
                since = Instant::now();
            }
            let settled = has_changed || start.elapsed() >= SETTLING;
            let seconds = since.elapsed().as_secs();
            report(match is_new {
                // That of the commit before would look like that of this one.
                _ if is_of_other(&status, self.commit) => {
                    DeployEvent::Waiting { on: "the build", seconds }
                }
                true => DeployEvent::Stage { stage },
                false => DeployEvent::Waiting { on: stage, seconds },
            });
            match progress(&status, self.commit, settled) {
                Progress::Running => return Ok(()),
                Progress::Failed(log) => {
                    self.report_log(log, report).await;
                    let (space, stage) = (self.space.name.clone(), stage.to_owned());
                    return Err(DeployError::Failed { space, stage, url: self.log_url(log) });
                }
                Progress::Pending if start.elapsed() >= LIMIT => {
                    return Err(DeployError::TooSlow {
                        space: self.space.name.clone(),
                        stage: stage.to_owned(),
                        minutes: LIMIT.as_secs() / 60,
                        url: self.log_url(SpaceLog::Build),
                    });
                }
                Progress::Pending => {}
            }
            last_stage = Some(stage.to_owned());
            sleep(PAUSE).await;
        }
    }

    async fn report_log(&self, log: SpaceLog, report: EventReport<'_>) {
        // The error of the Space is more important than that of its log.
        let lines = self.hub.space_log(self.space, log).await.unwrap_or_default();
        for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
            report(DeployEvent::Log { line });
        }
    }

    fn log_url(&self, log: SpaceLog) -> String {
        let log = if log == SpaceLog::Build { "build" } else { "container" };
        format!("{}/spaces/{}?logs={log}", self.hub.address(), self.space.name)
    }
}

/// Returns whether the stage is certainly that of another commit than this one.
fn is_of_other(status: &SpaceStatus, commit: Option<&str>) -> bool {
    commit.zip(status.sha.as_deref()).is_some_and(|(commit, sha)| commit != sha)
}

/// Returns what a stage means for the commit that the Space is to run. `settled` is whether the Hub has had the time to
/// notice the commit.
fn progress(status: &SpaceStatus, commit: Option<&str>, settled: bool) -> Progress {
    let is_old =
        is_of_other(status, commit) || (commit.is_some() && status.sha.is_none() && !settled);
    match status.runtime.stage.as_str() {
        _ if is_old => Progress::Pending,
        // A visit starts it, which the check of its health is.
        "RUNNING" | "SLEEPING" => Progress::Running,
        "BUILD_ERROR" | "CONFIG_ERROR" | "NO_APP_FILE" => Progress::Failed(SpaceLog::Build),
        "RUNTIME_ERROR" | "PAUSED" | "STOPPED" | "DELETING" => Progress::Failed(SpaceLog::Run),
        _ => Progress::Pending,
    }
}

fn is_temporary(error: &HubError) -> bool {
    error.status().is_none_or(|status| status >= 500)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    fn status(stage: &str, sha: Option<&str>) -> SpaceStatus {
        serde_json::from_value(json!({ "stage": stage, "sha": sha })).unwrap()
    }

    #[test]
    fn a_stage_counts_when_it_is_that_of_the_commit() {
        use Progress::{Failed, Pending, Running};
        for (stage, sha, commit, settled, expected) in [
            ("RUNNING", Some("new"), Some("new"), false, Running),
            ("RUNNING", Some("old"), Some("new"), true, Pending),
            ("RUNNING", None, Some("new"), false, Pending),
            ("RUNNING", None, Some("new"), true, Running),
            ("RUNNING", Some("old"), None, false, Running),
            ("SLEEPING", None, None, false, Running),
            ("RUNNING_BUILDING", Some("new"), Some("new"), true, Pending),
            ("BUILDING", None, None, false, Pending),
            ("APP_STARTING", Some("new"), Some("new"), false, Pending),
            ("BUILD_ERROR", Some("old"), Some("new"), true, Pending),
            ("BUILD_ERROR", Some("new"), Some("new"), false, Failed(SpaceLog::Build)),
            ("RUNTIME_ERROR", None, Some("new"), true, Failed(SpaceLog::Run)),
            ("PAUSED", None, None, false, Failed(SpaceLog::Run)),
        ] {
            let progress = progress(&status(stage, sha), commit, settled);
            assert_eq!(progress, expected, "{stage} {sha:?} {commit:?} {settled}");
        }
    }

    async fn follow(stub: &HubStub) -> (Result<(), DeployError>, Vec<String>) {
        let (hub, space) = (stub.hub(), RepoId::space("me/bot"));
        let run = SpaceRun { hub: &hub, space: &space, commit: Some("new"), url: None };
        let mut events = Vec::new();
        let followed = run
            .follow(&mut |event| match event {
                DeployEvent::Waiting { .. } => {}
                event => events.push(serde_json::to_string(&event).unwrap()),
            })
            .await;
        (followed, events)
    }

    #[tokio::test(start_paused = true)]
    async fn each_stage_is_reported_once_until_the_space_runs() {
        let stub = HubStub::new();
        let mut runtime = stub.on("GET", "/api/spaces/me/bot/runtime");
        runtime = runtime.respond(json!({ "stage": "BUILD_ERROR", "sha": "old" }));
        for stage in ["BUILDING", "BUILDING", "APP_STARTING", "RUNNING"] {
            runtime = runtime.respond(json!({ "stage": stage, "sha": "new" }));
        }
        let (followed, events) = follow(&stub).await;
        followed.unwrap();
        let stage = |stage| format!(r#"{{"event":"stage","stage":"{stage}"}}"#);
        assert_eq!(events, ["BUILDING", "APP_STARTING", "RUNNING"].map(stage));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_ends_with_the_last_lines_of_its_log() {
        let stub = HubStub::new();
        let runtime = json!({ "stage": "BUILD_ERROR", "sha": "new" });
        stub.on("GET", "/api/spaces/me/bot/runtime").respond(runtime);
        let lines = (1..=30).map(|line| format!("data: {{\"data\":\"line {line}\"}}\n\n"));
        stub.on("GET", "/api/spaces/me/bot/logs/build").text(&lines.collect::<String>());
        let (followed, events) = follow(&stub).await;
        let error = followed.unwrap_err().to_string();
        assert!(error.contains("BUILD_ERROR") && error.contains("/me/bot?logs=build"), "{error}");
        assert_eq!(events.len(), 21);
        assert_eq!(events[1], r#"{"event":"log","line":"line 11"}"#);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_of_the_hub_is_waited_for_and_other_errors_are_not() {
        let stub = HubStub::new();
        let runtime = stub.on("GET", "/api/spaces/me/bot/runtime");
        let runtime = (0..6).fold(runtime, |runtime, _| runtime.error(503, "Busy"));
        runtime.respond(json!({ "stage": "RUNNING", "sha": "new" }));
        follow(&stub).await.0.unwrap();
        let gone = HubStub::new();
        gone.on("GET", "/api/spaces/me/bot/runtime").error(404, "Repository not found");
        assert!(matches!(follow(&gone).await.0, Err(DeployError::Hub(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_build_without_an_end_is_given_up() {
        let stub = HubStub::new();
        stub.on("GET", "/api/spaces/me/bot/runtime").respond(json!({ "stage": "BUILDING" }));
        let (followed, _) = follow(&stub).await;
        assert!(matches!(followed, Err(DeployError::TooSlow { minutes: 60, .. })), "{followed:?}");
    }
}
