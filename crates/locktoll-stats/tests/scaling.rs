//! The scalability law against known answers, simulated truth, and input of any kind.

#![allow(clippy::float_cmp)] // Scaling by powers of two, and order, change no bit.

use locktoll_stats::Error;
use locktoll_stats::simulate::{Disturbance, LEVEL, Machine, Order, normal, replicate};
use locktoll_stats::usl::{Fit, Point, Refusal, Replicates, fit};
use proptest::prelude::*;
use rand_pcg::Pcg64;

const SEED: u64 = 20_261_123;
const TO_8: [u32; 4] = [1, 2, 4, 8];
const TO_32: [u32; 6] = [1, 2, 4, 8, 16, 32];

/// Points from series by thread count, where the n-th value of each belongs to block n.
fn points(threads: &[u32], series: &[Vec<f64>]) -> Vec<Point> {
    let of = |(&threads, values): (&u32, &Vec<f64>)| {
        let point = |(block, &throughput): (usize, &f64)| Point {
            threads,
            block: block as u64,
            throughput,
        };
        values.iter().enumerate().map(point).collect::<Vec<_>>()
    };
    threads.iter().zip(series).flat_map(of).collect()
}

/// Three values at each thread count, `spread` below the mean, at it and above it.
fn around(threads: &[u32], means: &[f64], spread: f64) -> Vec<Point> {
    let three = |mean: &f64| vec![mean * (1.0 - spread), *mean, mean * (1.0 + spread)];
    points(threads, &means.iter().map(three).collect::<Vec<_>>())
}

fn blocked(points: &[Point]) -> Result<Fit, Refusal> {
    fit(points, Replicates::Blocks, 0.95, SEED)
}

fn independent(points: &[Point]) -> Result<Fit, Refusal> {
    fit(points, Replicates::Independent, 0.95, SEED)
}

#[track_caller]
fn near(got: f64, expected: f64, relative: f64) {
    assert!(
        (got - expected).abs() <= relative * expected.abs(),
        "{got} is not {expected}"
    );
}

/// σ = 0.1 and κ = 0.01: the slowdowns at 1, 2, 4 and 8 threads are 1, 1 + 0.1 + 0.02,
/// 1 + 0.3 + 0.12 and 1 + 0.7 + 0.56. The peak is at √(0.9 ∕ 0.01) = √90.
#[test]
fn exact_data_give_their_parameters() {
    let means = [1000.0, 2000.0 / 1.12, 4000.0 / 1.42, 8000.0 / 2.26];
    let fit = blocked(&around(&TO_8, &means, 0.01)).expect("follows the law");
    near(fit.lambda.estimate, 1000.0, 1e-12);
    near(fit.sigma.estimate, 0.1, 1e-11);
    near(fit.kappa.estimate, 0.01, 1e-11);
    near(fit.peak.threads.expect("has a peak"), 90_f64.sqrt(), 1e-11);
    near(fit.throughput(4.0), means[2], 1e-12);
    assert!(fit.worst_residual() < 1e-12);
    assert!(!fit.sigma.at_bound && !fit.kappa.at_bound);
    // Each block is 0.99, 1 or 1.01 of the same curve: only λ is uncertain.
    // t(2) × SD 10 ∕ √3 = 4.303 × 5.774; the bootstrap's own error is 2.2%.
    near(fit.lambda.ci.hi - 1000.0, 24.84, 0.08);
    assert!(fit.sigma.ci.half_width() < 1e-9 && fit.kappa.ci.half_width() < 1e-9);
}

/// σ = 0.25 alone is Amdahl's law: 1, 2 ∕ 1.25, 4 ∕ 1.75, 8 ∕ 2.75, and no peak.
#[test]
fn parameters_that_are_zero_are_at_their_bound() {
    let amdahl = [1.0, 2.0 / 1.25, 4.0 / 1.75, 8.0 / 2.75];
    let fit = blocked(&around(&TO_8, &amdahl, 0.01)).expect("follows the law");
    near(fit.sigma.estimate, 0.25, 1e-11);
    assert_eq!((fit.kappa.estimate, fit.kappa.at_bound), (0.0, true));
    assert_eq!((fit.peak.threads, fit.peak.at_most), (None, None));

    let line = [3.0, 6.0, 12.0, 24.0];
    let fit = blocked(&around(&TO_8, &line, 0.01)).expect("follows the law");
    near(fit.lambda.estimate, 3.0, 1e-12);
    assert_eq!((fit.sigma.estimate, fit.kappa.estimate), (0.0, 0.0));
    assert!(fit.sigma.at_bound && fit.kappa.at_bound);
}

