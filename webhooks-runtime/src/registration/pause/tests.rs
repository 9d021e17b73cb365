//! Tests that only webhooks of a tunnel are disabled, and which of them are enabled again.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{pending, ready};
use serde_json::{Value, json};

use super::*;
use crate::registration::remembered::RememberedWebhook;
use crate::registration::test_state::HookedState;
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

/// Disables the webhooks as the replica with the lease.
async fn pause_alone(hub: &Hub, state: &MemoryState) -> Result<Paused, PauseError> {
    let of_leases = Arc::new(MemoryState::default());
    let lease = RegistrationLease::new(of_leases, "lease".to_owned(), Duration::from_secs(20));
    pause(hub, state, &lease).await
}

async fn mark_of(state: &MemoryState, id: &str) -> PauseMark {
    RememberedWebhooks::load(state).await.unwrap().get(id).unwrap().pause()
}

async fn paused(state: &MemoryState) -> Vec<String> {
    let remembered = RememberedWebhooks::load(state).await.unwrap();
    remembered
        .iter()
        .filter(|(_, it)| it.pause() == PauseMark::Confirmed)
        .map(|(id, _)| id.to_owned())
        .collect()
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
    assert_eq!(pause_alone(&stub.hub(), &state).await.unwrap().ids, ["w1"]);
    assert_eq!(calls(&stub), [format!("GET {WEBHOOKS}"), format!("POST {WEBHOOKS}/w1/disable")]);
    assert_eq!(paused(&state).await, ["w1"]);
}

#[tokio::test]
async fn a_webhook_that_was_disabled_or_suspended_before_is_not_known_as_paused() {
    let state = remembering(&[("w1", UrlKind::Tunnel), ("w2", UrlKind::Tunnel)]).await;
    let stub = HubStub::new();
    let suspended = webhook("w2", "suspended-after-failure");
    stub.on("GET", WEBHOOKS).respond(json!([webhook("w1", true), suspended]));
    assert_eq!(pause_alone(&stub.hub(), &state).await.unwrap().ids, <[&str; 0]>::default());
    assert_eq!(paused(&state).await, <[&str; 0]>::default());
}

#[tokio::test]
async fn without_a_webhook_of_a_tunnel_the_hub_is_not_called() {
    let state = remembering(&[("w2", UrlKind::Fixed)]).await;
    let stub = HubStub::new();
    assert_eq!(pause_alone(&stub.hub(), &state).await.unwrap().ids, <[&str; 0]>::default());
    assert_eq!(calls(&stub), <[&str; 0]>::default());
}

#[tokio::test]
async fn a_webhook_that_the_hub_does_not_disable_is_not_known_as_paused_and_the_others_are() {
    for status in [404, 429, 500] {
        let state = remembering(&[("w1", UrlKind::Tunnel), ("w2", UrlKind::Tunnel)]).await;
        let stub = HubStub::new();
        stub.on("GET", WEBHOOKS).respond(json!([webhook("w1", false), webhook("w2", false)]));
        stub.on("POST", &format!("{WEBHOOKS}/w1/disable")).error(status, "No");
        stub.on("POST", &format!("{WEBHOOKS}/w2/disable"))
            .respond(json!({ "webhook": webhook("w2", true) }));
        let after = pause_alone(&stub.hub(), &state).await.unwrap();
        assert_eq!((&after.ids[..], after.errors.len()), (&["w2".to_owned()][..], 1), "{status}");
        assert_eq!(paused(&state).await, ["w2"], "{status}");
    }
}

#[tokio::test]
async fn after_no_response_a_webhook_is_known_as_paused_only_if_it_is_disabled() {
    for (now, is_paused) in [(Some(json!(true)), true), (Some(json!(false)), false), (None, false)]
    {
        let state = remembering(&[("w1", UrlKind::Tunnel)]).await;
        // There is no response to a call that is not prepared.
        let stub = HubStub::new();
        stub.on("GET", WEBHOOKS).respond(json!([webhook("w1", false)]));
        if let Some(disabled) = &now {
            let found = json!({ "webhook": webhook("w1", disabled.clone()) });
            stub.on("GET", &format!("{WEBHOOKS}/w1")).respond(found);
        }
        let after = pause_alone(&stub.hub(), &state).await.unwrap();
        assert_eq!((after.ids.len(), after.errors.is_empty()), (usize::from(is_paused), is_paused));
        assert_eq!(paused(&state).await.len(), usize::from(is_paused), "{now:?}");
    }
}

#[tokio::test]
async fn after_a_rejection_nothing_is_marked_and_without_a_certain_response_the_question_is() {
    for (status, expected) in
        [(404, PauseMark::None), (429, PauseMark::None), (500, PauseMark::Asked)]
    {
        let state = remembering(&[("w1", UrlKind::Tunnel)]).await;
        let stub = HubStub::new();
        stub.on("GET", WEBHOOKS).respond(json!([webhook("w1", false)]));
        stub.on("POST", &format!("{WEBHOOKS}/w1/disable")).error(status, "No");
        assert_eq!(pause_alone(&stub.hub(), &state).await.unwrap().errors.len(), 1);
        assert_eq!(mark_of(&state, "w1").await, expected, "{status}");
    }
    let state = remembering(&[("w1", UrlKind::Tunnel)]).await;
    let stub = HubStub::new();
    stub.on("GET", WEBHOOKS).respond(json!([webhook("w1", false)]));
    // There is no response to a call that is not prepared.
    assert_eq!(pause_alone(&stub.hub(), &state).await.unwrap().errors.len(), 1);
    assert_eq!(mark_of(&state, "w1").await, PauseMark::Asked);
}

#[tokio::test]
async fn a_shutdown_that_ends_at_any_change_never_counts_as_confirmed_by_the_hub() {
    for (changes, calls, expected) in
        [(0, 1, PauseMark::None), (1, 2, PauseMark::Asked), (2, 2, PauseMark::Confirmed)]
    {
        let state = remembering(&[("w1", UrlKind::Tunnel)]).await;
        let left = AtomicUsize::new(changes);
        let before = move |method: &'static str| {
            let ends = method == "set"
                && left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_err();
            if ends { pending().boxed() } else { ready(()).boxed() }
        };
        let state = Arc::new(HookedState { state, before });
        let stub = HubStub::new();
        stub.on("GET", WEBHOOKS).respond(json!([webhook("w1", false)]));
        stub.on("POST", &format!("{WEBHOOKS}/w1/disable"))
            .respond(json!({ "webhook": webhook("w1", true) }));
        let lease = RegistrationLease::new(state.clone(), String::new(), Duration::from_secs(20));
        let hub = stub.hub();
        let limit = Duration::from_millis(200);
        let _ = tokio::time::timeout(limit, pause(&hub, &*state, &lease)).await;
        assert_eq!(stub.calls().len(), calls, "{changes}");
        assert_eq!(mark_of(&state.state, "w1").await, expected, "{changes}");
    }
}
