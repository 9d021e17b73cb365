//! Carries out a plan: creates the Space or changes its settings, and uploads the files in one commit.

use std::collections::BTreeMap;

use super::error::DeployError;
use super::event::{DeployEvent, EventReport};
use super::marker::{DeployMarker, MARKER_FILE};
use super::plan::DeployPlan;
use super::snapshot::url;
use crate::hub::{Commit, Hub, HubError, NewRepo, RepoId, RepoVisibility};

/// The first line of each commit.
const MESSAGE: &str = "Deploy with webhooks-runtime";

/// How the Hub's message begins or goes on when the account has no paid plan.
const PLAN_WORDS: [&str; 5] = ["paid plan", "subscription", "subscribe", "upgrade", "pro "];

/// Creates the Space, or changes its settings.
///
/// # Errors
///
/// When a call fails. What was done until then stays: the next deployment continues.
pub(crate) async fn prepare(
    hub: &Hub,
    space: &RepoId,
    plan: &DeployPlan,
    report: EventReport<'_>,
) -> Result<(), DeployError> {
    if plan.creates {
        create(hub, space, plan, report).await
    } else {
        set(hub, space, plan, report).await
    }
}

/// Uploads the files to a Space that exists. Returns the new commit, if files changed.
///
/// # Errors
///
/// When a call fails, or the Hub keeps one of the files as a large one. Then none is uploaded.
pub(crate) async fn upload(
    hub: &Hub,
    space: &RepoId,
    plan: &DeployPlan,
    files: &BTreeMap<String, Vec<u8>>,
    report: EventReport<'_>,
) -> Result<Option<String>, DeployError> {
    if !plan.changes_files() {
        return Ok(None);
    }
    let mut commit = Commit::new(MESSAGE).add(MARKER_FILE, DeployMarker::of(files).to_file());
    for path in &plan.uploads {
        commit = commit.add(path, files.get(path).cloned().unwrap_or_default());
    }
    commit = plan.deletions.iter().fold(commit, Commit::delete);
    if let Some(parent) = &plan.parent {
        commit = commit.parent(parent);
    }
    let info = hub.commit(space.clone(), "main", &commit).await.map_err(|error| match error {
        HubError::LargeFile { path } => DeployError::LargeFile { path },
        error if error.status() == Some(412) => {
            DeployError::ChangedMeanwhile { space: space.name.clone() }
        }
        error => error.into(),
    })?;
    let (files, deleted) = (plan.uploads.len(), plan.deletions.len());
    report(DeployEvent::Uploaded { files, deleted, commit: &info.commit_oid });
    Ok(Some(info.commit_oid))
}

/// Returns the public URL of a Space, as the Hub says now.
///
/// # Errors
///
/// When the call fails, or the Hub does not say.
pub(crate) async fn public_url(hub: &Hub, space: &RepoId) -> Result<String, DeployError> {
    let info = hub.repo_info(space.clone()).await?;
    url(&info.other).ok_or_else(|| DeployError::NoAddress { space: space.name.clone() })
}

async fn create(
    hub: &Hub,
    space: &RepoId,
    plan: &DeployPlan,
    report: EventReport<'_>,
) -> Result<(), DeployError> {
    let visibility = if plan.private { RepoVisibility::Private } else { RepoVisibility::Public };
    let mut settings = NewRepo::new().sdk("docker").visibility(visibility);
    if let Some(hardware) = &plan.hardware {
        settings = settings.hardware(hardware);
    }
    settings = plan.secrets.iter().fold(settings, |it, (name, value)| it.secret(name, value));
    settings = plan.variables.iter().fold(settings, |it, (name, value)| it.variable(name, value));
    let created = hub.create_repo(space.clone(), &settings).await;
    let url = created.map_err(|error| creation_error(space, error))?;
    report(DeployEvent::Created { space: &space.name, url: &url });
    report_settings(plan, report);
    Ok(())
}

async fn set(
    hub: &Hub,
    space: &RepoId,
    plan: &DeployPlan,
    report: EventReport<'_>,
) -> Result<(), DeployError> {
    for (name, value) in &plan.secrets {
        hub.set_space_secret(space.clone(), name, value).await?;
    }
    for (name, value) in &plan.variables {
        hub.set_space_variable(space.clone(), name, value).await?;
    }
    if let Some(hardware) = &plan.hardware {
        hub.set_space_hardware(space.clone(), hardware).await?;
    }
    report_settings(plan, report);
    Ok(())
}

fn report_settings(plan: &DeployPlan, report: EventReport<'_>) {
    for name in plan.secrets.keys() {
        report(DeployEvent::SecretSet { name });
    }
    for name in plan.variables.keys() {
        report(DeployEvent::VariableSet { name });
    }
    if let Some(hardware) = &plan.hardware {
        report(DeployEvent::HardwareRequested { hardware });
    }
}

