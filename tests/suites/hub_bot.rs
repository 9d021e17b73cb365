//! A bot as a process, from an empty account: it registers its webhooks, acts on what they deliver, and does not act on
//! what it has done itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use tempfile::TempDir;
use tests::client::request;
use tests::hub::{TestDelivery, TestHub, Trouble};
use tests::program::Program;
use tests::programs::{free_port, hub_bot};

const DATA: &str = "dataset:me/data";

/// The requests that make a commit.
const COMMIT: &str = "POST /api/datasets/me/data/commit/main";

/// A Hub with a dataset, a folder for the bot's state, and the port of its public URL.
struct Account {
    hub: TestHub,
    home: TempDir,
    port: u16,
}

impl Account {
    fn new() -> Self {
        let hub = TestHub::start();
        hub.create_repo(DATA);
        Self { hub, home: tempfile::tempdir().unwrap(), port: free_port() }
    }

    /// Starts the bot, and waits until it has registered its webhooks.
    fn start(&self) -> Program {
        let home = self.home.path().to_str().unwrap();
        let (port, store) = (self.port.to_string(), format!("{home}/webhooks.db"));
        let url = format!("http://127.0.0.1:{port}");
        let arguments = ["--port", &port, "--public-url", &url, "--store", &store, "--register"];
        let mut variables = vec![("XDG_STATE_HOME", home), ("WEBHOOK_SECRET", "hush")];
        variables.extend(self.hub.variables());
        let program = Program::start(&hub_bot(), &arguments, &variables).unwrap();
        let _ = program.wait_for("Webhooks on the Hub");
        program
    }

    /// Commits data, which `count` is for.
    fn push(&self, text: &str) -> String {
        self.hub.push(DATA, "main", &[("data/train.csv", Some(text.as_bytes()))])
    }

    fn read(&self, path: &str) -> Option<String> {
        self.hub.file(DATA, "main", path).map(|contents| String::from_utf8(contents).unwrap())
    }

    /// Returns the responses to deliveries of this event, the first attempt of each.
    fn responses(&self, endpoint: &str, event: &str) -> Vec<String> {
        let webhooks = self.hub.webhooks();
        let webhook = webhooks.iter().find(|it| it.url.as_ref().unwrap().ends_with(endpoint));
        let deliveries = webhook.unwrap().deliveries.iter().filter(|it| it.event() == event);
        deliveries.map(|it: &TestDelivery| it.attempts[0].text.clone()).collect()
    }
}

/// Returns how often a function ran.
fn runs(stdout: &str, line: &str) -> usize {
    stdout.lines().filter(|it| *it == line).count()
}

