//! Bias-corrected and accelerated bootstrap intervals of an overhead.
//!
//! Secondary only: with few values it is too narrow (A. B. Owen, arXiv 2508.10083). It is here since readers ask how far the answer depends on normality.
//! Where the number of distinct resamples is small they are enumerated with their weights, so
//! that the interval has no randomness at all; else they are drawn with a fixed seed.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::{normal_cdf, normal_quantile};
use crate::interval::Confidence;
use crate::moments::check_finite;
use crate::{Error, Interval, Series, paired};

/// Up to this many distinct resamples are enumerated: two series of five have 126² = 15,876.
const MAX_ENUMERATED: u64 = 20_000;
/// Resamples drawn otherwise.
const DRAWN: usize = 10_000;
/// Series longer than this in total are refused: the t interval is good by then.
const MAX_VALUES: usize = 2_000;
/// Any fixed number: the same data always give the same interval.
const SEED: u64 = 0x6c6f_636b_746f_6c6c;
/// Statistics closer than this, relatively, are ties of rounding.
const TIE: f64 = 1e-13;

/// How the resamples came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    /// Every distinct resample, with its exact probability.
    Exact {
        /// How many there are.
        distinct: u64,
    },
    /// Drawn at random with a fixed seed.
    Drawn {
        /// How many.
        resamples: u64,
    },
}

/// A bootstrap interval of the overhead with the quantities it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bca {
    /// Bias correction z₀: the normal quantile of the share of resamples below the estimate.
    pub z0: f64,
    /// Acceleration a, from the jackknife.
    pub acceleration: f64,
    /// The two probabilities at which the resampled distribution is read.
    pub alphas: Interval,
    /// Standard deviation of the resampled ratio, or log ratio when paired.
    pub bootstrap_se: f64,
    /// Interval of the ratio test/base.
    pub ratio_ci: Interval,
    /// Interval of the overhead 1 − ratio, a fraction.
    pub overhead_ci: Interval,
    /// Exact or drawn.
    pub resampling: Resampling,
}

impl Bca {
    /// Ratio of means of independent series, each resampled by itself.
    ///
    /// Source: B. Efron, *JASA* 82 (1987) 171–185; α' = Φ(z₀ + (z₀+z)/(1 − a(z₀+z))), the
    /// acceleration of several samples as in `scipy.stats.bootstrap`.
    ///
    /// # Errors
    ///
    /// Fewer than two values in a series, a zero in the base, values that are not finite, more
    /// than 2,000 values, an unsupported confidence.
    pub fn ratio_of_means(base: &[f64], test: &[f64], confidence: f64) -> Result<Self, Error> {
        let confidence = Confidence::new(confidence)?;
        check_sizes(&[(base, Series::Base), (test, Series::Test)])?;
        if let Some(index) = base.iter().position(|&x| x <= 0.0) {
            return Err(Error::ZeroValue {
                series: Series::Base,
                index,
            });
        }
        let distinct =
            distinct_resamples(base.len()).saturating_mul(distinct_resamples(test.len()));
        let (resampled, resampling) = if distinct <= MAX_ENUMERATED {
            let (b, t) = (enumerate_means(base), enumerate_means(test));
            let pairs = b
                .iter()
                .flat_map(|&(mb, pb)| t.iter().map(move |&(mt, pt)| (mt / mb, pt * pb)));
            (pairs.collect(), Resampling::Exact { distinct })
        } else {
            drawn(|rng| resampled_mean(test, rng) / resampled_mean(base, rng))
        };
        let (mean_base, mean_test) = (mean(base), mean(test));
        let influence = [
            jackknife(base, |m| mean_test / m),
            jackknife(test, |m| m / mean_base),
        ];
        let ratio = mean_test / mean_base;
        let read = Reading::of(resampled, ratio, acceleration(&influence), confidence);
        Ok(read.bca(read.ci, read.ci.ratio_to_overhead(), resampling))
    }

    /// Mean log ratio of pairs, which are resampled whole.
    ///
    /// # Errors
    ///
    /// As [`paired::log_ratios`]; also fewer than two pairs, more than 2,000, or an unsupported
    /// confidence.
    pub fn paired_log(base: &[f64], test: &[f64], confidence: f64) -> Result<Self, Error> {
        let confidence = Confidence::new(confidence)?;
        let d = paired::log_ratios(base, test)?;
        check_sizes(&[(&d, Series::LogRatios)])?;
        let distinct = distinct_resamples(d.len());
        let (resampled, resampling) = if distinct <= MAX_ENUMERATED {
            (enumerate_means(&d), Resampling::Exact { distinct })
        } else {
            drawn(|rng| resampled_mean(&d, rng))
        };
        let influence = [jackknife(&d, |m| m)];
        let read = Reading::of(resampled, mean(&d), acceleration(&influence), confidence);
        Ok(read.bca(read.ci.exp(), read.ci.log_ratio_to_overhead(), resampling))
    }
}

/// What is read off the weighted resamples, in the unit of the resampled statistic.
struct Reading {
    z0: f64,
    acceleration: f64,
    alphas: Interval,
    se: f64,
    ci: Interval,
}

