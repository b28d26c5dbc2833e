//! Intervals and verdicts against simulated truth: the `coverage` example in small.
//!
//! Seeds are fixed, so each share is one number and cannot flicker. The bounds are four
//! Monte-Carlo standard errors wide, and yet narrow enough that the usual slips fall outside:
//! a normal quantile in place of t covers 88% at n = 5, a variance with divisor n covers 93%,
//! pooling pairs as if independent covers over 99%.

use locktoll_stats::fieller::Fieller;
use locktoll_stats::paired::PairedLogRatio;
use locktoll_stats::planning::{BlockSpread, Target, blocks_to_settle};
use locktoll_stats::proportion::Proportion;
use locktoll_stats::simulate::{Disturbance, Machine, Order, normal, replicate};
use locktoll_stats::stopping::{TwoStage, confidence_sequence, stein_blocks};
use locktoll_stats::tost::{Tost, log_bounds};
use locktoll_stats::{
    Bounds, Design, Policy, Summary, Verdict, compare, decide, hierarchical, student,
};

const SEED: u64 = 20_261_122;
const RATIO: f64 = 0.97;
const NORMAL: Machine = Machine {
    disturbance: Disturbance::Normal,
    trial_sd: 0.01,
    block_sd: 0.02,
};

fn share(hits: &[bool]) -> f64 {
    hits.iter().filter(|&&hit| hit).count() as f64 / hits.len() as f64
}

/// The share of hits must be `expected` within four standard errors of the simulation.
#[track_caller]
fn share_is(hits: &[bool], expected: f64) {
    let got = share(hits);
    let four_se = 4.0 * (expected * (1.0 - expected) / hits.len() as f64).sqrt();
    assert!(
        (got - expected).abs() < four_se,
        "{got} is not {expected} ± {four_se}"
    );
}

fn paired_holds(series: &[Vec<f64>]) -> bool {
    PairedLogRatio::compute(&series[0], &series[1], 0.95)
        .expect("valid")
        .overhead_ci
        .contains(1.0 - RATIO)
}

fn fieller_holds(series: &[Vec<f64>]) -> bool {
    let fieller = Fieller::unpaired(&series[0], &series[1], 0.95).expect("valid");
    fieller
        .overhead_ci
        .interval()
        .is_none_or(|ci| ci.contains(1.0 - RATIO))
}

#[test]
fn paired_intervals_hold_the_truth_in_blocks() {
    for blocks in [5, 10, 20] {
        let hits = replicate(10_000, SEED, |rng| {
            paired_holds(&NORMAL.run(Order::RandomisedBlocks, blocks, &[1.0, RATIO], rng))
        });
        share_is(&hits, 0.95);
    }
}

/// Satterthwaite's approximation is on the safe side at n = 5, so the bar is a range.
#[test]
fn fieller_intervals_hold_the_truth_in_random_order() {
    for blocks in [5, 10, 20] {
        let hits = replicate(10_000, SEED, |rng| {
            fieller_holds(&NORMAL.run(Order::FullyRandom, blocks, &[1.0, RATIO], rng))
        });
        let got = share(&hits);
        assert!((0.942..0.965).contains(&got), "{blocks} blocks: {got}");
    }
}

/// Random order inside blocks is what protects from drift; the same data in sequence do not hold.
#[test]
fn blocks_protect_from_drift_and_sequence_does_not() {
    let machine = Machine {
        disturbance: Disturbance::Drift,
        ..NORMAL
    };
    let blocked = replicate(10_000, SEED, |rng| {
        paired_holds(&machine.run(Order::RandomisedBlocks, 10, &[1.0, RATIO], rng))
    });
    share_is(&blocked, 0.95);
    let sequential = replicate(2_000, SEED, |rng| {
        fieller_holds(&machine.run(Order::Sequential, 10, &[1.0, RATIO], rng))
    });
    assert!(share(&sequential) < 0.6, "{}", share(&sequential));
}

#[test]
fn stein_keeps_its_coverage_and_looking_does_not() {
    for first_stage in [5, 10] {
        let hits = replicate(10_000, SEED, |rng| {
            let mut d: Vec<f64> = (0..first_stage).map(|_| 0.01 * normal(rng)).collect();
            let total = stein_blocks(&d, 0.005, 0.95).expect("valid");
            d.extend((first_stage as u64..total).map(|_| 0.01 * normal(rng)));
            let result = TwoStage::compute(&d, first_stage, 0.95).expect("valid");
            // Stein's promise is about width as well.
            assert!(result.mean.abs().is_finite() && log_half_width(&result) <= 0.005);
            result.overhead_ci.contains(0.0)
        });
        share_is(&hits, 0.95);
    }
    let naive = replicate(10_000, SEED, |rng| {
        let mut d: Vec<f64> = (0..5).map(|_| normal(rng)).collect();
        loop {
            let ci = Summary::compute(&d, 0.95)
                .expect("valid")
                .ci
                .expect("five values");
            if ci.half_width() <= 0.5 {
                return ci.contains(0.0);
            }
            d.push(normal(rng));
        }
    });
    assert!(share(&naive) < 0.935, "{}", share(&naive));
}

fn log_half_width(result: &TwoStage) -> f64 {
    ((1.0 - result.overhead_ci.lo).ln() - (1.0 - result.overhead_ci.hi).ln()) / 2.0
}

