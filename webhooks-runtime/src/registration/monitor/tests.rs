//! Tests what single checks of the webhooks do, with a prepared Hub and a server that has only its health.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::http::part::Console;
use crate::http::webhook_status::{WebhookCondition, WebhookStatus};
use crate::hub::{WatchedItem, WebhookDomain};
use crate::registration::console::{Messages, Printer};
use crate::registration::context::scope;
use crate::registration::endpoint::WebhookEndpoint;
use crate::registration::remembered::{RememberedWebhook, RememberedWebhooks};
use crate::registration::test_server::serve;
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
            scope: scope(UrlKind::Fixed, Some(&url)),
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
    let health = json!({ "status": "ok", "webhooks": { "instance": status.instance } });
    PublicUrl::parse(&serve(200, health.to_string())).unwrap()
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
        let found =
            json!({ "webhook": server.webhook("w1", "/webhooks/a", "suspended-after-failure") });
        server.stub.on("GET", &format!("{WEBHOOKS}/w1")).respond(found);
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
async fn servers_with_other_urls_and_one_with_a_tunnel_register_beside_each_other() {
    let first = Server::new(&["/webhooks/a"]).monitor.context;
    let context = |kind, url: Option<&str>| {
        let url = url.map(|url| PublicUrl::parse(url).unwrap());
        let other = Server::new(&["/webhooks/a"]).monitor.context;
        let state = Arc::clone(&first.state);
        Context { state, url_kind: kind, scope: scope(kind, url.as_ref()), ..other }
    };
    let team_a = context(UrlKind::Fixed, Some("https://hooks.example.com/a"));
    let replica = context(UrlKind::Fixed, Some("https://HOOKS.example.com:443/a/"));
    let team_b = context(UrlKind::Fixed, Some("https://hooks.example.com/b"));
    let tunnel = context(UrlKind::Tunnel, None);
    let lease = team_a.lease();
    for (lease, is_free) in [
        (&lease, true),
        (&replica.lease(), false),
        (&team_b.lease(), true),
        (&tunnel.lease(), true),
        // A program has one share link.
        (&tunnel.lease(), false),
        (&lease, true),
    ] {
        assert_eq!(lease.renew().await.unwrap(), is_free);
    }
    lease.release().await;
    assert!(replica.lease().renew().await.unwrap());

    team_a.publish_phase(RegistrationPhase::Registered).await;
    let url = PublicUrl::parse("https://hooks.example.com/a").unwrap();
    for (other, phase) in [
        (&replica, RegistrationPhase::Registered),
        (&team_b, RegistrationPhase::Pending),
        (&tunnel, RegistrationPhase::Pending),
    ] {
        other.follow(&url).await;
        assert_eq!(other.status.report().phase, phase);
    }
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

#[tokio::test]
async fn what_is_remembered_by_another_version_stops_the_registration_and_stays() {
    for text in [r#"{"version":2,"webhooks":{}}"#, "{", ""] {
        let mut server = Server::new(&["/webhooks/a"]);
        server.stub.on("GET", WEBHOOKS).respond([(); 0]);
        let state = Arc::clone(&server.monitor.context.state);
        state.set("registration.webhooks", text, None).await.unwrap();
        let url = server.url.clone();
        assert_eq!(server.monitor.tick(url).await, None, "{text}");
        assert_eq!(server.monitor.context.status.report().phase, RegistrationPhase::Stopped);
        assert_eq!(server.changes(), <[&str; 0]>::default());
        let stored = state.get("registration.webhooks").await.unwrap();
        assert_eq!(stored.as_deref(), Some(text));
    }
}

#[tokio::test]
async fn a_server_that_stops_without_the_lease_disables_nothing() {
    let mut server = Server::new(&["/webhooks/a"]);
    server.monitor.context.url_kind = UrlKind::Tunnel;
    let webhook = RememberedWebhook::new("w1", "/webhooks/a", UrlKind::Tunnel, None);
    let insert = |all: &mut RememberedWebhooks| all.insert("w1", webhook);
    RememberedWebhooks::change(&*server.monitor.context.state, insert).await.unwrap();
    let enabled = server.webhook("w1", "/webhooks/a", false);
    server.stub.on("GET", WEBHOOKS).respond([&enabled]);
    let disable = format!("{WEBHOOKS}/w1/disable");
    server.stub.on("POST", &disable).respond(json!({ "webhook": enabled }));
    // Another replica has taken over, while this one did not respond for long.
    let other = server.monitor.context.lease();
    assert!(other.renew().await.unwrap());
    server.monitor.pause().await;
    assert_eq!(server.changes(), <[&str; 0]>::default());
    other.release().await;
    server.monitor.pause().await;
    assert_eq!(server.changes(), [format!("POST {disable}")]);
}

#[tokio::test]
async fn a_webhook_that_a_person_changes_while_the_server_runs_is_neither_changed_nor_missing() {
    let mut server = Server::new(&["/webhooks/a"]);
    server.remember("w1", "/webhooks/a").await;
    let webhook = server.webhook("w1", "/webhooks/a", false);
    let mut changed = webhook.clone();
    changed["watched"] = json!([{ "type": "model", "name": "me/tiny" }]);
    let list = server.stub.on("GET", WEBHOOKS).respond([&webhook]).respond([&webhook]);
    let _ = list.respond([&changed]);
    server.check().await.unwrap();
    server.check().await.unwrap();
    assert_eq!(server.changes(), <[&str; 0]>::default());
    let report = server.monitor.context.status.report();
    assert_eq!(report.webhook("/webhooks/a").unwrap().condition, WebhookCondition::Enabled);
}
