//! A program that acts on the Hub, from outside: it answers and commits once, and never to itself.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

use std::time::Duration;

use serde_json::Value;
use tests::browser::Browser;
use tests::client::{PAGE_TOKEN, Viewer, post};
use tests::hub::{DeliveryPolicy, TestHub, Trouble};
use tests::program::{Ended, Program};
use tests::programs::acting;

const DATA: &str = "dataset:me/data";

/// The request that tells the account of the token.
const WHOAMI: &str = "GET /api/whoami-v2";

/// A Hub with a dataset of `me`, and the program as its bot.
struct ActingBot {
    hub: TestHub,
    folder: tempfile::TempDir,
}

impl ActingBot {
    fn new() -> Self {
        let hub = TestHub::start();
        hub.create_repo(DATA);
        hub.create_org("ada");
        Self { hub, folder: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> String {
        self.folder.path().join("webhooks.db").to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let variables = [&self.hub.variables(), variables].concat();
        Program::start(&acting(), arguments, &variables).unwrap().wait()
    }

    /// Starts the server, with a webhook for one of its endpoints.
    fn serve(&self, endpoint: &str) -> (Program, String) {
        let arguments = ["--port", "0", "--store", &self.store()];
        let variables = [&self.hub.variables()[..], &[PAGE_TOKEN]].concat();
        let program = Program::start(&acting(), &arguments, &variables).unwrap();
        let url = format!("{}/webhooks/{endpoint}", program.local_url());
        let id = self.hub.create_webhook("me", &url, &[DATA]);
        (program, id)
    }

    /// Opens a discussion and returns its number.
    fn discuss(&self) -> u64 {
        self.hub.open_discussion(DATA, "ada", "Where is the data?", "I cannot find it.")
    }

    /// Waits until a background delivery has this note, and returns it.
    fn wait_for_note(&self, note: &str) -> Value {
        for _ in 0..600 {
            let listed = self.run(&["deliveries", "--json", "--store", &self.store()], &[]);
            let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
            for delivery in listed.as_array().unwrap() {
                let id = delivery["id"].as_str().unwrap();
                let show = ["deliveries", "show", id, "--json", "--store", &self.store()];
                let shown: Value = serde_json::from_str(&self.run(&show, &[]).stdout).unwrap();
                if shown["note"].as_str().is_some_and(|found| found.contains(note)) {
                    return shown;
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no delivery has the note {note:?}")
    }
}

fn count(ended: &Ended, line: &str) -> usize {
    ended.stdout.lines().filter(|printed| *printed == line).count()
}

#[test]
fn a_bot_answers_a_comment_once_and_skips_its_own_answer() {
    for (endpoint, line) in [("answer", "answering"), ("answer_later", "answering later")] {
        let bot = ActingBot::new();
        let (program, id) = bot.serve(endpoint);
        let started = program.wait_for("* Account on the Hub: me. ");
        assert!(
            started.ends_with("/webhooks/answer, /webhooks/answer_later, /webhooks/summarize.")
        );
        let num = bot.discuss();
        bot.hub.comment(DATA, num, "ada", "Anybody?");
        let comments = bot.hub.wait_for_comments(DATA, num, 3);
        assert_eq!(comments[2].author, "me");
        bot.hub.wait_until_delivered();
        let webhook = bot.hub.webhook(&id);
        let own = webhook.deliveries.last().unwrap();
        let reason =
            r#"{"skipped":"own: the comment was written by me, the account of this program"}"#;
        assert_eq!(own.attempts.last().unwrap().text, reason);
        assert_eq!(bot.hub.comments(DATA, num).len(), 3);
        assert_eq!(count(&program.stop(), line), 1);
        bot.hub.assert_no_faults();
    }
}

#[test]
fn a_bot_that_commits_skips_its_own_commit_and_files_that_it_is_not_for() {
    let bot = ActingBot::new();
    let (program, id) = bot.serve("summarize");
    bot.hub.push(DATA, "main", &[("data/README.md", Some(b"# Data"))]);
    let shown = bot.wait_for_note("paths: no changed file matches data/** and !**/*.md");
    assert_eq!((&shown["state"], &shown["attempts"]), (&"done".into(), &1.into()), "{shown}");
    bot.hub.push(DATA, "main", &[("data/train.csv", Some(b"1,2\n"))]);
    let shown = bot.wait_for_note("paths: data/train.csv changed");
    assert_eq!(shown["state"], "done", "{shown}");
    bot.hub.wait_until_delivered();
    let webhook = bot.hub.webhook(&id);
    let own = webhook.deliveries.last().unwrap();
    let reason = r#"{"skipped":"own: this program has made the commit, as me"}"#;
    assert_eq!(own.attempts.last().unwrap().text, reason);
    assert_eq!(count(&program.stop(), "summarizing"), 1);
    bot.hub.assert_no_faults();
    // The store remembers the commit for the next process.
    let (program, _) = bot.serve("summarize");
    let response = post(&program.local_url(), "/webhooks/summarize", &own.payload.to_string());
    assert_eq!(response.unwrap().body, reason);
    program.stop();
}

#[test]
fn the_note_of_an_attempt_is_shown_by_the_command_and_on_the_page() {
    let bot = ActingBot::new();
    let (program, _) = bot.serve("summarize");
    bot.hub.push(DATA, "main", &[("data/<b>.csv", Some(b"1\n"))]);
    let id = bot.wait_for_note("paths: ")["id"].as_str().unwrap().to_owned();
    let shown = bot.run(&["deliveries", "show", &id, "--store", &bot.store()], &[]).stdout;
    let line = "note           paths: data/<b>.csv changed";
    assert!(shown.lines().any(|other| other == line), "{shown}");
    let viewer = Viewer::of_program(&program.local_url());
    let on_page = "<dt>Note</dt><dd><bdi>paths: data/&lt;b&gt;.csv changed</bdi></dd>";
    for page in [format!("/deliveries/{id}/detail"), format!("/deliveries/{id}")] {
        let body = viewer.get(&page).unwrap().body;
        assert!(body.contains(on_page), "{page}: {body}");
    }
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn the_opened_row_of_a_delivery_shows_its_note() {
    let bot = ActingBot::new();
    let (program, _) = bot.serve("summarize");
    bot.hub.push(DATA, "main", &[("data/train.csv", Some(b"1,2\n"))]);
    let id = bot.wait_for_note("paths: ")["id"].as_str().unwrap().to_owned();
    let url = program.local_url();
    let browser = Browser::open(&format!("{url}/?token={}", PAGE_TOKEN.1)).await;
    let row = format!("#background li[data-id='{id}']");
    browser.press(&format!("{row} summary")).await;
    browser.wait_for_text(&format!("{row} .detail"), "paths: data/train.csv changed").await;
    browser.end().await;
    program.stop();
}

#[test]
fn a_comment_waits_until_the_account_is_known() {
    let bot = ActingBot::new();
    let policy =
        DeliveryPolicy { attempts: 200, wait: Duration::from_millis(100), suspend_after: 1000 };
    bot.hub.set_delivery_policy(policy);
    // Not one that the client retries by itself.
    bot.hub.trouble_at(WHOAMI, 1, Trouble::Status(500));
    let (program, id) = bot.serve("answer");
    let later = format!("{}/webhooks/answer_later", program.local_url());
    let later = bot.hub.create_webhook("me", &later, &[DATA]);
    let _ = program.wait_for_log("the account on the Hub is unknown");
    let num = bot.discuss();
    bot.hub.comment(DATA, num, "ada", "Anybody?");
    let _ = bot.hub.wait_for_comments(DATA, num, 4);
    bot.hub.wait_until_delivered();
    let statuses = |id: &str| {
        let deliveries = bot.hub.webhook(id).deliveries;
        let about = deliveries.iter().find(|it| it.payload["comment"]["content"] == "Anybody?");
        let attempts = about.unwrap().attempts.iter().map(|attempt| attempt.status.unwrap());
        attempts.collect::<Vec<_>>()
    };
    let inline = statuses(&id);
    assert_eq!((inline[0], inline.last()), (503, Some(&200)), "{inline:?}");
    assert_eq!(statuses(&later), [202]);
    let ended = program.stop();
    assert_eq!((count(&ended, "answering"), count(&ended, "answering later")), (1, 1));
    assert!(ended.stderr.contains("the delivery waits"), "{}", ended.stderr);
}

#[test]
fn a_program_without_a_token_does_not_start_and_names_its_endpoints() {
    let folder = tempfile::tempdir().unwrap();
    let home = ("HF_HOME", folder.path().to_str().unwrap());
    let ended = Program::start(&acting(), &["--port", "0"], &[home]).unwrap().wait();
    assert_eq!(ended.code, Some(1));
    for text in [
        "  - /webhooks/answer (",
        "  - /webhooks/summarize (",
        "set HF_TOKEN, or run `hf auth login`",
        "https://huggingface.co/settings/tokens",
    ] {
        assert!(ended.stderr.contains(text), "{text}: {}", ended.stderr);
    }
}

#[test]
fn endpoints_names_the_account_whose_events_are_skipped() {
    let bot = ActingBot::new();
    let listed = bot.run(&["endpoints"], &[]).stdout;
    assert_eq!(
        listed.matches("    skips the events of its own account, me\n").count(),
        3,
        "{listed}"
    );
    let summarize = "    for content changes that touch `data/**` but not `**/*.md`\n";
    assert!(listed.contains(summarize), "{listed}");
    let listed: Value =
        serde_json::from_str(&bot.run(&["endpoints", "--json"], &[]).stdout).unwrap();
    let hub = |index: usize| listed[index]["hub"].to_string();
    assert_eq!(hub(0), r#"{"account":"me","own":false}"#);
    assert_eq!(hub(2), r#"{"account":null,"own":true}"#);
    assert_eq!(listed[3]["filter"]["paths"], serde_json::json!(["data/**", "!**/*.md"]));
    // The list needs no Hub.
    let ended = bot.run(&["endpoints"], &[("HF_TOKEN", "hf_wrong")]);
    assert_eq!(ended.code, Some(0));
    let unknown = "    skips the events of its own account, which is unknown: ";
    assert_eq!(ended.stdout.matches(unknown).count(), 3, "{}", ended.stdout);
}

#[test]
fn deliver_skips_own_events_and_other_files() {
    let bot = ActingBot::new();
    let num = bot.discuss();
    // The deliveries that a webhook gets, whose server is down.
    let id = bot.hub.create_webhook("me", "http://127.0.0.1:9/webhooks/answer", &[DATA]);
    bot.hub.comment(DATA, num, "me", "Mine.");
    bot.hub.comment(DATA, num, "ada", "Hers.");
    bot.hub.push(DATA, "main", &[("README.md", Some(b"# Data"))]);
    bot.hub.push(DATA, "main", &[("data/a.csv", Some(b"1\n"))]);
    bot.hub.wait_until_delivered();
    let payloads: Vec<_> =
        bot.hub.webhook(&id).deliveries.into_iter().map(|it| it.payload).collect();
    let [mine, hers, readme, data] = &payloads[..] else { panic!("{payloads:?}") };
    let deliver = |endpoint: &str, payload: &Value| {
        let payload = payload.to_string();
        bot.run(&["deliver", endpoint], &[("WEBHOOK_PAYLOAD", &payload)])
    };
    for endpoint in ["answer", "answer_later"] {
        let ended = deliver(endpoint, mine);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("skipped (own: the comment was written by me"), "{ended:?}");
        let ended = deliver(endpoint, hers);
        assert!(ended.stdout.contains("succeeded in"), "{ended:?}");
    }
    assert_eq!(bot.hub.comments(DATA, num).len(), 5);
    let ended = deliver("summarize", readme);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let skipped = "skipped (paths: no changed file matches data/** and !**/*.md)";
    assert!(ended.stdout.contains(skipped), "{ended:?}");
    let ended = deliver("summarize", data);
    assert!(ended.stdout.contains("succeeded in"), "{ended:?}");
    assert!(ended.stderr.contains("paths: data/a.csv changed"), "{ended:?}");
    assert!(bot.hub.file(DATA, "main", "data/summary.txt").is_some());
    // The function runs where the Hub cannot be asked.
    bot.hub.trouble_at("GET /api/datasets/me/data/compare", 1, Trouble::Status(500));
    let ended = deliver("summarize", readme);
    assert!(ended.stdout.contains("summarizing"), "{ended:?}");
}
