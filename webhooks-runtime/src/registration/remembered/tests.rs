//! Tests what is remembered, and for how long.

use super::server_url::PUBLIC_URL;
use super::*;
use crate::config::addresses::PublicUrl;
use crate::state::{FileState, MemoryState};

#[tokio::test]
async fn a_webhook_is_remembered_until_it_is_forgotten() {
    let state = MemoryState::default();
    assert_eq!(RememberedWebhooks::load(&state).await.unwrap(), RememberedWebhooks::default());
    let webhook = RememberedWebhook::new("1", "/webhooks/x", UrlKind::Tunnel, Some("a"));
    let insert = |all: &mut RememberedWebhooks| all.insert("1", webhook.clone());
    RememberedWebhooks::change(&state, insert).await.unwrap();
    let loaded = RememberedWebhooks::load(&state).await.unwrap();
    assert_eq!(loaded.get("1"), Some(&webhook));
    assert_eq!(loaded.iter().count(), 1);
    assert!(!state.get(WEBHOOKS).await.unwrap().unwrap().contains("\"a\""));
    RememberedWebhooks::change(&state, |all| all.remove("1")).await.unwrap();
    assert_eq!(RememberedWebhooks::load(&state).await.unwrap(), RememberedWebhooks::default());
}

#[test]
fn only_the_secret_that_was_sent_to_this_webhook_is_the_same() {
    let webhook = RememberedWebhook::new("1", "/x", UrlKind::Fixed, Some("hush"));
    assert_eq!(webhook.compare("1", "hush"), SentSecret::Same);
    assert_eq!(webhook.compare("1", "hush2"), SentSecret::Different);
    assert_eq!(webhook.compare("2", "hush"), SentSecret::Different);
    let without = RememberedWebhook::new("1", "/x", UrlKind::Fixed, None);
    assert_eq!(without.compare("1", "hush"), SentSecret::Unknown);
}

#[test]
fn a_suspended_webhook_is_enabled_three_times_a_day_until_a_person_decides() {
    let mut webhooks = RememberedWebhooks::default();
    let start = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let hour = |hours: u32| start + Duration::from_secs(3600) * hours;
    for hours in [0, 5, 10] {
        assert!(webhooks.may_enable("1", hour(hours)));
        webhooks.note_enabled("1", hour(hours));
    }
    assert!(webhooks.may_enable("2", hour(11)));
    assert!(!webhooks.may_enable("1", hour(11)));
    assert!(!webhooks.may_enable("1", hour(23)));
    assert!(webhooks.may_enable("1", hour(24)));
    webhooks.note_enabled("1", hour(24));
    assert!(!webhooks.may_enable("1", hour(25)));
    webhooks.note_person("1");
    assert!(webhooks.may_enable("1", hour(25)));
}

#[tokio::test]
async fn the_last_public_url_is_remembered_with_its_kind() {
    let state = MemoryState::default();
    assert_eq!(ServerUrl::load(&state).await.unwrap(), None);
    let url = PublicUrl::parse("https://x.gradio.live").unwrap();
    let remembered = ServerUrl { url, kind: UrlKind::Tunnel };
    remembered.save(&state).await.unwrap();
    assert_eq!(ServerUrl::load(&state).await.unwrap(), Some(remembered));
}

#[tokio::test]
async fn what_is_not_understood_is_an_error_and_stays_as_it_is() {
    for text in [
        "",
        "{",
        "[]",
        r#"{"version":2}"#,
        r#"{"version":"1"}"#,
        r#"{"webhooks":{"1":{"path":7}}}"#,
        r#"{"webhooks":{"1":{"path":"/x","url_kind":"other"}}}"#,
    ] {
        let (state, new) = (MemoryState::default(), MemoryState::default());
        state.set(WEBHOOKS, text, None).await.unwrap();
        let error = RememberedWebhooks::load(&state).await.unwrap_err();
        assert!(matches!(error, StateError::Unreadable { key: WEBHOOKS, .. }), "{text}: {error}");
        assert!(RememberedWebhooks::change(&state, |all| all.remove("1")).await.is_err(), "{text}");
        assert!(import(&state, &new).await.is_err(), "{text}");
        assert_eq!(state.get(WEBHOOKS).await.unwrap().as_deref(), Some(text));
        assert_eq!(new.get(WEBHOOKS).await.unwrap(), None);
    }
    // The next server stores its own.
    let state = MemoryState::default();
    for text in ["", "{", r#"{"url":"ftp://x","kind":"fixed"}"#] {
        state.set(PUBLIC_URL, text, None).await.unwrap();
        assert_eq!(ServerUrl::load(&state).await.unwrap(), None, "{text}");
    }
}

