//! Do the values of a series depend on their order? Autocorrelation, drift and level shifts.
//!
//! Every interval of this crate assumes independent blocks. These checks look for the usual ways
//! in which that fails, and lead to a warning, not to a repaired interval: with few values the
//! correlations are too poorly known for a correction by them to restore the coverage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::{chi_squared_upper_tail, t_upper_tail};
use crate::moments::{Moments, check_finite};
use crate::student::Studentized;
use crate::{Error, Series};

/// Autocorrelation at `lag`: Σ(xᵢ−x̄)(xᵢ₊ₗₐ₉−x̄)/Σ(xᵢ−x̄)².
///
/// Source: G. E. P. Box and G. M. Jenkins, *Time Series Analysis* (1970), chapter 2.
///
/// # Errors
///
/// Fewer than `lag` + 2 values, values that are not finite, or all the same.
pub fn autocorrelation(values: &[f64], lag: usize) -> Result<f64, Error> {
    let deviations = varying(values, lag.saturating_add(2))?;
    Ok(correlation_at(&deviations, lag))
}

/// The number of independent values that carry as much information about the mean:
/// n/(1 + 2Σρₖ), between 1 and n.
///
/// The sum ends before the first ρₖ that is not positive, since the estimates beyond are noise
/// (the initial positive sequence of C. J. Geyer, *Statistical Science* 7 (1992) 473–483, in its
/// simplest form).
///
/// # Errors
///
/// Fewer than three values, values that are not finite, or all the same.
pub fn effective_sample_size(values: &[f64]) -> Result<f64, Error> {
    let deviations = varying(values, 3)?;
    let n = values.len() as f64;
    let sum: f64 = (1..values.len())
        .map(|lag| correlation_at(&deviations, lag))
        .take_while(|&rho| rho > 0.0)
        .sum();
    Ok((n / (1.0 + 2.0 * sum)).clamp(1.0, n))
}

/// Ljung–Box test of "no autocorrelation up to `lags`".
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LjungBox {
    /// Number of lags looked at.
    pub lags: usize,
    /// Q = n(n+2)Σρₖ²/(n−k).
    pub q: f64,
    /// P-value by χ² with `lags` degrees of freedom; approximate below some 20 values.
    pub p: f64,
}

impl LjungBox {
    /// Tests lags 1 to `lags`.
    ///
    /// Source: G. M. Ljung and G. E. P. Box, *Biometrika* 65 (1978) 297–303.
    ///
    /// # Errors
    ///
    /// No lags, fewer than `lags` + 2 values, values that are not finite, or all the same.
    pub fn compute(values: &[f64], lags: usize) -> Result<Self, Error> {
        if lags == 0 {
            return Err(Error::Parameter {
                name: "lags",
                value: 0.0,
                limit: f64::INFINITY,
            });
        }
        let deviations = varying(values, lags.saturating_add(2))?;
        let n = values.len() as f64;
        let sum: f64 = (1..=lags)
            .map(|k| correlation_at(&deviations, k).powi(2) / (n - k as f64))
            .sum();
        let q = n * (n + 2.0) * sum;
        Ok(Self {
            lags,
            q,
            p: chi_squared_upper_tail(q, lags as f64),
        })
    }
}

/// A straight line through the values in run order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// Change from one value to the next, in the unit of the values.
    pub slope: f64,
    /// Slope over its standard error; `None` when the line fits exactly.
    pub t: Option<f64>,
    /// Degrees of freedom, n − 2.
    pub df: f64,
    /// Two-sided p-value of "no slope".
    pub p: f64,
}

impl Drift {
    /// Least squares of the values on their position, with Student's t on the slope.
    ///
    /// Source: any text on linear regression, such as N. R. Draper and H. Smith, *Applied
    /// Regression Analysis*, chapter 1.
    ///
    /// # Errors
    ///
    /// Fewer than three values, values that are not finite, or all the same.
    pub fn compute(values: &[f64]) -> Result<Self, Error> {
        let deviations = varying(values, 3)?;
        let n = values.len() as f64;
        let middle = (n - 1.0) / 2.0;
        let sxx = n * (n * n - 1.0) / 12.0;
        let sxy: f64 = deviations
            .iter()
            .enumerate()
            .map(|(i, y)| (i as f64 - middle) * y)
            .sum();
        let slope = sxy / sxx;
        let residual: f64 = deviations
            .iter()
            .enumerate()
            .map(|(i, y)| (y - slope * (i as f64 - middle)).powi(2))
            .sum();
        let df = n - 2.0;
        let line = Studentized {
            estimate: slope,
            se: (residual / df / sxx).sqrt(),
            df,
        };
        Ok(Self {
            slope,
            t: line.t(0.0),
            df,
            p: line.p_two_sided(0.0),
        })
    }
}

/// The split of a series at which the means before and after differ most clearly.
///
/// A split near the start is what a warm-up that was too short looks like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelShift {
    /// Number of values before the split.
    pub at: usize,
    /// Mean before it.
    pub before: f64,
    /// Mean from it on.
    pub after: f64,
    /// P-value of "no shift anywhere", Bonferroni-corrected for the splits tried: conservative.
    pub p: f64,
}

impl LevelShift {
    /// Tries every split that leaves two values on each side, with a pooled two-sample t.
    ///
    /// Source: the likelihood-ratio statistic of A. Sen and M. S. Srivastava, *Annals of
    /// Statistics* 3 (1975) 98–108, with the Bonferroni bound in place of simulated quantiles.
    ///
    /// # Errors
    ///
    /// Fewer than six values, values that are not finite, or all the same.
    pub fn compute(values: &[f64]) -> Result<Self, Error> {
        let deviations = varying(values, 6)?;
        let n = values.len();
        let total: f64 = deviations.iter().map(|d| d * d).sum();
        let splits = n - 3;
        let df = n as f64 - 2.0;
        let mut best = (0.0_f64, 2);
        let mut before = deviations[0];
        for (at, &deviation) in deviations.iter().enumerate().take(n - 1).skip(1) {
            // Deviations sum to zero, so the sum before the split also gives the sum after it.
            if at >= 2 {
                let explained = before * before * (1.0 / at as f64 + 1.0 / (n - at) as f64);
                if explained > best.0 {
                    best = (explained, at);
                }
            }
            before += deviation;
        }
        let (explained, at) = best;
        let residual = (total - explained).max(0.0);
        let t = (explained / (residual / df)).sqrt();
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        Ok(Self {
            at,
            before: mean(&values[..at]),
            after: mean(&values[at..]),
            p: (splits as f64 * 2.0 * t_upper_tail(t, df)).min(1.0),
        })
    }
}

/// Deviations from the mean of a series that has at least `needed` values and is not constant.
fn varying(values: &[f64], needed: usize) -> Result<Vec<f64>, Error> {
    let series = Series::Values;
    check_finite(values, series)?;
    if values.len() < needed {
        return Err(Error::TooFew {
            series,
            needed,
            got: values.len(),
        });
    }
    let moments = Moments::of(values, series)?;
    if moments.variance == 0.0 {
        return Err(Error::Constant { series });
    }
    Ok(values.iter().map(|x| x - moments.mean).collect())
}

fn correlation_at(deviations: &[f64], lag: usize) -> f64 {
    let products: f64 = deviations
        .iter()
        .zip(&deviations[lag..])
        .map(|(a, b)| a * b)
        .sum();
    products / deviations.iter().map(|d| d * d).sum::<f64>()
}
