//! Compares the stores with `model` in random interleavings of everything that happens to deliveries with keys.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::case::Case;
use super::steps::{Step, policy, step};
use super::*;

/// How often a case that fails is made smaller and run again, at most.
const MAX_SHRINK_RUNS: u32 = 300;

pub(crate) async fn random_interleavings_agree_with_the_model(fixture: &dyn Fixture) {
    let mut runner = TestRunner::default();
    let cases = (policy(), vec(step(), 10..120));
    let mut number = 0;
    // 43 by default: each step syncs the disk.
    for _ in 0..runner.config().cases.div_ceil(6) {
        let mut tree = cases.new_tree(&mut runner).unwrap();
        let mut smallest = None;
        for _ in 0..MAX_SHRINK_RUNS {
            number += 1;
            let case = tree.current();
            let ended = AssertUnwindSafe(run_case(fixture, number, &case)).catch_unwind().await;
            let goes_on = match (ended, &smallest) {
                (Ok(()), None) => break,
                (Ok(()), Some(_)) => tree.complicate(),
                (Err(_), _) => {
                    smallest = Some(case);
                    tree.simplify()
                }
            };
            if !goes_on {
                break;
            }
        }
        assert!(smallest.is_none(), "{:#?}", smallest.unwrap());
    }
}

/// Runs a case with an endpoint of its own: another case may have left deliveries in the store.
async fn run_case(
    fixture: &dyn Fixture,
    number: u32,
    ((policy, body_limit), steps): &((Policy, u64), Vec<Step>),
) {
    let mut case = Case::open(fixture, number, *policy, *body_limit).await;
    let store = Arc::clone(&case.store);
    let ended = async {
        for step in steps {
            case.step(step).await;
            case.compare().await;
        }
        case.finish().await;
    };
    let ended = AssertUnwindSafe(ended).catch_unwind().await;
    case.store.close().await;
    drop(store);
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}
