//! Tests which servers a plan may take webhooks from, with servers that have only their health.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::*;
use crate::config::addresses::PublicUrl;
use crate::hub::{WatchedItem, Webhook, WebhookDomain};
use crate::registration::endpoint::WebhookEndpoint;
use crate::registration::plan::{RegistrationMode, StepAction};
use crate::registration::remembered::{RememberedWebhook, RememberedWebhooks, ServerUrl, UrlKind};
use crate::registration::test_server::serve;
use crate::state::MemoryState;

const OWN: &str = "https://hooks.example.com/b";
const PATH: &str = "/webhooks/retrain";

/// Plans for a server whose remembered webhook calls another URL. Returns the action.
async fn action(server: &str, instance: Option<Uuid>, state: &MemoryState) -> StepAction {
    let webhook: Webhook = serde_json::from_value(json!({
        "id": "w1",
        "url": format!("{server}{PATH}?secret=hush"),
        "watched": [{ "type": "dataset", "name": "me/data" }],
        "domains": ["repo"],
        "disabled": false,
    }))
    .unwrap();
    let mut remembered = RememberedWebhooks::default();
    remembered.insert("w1", RememberedWebhook::new("w1", PATH, UrlKind::Fixed, None));
    let endpoint = WebhookEndpoint {
        path: PATH.to_owned(),
        watched: vec![WatchedItem::from("dataset:me/data")],
        domains: vec![WebhookDomain::Repo],
        secret: None,
        secret_is_new: false,
    };
    let input = PlanInput {
        endpoints: Arc::new([endpoint]),
        public_url: ServerUrl { url: PublicUrl::parse(OWN).unwrap(), kind: UrlKind::Fixed },
        account: Arc::new([webhook]),
        remembered,
        mode: RegistrationMode::Unattended,
        now: SystemTime::now(),
        running: BTreeSet::new(),
    };
    let plan = plan_beside_others(input, instance, state).await.unwrap();
    plan.steps.into_iter().next().unwrap().action
}

fn health(instance: Uuid) -> String {
    json!({ "status": "ok", "webhooks": { "status": "ok", "instance": instance } }).to_string()
}

#[tokio::test]
async fn only_a_server_that_does_not_run_loses_its_webhook() {
    let state = MemoryState::default();
    let [own, replica, other] = [(); 3].map(|()| Uuid::new_v4());
    let url = PublicUrl::parse(OWN).unwrap();
    own_health::announce(&state, replica, &url).await.unwrap();
    let elsewhere = PublicUrl::parse("https://hooks.example.com/a").unwrap();
    own_health::announce(&state, other, &elsewhere).await.unwrap();
    let plain: Value = json!({ "status": "ok" });
    for (name, server, is_moved) in [
        ("this server, at a former domain", serve(200, health(own)), true),
        ("a replica of this server", serve(200, health(replica)), true),
        ("another server of the program", serve(200, health(other)), false),
        ("a server with another state", serve(200, health(Uuid::new_v4())), false),
        ("a server that registers nothing", serve(200, plain.to_string()), false),
        ("another web page", serve(200, "<html>".to_owned()), true),
        ("a proxy whose server is gone", serve(502, String::new()), true),
        ("nothing", "http://127.0.0.1:9".to_owned(), true),
    ] {
        let action = action(&server, Some(own), &state).await;
        assert_eq!(matches!(action, StepAction::Update { .. }), is_moved, "{name}: {action:?}");
        assert_eq!(matches!(action, StepAction::Create(_)), !is_moved, "{name}: {action:?}");
    }
}

#[tokio::test]
async fn a_command_moves_webhooks_to_the_server_that_it_registers_for() {
    let (state, server) = (MemoryState::default(), Uuid::new_v4());
    let former = serve(200, health(server));
    assert!(matches!(action(&former, None, &state).await, StepAction::Create(_)));
    own_health::announce(&state, server, &PublicUrl::parse(OWN).unwrap()).await.unwrap();
    assert!(matches!(action(&former, None, &state).await, StepAction::Update { .. }));
}
