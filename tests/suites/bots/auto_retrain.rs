//! `auto-retrain`: trainings, their reports, and the end of a script.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::client::PATIENCE;
use tests::hub::{TestComment, Trouble};
use tests::program::Program;
use tests::programs::auto_retrain;
use tests::repository::read;

use super::{BotHome, texts};

const DATA: &str = "dataset:me/data";
const DISCUSSIONS: &str = "POST /api/datasets/me/data/discussions";

fn home() -> BotHome {
    BotHome::new(auto_retrain(), DATA)
}

fn push(home: &BotHome, text: &str) -> String {
    home.hub.push(DATA, "main", &[("data/train.csv", Some(text.as_bytes()))])
}

/// A bot whose script has this text.
fn home_with_script(name: &str, script: &str) -> BotHome {
    let mut home = home();
    fs::write(home.folder.path().join(name), script).unwrap();
    home.set("TRAIN_SCRIPT", name);
    home
}

/// Returns what a person sees of a comment.
fn visible(comment: &TestComment) -> &str {
    comment.text.split("\n\n<!--").next().unwrap()
}

#[test]
fn commits_are_trained_on_together_and_reported_in_one_discussion() {
    let home = home();
    let script = read("examples/auto-retrain/train.py");
    fs::write(home.folder.path().join("train.py"), script).unwrap();
    let bot = home.start();
    let webhook = &home.hub.webhooks()[0];
    assert_eq!((webhook.watched[0].as_str(), webhook.domains[0].as_str()), (DATA, "repo"));
    push(&home, "seed\n42\n");
    let commit = push(&home, "seed\n43\n");
    let comments = home.hub.wait_for_comments(DATA, 1, 2);
    let model = home.wait_for(1, "done").remove(0)["id"].as_str().unwrap().to_owned();
    let report = visible(&comments[1]).replace(&commit, &"2".repeat(40));
    let report = report.replace(&model, "01a2108d-866b-7072-a54e-2387a2810ec1");
    assert_eq!(
        (comments[1].author.as_str(), report.trim_end()),
        ("me", texts("auto-retrain")[0].trim_end())
    );
    assert_eq!(home.hub.discussions(DATA)[0].title, "Training reports");
    let saved = home.folder.path().join("models").join(&model).join("model.txt");
    assert_eq!(fs::read_to_string(saved).unwrap(), format!("trained on {commit}\n"));
    let logged = home.run(&["deliveries", "logs", &model]).stdout;
    assert!(logged.contains(&format!(" INFO training on me/data at {commit}\n")), "{logged}");

    // What is no commit to the main branch, and the bot's own discussion, start nothing.
    home.hub.push(DATA, "draft", &[("data/train.csv", Some(b"seed\n44\n"))]);
    home.hub.comment(DATA, 1, "ada", "Nice!");
    let commit = push(&home, "seed\n45\n");
    let comments = home.hub.wait_for_comments(DATA, 1, 4);
    let succeeded = format!("Training on me/data at {commit} succeeded. ");
    assert!(comments[3].text.starts_with(&succeeded), "{comments:?}");
    let deliveries = home.wait_for(2, "done");
    let note = format!("trained models/{}", deliveries[0]["id"].as_str().unwrap());
    assert_eq!(deliveries[0]["note"], note);
    // The first one of the two that came together was superseded.
    let states: Vec<_> = deliveries.iter().map(|delivery| &delivery["state"]).collect();
    assert_eq!(states, ["done", "done", "superseded"]);
    assert_eq!(fs::read_dir(home.folder.path().join("models")).unwrap().count(), 2);
    assert_eq!(home.hub.discussions(DATA).len(), 1);
    home.stop(bot);
}

#[test]
fn a_script_that_fails_is_reported_with_its_last_lines_and_not_run_again() {
    let script = "import sys\n\
                  for number in range(30):\n    print(f'line {number}')\n\
                  print('1%\\r99%\\r```\\n')\n\
                  sys.exit('no GPU')\n";
    let home = home_with_script("fails.py", script);
    let bot = home.start();
    let commit = push(&home, "seed\n42\n");
    let report = home.hub.wait_for_comments(DATA, 1, 2).remove(1);
    let report = visible(&report);
    let failed =
        format!("Training on me/data at {commit} failed: fails.py ended with exit status: 1");
    let lines = report.strip_prefix(&format!("{failed}\n\n")).unwrap();
    let shown: Vec<_> = lines.lines().map(|line| line.strip_prefix("    ").unwrap()).collect();
    assert_eq!((shown.len(), shown[0]), (20, "line 13"), "{report}");
    assert_eq!(shown[16..], ["line 29", "```", "", "no GPU"]);
    let dead = home.wait_for(1, "dead").remove(0);
    assert_eq!(dead["attempts"], 1, "{dead}");
    assert_eq!(dead["error"], "fails.py ended with exit status: 1");
    assert_eq!(home.hub.comments(DATA, 1).len(), 2);

    // A person corrects the script, and runs the delivery again.
    fs::write(home.folder.path().join("fails.py"), read("examples/auto-retrain/train.py")).unwrap();
    let id = dead["id"].as_str().unwrap();
    assert_eq!(home.run(&["deliveries", "retry", id]).code, Some(0));
    home.wait_for(1, "done");
    let comments = home.hub.comments(DATA, 1);
    let succeeded = format!("Training on me/data at {commit} succeeded. ");
    assert!(comments.len() == 2 && comments[1].text.starts_with(&succeeded), "{comments:?}");
    home.stop(bot);
}

