//! Tests when a webhook is enabled, and how that is counted.

use super::*;
use crate::state::FileState;

/// Prepares what the Hub says of a webhook before it is enabled.
pub(super) fn find(stub: &HubStub, disabled: impl Into<Value>) {
    let found = json!({ "webhook": { "id": "w1", "disabled": disabled.into() } });
    stub.on("GET", &format!("{WEBHOOKS}/w1")).respond(found);
}

#[tokio::test]
async fn a_server_counts_how_often_it_enables_and_a_person_ends_the_count() {
    let (stub, state) = (HubStub::new(), MemoryState::default());
    stub.on("POST", &format!("{WEBHOOKS}/w1/enable")).respond(response("w1"));
    find(&stub, "suspended-after-failure");
    let enable = plan(vec![step(Some("w1"), StepAction::Enable(EnableReason::Suspended))]);
    for _ in 0..3 {
        assert!(remembered(&state).await.may_enable("w1", now()));
        apply(&stub, &state, RegistrationMode::Unattended, &enable).await;
    }
    assert!(!remembered(&state).await.may_enable("w1", now()));
    apply(&stub, &state, RegistrationMode::Sync, &enable).await;
    assert!(remembered(&state).await.may_enable("w1", now()));
}

#[tokio::test]
async fn an_update_of_a_paused_webhook_leaves_it_paused_until_it_is_enabled() {
    let (stub, state) = (HubStub::new(), MemoryState::default());
    stub.on("POST", &format!("{WEBHOOKS}/w1")).respond(response("w1"));
    stub.on("POST", &format!("{WEBHOOKS}/w1/enable")).respond(response("w1"));
    let paused = |all: &mut RememberedWebhooks| {
        all.insert("w1", RememberedWebhook::new("w1", PATH, UrlKind::Tunnel, None));
        all.set_pause("w1", PauseMark::Confirmed);
    };
    RememberedWebhooks::change(&state, paused).await.unwrap();
    find(&stub, true);
    let is_paused = async || {
        remembered(&state).await.get("w1").is_some_and(|it| it.pause() == PauseMark::Confirmed)
    };
    let updates = plan(vec![step(Some("w1"), update(None))]);
    apply(&stub, &state, RegistrationMode::Sync, &updates).await;
    assert!(is_paused().await);
    let enables = plan(vec![step(Some("w1"), update(Some(EnableReason::Paused)))]);
    apply(&stub, &state, RegistrationMode::Unattended, &enables).await;
    assert!(!is_paused().await);
}

#[tokio::test]
async fn an_attempt_to_enable_counts_unless_the_hub_has_refused_it() {
    let enable = plan(vec![step(Some("w1"), StepAction::Enable(EnableReason::Suspended))]);
    for is_refused in [false, true] {
        let (stub, state) = (HubStub::new(), MemoryState::default());
        find(&stub, "suspended-after-failure");
        let call = stub.on("POST", &format!("{WEBHOOKS}/w1/enable"));
        // Not a webhook: nobody knows what the Hub has done.
        let _ = if is_refused { call.error(403, "No") } else { call.respond(()) };
        for _ in 0..3 {
            let (_, _, errors) = apply(&stub, &state, RegistrationMode::Unattended, &enable).await;
            assert_eq!(errors.len(), 1);
        }
        assert_eq!(remembered(&state).await.may_enable("w1", now()), is_refused);
    }
}

#[tokio::test]
async fn a_webhook_is_not_enabled_if_that_cannot_be_counted() {
    let stub = HubStub::new();
    find(&stub, "suspended-after-failure");
    stub.on("POST", &format!("{WEBHOOKS}/w1/enable")).respond(response("w1"));
    let folder = tempfile::tempdir().unwrap();
    // Nothing can be stored below a file.
    std::fs::write(folder.path().join("file"), "").unwrap();
    let state = FileState::new(folder.path().join("file").join("values"));
    let enable = plan(vec![step(Some("w1"), StepAction::Enable(EnableReason::Suspended))]);
    let (calls, _, errors) = apply(&stub, &state, RegistrationMode::Unattended, &enable).await;
    assert_eq!(errors.len(), 1);
    assert!(calls.iter().all(|call| call.starts_with("GET ")), "{calls:?}");
}

#[tokio::test]
async fn a_webhook_that_a_person_has_switched_since_the_plan_stays_as_it_is() {
    use EnableReason::{Paused, Suspended};
    let suspended = || json!("suspended-after-failure");
    for (reason, is_paused, disabled, errors) in [
        (Suspended, false, json!(true), 1),
        (Suspended, false, json!(false), 0),
        (Paused, true, json!(false), 0),
        (Paused, true, suspended(), 1),
        // `webhooks disable` has ended the pause.
        (Paused, false, json!(true), 1),
    ] {
        let (stub, state) = (HubStub::new(), MemoryState::default());
        find(&stub, disabled.clone());
        let insert = |all: &mut RememberedWebhooks| {
            all.insert("w1", RememberedWebhook::new("w1", PATH, UrlKind::Tunnel, None));
            let mark = if is_paused { PauseMark::Confirmed } else { PauseMark::None };
            all.set_pause("w1", mark);
        };
        RememberedWebhooks::change(&state, insert).await.unwrap();
        let enable = plan(vec![step(Some("w1"), StepAction::Enable(reason))]);
        let (calls, _, found) = apply(&stub, &state, RegistrationMode::Unattended, &enable).await;
        assert_eq!(found.len(), errors, "{reason:?} {disabled}: {found:?}");
        assert_eq!(calls, [format!("GET {WEBHOOKS}/w1")]);
    }
}
