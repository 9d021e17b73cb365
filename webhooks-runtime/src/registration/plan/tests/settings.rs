//! Tests what a webhook is set to.

use super::*;

#[test]
fn a_new_webhook_has_the_url_the_repos_the_domains_and_the_secret_of_its_endpoint() {
    let plan = World::new().plan(RegistrationMode::Unattended);
    let [PlannedStep { path, id: None, action: StepAction::Create(spec) }] = &plan.steps[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(path, PATH);
    assert_eq!(url_of(spec), format!("{SPACE}{PATH}"));
    assert_eq!((&spec.watched, &spec.domains), (&endpoint().watched, &endpoint().domains));
    assert_eq!(spec.secret.as_deref(), Some("hush"));
    assert!(plan.has_changes() && plan.warnings.is_empty());
}

#[test]
fn watched_repos_and_domains_are_set_to_exactly_those_of_the_endpoint() {
    let world = World::new().remembering().webhook(Webhook {
        watched: items(&["dataset:me/data", "org:acme"]),
        domains: vec!["repo".into(), "discussion".into()],
        ..webhook(SPACE)
    });
    assert_eq!(world.words().0, "update (watched: -org:acme; domains: -discussion)");
    let more = WebhookEndpoint {
        watched: items(&["org:acme", "model:me/tiny", "dataset:me/data"]),
        domains: vec![WebhookDomain::Repo, WebhookDomain::Discussion],
        ..endpoint()
    };
    // The order makes no difference.
    assert_eq!(world.endpoint(more).words().0, "update (watched: +model:me/tiny)");
}

#[test]
fn a_query_that_a_person_added_to_the_url_stays_and_is_not_shown() {
    let url = format!("{SPACE}{PATH}?secret=hush");
    let world = World::new().webhook(Webhook { url: Some(url.clone()), ..webhook(SPACE) });
    let plan = world.plan(RegistrationMode::Sync);
    let StepAction::Update { spec, .. } = &plan.steps[0].action else { panic!("{plan:?}") };
    assert_eq!(url_of(spec), url);
    assert_eq!(world.clone().remembering().words().0, "unchanged");

    let moved = Webhook { url: Some(format!("{OLD_LINK}{PATH}?secret=hush")), ..webhook(SPACE) };
    let moved = World::with_link().webhook(moved).remembering();
    let plan = moved.plan(RegistrationMode::Unattended);
    let StepAction::Update { spec, .. } = &plan.steps[0].action else { panic!("{plan:?}") };
    assert_eq!(url_of(spec), format!("{LINK}{PATH}"));
    assert!(!moved.words().0.contains("hush"));
}

#[test]
fn nothing_about_a_secret_is_shown() {
    let plans = [World::new(), World::new().webhook(webhook(SPACE))];
    for plan in plans.map(|world| world.plan(RegistrationMode::Sync)) {
        assert!(!format!("{plan:?}").contains("hush"));
    }
}

#[test]
fn a_secret_that_the_program_does_not_know_is_never_overwritten() {
    let without = || WebhookEndpoint { secret: None, ..endpoint() };
    let new = || WebhookEndpoint { secret_is_new: true, ..endpoint() };
    for world in
        [World::new().webhook(webhook(SPACE)), World::new().webhook(webhook(SPACE)).remembering()]
    {
        assert_eq!(world.clone().endpoint(new()).words().0, "leave UnknownSecret");
        assert_eq!(world.endpoint(without()).words().1, "unchanged");
    }
    let moved = World::with_link().webhook(webhook(OLD_LINK)).remembering().endpoint(without());
    assert_eq!(moved.words().1, "leave UnknownSecret");
    // A webhook without a secret may get one.
    let open = Webhook { has_secret: false, ..webhook(SPACE) };
    let world = World::new().webhook(open).remembering_with(None);
    assert_eq!(world.clone().endpoint(new()).words().0, "update (secret: added)");
    assert_eq!(world.clone().endpoint(without()).words().1, "unchanged");
    assert_eq!(world.endpoint(without()).words().0, "unchanged");
}

#[test]
fn a_webhook_without_a_secret_can_be_adopted_unchanged() {
    let open = Webhook { has_secret: false, ..webhook(SPACE) };
    let without = WebhookEndpoint { secret: None, ..endpoint() };
    let world = World::new().webhook(open).endpoint(without);
    assert_eq!(world.words(), ("adopt".to_owned(), "unchanged".to_owned()));
}
