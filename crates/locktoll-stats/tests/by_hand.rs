//! Answers that can be checked with pencil, paper and printed tables.

// What is compared exactly here is exact by definition: bounds, counts, lines without noise.
#![allow(clippy::float_cmp)]

use locktoll_stats::bca::{Bca, Resampling};
use locktoll_stats::dependence::{
    Drift, LevelShift, LjungBox, autocorrelation, effective_sample_size,
};
use locktoll_stats::hierarchical;
use locktoll_stats::hodges_lehmann::HodgesLehmann;
use locktoll_stats::mann_whitney::{MannWhitney, RankMethod};
use locktoll_stats::paired::PairedLogRatio;
use locktoll_stats::planning::{BlockSpread, Target, blocks_to_settle};
use locktoll_stats::proportion::Proportion;
use locktoll_stats::simulate::{Disturbance, Machine, Order, replicate};
use locktoll_stats::stopping::{confidence_sequence, half_width_log, stein_n};
use locktoll_stats::{Bounds, Error, Interval, Summary};

#[track_caller]
fn close(got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= 1e-9 * expected.abs().max(1e-3),
        "{got} is not {expected}"
    );
}

/// The estimate is 2% with an SD of 2%, margin 1%: (z₀.₉₇₅ + z₀.₈)²·(2/2)² = 7.8 blocks if the
/// SD were known, so a few more with t. Published tables of the t test give 10 for d = 1.
#[test]
fn blocks_to_settle_match_the_tables_of_the_t_test() {
    let target = Target {
        margin: 0.01,
        alpha_difference: 0.05,
        alpha_equivalence: 0.05,
        power: 0.8,
    };
    let blocks = |log_ratio: f64, margin: f64| {
        let spread = BlockSpread {
            log_ratio,
            sd_log: 0.02,
            df_per_block: 1.0,
        };
        blocks_to_settle(&spread, &Target { margin, ..target }).expect("valid")
    };
    assert_eq!(blocks(0.02, 0.0), Some(10));
    // d = 0.5: the tables say 34.
    assert_eq!(blocks(0.01, 0.0), Some(34));
    assert_eq!(blocks(0.0, 0.0), None);
    // Equivalence within ±1% takes more than seeing a difference of 2%.
    assert!(blocks(0.0, 0.01) > blocks(0.02, 0.01));
}

#[test]
fn proportions_of_the_textbooks() {
    let none = Proportion::new(0, 105).expect("valid");
    close(
        none.upper_bound(0.95).expect("valid"),
        1.0 - 0.05_f64.powf(1.0 / 105.0),
    );
    close(
        none.clopper_pearson(0.95).expect("valid").hi,
        1.0 - 0.025_f64.powf(1.0 / 105.0),
    );
    assert_eq!(none.clopper_pearson(0.95).expect("valid").lo, 0.0);
    let all = Proportion::new(105, 105).expect("valid");
    close(
        all.clopper_pearson(0.95).expect("valid").lo,
        0.025_f64.powf(1.0 / 105.0),
    );
    let one = Proportion::new(1, 10)
        .expect("valid")
        .clopper_pearson(0.95)
        .expect("valid");
    assert!(
        (one.lo - 0.002_529).abs() < 1e-6 && (one.hi - 0.445_016).abs() < 1e-6,
        "{one:?}"
    );
    // With no successes the score interval ends at z²/(n + z²).
    let z2 = 1.959_963_984_540_054_f64.powi(2);
    let wilson = Proportion::new(0, 10)
        .and_then(|p| p.wilson(0.95))
        .expect("valid");
    close(wilson.hi, z2 / (10.0 + z2));
    assert!(Proportion::new(0, 0).is_err());
    assert!(Proportion::new(3, 2).is_err());
    assert!(matches!(
        Proportion::new(5, 2_000_000).and_then(|p| p.clopper_pearson(0.95)),
        Err(Error::TooMany { .. })
    ));
}

