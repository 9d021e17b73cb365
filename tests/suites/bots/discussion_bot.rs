//! `discussion-bot`: whom it replies to, and what it does while the model is slow, busy or unavailable.

use std::time::Duration;

use serde_json::{Value, json};
use tests::chat::{ChatRequest, ChatResponse, TestModel};
use tests::programs::discussion_bot;

use super::{BotHome, texts};

const TINY: &str = "model:me/tiny";

/// A bot with this model.
fn home(model: &TestModel) -> BotHome {
    let mut home = BotHome::new(discussion_bot(), TINY);
    home.set("BOT_WATCH", TINY);
    home.set("CHAT_ENDPOINT", model.endpoint());
    home.set("CHAT_TOKEN", "sk-of-the-model");
    home
}

/// Returns the discussion that a model got.
fn discussion(request: &ChatRequest) -> Value {
    serde_json::from_str(request.body["messages"][1]["content"].as_str().unwrap()).unwrap()
}

fn discuss(home: &BotHome) -> u64 {
    home.hub.open_discussion(TINY, "ada", "Reproduce it", "I like this model.")
}

#[test]
fn a_mention_gets_one_reply_of_a_slow_model_and_nothing_else_gets_any() {
    let [question, answer] = <[_; 2]>::try_from(texts("discussion-bot")).unwrap();
    // The account of the tests has another name.
    let question = question.replace("@my-bot ", "@me ");
    let text = "Seed 42, as the model card says.";
    let model = TestModel::start(&[ChatResponse::Text(text, Duration::from_secs(2))]);
    let home = home(&model);
    let bot = home.start();
    let webhook = &home.hub.webhooks()[0];
    assert_eq!(
        (&webhook.watched, &webhook.domains),
        (&vec![TINY.into()], &vec!["discussion".into()])
    );
    let num = discuss(&home);
    let id = home.hub.comment(TINY, num, "ada", question.trim_end());
    // The model is slow, and the Hub gets its response at once.
    home.hub.wait_until_delivered();
    assert_eq!(home.hub.comments(TINY, num).len(), 2);
    let reply = home.hub.wait_for_comments(TINY, num, 3).remove(2);
    let reply_text = reply.text.replace(&id, "65f0000000000000000000c1") + "\n";
    assert_eq!((reply.author.as_str(), &reply_text), ("me", &answer));

    home.hub.comment(TINY, num, "other-bot", &format!("{}\n\nYou are welcome.", reply.text));
    home.hub.comment(TINY, num, "other-bot", "> @me Which seed?\n\nI don't know, me@example.com.");
    home.hub.comment(TINY, num, "me", "@me, thanks!");
    let deliveries = home.wait_for(4, "done");
    assert_eq!(deliveries.len(), 4, "its own comments are no deliveries");
    let mut notes: Vec<_> = deliveries.iter().map(|it| it["note"].as_str().unwrap()).collect();
    notes.sort_unstable();
    let replied = format!("replied with {} characters", text.len());
    assert_eq!(
        notes[..3],
        [replied.as_str(), "the bot is not mentioned", "the bot is not mentioned"]
    );
    assert_eq!(home.hub.comments(TINY, num).len(), 6);

    let [request] = <[_; 1]>::try_from(model.requests()).unwrap();
    assert_eq!(request.authorization.as_deref(), Some("Bearer sk-of-the-model"));
    assert_eq!(request.body["model"], "openai/gpt-oss-20b");
    let messages = request.body["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &messages[1]["role"]), (2, &json!("user")));
    let comments = json!([
        { "by": "ada", "text": "I like this model." },
        { "by": "ada", "text": question.trim_end() },
    ]);
    let expected = json!({ "you": "me", "title": "Reproduce it", "comments": comments });
    assert_eq!(discussion(&request), expected);
    let ended = home.stop(bot);
    assert!(!(ended.stdout + &ended.stderr).contains("sk-of-the-model"));
}

#[test]
fn mentions_in_a_row_get_one_reply_each() {
    let slow = Duration::from_secs(2);
    let model = TestModel::start(&[
        ChatResponse::Text("Answer 1", slow),
        ChatResponse::Text("Answer 2", Duration::ZERO),
        ChatResponse::Text("Answer 3", Duration::ZERO),
    ]);
    let home = home(&model);
    let bot = home.start();
    let num = discuss(&home);
    // The second and the third one come while the model answers the first one.
    let ids = ["1", "2", "3"]
        .map(|number| home.hub.comment(TINY, num, "ada", &format!("@me Question {number}")));
    let comments = home.hub.wait_for_comments(TINY, num, 7);
    home.wait_for(4, "done");
    assert_eq!(home.hub.comments(TINY, num).len(), 7);
    // The Hub sends deliveries in any order. Each reply is to the last comment that the model got.
    let requests = model.requests();
    for (number, (reply, request)) in (1..).zip(comments[4..].iter().zip(&requests)) {
        assert!(reply.text.starts_with(&format!("> Answer {number}\n")), "{comments:?}");
        let discussion = discussion(request);
        let last = discussion["comments"].as_array().unwrap().last().unwrap();
        let asked = comments.iter().find(|asked| reply.text.ends_with(&format!("(#{})", asked.id)));
        assert_eq!(*last, json!({ "by": "ada", "text": asked.unwrap().text }), "{discussion}");
    }
    assert!(ids.iter().all(|id| comments.iter().any(|it| it.text.contains(id))), "{comments:?}");
    home.stop(bot);
}

#[test]
fn a_busy_and_a_broken_model_are_asked_again() {
    let responses = [
        ChatResponse::Status(429, Some(1)),
        ChatResponse::Status(500, None),
        ChatResponse::Text("Hello!", Duration::ZERO),
    ];
    let model = TestModel::start(&responses);
    let home = home(&model);
    let bot = home.start();
    let num = home.hub.open_discussion(TINY, "ada", "Hello", "@me Are you there?");
    let comments = home.hub.wait_for_comments(TINY, num, 2);
    assert!(comments[1].text.starts_with("> Hello!\n"), "{comments:?}");
    let delivery = home.wait_for(1, "done").remove(0);
    // The 429 is no attempt.
    assert_eq!(delivery["attempts"], 2, "{delivery}");
    let error = delivery["failed_attempts"][0]["error"].as_str().unwrap();
    assert!(error.ends_with("/v1/chat/completions responds with 500"), "{error}");
    assert_eq!((model.requests().len(), home.hub.comments(TINY, num).len()), (3, 2));
    home.stop(bot);
}

#[test]
fn a_rejected_token_needs_a_person() {
    let model = TestModel::start(&[ChatResponse::Status(401, None)]);
    let home = home(&model);
    let bot = home.start();
    home.hub.open_discussion(TINY, "ada", "Hello", "@me Are you there?");
    let dead = home.wait_for(1, "dead").remove(0);
    let error = dead["error"].as_str().unwrap();
    let advice = "responds with 401: check CHAT_ENDPOINT, CHAT_MODEL, the token and its credit";
    assert!(error.ends_with(advice), "{error}");
    assert_eq!((&dead["attempts"], model.requests().len()), (&json!(1), 1));
    home.stop(bot);
}

#[test]
fn a_discussion_in_which_the_bot_may_not_write_costs_one_request_to_the_model() {
    let model = TestModel::start(&[ChatResponse::Text("Hello!", Duration::ZERO)]);
    let home = home(&model);
    let bot = home.start();
    let comment = "POST /api/models/me/tiny/discussions/1/comment";
    home.hub.trouble_at(comment, 5, tests::hub::Trouble::Status(403));
    home.hub.open_discussion(TINY, "ada", "Hello", "@me Are you there?");
    let dead = home.wait_for(1, "dead").remove(0);
    assert_eq!((&dead["attempts"], model.requests().len()), (&json!(1), 1), "{dead}");
    home.stop(bot);
}

#[test]
fn a_reply_in_a_locked_discussion_is_given_up_with_a_note() {
    let model = TestModel::start(&[ChatResponse::Text("Hello!", Duration::ZERO)]);
    let home = home(&model);
    let bot = home.start();
    let num = discuss(&home);
    home.hub.lock_discussion(TINY, num);
    // A maintainer of the repo may still comment.
    home.hub.comment(TINY, num, "ada", "@me Are you there?");
    // The two deliveries may arrive in either order.
    let done = home.wait_for(2, "done");
    assert!(done.iter().any(|it| it["note"] == "the discussion is locked"), "{done:?}");
    assert_eq!((model.requests().len(), home.hub.comments(TINY, num).len()), (1, 2));
    home.stop(bot);
}

#[test]
fn the_readme_shows_a_mention_of_an_account_that_is_not_the_readers() {
    let readme = tests::repository::read("examples/discussion-bot/README.md");
    let [question, _] = <[_; 2]>::try_from(texts("discussion-bot")).unwrap();
    assert!(question.starts_with("@my-bot ") && readme.contains("Give the bot its own account: "));
}

#[test]
fn a_lost_response_of_the_hub_causes_no_second_reply() {
    let model = TestModel::start(&[ChatResponse::Text("Hello!", Duration::ZERO)]);
    let home = home(&model);
    let bot = home.start();
    let comment = "POST /api/models/me/tiny/discussions/1/comment";
    home.hub.trouble_at(comment, 1, tests::hub::Trouble::LostResponse);
    let num = home.hub.open_discussion(TINY, "ada", "Hello", "@me Are you there?");
    let delivery = home.wait_for(1, "done").remove(0);
    assert_eq!(
        (&delivery["attempts"], &delivery["note"]),
        (&json!(2), &json!("there is a reply already"))
    );
    assert_eq!((model.requests().len(), home.hub.comments(TINY, num).len()), (1, 2));
    home.stop(bot);
}

#[test]
fn without_a_token_for_the_router_the_bot_does_not_start() {
    let model = TestModel::start(&[]);
    let mut home = home(&model);
    home.variables.retain(|(name, _)| !["CHAT_ENDPOINT", "HF_TOKEN"].contains(name));
    let ended = home.run(&["--port", "0"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("the Hub needs a token: set HF_TOKEN"), "{}", ended.stderr);
}

#[test]
fn the_token_of_another_hub_does_not_go_to_the_router() {
    let model = TestModel::start(&[]);
    let mut home = home(&model);
    // `HF_ENDPOINT` is the Hub of the test.
    home.set("CHAT_ENDPOINT", "");
    let ended = home.run(&["--port", "0"]);
    assert_eq!(ended.code, Some(1));
    let error = "error: set CHAT_ENDPOINT: the Hub's address is http://127.0.0.1:";
    assert!(ended.stderr.contains(error), "{}", ended.stderr);
}
