//! `spaces-ci`: the copy of a Space for each pull request, from its creation to its end.

use std::time::Instant;

use serde_json::{Value, json};
use tests::client::{PATIENCE, request};
use tests::hub::{TestWebhookState, Trouble};
use tests::programs::spaces_ci;

use super::{BotHome, texts};

const DEMO: &str = "space:me/demo";
const COPY: &str = "space:me/demo-ci-pr-1";
const SECRETS: &str = "It has secrets.";
const NO_SECRETS: &str = "It has no secrets until a trusted author comments `/trust ";

/// A bot, and a Space with two files.
fn home() -> BotHome {
    let mut home = BotHome::new(spaces_ci(), DEMO);
    home.set("CI_SPACES", DEMO);
    home.set("CI_SECRET_API_KEY", "hush-hush");
    home.set("CI_VARIABLE_MODE", "ci");
    home.set("CI_HARDWARE", "auto");
    home.set("TRUSTED_AUTHORS", "linus, grace");
    let files = [("app.py", Some(&b"print(42)"[..])), ("notes.txt", Some(b"old"))];
    home.hub.push(DEMO, "main", &files);
    home
}

/// Calls the Hub as its owner does in the browser.
fn call(home: &BotHome, first: &str, body: &Value) {
    let authorization = format!("Authorization: Bearer {}", home.hub.token());
    let headers = ["Content-Type: application/json", &authorization];
    let response = request(home.hub.url(), first, &headers, &body.to_string()).unwrap();
    assert_eq!(response.status, 200, "{first}: {response:?}");
}

fn close(home: &BotHome, num: u64) {
    let first = format!("POST /api/spaces/me/demo/discussions/{num}/status");
    call(home, &first, &json!({ "status": "closed" }));
}

/// Waits until this is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not so: {what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Waits until the bot's comment on a pull request has this text, and returns it.
fn wait_for_comment(home: &BotHome, num: u64, text: &str) -> String {
    let mut last = String::new();
    wait_until(text, || {
        let comments = home.hub.comments(DEMO, num);
        let own = comments.into_iter().find(|it| it.text.ends_with("<!-- spaces-ci -->"));
        last = own.map(|it| it.text).unwrap_or_default();
        last.contains(text)
    });
    last
}

/// Waits until the copy of a pull request is that of its head, and returns the bot's comment.
fn wait_for_copy(home: &BotHome, num: u64) -> String {
    let head = home.hub.head(DEMO, &format!("refs/pr/{num}")).unwrap();
    wait_for_comment(home, num, &head[..7])
}

fn has_file(home: &BotHome, copy: &str, path: &str) -> Option<String> {
    home.hub.file(copy, "main", path).map(|contents| String::from_utf8(contents).unwrap())
}

fn push(home: &BotHome, num: u64, path: &str, contents: Option<&[u8]>) {
    home.hub.push(DEMO, &format!("refs/pr/{num}"), &[(path, contents)]);
}

