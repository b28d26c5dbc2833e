//! What must hold for any data, not only for those of the fixture.

// Symmetries are exact: the same operations on the same numbers.
#![allow(clippy::float_cmp)]

use locktoll_stats::dependence::{Drift, LevelShift, LjungBox, effective_sample_size};
use locktoll_stats::fieller::Fieller;
use locktoll_stats::hodges_lehmann::HodgesLehmann;
use locktoll_stats::holm;
use locktoll_stats::log_ratio::LogRatio;
use locktoll_stats::mann_whitney::MannWhitney;
use locktoll_stats::paired::PairedLogRatio;
use locktoll_stats::planning::blocks_for_half_width;
use locktoll_stats::proportion::Proportion;
use locktoll_stats::stopping::half_width_log;
use locktoll_stats::tost::{Tost, log_bounds};
use locktoll_stats::{
    Bounds, Comparison, Design, Direction, Error, Policy, Summary, Verdict, compare, decide,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Rates within a factor of ten, as benchmarks give.
fn rates(n: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<f64>> {
    vec(1_000.0..10_000.0_f64, n)
}

/// Two series of equal length.
fn pairs() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (2..12_usize).prop_flat_map(|n| (rates(n), rates(n)))
}

/// Any numbers from zero up: alike, tied, zero among them, huge, tiny, or all of it at once.
fn anything() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    fn both(
        values: impl Strategy<Value = f64> + Clone + 'static,
    ) -> BoxedStrategy<(Vec<f64>, Vec<f64>)> {
        (vec(values.clone(), 1..12), vec(values, 1..12)).boxed()
    }
    prop_oneof![
        both(1.0..1.001_f64),
        both((1_u8..4).prop_map(f64::from)),
        both((0_u8..3).prop_map(f64::from)),
        both(1e307..f64::MAX),
        both(1e-320..1e-300_f64),
        both((-30..30_i32).prop_map(|e| 10_f64.powi(e))),
        both((-320..309_i32).prop_map(|e| 10_f64.powi(e))),
    ]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance_of_mean(values: &[f64]) -> f64 {
    let m = mean(values);
    let n = values.len() as f64;
    values.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (n - 1.0) / n
}

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs())
}

fn opposite(design: Design, base: &[f64], test: &[f64]) -> (Comparison, Comparison) {
    let policy = Policy::default();
    (
        compare(base, test, design, &policy).expect("valid"),
        compare(test, base, design, &policy).expect("valid"),
    )
}

