//! Bad input, little input, input without variation, and the verdicts that follow.

// What is compared exactly here is exact by definition: bounds, counts, series that never vary.
#![allow(clippy::float_cmp)]

use locktoll_stats::bca::Bca;
use locktoll_stats::fieller::Fieller;
use locktoll_stats::paired::{PairedLogRatio, log_ratios};
use locktoll_stats::simulate::{Disturbance, Machine, Order, replicate};
use locktoll_stats::welch::Welch;
use locktoll_stats::{
    Bounds, Comparison, Decision, Design, Direction, Error, Interval, Method, Note, Policy, Series,
    Summary, Verdict, compare, decide,
};

const BASE: [f64; 4] = [100.0, 101.0, 99.0, 100.0];
const TEST: [f64; 4] = [90.0, 91.0, 89.0, 90.0];

fn unpaired(base: &[f64], test: &[f64]) -> Result<Comparison, Error> {
    compare(base, test, Design::Unpaired, &Policy::default())
}

fn paired(base: &[f64], test: &[f64]) -> Result<Comparison, Error> {
    compare(base, test, Design::Paired, &Policy::default())
}

fn decision(comparison: &Comparison) -> Decision {
    decide(std::slice::from_ref(comparison), &Policy::default())[0]
}

#[track_caller]
fn close(got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= 1e-9 * expected.abs().max(1e-3),
        "{got} is not {expected}"
    );
}

#[test]
fn bad_values_are_named_with_their_place() {
    assert_eq!(
        unpaired(&[], &TEST),
        Err(Error::Empty {
            series: Series::Base
        })
    );
    assert_eq!(
        unpaired(&BASE, &[]),
        Err(Error::Empty {
            series: Series::Test
        })
    );
    let message = |result: Result<Comparison, Error>| result.expect_err("bad").to_string();
    assert_eq!(
        message(unpaired(&BASE, &[1.0, 2.0, f64::NAN])),
        "test series, index 2: NaN is not a finite number"
    );
    assert_eq!(
        message(paired(&[1.0, f64::INFINITY], &[1.0, 2.0])),
        "base series, index 1: inf is not a finite number"
    );
    assert_eq!(
        message(unpaired(&BASE, &[1.0, -2.0])),
        "test series, index 1: -2 is negative; rates and times are not"
    );
    assert_eq!(
        message(paired(&BASE, &[1.0, 2.0])),
        "paired series differ in length: 4 base values, 2 test values"
    );
    // Times are divided the other way round, and the message says so.
    let lower = Policy {
        direction: Direction::LowerIsBetter,
        ..Policy::default()
    };
    assert_eq!(
        compare(&BASE, &[0.0; 4], Design::Unpaired, &lower),
        Err(Error::ZeroMean {
            series: Series::Test
        })
    );
    assert_eq!(
        unpaired(&[0.0; 4], &TEST),
        Err(Error::ZeroMean {
            series: Series::Base
        })
    );
    assert_eq!(
        unpaired(&[1e300, 1e300], &[1e-300, 1e-300]),
        Err(Error::OutOfRange {
            series: Series::Test
        })
    );
}

#[test]
fn bad_policies_are_refused() {
    for confidence in [f64::NAN, 0.0, 0.3, 1.0, 95.0] {
        let policy = Policy {
            confidence,
            ..Policy::default()
        };
        let got = compare(&BASE, &TEST, Design::Paired, &policy);
        assert!(
            matches!(got, Err(Error::Confidence(_))),
            "{confidence}: {got:?}"
        );
    }
    for margin in [f64::NAN, -0.01, 1.0] {
        let policy = Policy {
            margin,
            ..Policy::default()
        };
        let got = compare(&BASE, &TEST, Design::Paired, &policy);
        assert!(matches!(got, Err(Error::Margin(_))), "{margin}: {got:?}");
    }
    let got = compare(
        &BASE,
        &TEST,
        Design::TwoStage { first_stage: 1 },
        &Policy::default(),
    );
    assert_eq!(got, Err(Error::FirstStage(1)));
}

