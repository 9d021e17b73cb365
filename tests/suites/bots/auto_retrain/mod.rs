//! `auto-retrain`: trainings and their reports.

mod scripts;

use std::fs;

use tests::hub::{TestComment, Trouble};
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
fn a_failed_training_is_not_repeated_when_another_report_cannot_be_posted() {
    let script = "import pathlib\n\
                  with pathlib.Path('runs.txt').open('a') as runs: runs.write('.')\n\
                  raise SystemExit('no GPU')\n";
    let home = home_with_script("fails.py", script);
    // An earlier training that is not reported yet.
    let models = home.folder.path().join("models");
    fs::create_dir_all(models.join("a")).unwrap();
    fs::write(models.join("a/report.md"), "Training on me/data at 22 succeeded.").unwrap();
    let bot = home.start();
    let comment = format!("{DISCUSSIONS}/1/comment");
    // The bot posts both reports in any order. The first one succeeds, the second one does not.
    home.hub.trouble_at(&comment, 1, Trouble::Late { milliseconds: 0 });
    home.hub.trouble_at(&comment, 1, Trouble::Status(500));
    push(&home, "seed\n42\n");
    let _ = bot.wait_for_log("the function failed");
    for folder in fs::read_dir(&models).unwrap() {
        assert!(folder.unwrap().path().join("report.md").exists(), "the next attempt needs it");
    }
    let dead = home.wait_for(1, "dead").remove(0);
    assert_eq!(dead["attempts"], 2, "{dead}");
    assert_eq!(dead["error"], "fails.py ended with exit status: 1");
    assert_eq!(fs::read_to_string(home.folder.path().join("runs.txt")).unwrap(), ".");
    assert_eq!(home.hub.comments(DATA, 1).len(), 1 + 2);
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