proptest! {
    /// The interval is the set of ratios that the t statistic of test − θ·base does not reject:
    /// equality at both ends, rejection outside, none inside.
    #[test]
    fn fieller_is_the_inversion_of_its_test(base in rates(3..10), test in rates(3..10)) {
        let df = (base.len() + test.len() - 2) as f64;
        let fieller = Fieller::unpaired_with_df(&base, &test, df, 0.95).unwrap();
        // t² of the contrast over the t² at the edge of the base's own interval.
        let t2 = |theta: f64| {
            (mean(&test) - theta * mean(&base)).powi(2)
                / (variance_of_mean(&test) + theta * theta * variance_of_mean(&base))
        };
        let critical = fieller.g * mean(&base).powi(2) / variance_of_mean(&base);
        match fieller.ratio_ci {
            Bounds::Bounded(ci) => {
                prop_assert!(near(t2(ci.lo), critical, 1e-6));
                prop_assert!(near(t2(ci.hi), critical, 1e-6));
                prop_assert!(ci.contains(fieller.ratio));
                prop_assert!(t2(f64::midpoint(ci.lo, ci.hi)) < critical);
                prop_assert!(t2(ci.hi + ci.half_width()) > critical);
                prop_assert!(t2(ci.lo - ci.half_width()) > critical);
            }
            // However large the ratio, it is not rejected.
            Bounds::Unbounded => prop_assert!(t2(1e9) <= critical * (1.0 + 1e-6)),
        }
    }

    #[test]
    fn holm_is_monotone_and_never_below_the_raw_values(p in vec(0.0..=1.0_f64, 0..20)) {
        let adjusted = holm::adjust(&p);
        prop_assert_eq!(adjusted.len(), p.len());
        for (i, (&raw, &a)) in p.iter().zip(&adjusted).enumerate() {
            prop_assert!(raw <= a && a <= 1.0);
            prop_assert!(a <= (raw * p.len() as f64).min(1.0), "never above Bonferroni");
            for (&other, &b) in p[i..].iter().zip(&adjusted[i..]) {
                prop_assert!(raw > other || a <= b);
                prop_assert!(raw < other || a >= b);
            }
        }
    }

    /// p < α exactly when the 1 − 2α interval lies inside the bounds.
    #[test]
    fn equivalence_is_an_interval_inside_the_margin(
        (base, noise) in pairs(),
        margin in 0.01..0.5_f64,
    ) {
        let test: Vec<f64> = base.iter().zip(&noise).map(|(b, e)| b * (1.0 + e / 1e5)).collect();
        let bounds = log_bounds(margin).unwrap();
        let inside = |lo: f64, hi: f64| bounds.lo < lo && hi < bounds.hi;

        let tost = Tost::paired_log(&base, &test, margin).unwrap();
        let ci = PairedLogRatio::compute(&base, &test, 0.90).unwrap().overhead_ci;
        prop_assert_eq!(tost.p < 0.05, inside((-ci.hi).ln_1p(), (-ci.lo).ln_1p()));

        let tost = Tost::log_delta(&base, &test, margin).unwrap();
        let ci = LogRatio::compute(&base, &test, 0.90).unwrap().ratio_ci;
        prop_assert_eq!(tost.p < 0.05, inside(ci.lo.ln(), ci.hi.ln()));
    }

    /// Operations per second or per day: the overhead is the same.
    #[test]
    fn overhead_does_not_depend_on_the_unit((base, test) in pairs(), unit in 1e-9..1e9_f64) {
        let policy = Policy::default();
        let scaled = |values: &[f64]| values.iter().map(|x| x * unit).collect::<Vec<_>>();
        for design in [Design::Unpaired, Design::Paired, Design::TwoStage { first_stage: 2 }] {
            let a = compare(&base, &test, design, &policy).unwrap();
            let b = compare(&scaled(&base), &scaled(&test), design, &policy).unwrap();
            let ratio = |c: &Comparison| 1.0 - c.overhead.estimate;
            prop_assert!(near(ratio(&a), ratio(&b), 1e-12));
            prop_assert!((a.p_difference.unwrap() - b.p_difference.unwrap()).abs() < 1e-7);
            match (a.overhead.ci.unwrap(), b.overhead.ci.unwrap()) {
                (Bounds::Bounded(x), Bounds::Bounded(y)) => {
                    let scale = 1.0 + x.lo.abs().max(x.hi.abs());
                    prop_assert!((x.lo - y.lo).abs() < 1e-7 * scale);
                    prop_assert!((x.hi - y.hi).abs() < 1e-7 * scale);
                }
                (x, y) => prop_assert_eq!(x, y),
            }
        }
    }

    /// Exchanging base and test turns the ratio and its ends into their reciprocals, and leaves
    /// the p-value of a difference alone.
    #[test]
    fn exchange_gives_the_reciprocal((base, test) in pairs()) {
        for design in [Design::Unpaired, Design::Paired] {
            let (a, b) = opposite(design, &base, &test);
            prop_assert!(near(1.0 - a.overhead.estimate, 1.0 / (1.0 - b.overhead.estimate), 1e-12));
            prop_assert!(near(a.p_difference.unwrap(), b.p_difference.unwrap(), 1e-6));
            let (Bounds::Bounded(x), Bounds::Bounded(y)) =
                (a.overhead.ci.unwrap(), b.overhead.ci.unwrap()) else { continue };
            prop_assert!(near(1.0 - x.lo, 1.0 / (1.0 - y.hi), 1e-6));
            prop_assert!(near(1.0 - x.hi, 1.0 / (1.0 - y.lo), 1e-6));
        }
    }

    /// A time that is lower is a rate that is higher: for pairs the two give the same answer.
    #[test]
    fn times_are_rates_upside_down((base, test) in pairs()) {
        let inverse = |values: &[f64]| values.iter().map(|x| 1.0 / x).collect::<Vec<_>>();
        let lower = Policy { direction: Direction::LowerIsBetter, ..Policy::default() };
        let rates = compare(&base, &test, Design::Paired, &Policy::default()).unwrap();
        let times = compare(&inverse(&base), &inverse(&test), Design::Paired, &lower).unwrap();
        let log_ratio = |c: &Comparison| c.spread.unwrap().log_ratio;
        prop_assert!((log_ratio(&rates) - log_ratio(&times)).abs() < 1e-12);
        prop_assert!((rates.p_equivalence.unwrap() - times.p_equivalence.unwrap()).abs() < 1e-7);
    }

    #[test]
    fn rank_tests_are_symmetric(base in vec(0..20_u8, 1..30), test in vec(0..20_u8, 1..30)) {
        let float = |values: &[u8]| values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let (base, test) = (float(&base), float(&test));
        let a = MannWhitney::compute(&base, &test).unwrap();
        let b = MannWhitney::compute(&test, &base).unwrap();
        prop_assert!((a.p - b.p).abs() < 1e-9);
        prop_assert!((0.0..=1.0).contains(&a.p));
        prop_assert_eq!(a.u + b.u, (base.len() * test.len()) as f64);
        let x = HodgesLehmann::compute(&base, &test, 0.95).unwrap();
        let y = HodgesLehmann::compute(&test, &base, 0.95).unwrap();
        prop_assert_eq!(x.shift, -y.shift);
        if let (Some(x), Some(y)) = (x.ci, y.ci) {
            prop_assert!(x.confidence >= 0.95);
            prop_assert_eq!(x.shift.lo, -y.shift.hi);
        }
    }

    #[test]
    fn proportions_contain_what_was_seen(trials in 1..5_000_u64, part in 0.0..=1.0_f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let successes = ((trials as f64 * part).round() as u64).min(trials);
        let p = Proportion::new(successes, trials).unwrap();
        let exact = p.clopper_pearson(0.95).unwrap();
        let wilson = p.wilson(0.95).unwrap();
        for ci in [exact, wilson] {
            prop_assert!(ci.contains(p.estimate()));
            prop_assert!(0.0 <= ci.lo && ci.hi <= 1.0);
        }
        let bound = p.upper_bound(0.95).unwrap();
        prop_assert!(p.estimate() <= bound && bound <= exact.hi);
    }

    /// Whatever goes in, what comes out is a typed error or numbers that are numbers.
    #[test]
    fn any_input_gives_an_error_or_a_verdict(
        (base, test) in anything(),
        staged in 2..6_usize,
        lower in any::<bool>(),
    ) {
        let direction =
            if lower { Direction::LowerIsBetter } else { Direction::HigherIsBetter };
        let policy = Policy { direction, ..Policy::default() };
        let n = base.len().min(test.len());
        for (design, base, test) in [
            (Design::Unpaired, &base[..], &test[..]),
            (Design::Paired, &base[..n], &test[..n]),
            (Design::TwoStage { first_stage: staged }, &base[..n], &test[..n]),
        ] {
            match compare(base, test, design, &policy) {
                Ok(comparison) => {
                    // serde_json writes a NaN or an infinity as null, and then cannot read it back
                    // as a number.
                    let json = serde_json::to_string(&comparison).unwrap();
                    let back: Comparison = serde_json::from_str(&json).map_err(|e| {
                        TestCaseError::fail(format!("{e}: {json}"))
                    })?;
                    prop_assert_eq!(back.overhead.method, comparison.overhead.method);
                    // A NaN in any field would differ from itself.
                    prop_assert_eq!(&comparison.clone(), &comparison);
                    for p in [comparison.p_difference, comparison.p_equivalence].iter().flatten() {
                        prop_assert!((0.0..=1.0).contains(p), "{}", p);
                    }
                    let decision = &decide(std::slice::from_ref(&comparison), &policy)[0];
                    prop_assert!(
                        decision.verdict == Verdict::Unresolved || decision.blocks_needed.is_none()
                    );
                }
                Err(error) => prop_assert!(
                    matches!(error, Error::OutOfRange { .. } | Error::ZeroMean { .. }),
                    "{}", error
                ),
            }
        }
    }

    /// Order matters to these and to nothing else; reversal keeps what it should.
    #[test]
    fn order_checks_see_reversal(values in rates(8..40)) {
        let reversed: Vec<f64> = values.iter().rev().copied().collect();
        let (a, b) = (Drift::compute(&values).unwrap(), Drift::compute(&reversed).unwrap());
        prop_assert!((a.slope + b.slope).abs() < 1e-6);
        let (a, b) =
            (LjungBox::compute(&values, 3).unwrap(), LjungBox::compute(&reversed, 3).unwrap());
        prop_assert!(near(a.q, b.q, 1e-9));
        let (a, b) =
            (LevelShift::compute(&values).unwrap(), LevelShift::compute(&reversed).unwrap());
        prop_assert!((a.p - b.p).abs() < 1e-6);
        let n_eff = effective_sample_size(&values).unwrap();
        prop_assert!((1.0..=values.len() as f64).contains(&n_eff));
    }

    /// The plan is enough, and one block less is not.
    #[test]
    fn planned_blocks_are_the_fewest(sd in 0.001..0.1_f64, precision in 0.002..0.5_f64) {
        let half_width = half_width_log(precision).unwrap();
        let n = blocks_for_half_width(sd, half_width, 0.95).unwrap().unwrap();
        // A sample with that very SD: n − 1 zeros would not do, so two symmetric halves.
        let width = |n: u64| {
            let signs = (0..n).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 });
            let shape: Vec<f64> = signs.collect();
            let summary = Summary::compute(&shape, 0.95).unwrap();
            sd * summary.ci.unwrap().half_width() / summary.sd.unwrap()
        };
        prop_assert!(width(n) <= half_width * (1.0 + 1e-9));
        prop_assert!(n == 2 || width(n - 1) > half_width * (1.0 - 1e-9));
    }
}