impl Reading {
    fn of(
        mut resampled: Vec<(f64, f64)>,
        estimate: f64,
        acceleration: f64,
        confidence: Confidence,
    ) -> Self {
        resampled.sort_by(|a, b| a.0.total_cmp(&b.0));
        let tie = TIE * estimate.abs();
        let mass = |keep: &dyn Fn(f64) -> bool| -> f64 {
            resampled
                .iter()
                .filter(|(v, _)| keep(*v))
                .map(|(_, p)| p)
                .sum()
        };
        let below = mass(&|v| v < estimate - tie);
        let equal = mass(&|v| (v - estimate).abs() <= tie);
        let z0 = normal_quantile(below + 0.5 * equal);
        let adjusted = |p: f64| {
            let shifted = z0 + normal_quantile(p);
            normal_cdf(z0 + shifted / (1.0 - acceleration * shifted))
        };
        let half = confidence.alpha() / 2.0;
        let alphas = Interval {
            lo: adjusted(half),
            hi: adjusted(1.0 - half),
        };
        let centre: f64 = resampled.iter().map(|(v, p)| v * p).sum();
        let variance: f64 = resampled
            .iter()
            .map(|(v, p)| (v - centre).powi(2) * p)
            .sum();
        let ci = Interval {
            lo: quantile(&resampled, alphas.lo),
            hi: quantile(&resampled, alphas.hi),
        };
        Self {
            z0,
            acceleration,
            alphas,
            se: variance.sqrt(),
            ci,
        }
    }

    fn bca(&self, ratio_ci: Interval, overhead_ci: Interval, resampling: Resampling) -> Bca {
        Bca {
            z0: self.z0,
            acceleration: self.acceleration,
            alphas: self.alphas,
            bootstrap_se: self.se,
            ratio_ci,
            overhead_ci,
            resampling,
        }
    }
}

/// The smallest value whose cumulative weight reaches `p`.
fn quantile(sorted: &[(f64, f64)], p: f64) -> f64 {
    let mut cumulative = 0.0;
    for &(value, weight) in sorted {
        cumulative += weight;
        if cumulative >= p {
            return value;
        }
    }
    sorted.last().map_or(f64::NAN, |&(value, _)| value)
}

/// (n − 1)(θ̄ − θᵢ) for each left-out value, where θ is a function of the mean.
fn jackknife(values: &[f64], statistic: impl Fn(f64) -> f64) -> Vec<f64> {
    let rest = values.len() as f64 - 1.0;
    let total: f64 = values.iter().sum();
    let thetas: Vec<f64> = values
        .iter()
        .map(|x| statistic((total - x) / rest))
        .collect();
    let centre = mean(&thetas);
    thetas.iter().map(|theta| rest * (centre - theta)).collect()
}

/// Σ U³/n³ / (6·(Σ U²/n²)^{3/2}), summed over the samples.
fn acceleration(influence: &[Vec<f64>]) -> f64 {
    let sum = |power: i32| -> f64 {
        influence
            .iter()
            .map(|u| u.iter().map(|x| x.powi(power)).sum::<f64>() / (u.len() as f64).powi(power))
            .sum()
    };
    let spread = sum(2);
    if spread > 0.0 {
        sum(3) / (6.0 * spread.powf(1.5))
    } else {
        0.0
    }
}

/// Resamples of n values that differ as multisets: C(2n − 1, n); saturates.
fn distinct_resamples(n: usize) -> u64 {
    let mut count: u64 = 1;
    for k in 1..=n as u64 {
        // C(n − 1 + k, k) from C(n − 2 + k, k − 1); the division is exact.
        match count.checked_mul(n as u64 - 1 + k) {
            Some(product) => count = product / k,
            None => return u64::MAX,
        }
    }
    count
}

/// The mean of every distinct resample with its multinomial probability.
fn enumerate_means(values: &[f64]) -> Vec<(f64, f64)> {
    let n = values.len();
    let mut out = Vec::new();
    // Probability of counts c is n!/(Πcᵢ!·nⁿ), built up one value at a time.
    let start = (1..=n).map(|k| k as f64 / n as f64).product();
    extend(values, n, 0.0, start, &mut |sum, weight| {
        out.push((sum / n as f64, weight));
    });
    out
}

fn extend(values: &[f64], left: usize, sum: f64, weight: f64, emit: &mut dyn FnMut(f64, f64)) {
    let Some((&value, rest)) = values.split_first() else {
        return;
    };
    if rest.is_empty() {
        let factorial: f64 = (1..=left).map(|k| k as f64).product();
        emit(sum + value * left as f64, weight / factorial);
        return;
    }
    let mut factorial = 1.0;
    for count in 0..=left {
        if count > 0 {
            factorial *= count as f64;
        }
        extend(
            rest,
            left - count,
            sum + value * count as f64,
            weight / factorial,
            emit,
        );
    }
}

fn drawn(statistic: impl Fn(&mut Pcg64) -> f64) -> (Vec<(f64, f64)>, Resampling) {
    let mut rng = Pcg64::seed_from_u64(SEED);
    let weight = 1.0 / DRAWN as f64;
    let resamples = (0..DRAWN).map(|_| (statistic(&mut rng), weight)).collect();
    (
        resamples,
        Resampling::Drawn {
            resamples: DRAWN as u64,
        },
    )
}

fn resampled_mean(values: &[f64], rng: &mut Pcg64) -> f64 {
    let sum: f64 = (0..values.len())
        .map(|_| values[rng.random_range(0..values.len())])
        .sum();
    sum / values.len() as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn check_sizes(all: &[(&[f64], Series)]) -> Result<(), Error> {
    for &(values, series) in all {
        check_finite(values, series)?;
        if values.len() < 2 {
            return Err(Error::TooFew {
                series,
                needed: 2,
                got: values.len(),
            });
        }
    }
    let got = all.iter().map(|(values, _)| values.len()).sum::<usize>();
    if got > MAX_VALUES {
        return Err(Error::TooMany {
            limit: MAX_VALUES as u64,
            got: got as u64,
        });
    }
    Ok(())
}
