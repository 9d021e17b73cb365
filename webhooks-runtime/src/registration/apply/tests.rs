//! Tests that a plan is carried out by these calls and no others, and remembered.

mod enabling;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::FutureExt;
use serde_json::{Value, json};

use super::*;
use crate::hub::Webhook;
use crate::registration::plan::EnableReason;
use crate::registration::plan::LeaveReason;
use crate::registration::remembered::SentSecret;
use crate::state::MemoryState;
use crate::testing::HubStub;

const WEBHOOKS: &str = "/api/settings/webhooks";
const PATH: &str = "/webhooks/retrain";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn response(id: &str) -> Value {
    json!({ "webhook": { "id": id, "disabled": false } })
}

fn spec() -> WebhookSpec {
    WebhookSpec::new("https://x.example/webhooks/retrain").watch("dataset:me/data").secret("hush")
}

fn step(id: Option<&str>, action: StepAction) -> PlannedStep {
    PlannedStep { path: PATH.to_owned(), id: id.map(str::to_owned), action }
}

fn update(enables: Option<EnableReason>) -> StepAction {
    StepAction::Update { spec: spec(), changes: Vec::new(), adopts: false, enables }
}

fn plan(steps: Vec<PlannedStep>) -> RegistrationPlan {
    RegistrationPlan { steps, warnings: Vec::new(), resumed: Vec::new(), unwatched: Vec::new() }
}

/// Carries out a plan, and returns the calls, the ids of the steps that are done, and the errors.
async fn apply(
    stub: &HubStub,
    state: &dyn SharedState,
    mode: RegistrationMode,
    plan: &RegistrationPlan,
) -> (Vec<String>, Vec<String>, Vec<String>) {
    let hub = stub.hub();
    let url_kind = UrlKind::Tunnel;
    let registrar = Registrar { lease: None, hub: &hub, state, mode, url_kind };
    let mut done = Vec::new();
    let errors = registrar.apply(plan, now(), |_, id| done.push(id.to_owned())).await;
    let calls = stub.calls().iter().map(ToString::to_string).collect();
    (calls, done, errors.iter().map(ToString::to_string).collect())
}

async fn remembered(state: &MemoryState) -> RememberedWebhooks {
    RememberedWebhooks::load(state).await.unwrap()
}

#[tokio::test]
async fn a_created_webhook_is_remembered_with_its_secret() {
    let (stub, state) = (HubStub::new(), MemoryState::default());
    stub.on("POST", WEBHOOKS).respond(response("w1"));
    let plan = plan(vec![step(None, StepAction::Create(spec()))]);
    let (calls, done, errors) = apply(&stub, &state, RegistrationMode::Unattended, &plan).await;
    assert_eq!(
        (&calls[..], &done[..], &errors[..]),
        (&[format!("POST {WEBHOOKS}")][..], &["w1".to_owned()][..], &[][..])
    );
    assert_eq!(
        stub.calls()[0].body,
        json!({
            "url": "https://x.example/webhooks/retrain",
            "watched": [{ "type": "dataset", "name": "me/data" }],
            "domains": ["repo", "discussion"],
            "secret": "hush",
        })
    );
    let remembered = remembered(&state).await;
    let webhook = remembered.get("w1").unwrap();
    assert_eq!((webhook.path.as_str(), webhook.url_kind), (PATH, UrlKind::Tunnel));
    assert_eq!(webhook.compare("w1", "hush"), SentSecret::Same);
}

#[tokio::test]
async fn an_update_sends_everything_and_may_enable() {
    let (stub, state) = (HubStub::new(), MemoryState::default());
    stub.on("POST", &format!("{WEBHOOKS}/w1")).respond(response("w1"));
    stub.on("POST", &format!("{WEBHOOKS}/w1/enable")).respond(response("w1"));
    enabling::find(&stub, "suspended-after-failure");
    let plan = plan(vec![step(Some("w1"), update(Some(EnableReason::Suspended)))]);
    let (calls, done, _) = apply(&stub, &state, RegistrationMode::Unattended, &plan).await;
    assert_eq!(calls[0], format!("POST {WEBHOOKS}/w1"));
    assert_eq!(calls.last(), Some(&format!("POST {WEBHOOKS}/w1/enable")));
    assert_eq!(done, ["w1"]);
    let body = &stub.calls()[0].body;
    for key in ["url", "watched", "domains", "secret"] {
        assert!(!body[key].is_null(), "{key} is missing: {body}");
    }
    assert!(remembered(&state).await.get("w1").is_some());
}

#[tokio::test]
async fn what_a_plan_leaves_alone_is_not_called() {
    let (stub, state) = (HubStub::new(), MemoryState::default());
    let plan = plan(vec![
        step(Some("w1"), StepAction::Unchanged { paused: false }),
        step(Some("w2"), StepAction::LeaveAlone(LeaveReason::DisabledByPerson)),
        step(Some("w3"), StepAction::Adopt),
    ]);
    let (calls, done, errors) = apply(&stub, &state, RegistrationMode::Sync, &plan).await;
    assert_eq!((calls.len(), &done[..], errors.len()), (0, &["w3".to_owned()][..], 0));
    let ids: Vec<_> = remembered(&state).await.iter().map(|(id, _)| id.to_owned()).collect();
    assert_eq!(ids, ["w3"]);
}

#[tokio::test]
async fn a_webhook_that_a_person_enabled_is_no_longer_paused() {
    let (stub, state) = (HubStub::new(), MemoryState::default());
    let paused = |all: &mut RememberedWebhooks| {
        all.insert("w1", RememberedWebhook::new("w1", PATH, UrlKind::Tunnel, None));
        all.set_pause("w1", PauseMark::Confirmed);
    };
    RememberedWebhooks::change(&state, paused).await.unwrap();
    let plan = RegistrationPlan { resumed: vec!["w1".to_owned()], ..plan(Vec::new()) };
    apply(&stub, &state, RegistrationMode::Unattended, &plan).await;
    assert_eq!(remembered(&state).await.get("w1").unwrap().pause(), PauseMark::None);
}

