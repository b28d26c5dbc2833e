//! Hodges–Lehmann estimates: the median of all pairwise differences or ratios.
//!
//! A shift or a ratio that a few wild values cannot move. The interval runs between two order
//! statistics, so its confidence is one of few possible numbers; the one obtained is given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::{normal_cdf, normal_quantile};
use crate::interval::Confidence;
use crate::moments::check_finite;
use crate::rank_distribution::{MAX_EXACT, rank_sum_probabilities};
use crate::{Error, Interval, Series};

/// Pairwise values beyond this many are refused: they would not fit in memory for long series.
const MAX_PAIRS: u64 = 4_000_000;

/// Median pairwise difference base − test, in the unit of the values, and ratio test/base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HodgesLehmann {
    /// Median of base − test over all pairs.
    pub shift: f64,
    /// Median of test/base over all pairs; `None` when the base has a zero.
    pub ratio: Option<f64>,
    /// Intervals between order statistics; `None` when there are too few values to reach the
    /// confidence asked for.
    pub ci: Option<RankIntervals>,
}

/// Order-statistic intervals of a Hodges–Lehmann estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankIntervals {
    /// Confidence attained without ties; at least what was asked for. Exact up to 50 values in
    /// all, by the normal approximation above.
    pub confidence: f64,
    /// The k-th smallest and k-th largest pairwise value are the ends, counted from 1.
    pub order: u64,
    /// Interval of the shift.
    pub shift: Interval,
    /// Interval of the ratio; `None` when the base has a zero.
    pub ratio: Option<Interval>,
}

impl HodgesLehmann {
    /// Estimates shift and ratio of two independent series.
    ///
    /// Source: J. L. Hodges and E. L. Lehmann, *Annals of Mathematical Statistics* 34 (1963)
    /// 598–611; the interval inverts the Mann–Whitney test (E. L. Lehmann, *Nonparametrics*
    /// (1975), section 2.6).
    ///
    /// # Errors
    ///
    /// An empty series, values that are not finite, more than four million pairs, or an
    /// unsupported confidence.
    pub fn compute(base: &[f64], test: &[f64], confidence: f64) -> Result<Self, Error> {
        let confidence = Confidence::new(confidence)?;
        check_finite(base, Series::Base)?;
        check_finite(test, Series::Test)?;
        let got = base.len() as u64 * test.len() as u64;
        if got > MAX_PAIRS {
            return Err(Error::TooMany {
                limit: MAX_PAIRS,
                got,
            });
        }
        let shifts = sorted_pairs(base, test, |b, t| b - t);
        let ratios = base
            .iter()
            .all(|&b| b > 0.0)
            .then(|| sorted_pairs(base, test, |b, t| t / b));
        let ci = order_statistic(base.len(), test.len(), confidence).map(|(order, attained)| {
            let between = |sorted: &[f64]| Interval {
                lo: sorted[order - 1],
                hi: sorted[sorted.len() - order],
            };
            RankIntervals {
                confidence: attained,
                order: order as u64,
                shift: between(&shifts),
                ratio: ratios.as_deref().map(between),
            }
        });
        Ok(Self {
            shift: median(&shifts),
            ratio: ratios.as_deref().map(median),
            ci,
        })
    }

    pub(crate) fn rescaled(self, unscale: impl Fn(f64) -> f64) -> Self {
        let ci = self.ci.map(|ci| RankIntervals {
            shift: Interval {
                lo: unscale(ci.shift.lo),
                hi: unscale(ci.shift.hi),
            },
            ..ci
        });
        Self {
            shift: unscale(self.shift),
            ci,
            ..self
        }
    }
}

/// The largest k with P(U ≤ k − 1) ≤ α/2, and the confidence 1 − 2·P(U ≤ k − 1) it gives.
fn order_statistic(n_base: usize, n_test: usize, confidence: Confidence) -> Option<(usize, f64)> {
    let half = confidence.alpha() / 2.0;
    let n = n_base + n_test;
    if n <= MAX_EXACT {
        let ranks: Vec<usize> = (1..=n).collect();
        let probabilities = rank_sum_probabilities(&ranks, n_base);
        let least = n_base * (n_base + 1) / 2;
        let mut tail = 0.0;
        let mut best = None;
        for (k, p) in probabilities[least..].iter().enumerate() {
            tail += p;
            if tail > half {
                break;
            }
            best = Some((k + 1, 1.0 - 2.0 * tail));
        }
        return best;
    }
    let pairs = n_base as f64 * n_test as f64;
    let sd = (pairs * (n as f64 + 1.0) / 12.0).sqrt();
    // P(U ≤ k − 1) ≈ Φ((k − ½ − mn/2)/σ)
    let k = (pairs / 2.0 + 0.5 + normal_quantile(half) * sd).floor();
    if k < 1.0 {
        return None;
    }
    let attained = 1.0 - 2.0 * normal_cdf((k - 0.5 - pairs / 2.0) / sd);
    // k is at most half of four million here.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some((k as usize, attained))
}

fn sorted_pairs(base: &[f64], test: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let mut all: Vec<f64> = base
        .iter()
        .flat_map(|&b| test.iter().map(move |&t| (b, t)))
        .map(|(b, t)| f(b, t))
        .collect();
    all.sort_by(f64::total_cmp);
    all
}

fn median(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2])
}
