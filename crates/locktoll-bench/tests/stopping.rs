//! The stopping rules, on simulated trials whose truth is known.

mod common;

use std::sync::atomic::AtomicBool;

use common::{Simulator, any_command, header, nonzero, plan, samples};
use locktoll_bench::plan::{Arm, StopRule};
use locktoll_bench::run::Runner;
use locktoll_bench::samples::{Samples, SamplesWriter, StopReason};
use locktoll_bench::stopping::{outlook, pairs};

fn run(stop: StopRule, max_time_ns: u64, simulator: &Simulator) -> (Samples, StopReason) {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(stop);
    plan.counted = false;
    plan.max_time_ns = max_time_ns;
    let path = folder.path().join("samples.jsonl");
    let mut writer = SamplesWriter::create(&path, header(plan.clone())).unwrap();
    let mut all = samples(plan);
    let runner = Runner {
        launcher: simulator,
        command_line: &any_command,
        interrupted: &AtomicBool::new(false),
    };
    let reason = runner.run(&mut all, &mut writer, &mut |_| {}).unwrap();
    (all, reason)
}

#[test]
fn a_precision_is_reached_and_the_truth_is_inside() {
    let rule = StopRule::Precision {
        half_width: 0.005,
        first_stage: 10,
    };
    let mut covered = 0;
    let runs = 40;
    for seed in 0..runs {
        let (all, reason) = run(rule, 0, &Simulator::new(seed));
        assert_eq!(reason, StopReason::Precision);
        let global = pairs(&all)
            .into_iter()
            .find(|pair| pair.arm == Arm::Bare && pair.threads == Some(nonzero(8)))
            .unwrap();
        let mean = global.log_ratios.iter().sum::<f64>() / global.log_ratios.len() as f64;
        let overhead = 1.0 - mean.exp();
        // Stein: the mean lies within the half-width asked for with at least 95%.
        covered += u32::from((overhead - 0.1).abs() <= 0.005);
    }
    // Of 40 at 95%: fewer than 34 has probability 0.3%, and the seeds are fixed.
    assert!(covered >= 34, "{covered} of {runs}");
}

#[test]
fn a_wider_spread_asks_for_more_blocks() {
    let rule = StopRule::Precision {
        half_width: 0.005,
        first_stage: 10,
    };
    let quiet = run(
        rule,
        0,
        &Simulator {
            noise: 0.002,
            ..Simulator::new(3)
        },
    )
    .0;
    let noisy = run(
        rule,
        0,
        &Simulator {
            noise: 0.02,
            ..Simulator::new(3)
        },
    )
    .0;
    assert_eq!(quiet.complete_blocks(), 10);
    assert!(noisy.complete_blocks() > 40, "{}", noisy.complete_blocks());
}

#[test]
fn a_number_of_blocks_is_kept_exactly() {
    let (all, reason) = run(StopRule::Blocks { blocks: 7 }, 0, &Simulator::new(1));
    assert_eq!((all.complete_blocks(), reason), (7, StopReason::Blocks));
}

#[test]
fn time_ends_a_run_that_precision_would_not() {
    let rule = StopRule::Precision {
        half_width: 1e-6,
        first_stage: 2,
    };
    // Simulated trials last nearly no time: a limit of 1 ns is passed by any two blocks.
    let (all, reason) = run(rule, 1, &Simulator::new(1));
    assert_eq!((all.complete_blocks(), reason), (2, StopReason::Time));
}

#[test]
fn nothing_to_compare_ends_a_run_that_waits_for_precision() {
    let rule = StopRule::Precision {
        half_width: 0.01,
        first_stage: 3,
    };
    let crashing = Simulator {
        crash_share_of_none: 1.0,
        ..Simulator::new(1)
    };
    assert_eq!(run(rule, 0, &crashing).1, StopReason::Hopeless);
}

#[test]
fn a_crash_in_the_first_stage_takes_more_blocks_and_no_false_end() {
    let rule = StopRule::Precision {
        half_width: 0.05,
        first_stage: 6,
    };
    let crashing = Simulator {
        crash_share_of_none: 0.2,
        ..Simulator::new(5)
    };
    let (all, reason) = run(rule, 0, &crashing);
    assert_eq!(reason, StopReason::Precision);
    assert!(all.complete_blocks() > 6);
    for pair in pairs(&all) {
        assert!(pair.log_ratios.len() >= 6, "{pair:?}");
    }
}

#[test]
fn the_widest_interval_names_its_comparison() {
    let (all, _) = run(StopRule::Blocks { blocks: 6 }, 0, &Simulator::new(1));
    let (label, half_width) = outlook(&all).widest.unwrap();
    assert!(
        label.starts_with("A/A at ") || label.starts_with("global at "),
        "{label}"
    );
    assert!(half_width > 0.0 && half_width < 0.1, "{half_width}");
}
