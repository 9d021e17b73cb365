//! `auto-retrain`: trainings, their reports, and the end of a script.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tests::client::PATIENCE;
use tests::programs::auto_retrain;
use tests::repository::read;

use super::{BotHome, texts};

const DATA: &str = "dataset:me/data";

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
    let report = home.hub.wait_for_comments(DATA, 1, 1).remove(0);
    let model = home.wait_for(1, "done").remove(0)["id"].as_str().unwrap().to_owned();
    let text = report.text.replace(&commit, &"2".repeat(40));
    let text = text.replace(&model, "01a2108d-866b-7072-a54e-2387a2810ec1");
    assert_eq!(
        (report.author.as_str(), text.trim_end()),
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
    let comments = home.hub.wait_for_comments(DATA, 1, 3);
    assert!(comments[2].text.starts_with(&format!("Trained on {commit}. ")), "{comments:?}");
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
    let report = home.hub.wait_for_comments(DATA, 1, 1).remove(0).text;
    let failed = format!("Training on {commit} failed: fails.py ended with exit status: 1\n\n");
    let lines = report.strip_prefix(&failed).unwrap();
    let shown: Vec<_> = lines.lines().map(|line| line.strip_prefix("    ").unwrap()).collect();
    assert_eq!((shown.len(), shown[0]), (20, "line 13"), "{report}");
    assert_eq!(shown[16..], ["line 29", "```", "", "no GPU"]);
    let dead = home.wait_for(1, "dead").remove(0);
    assert_eq!(dead["attempts"], 1, "{dead}");
    assert_eq!(dead["error"], "fails.py ended with exit status: 1");
    assert_eq!(home.hub.comments(DATA, 1).len(), 1);
    home.stop(bot);
}

#[test]
fn a_cancelled_training_ends_with_all_of_its_processes() {
    let script = "import os, subprocess, time\n\
                  child = subprocess.Popen(['sleep', '600'])\n\
                  print('processes', os.getpid(), child.pid)\n\
                  time.sleep(600)\n";
    let home = home_with_script("slow.py", script);
    let bot = home.start();
    push(&home, "seed\n42\n");
    // What the script prints is in the log while it runs.
    let line = bot.wait_for_log("processes ");
    let (_, processes) = line.split_once("processes ").unwrap();
    let processes: Vec<_> = processes.split(' ').collect();
    assert!(processes.len() == 2 && processes.iter().all(|process| is_running(process)), "{line}");
    let id = home.wait_for(1, "running").remove(0)["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["deliveries", "cancel", &id]).code, Some(0));
    let deadline = Instant::now() + PATIENCE;
    while processes.iter().any(|process| is_running(process)) {
        assert!(Instant::now() < deadline, "{processes:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    home.wait_for(1, "cancelled");
    assert!(home.hub.discussions(DATA).is_empty());
    home.stop(bot);
}

/// Returns whether a process has not ended.
fn is_running(process: &str) -> bool {
    // Its state is after its name, which is in brackets; `Z` when it has ended.
    let status = fs::read_to_string(Path::new("/proc").join(process).join("stat"));
    status.is_ok_and(|status| !status.rsplit_once(") ").is_some_and(|(_, it)| it.starts_with('Z')))
}