#[test]
fn one_value_gives_an_estimate_and_no_verdict() {
    for design in [
        Design::Unpaired,
        Design::Paired,
        Design::TwoStage { first_stage: 5 },
    ] {
        let got = compare(&[200.0], &[150.0], design, &Policy::default()).expect("valid");
        close(got.overhead.estimate, 0.25);
        assert_eq!(got.overhead.ci, None);
        assert_eq!(got.p_difference, None);
        assert!(matches!(
            got.notes[0],
            Note::TooFew {
                needed: 2,
                got: 1,
                ..
            }
        ));
        let decision = decision(&got);
        assert_eq!(decision.verdict, Verdict::Unresolved);
        assert_eq!(decision.p_difference_holm, None);
        assert_eq!(decision.blocks_needed, None);
    }
    let summary = Summary::compute(&[7.0], 0.95).expect("valid");
    assert_eq!(
        (summary.mean, summary.sd, summary.se, summary.ci),
        (7.0, None, None, None)
    );
}

#[test]
fn values_that_never_vary_give_certainty_and_a_warning() {
    for design in [
        Design::Unpaired,
        Design::Paired,
        Design::TwoStage { first_stage: 2 },
    ] {
        // 0.1 is no binary fraction: sums of it are inexact, and must not look like variation.
        let same = compare(&[0.1; 6], &[0.1; 6], design, &Policy::default()).expect("valid");
        assert_eq!(same.overhead.estimate, 0.0);
        assert_eq!(
            same.overhead.ci,
            Some(Bounds::Bounded(Interval { lo: 0.0, hi: 0.0 }))
        );
        assert_eq!(same.p_difference, Some(1.0));
        assert_eq!(decision(&same).verdict, Verdict::Free);

        let half = compare(&[0.2; 6], &[0.1; 6], design, &Policy::default()).expect("valid");
        close(half.overhead.estimate, 0.5);
        let ci = half
            .overhead
            .ci
            .and_then(|ci| ci.interval())
            .expect("bounded");
        close(ci.lo, 0.5);
        close(ci.hi, 0.5);
        assert_eq!(half.p_difference, Some(0.0));
        assert_eq!(half.p_equivalence, Some(1.0));
        assert_eq!(decision(&half).verdict, Verdict::Costs);
        assert!(half.notes.contains(&Note::ConstantSeries {
            series: Series::Base
        }));
    }
}

#[test]
fn overhead_is_positive_when_the_lock_costs_in_either_direction() {
    let lower = Policy {
        direction: Direction::LowerIsBetter,
        ..Policy::default()
    };
    for design in [Design::Unpaired, Design::Paired] {
        let rates = compare(&BASE, &TEST, design, &Policy::default()).expect("valid");
        assert!((rates.overhead.estimate - 0.1).abs() < 1e-3);
        assert_eq!(decision(&rates).verdict, Verdict::Costs);
        // 90 ns against 100 ns: throughput is 90/100 of the base.
        let times = compare(&TEST, &BASE, design, &lower).expect("valid");
        assert!((times.overhead.estimate - 0.1).abs() < 1e-3);
        close(
            times.secondary.welch.as_ref().expect("welch").difference,
            10.0,
        );
        assert_eq!(decision(&times).verdict, Verdict::Costs);
        let gain = compare(&BASE, &TEST, design, &lower).expect("valid");
        assert_eq!(decision(&gain).verdict, Verdict::Pays);
    }
}

