//! Paired series: the i-th base and test values were measured in the same block.
//!
//! The log ratio of each pair removes whatever multiplies both values of a block (clock speed,
//! temperature, a neighbour on the machine) before anything is averaged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::input::check_equal_lengths;
use crate::interval::Confidence;
use crate::moments::{Moments, check_finite};
use crate::student::Studentized;
use crate::{Error, Interval, Series};

/// ln(testᵢ/baseᵢ) for each pair.
///
/// # Errors
///
/// Series that are empty or differ in length, values that are not finite, negative or zero.
pub fn log_ratios(base: &[f64], test: &[f64]) -> Result<Vec<f64>, Error> {
    check_equal_lengths(base, test)?;
    for (values, series) in [(base, Series::Base), (test, Series::Test)] {
        check_finite(values, series)?;
        if let Some(index) = values.iter().position(|&x| x <= 0.0) {
            let value = values[index];
            return Err(if value < 0.0 {
                Error::Negative {
                    series,
                    index,
                    value,
                }
            } else {
                Error::ZeroValue { series, index }
            });
        }
    }
    // ln(b) − ln(a) cannot overflow, where b/a can; but near 1 the quotient keeps more digits.
    let ratio = |(b, t): (&f64, &f64)| {
        let quotient = t / b;
        if quotient.is_normal() {
            quotient.ln()
        } else {
            t.ln() - b.ln()
        }
    };
    Ok(base.iter().zip(test).map(ratio).collect())
}

/// Student's t on the log ratios of pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedLogRatio {
    /// Number of pairs.
    pub n: usize,
    /// Mean of ln(test/base).
    pub mean: f64,
    /// Sample standard deviation of ln(test/base).
    pub sd: f64,
    /// mean/(sd/√n); `None` when all ratios are equal.
    pub t: Option<f64>,
    /// Degrees of freedom, n − 1.
    pub df: f64,
    /// Two-sided p-value of "the mean log ratio is zero".
    pub p: f64,
    /// Overhead 1 − e^mean, a fraction.
    pub overhead: f64,
    /// Interval of the overhead.
    pub overhead_ci: Interval,
}

impl PairedLogRatio {
    /// d̄ ± t₍n−1₎·s/√n for d = ln(test/base); overhead = 1 − e^d̄.
    ///
    /// Source: Student, *Biometrika* 6 (1908) 1–25, on the log ratios.
    ///
    /// # Errors
    ///
    /// As [`log_ratios`]; also fewer than two pairs, or an unsupported confidence.
    pub fn compute(base: &[f64], test: &[f64], confidence: f64) -> Result<Self, Error> {
        let confidence = Confidence::new(confidence)?;
        let d = log_ratios(base, test)?;
        let moments = Moments::at_least_two(&d, Series::LogRatios)?;
        let mean = mean_estimate(&moments);
        Ok(Self {
            n: moments.n,
            mean: mean.estimate,
            sd: moments.sd(),
            t: mean.t(0.0),
            df: mean.df,
            p: mean.p_two_sided(0.0),
            overhead: -mean.estimate.exp_m1(),
            overhead_ci: mean.interval_at(confidence).log_ratio_to_overhead(),
        })
    }
}

/// Student's t on the differences base − test of pairs, in the unit of the values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedDifference {
    /// Number of pairs.
    pub n: usize,
    /// Mean of base − test.
    pub mean: f64,
    /// Sample standard deviation of base − test.
    pub sd: f64,
    /// mean/(sd/√n); `None` when all differences are equal.
    pub t: Option<f64>,
    /// Degrees of freedom, n − 1.
    pub df: f64,
    /// Two-sided p-value of "the mean difference is zero".
    pub p: f64,
    /// Interval of the mean difference.
    pub ci: Interval,
}

impl PairedDifference {
    /// d̄ ± t₍n−1₎·s/√n for d = base − test. Unlike the log ratio it can use zeros.
    ///
    /// Source: Student, *Biometrika* 6 (1908) 1–25.
    ///
    /// # Errors
    ///
    /// Series that differ in length, fewer than two pairs, values that are not finite, or an
    /// unsupported confidence.
    pub fn compute(base: &[f64], test: &[f64], confidence: f64) -> Result<Self, Error> {
        let confidence = Confidence::new(confidence)?;
        let contrast = linear_contrast(base, test, 1.0)?;
        let cost = Studentized {
            estimate: -contrast.estimate,
            ..contrast
        };
        Ok(Self {
            n: base.len(),
            mean: cost.estimate,
            sd: cost.se * (base.len() as f64).sqrt(),
            t: cost.t(0.0),
            df: cost.df,
            p: cost.p_two_sided(0.0),
            ci: cost.interval_at(confidence),
        })
    }

    pub(crate) fn rescaled(self, unscale: impl Fn(f64) -> f64) -> Self {
        Self {
            mean: unscale(self.mean),
            sd: unscale(self.sd),
            ci: Interval {
                lo: unscale(self.ci.lo),
                hi: unscale(self.ci.hi),
            },
            ..self
        }
    }
}

/// The mean of test − ratio·base over pairs.
pub(crate) fn linear_contrast(
    base: &[f64],
    test: &[f64],
    ratio: f64,
) -> Result<Studentized, Error> {
    check_equal_lengths(base, test)?;
    check_finite(base, Series::Base)?;
    check_finite(test, Series::Test)?;
    let d: Vec<f64> = base.iter().zip(test).map(|(b, t)| t - ratio * b).collect();
    Ok(mean_estimate(&Moments::at_least_two(&d, Series::Values)?))
}

/// The mean of one sample with its standard error.
pub(crate) fn mean_estimate(moments: &Moments) -> Studentized {
    Studentized {
        estimate: moments.mean,
        se: moments.variance_of_mean().sqrt(),
        df: moments.df(),
    }
}
