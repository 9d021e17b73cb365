use std::process::{ExitStatus, Stdio};
use std::{env, io, pin::pin, time::Duration};

use anyhow::{Context, ensure};
use nix::{sys::signal, unistd::Pid};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::{fs, net::unix::pipe::Receiver, process::Command, time};
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

/// The variables that the script gets. Others, such as `WEBHOOK_SECRET`, are not passed.
const VARIABLES: &str = "PATH HOME LANG LD_LIBRARY_PATH HF_HOME HF_TOKEN HF_ENDPOINT \
                         ALL_PROXY HTTPS_PROXY https_proxy NO_PROXY no_proxy SSL_CERT_FILE";

/// The Python script that trains the model, its time limit, and the folder of the models.
struct Script(String, Duration, String);

/// A process group. It is killed when this value is dropped.
struct ProcessGroup(Pid);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let _ = signal::killpg(self.0, signal::SIGKILL);
    }
}

/// Runs a Python script. Returns how it ended, or `None` after its time limit, and its last lines.
async fn run(script: &Script, arguments: [&str; 3]) -> io::Result<(Option<ExitStatus>, String)> {
    let (output, input) = io::pipe()?;
    let mut child = Command::new("python3")
        .args(["-u", &script.0])
        .args(arguments)
        .env_clear()
        .envs(VARIABLES.split(' ').filter_map(|name| Some((name, env::var_os(name)?))))
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input)
        .process_group(0)
        .spawn()?;
    let group = child.id().map(|id| ProcessGroup(Pid::from_raw(id.cast_signed())));
    let mut ended = pin!(async {
        let status = time::timeout(script.1, child.wait()).await.ok().transpose();
        // Processes that still run are killed. One that has left the group keeps the output open.
        drop(group);
        time::sleep(Duration::from_secs(1)).await;
        status
    });
    let mut lines = BufReader::new(Receiver::from_owned_fd(output.into())?).split(b'\n');
    let mut last = Vec::new();
    let status = loop {
        let line = tokio::select! {
            status = &mut ended => break status?,
            line = lines.next_segment() => line?,
        };
        let Some(line) = line else { break ended.await? };
        let line = String::from_utf8_lossy(&line);
        // A progress bar rewrites its line after a carriage return.
        let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
        tracing::info!("{line}");
        // Four spaces make the report show it as code, whatever it contains.
        last.push(format!("    {line:.500}\n"));
        last.drain(..last.len().saturating_sub(REPORTED_LINES));
    };
    Ok((status, last.concat()))
}

/// Trains a model into this folder, or one that ends with `.failed`. The report is a file in it.
async fn train(script: &Script, data: &str, commit: &str, model: &str) -> anyhow::Result<()> {
    let (unfinished, failed) = (format!("{model}.unfinished"), format!("{model}.failed"));
    // An earlier attempt may have left files behind.
    let _ = (fs::remove_dir_all(&unfinished).await, fs::remove_dir_all(&failed).await);
    fs::create_dir_all(&unfinished).await?;
    let run = run(script, [data, commit, &unfinished]).await;
    let (status, lines) = run.context("python3 cannot be started: is it installed?")?;
    let is_empty = fs::read_dir(&unfinished).await?.next_entry().await?.is_none();
    let (folder, outcome) = match status {
        None => (&*failed, format!("failed: {} has not ended within {:?}", script.0, script.1)),
        Some(it) if !it.success() => (&*failed, format!("failed: {} ended with {it}", script.0)),
        Some(_) if is_empty => (&*failed, format!("failed: {} has saved no model", script.0)),
        Some(_) => (model, format!("succeeded. The model is in `{model}`.")),
    };
    let report = format!("Training on {data} at {commit} {outcome}\n\n{lines}");
    fs::write(format!("{unfinished}/report.md"), report).await?;
    // After a crash, either the folder has its final name and a whole report, or it is unfinished.
    Ok(fs::rename(&unfinished, folder).await?)
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
    let is_id = |id: &&str| id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let commit =
        payload.commit_on("main").filter(is_id).context("no commit on main").permanent()?;
    let model = format!("{}/{}", script.2, delivery.id);
    let failed = format!("{model}.failed/report.md");
    // An earlier attempt may have trained, and failed to report.
    if !fs::try_exists(&model).await? && !fs::try_exists(&failed).await? {
        train(&script, &payload.repo.name, commit, &model).await?;
    }
    let failure = fs::read_to_string(&failed).await.unwrap_or_default();
    let failure = failure.lines().next().and_then(|line| line.split_once(" failed: "));
    let num = hub.find_or_create_discussion(&payload, TITLE, DESCRIPTION).await?;
    let start = format!("Training on {} at ", payload.repo.name);
    // Other reports are here if a newer commit has superseded a delivery that failed to report.
    let (mut folders, mut posted) = (fs::read_dir(&script.2).await?, Vec::new());
    while let Some(folder) = folders.next_entry().await? {
        let folder = folder.path();
        let text = fs::read_to_string(folder.join("report.md")).await.unwrap_or_default();
        if text.starts_with(&start) && folder.extension() != Some("unfinished".as_ref()) {
            let id = folder.file_stem().unwrap_or_default().to_string_lossy();
            hub.upsert_comment(&payload, num, &id, &text).await?;
            posted.push(folder);
        }
    }
    // Not before all are posted: an attempt that does not find its own report trains again.
    for folder in posted {
        fs::rename(folder.join("report.md"), folder.join("reported.md")).await?;
    }
    ensure!(failure.is_none(), Permanent::new(failure.unwrap_or_default().1));
    Ok(Note(format!("trained {model}")))
}

webhooks_main!(WebhooksServer::new().data(Script(
    env::var("TRAIN_SCRIPT").unwrap_or("train.py".into()),
    TIME_LIMIT,
    "models".into(),
)));

#[cfg(test)]
mod tests {
    use std::{process, thread};

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
        let models =
            env::temp_dir().join(format!("models-{:?}-{}", thread::current().id(), process::id()));
        let limit = Duration::from_secs(2);
        let script = Script(script.to_owned(), limit, models.to_str().unwrap().to_owned());
        let server = WebhooksServer::new().data(script).hub(stub.hub());
        let response = TestClient::new(server).unwrap().post(retrain::PATH, delivery.into()).send();
        let _ = std::fs::remove_dir_all(models);
        response
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
        let script = env::temp_dir().join(format!("slow-{}.py", process::id()));
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
