//! Checks the Space that the server runs on: its kind, whether it is public, and whether it runs.

use std::time::Duration;

use serde_json::Value;

use super::finding::{Diagnosis, Finding};
use super::input::DoctorInput;
use super::token::{NO_ANSWER, Whoami};
use crate::config::addresses::PublicUrl;
use crate::hub::{Account, RepoId, RepoInfo};

/// The domain of the public URLs of Spaces.
const DOMAIN: &str = ".hf.space";

/// What is known about the Space.
pub(super) struct SpaceReading {
    pub(super) diagnosis: Diagnosis,
    /// Its id, if the Hub knows it.
    pub(super) id: Option<String>,
    /// Whether it runs, or may run.
    pub(super) is_running: bool,
}

impl From<Diagnosis> for SpaceReading {
    fn from(diagnosis: Diagnosis) -> Self {
        Self { diagnosis, id: None, is_running: true }
    }
}

pub(super) async fn check(input: &DoctorInput, whoami: Option<&Whoami>) -> SpaceReading {
    let account = whoami.map(|whoami| &whoami.account);
    let by_url = || {
        let url = &input.public_url.as_ref()?.url;
        let host = host(url)?;
        Some(account.and_then(|account| space_of_host(host, account)))
    };
    let space = match (&input.space, by_url()) {
        (Some(space), _) => space.clone(),
        (None, Some(Some(space))) => space,
        (None, Some(None)) => {
            return Diagnosis::Unchecked("the Space is of another account").into();
        }
        (None, None) => {
            return Diagnosis::Unchecked("the server does not run on a Space").into();
        }
    };
    let (Ok(hub), Some(_)) = (&input.hub, whoami) else { return NO_ANSWER.into() };
    let page = format!("{}/spaces/{space}", hub.address());
    match hub.repo_info(RepoId::from(format!("space:{space}"))).await {
        Ok(info) => SpaceReading {
            diagnosis: Diagnosis::of(findings(&space, &info, &page, input), healthy(&space, &info)),
            is_running: stage(&info).is_empty() || serves(stage(&info)),
            id: Some(space),
        },
        // A host does not tell the name, only what it is like.
        Err(error) if input.space.is_none() && matches!(error.status(), Some(401 | 403 | 404)) => {
            Diagnosis::Unchecked("the Hub does not know the Space of the public URL").into()
        }
        Err(error) => {
            let why = "its name was taken from SPACE_ID or from the public URL";
            Diagnosis::from(Finding::new(error.to_string(), why, input.command("doctor"))).into()
        }
    }
}

fn findings(space: &str, info: &RepoInfo, page: &str, input: &DoctorInput) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sdk = info.other.get("sdk").and_then(Value::as_str).unwrap_or("docker");
    if sdk != "docker" {
        findings.push(Finding::new(
            format!("the Space {space} has the SDK {sdk}"),
            "only a Docker Space runs a program like this one",
            "write `sdk: docker` into the README.md of the Space",
        ));
    }
    if info.private {
        findings.push(Finding::new(
            format!("the Space {space} is private"),
            "the Hub cannot deliver to a private Space",
            format!("make it public in its settings: {page}/settings"),
        ));
    }
    let stage = stage(info);
    let (why, fix) = match stage {
        "" => return findings,
        stage if serves(stage) => return findings,
        "PAUSED" | "STOPPED" => (
            "a person or a program has paused it",
            format!("restart it in its settings: {page}/settings"),
        ),
        "SLEEPING" => (
            "it sleeps after a time without visitors, and it is not documented whether a delivery wakes it",
            format!("open its page, which starts it: {page}"),
        ),
        "BUILDING" | "APP_STARTING" => (
            "it is being started, so it cannot be reached yet",
            format!("wait until it runs, and check again: {}", input.command("doctor")),
        ),
        "BUILD_ERROR" => (
            "its image was not built: its build log has the reason",
            format!("correct what its log says: {page}?logs=build"),
        ),
        _ => (
            "its program does not run: its log has the reason",
            format!("correct what its log says: {page}?logs=container"),
        ),
    };
    let what = format!("the Space {space} is in the stage {stage}");
    findings.push(Finding::new(what, why, fix));
    findings
}

fn healthy(space: &str, info: &RepoInfo) -> String {
    let sleep = info.other.get("runtime").and_then(|runtime| runtime.get("gcTimeout"));
    match sleep.and_then(Value::as_u64) {
        Some(seconds) => {
            let time = humantime::format_duration(Duration::from_secs(seconds));
            format!("{space}, sleeps after {time}")
        }
        None => space.to_owned(),
    }
}

/// Returns whether the Space can be reached in this stage. While a new version is built or starts, the previous one runs.
fn serves(stage: &str) -> bool {
    matches!(stage, "RUNNING" | "RUNNING_BUILDING" | "RUNNING_APP_STARTING")
}

