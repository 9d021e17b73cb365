//! Tests `webhooks list`.

use super::*;

fn account() -> [Value; 4] {
    let mut suspended = others("w9");
    suspended["disabled"] = "suspended-after-failure".into();
    let mut job = webhook("j1");
    job["url"] = Value::Null;
    job["job"] = json!({ "dockerImage": "python" });
    let mut moved = webhook("w2");
    moved["url"] = "https://old.gradio.live/webhooks/evaluate".into();
    moved["disabled"] = true.into();
    [webhook("w1"), suspended, job, moved]
}

async fn bot() -> TestBot {
    let bot = TestBot::new().with_account(&account());
    let moved = RememberedWebhook::new("w2", "/webhooks/evaluate", UrlKind::Tunnel, None);
    let insert = |all: &mut RememberedWebhooks| all.insert("w2", moved);
    RememberedWebhooks::change(&*bot.program.state, insert).await.unwrap();
    bot
}

#[tokio::test]
async fn all_webhooks_are_listed_with_their_state_and_the_endpoint_of_ours() {
    let run = bot().await.run_alone(&["list"]).await;
    let expected = "\
ID  STATE      ENDPOINT            WATCHED          DOMAINS  URL
w1  enabled    /webhooks/retrain   dataset:me/data  repo     https://me-bot.hf.space/webhooks/retrain
w9  suspended  -                   dataset:me/data  repo     https://other.example/hook
j1  enabled    -                   dataset:me/data  repo     a Job
w2  disabled   /webhooks/evaluate  dataset:me/data  repo     https://old.gradio.live/webhooks/evaluate
";
    assert_eq!((run.code, &*run.stdout), (0, expected));
}

#[tokio::test]
async fn json_has_every_webhook_without_a_secret() {
    let run = bot().await.run_alone(&["list", "--json"]).await;
    assert!(!run.stdout.contains("theirs"), "{}", run.stdout);
    let webhooks: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(webhooks.len(), 4);
    assert_eq!(
        webhooks[0],
        json!({
            "id": "w1",
            "state": "enabled",
            "ours": true,
            "endpoint": PATH,
            "watched": ["dataset:me/data"],
            "domains": ["repo"],
            "url": format!("{SPACE}{PATH}"),
            "has_secret": true,
        })
    );
    let field = |field: &str| -> Vec<_> { webhooks.iter().map(|it| it[field].clone()).collect() };
    assert_eq!(field("ours"), [true, false, false, true]);
    assert_eq!(field("state"), ["enabled", "suspended", "enabled", "disabled"]);
    assert_eq!(webhooks[2]["url"], Value::Null);
}

#[tokio::test]
async fn an_empty_account_is_an_empty_list() {
    let bot = TestBot::new().with_account(&[]);
    let run = bot.run_alone(&["list"]).await;
    assert_eq!((run.code, &*run.stdout), (0, ""));
    assert!(run.stderr.contains("no webhooks"));
    assert_eq!(bot.run_alone(&["list", "--json"]).await.stdout, "[]\n");
}
