//! Tests `webhooks sync`.

use super::*;

#[tokio::test]
async fn the_plan_is_shown_and_carried_out_after_a_yes() {
    let bot = TestBot::new().with_account(&[others("w9")]);
    bot.stub.on("POST", WEBHOOKS).respond(response("w1"));
    let run = bot.run(&["sync"], Answer::Yes).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    for text in [
        "The webhooks of bot for https://me-bot.hf.space:\n",
        "  create      /webhooks/retrain\n",
        "watched: dataset:me/data\n",
        "domains: repo\n",
        "  created     /webhooks/retrain  w1\n",
    ] {
        assert!(run.stdout.contains(text), "{text:?} in {}", run.stdout);
    }
    assert!(run.stderr.contains("Change this on the Hub?"));
    // The account is read again after the answer.
    let list = format!("GET {WEBHOOKS}");
    assert_eq!(run.calls, [list.clone(), list, format!("POST {WEBHOOKS}")]);
    assert!(bot.remembered().await.get("w1").is_some());
    assert!(!(run.stdout + &run.stderr).contains("hush"));
}

#[tokio::test]
async fn without_a_yes_nothing_is_changed() {
    for (arguments, answer, code, says) in [
        (&["sync"][..], Answer::No, 1, "Nothing was changed.\n"),
        (&["sync"], Answer::NoTerminal, 2, "there is no terminal to ask on. Add --yes"),
        (&["sync", "--dry-run"], Answer::Yes, 0, "because of --dry-run"),
    ] {
        let bot = TestBot::new().with_account(&[]);
        let run = bot.run(arguments, answer).await;
        assert_eq!(run.code, code, "{arguments:?} {answer:?}");
        assert!(run.stderr.contains(says), "{}", run.stderr);
        assert!(run.stdout.contains("create"), "{}", run.stdout);
        assert_eq!(run.calls, [format!("GET {WEBHOOKS}")]);
    }
}

#[tokio::test]
async fn yes_on_the_command_line_asks_nothing() {
    let bot = TestBot::new().with_account(&[]);
    bot.stub.on("POST", WEBHOOKS).respond(response("w1"));
    let run = bot.run_alone(&["sync", "--yes"]).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains('?'));
    assert!(run.stdout.contains("created"));
}

#[tokio::test]
async fn nothing_is_asked_when_there_is_nothing_to_change() {
    let bot = TestBot::new().with_account(&[webhook("w1")]).remembering().await;
    let run = bot.run_alone(&["sync"]).await;
    assert_eq!((run.code, run.calls.len()), (0, 1), "{}", run.stderr);
    assert!(run.stdout.contains("  unchanged   /webhooks/retrain  w1\n"), "{}", run.stdout);
    assert!(run.stderr.contains("There is nothing to change."));
}

#[tokio::test]
async fn an_account_that_changed_before_the_answer_is_not_touched() {
    let bot = TestBot::new().with_account(&[]).with_account(&[webhook("w1")]);
    let run = bot.run(&["sync"], Answer::Yes).await;
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("changed meanwhile"), "{}", run.stderr);
    assert!(run.calls.iter().all(|call| call.starts_with("GET ")), "{:?}", run.calls);
}

#[tokio::test]
async fn an_update_shows_what_is_added_and_removed() {
    let mut different = webhook("w1");
    different["watched"] = json!([{ "type": "model", "name": "me/tiny" }]);
    let bot = TestBot::new().with_account(&[different]).remembering().await;
    let run = bot.run(&["sync"], Answer::No).await;
    let line = "watched: +dataset:me/data, -model:me/tiny\n";
    assert!(run.stdout.contains(line), "{}", run.stdout);
}

#[tokio::test]
async fn a_missing_secret_is_made_stored_and_never_shown() {
    let mut bot = TestBot::new().with_account(&[]);
    bot.program.endpoints[0].secret = None;
    let file = bot.folder.path().join("secret");
    let run = bot.run(&["sync"], Answer::No).await;
    assert!(run.stdout.contains(&format!("stored in {}", file.display())), "{}", run.stdout);
    assert!(!file.exists());

    bot.stub.on("POST", WEBHOOKS).respond(response("w1"));
    let run = bot.run(&["sync"], Answer::Yes).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    let secret = std::fs::read_to_string(&file).unwrap();
    let sent = bot.stub.calls().last().unwrap().body["secret"].clone();
    assert_eq!(sent, secret.trim_end());
    assert!(!(run.stdout + &run.stderr).contains(secret.trim_end()));
}

