//! Tests that a server takes no webhook from another one of its program that runs.

use super::*;

const TEAM_A: &str = "https://hooks.example.com/a";
const TEAM_B: &str = "https://hooks.example.com/b";

/// The server of team B, beside that of team A, which has registered the webhook `1`.
fn team_b() -> World {
    World { public_url: TEAM_B, ..World::new() }.webhook(webhook(TEAM_A)).remembering()
}

#[test]
fn a_webhook_of_another_server_is_taken_over_only_if_that_server_does_not_run() {
    for (running, expected) in [
        (vec![], format!("update (URL: {TEAM_A}{PATH} -> {TEAM_B}{PATH})")),
        (vec![SPACE], format!("update (URL: {TEAM_A}{PATH} -> {TEAM_B}{PATH})")),
        (vec![TEAM_A], "create".to_owned()),
    ] {
        let world = World { running, ..team_b() };
        assert_eq!(world.words(), (expected.clone(), expected));
    }
}

#[test]
fn a_plan_names_the_servers_that_must_not_run() {
    let servers = |world: &World| {
        let input = world.input(RegistrationMode::Unattended);
        taken(&plan(&input), &input).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(servers(&team_b()), [TEAM_A]);
    assert_eq!(servers(&World { running: vec![TEAM_A], ..team_b() }), <[&str; 0]>::default());
    // Its own one comes first.
    let own = Webhook { id: "2".into(), ..webhook(TEAM_B) };
    let mut world = team_b().webhook(own);
    let remembered = RememberedWebhook::new("2", PATH, UrlKind::Fixed, Some("hush"));
    world.remembered.insert("2", remembered);
    assert_eq!(servers(&world), <[&str; 0]>::default());
    assert_eq!(world.words().1, "unchanged");
    // A decision of a person about a webhook of the other team is none about this one.
    let disabled = Webhook { state: WebhookState::Disabled, ..webhook(TEAM_A) };
    let world = World { account: vec![disabled], ..team_b() };
    assert_eq!(servers(&world), [TEAM_A]);
    assert_eq!(World { running: vec![TEAM_A], ..world }.words().1, "create");
    // The same address in other words.
    let same = webhook("https://HOOKS.example.com:443/b");
    assert_eq!(servers(&World { account: vec![same], ..team_b() }), <[&str; 0]>::default());
}

#[test]
fn a_webhook_that_stays_at_another_server_is_reported_with_what_to_do() {
    let world = World { running: vec![TEAM_A], ..team_b() };
    let warnings = world.plan(RegistrationMode::Unattended).warnings;
    let of_other: Vec<_> = warnings
        .iter()
        .filter(|warning| matches!(warning, PlanWarning::OfOtherServer { .. }))
        .map(ToString::to_string)
        .collect();
    let [text] = &of_other[..] else { panic!("{warnings:?}") };
    assert!(text.contains(TEAM_A) && text.contains("`webhooks remove 1`"), "{text}");
    assert_eq!(team_b().plan(RegistrationMode::Unattended).warnings, []);
}

#[test]
fn the_webhook_of_a_link_that_works_elsewhere_waits() {
    let world = World::with_link().webhook(webhook(OLD_LINK)).remembering();
    let world = World { running: vec![OLD_LINK], ..world };
    let left = format!("leave InUse({OLD_LINK:?})");
    assert_eq!(world.words(), (left.clone(), left));
    assert_eq!(world.plan(RegistrationMode::Unattended).warnings, []);
}

#[test]
fn the_endpoints_of_another_server_are_not_reported_as_missing() {
    let renamed = WebhookEndpoint { path: "/webhooks/renamed".into(), ..endpoint() };
    let plan = team_b().endpoint(renamed).plan(RegistrationMode::Unattended);
    let words: Vec<_> = plan.steps.iter().map(|step| word(&step.action)).collect();
    assert_eq!(words, ["create"]);
}