/// σ = 1.5: 2 ∕ 2.5, 4 ∕ 5.5, 8 ∕ 11.5. A second thread lowers throughput, so one is best.
#[test]
fn a_serial_share_above_one_peaks_at_one_thread() {
    let means = [1.0, 2.0 / 2.5, 4.0 / 5.5, 8.0 / 11.5];
    let fit = blocked(&around(&TO_8, &means, 0.01)).expect("follows the law");
    near(fit.sigma.estimate, 1.5, 1e-11);
    let peak = (fit.peak.threads, fit.peak.at_least, fit.peak.at_most);
    assert_eq!(peak, (Some(1.0), Some(1.0), Some(1.0)));
}

/// The R package `usl` 3.0 prints, for the SPEC SDM91 run of a `SPARCcenter` 2000, the fitted values
/// 90, 1078, … and the coefficients 0.0277285, 0.0001044 and 89.9952 that they come from, and a peak
/// at 97 (README and `tests/` of github.com/smoeding/usl). Its rounded curve gives them back.
#[test]
fn a_published_curve_gives_its_published_coefficients() {
    let load = [1, 18, 36, 72, 108, 144, 216];
    let fitted = [90.0, 1078.0, 1541.0, 1850.0, 1879.0, 1822.0, 1646.0];
    let fit = blocked(&around(&load, &fitted, 0.01)).expect("follows the law");
    near(fit.lambda.estimate, 89.9952, 0.002);
    near(fit.sigma.estimate, 0.027_728_5, 0.005);
    near(fit.kappa.estimate, 0.000_104_4, 0.005);
    assert_eq!(fit.peak.threads.expect("has a peak").round(), 97.0);
}

