//! The client, `webhooks_runtime::Hub`, sends what the Python client sends, and its calls work.

use serde_json::Value;
use tests::hub::ReceivedRequest;
use webhooks_runtime::hub::{
    Commit, DiscussionQuery, JobSpec, NewRepo, RepoVisibility, WebhookDomain, WebhookSpec,
};
use webhooks_runtime::{DiscussionStatus, Hub, HubError, RepoType};

use super::recorded::{RecordedCall, RecordedHub, RecordedRequest, recorded_calls};

const DATA: &str = "dataset:me/data";
const BOT: &str = "space:me/bot";
const URL: &str = "https://bot.example/webhooks/retrain";

/// What the Python client sends beyond the call itself: it reads a discussion that it has opened.
const MORE_IN_PYTHON: [&str; 2] = ["create_discussion", "create_pull_request"];

/// Makes a recorded call.
async fn make(name: &str, hub: &Hub, recorded: &RecordedHub) -> Result<(), HubError> {
    let value = |name: &str| recorded.values[name].as_str();
    let content = "seed\n42\n";
    match name {
        "whoami" => assert_eq!(hub.whoami().await?.name, "me"),
        "organization_members" => assert_eq!(hub.organization_members("acme").await?, ["me"]),
        "discussions" => {
            let found = hub.discussions(DATA, &DiscussionQuery::new()).await?;
            assert_eq!(found.iter().map(|it| it.num).collect::<Vec<_>>(), [2, 1]);
        }
        "discussions:filtered" => {
            let query = DiscussionQuery::new().pull_requests(true).status(DiscussionStatus::Open);
            let found = hub.discussions(DATA, &query.author("me")).await?;
            assert_eq!(found.iter().map(|it| it.num).collect::<Vec<_>>(), [2]);
        }
        "discussion" => {
            let found = hub.discussion(DATA, 1).await?;
            assert_eq!((found.events.len(), found.diff), (1, None));
        }
        "discussion:pull_request" => {
            let found = hub.discussion(DATA, 2).await?;
            assert_eq!(found.changes.unwrap().base, "refs/heads/main");
            assert!(found.diff.unwrap().contains("+42"));
        }
        "create_discussion" => {
            let opened =
                hub.create_discussion(DATA, "Name the seed", "Which seed was used?").await?;
            assert_eq!(opened.num, 3);
        }
        "create_pull_request" => {
            let opened = hub.create_pull_request(DATA, "Name the seed", "It was 42.").await?;
            assert_eq!(opened.git_ref(), "refs/pr/3");
        }
        "comment" => drop(hub.comment(DATA, 1, "It was 42.").await?),
        "comment:model" => drop(hub.comment("me/tiny", 1, "It was 42.").await?),
        "edit_comment" => drop(hub.edit_comment(DATA, 1, value("comment"), "It was 43.").await?),
        "hide_comment" => hub.hide_comment(DATA, 1, value("comment")).await?,
        "set_discussion_status" => {
            hub.set_discussion_status(DATA, 1, DiscussionStatus::Closed, None).await?;
        }
        "set_discussion_status:comment" => {
            let comment = Some("Answered.");
            hub.set_discussion_status(DATA, 1, DiscussionStatus::Closed, comment).await?;
        }
        "rename_discussion" => hub.rename_discussion(DATA, 1, "Name the seeds").await?,
        "merge_pull_request" => hub.merge_pull_request(DATA, 2, None).await?,
        "merge_pull_request:comment" => {
            hub.merge_pull_request(DATA, 2, Some("Thank you.")).await?;
        }
        "repo_info" => assert_eq!(hub.repo_info(DATA).await?.sha.as_deref(), Some(value("head"))),
        "repo_info:model" => drop(hub.repo_info("me/tiny").await?),
        "repo_info:space" => drop(hub.repo_info(BOT).await?),
        "repo_info_at" => {
            let info = hub.repo_info_at(DATA, "refs/pr/2").await?;
            assert_eq!(info.sha.as_deref(), Some(value("pull_request_head")));
        }
        "repos" => assert_eq!(hub.repos(RepoType::Space, "me").await?[0].name, "me/bot"),
        // What a server sends that looks for missed deliveries.
        "request:repos" => {
            let list = hub.request("GET", "/api/datasets").query("author", "me");
            let found = list.query("sort", "lastModified").query("limit", "20").send().await?;
            assert_eq!(found.json::<Value>()?[0]["id"], "me/data");
        }
        "request:commits" => {
            let path = format!("/api/datasets/me/data/commits/{}", value("head"));
            let found: Value = hub.request("GET", &path).send().await?.json()?;
            assert_eq!(
                (&found[0]["id"], found.as_array().map(Vec::len)),
                (&value("head").into(), Some(2))
            );
        }
        "refs" => assert_eq!(hub.refs(DATA).await?.pull_requests.len(), 1),
        "files" => {
            let files = hub.files(DATA, "refs/pr/2").await?;
            assert!(files.iter().any(|file| file.path == "data/train.csv" && !file.is_large));
        }
        "file_bytes" => {
            assert_eq!(hub.file_text(DATA, "main", "data/train.csv").await?, content);
        }
        "file_bytes:model" => {
            assert_eq!(hub.file_bytes("me/tiny", "main", "config.json").await?, b"{}");
        }
        "file_bytes:space" => drop(hub.file_bytes(BOT, "main", "README.md").await?),
        "file_bytes:encoded" => {
            let path = "notes/a b#1?ä.txt";
            assert_eq!(hub.file_text(DATA, "refs/pr/2", path).await?, content);
        }
        "commit" => {
            let commit = Commit::new("Add the test split").description("With a seed.");
            let commit = commit.parent(value("head")).add("data/test.csv", content);
            drop(
                hub.commit(DATA, "main", &commit.delete("README.md").delete_folder("notes/"))
                    .await?,
            );
        }
        "commit:pull_request" => {
            let commit = Commit::new("Add the test split").pull_request(true);
            let info = hub.commit(DATA, "main", &commit.add("data/test.csv", content)).await?;
            assert!(info.pull_request_url.unwrap().ends_with("/datasets/me/data/discussions/3"));
        }
        "commit:to_pull_request" => {
            let commit = Commit::new("Add the test split").add("data/test.csv", content);
            assert_eq!(hub.commit(DATA, "refs/pr/2", &commit).await?.pull_request_url, None);
        }
        "create_repo" => {
            let settings = NewRepo::new().visibility(RepoVisibility::Private);
            drop(hub.create_repo("dataset:me/new", &settings).await?);
        }
        "create_repo:space" => {
            let settings = settings_of_a_space().visibility(RepoVisibility::Public).sdk("docker");
            drop(hub.create_repo("space:me/new", &settings).await?);
        }
        "delete_repo" => hub.delete_repo(DATA).await?,
        "duplicate_space" => {
            let settings = settings_of_a_space().visibility(RepoVisibility::Private);
            assert!(hub.duplicate_space(BOT, "me/copy", &settings).await?.ends_with("/me/copy"));
        }
        "set_space_secret" => hub.set_space_secret(BOT, "HF_TOKEN", "hush").await?,
        "delete_space_secret" => hub.delete_space_secret(BOT, "WEBHOOK_SECRET").await?,
        "space_variables" => assert_eq!(hub.space_variables(BOT).await?["LEVEL"], "info"),
        "set_space_variable" => hub.set_space_variable(BOT, "WATCH", "me/data").await?,
        "delete_space_variable" => hub.delete_space_variable(BOT, "LEVEL").await?,
        // What `deploy` asks with calls of its own.
        "space_secrets" => drop(hub.request("GET", "/api/spaces/me/bot/secrets").send().await?),
        "space_log:build" => {
            drop(hub.request("GET", "/api/spaces/me/bot/logs/build").send().await?);
        }
        "space_log:run" => drop(hub.request("GET", "/api/spaces/me/bot/logs/run").send().await?),
        "space_runtime" => assert_eq!(hub.space_runtime(BOT).await?.stage, "RUNNING"),
        "restart_space" => drop(hub.restart_space(BOT, false).await?),
        "restart_space:factory" => {
            assert_eq!(hub.restart_space(BOT, true).await?.stage, "BUILDING");
        }
        "pause_space" => assert_eq!(hub.pause_space(BOT).await?.stage, "PAUSED"),
        "set_space_hardware" => drop(hub.set_space_hardware(BOT, "cpu-upgrade").await?),
        "run_job" => {
            let job = JobSpec::new("python:3.12", ["python", "-c", "print(42)"]);
            let job = job.env("LEVEL", "info").secret("HF_TOKEN", "hush").label("name", "count");
            let job = job.timeout(std::time::Duration::from_secs(300));
            assert_eq!(hub.run_job("me", &job).await?.status.stage, "SCHEDULING");
        }
        "run_job:space" => {
            let job = JobSpec::new("hf.co/spaces/me/bot", ["bot", "deliver"]);
            drop(hub.run_job("me", &job.label("name", "deliver")).await?);
        }
        "webhooks" => assert_eq!(hub.webhooks().await?.len(), 1),
        "webhook" => assert_eq!(hub.webhook(value("webhook")).await?.url.as_deref(), Some(URL)),
        "create_webhook" => {
            let spec = WebhookSpec::new(URL).watch(DATA).secret("hush");
            assert!(hub.create_webhook(&spec).await?.has_secret);
        }
        "create_webhook:job" => {
            let spec = WebhookSpec::job(value("job")).watch("org:acme").secret("hush");
            drop(hub.create_webhook(&spec.domains([WebhookDomain::Repo])).await?);
        }
        "update_webhook" => {
            let spec = WebhookSpec::new(URL).watch(DATA).watch("user:me").secret("hush");
            let spec = spec.domains([WebhookDomain::Repo]);
            let updated = hub.update_webhook(value("webhook"), &spec).await?;
            assert_eq!(updated.watched[1].to_string(), "user:me");
        }
        "enable_webhook" => drop(hub.enable_webhook(value("webhook")).await?),
        "disable_webhook" => drop(hub.disable_webhook(value("webhook")).await?),
        "delete_webhook" => hub.delete_webhook(value("webhook")).await?,
        other => panic!("the client is not called as it is for {other}"),
    }
    Ok(())
}