#[tokio::test]
async fn a_step_that_the_hub_refuses_does_not_prevent_the_others() {
    let (stub, state) = (HubStub::new(), MemoryState::default());
    stub.on("POST", WEBHOOKS).error(400, "No such repo").respond(response("w2"));
    let create = || step(None, StepAction::Create(spec()));
    let plan = plan(vec![create(), create()]);
    let (_, done, errors) = apply(&stub, &state, RegistrationMode::Sync, &plan).await;
    assert_eq!(done, ["w2"]);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with(&format!("{PATH}: ")), "{errors:?}");
    assert!(!errors[0].contains("hush"));
}

#[tokio::test]
async fn an_error_that_every_step_would_have_ends_the_plan() {
    for status in [401, 403, 500] {
        let (stub, state) = (HubStub::new(), MemoryState::default());
        stub.on("POST", WEBHOOKS).error(status, "No");
        let create = || step(None, StepAction::Create(spec()));
        let plan = plan(vec![create(), create()]);
        let (calls, done, errors) = apply(&stub, &state, RegistrationMode::Sync, &plan).await;
        assert_eq!((calls.len(), done.len(), errors.len()), (1, 0, 1), "{status}");
        let remembered = remembered(&state).await;
        assert_eq!(remembered.iter().count(), 0);
        // With 500, the Hub may have created the first one.
        assert_eq!(remembered == RememberedWebhooks::default(), status != 500);
    }
}

#[tokio::test]
async fn a_webhook_whose_creation_is_not_confirmed_is_recognized_unless_the_hub_has_refused_it() {
    for is_refused in [false, true] {
        let (stub, state) = (HubStub::new(), MemoryState::default());
        let call = stub.on("POST", WEBHOOKS);
        let _ = if is_refused { call.error(400, "No such repo") } else { call.respond(()) };
        let create = plan(vec![step(None, StepAction::Create(spec()))]);
        let (_, done, errors) = apply(&stub, &state, RegistrationMode::Unattended, &create).await;
        assert_eq!((done.len(), errors.len()), (0, 1));
        let url = "https://x.example/webhooks/retrain";
        let found: Webhook =
            serde_json::from_value(json!({ "id": "w1", "url": url, "disabled": false })).unwrap();
        let remembered =
            RememberedWebhooks::load_with_created(&state, &[found], now()).await.unwrap();
        let secret = remembered.get("w1").map(|webhook| webhook.compare("w1", "hush"));
        assert_eq!(secret, (!is_refused).then_some(SentSecret::Same));
    }
}

#[tokio::test]
async fn nothing_is_created_that_could_not_be_recognized() {
    let (stub, state) = (HubStub::new(), MemoryState::default());
    state.set("registration.webhooks", "{", None).await.unwrap();
    let create = plan(vec![step(None, StepAction::Create(spec()))]);
    let (calls, _, errors) = apply(&stub, &state, RegistrationMode::Unattended, &create).await;
    assert_eq!((calls.len(), errors.len()), (0, 1));
}

#[tokio::test]
async fn without_the_lease_no_further_step_is_taken() {
    let (stub, state) = (HubStub::new(), Arc::new(MemoryState::default()));
    stub.on("POST", WEBHOOKS).respond(response("w1")).respond(response("w2"));
    let hub = stub.hub();
    let lease = || {
        let state = Arc::clone(&state) as Arc<dyn SharedState>;
        RegistrationLease::new(state, "registration.test".to_owned(), Duration::from_secs(20))
    };
    let (lease, other) = (lease(), lease());
    let registrar = Registrar {
        lease: Some(&lease),
        hub: &hub,
        state: &*state,
        mode: RegistrationMode::Unattended,
        url_kind: UrlKind::Fixed,
    };
    let create = || step(None, StepAction::Create(spec()));
    let mut done = Vec::new();
    let report = |_: &PlannedStep, id: &str| {
        done.push(id.to_owned());
        // Another replica takes over.
        lease.release().now_or_never().unwrap();
        assert!(other.renew().now_or_never().unwrap().unwrap());
    };
    let errors = registrar.apply(&plan(vec![create(), create()]), now(), report).await;
    assert_eq!((stub.calls().len(), &done[..], errors.len()), (1, &["w1".to_owned()][..], 0));
    let errors = registrar.apply(&plan(vec![create()]), now(), |_, _| {}).await;
    assert_eq!((stub.calls().len(), errors.len()), (1, 0));
}

#[tokio::test]
async fn an_adopted_webhook_keeps_the_secret_that_is_known_of_it() {
    let (stub, state) = (HubStub::new(), MemoryState::default());
    let of_former_path = |all: &mut RememberedWebhooks| {
        let webhook = RememberedWebhook::new("w1", "/old", UrlKind::Fixed, Some("hush"));
        all.insert("w1", webhook);
    };
    RememberedWebhooks::change(&state, of_former_path).await.unwrap();
    let adopt = plan(vec![step(Some("w1"), StepAction::Adopt)]);
    apply(&stub, &state, RegistrationMode::Sync, &adopt).await;
    let remembered = remembered(&state).await;
    let webhook = remembered.get("w1").unwrap();
    assert_eq!((webhook.path.as_str(), webhook.url_kind), (PATH, UrlKind::Tunnel));
    assert_eq!(webhook.compare("w1", "hush"), SentSecret::Same);
}
