//! Tests that only webhooks of a tunnel are disabled, and which of them are enabled again.

use serde_json::{Value, json};

use super::*;
use crate::registration::remembered::RememberedWebhook;
use crate::state::MemoryState;
use crate::testing::HubStub;

const WEBHOOKS: &str = "/api/settings/webhooks";

fn webhook(id: &str, disabled: impl Into<Value>) -> Value {
    json!({ "id": id, "url": "https://x.gradio.live/webhooks/x", "disabled": disabled.into() })
}

async fn remembering(webhooks: &[(&str, UrlKind)]) -> MemoryState {
    let state = MemoryState::default();
    let insert = |all: &mut RememberedWebhooks| {
        for (id, kind) in webhooks {
            all.insert(id, RememberedWebhook::new(id, "/webhooks/x", *kind, None));
        }
    };
    RememberedWebhooks::change(&state, insert).await.unwrap();
    state
}

async fn paused(state: &MemoryState) -> Vec<String> {
    let remembered = RememberedWebhooks::load(state).await.unwrap();
    remembered.iter().filter(|(_, it)| it.paused).map(|(id, _)| id.to_owned()).collect()
}

fn calls(stub: &HubStub) -> Vec<String> {
    stub.calls().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_webhooks_of_the_tunnel_are_disabled() {
    let state = remembering(&[("w1", UrlKind::Tunnel), ("w2", UrlKind::Fixed)]).await;
    let stub = HubStub::new();
    let others = webhook("w9", false);
    stub.on("GET", WEBHOOKS).respond(json!([webhook("w1", false), webhook("w2", false), others]));
    stub.on("POST", &format!("{WEBHOOKS}/w1/disable"))
        .respond(json!({ "webhook": webhook("w1", true) }));
    assert_eq!(pause(&stub.hub(), &state).await.unwrap(), ["w1"]);
    assert_eq!(calls(&stub), [format!("GET {WEBHOOKS}"), format!("POST {WEBHOOKS}/w1/disable")]);
    assert_eq!(paused(&state).await, ["w1"]);
}

#[tokio::test]
async fn a_webhook_that_was_disabled_or_suspended_before_is_not_known_as_paused() {
    let state = remembering(&[("w1", UrlKind::Tunnel), ("w2", UrlKind::Tunnel)]).await;
    let stub = HubStub::new();
    let suspended = webhook("w2", "suspended-after-failure");
    stub.on("GET", WEBHOOKS).respond(json!([webhook("w1", true), suspended]));
    assert_eq!(pause(&stub.hub(), &state).await.unwrap(), <[&str; 0]>::default());
    assert_eq!(paused(&state).await, <[&str; 0]>::default());
}

#[tokio::test]
async fn without_a_webhook_of_a_tunnel_the_hub_is_not_called() {
    let state = remembering(&[("w2", UrlKind::Fixed)]).await;
    let stub = HubStub::new();
    assert_eq!(pause(&stub.hub(), &state).await.unwrap(), <[&str; 0]>::default());
    assert_eq!(calls(&stub), <[&str; 0]>::default());
}

#[tokio::test]
async fn a_webhook_whose_disabling_got_no_response_is_enabled_at_the_next_start() {
    let state = remembering(&[("w1", UrlKind::Tunnel)]).await;
    let stub = HubStub::new();
    stub.on("GET", WEBHOOKS).respond(json!([webhook("w1", false)]));
    stub.on("POST", &format!("{WEBHOOKS}/w1/disable")).error(500, "No");
    assert!(pause(&stub.hub(), &state).await.is_err());
    assert_eq!(paused(&state).await, ["w1"]);
}
