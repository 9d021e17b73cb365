//! Tests what is remembered, and for how long.

use super::*;
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
async fn what_is_not_understood_counts_as_nothing() {
    let state = MemoryState::default();
    for text in
        ["", "{", "[]", r#"{"webhooks":{"1":{"path":7}}}"#, r#"{"url":"ftp://x","kind":"fixed"}"#]
    {
        state.set(WEBHOOKS, text, None).await.unwrap();
        state.set(PUBLIC_URL, text, None).await.unwrap();
        assert_eq!(RememberedWebhooks::load(&state).await.unwrap().iter().count(), 0, "{text}");
        assert_eq!(ServerUrl::load(&state).await.unwrap(), None, "{text}");
    }
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
            all.set_paused(id, true);
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
    assert!(left.get("1").is_some_and(|webhook| !webhook.paused));

    RememberedWebhooks::change(&store, |all| all.remove("1")).await.unwrap();
    RememberedWebhooks::change(&file, insert("2")).await.unwrap();
    import(&file, &store).await.unwrap();
    assert_eq!(RememberedWebhooks::load(&store).await.unwrap(), RememberedWebhooks::default());
}
