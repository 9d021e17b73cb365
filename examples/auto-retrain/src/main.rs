use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::{env, io, time::Duration};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::{fs, process::Command, time::timeout};
use webhooks_runtime::{
    Delivery, Hub, MarkPermanent, Note, Permanent, WebhookPayload, WebhooksServer, web,
    webhook_endpoint, webhooks_main,
};

/// The discussion with the reports, and its first comment.
const TITLE: &str = "Training reports";
const DESCRIPTION: &str = "A bot trains a model on this dataset, and reports each training here.";

/// How many lines of the script's output a report has.
const REPORTED_LINES: usize = 20;

/// How long the script may run: less than the `timeout` of an attempt, which also has to report.
const TIME_LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// The variables that the script gets. The secret of the webhook is not its business.
const VARIABLES: [&str; 6] = ["PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "HF_HOME", "HF_TOKEN"];

/// The Python script that trains the model, and its time limit.
struct Script(String, Duration);

/// A process group. It is killed when this value is dropped.
struct ProcessGroup(Pid);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let _ = killpg(self.0, Signal::SIGKILL);
    }
}

/// Runs a Python script. Returns how it ended, or `None` after its time limit, and its last lines.
async fn run(script: &Script, arguments: [&str; 3]) -> io::Result<(Option<ExitStatus>, String)> {
    let (output, input) = io::pipe()?;
    let mut child = Command::new("python3")
        .args(["-u", &script.0])
        .args(arguments)
        .env_clear()
        .envs(VARIABLES.iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input)
        .process_group(0)
        .spawn()?;
    let group = child.id().map(|id| ProcessGroup(Pid::from_raw(id.cast_signed())));
    let ended = async {
        let status = timeout(script.1, child.wait()).await.ok().transpose();
        // Processes that still run are killed: they would keep the output open.
        drop(group);
        status
    };
    tokio::try_join!(ended, log(output))
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

/// Trains a model into this folder. Returns the report.
async fn train(script: &Script, data: &str, commit: &str, model: &str) -> anyhow::Result<String> {
    let unfinished = format!("{model}.unfinished");
    // An attempt that was interrupted may have left files behind.
    for folder in [&unfinished, model] {
        if fs::try_exists(folder).await? {
            fs::remove_dir_all(folder).await?;
        }
    }
    fs::create_dir_all(&unfinished).await?;
    let run = run(script, [data, commit, &unfinished]).await;
    let (status, lines) = run.context("python3 cannot be started: is it installed?")?;
    let Script(script, limit) = script;
    // This removes the folder only if it is empty.
    let _ = fs::remove_dir(&unfinished).await;
    let outcome = match status {
        None => format!("failed: {script} has not ended within {limit:?}"),
        Some(status) if !status.success() => format!("failed: {script} ended with {status}"),
        Some(_) => match fs::rename(&unfinished, model).await {
            Ok(()) => format!("succeeded. The model is in `{model}`."),
            Err(_) => format!("failed: {script} has saved no model"),
        },
    };
    Ok(format!("Training on {commit} {outcome}\n\n{lines}"))
}

/// Retrains the model when its dataset changes.
#[webhook_endpoint(
    watch = "dataset:me/data",
    on = "repo.content",
    branch = "main",
    background(key = "repo", debounce = "5s..5m", attempts = 3, timeout = "3h", concurrency = 1)
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
    // The id is the same in each attempt.
    let model = format!("models/{}", delivery.id);
    // An earlier attempt may have trained, and failed to report.
    let report = format!("{model}.md");
    let mut text = fs::read_to_string(&report).await.unwrap_or_default();
    if text.is_empty() {
        text = train(&script, &payload.repo.name, commit, &model).await?;
        fs::write(&report, &text).await?;
    }
    let num = hub.find_or_create_discussion(&payload, TITLE, DESCRIPTION).await?;
    // With this key, a second call does not write a second comment.
    hub.upsert_comment(&payload, num, &delivery.id, &text).await?;
    fs::remove_file(&report).await?;
    let summary = text.lines().next().unwrap_or_default();
    if let Some((_, failure)) = summary.split_once(" failed: ") {
        bail!(Permanent::new(failure));
    }
    Ok(Note(format!("trained {model}")))
}