#[tokio::test]
async fn what_an_earlier_version_has_stored_is_found() {
    let state = MemoryState::default();
    let text = r#"{"webhooks":{"1":{"path":"/webhooks/x","url_kind":"tunnel","secret":"YWJj","paused":true}},"enabled_at":{"1":[1]}}"#;
    state.set(WEBHOOKS, text, None).await.unwrap();
    let webhooks = RememberedWebhooks::load(&state).await.unwrap();
    let webhook = webhooks.get("1").unwrap();
    assert_eq!((&*webhook.path, webhook.url_kind), ("/webhooks/x", UrlKind::Tunnel));
    assert_eq!(
        (webhook.pause(), webhook.compare("1", "a")),
        (PauseMark::Confirmed, SentSecret::Different)
    );
    RememberedWebhooks::change(&state, |all| all.set_pause("1", PauseMark::Asked)).await.unwrap();
    let stored = state.get(WEBHOOKS).await.unwrap().unwrap();
    assert!(stored.contains(r#""version":1"#), "{stored}");
    let webhooks = RememberedWebhooks::load(&state).await.unwrap();
    assert_eq!(webhooks.get("1").unwrap().pause(), PauseMark::Asked);
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values");
    let ids: Vec<_> = (0..8).map(|id| id.to_string()).collect();
    let changes = ids.iter().map(|id| {
        // As in a process of its own.
        let state = FileState::new(file.clone());
        async move {
            let webhook = RememberedWebhook::new(id, "/webhooks/x", UrlKind::Fixed, None);
            RememberedWebhooks::change(&state, |all| all.insert(id, webhook)).await.unwrap();
        }
    });
    futures_util::future::join_all(changes).await;
    let remembered = RememberedWebhooks::load(&FileState::new(file)).await.unwrap();
    assert_eq!(remembered.iter().map(|(id, _)| id).collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn the_first_store_takes_over_what_the_file_remembers_once() {
    let (file, store) = (MemoryState::default(), MemoryState::default());
    let insert = |id: &'static str| {
        move |all: &mut RememberedWebhooks| {
            all.insert(id, RememberedWebhook::new(id, "/webhooks/x", UrlKind::Tunnel, Some("a")));
            all.set_pause(id, PauseMark::Confirmed);
        }
    };
    RememberedWebhooks::change(&file, insert("1")).await.unwrap();
    let url = PublicUrl::parse("https://x.gradio.live").unwrap();
    let url = ServerUrl { url, kind: UrlKind::Tunnel };
    url.save(&file).await.unwrap();
    let before = RememberedWebhooks::load(&file).await.unwrap();

    import(&file, &store).await.unwrap();
    assert_eq!(RememberedWebhooks::load(&store).await.unwrap(), before);
    assert_eq!(ServerUrl::load(&store).await.unwrap(), Some(url));
    // Only one of the two may enable it.
    let left = RememberedWebhooks::load(&file).await.unwrap();
    assert!(left.get("1").is_some_and(|webhook| webhook.pause() == PauseMark::None));

    RememberedWebhooks::change(&store, |all| all.remove("1")).await.unwrap();
    RememberedWebhooks::change(&file, insert("2")).await.unwrap();
    import(&file, &store).await.unwrap();
    assert_eq!(RememberedWebhooks::load(&store).await.unwrap(), RememberedWebhooks::default());
}