/// Ville's inequality bounds the error over all n at once; over 100 it uses most of it.
#[test]
fn a_confidence_sequence_holds_at_every_look() {
    let hits = replicate(3_000, SEED, |rng| {
        let mut values = vec![normal(rng)];
        (2..=100).all(|_| {
            values.push(normal(rng));
            match confidence_sequence(&values, 0.95).expect("valid") {
                Bounds::Bounded(ci) => ci.contains(0.0),
                Bounds::Unbounded => true,
            }
        })
    });
    let got = share(&hits);
    assert!((0.95..0.985).contains(&got), "{got}");
}

/// Verdicts of four comparisons with one baseline, `ratio` being the truth of each.
fn verdicts(blocks: usize, ratio: f64, runs: usize) -> Vec<Vec<Verdict>> {
    let machine = Machine {
        trial_sd: 0.005,
        ..NORMAL
    };
    let policy = Policy::default();
    replicate(runs, SEED, |rng| {
        let arms = [1.0, ratio, ratio, ratio, ratio];
        let series = machine.run(Order::RandomisedBlocks, blocks, &arms, rng);
        let comparisons: Vec<_> = series[1..]
            .iter()
            .map(|test| compare(&series[0], test, Design::Paired, &policy).expect("valid"))
            .collect();
        decide(&comparisons, &policy)
            .iter()
            .map(|d| d.verdict)
            .collect()
    })
}

/// A/A: a difference is announced in at most 5% of *runs*, though each makes four comparisons.
#[test]
fn equal_arms_are_free_or_unresolved() {
    let runs = verdicts(5, 1.0, 2_000);
    let wrong = |v: &Verdict| !matches!(v, Verdict::Free | Verdict::Unresolved);
    let any: Vec<bool> = runs.iter().map(|run| run.iter().any(wrong)).collect();
    assert!(share(&any) < 0.05, "{}", share(&any));
    assert!(
        share(&any) > 0.01,
        "Holm should not be far below its level: {}",
        share(&any)
    );
}

/// An overhead of exactly the margin is called inside it in at most 5% of comparisons.
#[test]
fn the_margin_itself_is_not_inside_the_margin() {
    let inside: Vec<bool> = verdicts(5, 0.99, 2_000)
        .iter()
        .flatten()
        .map(|v| matches!(v, Verdict::Free | Verdict::Negligible))
        .collect();
    // Four comparisons of a run share a baseline, so the spread is that of 2,000, not of 8,000.
    let got = share(&inside);
    assert!((0.03..0.07).contains(&got), "{got}");
}

/// The number of blocks promised for 80% does give about 80%, for both ways of settling.
#[test]
fn planned_blocks_settle_as_often_as_promised() {
    let target = Target {
        margin: 0.01,
        alpha_difference: 0.05,
        alpha_equivalence: 0.05,
        power: 0.8,
    };
    for log_ratio in [-0.03, 0.0, 0.004] {
        let spread = BlockSpread {
            log_ratio,
            sd_log: 0.02,
            df_per_block: 1.0,
        };
        let n = blocks_to_settle(&spread, &target)
            .expect("valid")
            .expect("finite");
        let settled = replicate(4_000, SEED, |rng| {
            let d: Vec<f64> = (0..n).map(|_| log_ratio + 0.02 * normal(rng)).collect();
            let s = Summary::compute(&d, 0.95).expect("valid");
            let mean = student::Studentized {
                estimate: s.mean,
                se: s.se.expect("se"),
                df: n as f64 - 1.0,
            };
            let equivalent = Tost::of(&mean, log_bounds(0.01).expect("valid")).p < 0.05;
            mean.p_two_sided(0.0) < 0.05 || equivalent
        });
        let got = share(&settled);
        assert!(
            (0.77..0.88).contains(&got),
            "{log_ratio}: {n} blocks settle {got}"
        );
    }
}

/// Pooling iterations as if they were independent is the classical slip; the process is the unit.
#[test]
fn hierarchical_intervals_hold_where_pooled_ones_do_not() {
    let results = replicate(5_000, SEED, |rng| {
        let samples: Vec<Vec<f64>> = (0..6)
            .map(|_| {
                let process = 100.0 + 2.0 * normal(rng);
                (0..10).map(|_| process + normal(rng)).collect()
            })
            .collect();
        let estimate = hierarchical::Estimate::compute(&samples, 0.95).expect("valid");
        let pooled = Summary::compute(&samples.concat(), 0.95).expect("valid");
        (
            estimate.ci.contains(100.0),
            pooled.ci.expect("ci").contains(100.0),
        )
    });
    share_is(&results.iter().map(|r| r.0).collect::<Vec<_>>(), 0.95);
    let pooled = share(&results.iter().map(|r| r.1).collect::<Vec<_>>());
    assert!(pooled < 0.7, "{pooled}");
}

/// Clopper–Pearson never covers less than promised; the sum over all outcomes is exact.
#[test]
fn clopper_pearson_covers_at_every_true_share() {
    let trials = 20_u64;
    let intervals: Vec<_> = (0..=trials)
        .map(|k| {
            Proportion::new(k, trials)
                .and_then(|p| p.clopper_pearson(0.95))
                .expect("valid")
        })
        .collect();
    for step in 1..200 {
        let truth = f64::from(step) / 200.0;
        let mut probability = (1.0 - truth).powf(trials as f64);
        let mut covered = 0.0;
        for (k, interval) in (0_u64..).zip(&intervals) {
            if interval.contains(truth) {
                covered += probability;
            }
            probability *= (trials - k) as f64 / (k + 1) as f64 * truth / (1.0 - truth);
        }
        assert!(covered >= 0.95, "{truth}: {covered}");
    }
}
