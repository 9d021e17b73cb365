//! Tests every implementation of [`SharedState`] against its promises.
//!
//! `conformance!` instantiates all tests for one implementation, which a [`StateFixture`] provides.

use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::SharedState;

/// A state without values.
pub(crate) trait StateFixture: Send + Sync {
    fn state(&self) -> &dyn SharedState;

    /// Moves the clock forward by making everything older.
    fn advance_clock(&self, time: Duration) -> BoxFuture<'_, ()>;
}

/// A test of a state.
pub(crate) type StateBehavior = for<'a> fn(&'a dyn StateFixture) -> BoxFuture<'a, ()>;

/// Defines all tests: `conformance!(run)` takes a `fn run(Behavior)` that calls the test with a new fixture.
/// Attributes for the tests may follow. `@values` leaves out those of leases that end with time.
macro_rules! conformance {
    ($run:path $(, #[$attribute:meta])*) => {
        crate::state::conformance::conformance! { @values $run $(, #[$attribute])* }
        crate::state::conformance::conformance! { @tests $run, [$(#[$attribute])*]
            one_holder_at_a_time_has_a_lease
            a_lease_ends_after_its_duration_unless_it_is_renewed
        }
    };
    (@values $run:path $(, #[$attribute:meta])*) => {
        crate::state::conformance::conformance! { @tests $run, [$(#[$attribute])*]
            a_value_stays_until_it_is_replaced_or_removed
            a_value_expires_after_its_ttl
            a_value_that_is_set_again_gets_the_new_ttl
            the_last_characters_that_were_appended_are_kept
            a_value_that_has_expired_is_not_appended_to
            keys_and_values_may_be_any_text
        }
    };
    (@tests $run:path, $attributes:tt $($name:ident)*) => {
        $(crate::state::conformance::conformance! { @test $run, $attributes $name })*
    };
    (@test $run:path, [$($attribute:tt)*] $name:ident) => {
        #[test]
        $($attribute)*
        fn $name() {
            $run(|fixture| Box::pin(crate::state::conformance::$name(fixture)));
        }
    };
}
pub(crate) use conformance;

/// Runs a test in a runtime of its own.
pub(crate) fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

const MINUTE: Duration = Duration::from_secs(60);

async fn get(fixture: &dyn StateFixture, key: &str) -> Option<String> {
    fixture.state().get(key).await.unwrap()
}

async fn set(fixture: &dyn StateFixture, key: &str, value: &str, ttl: Option<Duration>) {
    fixture.state().set(key, value, ttl).await.unwrap();
}

pub(crate) async fn a_value_stays_until_it_is_replaced_or_removed(fixture: &dyn StateFixture) {
    assert_eq!(get(fixture, "id").await, None);
    set(fixture, "id", "1", None).await;
    set(fixture, "other", "2", None).await;
    fixture.advance_clock(MINUTE * 1_000_000).await;
    assert_eq!(get(fixture, "id").await.as_deref(), Some("1"));
    set(fixture, "id", "3", None).await;
    assert_eq!(get(fixture, "id").await.as_deref(), Some("3"));
    fixture.state().remove("id").await.unwrap();
    assert_eq!(get(fixture, "id").await, None);
    fixture.state().remove("id").await.unwrap();
    assert_eq!(get(fixture, "other").await.as_deref(), Some("2"));
}

pub(crate) async fn a_value_expires_after_its_ttl(fixture: &dyn StateFixture) {
    set(fixture, "commit", "1", Some(MINUTE)).await;
    set(fixture, "id", "2", None).await;
    fixture.advance_clock(MINUTE / 2).await;
    assert_eq!(get(fixture, "commit").await.as_deref(), Some("1"));
    fixture.advance_clock(MINUTE / 2).await;
    assert_eq!(get(fixture, "commit").await, None);
    // Setting a value removes those that have expired.
    set(fixture, "another", "3", Some(MINUTE)).await;
    for (key, value) in [("commit", None), ("id", Some("2")), ("another", Some("3"))] {
        assert_eq!(get(fixture, key).await.as_deref(), value, "{key}");
    }
}

pub(crate) async fn a_value_that_is_set_again_gets_the_new_ttl(fixture: &dyn StateFixture) {
    set(fixture, "longer", "1", Some(MINUTE)).await;
    set(fixture, "shorter", "1", None).await;
    set(fixture, "longer", "2", Some(MINUTE * 3)).await;
    set(fixture, "shorter", "2", Some(MINUTE)).await;
    fixture.advance_clock(MINUTE * 2).await;
    assert_eq!(get(fixture, "longer").await.as_deref(), Some("2"));
    assert_eq!(get(fixture, "shorter").await, None);
    set(fixture, "longer", "3", None).await;
    fixture.advance_clock(MINUTE * 2).await;
    assert_eq!(get(fixture, "longer").await.as_deref(), Some("3"));
}

async fn append(fixture: &dyn StateFixture, text: &str, most: usize) {
    fixture.state().append("log", text, most, MINUTE).await.unwrap();
}

pub(crate) async fn the_last_characters_that_were_appended_are_kept(fixture: &dyn StateFixture) {
    for (text, most, expected) in [
        ("12345", 4, "2345"),
        ("", 4, "2345"),
        ("모델", 4, "45모델"),
        ("🤗", 100, "45모델🤗"),
        ("🤗a", 2, "🤗a"),
        ("b", 0, ""),
    ] {
        append(fixture, text, most).await;
        assert_eq!(get(fixture, "log").await.as_deref(), Some(expected), "{text} {most}");
    }
    // All that is appended at the same time.
    let many = (0..20).map(|_| append(fixture, "x", 100));
    futures_util::future::join_all(many).await;
    assert_eq!(get(fixture, "log").await.unwrap(), "x".repeat(20));
}

pub(crate) async fn a_value_that_has_expired_is_not_appended_to(fixture: &dyn StateFixture) {
    append(fixture, "a", 10).await;
    fixture.advance_clock(MINUTE / 2).await;
    append(fixture, "b", 10).await;
    fixture.advance_clock(MINUTE * 3 / 4).await;
    assert_eq!(get(fixture, "log").await.as_deref(), Some("ab"));
    fixture.advance_clock(MINUTE / 4).await;
    append(fixture, "c", 10).await;
    assert_eq!(get(fixture, "log").await.as_deref(), Some("c"));
}

pub(crate) async fn keys_and_values_may_be_any_text(fixture: &dyn StateFixture) {
    let large = "x".repeat(100_000);
    for text in ["", "'; DROP TABLE \"values\"; --", "{\"a\": [1]}\n", "모델 🤗", &large] {
        set(fixture, "any", text, None).await;
        assert_eq!(get(fixture, "any").await.as_deref(), Some(text));
        set(fixture, &text[..text.len().min(1000)], "key", None).await;
    }
    for key in ["", "모델 🤗"] {
        assert_eq!(get(fixture, key).await.as_deref(), Some("key"));
    }
}

pub(crate) async fn one_holder_at_a_time_has_a_lease(fixture: &dyn StateFixture) {
    let (state, me, you) = (fixture.state(), Uuid::new_v4(), Uuid::new_v4());
    assert!(state.lease("register", me, MINUTE).await.unwrap());
    assert!(!state.lease("register", you, MINUTE).await.unwrap());
    assert!(state.lease("another", you, MINUTE).await.unwrap());
    state.release("register", you).await.unwrap();
    assert!(!state.lease("register", you, MINUTE).await.unwrap());
    state.release("register", me).await.unwrap();
    assert!(state.lease("register", you, MINUTE).await.unwrap());
    assert!(!state.lease("register", me, MINUTE).await.unwrap());
}

pub(crate) async fn a_lease_ends_after_its_duration_unless_it_is_renewed(
    fixture: &dyn StateFixture,
) {
    let (state, me, you) = (fixture.state(), Uuid::new_v4(), Uuid::new_v4());
    assert!(state.lease("register", me, MINUTE).await.unwrap());
    fixture.advance_clock(MINUTE / 2).await;
    assert!(state.lease("register", me, MINUTE).await.unwrap());
    fixture.advance_clock(MINUTE / 2).await;
    assert!(!state.lease("register", you, MINUTE).await.unwrap());
    fixture.advance_clock(MINUTE / 2).await;
    assert!(state.lease("register", you, MINUTE).await.unwrap());
    assert!(!state.lease("register", me, MINUTE).await.unwrap());
}
