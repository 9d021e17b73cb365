//! Tests when a webhook is enabled.

use super::*;

#[test]
fn a_server_enables_a_suspended_webhook_three_times_a_day_and_a_person_always() {
    let suspended = Webhook { state: WebhookState::Suspended, ..webhook(SPACE) };
    for mut world in [
        World::new().webhook(suspended.clone()).remembering(),
        // A Space remembers the count of a webhook that is only its own by its URL.
        World::new().webhook(suspended),
    ] {
        for _ in 0..3 {
            assert_eq!(world.words().1, "enable Suspended");
            world.remembered.note_enabled("1", now() - Duration::from_secs(3600));
        }
        assert_eq!(world.words().1, "leave SuspendedTooOften");
        assert!(world.words().0.contains("enable"));
        world.remembered.note_person("1");
        assert_eq!(world.words().1, "enable Suspended");
    }
}

#[test]
fn an_update_of_a_webhook_that_the_hub_keeps_suspending_waits_for_a_person() {
    let suspended = Webhook { state: WebhookState::Suspended, ..webhook(OLD_LINK) };
    let mut world = World::with_link().webhook(suspended).remembering();
    assert!(world.words().1.starts_with("update, enable (URL:"));
    for _ in 0..3 {
        world.remembered.note_enabled("1", now());
    }
    assert_eq!(world.words().1, "leave SuspendedTooOften");
}

#[test]
fn a_suspended_webhook_that_differs_is_enabled_with_a_warning_if_it_is_not_remembered() {
    let suspended = Webhook {
        state: WebhookState::Suspended,
        watched: items(&["dataset:me/data", "org:acme"]),
        ..webhook(SPACE)
    };
    let plan = World::new().webhook(suspended).plan(RegistrationMode::Unattended);
    assert_eq!(word(&plan.steps[0].action), "enable Suspended");
    let [PlanWarning::Differs { id, changes, .. }] = &plan.warnings[..] else { panic!("{plan:?}") };
    assert_eq!((id.as_str(), changes[0].to_string().as_str()), ("1", "watched: -org:acme"));
}

#[test]
fn a_webhook_that_a_person_enabled_again_no_longer_counts_as_disabled_by_the_program() {
    let world = World::new().webhook(webhook(SPACE)).remembering().paused();
    let plan = world.plan(RegistrationMode::Unattended);
    assert_eq!(plan.resumed, ["1"]);
    assert_eq!(word(&plan.steps[0].action), "unchanged");
    let disabled = Webhook { state: WebhookState::Disabled, ..webhook(SPACE) };
    let world = World::new().webhook(disabled).remembering().paused();
    assert_eq!(world.plan(RegistrationMode::Unattended).resumed, <[&str; 0]>::default());
}

#[test]
fn a_webhook_that_was_perhaps_not_disabled_by_the_program_is_left_to_a_person() {
    let webhook_in = |state| Webhook { state, ..webhook(SPACE) };
    let world = |state| {
        let mut world = World::new().webhook(webhook_in(state)).remembering();
        world.remembered.set_pause("1", PauseMark::Asked);
        world
    };
    let left = "leave PauseUnconfirmed".to_owned();
    assert_eq!(world(WebhookState::Disabled).words(), (left.clone(), left));
    assert_eq!(world(WebhookState::Suspended).words().1, "enable Suspended");
    assert_eq!(world(WebhookState::Enabled).words().1, "unchanged");
    // From now on, it is known again who disables it.
    for (state, resumed) in [
        (WebhookState::Disabled, &[][..]),
        (WebhookState::Suspended, &["1"]),
        (WebhookState::Enabled, &["1"]),
    ] {
        assert_eq!(world(state).plan(RegistrationMode::Unattended).resumed, resumed, "{state}");
    }
}

#[test]
fn every_reason_says_what_to_do() {
    for reason in [
        LeaveReason::DisabledByPerson,
        LeaveReason::SuspendedTooOften,
        LeaveReason::NotRemembered(Vec::new()),
        LeaveReason::UnknownSecret,
        LeaveReason::StartsJob,
        LeaveReason::NoWatch,
        LeaveReason::PauseUnconfirmed,
        LeaveReason::InUse(SPACE.to_owned()),
    ] {
        assert!(reason.to_string().contains("`webhooks "), "{reason}");
    }
}
