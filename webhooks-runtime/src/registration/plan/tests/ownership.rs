//! Tests which webhooks belong to which endpoint, and that all others stay as they are.

use super::*;

#[test]
fn an_endpoint_without_watch_gets_no_webhook_and_loses_none() {
    let unwatched = || WebhookEndpoint { watched: Vec::new(), ..endpoint() };
    let world = World::new().endpoint(unwatched());
    let plan = world.plan(RegistrationMode::Sync);
    assert_eq!((plan.steps.len(), &plan.unwatched[..]), (0, &[PATH.to_owned()][..]));
    assert!(!plan.has_changes());
    let world = world.webhook(webhook(SPACE));
    assert_eq!(world.words(), ("leave NoWatch".to_owned(), "leave NoWatch".to_owned()));
    assert_eq!(world.remembering().words().1, "leave NoWatch");
}

#[test]
fn the_webhook_of_an_endpoint_that_no_longer_exists_is_left_alone() {
    let renamed = WebhookEndpoint { path: "/webhooks/renamed".into(), ..endpoint() };
    let world = World::new().endpoint(renamed).webhook(webhook(SPACE)).remembering();
    for mode in [RegistrationMode::Sync, RegistrationMode::Unattended] {
        let plan = world.plan(mode);
        let words: Vec<_> = plan.steps.iter().map(|step| word(&step.action)).collect();
        assert_eq!(words, ["create", "leave NoWatch"], "{mode:?}");
        assert_eq!(plan.steps[1].path, PATH);
    }
}

#[test]
fn no_step_ever_leaves_a_webhook_without_a_repo_or_a_domain() {
    let unwatched = WebhookEndpoint { watched: Vec::new(), ..endpoint() };
    for endpoint in [endpoint(), unwatched] {
        for world in [
            World::new().webhook(webhook(SPACE)),
            World::new().webhook(webhook(SPACE)).remembering(),
            World::with_link().webhook(webhook(OLD_LINK)).remembering(),
            World::new(),
        ] {
            for mode in [RegistrationMode::Sync, RegistrationMode::Unattended] {
                let steps = world.clone().endpoint(endpoint.clone()).plan(mode).steps;
                for step in steps {
                    if let StepAction::Create(spec) | StepAction::Update { spec, .. } = step.action
                    {
                        assert!(!spec.watched.is_empty() && !spec.domains.is_empty());
                    }
                }
            }
        }
    }
}

#[test]
fn a_link_and_a_deployed_server_have_a_webhook_each() {
    // Both remember their webhooks in one store.
    let deployed = World::new().webhook(webhook(SPACE)).remembering();
    let laptop = World { public_url: LINK, url_kind: UrlKind::Tunnel, ..deployed };
    assert_eq!(laptop.words(), ("create".to_owned(), "create".to_owned()));
}

#[test]
fn of_several_webhooks_with_the_url_the_remembered_one_is_kept_and_the_others_are_left_alone() {
    let twin = Webhook { id: "0".into(), ..webhook(SPACE) };
    let world = World::new().webhook(twin.clone()).webhook(webhook(SPACE)).remembering();
    let plan = world.plan(RegistrationMode::Sync);
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].id.as_deref(), Some("1"));
    assert_eq!(plan.warnings.len(), 1);
    // Without memory, one that is enabled.
    let suspended = Webhook { state: WebhookState::Suspended, ..twin };
    let plan = World::new().webhook(suspended).webhook(webhook(SPACE));
    let plan = plan.plan(RegistrationMode::Unattended);
    assert_eq!(plan.steps[0].id.as_deref(), Some("1"));
    assert_eq!(word(&plan.steps[0].action), "unchanged");
}

#[test]
fn two_endpoints_never_take_the_same_webhook() {
    let evaluate = WebhookEndpoint { path: "/webhooks/evaluate".into(), ..endpoint() };
    // A person has pointed the webhook of one endpoint to the other.
    let url = Some(format!("{SPACE}/webhooks/evaluate"));
    let mut world = World::new().webhook(Webhook { url, ..webhook(SPACE) }).remembering();
    world.endpoints.push(evaluate);
    let plan = world.plan(RegistrationMode::Unattended);
    let ids: Vec<_> = plan.steps.iter().map(|step| step.id.as_deref()).collect();
    assert_eq!(ids, [Some("1"), None]);
}