fn server(script: &str, limit: Duration) -> WebhooksServer {
    WebhooksServer::new().data(Script(script.to_owned(), limit))
}

webhooks_main!(server(&env::var("TRAIN_SCRIPT").unwrap_or("train.py".into()), TIME_LIMIT));

#[cfg(test)]
mod tests {
    use webhooks_runtime::serde_json::json;
    use webhooks_runtime::testing::{
        HubStub, TestClient, TestResponse, comment_created, dataset_commit,
    };

    use super::*;

    const DISCUSSIONS: &str = "/api/datasets/me/data/discussions";

    /// A Hub whose dataset has the discussion with the reports.
    fn hub() -> HubStub {
        let stub = HubStub::new();
        let reports = json!({ "num": 1, "title": TITLE, "status": "open", "isPullRequest": false });
        let page = json!({ "count": 1, "start": 0, "discussions": [reports] });
        stub.on("GET", DISCUSSIONS).respond(page);
        stub.on("GET", &format!("{DISCUSSIONS}/1")).respond(reports);
        let comment = json!({ "newMessage": { "id": "c1", "type": "comment" } });
        stub.on("POST", &format!("{DISCUSSIONS}/1/comment")).respond(comment);
        stub
    }

    fn send(stub: &HubStub, script: &str, delivery: impl Into<WebhookPayload>) -> TestResponse {
        let server = server(script, Duration::from_secs(2)).hub(stub.hub());
        TestClient::new(server).unwrap().post(retrain::PATH, delivery.into()).send()
    }

    /// Trains with a script that fails. Returns the report.
    fn failed(script: &str, reason: &str) -> String {
        let stub = hub();
        let response = send(&stub, script, dataset_commit().repo("me/data"));
        assert_eq!(response.status(), 202);
        let cause = format!("{script} {reason}");
        assert_eq!(response.cause(), Some(cause.as_str()));
        let report = stub.calls().pop().unwrap().body["comment"].as_str().unwrap().to_owned();
        assert!(report.contains(&format!(" failed: {cause}\n\n")), "{report}");
        report
    }

    #[test]
    fn other_deliveries_are_skipped() {
        let other_repo = send(&hub(), "train.py", dataset_commit().repo("me/other"));
        assert_eq!(other_repo.skipped(), Some("watch: the repo is not dataset:me/data"));
        let draft = dataset_commit().repo("me/data").branch("draft");
        let other_branch = send(&hub(), "train.py", draft);
        assert_eq!(other_branch.skipped(), Some("branch: no commit to main"));
        let comment = send(&hub(), "train.py", comment_created().repo("me/data"));
        assert_eq!(comment.skipped(), Some("on: the event is not repo.content"));
    }

    #[test]
    fn a_failed_training_is_reported_with_its_last_lines() {
        let report = failed("missing.py", "ended with exit status: 2");
        assert!(report.contains("\n    ") && report.contains("can't open file"), "{report}");
    }

    #[test]
    fn a_training_without_a_model_is_reported() {
        // To Python, an empty file is a script that succeeds.
        failed("/dev/null", "has saved no model");
    }

    #[test]
    fn a_training_that_exceeds_its_time_limit_is_reported() {
        let script = env::temp_dir().join(format!("slow-{}.py", std::process::id()));
        std::fs::write(&script, "import time\ntime.sleep(600)\n").unwrap();
        failed(script.to_str().unwrap(), "has not ended within 2s");
        std::fs::remove_file(&script).unwrap();
    }

    #[test]
    fn a_text_that_is_no_commit_does_not_reach_the_script() {
        let delivery = dataset_commit().repo("me/data").sha("--help");
        assert_eq!(send(&hub(), "train.py", delivery).cause(), Some("no commit on main"));
    }
}
