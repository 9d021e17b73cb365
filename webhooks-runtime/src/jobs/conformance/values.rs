//! Tests of the small values in a store: those of every [`SharedState`], and of several replicas.

use super::*;
use crate::state::SharedState;
use crate::state::conformance::{self, StateFixture};

const MINUTE: Duration = Duration::from_secs(60);

/// An open store.
struct Opened(Arc<dyn Store>);

impl StateFixture for Opened {
    fn state(&self) -> &dyn SharedState {
        &*self.0
    }

    fn advance_clock(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.0.advance_clock(time).await.unwrap() })
    }
}

macro_rules! of_every_state {
    ($($name:ident)*) => {$(
        pub(crate) async fn $name(fixture: &dyn Fixture) {
            conformance::$name(&Opened(open(fixture).await)).await;
        }
    )*};
}

of_every_state! {
    a_value_stays_until_it_is_replaced_or_removed
    a_value_expires_after_its_ttl
    a_value_that_is_set_again_gets_the_new_ttl
    keys_and_values_may_be_any_text
    one_holder_at_a_time_has_a_lease
    a_lease_ends_after_its_duration_unless_it_is_renewed
}

pub(crate) async fn values_survive_reopening_and_are_shared_by_replicas(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let other = open(fixture).await;
    store.set("id", "1", None).await.unwrap();
    assert_eq!(other.get("id").await.unwrap().as_deref(), Some("1"));
    other.close().await;
    store.close().await;
    drop((store, other));
    assert_eq!(open(fixture).await.get("id").await.unwrap().as_deref(), Some("1"));
}

pub(crate) async fn replicas_that_want_a_lease_together_do_not_share_it(fixture: &dyn Fixture) {
    let store = open(fixture).await;
    let other = open(fixture).await;
    for round in 0..10 {
        let name = format!("lease {round}");
        let (name, holders) = (&name, [Uuid::new_v4(); 8].map(|_| Uuid::new_v4()));
        let leases = holders.iter().zip([&store, &other].into_iter().cycle());
        let leases = leases.map(|(holder, store)| store.lease(name, *holder, MINUTE));
        let taken = futures_util::future::try_join_all(leases).await.unwrap();
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    }
}
