//! The plan's order is random, balanced and reproducible; its checks name what is wrong.

mod common;

use std::collections::HashSet;

use common::{encoders, lock, nonzero, plan};
use locktoll_bench::plan::{Arm, StopRule};
use proptest::prelude::*;

const BLOCKS: StopRule = StopRule::Blocks { blocks: 5 };

#[test]
fn a_block_holds_every_cell_once() {
    let cells = plan(BLOCKS).cells();
    // For each of 2 thread counts: none, global, the baseline again, global counted.
    assert_eq!(cells.len(), 8);
    assert_eq!(cells.iter().collect::<HashSet<_>>().len(), 8);
    let again = cells.iter().filter(|cell| cell.arm == Arm::AA);
    assert!(
        again.clone().count() == 2 && again.into_iter().all(|c| c.config.to_string() == "none")
    );
    let counted: Vec<_> = cells
        .iter()
        .filter(|cell| cell.arm == Arm::Counted)
        .collect();
    assert!(counted.len() == 2 && counted.iter().all(|c| c.config.to_string() == "global"));
}

#[test]
fn every_slot_comes_first_about_equally_often() {
    let plan = plan(BLOCKS);
    let mut first = [0_u32; 8];
    for block in 0..8_000 {
        first[plan.order(block, 8)[0]] += 1;
    }
    // Binomial(8000, 1/8): mean 1,000, standard deviation 29.6; 5 of them is 1 in a million.
    assert!(
        first.iter().all(|&count| (850..1150).contains(&count)),
        "{first:?}"
    );
}

#[test]
fn bad_plans_are_refused_by_name() {
    let mut foreign = plan(BLOCKS);
    foreign.baseline = lock("throttle:2");
    assert!(
        foreign
            .check()
            .unwrap_err()
            .to_string()
            .contains("throttle:2")
    );
    let mut crowd = plan(BLOCKS);
    crowd.threads = vec![nonzero(5000)];
    assert!(crowd.check().unwrap_err().to_string().contains("5000"));
    let mut uneven = plan(BLOCKS);
    encoders(&mut uneven).workload.threads_per_encoder = 3;
    assert!(
        uneven
            .check()
            .unwrap_err()
            .to_string()
            .contains("groups of 3")
    );
    assert!(plan(StopRule::Blocks { blocks: 0 }).check().is_err());
    assert!(
        plan(StopRule::Precision {
            half_width: 0.0,
            first_stage: 10
        })
        .check()
        .is_err()
    );
    assert!(
        plan(StopRule::Precision {
            half_width: 0.01,
            first_stage: 1
        })
        .check()
        .is_err()
    );
    assert!(
        plan(StopRule::Precision {
            half_width: f64::NAN,
            first_stage: 10
        })
        .check()
        .is_err()
    );
    plan(BLOCKS).check().unwrap();
}

proptest! {
    #[test]
    fn an_order_is_a_permutation_that_seed_and_block_fix(seed: u64, block: u64, slots in 1_usize..40) {
        let mut plan = plan(BLOCKS);
        plan.seed = seed;
        let order = plan.order(block, slots);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..slots).collect::<Vec<_>>());
        prop_assert_eq!(order, plan.order(block, slots));
    }

    #[test]
    fn a_plan_survives_the_samples_file(seed: u64, margin in 0.001_f64..0.5) {
        let mut plan = plan(BLOCKS);
        plan.seed = seed;
        plan.margin = margin;
        let text = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<locktoll_bench::plan::Plan>(&text).unwrap(), plan);
    }
}