/// Functions with `background` make the calls on threads of their own.
fn assert_send<F: Future + Send>(future: F) -> F {
    future
}

fn settings_of_a_space() -> NewRepo {
    let settings = NewRepo::new().hardware("cpu-basic");
    settings.secret("HF_TOKEN", "hush").variable("WATCH", "me/data")
}

/// Returns what is to be sent: Python asks for the size of a file first.
fn expected(recorded: &RecordedCall) -> Vec<&RecordedRequest> {
    let requests = recorded.requests.iter().filter(|request| request.method != "HEAD");
    let more = usize::from(MORE_IN_PYTHON.contains(&recorded.call.as_str()));
    requests.take(recorded.requests.len() - more).collect()
}

fn assert_same(call: &str, sent: &ReceivedRequest, recorded: &RecordedRequest) {
    assert_eq!((&sent.method, &sent.path), (&recorded.method, &recorded.path), "{call}");
    assert_eq!(sent.query, recorded.query, "{call}");
    assert_eq!(sent.json(), recorded.body, "{call}");
    assert_eq!(sent.body.is_empty(), recorded.body == Value::Null, "{call}");
    for name in ["authorization", "content-type"] {
        let header = |value: Option<&String>| {
            value.and_then(|value| value.split(';').next().map(str::to_owned))
        };
        let (sent, recorded) = (header(sent.headers.get(name)), header(recorded.headers.get(name)));
        assert_eq!(sent, recorded, "{call}: {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_sends_what_the_python_client_sends() {
    let count = recorded_calls(&RecordedHub::start()).len();
    for at in 0..count {
        let hub = RecordedHub::start();
        let recorded = recorded_calls(&hub).remove(at);
        // The client asks for pull requests in any case.
        if recorded.call == "refs:branches" {
            continue;
        }
        let client = Hub::new(hub.hub.url(), hub.hub.token()).unwrap();
        let made = assert_send(make(&recorded.call, &client, &hub)).await;
        made.unwrap_or_else(|error| panic!("{}: {error}", recorded.call));
        let (sent, expected) = (hub.hub.requests(), expected(&recorded));
        assert_eq!(sent.len(), expected.len(), "{}: {sent:#?}", recorded.call);
        for (sent, expected) in sent.iter().zip(expected) {
            assert_same(&recorded.call, sent, expected);
        }
        hub.hub.assert_no_faults();
    }
}
