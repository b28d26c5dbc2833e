//! Intervals of the parameters and of the peak, by a bootstrap over blocks.
//!
//! The bootstrap gives standard errors; Student's t at the number of blocks does the rest, since
//! percentiles of a handful of blocks are too narrow (with 5 blocks, 90% where 95% is meant). What
//! is resampled is the fit *without* bounds: at a bound the bounded fit hardly moves, and its own
//! spread would promise too much. The bounds cut the finished interval, which costs no coverage.
//! Resampled means are drawn further out by √(n ∕ (n−1)), since a resample has the variance with
//! divisor n (A. C. Davison and D. V. Hinkley, *Bootstrap Methods and their Application*, Cambridge
//! 1997, section 2.3).

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::least_squares::Law;
use super::table::{Table, mean};
use super::{Peak, Refusal, Replicates};
use crate::Interval;
use crate::distribution::t_upper_quantile;
use crate::interval::Confidence;
use crate::student::Studentized;

/// Standard errors from this many have an error of 2.2% of their own.
const RESAMPLES: usize = 1_000;

/// λ, σ and κ in this order.
type Parameters = [f64; 3];

/// The intervals of a fit, in the scale of its table.
#[derive(Debug)]
pub(super) struct Intervals {
    pub(super) lambda: Interval,
    pub(super) sigma: Interval,
    pub(super) kappa: Interval,
    pub(super) peak: Peak,
}

impl Intervals {
    pub(super) fn bootstrap(
        table: &Table,
        law: &Law,
        confidence: Confidence,
        seed: u64,
    ) -> Result<Self, Refusal> {
        let means = table.means();
        let centre = Law::unbounded(&table.threads, &means).ok_or(Refusal::Open)?;
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut drawn = Vec::with_capacity(RESAMPLES);
        for _ in 0..RESAMPLES {
            let resampled = resample(table, &means, &mut rng);
            // A resample that puts 1∕λ at zero or below shows that the noise lets λ be anything.
            drawn.push(Law::unbounded(&table.threads, &resampled).ok_or(Refusal::Open)?);
        }
        let spread = Spread::of(&drawn);
        if spread.0.iter().flatten().any(|x| !x.is_finite()) {
            return Err(Refusal::Open);
        }
        let df = degrees_of_freedom(table, &means, centre);
        let interval = |which: usize, estimate: f64| {
            let free = Studentized {
                estimate: centre[which],
                se: spread.variance(which).sqrt(),
                df: df[which],
            }
            .interval_at(confidence);
            Interval {
                lo: free.lo.max(0.0).min(estimate),
                hi: free.hi.min(f64::MAX).max(estimate),
            }
        };
        let t = t_upper_quantile(confidence.alpha() / 2.0, df[1].min(df[2]));
        Ok(Self {
            lambda: interval(0, law.lambda()),
            sigma: interval(1, law.sigma()),
            kappa: interval(2, law.kappa()),
            peak: peak(law, centre, &spread, t),
        })
    }
}

/// The means of one resample.
fn resample(table: &Table, means: &[f64], rng: &mut Pcg64) -> Vec<f64> {
    let draw = |n: usize, rng: &mut Pcg64| -> Vec<usize> {
        (0..n).map(|_| rng.random_range(0..n)).collect()
    };
    let mut chosen = draw(table.fewest_values(), rng);
    let mut resampled = Vec::with_capacity(means.len());
    for (of, centre) in table.values.iter().zip(means) {
        if table.replicates == Replicates::Independent {
            chosen = draw(of.len(), rng);
        }
        let n = of.len() as f64;
        let drawn = chosen.iter().map(|&at| of[at]).sum::<f64>() / n;
        resampled.push(centre + (n / (n - 1.0)).sqrt() * (drawn - centre));
    }
    resampled
}

/// Variances and covariances of the resampled parameters.
struct Spread([[f64; 3]; 3]);

impl Spread {
    fn of(drawn: &[Parameters]) -> Self {
        let n = drawn.len() as f64;
        let centre: Parameters =
            std::array::from_fn(|i| drawn.iter().map(|found| found[i]).sum::<f64>() / n);
        Self(std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let product = |found: &Parameters| (found[i] - centre[i]) * (found[j] - centre[j]);
                drawn.iter().map(product).sum::<f64>() / (n - 1.0)
            })
        }))
    }

    fn variance(&self, which: usize) -> f64 {
        self.0[which][which]
    }
}

/// n − 1 in blocks; else Satterthwaite's, by what each thread count adds to the variance.
fn degrees_of_freedom(table: &Table, means: &[f64], centre: Parameters) -> Parameters {
    let fewest = table.fewest_values() as f64 - 1.0;
    if table.replicates == Replicates::Blocks {
        return [fewest; 3];
    }
    let mut whole = [0.0; 3];
    let mut parts = [0.0; 3];
    for (column, of) in table.values.iter().enumerate() {
        let n = of.len() as f64;
        let variance = of.iter().map(|x| (x - mean(of)).powi(2)).sum::<f64>() / (n - 1.0) / n;
        let mut moved = means.to_vec();
        moved[column] += variance.sqrt();
        let Some(found) = Law::unbounded(&table.threads, &moved) else {
            return [fewest; 3];
        };
        for which in 0..3 {
            let step = (found[which] - centre[which]).powi(2);
            whole[which] += step;
            parts[which] += step * step / (n - 1.0);
        }
    }
    std::array::from_fn(|which| {
        let df = whole[which] * whole[which] / parts[which];
        if df.is_finite() {
            df.max(fewest)
        } else {
            fewest
        }
    })
}

/// Throughput is highest at √z, where z = (1 − σ) ∕ κ, and at one thread where σ ≥ 1. The interval is
/// E. C. Fieller's for z: every z for which (1 − σ) − zκ cannot be told from zero.
fn peak(law: &Law, centre: Parameters, spread: &Spread, t: f64) -> Peak {
    let at = |z: f64| z.max(0.0).sqrt().max(1.0);
    let (sigma, kappa) = (law.sigma(), law.kappa());
    let threads = if sigma >= 1.0 {
        (sigma > 1.0 || kappa > 0.0).then_some(1.0)
    } else {
        (kappa > 0.0).then(|| at((1.0 - sigma) / kappa))
    };
    let (own, pairs) = (1.0 - centre[1], centre[2]);
    let t2 = t * t;
    let a = pairs * pairs - t2 * spread.variance(2);
    let b = own * pairs + t2 * spread.0[1][2];
    let c = own * own - t2 * spread.variance(1);
    let larger = b + (b * b - a * c).max(0.0).sqrt();
    let (at_least, at_most) = if own < 0.0 && c > 0.0 {
        (Some(1.0), Some(1.0))
    } else if a > 0.0 && pairs > 0.0 {
        (
            Some(if c > 0.0 { at(c / larger) } else { 1.0 }),
            Some(at(larger / a)),
        )
    } else if a > 0.0 || (c > 0.0 && larger <= 0.0) {
        // κ is below zero, whatever the noise: no peak is possible.
        (None, None)
    } else {
        (Some(if c > 0.0 { at(c / larger) } else { 1.0 }), None)
    };
    let finite = |x: &f64| x.is_finite();
    Peak {
        threads: threads.filter(finite),
        at_least: match (at_least.filter(finite), threads) {
            (Some(end), Some(estimate)) => Some(end.min(estimate)),
            (end, estimate) => end.or(estimate),
        },
        at_most: at_most
            .filter(finite)
            .and_then(|end| Some(end.max(threads?))),
    }
}
