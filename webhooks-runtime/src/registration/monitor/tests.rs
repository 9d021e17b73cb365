//! Tests what single checks of the webhooks do, with a prepared Hub and a server that has only its health.

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
            before_store: None,
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

#[tokio::test]
async fn only_the_steps_that_failed_at_the_first_check_are_repeated() {
    let mut server = Server::new(&["/webhooks/a", "/webhooks/b"]);
    let found = |id: &str, path: &str| json!({ "webhook": server.webhook(id, path, false) });
    let (a, b) = (found("a", "/webhooks/a"), found("b", "/webhooks/b"));
    let disabled = server.webhook("b", "/webhooks/b", true);
    server.stub.on("POST", WEBHOOKS).error(400, "No such repo").respond(&b).respond(&a);
    let list = server.stub.on("GET", WEBHOOKS).respond([(); 0]).respond([(); 0]);
    let _ = list.respond([&b["webhook"]]).respond([&disabled]);

    assert!(matches!(server.check().await, Err(CheckError::Steps(errors)) if errors.len() == 1));
    assert_eq!(server.monitor.registered.as_ref(), Some(&server.url));
    assert_eq!(server.monitor.phase(), RegistrationPhase::Pending);
    assert_eq!(server.changes().len(), 2);

    server.check().await.unwrap();
    assert_eq!(server.monitor.phase(), RegistrationPhase::Registered);
    assert_eq!(server.changes().len(), 3);
    assert_eq!(server.monitor.context.status.report().phase, RegistrationPhase::Registered);

    // From now on, nothing is created: a person may have deleted it.
    server.check().await.unwrap();
    assert_eq!(server.changes().len(), 3);
}

#[tokio::test]
async fn a_hub_that_refuses_the_token_leaves_everything_unregistered() {
    for status in [401, 403] {
        let mut server = Server::new(&["/webhooks/a"]);
        server.stub.on("GET", WEBHOOKS).respond([(); 0]);
        server.stub.on("POST", WEBHOOKS).error(status, "No");
        assert!(server.check().await.is_err());
        assert_eq!(server.monitor.registered, None);
    }
}

#[tokio::test]
async fn a_server_with_a_tunnel_and_one_with_a_fixed_url_both_register() {
    let fixed = Server::new(&["/webhooks/a"]).monitor.context;
    let other = Server::new(&["/webhooks/a"]).monitor.context;
    let tunnel = Context { state: Arc::clone(&fixed.state), url_kind: UrlKind::Tunnel, ..other };
    let replica = Uuid::new_v4();
    assert!(fixed.lease(replica).await.unwrap());
    assert!(tunnel.lease(Uuid::new_v4()).await.unwrap());
    assert!(!fixed.lease(Uuid::new_v4()).await.unwrap());
    fixed.release(replica).await;
    assert!(fixed.lease(Uuid::new_v4()).await.unwrap());

    fixed.publish_phase(RegistrationPhase::Registered).await;
    tunnel.follow().await;
    assert_eq!(tunnel.status.report().phase, RegistrationPhase::Pending);
}

#[tokio::test]
async fn a_program_that_gets_a_store_keeps_its_webhooks() {
    let mut server = Server::new(&["/webhooks/a"]);
    server.remember("w1", "/webhooks/a").await;
    let file = Arc::clone(&server.monitor.context.state);
    server.monitor.context.before_store = Some(file);
    server.monitor.context.state = Arc::new(MemoryState::default());
    let mut webhook = server.webhook("w1", "/webhooks/a", false);
    webhook["url"] = "https://old.example/webhooks/a".into();
    server.stub.on("GET", WEBHOOKS).respond([&webhook]);
    let updated = format!("{WEBHOOKS}/w1");
    server.stub.on("POST", &updated).respond(json!({ "webhook": webhook }));
    server.check().await.unwrap();
    assert_eq!(server.changes(), [format!("POST {updated}")]);
}
