//! The bot, with a stand-in for the Hub and one for the model.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use webhooks_runtime::testing::{HubStub, TestClient, TestResponse, comment_created};

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

/// A Hub with a discussion in which Ada asks, and the bot has written these comments.
fn hub(replies: &[&str]) -> HubStub {
    let stub = HubStub::new();
    let comment = |id: &str, author: &str, text: &str| {
        let data = json!({ "hidden": false, "latest": { "raw": text } });
        json!({ "id": id, "type": "comment", "author": { "name": author }, "data": data })
    };
    let mut events = vec![comment(QUESTION, "ada", "@bot Which seed?")];
    events.extend(replies.iter().map(|text| comment("65f0000000000000000000c2", "bot", text)));
    let mut details =
        json!({ "num": 7, "title": "Seed", "status": "open", "isPullRequest": false });
    details["events"] = events.into();
    stub.on("GET", DISCUSSION).respond(details);
    let reply = json!({ "newMessage": { "id": "c3", "type": "comment" } });
    stub.on("POST", &format!("{DISCUSSION}/comment")).respond(reply);
    stub
}

/// Sends Ada's question to a bot with this Hub and this model.
fn ask(stub: &HubStub, endpoint: String) -> TestResponse {
    let model = "tiny-model".to_owned();
    let chat = Chat { endpoint, token: None, model, timeout: Duration::from_millis(500) };
    let client = TestClient::new(WebhooksServer::new().data(chat).hub(stub.hub())).unwrap();
    let mut question: WebhookPayload =
        comment_created().repo("me/tiny").number(7).text("@bot Which seed?").into();
    question.comment.as_mut().unwrap().id = QUESTION.to_owned();
    client.post(reply::PATH, question).send()
}

#[test]
fn a_mention_gets_the_models_answer_as_a_quote() {
    let (endpoint, requests) = model(writes("Seed 42.\n\nSee the card."));
    let stub = hub(&["> Hello!\n\ntiny-model, in reply to [this comment](#65f0)"]);
    let response = ask(&stub, endpoint);
    assert_eq!((response.cause(), response.note()), (None, Some("replied with 23 characters")));
    let comment = "> Seed 42.\n> \n> See the card.\n\ntiny-model, in reply to [this comment]";
    assert_eq!(stub.calls().pop().unwrap().body["comment"], format!("{comment}(#{QUESTION})"));
    let request = requests.recv().unwrap();
    assert_eq!(request["model"], "tiny-model");
    assert_eq!(request["messages"][2]["content"], "ada: @bot Which seed?");
    assert_eq!(request["messages"][3], json!({ "role": "assistant", "content": "Hello!" }));
}

#[test]
fn a_comment_gets_one_reply_and_a_discussion_a_limited_number() {
    let stub = hub(&[&format!("> 42\n\ntiny-model, in reply to [this comment](#{QUESTION})")]);
    assert_eq!(ask(&stub, String::new()).note(), Some("there is a reply already"));
    let stub = hub(&["> Hello!"; MAX_REPLIES]);
    let note = "the discussion has 20 replies already";
    assert_eq!(ask(&stub, String::new()).note(), Some(note));
}

#[test]
fn a_busy_model_is_asked_later_and_a_slow_one_fails() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    let (endpoint, _requests) = model(busy.to_owned());
    let busy = format!("{endpoint}/chat/completions is busy: retry in 7s");
    assert_eq!(ask(&hub(&[]), endpoint).cause(), Some(busy.as_str()));
    let (endpoint, _requests) = model(String::new());
    let slow = format!("{endpoint}/chat/completions does not respond: timeout: global");
    assert_eq!(ask(&hub(&[]), endpoint).cause(), Some(slow.as_str()));
}

#[test]
fn a_wrong_token_needs_a_person() {
    let wrong = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    let (endpoint, _requests) = model(wrong.to_owned());
    let advice = "responds with 401: check CHAT_ENDPOINT, CHAT_MODEL and the token";
    assert!(ask(&hub(&[]), endpoint).cause().unwrap().ends_with(advice));
}

#[test]
fn a_mention_is_a_word_outside_of_quotes() {
    for text in ["@bot", "Hi @bot, which seed?", "Thanks, @bot.", "(@bot)", "> Hi\n@bot님"] {
        assert!(mentions(text, "bot"), "{text}");
    }
    for text in ["bot", "@bot-2", "@robot", "me@bot", "> @bot Which seed?", "@bot.example"] {
        assert!(!mentions(text, "bot"), "{text}");
    }
}