#[test]
fn mann_whitney_with_ties_by_hand() {
    // Midranks 1, 3, 3, 3, 5. The ten sums of three are 7 (thrice), 9 (four times), 11 (thrice).
    let got = MannWhitney::compute(&[1.0, 2.0, 2.0], &[2.0, 3.0]).expect("valid");
    assert_eq!(got.method, RankMethod::Permutation);
    close(got.u, 1.0);
    close(got.p, 0.6);
    let all_tied = MannWhitney::asymptotic(&[1.0; 40], &[1.0; 40]).expect("valid");
    assert_eq!(all_tied.p, 1.0);
    let long = MannWhitney::compute(&[1.0; 40], &[2.0; 40]).expect("valid");
    assert_eq!(long.method, RankMethod::Normal);
    assert!(long.p < 1e-15);
}

/// Critical values of U at 5% two-sided, as printed: 23 for 10 + 10 and 127 for 20 + 20. The
/// interval starts one order statistic above.
#[test]
fn hodges_lehmann_order_statistics_match_the_tables() {
    for (n, critical) in [(10, 23), (20, 127)] {
        let base: Vec<f64> = (1..=n).map(f64::from).collect();
        let ci = HodgesLehmann::compute(&base, &base, 0.95)
            .expect("valid")
            .ci
            .expect("enough");
        assert_eq!(ci.order, critical + 1);
    }
    // 3 + 3: even the whole range is only a 90% interval.
    let few = HodgesLehmann::compute(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 0.95).expect("valid");
    assert_eq!((few.shift, few.ci), (-3.0, None));
}

/// Across the change from exact counting to the normal approximation nothing jumps.
#[test]
fn rank_methods_agree_where_they_meet() {
    let base: Vec<f64> = (0..25).map(f64::from).collect();
    let test: Vec<f64> = (0..25).map(|i| f64::from(i) + 5.5).collect();
    let exact = MannWhitney::compute(&base, &test).expect("valid");
    let normal = MannWhitney::asymptotic(&base, &test).expect("valid");
    assert_eq!(exact.method, RankMethod::Exact);
    assert!(
        (exact.p - normal.p).abs() < 0.002,
        "{} {}",
        exact.p,
        normal.p
    );
    let order = |n: i32| {
        let values: Vec<f64> = (0..n).map(f64::from).collect();
        HodgesLehmann::compute(&values, &values, 0.95)
            .expect("valid")
            .ci
            .expect("enough")
    };
    // The exact orders for 24 and 25 values a side extrapolate to the approximate one for 26.
    let (a, b, c) = (order(24).order, order(25).order, order(26).order);
    assert!(c.abs_diff(2 * b - a) <= 2, "{a} {b} {c}");
    assert!((order(26).confidence - 0.95).abs() < 0.005);
}

#[test]
fn dependence_by_hand() {
    // Deviations −1.5, −0.5, 0.5, 1.5: r₁ = 1.25/5, Q = 4·6·(1/16)/3.
    let line = [1.0, 2.0, 3.0, 4.0];
    close(autocorrelation(&line, 1).expect("valid"), 0.25);
    let ljung_box = LjungBox::compute(&line, 1).expect("valid");
    close(ljung_box.q, 0.5);
    assert!((ljung_box.p - 0.479_500_1).abs() < 1e-6);
    let exact = Drift::compute(&line).expect("valid");
    assert_eq!((exact.slope, exact.t, exact.p), (1.0, None, 0.0));
    // Slope 4/5; residual sum of squares 1.8 on 2 degrees; p = 1 − t/√(2 + t²) = 1/5.
    let noisy = Drift::compute(&[1.0, 3.0, 2.0, 4.0]).expect("valid");
    close(noisy.slope, 0.8);
    close(noisy.p, 0.2);
    // ρ = 5/8, 2/8, then −1/8, where the sum ends.
    let step = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0];
    close(effective_sample_size(&step).expect("valid"), 8.0 / 2.75);
    let shift = LevelShift::compute(&step).expect("valid");
    assert_eq!(
        (shift.at, shift.before, shift.after, shift.p),
        (4, 1.0, -1.0, 0.0)
    );
    assert!(matches!(
        Drift::compute(&[2.0; 9]),
        Err(Error::Constant { .. })
    ));
    assert!(matches!(
        LevelShift::compute(&line),
        Err(Error::TooFew { needed: 6, .. })
    ));
}

