//! Tests what single looks at the webhooks do, with a prepared Hub and a server that has only its health.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::http::part::Console;
use crate::http::webhook_status::WebhookStatus;
use crate::hub::{WatchedItem, WebhookDomain};
use crate::registration::console::{Messages, Printer};
use crate::registration::endpoint::WebhookEndpoint;
use crate::registration::remembered::{RememberedWebhook, RememberedWebhooks};
use crate::state::MemoryState;
use crate::testing::HubStub;

const WEBHOOKS: &str = "/api/settings/webhooks";

/// A server whose endpoints watch a dataset each and have no secret.
struct Server {
    stub: HubStub,
    monitor: Monitor,
    url: PublicUrl,
}

impl Server {
    fn new(paths: &[&str]) -> Self {
        let (stub, status) = (HubStub::new(), WebhookStatus::new());
        let url = serve_health(&status);
        let endpoint = |path: &&str| WebhookEndpoint {
            path: (*path).to_owned(),
            watched: vec![WatchedItem::from("dataset:me/data")],
            domains: vec![WebhookDomain::Repo],
            secret: None,
            secret_is_new: false,
        };
        let second = Duration::from_secs(1);
        let monitor = Monitor::new(Context {
            hub: stub.hub(),
            state: Arc::new(MemoryState::default()),
            endpoints: paths.iter().map(endpoint).collect(),
            url_kind: UrlKind::Fixed,
            status,
            timing: Timing { check: second, renewal: second, retry: second },
            messages: Messages {
                console: Console::Log,
                printer: Printer { out: |_| {}, err: |_| {} },
            },
        });
        Self { stub, monitor, url }
    }

    async fn remember(&self, id: &str, path: &str) {
        let webhook = RememberedWebhook::new(id, path, UrlKind::Fixed, None);
        let insert = |all: &mut RememberedWebhooks| all.insert(id, webhook);
        RememberedWebhooks::change(&*self.monitor.context.state, insert).await.unwrap();
    }

    /// Returns the webhook that an endpoint needs.
    fn webhook(&self, id: &str, path: &str, disabled: impl Into<Value>) -> Value {
        json!({
            "id": id,
            "url": format!("{}{path}", self.url),
            "watched": [{ "type": "dataset", "name": "me/data" }],
            "domains": ["repo"],
            "disabled": disabled.into(),
        })
    }

    async fn check(&mut self) -> Result<(), CheckError> {
        let url = self.url.clone();
        self.monitor.check(&url).await
    }

    /// Returns the calls that change webhooks, so far.
    fn changes(&self) -> Vec<String> {
        let calls = self.stub.calls();
        calls.iter().map(ToString::to_string).filter(|call| call.starts_with("POST ")).collect()
    }
}

/// Responds to every request like `/health`, until the test ends. Returns the public URL.
fn serve_health(status: &WebhookStatus) -> PublicUrl {
    let body = json!({ "webhooks": { "instance": status.instance } }).to_string();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = PublicUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let _ = lines.take_while(|line| !line.is_empty()).count();
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close");
            let _ = write!(stream, "{head}\r\n\r\n{body}");
        }
    });
    url
}

#[tokio::test]
async fn a_webhook_that_a_person_disables_during_the_check_of_the_url_is_not_enabled() {
    for (later, expected) in [
        (json!(true), vec![]),
        (json!("suspended-after-failure"), vec![format!("POST {WEBHOOKS}/w1/enable")]),
    ] {
        let mut server = Server::new(&["/webhooks/a"]);
        server.remember("w1", "/webhooks/a").await;
        let suspended = server.webhook("w1", "/webhooks/a", "suspended-after-failure");
        let later = server.webhook("w1", "/webhooks/a", later);
        server.stub.on("GET", WEBHOOKS).respond([suspended]).respond([later]);
        let enabled = json!({ "webhook": server.webhook("w1", "/webhooks/a", false) });
        server.stub.on("POST", &format!("{WEBHOOKS}/w1/enable")).respond(enabled);
        server.check().await.unwrap();
        assert_eq!(server.changes(), expected);
    }
}
