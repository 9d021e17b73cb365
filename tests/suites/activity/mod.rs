//! The deliveries on the page, over a socket: who may see them, what is kept, and how they are
//! followed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

mod actions;
mod background;
mod events;
mod logs;
mod recorded;
mod sending;
mod viewers;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::{Value, json};
use tests::client::{ClientResponse, PATIENCE, Viewer, connect, head, read_answer, request};
use webhooks_runtime::testing::dataset_commit;
use webhooks_runtime::{
    HttpResponse, ServerHandle, WebhookPayload, WebhooksServer, web, webhook_endpoint,
};

#[webhook_endpoint]
async fn train(payload: WebhookPayload) -> Value {
    json!({ "training_on": payload.repo.name })
}

/// Answers with the request's id, so that it can be seen whether one was sent again as it was.
#[webhook_endpoint]
async fn echo(request: webhooks_runtime::HttpRequest, body: String) -> String {
    let id = request.headers().get("webhook-id").map(|id| id.to_str().unwrap().to_owned());
    format!("{id:?} {}", body.len())
}

/// Tells the names of the cookies that it sees, and the query.
#[webhook_endpoint]
async fn cookies(request: webhooks_runtime::HttpRequest, _: webhooks_runtime::Delivery) -> String {
    let names: Vec<_> = request
        .headers()
        .get_all("cookie")
        .flat_map(|header| header.to_str().unwrap().split("; "))
        .map(|cookie| cookie.split('=').next().unwrap())
        .collect();
    format!("{names:?} {}", request.query_string())
}

#[webhook_endpoint]
async fn stream() -> HttpResponse {
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(web::Bytes::from("piece"))]);
    HttpResponse::Ok().streaming(pieces)
}

/// What tells of deliveries: the paths that are there for those who may see them.
const PATHS: [&str; 3] = ["/events", "/activity/1", "/activity/1/detail"];

/// Returns a server with the endpoints of this suite.
fn new_server() -> WebhooksServer {
    WebhooksServer::empty()
        .endpoint(train::endpoint())
        .endpoint(echo::endpoint())
        .endpoint(cookies::endpoint())
        .endpoint(stream::endpoint())
}

async fn serve(server: WebhooksServer) -> ServerHandle {
    server.port(0).workers(1).start().await.unwrap()
}

fn payload(name: &str) -> String {
    serde_json::to_string(&dataset_commit().repo(name)).unwrap()
}

fn deliver(url: &str, path: &str, body: &str) -> ClientResponse {
    let headers = ["Content-Type: application/json", "Webhook-Id: an-id"];
    request(url, &format!("POST /webhooks/{path}"), &headers, body).unwrap()
}

/// Gets a path with exactly these headers.
fn ask(url: &str, path: &str, headers: &[&str]) -> ClientResponse {
    let mut stream = connect(url).unwrap();
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{lines}\r\n").as_bytes()).unwrap();
    read_answer(&mut stream).unwrap()
}

/// Whether the page shows deliveries to who asks like this.
fn sees(url: &str, headers: &[&str]) -> bool {
    let page = ask(url, "/", headers);
    assert_eq!(page.status, 200, "{page:?}");
    let shown = page.body.contains("id=\"activity\"");
    assert_eq!(page.body.contains("me/private"), shown);
    for path in ["/activity/1", "/activity/1/detail"] {
        let answer = ask(url, path, headers);
        if shown {
            assert!(answer.status == 200 && answer.body.contains("me/private"), "{answer:?}");
        } else {
            // As at any other path where nothing is.
            let nothing = ask(url, "/nothing", headers);
            assert_eq!((answer.status, &answer.body), (404, &nothing.body), "{path}");
        }
    }
    shown
}

/// A stream of server-sent events.
struct Events(BufReader<TcpStream>);

impl Events {
    fn follow(viewer: &Viewer, path: &str, headers: &[&str]) -> Self {
        let mut stream = connect(&viewer.url).unwrap();
        let headers = [headers, &[viewer.cookie.as_str()]].concat();
        stream.write_all(head(&format!("GET {path}"), &headers).as_bytes()).unwrap();
        Self(BufReader::new(stream))
    }

    /// The next event of this name: its id and its data.
    fn next(&mut self, name: &str) -> (String, Value) {
        let deadline = Instant::now() + PATIENCE;
        let (mut id, mut event) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
            assert!(Instant::now() < deadline, "no event {name}");
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.to_owned();
            } else if let Some(text) = line.strip_prefix("event: ") {
                event = text.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ").filter(|_| event == name) {
                return (id, serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The numbers of the deliveries that come next, and the id after them.
    fn deliveries(&mut self) -> (Vec<u64>, bool, String) {
        let (id, news) = self.next("deliveries");
        let rows = news["rows"].as_str().unwrap();
        let numbers = rows.split("data-number=\"").skip(1);
        let numbers = numbers.map(|rest| rest.split('"').next().unwrap().parse().unwrap());
        (numbers.collect(), news["all"] == true, id)
    }
}