fn creation_error(space: &RepoId, error: HubError) -> DeployError {
    let message = error.message().unwrap_or_default().to_owned();
    let lower = message.to_lowercase();
    let is_about_plan = PLAN_WORDS.iter().any(|words| lower.contains(words));
    let space = space.name.clone();
    match error.status() {
        Some(402) => DeployError::NoPaidPlan { space, message },
        Some(403) if is_about_plan => DeployError::NoPaidPlan { space, message },
        Some(409) => DeployError::NameTaken { space },
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::HubStub;

    fn space() -> RepoId {
        RepoId::space("me/bot")
    }

    fn plan(creates: bool) -> DeployPlan {
        DeployPlan {
            creates,
            private: false,
            hardware: Some("cpu-basic".to_owned()),
            secrets: BTreeMap::from([("WEBHOOK_SECRET".to_owned(), "hush".to_owned())]),
            variables: BTreeMap::from([("LEVEL".to_owned(), "info".to_owned())]),
            uploads: Vec::new(),
            deletions: Vec::new(),
            edited: Vec::new(),
            unchanged: 0,
            parent: None,
        }
    }

    async fn run(stub: &HubStub, plan: &DeployPlan) -> Result<Vec<String>, DeployError> {
        let mut events = Vec::new();
        let files = BTreeMap::from([("a".to_owned(), b"1".to_vec())]);
        let mut report = |event: DeployEvent<'_>| {
            events.push(serde_json::to_string(&event).unwrap());
        };
        prepare(&stub.hub(), &space(), plan, &mut report).await?;
        upload(&stub.hub(), &space(), plan, &files, &mut report).await?;
        Ok(events)
    }

    #[tokio::test]
    async fn a_new_space_is_created_with_its_settings_before_its_first_build() {
        let stub = HubStub::new();
        stub.on("POST", "/api/repos/create")
            .respond(json!({ "url": "https://hub.test/spaces/me/bot" }));
        let events = run(&stub, &plan(true)).await.unwrap();
        let calls = stub.calls();
        assert_eq!((calls.len(), &calls[0].body["sdk"]), (1, &json!("docker")));
        assert_eq!(calls[0].body["secrets"], json!([{ "key": "WEBHOOK_SECRET", "value": "hush" }]));
        assert_eq!(calls[0].body["visibility"], "public");
        assert_eq!(events.len(), 4);
        assert!(!events.concat().contains("hush"), "{events:?}");
    }

    #[tokio::test]
    async fn an_upload_follows_the_commit_that_was_read_and_has_the_marker() {
        let stub = HubStub::new();
        for call in ["secrets", "variables", "hardware"] {
            let path = format!("/api/spaces/me/bot/{call}");
            stub.on("POST", &path).respond(json!({ "stage": "RUNNING" }));
        }
        stub.on("POST", "/api/spaces/me/bot/preupload/main").respond(json!({ "files": [] }));
        let commit = stub.on("POST", "/api/spaces/me/bot/commit/main");
        commit.respond(json!({ "commitOid": "def" })).error(412, "A commit has happened since.");
        let files = || DeployPlan {
            uploads: vec!["a".to_owned()],
            deletions: vec!["b".to_owned()],
            parent: Some("abcdef0".to_owned()),
            ..plan(false)
        };
        run(&stub, &files()).await.unwrap();
        let lines = stub.calls().pop().unwrap().body;
        let keys: Vec<_> = lines.as_array().unwrap().iter().map(|line| &line["key"]).collect();
        assert_eq!(keys, ["header", "file", "file", "deletedFile"]);
        assert_eq!(lines[0]["value"]["parentCommit"], "abcdef0");
        assert_eq!(lines[1]["value"]["path"], MARKER_FILE);
        let error = run(&stub, &files()).await.unwrap_err();
        assert!(matches!(error, DeployError::ChangedMeanwhile { .. }), "{error}");
    }

    #[tokio::test]
    async fn errors_of_the_creation_say_what_to_do() {
        for (status, message, expected) in [
            (402, "Payment required", "needs a paid plan"),
            (403, "Subscribe to PRO to create Docker Spaces", "needs a paid plan"),
            (403, "Forbidden", "lacks the scope `write`"),
            (409, "You already created this space repo", "is taken"),
            (401, "Invalid credentials", "the token is invalid"),
        ] {
            let stub = HubStub::new();
            stub.on("POST", "/api/repos/create").error(status, message);
            let error = run(&stub, &plan(true)).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{status}: {error}");
        }
    }

    #[tokio::test]
    async fn a_large_file_is_named() {
        let stub = HubStub::new();
        stub.on("POST", "/api/repos/create")
            .respond(json!({ "url": "https://hub.test/spaces/me/bot" }));
        let modes = json!({ "files": [{ "path": "a", "uploadMode": "lfs" }] });
        stub.on("POST", "/api/spaces/me/bot/preupload/main").respond(modes);
        let large = DeployPlan { uploads: vec!["a".to_owned()], ..plan(true) };
        let error = run(&stub, &large).await.unwrap_err();
        assert!(matches!(&error, DeployError::LargeFile { path } if path == "a"), "{error}");
    }
}
