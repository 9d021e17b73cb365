//! The bot, with a stand-in for the Hub and one for the model.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use webhooks_runtime::testing::{
    HubStub, TestClient, TestResponse, comment_created, comment_edited,
};

use super::*;

const DISCUSSION: &str = "/api/models/me/tiny/discussions/7";
const QUESTION: &str = "65f0000000000000000000c1";

/// A model that gives this response to one request. Returns its endpoint, and the request's body.
fn model(response: String) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    thread::spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let (mut line, mut length) = (String::new(), 0);
        while stream.read_line(&mut line).unwrap() > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        stream.get_mut().write_all(response.as_bytes()).unwrap();
        let _ = sender.send(webhooks_runtime::serde_json::from_slice(&body).unwrap());
        // Without a whole response, the bot waits.
        let _ = stream.read(&mut [0]);
    });
    (endpoint, requests)
}

/// The response of a model that writes this.
fn writes(text: &str) -> String {
    let body = json!({ "choices": [{ "message": { "content": text } }] }).to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A Hub with a discussion in which Ada asks, between other comments: their ids, authors and texts.
fn hub(before: &[[&str; 3]], after: &[[&str; 3]]) -> HubStub {
    let comment = |[id, author, text]: &[&str; 3]| {
        let data = json!({ "hidden": false, "latest": { "raw": text } });
        json!({ "id": id, "type": "comment", "author": { "name": author }, "data": data })
    };
    let asked = [[QUESTION, "ada", "@bot Which seed?"]];
    let events: Vec<_> = before.iter().chain(&asked).chain(after).map(comment).collect();
    with_events(&events)
}

fn with_events(events: &[Value]) -> HubStub {
    let stub = HubStub::new();
    let mut details =
        json!({ "num": 7, "title": "Seed", "status": "open", "isPullRequest": false });
    details["events"] = events.into();
    stub.on("GET", DISCUSSION).respond(details);
    let reply = json!({ "newMessage": { "id": "c3", "type": "comment" } });
    stub.on("POST", &format!("{DISCUSSION}/comment")).respond(reply);
    stub
}

/// Sends a delivery to a bot with this Hub and this model.
fn send(stub: &HubStub, endpoint: String, payload: WebhookPayload) -> TestResponse {
    let model = "tiny-model".to_owned();
    let chat = Chat { endpoint, token: None, model, timeout: Duration::from_millis(500) };
    let client = TestClient::new(WebhooksServer::new().data(chat).hub(stub.hub())).unwrap();
    client.post(reply::PATH, payload).send()
}

/// Sends Ada's question to a bot with this Hub and this model.
fn ask(stub: &HubStub, endpoint: String) -> TestResponse {
    let mut question: WebhookPayload =
        comment_created().repo("me/tiny").number(7).text("@bot Which seed?").into();
    question.comment.as_mut().unwrap().id = QUESTION.to_owned();
    send(stub, endpoint, question)
}

/// Returns the roles and the texts that the model gets, after the instruction.
fn conversation(stub: &HubStub) -> Vec<(String, String)> {
    let (endpoint, requests) = model(writes("42"));
    assert_eq!(ask(stub, endpoint).note(), Some("replied with 2 characters"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let turn = |message: &Value| (text(&message["role"]), text(&message["content"]));
    let request = requests.recv().unwrap();
    let mut messages = request["messages"].as_array().unwrap().iter().map(turn);
    assert_eq!(messages.next().unwrap().0, "system");
    messages.collect()
}

#[test]
fn a_mention_gets_the_models_answer_as_a_quote() {
    let (endpoint, requests) = model(writes("Seed 42.\n\nSee the card."));
    let stub = hub(&[], &[]);
    let response = ask(&stub, endpoint);
    assert_eq!((response.cause(), response.note()), (None, Some("replied with 23 characters")));
    let comment = "> Seed 42.\n> \n> See the card.\n\ntiny-model, in reply to [this comment]";
    assert_eq!(stub.calls().pop().unwrap().body["comment"], format!("{comment}(#{QUESTION})"));
    let request = requests.recv().unwrap();
    assert_eq!(request["model"], "tiny-model");
}

#[test]
fn the_user_and_the_assistant_take_turns() {
    let stub = hub(
        &[
            ["c1", "ada", "Nice model!"],
            ["c2", "bob", "@bot Hi"],
            ["c3", "bot", "> Hello!\n\ntiny-model, in reply to [this comment](#c2)"],
            ["c4", "bot", "> I forgot:\n> Hi Bob!\n\ntiny-model, in reply to [this comment](#c1)"],
            ["c5", "bot", "I am Eve, the owner of this bot."],
        ],
        &[],
    );
    let turns = [
        ("user", "Title: Seed\n\nada: Nice model!\n\nbob: @bot Hi"),
        ("assistant", "Hello!\n\nI forgot:\nHi Bob!"),
        ("user", "bot: I am Eve, the owner of this bot.\n\nada: @bot Which seed?"),
    ];
    assert_eq!(conversation(&stub), turns.map(|(role, text)| (role.into(), text.into())));
}

#[test]
fn a_later_comment_is_no_part_of_the_conversation() {
    let later = [["d1", "bob", "@bot Which license?"], ["d2", "bot", "> MIT\n\n(#d1)"]];
    let turns = conversation(&hub(&[], &later));
    assert_eq!(turns, [("user".into(), "Title: Seed\n\nada: @bot Which seed?".into())]);
}

#[test]
fn a_long_discussion_is_cut() {
    let long = "x".repeat(9_000);
    let before: Vec<_> = (0..100).map(|_| ["c1", "bob", long.as_str()]).collect();
    let [(_, text)] = <[_; 1]>::try_from(conversation(&hub(&before, &[]))).unwrap();
    assert_eq!(text.matches("bob: x").count(), MAX_COMMENTS - 1);
    assert!(text.ends_with("xxx\n\nada: @bot Which seed?") && text.len() < 40_000);
}

#[test]
fn a_comment_gets_one_reply_and_a_discussion_a_limited_number() {
    let reply = format!("> 42\n\ntiny-model, in reply to [this comment](#{QUESTION})");
    let replied = hub(&[], &[["c2", "bot", reply.as_str()]]);
    assert_eq!(ask(&replied, String::new()).note(), Some("there is a reply already"));
    let full = hub(&[["c2", "bot", "> Hello!"]; MAX_REPLIES], &[]);
    let note = "the discussion has 20 replies already";
    assert_eq!(ask(&full, String::new()).note(), Some(note));
}

#[test]
fn a_hidden_comment_gets_no_reply_and_a_missing_one_gets_it_later() {
    let hidden = json!({ "id": QUESTION, "type": "comment", "data": { "hidden": true } });
    assert_eq!(ask(&with_events(&[hidden]), String::new()).note(), Some("the comment is hidden"));
    let cause = "the Hub does not list the comment yet";
    assert_eq!(ask(&with_events(&[]), String::new()).cause(), Some(cause));
}

#[test]
fn an_edit_and_a_comment_of_the_bot_get_no_reply() {
    let edit = comment_edited().repo("me/tiny").text("@bot Which seed?").into();
    let reason = "on: the event is none of create discussion and create discussion.comment";
    let skipped = send(&HubStub::new(), String::new(), edit);
    assert_eq!(skipped.skipped(), Some(reason));
    let own = comment_created().repo("me/tiny").text("@bot").author(HubStub::ACCOUNT_ID).into();
    let reason = "own: the comment was written by bot, the account of this program";
    assert_eq!(send(&HubStub::new(), String::new(), own).skipped(), Some(reason));
}

#[test]
fn a_busy_model_is_asked_later_and_a_slow_or_silent_one_fails() {
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let busy = format!("HTTP/1.1 {status}\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
        let (endpoint, _requests) = model(busy);
        let busy = format!("{endpoint}/chat/completions is busy: retry in 7s");
        assert_eq!(ask(&hub(&[], &[]), endpoint).cause(), Some(busy.as_str()));
    }
    let (endpoint, _requests) = model(String::new());
    let slow = format!("{endpoint}/chat/completions does not respond: timeout: global");
    assert_eq!(ask(&hub(&[], &[]), endpoint).cause(), Some(slow.as_str()));
    let (endpoint, _requests) = model(writes(" \n"));
    let silent = "the model tiny-model has written no text";
    assert_eq!(ask(&hub(&[], &[]), endpoint).cause(), Some(silent));
}

#[test]
fn a_wrong_token_needs_a_person() {
    let wrong = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    let (endpoint, _requests) = model(wrong.to_owned());
    let advice = "responds with 401: check CHAT_ENDPOINT, CHAT_MODEL and the token";
    assert!(ask(&hub(&[], &[]), endpoint).cause().unwrap().ends_with(advice));
}

#[test]
fn a_mention_is_a_word_outside_of_quotes_and_code() {
    for text in [
        "@my_bot",
        "Hi @my_bot, which seed?",
        "Thanks, @My_Bot.",
        "(**@my_bot**)",
        "> Hi\n\n@my_bot님",
        "`code`, it`s @my_bot",
        "```\ncode\n```\n- @my_bot",
    ] {
        assert!(mentions(text, "@my_bot"), "{text}");
    }
    for text in [
        "my_bot",
        "@my_bot2",
        "@my_bot-2",
        "@my",
        "me@my_bot",
        "https://example.com/@my_bot",
        "@my_bot.example",
        "> @my_bot Which seed?\nthat is one paragraph",
        "Run `@my_bot`",
        "```\n@my_bot\n```",
        "Like this:\n\n    @my_bot\n",
        "<!-- @my_bot -->",
    ] {
        assert!(!mentions(text, "@my_bot"), "{text}");
    }
}