#[test]
fn a_pull_request_has_a_copy_from_its_opening_to_its_end() {
    let home = home();
    let bot = home.start();
    let webhook = &home.hub.webhooks()[0];
    assert_eq!(
        (&webhook.watched, &webhook.domains),
        (&vec![DEMO.into()], &vec!["repo".into(), "discussion".into()])
    );
    let num = home.hub.open_pull_request(DEMO, "ada", "Fix", &[("app.py", Some(b"print(43)"))]);
    let comment = wait_for_copy(&home, num);
    let head = home.hub.head(DEMO, "refs/pr/1").unwrap();
    let shown = comment.replace(home.hub.url(), "https://huggingface.co");
    let shown = shown.replace(&head, &"2".repeat(40)).replace(&head[..7], "2222222");
    let readme = texts("spaces-ci").remove(0);
    assert_eq!(shown, format!("{}\n\n<!-- spaces-ci -->", readme.trim_end()));
    assert_eq!(has_file(&home, COPY, "app.py").as_deref(), Some("print(43)"));
    let variables = home.hub.space_variables(COPY);
    assert_eq!(variables["SPACES_CI"], "space:me/demo#1, trusted: false");
    assert_eq!(variables["MODE"], "ci");

    // A push updates the copy, and the comment, of which there stays one.
    push(&home, num, "notes.txt", None);
    wait_for_copy(&home, num);
    assert_eq!(has_file(&home, COPY, "notes.txt"), None);
    assert_eq!(home.hub.comments(DEMO, num).len(), 2);

    // A file becomes a folder, and a folder a file.
    for (old, new) in [("app.py", "app.py/main.py"), ("app.py/main.py", "app.py")] {
        let changes: [(&str, Option<&[u8]>); 2] = [(old, None), (new, Some(b"print(44)"))];
        home.hub.push(DEMO, "refs/pr/1", &changes);
        wait_for_copy(&home, num);
        assert_eq!(has_file(&home, COPY, new).as_deref(), Some("print(44)"));
        assert_eq!(has_file(&home, COPY, old), None);
    }

    // The deletion is called twice, because the first response is lost.
    home.hub.trouble_at("DELETE /api/repos/delete", 1, Trouble::LostResponse);
    call(&home, "POST /api/spaces/me/demo/discussions/1/merge", &json!({}));
    wait_until("the copy is deleted", || !home.hub.has_repo(COPY));
    wait_for_comment(&home, num, "The copy was deleted.");
    assert_eq!(home.hub.comments(DEMO, num).len(), 2);
    assert!(home.hub.has_repo(DEMO));
    home.stop(bot);
}

#[test]
fn large_files_are_copied_by_the_hub_or_named_in_the_comment() {
    let home = home();
    home.hub.push(DEMO, "main", &[("weights.bin", Some(b"old")), ("data.gz", Some(b"old"))]);
    let bot = home.start();
    let files: [(&str, Option<&[u8]>); 1] = [("weights.bin", Some(b"new"))];
    let num = home.hub.open_pull_request(DEMO, "ada", "Train", &files);
    let comment = wait_for_copy(&home, num);
    assert!(!comment.contains("lacks"), "{comment}");
    assert_eq!(has_file(&home, COPY, "weights.bin").as_deref(), Some("new"));
    assert_eq!(has_file(&home, COPY, "data.gz").as_deref(), Some("old"));

    // The Hub has it in its old storage.
    push(&home, num, "data.gz", Some(b"new"));
    let comment = wait_for_copy(&home, num);
    let missing = "\n- The copy lacks the file `data.gz`: it cannot be copied.\n";
    assert!(comment.contains(missing), "{comment}");
    assert_eq!(has_file(&home, COPY, "data.gz"), None, "not the old one");
    assert!(home.hub.file_requests().is_empty(), "no file was downloaded");

    push(&home, num, "data.gz", None);
    assert!(!wait_for_copy(&home, num).contains("lacks"));
    home.stop(bot);
}

#[test]
fn pushes_and_the_end_of_a_pull_request_may_come_at_any_time() {
    let home = home();
    let bot = home.start();
    let create = "POST /api/spaces/me/demo/duplicate";
    home.hub.trouble_at(create, 2, Trouble::Late { milliseconds: 500 });
    let open = || home.hub.open_pull_request(DEMO, "ada", "Fix", &[("app.py", Some(b"1"))]);
    let pushed = open();
    for text in [&b"2"[..], b"3", b"4"] {
        push(&home, pushed, "app.py", Some(text));
    }
    wait_for_copy(&home, pushed);
    assert_eq!(has_file(&home, COPY, "app.py").as_deref(), Some("4"));

    let closed = open();
    home.hub.wait_for_requests(create, 2);
    close(&home, closed);
    wait_for_comment(&home, closed, "The copy was deleted.");
    assert!(!home.hub.has_repo("space:me/demo-ci-pr-2"));

    // The copies go with their Space.
    home.hub.delete_repo(DEMO);
    wait_until("the copy is deleted", || !home.hub.has_repo(COPY));
    home.hub.wait_until_delivered();
    home.stop(bot);
}