#[test]
fn a_zero_takes_the_logarithms_away_and_nothing_else() {
    let base = [100.0, 98.0, 102.0, 101.0, 99.0, 100.0];
    let test = [50.0, 0.0, 51.0, 49.0, 50.0, 50.0];
    for (design, method) in [
        (Design::Unpaired, Method::FiellerSatterthwaite),
        (Design::Paired, Method::FiellerPaired),
    ] {
        let got = compare(&base, &test, design, &Policy::default()).expect("valid");
        assert_eq!(got.overhead.method, method);
        close(got.overhead.estimate, 1.0 - 250.0 / 600.0);
        let ci = got
            .overhead
            .ci
            .and_then(|ci| ci.interval())
            .expect("bounded");
        assert!(ci.contains(got.overhead.estimate) && ci.half_width() > 0.0);
        assert!(got.secondary.log_paired.is_none());
        assert!(got.notes.contains(&Note::ZeroValue {
            series: Series::Test,
            index: 1
        }));
        assert_eq!(decision(&got).verdict, Verdict::Costs);
    }
    // Stein's guarantee is for log ratios, so nothing is claimed.
    let staged = compare(
        &base,
        &test,
        Design::TwoStage { first_stage: 3 },
        &Policy::default(),
    );
    let staged = staged.expect("valid");
    assert_eq!((staged.overhead.ci, staged.p_difference), (None, None));
    assert_eq!(decision(&staged).verdict, Verdict::Unresolved);
    assert_eq!(
        log_ratios(&base, &test),
        Err(Error::ZeroValue {
            series: Series::Test,
            index: 1
        })
    );
}

#[test]
fn a_denominator_near_zero_bounds_nothing() {
    // Mean 1, standard error 1: zero is inside every 95% interval of the base.
    let got = unpaired(&[0.0, 0.0, 3.0], &[5.0, 6.0, 7.0]).expect("valid");
    assert_eq!(got.overhead.ci, Some(Bounds::Unbounded));
    close(got.overhead.estimate, -5.0);
    let fieller = Fieller::unpaired(&[0.0, 0.0, 3.0], &[5.0, 6.0, 7.0], 0.95).expect("valid");
    assert!(fieller.g >= 1.0);
}

#[test]
fn huge_and_tiny_values_do_not_overflow() {
    let ordinary = unpaired(&BASE, &TEST).expect("valid");
    for factor in [2_f64.powi(1016), 2_f64.powi(-1020)] {
        let scaled = |values: &[f64]| values.iter().map(|x| x * factor).collect::<Vec<_>>();
        let got = unpaired(&scaled(&BASE), &scaled(&TEST)).expect("valid");
        assert_eq!(got.overhead, ordinary.overhead);
        assert_eq!(got.p_difference, ordinary.p_difference);
        let welch = got.secondary.welch.expect("welch");
        close(welch.difference / factor, 10.0);
    }
    // The mean log ratio is 36 ± 746, and e^782 is no f64.
    let wild = paired(&[1e-17, 1.0], &[1e24, 1e-10]).expect("valid");
    let ci = wild
        .overhead
        .ci
        .and_then(|ci| ci.interval())
        .expect("bounded");
    assert_eq!(ci.lo, -f64::MAX);
    let summary = Summary::compute(&[1e308, 1.5e308], 0.95).expect("valid");
    close(summary.mean / 1e308, 1.25);
    // The true end is 4.4e308.
    assert_eq!(summary.ci.expect("two values").hi, f64::MAX);
}

#[test]
fn verdicts_follow_from_the_two_p_values() {
    let comparison = |difference, equivalence, estimate| {
        let mut c = paired(&BASE, &TEST).expect("valid");
        c.p_difference = Some(difference);
        c.p_equivalence = Some(equivalence);
        c.overhead.estimate = estimate;
        c
    };
    for (difference, equivalence, estimate, verdict) in [
        (0.5, 0.01, 0.001, Verdict::Free),
        (0.01, 0.01, 0.001, Verdict::Negligible),
        (0.01, 0.01, -0.001, Verdict::Negligible),
        (0.01, 0.5, 0.02, Verdict::Costs),
        (0.01, 0.5, -0.02, Verdict::Pays),
        (0.5, 0.5, 0.02, Verdict::Unresolved),
    ] {
        let got = decision(&comparison(difference, equivalence, estimate));
        assert_eq!(got.verdict, verdict);
        assert_eq!(got.blocks_needed.is_some(), verdict == Verdict::Unresolved);
    }
    // 0.03 is a difference alone, and none among two: Holm makes it 0.06.
    let one = comparison(0.03, 0.5, 0.02);
    assert_eq!(decision(&one).verdict, Verdict::Costs);
    let two = decide(&[one, comparison(0.9, 0.5, 0.02)], &Policy::default());
    assert_eq!(two[0].verdict, Verdict::Unresolved);
    close(two[0].p_difference_holm.expect("p"), 0.06);
    assert_eq!(decide(&[], &Policy::default()), []);
    assert_eq!(format!("{:>12}|", Verdict::Negligible), "  negligible|");
}