/// The values themselves of that run. The package makes absolute distances small, so that one
/// processor hardly counts (it puts λ at 90 where 64.9 was measured). Relative distances give the
/// figures below, computed with `scipy.optimize.nnls` 1.17.1 on the weighted columns.
#[test]
fn published_values_give_what_scipy_gives() {
    let load = [1, 18, 36, 72, 108, 144, 216];
    let measured = [64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775.0, 1702.2];
    let noisy = independent(&around(&load, &measured, 0.2)).expect("the spread explains it");
    near(noisy.lambda.estimate, 68.160_705_215_452_47, 1e-9);
    near(noisy.sigma.estimate, 0.013_361_254_590_649_817, 1e-9);
    near(noisy.kappa.estimate, 0.000_115_202_598_469_765_43, 1e-9);
    near(noisy.worst_residual(), 0.086_072_72, 1e-6);
    // Without that spread, 8.6% at 36 processors is no noise.
    match independent(&around(&load, &measured, 0.01)) {
        Err(Refusal::DoesNotFit { worst, .. }) => assert_eq!(worst.threads, 36),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_missing_is_named() {
    let means = [1000.0, 1900.0, 3500.0];
    let three = blocked(&around(&TO_8[..3], &means, 0.01)).expect_err("three counts");
    assert_eq!(three, Refusal::TooFewThreadCounts { got: 3 });
    assert_eq!(
        three.to_string(),
        "4 thread counts are needed, and there are 3"
    );

    let two = vec![vec![1.0, 1.1]; 4];
    assert_eq!(
        blocked(&points(&TO_8, &two)).expect_err("two blocks"),
        Refusal::TooFewBlocks { got: 2 }
    );
    let mut uneven = vec![vec![1.0, 1.1, 0.9]; 4];
    uneven[2].pop();
    assert_eq!(
        independent(&points(&TO_8, &uneven)).expect_err("two values"),
        Refusal::TooFewValues { threads: 4, got: 2 }
    );
    assert_eq!(
        blocked(&points(&TO_8, &uneven)).expect_err("two complete blocks"),
        Refusal::TooFewBlocks { got: 2 }
    );
    let twice = points(&[1, 2, 2, 4, 8], &vec![vec![1.0, 1.1, 0.9]; 5]);
    assert_eq!(
        blocked(&twice).expect_err("repeated"),
        Refusal::RepeatedBlock { threads: 2 }
    );
    assert!(matches!(
        blocked(&[]),
        Err(Refusal::TooFewThreadCounts { got: 0 })
    ));
}

#[test]
fn what_cannot_be_used_is_refused() {
    let good = around(&TO_8, &[1000.0, 1900.0, 3500.0, 5800.0], 0.01);
    let with = |throughput, threads| {
        let mut points = good.clone();
        points[4].throughput = throughput;
        points[4].threads = threads;
        blocked(&points).expect_err("one bad value")
    };
    for value in [0.0, -1.0, f64::INFINITY] {
        assert_eq!(
            with(value, 2),
            Refusal::NotAThroughput { threads: 2, value }
        );
    }
    assert!(matches!(
        with(f64::NAN, 2),
        Refusal::NotAThroughput { threads: 2, .. }
    ));
    assert!(matches!(with(1e-300, 2), Refusal::Invalid(_)));
    assert_eq!(with(1.0, 0), Refusal::NoThreads);
    let many: Vec<Point> = good.iter().copied().cycle().take(100_001).collect();
    let refused = blocked(&many).expect_err("too many values");
    assert!(matches!(refused, Refusal::Invalid(Error::TooMany { .. })));
    assert!(matches!(
        fit(&good, Replicates::Blocks, 1.0, SEED),
        Err(Refusal::Invalid(Error::Confidence(_)))
    ));
}

/// The means are 15% off what any law gives; with a spread of 50% that may be chance.
#[test]
fn noise_that_hides_a_misfit_is_no_law() {
    let means = [1000.0, 2000.0, 4000.0, 4000.0];
    match independent(&around(&TO_8, &means, 0.5)) {
        Err(Refusal::TooNoisy { worst, lack_of_fit }) => {
            assert!(worst.relative.abs() > 0.10 && lack_of_fit.p > 0.05);
        }
        other => panic!("{other:?}"),
    }
}

/// Without the first thread counts, throughput that hardly changes fits a λ of any size.
#[test]
fn a_first_thread_that_may_do_anything_is_no_law() {
    let counts = [16, 24, 32, 64];
    let means = [1000.0, 1000.0, 1000.0, 1000.0];
    let found = independent(&around(&counts, &means, 0.05));
    assert_eq!(found.expect_err("λ is open"), Refusal::Open);
}

/// A block that lacks a thread count says nothing, however wild its other values are.
#[test]
fn blocks_that_are_not_complete_are_left_out() {
    let means = [1000.0, 1900.0, 3500.0, 5800.0];
    let mut wild = around(&TO_8, &means, 0.01);
    let calm = blocked(&wild).expect("follows the law");
    wild.extend([1, 2, 8].map(|threads| Point {
        threads,
        block: 9,
        throughput: 5.0,
    }));
    assert_eq!(blocked(&wild).expect("follows the law"), calm);
}

#[test]
fn order_and_unit_change_nothing() {
    let means = [1000.0, 1900.0, 3480.0, 5800.0];
    let points = around(&TO_8, &means, 0.02);
    for fit in [blocked, independent] {
        let plain = fit(&points).expect("follows the law");
        let mut turned = points.clone();
        turned.sort_by_key(|point| (point.block, std::cmp::Reverse(point.threads)));
        assert_eq!(fit(&turned).expect("the same"), plain);
        for scale in [2_f64.powi(-40), 2_f64.powi(300)] {
            for point in &mut turned {
                point.throughput *= scale;
            }
            let scaled = fit(&turned).expect("the same");
            assert_eq!(scaled.sigma, plain.sigma);
            assert_eq!(scaled.kappa, plain.kappa);
            assert_eq!(scaled.peak, plain.peak);
            for point in &mut turned {
                point.throughput /= scale;
            }
            assert_eq!(scaled.lambda.estimate, plain.lambda.estimate * scale);
        }
    }
}

fn law(sigma: f64, kappa: f64, threads: &[u32]) -> Vec<f64> {
    let at = |&n: &u32| {
        let n = f64::from(n);
        n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
    };
    threads.iter().map(at).collect()
}

/// Fits of simulated runs whose true throughputs are `curve`, as multiples of one thread's.
fn simulated(
    times: usize,
    threads: &[u32],
    curve: &[f64],
    blocks: usize,
    noise: f64,
    replicates: Replicates,
) -> Vec<Result<Fit, Refusal>> {
    let machine = Machine {
        disturbance: Disturbance::Normal,
        trial_sd: noise,
        block_sd: 0.02,
    };
    let order = match replicates {
        Replicates::Blocks => Order::RandomisedBlocks,
        Replicates::Independent => Order::FullyRandom,
    };
    replicate(times, SEED, |rng| {
        let series = machine.run(order, blocks, curve, rng);
        fit(&points(threads, &series), replicates, 0.95, SEED)
    })
}

fn share<T>(all: &[T], holds: impl Fn(&T) -> bool) -> f64 {
    all.iter().filter(|one| holds(one)).count() as f64 / all.len() as f64
}

/// Four Monte-Carlo standard errors of 1,000 replicates are 2.8 points: percentiles of the same
/// bootstrap hold the truth in 90% and would fall outside.
#[test]
fn intervals_hold_the_truth() {
    for (replicates, high) in [(Replicates::Blocks, 0.98), (Replicates::Independent, 0.99)] {
        let curve = law(0.05, 0.005, &TO_8);
        let fits: Vec<Fit> = simulated(1_000, &TO_8, &curve, 5, 0.02, replicates)
            .into_iter()
            .flatten()
            .collect();
        assert!(fits.len() > 900);
        let peak = (0.95_f64 / 0.005).sqrt();
        let held = [
            share(&fits, |fit| fit.lambda.ci.contains(LEVEL)),
            share(&fits, |fit| fit.sigma.ci.contains(0.05)),
            share(&fits, |fit| fit.kappa.ci.contains(0.005)),
            share(&fits, |fit| {
                fit.peak.at_least.is_some_and(|end| end <= peak)
                    && fit.peak.at_most.is_none_or(|end| peak <= end)
            }),
        ];
        for held in held {
            assert!((0.922..high).contains(&held), "{replicates:?}: {held}");
        }
    }
}

/// At a bound the truth is easier to hold, and must not be missed more often.
#[test]
fn intervals_hold_a_truth_at_the_bound() {
    let curve = law(0.05, 0.0, &TO_32);
    let fits: Vec<Fit> = simulated(1_000, &TO_32, &curve, 5, 0.02, Replicates::Blocks)
        .into_iter()
        .flatten()
        .collect();
    assert!(share(&fits, |fit| fit.kappa.ci.contains(0.0)) > 0.95);
    assert!(share(&fits, |fit| fit.peak.at_most.is_none()) > 0.95);
    assert!(share(&fits, |fit| fit.sigma.ci.contains(0.05)) > 0.922);
}

#[test]
fn data_that_follow_the_law_are_seldom_refused() {
    let curve = law(0.05, 0.005, &TO_32);
    for (noise, most) in [(0.02, 0.03), (0.1, 0.09)] {
        let found = simulated(400, &TO_32, &curve, 10, noise, Replicates::Blocks);
        let refused = share(&found, Result::is_err);
        assert!(refused < most, "{noise}: {refused}");
    }
}

#[test]
fn data_that_do_not_follow_the_law_are_refused() {
    let full_queue = |n: &u32| f64::from(*n).min(4.0);
    let step = |n: &u32| f64::from(*n) * if *n > 4 { 0.8 } else { 1.0 };
    let faster = |n: &u32| f64::from(*n).powf(1.2);
    let curves: [&dyn Fn(&u32) -> f64; 3] = [&full_queue, &step, &faster];
    for curve in curves {
        for threads in [&TO_8[..], &TO_32] {
            let truth: Vec<f64> = threads.iter().map(curve).collect();
            let found = simulated(200, threads, &truth, 10, 0.02, Replicates::Blocks);
            let accepted = share(&found, Result::is_ok);
            assert!(accepted < 0.02, "{threads:?}: {accepted}");
        }
    }
}

/// Under the law, with a first thread count that is five times as noisy as the others: with four
/// counts the test is a t test of one contrast, and exact; with six it errs on the safe side.
#[test]
fn the_test_of_lack_of_fit_keeps_its_level() {
    let p_values = |threads: &[u32], replicates: Replicates| -> Vec<f64> {
        let curve = law(0.05, 0.005, threads);
        let one = |rng: &mut Pcg64| {
            let effects: Vec<f64> = (0..8).map(|_| 1.0 + 0.05 * normal(rng)).collect();
            let series: Vec<Vec<f64>> = curve
                .iter()
                .zip(threads)
                .map(|(level, &n)| {
                    let noise = if n == 1 { 0.005 } else { 0.001 };
                    let value = |effect: &f64| match replicates {
                        Replicates::Blocks => level * effect * (1.0 + noise * normal(rng)),
                        Replicates::Independent => level * (1.0 + noise * normal(rng)),
                    };
                    effects.iter().map(value).collect()
                })
                .collect();
            let fit = fit(&points(threads, &series), replicates, 0.95, SEED);
            fit.expect("small noise is always let through")
                .lack_of_fit
                .p
        };
        replicate(1_000, SEED, one)
    };
    for replicates in [Replicates::Blocks, Replicates::Independent] {
        let four = share(&p_values(&TO_8, replicates), |&p| p < 0.05);
        assert!((0.022..0.078).contains(&four), "{replicates:?}, 4: {four}");
        let six = share(&p_values(&TO_32, replicates), |&p| p < 0.05);
        assert!((0.01..0.078).contains(&six), "{replicates:?}, 6: {six}");
    }
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        1.0..2.0_f64,
        (-30..30_i32).prop_map(|e| 10_f64.powi(e)),
        (0_u8..3).prop_map(f64::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_input_panics_and_what_is_told_is_finite(
        counts in prop::collection::vec(prop_oneof![0..9_u32, any::<u32>()], 0..7),
        values in prop::collection::vec(any_value(), 0..28),
        calm: bool,
        confidence in any::<f64>(),
        shared: bool,
    ) {
        let point = |(at, &value): (usize, &f64)| Point {
            threads: counts.get(at % counts.len().max(1)).copied().unwrap_or(1),
            block: (at / counts.len().max(1)) as u64,
            throughput: if calm { 1.0 + value.abs().min(1.0) } else { value },
        };
        let points: Vec<Point> = values.iter().enumerate().map(point).collect();
        let replicates = if shared { Replicates::Blocks } else { Replicates::Independent };
        for level in [0.95, confidence] {
            if let Ok(fit) = fit(&points, replicates, level, SEED) {
                for told in [fit.lambda, fit.sigma, fit.kappa] {
                    prop_assert!(told.ci.lo.is_finite() && told.ci.hi.is_finite());
                    prop_assert!(told.ci.contains(told.estimate), "{:?}", told);
                    prop_assert!(told.estimate >= 0.0 && told.ci.lo >= 0.0);
                }
                prop_assert!(fit.lambda.estimate > 0.0);
                prop_assert!((0.0..=1.0).contains(&fit.lack_of_fit.p));
                let peak = fit.peak;
                let ends = [peak.at_least, peak.threads, peak.at_most];
                let ends: Vec<f64> = ends.into_iter().flatten().collect();
                prop_assert!(ends.is_sorted() && ends.iter().all(|&end| (1.0..f64::INFINITY).contains(&end)), "{:?}", peak);
            }
        }
    }

    /// The conditions of Karush, Kuhn and Tucker, which for a convex sum are enough: no slope along
    /// a free parameter, and none that falls into the allowed side of a bound.
    #[test]
    fn no_other_law_within_the_bounds_is_nearer(
        sigma in 0.0..0.6_f64,
        kappa in 0.0..0.02_f64,
        shifts in prop::collection::vec(-0.05..0.05_f64, 6),
    ) {
        let means: Vec<f64> = law(sigma, kappa, &TO_32)
            .iter()
            .zip(&shifts)
            .map(|(x, shift)| x * (1.0 + shift))
            .collect();
        // A spread so wide that no shift is significant.
        let found = independent(&around(&TO_32, &means, 0.25));
        prop_assume!(found.is_ok());
        if let Ok(fit) = found {
            let slope = |term: &dyn Fn(f64) -> f64| -> f64 {
                TO_32
                    .iter()
                    .zip(&means)
                    .zip(&fit.residuals)
                    .map(|((&n, mean), residual)| mean * term(f64::from(n)) * residual.relative)
                    .sum()
            };
            let along = [
                (slope(&|n| 1.0 / n), false),
                (slope(&|n| (n - 1.0) / n), fit.sigma.at_bound),
                (slope(&|n| n - 1.0), fit.kappa.at_bound),
            ];
            for (slope, at_bound) in along {
                prop_assert!(slope >= -1e-9 && (at_bound || slope <= 1e-9), "{:?}", along);
            }
        }
    }
}
