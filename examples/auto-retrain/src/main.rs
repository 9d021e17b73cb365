use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitStatus;
use std::{env, fs, io};

use anyhow::Context;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::process::Command;
use webhooks_runtime::hub::DiscussionQuery;
use webhooks_runtime::{
    Delivery, DiscussionStatus, Hub, HubError, MarkPermanent, Note, Permanent, WebhookPayload,
    WebhooksServer, web, webhook_endpoint, webhooks_main,
};

/// The discussion with the reports.
const TITLE: &str = "Training reports";

/// How many lines of the script's output a report has.
const REPORTED_LINES: usize = 20;

/// The Python script that trains the model.
struct Script(String);

/// A process group. It is killed when this value is dropped.
struct ProcessGroup(Pid);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let _ = killpg(self.0, Signal::SIGKILL);
    }
}

/// Runs a Python script until it ends. Returns how it ended, and its last lines.
async fn run(script: &str, arguments: [&str; 3]) -> anyhow::Result<(ExitStatus, String)> {
    let (output, input) = io::pipe()?;
    let mut child = Command::new("python3")
        .args(["-u", script])
        .args(arguments)
        .stdout(input.try_clone()?)
        .stderr(input)
        .process_group(0)
        .spawn()
        .context("python3 cannot be started: is it installed?")?;
    let group = child.id().map(|id| ProcessGroup(Pid::from_raw(id.cast_signed())));
    let ended = async {
        let status = child.wait().await;
        // Processes that the script has left behind would keep its output open.
        drop(group);
        status
    };
    Ok(tokio::try_join!(ended, log(output))?)
}

/// Logs the lines of the script while it runs. Returns the last ones.
async fn log(output: io::PipeReader) -> io::Result<String> {
    let mut lines = BufReader::new(Receiver::from_owned_fd(output.into())?).split(b'\n');
    let mut last = VecDeque::new();
    while let Some(line) = lines.next_segment().await? {
        let line = String::from_utf8_lossy(&line);
        // A progress bar rewrites its line after a carriage return.
        let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
        tracing::info!("{line}");
        // Four spaces make the report show it as code, whatever it contains.
        last.push_back(format!("    {line:.500}\n"));
        if last.len() > REPORTED_LINES {
            last.pop_front();
        }
    }
    Ok(last.into_iter().collect())
}

/// Opens the discussion with this report, or comments in it.
async fn report(hub: &Hub, payload: &WebhookPayload, text: &str) -> Result<(), HubError> {
    let query = DiscussionQuery::new().pull_requests(false).status(DiscussionStatus::Open);
    let own = hub.discussions(payload, &query.author(hub.whoami().await?.name)).await?;
    match own.iter().find(|discussion| discussion.title == TITLE) {
        Some(discussion) => hub.comment(payload, discussion.num, text).await.map(drop),
        None => hub.create_discussion(payload, TITLE, text).await.map(drop),
    }
}

/// Retrains the model when its dataset changes.
#[webhook_endpoint(
    watch = "dataset:me/data",
    on = "repo.content",
    branch = "main",
    background(key = "repo", debounce = "5s..5m", attempts = 3, timeout = "2h", concurrency = 1)
)]
async fn retrain(
    payload: WebhookPayload,
    delivery: Delivery,
    hub: Hub,
    script: web::Data<Script>,
) -> anyhow::Result<Note> {
    // Anyone who knows the secret can write a payload: no other text reaches the script.
    let is_id = |commit: &&str| commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let commit =
        payload.commit_on("main").filter(is_id).context("no commit on main").permanent()?;
    let Script(script) = &**script;
    // The id is the same in each attempt.
    let model = format!("models/{}", delivery.id);
    let mut lines = String::new();
    if !Path::new(&model).exists() {
        // An attempt that was interrupted may have left files behind.
        let unfinished = format!("{model}.unfinished");
        if Path::new(&unfinished).exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        let status;
        (status, lines) = run(script, [&payload.repo.name, commit, &unfinished]).await?;
        if !status.success() {
            let failure = format!("{script} ended with {status}");
            let text = format!("Training on {commit} failed: {failure}\n\n{lines}");
            report(&hub, &payload, &text).await?;
            return Err(Permanent::new(failure).into());
        }
        fs::rename(&unfinished, &model)
            .with_context(|| format!("{script} has not saved a model in {unfinished}"))?;
    }
    let text = format!("Trained on {commit}. The model is in `{model}`.\n\n{lines}");
    report(&hub, &payload, &text).await?;
    Ok(Note(format!("trained {model}")))
}

fn server(script: &str) -> WebhooksServer {
    WebhooksServer::new().data(Script(script.to_owned()))
}

webhooks_main!(server(&env::var("TRAIN_SCRIPT").unwrap_or_else(|_| "train.py".to_owned())));

#[cfg(test)]
mod tests {
    use webhooks_runtime::serde_json::json;
    use webhooks_runtime::testing::{
        HubStub, TestClient, TestResponse, comment_created, dataset_commit,
    };

    use super::*;

    const DISCUSSIONS: &str = "/api/datasets/me/data/discussions";

    fn send(stub: &HubStub, delivery: impl Into<WebhookPayload>) -> TestResponse {
        let client = TestClient::new(server("missing.py").hub(stub.hub())).unwrap();
        client.post(retrain::PATH, delivery.into()).send()
    }

    #[test]
    fn other_deliveries_are_skipped() {
        let stub = HubStub::new();
        let other_repo = send(&stub, dataset_commit().repo("me/other"));
        assert_eq!(other_repo.skipped(), Some("watch: the repo is not dataset:me/data"));
        let other_branch = send(&stub, dataset_commit().repo("me/data").branch("draft"));
        assert_eq!(other_branch.skipped(), Some("branch: no commit to main"));
        let comment = send(&stub, comment_created().repo("me/data"));
        assert_eq!(comment.skipped(), Some("on: the event is not repo.content"));
    }

    #[test]
    fn a_failed_training_is_reported_with_its_last_lines() {
        let stub = HubStub::new();
        let none = json!({ "count": 0, "start": 0, "discussions": [] });
        stub.on("GET", DISCUSSIONS).respond(none);
        stub.on("POST", DISCUSSIONS).respond(json!({ "num": 1 }));
        let response = send(&stub, dataset_commit().repo("me/data"));
        assert_eq!(response.status(), 202);
        assert_eq!(response.cause(), Some("missing.py ended with exit status: 2"));
        let opened = stub.calls().pop().unwrap();
        assert_eq!(opened.body["title"], "Training reports");
        let report = opened.body["description"].as_str().unwrap();
        assert!(
            report.contains(" failed: missing.py ended with exit status: 2\n\n    "),
            "{report}"
        );
        assert!(report.contains("can't open file"), "{report}");
    }

    #[test]
    fn a_text_that_is_no_commit_does_not_reach_the_script() {
        let delivery = dataset_commit().repo("me/data").sha("--help");
        assert_eq!(send(&HubStub::new(), delivery).cause(), Some("no commit on main"));
    }
}