#[tokio::test]
async fn a_secret_that_only_the_hub_knows_is_not_replaced() {
    let mut bot = TestBot::new().with_account(&[webhook("w1")]);
    bot.program.endpoints[0].secret = None;
    let run = bot.run(&["sync"], Answer::Yes).await;
    assert_eq!((run.code, run.calls.len()), (2, 1));
    assert!(
        run.stderr.contains("Set WEBHOOK_SECRET to the secret of the server"),
        "{}",
        run.stderr
    );
    assert!(!bot.folder.path().join("secret").exists());
}

#[tokio::test]
async fn on_a_space_a_missing_secret_stops_the_registration() {
    let mut bot = TestBot::new();
    bot.program.endpoints[0].secret = None;
    bot.program.on_space = true;
    let run = bot.run(&["sync"], Answer::Yes).await;
    assert_eq!((run.code, run.calls.len()), (2, 0));
    assert!(run.stderr.contains("set WEBHOOK_SECRET in the Space's settings"), "{}", run.stderr);
}

#[tokio::test]
async fn what_is_missing_is_an_error_that_says_what_to_do() {
    let mut bot = TestBot::new();
    bot.program.public_url = None;
    let run = bot.run(&["sync"], Answer::Yes).await;
    assert_eq!((run.code, run.calls.len()), (2, 0));
    assert!(run.stderr.contains("Name it with --public-url"), "{}", run.stderr);
    bot.program.endpoints[0].watched.clear();
    let run = bot.run(&["sync"], Answer::Yes).await;
    assert_eq!((run.code, run.calls.len()), (2, 0));
    assert!(run.stderr.contains("watch = \"dataset:me/data\""), "{}", run.stderr);
}

#[tokio::test]
async fn an_error_of_the_hub_is_told_and_has_its_exit_code() {
    let bot = TestBot::new();
    bot.stub.on("GET", WEBHOOKS).error(401, "Invalid credentials");
    let run = bot.run(&["sync", "--yes"], Answer::Yes).await;
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("token"), "{}", run.stderr);

    let bot = TestBot::new().with_account(&[]);
    bot.stub.on("POST", WEBHOOKS).error(403, "Missing scope");
    let run = bot.run(&["sync", "--yes"], Answer::Yes).await;
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("error: /webhooks/retrain: "), "{}", run.stderr);
    assert!(run.stderr.contains("webhooks"), "{}", run.stderr);
}

#[tokio::test]
async fn a_text_of_the_account_cannot_control_the_terminal() {
    let mut different = webhook("w1");
    different["watched"] = json!([{ "type": "model", "name": "me/\u{1b}[31m" }]);
    let bot = TestBot::new().with_account(&[different]).remembering().await;
    let run = bot.run(&["sync"], Answer::No).await;
    assert!(!run.stdout.contains('\u{1b}'), "{}", run.stdout);
}

#[tokio::test]
async fn another_webhook_of_the_program_for_the_same_repo_is_warned_of() {
    let mut of_laptop = webhook("w2");
    of_laptop["url"] = format!("https://4f6e1f.gradio.live{PATH}").into();
    let bot = TestBot::new().with_account(&[webhook("w1"), of_laptop, others("w9")]);
    let run = bot.remembering().await.run(&["sync", "--dry-run"], Answer::Yes).await;
    let warning = "Warning: the webhook w2 (https://4f6e1f.gradio.live/webhooks/retrain) also watches \
                   dataset:me/data, so /webhooks/retrain runs twice for each event";
    assert!(run.stdout.contains(warning), "{}", run.stdout);
    assert_eq!(run.stdout.matches("Warning").count(), 1, "{}", run.stdout);
}

#[tokio::test]
async fn an_adopted_webhook_is_unchanged_at_the_next_run() {
    // The program knew it at another path.
    let bot = TestBot::new().with_account(&[webhook("w1")]);
    let webhook = RememberedWebhook::new("w1", "/webhooks/old", UrlKind::Fixed, Some("hush"));
    let insert = |all: &mut RememberedWebhooks| all.insert("w1", webhook);
    RememberedWebhooks::change(&*bot.program.state, insert).await.unwrap();
    let run = bot.run(&["sync"], Answer::Yes).await;
    assert!(run.stdout.contains("  adopted     /webhooks/retrain  w1\n"), "{}", run.stdout);
    let run = bot.run(&["sync"], Answer::Yes).await;
    assert!(run.stdout.contains("  unchanged   /webhooks/retrain  w1\n"), "{}", run.stdout);
}