/// Returns the stage; empty if it is not known.
fn stage(info: &RepoInfo) -> &str {
    let runtime = info.other.get("runtime");
    runtime.and_then(|it| it.get("stage")).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the host of a Space's public URL.
fn host(url: &PublicUrl) -> Option<&str> {
    url.as_str().strip_prefix("https://")?.strip_suffix(DOMAIN)
}

/// Finds the id of the Space with this host among those of the account and its organizations. A host has the owner and
/// the name in lower case, with a hyphen between them and in place of other characters.
fn space_of_host(host: &str, account: &Account) -> Option<String> {
    let organizations = account.orgs.iter().map(|organization| organization.name.as_str());
    std::iter::once(account.name.as_str()).chain(organizations).find_map(|owner| {
        let name = host.strip_prefix(&slug(owner))?.strip_prefix('-')?;
        (!name.is_empty()).then(|| format!("{owner}/{name}"))
    })
}

fn slug(name: &str) -> String {
    name.to_ascii_lowercase().replace(['.', '_'], "-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::token;
    use crate::registration::remembered::{ServerUrl, UrlKind};
    use crate::testing::HubStub;

    async fn checked(sdk: &str, private: bool, stage: &str) -> Diagnosis {
        let stub = HubStub::new();
        let runtime = json!({ "stage": stage, "gcTimeout": 172_800 });
        let info = json!({ "id": "me/bot", "sdk": sdk, "private": private, "runtime": runtime });
        stub.on("GET", "/api/spaces/me/bot").respond(info);
        let mut input = DoctorInput::for_test(Ok(stub.hub()), Vec::new());
        input.space = Some("me/bot".to_owned());
        let whoami = token::ask(&input).await.unwrap().unwrap();
        check(&input, Some(&whoami)).await.diagnosis
    }

    #[tokio::test]
    async fn a_docker_space_that_runs_is_healthy() {
        let healthy = Diagnosis::Healthy("me/bot, sleeps after 2days".to_owned());
        for stage in ["RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING"] {
            assert_eq!(checked("docker", false, stage).await, healthy, "{stage}");
        }
    }

    #[tokio::test]
    async fn a_space_of_another_kind_or_stage_is_a_finding() {
        let page = "https://hub.test/spaces/me/bot";
        for (sdk, private, stage, what, fix) in [
            ("gradio", false, "RUNNING", "has the SDK gradio", "README.md of the Space"),
            ("docker", true, "RUNNING", "is private", "settings: {page}/settings"),
            ("docker", false, "PAUSED", "is in the stage PAUSED", "settings: {page}/settings"),
            ("docker", false, "SLEEPING", "is in the stage SLEEPING", "starts it: {page}"),
            ("docker", false, "BUILDING", "is in the stage BUILDING", "again: my-bot doctor"),
            ("docker", false, "BUILD_ERROR", "is in the stage BUILD_ERROR", "{page}?logs=build"),
            ("docker", false, "RUNTIME_ERROR", "is in the stage RUNTIME_ERROR", "?logs=container"),
        ] {
            let Diagnosis::Faulty(findings) = checked(sdk, private, stage).await else {
                panic!("{what}")
            };
            let [finding] = &findings[..] else { panic!("{findings:#?}") };
            assert_eq!(finding.what, format!("the Space me/bot {what}"));
            assert!(finding.fix.ends_with(&fix.replace("{page}", page)), "{finding:?}");
        }
    }

    #[tokio::test]
    async fn only_a_guessed_space_may_be_unknown() {
        for status in [401, 403, 404] {
            let stub = HubStub::new();
            stub.on("GET", "/api/spaces/me/auto-retrain").error(status, "Repository not found");
            let mut input = DoctorInput::for_test(Ok(stub.hub()), Vec::new());
            let url = PublicUrl::parse("https://me-auto-retrain.hf.space").unwrap();
            input.public_url = Some(ServerUrl { url, kind: UrlKind::Fixed });
            let whoami = token::ask(&input).await.unwrap().unwrap();
            let diagnosis = check(&input, Some(&whoami)).await.diagnosis;
            assert!(matches!(diagnosis, Diagnosis::Unchecked(_)), "{diagnosis:?}");
            input.space = Some("me/auto-retrain".to_owned());
            let diagnosis = check(&input, Some(&whoami)).await.diagnosis;
            assert!(matches!(diagnosis, Diagnosis::Faulty(_)), "{diagnosis:?}");
        }
    }

    #[test]
    fn the_space_of_a_public_url_is_one_of_the_account() {
        let account = json!({ "name": "Me.x", "id": "1", "orgs": [{ "name": "acme" }] });
        let account: Account = serde_json::from_value(account).unwrap();
        for (url, space) in [
            ("https://me-x-my-bot.hf.space", Some("Me.x/my-bot")),
            ("https://acme-bot.hf.space", Some("acme/bot")),
            ("https://someone-bot.hf.space", None),
            ("https://acme.hf.space", None),
        ] {
            let url = PublicUrl::parse(url).unwrap();
            assert_eq!(space_of_host(host(&url).unwrap(), &account).as_deref(), space);
        }
        assert_eq!(host(&PublicUrl::parse("https://hooks.example.com").unwrap()), None);
    }
}