#[test]
fn notes_name_what_is_wrong_with_the_order() {
    let noise = [
        0.3, -0.2, 0.1, -0.4, 0.2, 0.4, -0.3, -0.1, 0.25, -0.15, 0.05, -0.1,
    ];
    let with = |effect: &dyn Fn(usize) -> f64| -> Vec<f64> {
        noise
            .iter()
            .enumerate()
            .map(|(i, e)| 1000.0 + e + effect(i))
            .collect()
    };
    let steady = with(&|_| 0.0);
    let rising = with(&|i| i as f64);
    let warming = with(&|i| if i < 3 { -8.0 } else { 0.0 });
    let notes = |test: &[f64]| {
        let reversed: Vec<f64> = steady.iter().rev().copied().collect();
        unpaired(&reversed, test).expect("valid").notes
    };
    let about_test = |note: &&Note| {
        matches!(
            note,
            Note::Drift {
                series: Series::Test,
                ..
            } | Note::LevelShift {
                series: Series::Test,
                ..
            } | Note::Autocorrelated {
                series: Series::Test,
                ..
            }
        )
    };
    assert_eq!(notes(&steady).iter().filter(about_test).count(), 0);
    let drift = notes(&rising);
    let slope = drift.iter().find_map(|note| match note {
        Note::Drift {
            series: Series::Test,
            slope_per_block,
            ..
        } => Some(*slope_per_block),
        _ => None,
    });
    assert!((slope.expect("drift") - 0.001).abs() < 1e-4, "{drift:?}");
    let shift = notes(&warming);
    assert!(
        shift
            .iter()
            .any(|note| matches!(note, Note::LevelShift { at: 3, step, .. } if *step > 0.0)),
        "{shift:?}"
    );
}

#[test]
fn correlated_blocks_analysed_as_unpaired_are_flagged() {
    let machine = Machine {
        disturbance: Disturbance::Normal,
        trial_sd: 0.001,
        block_sd: 0.02,
    };
    let run = |order| replicate(1, 5, |rng| machine.run(order, 10, &[1.0, 1.0], rng)).remove(0);
    let flagged = |series: &[Vec<f64>]| {
        let notes = unpaired(&series[0], &series[1]).expect("valid").notes;
        notes
            .iter()
            .any(|note| matches!(note, Note::IndexCorrelated { .. }))
    };
    assert!(flagged(&run(Order::RandomisedBlocks)));
    assert!(!flagged(&run(Order::FullyRandom)));
}

/// Every method refuses what it cannot use with an error, not a NaN.
#[test]
fn methods_need_two_values() {
    assert!(matches!(
        Welch::compute(&[1.0], &TEST, 0.95),
        Err(Error::TooFew { .. })
    ));
    assert!(matches!(
        Fieller::unpaired(&[1.0], &TEST, 0.95),
        Err(Error::TooFew { .. })
    ));
    assert!(matches!(
        PairedLogRatio::compute(&[1.0], &[1.0], 0.95),
        Err(Error::TooFew { .. })
    ));
    assert!(matches!(
        Bca::paired_log(&[1.0], &[1.0], 0.95),
        Err(Error::TooFew { .. })
    ));
    assert!(matches!(
        Fieller::unpaired_with_df(&BASE, &TEST, 0.0, 0.95),
        Err(Error::Parameter { .. })
    ));
}
