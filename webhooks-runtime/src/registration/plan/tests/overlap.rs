//! Tests the warning about another webhook for the same function.

use super::*;

#[test]
fn another_active_webhook_of_the_same_function_is_warned_of() {
    let of_space = Webhook { id: "2".into(), ..webhook(SPACE) };
    let warnings = |other: Webhook| {
        let plan = World::with_link().webhook(other).plan(RegistrationMode::Unattended);
        assert_eq!(word(&plan.steps[0].action), "create");
        plan.warnings
    };
    let [PlanWarning::AlsoWatched { path, id, url, repos }] = &warnings(of_space.clone())[..]
    else {
        panic!("a warning")
    };
    assert_eq!((path.as_str(), id.as_str()), (PATH, "2"));
    assert_eq!(url, &format!("{SPACE}{PATH}"));
    assert_eq!(repos, &items(&["dataset:me/data"]));
    let watching = |repos: &[&str]| Webhook { watched: items(repos), ..of_space.clone() };
    assert_eq!(warnings(watching(&["org:me"])).len(), 1);
    for harmless in [
        watching(&["dataset:me/other", "org:acme", "model:me/data"]),
        Webhook { state: WebhookState::Disabled, ..of_space.clone() },
        Webhook { state: WebhookState::Suspended, ..of_space.clone() },
        Webhook { domains: vec!["discussion".into()], ..of_space.clone() },
        Webhook { url: Some(format!("{SPACE}/webhooks/evaluate")), ..of_space.clone() },
        Webhook { url: None, ..of_space.clone() },
    ] {
        assert_eq!(warnings(harmless), []);
    }
}

#[test]
fn the_webhook_itself_is_never_warned_of() {
    for world in [World::new().remembering(), World::new()] {
        let world = world.webhook(webhook(SPACE));
        assert_eq!(world.plan(RegistrationMode::Sync).warnings, []);
    }
    // Nothing runs twice while the own one is off.
    let disabled = Webhook { state: WebhookState::Disabled, ..webhook(SPACE) };
    let twin = Webhook { id: "2".into(), ..webhook(SPACE) };
    let world = World::new().webhook(disabled).webhook(twin).remembering();
    assert_eq!(world.plan(RegistrationMode::Sync).warnings, []);
}
