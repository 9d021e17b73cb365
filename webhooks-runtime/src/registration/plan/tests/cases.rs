//! Tests what is done with one webhook, by a person and by a server.

use super::*;

const UNKNOWN: &str = "secret: sent again, because it is not known which one was sent last";

#[test]
fn each_case_has_its_action_for_a_person_and_for_a_server() {
    let suspended = || Webhook { state: WebhookState::Suspended, ..webhook(SPACE) };
    let disabled = || Webhook { state: WebhookState::Disabled, ..webhook(SPACE) };
    let other_repo = || Webhook { watched: items(&["model:me/tiny"]), ..webhook(SPACE) };
    let changed_repo = "watched: +dataset:me/data, -model:me/tiny";
    let without_secret = || Webhook { has_secret: false, ..webhook(SPACE) };
    let job = || Webhook { url: None, ..webhook(SPACE) };
    let others = || Webhook { url: Some("https://other.example/hook".into()), ..webhook(SPACE) };
    let of_other_bot = || Webhook {
        url: Some(format!("{SPACE}/other/webhooks/retrain")),
        state: WebhookState::Suspended,
        ..webhook(SPACE)
    };
    let of_another_secret = || World::new().webhook(webhook(SPACE)).remembering_with(Some("old"));
    for (name, world, sync, unattended) in [
        ("an empty account", World::new(), "create".to_owned(), "create".to_owned()),
        (
            "ours by id",
            World::new().webhook(webhook(SPACE)).remembering(),
            "unchanged".into(),
            "unchanged".into(),
        ),
        (
            "ours by URL",
            World::new().webhook(webhook(SPACE)),
            format!("adopt, update ({UNKNOWN})"),
            "unchanged".into(),
        ),
        (
            "ours by id, at another URL",
            World::with_link().webhook(webhook(OLD_LINK)).remembering(),
            format!("update (URL: {OLD_LINK}{PATH} -> {LINK}{PATH})"),
            format!("update (URL: {OLD_LINK}{PATH} -> {LINK}{PATH})"),
        ),
        (
            "ours by id, watching another repo",
            World::new().webhook(other_repo()).remembering(),
            format!("update ({changed_repo})"),
            format!("update ({changed_repo})"),
        ),
        (
            "ours by URL, watching another repo",
            World::new().webhook(other_repo()),
            format!("adopt, update ({changed_repo}; {UNKNOWN})"),
            format!("leave NotRemembered ({changed_repo})"),
        ),
        (
            "ours by id, with another secret",
            of_another_secret(),
            "update (secret: replaced)".into(),
            "update (secret: replaced)".into(),
        ),
        (
            "ours by id, with an unknown secret",
            World::new().webhook(webhook(SPACE)).remembering_with(None),
            format!("update ({UNKNOWN})"),
            format!("update ({UNKNOWN})"),
        ),
        (
            "ours by id, without a secret",
            World::new().webhook(without_secret()).remembering(),
            "update (secret: added)".into(),
            "update (secret: added)".into(),
        ),
        (
            "ours by URL, without a secret",
            World::new().webhook(without_secret()),
            "adopt, update (secret: added)".into(),
            "leave NotRemembered (secret: added)".into(),
        ),
        (
            "suspended, ours by id",
            World::new().webhook(suspended()).remembering(),
            "enable Suspended".into(),
            "enable Suspended".into(),
        ),
        (
            "suspended, ours by URL",
            World::new().webhook(suspended()),
            format!("adopt, update, enable ({UNKNOWN})"),
            "enable Suspended".into(),
        ),
        (
            "disabled by a person, ours by id",
            World::new().webhook(disabled()).remembering(),
            "leave DisabledByPerson".into(),
            "leave DisabledByPerson".into(),
        ),
        (
            "disabled by a person, ours by URL",
            World::new().webhook(disabled()),
            "leave DisabledByPerson".into(),
            "leave DisabledByPerson".into(),
        ),
        (
            "disabled by a person, with differences",
            World::new()
                .webhook(Webhook { state: WebhookState::Disabled, ..other_repo() })
                .remembering(),
            "leave DisabledByPerson".into(),
            "leave DisabledByPerson".into(),
        ),
        (
            "disabled by this program",
            World::new().webhook(disabled()).remembering().paused(),
            "unchanged, paused".into(),
            "enable Paused".into(),
        ),
        (
            "disabled by this program, with differences",
            World::new()
                .webhook(Webhook { state: WebhookState::Disabled, ..other_repo() })
                .remembering()
                .paused(),
            format!("update ({changed_repo})"),
            format!("update, enable ({changed_repo})"),
        ),
        (
            "ours by id, but a Job now",
            World::new().webhook(job()).remembering(),
            "leave StartsJob".into(),
            "leave StartsJob".into(),
        ),
        ("a Job", World::new().webhook(job()), "create".into(), "create".into()),
        ("somebody else's", World::new().webhook(others()), "create".into(), "create".into()),
        (
            "of another bot behind the host",
            World::new().webhook(of_other_bot()),
            "create".into(),
            "create".into(),
        ),
    ] {
        assert_eq!(world.words(), (sync, unattended), "{name}");
    }
}
