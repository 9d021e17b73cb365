//! The random steps of `interleavings`.

use proptest::prelude::*;

use super::keyed::*;
use super::*;
use crate::endpoint::background::Latest;
use crate::payload::MergeScope;

/// What happens next. A number selects one of the possible deliveries.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Accept(Vec<(usize, Option<MergeScope>)>),
    Claim {
        replica: usize,
        slots: u32,
    },
    End {
        which: prop::sample::Index,
        next: Transition,
    },
    /// Stops the deliveries that the store tells a replica to stop.
    Stop {
        replica: usize,
    },
    Cancel(prop::sample::Index),
    Rerun(prop::sample::Index),
    Pause(bool),
    /// A replica dies, and the other one recovers its deliveries.
    Lose {
        replica: usize,
    },
    Wait(u64),
    Reopen,
}

/// Makes steps.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let scope = prop_oneof![
        6 => Just(Some(MergeScope::Content)),
        1 => Just(Some(MergeScope::Config)),
        2 => Just(None),
    ];
    let second = Duration::from_secs(1);
    let next = prop_oneof![
        6 => Just(Transition::Done),
        3 => (0..60_u32).prop_map(move |seconds| Transition::Retry { after: second * seconds }),
        1 => Just(Transition::Dead),
        2 => Just(Transition::Released),
        1 => Just(Transition::Wait { after: second * 5 }),
        1 => Just(Transition::Snooze { after: second * 5 }),
    ];
    prop_oneof![
        8 => prop::collection::vec((0..3_usize, scope), 1..4).prop_map(Step::Accept),
        6 => (0..2_usize, 1..4_u32).prop_map(|(replica, slots)| Step::Claim { replica, slots }),
        6 => (any::<prop::sample::Index>(), next).prop_map(|(which, next)| Step::End { which, next }),
        2 => (0..2_usize).prop_map(|replica| Step::Stop { replica }),
        1 => any::<prop::sample::Index>().prop_map(Step::Cancel),
        1 => any::<prop::sample::Index>().prop_map(Step::Rerun),
        1 => any::<bool>().prop_map(Step::Pause),
        1 => (0..2_usize).prop_map(|replica| Step::Lose { replica }),
        3 => (1..100_u64).prop_map(Step::Wait),
        1 => Just(Step::Reopen),
    ]
}

/// Makes policies of keys.
pub(super) fn policy() -> impl Strategy<Value = Policy> {
    let kinds = [KEYED, LATEST, KEYED.latest(Latest::Cancel), KEYED.debounce(30_000, 90_000)];
    (prop::sample::select(kinds.to_vec()), 1..5_u32)
        .prop_map(|(policy, concurrency)| policy.concurrency(concurrency))
}