#[test]
fn only_reviewed_code_and_that_of_trusted_authors_gets_the_secrets() {
    let home = home();
    let bot = home.start();
    let secrets = |copy: &str| home.hub.space_secrets(copy);
    let num = home.hub.open_pull_request(DEMO, "ada", "Fix", &[("app.py", Some(b"print(43)"))]);
    assert!(wait_for_copy(&home, num).contains(NO_SECRETS));
    assert_eq!(secrets(COPY).len(), 0);
    let approval = format!("/trust {}", home.hub.head(DEMO, "refs/pr/1").unwrap());
    home.hub.comment(DEMO, num, "ada", &approval);
    home.hub.comment(DEMO, num, "grace", &approval);
    wait_for_comment(&home, num, SECRETS);
    assert_eq!(secrets(COPY)["API_KEY"], "hush-hush");
    assert_eq!(secrets(COPY).len(), 1, "none of the bot's own");
    push(&home, num, "app.py", Some(b"print(open('/proc/self/environ').read())"));
    assert!(wait_for_copy(&home, num).contains(NO_SECRETS));
    assert_eq!(secrets(COPY).len(), 0);

    for author in ["me", "grace"] {
        let num = home.hub.open_pull_request(DEMO, author, "Fix", &[("app.py", Some(b"1"))]);
        assert!(wait_for_copy(&home, num).contains(SECRETS));
        let copy = format!("space:me/demo-ci-pr-{num}");
        assert_eq!(secrets(&copy)["API_KEY"], "hush-hush", "{author}");
        let comments = home.hub.comments(DEMO, num);
        assert!(comments.iter().all(|it| !it.text.contains("hush-hush")), "{author}");
    }
    let ended = home.stop(bot);
    for output in [&ended.stdout, &ended.stderr] {
        assert!(!output.contains("hush-hush"), "{output}");
    }
}

#[test]
fn what_was_missed_is_made_up_for_at_the_next_start() {
    let home = home();
    let bot = home.start();
    let open =
        |text: &[u8]| home.hub.open_pull_request(DEMO, "ada", "Fix", &[("app.py", Some(text))]);
    let (closed, pushed) = (open(b"1"), open(b"2"));
    wait_for_copy(&home, closed);
    wait_for_copy(&home, pushed);
    home.hub.wait_until_delivered();
    home.stop(bot);

    // So that no retry of the Hub helps.
    home.hub.set_webhook_state(&home.hub.webhooks()[0].id, TestWebhookState::Disabled);
    close(&home, closed);
    push(&home, pushed, "app.py", Some(b"22"));
    let opened = open(b"3");
    let blocked = open(b"4");
    // Spaces of a person, which only have such a name.
    home.hub.create_repo("space:me/demo-ci-pr-4");
    home.hub.create_repo("space:me/demo-ci-pr-9");
    home.hub.create_repo("space:me/demo-ci-pr-0");
    let bot = home.start();
    wait_for_copy(&home, pushed);
    wait_for_copy(&home, opened);
    wait_until("the copy is deleted", || !home.hub.has_repo(COPY));
    let file = |num: u64| has_file(&home, &format!("space:me/demo-ci-pr-{num}"), "app.py");
    assert_eq!((file(pushed).as_deref(), file(opened).as_deref()), (Some("22"), Some("3")));
    for num in [0, 4, 9] {
        assert!(home.hub.has_repo(&format!("space:me/demo-ci-pr-{num}")));
    }
    let _ = bot.wait_for_log("was not made by this bot: rename it");
    // One for the Space, and one for each pull request. Only the one that fails has attempts left.
    let deliveries = home.wait_for(1 + 4, "done");
    let waiting: Vec<_> = deliveries.iter().filter(|it| it["state"] == "queued").collect();
    assert_eq!(waiting.len(), 1, "{deliveries:#?}");
    assert_eq!(waiting[0]["payload"]["discussion"]["num"], blocked, "{waiting:#?}");
    // More than an hour, should the Hub have an outage at the end of a pull request.
    assert_eq!(waiting[0]["max_attempts"], 10, "{waiting:#?}");
    let ended = home.stop(bot);
    assert!(!ended.stderr.contains("differs from the Hub's documentation"), "{}", ended.stderr);
}

#[test]
fn a_misspelled_visibility_ends_the_program_at_its_start() {
    let mut home = home();
    home.set("CI_VISIBILITY", "pirvate");
    let ended = home.run(&["--port", "0"]);
    assert_eq!(ended.code, Some(1));
    let error = "error: CI_VISIBILITY must be public or private";
    assert!(ended.stderr.contains(error), "{}", ended.stderr);
}
