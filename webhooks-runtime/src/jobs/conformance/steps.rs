//! The random steps of `interleavings`.

use proptest::prelude::*;

use super::keyed::*;
use super::*;
use crate::endpoint::background::Latest;
use crate::jobs::store::DEFAULT_BODY_LIMIT;
use crate::payload::MergeScope;

/// What happens next. A number selects one of the possible deliveries.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Accept(Vec<(usize, Option<MergeScope>)>),
    /// A delivery arrives with the `Webhook-Id` of another one: of a dead one if there is one.
    Repeat(prop::sample::Index),
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
    CancelAll,
    Rerun(prop::sample::Index),
    Pause(bool),
    /// A replica dies, and the other one recovers its deliveries.
    Lose {
        replica: usize,
    },
    /// So many times [`TICK`] pass.
    Wait(u64),
    Reopen,
}

/// How many seconds pass at once: no sum of the waits below is a multiple of them.
pub(super) const TICK: u64 = 1000;

/// The wait of a lost delivery.
pub(super) const LOST: Transition = Transition::Retry { after: Duration::from_secs(1300) };

/// Makes steps.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let scope = prop_oneof![
        6 => Just(Some(MergeScope::Content)),
        1 => Just(Some(MergeScope::Config)),
        2 => Just(None),
    ];
    let retry = |ticks| Transition::Retry { after: Duration::from_secs(300 + TICK * ticks) };
    let after = Duration::from_secs(500);
    let next = prop_oneof![
        5 => Just(Transition::Done),
        1 => Just(Transition::Retry { after: Duration::ZERO }),
        3 => (0..3_u64).prop_map(retry),
        2 => Just(Transition::Dead),
        2 => Just(Transition::Released),
        2 => Just(Transition::Skipped),
        1 => Just(Transition::Cancelled),
        1 => Just(Transition::Wait { after }),
        1 => Just(Transition::Snooze { after }),
        1 => Just(Transition::CountedSnooze { after }),
    ];
    prop_oneof![
        16 => prop::collection::vec((0..2_usize, scope), 1..3).prop_map(Step::Accept),
        14 => (0..2_usize, 1..4_u32).prop_map(|(replica, slots)| Step::Claim { replica, slots }),
        14 => (any::<prop::sample::Index>(), next).prop_map(|(which, next)| Step::End { which, next }),
        4 => (0..2_usize).prop_map(|replica| Step::Stop { replica }),
        3 => any::<prop::sample::Index>().prop_map(Step::Repeat),
        2 => any::<prop::sample::Index>().prop_map(Step::Cancel),
        1 => Just(Step::CancelAll),
        2 => any::<prop::sample::Index>().prop_map(Step::Rerun),
        3 => Just(Step::Pause(true)),
        4 => Just(Step::Pause(false)),
        2 => (0..2_usize).prop_map(|replica| Step::Lose { replica }),
        5 => (1..4_u64).prop_map(Step::Wait),
        1 => Just(Step::Reopen),
    ]
}

/// Makes policies of keys, and limits of a body. Where deliveries wait for quiet, there is none, so that all of a key wait
/// together.
pub(super) fn policy() -> impl Strategy<Value = (Policy, u64)> {
    let limits = prop_oneof![2 => Just(DEFAULT_BODY_LIMIT), 1 => 100..250_u64];
    let debounced = KEYED.debounce(1_700_000, 3_900_000);
    let kinds = prop_oneof![
        1 => Just((KEYED, DEFAULT_BODY_LIMIT)),
        2 => limits.clone().prop_map(|limit| (LATEST, limit)),
        2 => limits.prop_map(|limit| (KEYED.latest(Latest::Cancel), limit)),
        2 => Just((debounced, DEFAULT_BODY_LIMIT)),
        1 => Just((debounced.latest(Latest::Cancel), DEFAULT_BODY_LIMIT)),
    ];
    (kinds, 1..5_u32)
        .prop_map(|((policy, limit), concurrency)| (policy.concurrency(concurrency), limit))
}