#[test]
fn a_lost_response_causes_no_second_report_and_no_second_training() {
    let script = "import pathlib, sys\n\
                  runs = pathlib.Path('runs.txt')\n\
                  count = len(runs.read_text()) if runs.exists() else 0\n\
                  runs.write_text('.' * (count + 1))\n\
                  print('run', count + 1)\n\
                  if count == 0: sys.exit('no GPU')\n\
                  pathlib.Path(sys.argv[3], 'model.txt').write_text('a model')\n";
    let home = home_with_script("counts.py", script);
    let bot = home.start();
    // The first training fails, and the response to its new discussion is lost.
    home.hub.trouble_at(DISCUSSIONS, 1, Trouble::LostResponse);
    push(&home, "seed\n42\n");
    let _ = home.hub.wait_for_comments(DATA, 1, 2);
    let dead = home.wait_for(1, "dead").remove(0);
    assert!(dead["error"].as_str().unwrap().ends_with("ended with exit status: 1"), "{dead}");
    assert_eq!(dead["attempts"], 2, "{dead}");
    // The second one succeeds, and the response to its report is lost.
    let comment = format!("{DISCUSSIONS}/1/comment");
    home.hub.trouble_at(&comment, 1, Trouble::LostResponse);
    push(&home, "seed\n43\n");
    let _ = home.hub.wait_for_comments(DATA, 1, 3);
    let done = home.wait_for(1, "done").remove(0);
    assert_eq!(done["attempts"], 2, "{done}");

    assert_eq!(fs::read_to_string(home.folder.path().join("runs.txt")).unwrap(), "..");
    assert_eq!(home.hub.discussions(DATA).len(), 1);
    let comments = home.hub.comments(DATA, 1);
    let lines: Vec<_> = comments[1..].iter().map(|it| visible(it).lines().nth(2)).collect();
    assert_eq!(lines, [Some("    run 1"), Some("    run 2")], "{comments:?}");
    home.stop(bot);
}

#[test]
fn a_superseded_delivery_that_failed_to_report_is_reported_by_the_next_one() {
    let script = "import pathlib, sys, time\n\
                  pathlib.Path(sys.argv[3], 'model.txt').write_text('a model')\n\
                  print('saved the model')\n\
                  while not pathlib.Path('go').exists(): time.sleep(0.05)\n";
    let home = home_with_script("waits.py", script);
    let models = home.folder.path().join("models");
    // Neither a report that is not whole nor one of another dataset is for this discussion.
    for (folder, data) in [("a.unfinished", "me/data"), ("b", "me/data2")] {
        fs::create_dir_all(models.join(folder)).unwrap();
        let text = format!("Training on {data} at 22 succeeded.");
        fs::write(models.join(folder).join("report.md"), text).unwrap();
    }
    let bot = home.start();
    let first = push(&home, "seed\n42\n");
    let _ = bot.wait_for_log("saved the model");
    let second = push(&home, "seed\n43\n");
    home.hub.wait_until_delivered();
    home.hub.trouble_at("GET /api/datasets/me/data/discussions", 1, Trouble::Status(500));
    fs::write(home.folder.path().join("go"), "").unwrap();
    let comments = home.hub.wait_for_comments(DATA, 1, 3);
    let deliveries = home.wait_for(1, "done");
    let states: Vec<_> = deliveries.iter().map(|delivery| &delivery["state"]).collect();
    assert_eq!(states, ["done", "superseded"]);
    for (commit, delivery) in [second, first].iter().zip(&deliveries) {
        let id = delivery["id"].as_str().unwrap();
        let start =
            format!("Training on me/data at {commit} succeeded. The model is in `models/{id}`.\n");
        assert!(comments.iter().any(|it| it.text.starts_with(&start)), "{comments:?}");
    }
    assert_eq!(home.hub.comments(DATA, 1).len(), 3);
    home.stop(bot);
}

#[test]
fn a_training_that_was_reported_is_not_repeated() {
    let home = home_with_script("fails.py", "raise SystemExit('trained again')\n");
    let bot = home.start();
    push(&home, "seed\n42\n");
    home.hub.wait_until_delivered();
    let id = home.wait_for(1, "queued").remove(0)["id"].as_str().unwrap().to_owned();
    // An attempt that ends after its report, before its delivery is done, leaves these files behind.
    let model = home.folder.path().join("models").join(id);
    fs::create_dir_all(&model).unwrap();
    fs::write(model.join("model.txt"), "a model").unwrap();
    fs::write(model.join("reported.md"), "Training on me/data at 22 succeeded.").unwrap();
    home.wait_for(1, "done");
    assert_eq!(fs::read_to_string(model.join("model.txt")).unwrap(), "a model");
    assert_eq!(home.hub.comments(DATA, 1).len(), 1);
    home.stop(bot);
}