#[test]
fn drawn_bootstrap_is_repeatable_and_near_the_t_interval() {
    let machine = Machine {
        disturbance: Disturbance::Normal,
        trial_sd: 0.01,
        block_sd: 0.0,
    };
    let series = replicate(1, 9, |rng| {
        machine.run(Order::RandomisedBlocks, 200, &[1.0, 0.9], rng)
    })
    .remove(0);
    let (base, test) = (&series[0], &series[1]);
    let t = PairedLogRatio::compute(base, test, 0.95)
        .expect("valid")
        .overhead_ci;
    let paired = Bca::paired_log(base, test, 0.95).expect("valid");
    assert_eq!(paired.resampling, Resampling::Drawn { resamples: 10_000 });
    assert_eq!(paired, Bca::paired_log(base, test, 0.95).expect("valid"));
    let means = Bca::ratio_of_means(base, test, 0.95).expect("valid");
    for bootstrap in [paired.overhead_ci, means.overhead_ci] {
        assert!(
            (bootstrap.lo - t.lo).abs() < 0.15 * t.half_width(),
            "{bootstrap:?} {t:?}"
        );
        assert!(
            (bootstrap.hi - t.hi).abs() < 0.15 * t.half_width(),
            "{bootstrap:?} {t:?}"
        );
    }
}

/// The end of the sequence is where the Bayes factor of the t statistic reaches 1/α.
#[test]
fn a_confidence_sequence_ends_where_its_bayes_factor_does() {
    let values: Vec<f64> = (0..12).map(|i| f64::from(i % 4)).collect();
    let summary = Summary::compute(&values, 0.95).expect("valid");
    let bounds = confidence_sequence(&values, 0.95).expect("valid");
    let ci = bounds.interval().expect("bounded");
    let n = 12.0_f64;
    let t2 = (ci.half_width() / summary.se.expect("se")).powi(2);
    let ratio = (1.0 + t2 / (n - 1.0)) / (1.0 + t2 / ((n - 1.0) * (1.0 + n)));
    close(ratio.powf(n / 2.0) / (1.0 + n).sqrt(), 20.0);
    // Two values bound nothing: K = 3/0.0025 is far above 1 + n.
    let two = confidence_sequence(&[1.0, 2.0], 0.95).expect("valid");
    assert_eq!(two, Bounds::Unbounded);
}

#[test]
fn half_widths_keep_both_sides_of_an_overhead_within_the_precision() {
    let h = half_width_log(0.0025).expect("valid");
    let reach = Interval::around(0.0, h).log_ratio_to_overhead();
    close(-reach.lo, 0.0025);
    assert!(reach.hi < 0.0025);
    assert!(half_width_log(0.0).is_err() && half_width_log(f64::NAN).is_err());
    assert_eq!(stein_n(1.0, 5, 1e-300, 0.95), Ok(u64::MAX));
    assert_eq!(stein_n(0.0, 5, 0.01, 0.95), Ok(5));
    assert!(stein_n(1.0, 1, 0.1, 0.95).is_err());
}

#[test]
fn hierarchies_must_be_balanced_and_replicated() {
    let compute = |samples: &[Vec<f64>]| hierarchical::Estimate::compute(samples, 0.95);
    assert_eq!(
        compute(&[vec![1.0, 2.0], vec![1.0]]),
        Err(Error::Unbalanced {
            process: 1,
            expected: 2,
            got: 1
        })
    );
    assert!(compute(&[]).is_err());
    assert!(compute(&[vec![1.0, 2.0]]).is_err());
    // Equal process means: all variance is inside, and one long process is best.
    let inside = compute(&[vec![1.0, 3.0], vec![3.0, 1.0]]).expect("valid");
    assert_eq!((inside.process_variance, inside.icc), (0.0, Some(0.0)));
    assert_eq!(inside.optimal_iterations(10.0, 1.0), Ok(None));
    assert!(inside.optimal_iterations(0.0, 1.0).is_err());
    let nothing = compute(&[vec![1.0, 1.0], vec![1.0, 1.0]]).expect("valid");
    assert_eq!(nothing.icc, None);
}