#[test]
fn from_an_empty_account_a_commit_is_acted_on_and_nothing_comes_back() {
    let account = Account::new();
    let bot = account.start();
    assert_eq!(account.hub.webhooks().len(), 2);
    account.push("seed\n42\n");
    // The discussion that the bot opens, with its report.
    let report = account.hub.wait_for_comments(DATA, 1, 1);
    assert_eq!(
        (report[0].author.as_str(), report[0].text.as_str()),
        ("me", "There are 2 rows now.")
    );
    assert_eq!(account.read("data/rows.txt").as_deref(), Some("2"));
    account.hub.comment(DATA, 1, "somebody", "And the seed?");
    let comments = account.hub.wait_for_comments(DATA, 1, 3);
    assert_eq!(comments[2].text, "You wrote: And the seed?");
    account.hub.wait_until_delivered();

    let commits = account.responses("/count", "update repo.content");
    assert_eq!(commits.len(), 2, "{commits:?}");
    assert!(commits[1].starts_with(r#"{"skipped":"own: "#), "{commits:?}");
    let comments = account.responses("/reply", "create discussion.comment");
    assert_eq!(comments.len(), 2, "{comments:?}");
    assert!(comments[1].starts_with(r#"{"skipped":"own: "#), "{comments:?}");
    assert!(
        account.responses("/reply", "create discussion")[0].starts_with(r#"{"skipped":"own: "#)
    );
    let ended = bot.stop();
    assert_eq!((runs(&ended.stdout, "count runs"), runs(&ended.stdout, "reply runs")), (1, 1));
    assert_eq!(account.hub.comments(DATA, 1).len(), 3);
    for output in [&ended.stdout, &ended.stderr] {
        assert!(!output.contains(account.hub.token()), "{output}");
    }
    account.hub.assert_no_faults();
}

#[test]
fn a_commit_whose_delivery_is_faster_than_its_response_does_not_come_back() {
    let account = Account::new();
    let bot = account.start();
    account.hub.trouble_at(COMMIT, 1, Trouble::Late { milliseconds: 1000 });
    account.push("seed\n42\n");
    let _ = account.hub.wait_for_comments(DATA, 1, 1);
    account.hub.wait_until_delivered();
    let commits = account.responses("/count", "update repo.content");
    assert!(commits[1].starts_with(r#"{"skipped":"own: "#), "{commits:?}");
    assert_eq!(runs(&bot.stop().stdout, "count runs"), 1);
}

#[test]
fn a_commit_of_a_process_before_does_not_come_back() {
    let account = Account::new();
    let bot = account.start();
    account.push("seed\n42\n");
    let _ = account.hub.wait_for_comments(DATA, 1, 1);
    account.hub.wait_until_delivered();
    bot.stop();
    let bot = account.start();
    let webhooks = account.hub.webhooks();
    let count = webhooks.iter().find(|it| it.url.as_ref().unwrap().ends_with("/count")).unwrap();
    // The person replays the delivery of the bot's own commit.
    let log_id = &count.deliveries.last().unwrap().log_id;
    let first = format!("POST /api/settings/webhooks/{}/replay/{log_id}", count.id);
    let authorization = format!("Authorization: Bearer {}", account.hub.token());
    let replayed = request(account.hub.url(), &first, &[&authorization], "").unwrap().json();
    assert_eq!(replayed["status"], 200, "{replayed}");
    assert_eq!(runs(&bot.stop().stdout, "count runs"), 0);
}

#[test]
fn a_storm_of_rate_limits_delays_replies_and_repeats_none() {
    let account = Account::new();
    account.hub.limit_rate(3, 0);
    let bot = account.start();
    account.hub.open_discussion(DATA, "somebody", "Name the seed", "Which seed was used?");
    let _ = account.hub.wait_for_comments(DATA, 1, 2);
    account.hub.limit_rate(3, 1);
    for number in 0..4 {
        account.hub.comment(DATA, 1, "somebody", &format!("Question {number}"));
    }
    let mut replies = account.hub.wait_for_comments(DATA, 1, 10);
    account.hub.wait_until_delivered();
    assert_eq!(account.hub.comments(DATA, 1).len(), 10);
    replies.retain(|comment| comment.author == "me");
    let mut texts: Vec<_> = replies.into_iter().map(|comment| comment.text).collect();
    texts.sort();
    let expected = ["Question 0", "Question 1", "Question 2", "Question 3", "Which seed was used?"];
    assert_eq!(texts, expected.map(|text| format!("You wrote: {text}")));
    let limited = account.hub.requests().iter().filter(|it| it.status == 429).count();
    assert_eq!(limited, 6);
    assert_eq!(runs(&bot.stop().stdout, "reply runs"), 5);
    account.hub.assert_no_faults();
}

#[test]
fn files_that_the_function_is_not_for_are_not_counted_and_the_function_runs_when_the_hub_cannot_tell()
 {
    let account = Account::new();
    let bot = account.start();
    account.hub.push(DATA, "main", &[("README.md", Some(b"# Data\n"))]);
    account.hub.wait_for_requests("GET /api/datasets/me/data/compare/", 1);
    account.push("seed\n42\n");
    let _ = account.hub.wait_for_comments(DATA, 1, 1);
    assert_eq!(account.read("data/rows.txt").as_deref(), Some("2"));
    account.hub.trouble_at("GET /api/datasets/me/data/compare/", 1, Trouble::Status(500));
    account.hub.push(DATA, "main", &[("README.md", Some(b"# More data\n"))]);
    let _ = account.hub.wait_for_comments(DATA, 2, 1);
    account.hub.wait_until_delivered();
    assert_eq!(runs(&bot.stop().stdout, "count runs"), 2);
    let compared = account.hub.requests().into_iter().map(|it| it.first_line());
    let compared = compared.filter(|it| it.contains("/compare/")).count();
    assert_eq!(compared, 3);
}