#[test]
fn a_script_gets_the_variables_that_it_needs_and_not_the_secret_of_the_webhook() {
    let script = "import os, pathlib\n\
                  print(*sorted(os.environ))\n\
                  bot = pathlib.Path('/proc', str(os.getppid()), 'environ').read_text()\n\
                  print('WEBHOOK_SECRET=hush' in bot.split(chr(0)))\n";
    let mut home = home_with_script("prints.py", script);
    home.set("LANG", "C.UTF-8");
    home.set("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    home.set("NO_PROXY", "127.0.0.1");
    let bot = home.start();
    push(&home, "seed\n42\n");
    let report = home.hub.wait_for_comments(DATA, 1, 2).remove(1);
    let [names, secret] = <[_; 2]>::try_from(visible(&report).lines().skip(2).collect::<Vec<_>>())
        .unwrap()
        .map(str::trim);
    let names: Vec<_> = names.split(' ').collect();
    // Python itself may set others.
    let mut given: Vec<_> = home.variables.iter().map(|(name, _)| *name).collect();
    given.retain(|name| names.contains(name));
    given.sort_unstable();
    let expected = ["HF_ENDPOINT", "HF_TOKEN", "HOME", "LANG", "NO_PROXY", "PATH", "SSL_CERT_FILE"];
    assert_eq!(given, expected);
    // A hostile script finds the secret nevertheless, as the pages say.
    assert_eq!(secret, "True");
    let warnings =
        ["This is no protection against hostile code", "악성 코드를 막아 주지는 않습니다"];
    for (language, warning) in ["en", "ko"].iter().zip(warnings) {
        for page in ["first-bot", "bot-auto-retrain"] {
            let page = read(format!("docs/{language}/{page}.md"));
            assert!(page.split_whitespace().collect::<Vec<_>>().join(" ").contains(warning));
        }
    }
    home.stop(bot);
}

/// A script that runs for minutes, and starts another process.
const SLOW: &str = "import os, subprocess, time\n\
                    child = subprocess.Popen(['sleep', '600'])\n\
                    print('processes', os.getpid(), child.pid)\n\
                    time.sleep(600)\n";

/// Waits until the slow script runs. Returns its two processes.
fn processes(bot: &Program) -> Vec<String> {
    // What the script prints is in the log while it runs.
    let line = bot.wait_for_log("processes ");
    let (_, processes) = line.split_once("processes ").unwrap();
    let processes: Vec<_> = processes.split(' ').map(str::to_owned).collect();
    assert!(processes.len() == 2 && processes.iter().all(|process| is_running(process)), "{line}");
    processes
}

fn wait_until_ended(processes: &[String], patience: Duration) {
    let deadline = Instant::now() + patience;
    while processes.iter().any(|process| is_running(process)) {
        assert!(Instant::now() < deadline, "{processes:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_cancelled_training_ends_with_all_of_its_processes() {
    let home = home_with_script("slow.py", SLOW);
    let bot = home.start();
    push(&home, "seed\n42\n");
    let processes = processes(&bot);
    let id = home.wait_for(1, "running").remove(0)["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["deliveries", "cancel", &id]).code, Some(0));
    wait_until_ended(&processes, PATIENCE);
    home.wait_for(1, "cancelled");
    assert!(home.hub.discussions(DATA).is_empty());
    home.stop(bot);
}

#[test]
fn a_shutdown_ends_the_training_and_the_next_start_repeats_it() {
    let home = home_with_script("slow.py", SLOW);
    let bot = home.start();
    push(&home, "seed\n42\n");
    let processes = processes(&bot);
    bot.signal(Signal::SIGTERM).unwrap();
    // After the grace period of 30 s.
    wait_until_ended(&processes, Duration::from_secs(30) + PATIENCE);
    assert_eq!(bot.wait().code, Some(0));

    let script = read("examples/auto-retrain/train.py");
    fs::write(home.folder.path().join("slow.py"), script).unwrap();
    let bot = home.start();
    let done = home.wait_for(1, "done").remove(0);
    assert_eq!((&done["attempts"], home.hub.comments(DATA, 1).len()), (&1.into(), 2), "{done}");
    home.stop(bot);
}

/// Returns whether a process has not ended.
fn is_running(process: &str) -> bool {
    // Its state is after its name, which is in brackets; `Z` when it has ended.
    let status = fs::read_to_string(Path::new("/proc").join(process).join("stat"));
    status.is_ok_and(|status| !status.rsplit_once(") ").is_some_and(|(_, it)| it.starts_with('Z')))
}
