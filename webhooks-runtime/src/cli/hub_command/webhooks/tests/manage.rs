//! Tests `webhooks enable`, `disable`, `replay` and `remove`.

use super::*;
use crate::registration::remembered::PauseMark;

#[tokio::test]
async fn a_webhook_is_named_by_its_id_its_first_characters_or_its_endpoint() {
    for name in ["w1", "retrain_model", "retrain", "/webhooks/retrain", "webhooks/retrain/"] {
        let bot = TestBot::new().with_account(&[webhook("w1"), others("w12")]);
        bot.stub.on("POST", &format!("{WEBHOOKS}/w1/disable")).respond(response("w1"));
        let run = bot.run_alone(&["disable", name]).await;
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        assert_eq!(run.stdout, format!("disabled  w1  {SPACE}{PATH}\n"));
    }
    let account = [webhook("abc"), webhook("abd"), others("abe"), others("xyz")];
    let bot = TestBot::new().with_account(&account);
    bot.stub.on("POST", &format!("{WEBHOOKS}/xyz/enable")).respond(response("xyz"));
    let run = bot.run_alone(&["enable", "xyz"]).await;
    // A person may switch any webhook of the account. A query may have a secret.
    assert_eq!((run.code, &*run.stdout), (0, "enabled  xyz  https://other.example/hook\n"));
    let run = bot.run_alone(&["enable", "ab"]).await;
    assert_eq!((run.code, run.calls.len()), (2, 1));
    assert!(run.stderr.contains("abc, abd.") && !run.stderr.contains("abe"), "{}", run.stderr);
    let run = bot.run_alone(&["enable", "xyz", "nothing"]).await;
    assert_eq!((run.code, run.calls.len()), (2, 1));
    assert!(run.stderr.contains("no webhook with the id nothing"), "{}", run.stderr);
}

#[tokio::test]
async fn the_first_characters_of_an_id_do_not_name_the_webhook_of_another_program() {
    let bot = TestBot::new().with_account(&[webhook("abc"), others("xyz")]);
    for command in ["enable", "disable"] {
        let run = bot.run_alone(&[command, "xy"]).await;
        assert_eq!((run.code, run.calls.len()), (2, 1), "{command}: {:?}", run.calls);
        assert!(run.stderr.contains("needs its whole id"), "{}", run.stderr);
    }
    bot.stub.on("POST", &format!("{WEBHOOKS}/abc/disable")).respond(response("abc"));
    assert_eq!(bot.run_alone(&["disable", "a"]).await.code, 0);
}

#[tokio::test]
async fn an_endpoint_does_not_name_the_webhook_of_another_program() {
    let mut other = webhook("w9");
    other["url"] = format!("https://other.example{PATH}").into();
    let bot = TestBot::new().with_account(&[other]);
    let run = bot.run_alone(&["disable", "retrain"]).await;
    assert_eq!((run.code, run.calls.len()), (2, 1));
}

#[tokio::test]
async fn a_person_s_decision_ends_what_the_program_has_decided() {
    let bot = TestBot::new().with_account(&[webhook("w1")]).remembering().await;
    let now = std::time::SystemTime::now();
    let decide = |all: &mut RememberedWebhooks| {
        all.set_pause("w1", PauseMark::Confirmed);
        (0..3).for_each(|_| all.note_enabled("w1", now));
    };
    for command in ["enable", "disable"] {
        RememberedWebhooks::change(&*bot.program.state, decide).await.unwrap();
        bot.stub.on("POST", &format!("{WEBHOOKS}/w1/{command}")).respond(response("w1"));
        assert_eq!(bot.run_alone(&[command, "w1"]).await.code, 0);
        let remembered = bot.remembered().await;
        assert_eq!(remembered.get("w1").unwrap().pause(), PauseMark::None, "{command}");
        assert!(remembered.may_enable("w1", now), "{command}");
    }
}

#[tokio::test]
async fn a_replay_ends_with_the_status_of_its_delivery() {
    for (status, code) in [(200, 0), (202, 0), (500, 1), (401, 1)] {
        let bot = TestBot::new().with_account(&[webhook("w1")]);
        let replay = format!("{WEBHOOKS}/w1/replay/log7");
        bot.stub.on("POST", &replay).respond(json!({ "status": status }));
        let run = bot.run_alone(&["replay", "retrain", "log7"]).await;
        assert_eq!(run.code, code, "{status}");
        assert!(run.stdout.contains(&status.to_string()), "{}", run.stdout);
    }
}

#[tokio::test]
async fn only_a_webhook_of_this_program_is_removed_and_only_after_a_yes() {
    let bot = TestBot::new().with_account(&[webhook("w1"), others("w9")]).remembering().await;
    for (arguments, answer, code) in [
        (&["remove", "w1"][..], Answer::No, 1),
        (&["remove", "w1"], Answer::NoTerminal, 2),
        (&["remove", "w9"], Answer::Yes, 2),
        (&["remove", "w1", "w9", "--yes"], Answer::Yes, 2),
    ] {
        let run = bot.run(arguments, answer).await;
        assert_eq!((run.code, run.calls.len()), (code, 1), "{arguments:?}: {:?}", run.calls);
        if code == 2 && answer == Answer::Yes {
            let place = "Delete it at https://hub.test/settings/webhooks.";
            assert!(run.stderr.contains(place), "{}", run.stderr);
        }
    }
    bot.stub.on("DELETE", &format!("{WEBHOOKS}/w1")).respond(json!({}));
    let run = bot.run(&["remove", "retrain"], Answer::Yes).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, format!("deleted  w1  {SPACE}{PATH}\n"));
    assert!(run.stderr.contains("delete  w1") && run.stderr.contains("Delete on the Hub?"));
    assert!(bot.remembered().await.get("w1").is_none());
}

#[tokio::test]
async fn a_webhook_that_is_gone_already_is_forgotten() {
    let bot = TestBot::new().with_account(&[webhook("w1")]).remembering().await;
    // As when the response to the first of two calls is lost.
    bot.stub.on("DELETE", &format!("{WEBHOOKS}/w1")).error(404, "Webhook not found");
    let run = bot.run(&["remove", "w1", "--yes"], Answer::Yes).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, format!("deleted  w1  {SPACE}{PATH}\n"));
    assert!(bot.remembered().await.get("w1").is_none());
}
