//! Fieller's interval for a ratio of means, independent or paired.
//!
//! The interval holds every ratio θ for which mean(test) − θ·mean(base) cannot be told from zero.
//! When the base mean itself cannot be told from zero, no θ however large is excluded: the
//! interval is then [`Bounds::Unbounded`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::t_upper_quantile;
use crate::input::check_equal_lengths;
use crate::interval::Confidence;
use crate::moments::{Moments, covariance, satterthwaite_df};
use crate::{Bounds, Error, Interval, Series};

/// Ratio of means test/base with its interval, and the overhead 1 − ratio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fieller {
    /// mean(test) / mean(base).
    pub ratio: f64,
    /// Degrees of freedom of the t quantile.
    pub df: f64,
    /// (t·se/mean)² of the base: how near the denominator is to zero. At 1 or more the interval
    /// is unbounded.
    pub g: f64,
    /// Interval of the ratio.
    pub ratio_ci: Bounds,
    /// Interval of the overhead, a fraction.
    pub overhead_ci: Bounds,
}

/// Variances and covariance of the two means.
struct MeanErrors {
    base: f64,
    test: f64,
    covariance: f64,
    /// Variance of mean(test) − R̂·mean(base).
    residual: f64,
}

impl Fieller {
    /// Independent series; degrees of freedom by Satterthwaite at the estimated ratio R̂, with
    /// `R̂²·v_base` for the variance of the base.
    ///
    /// Source: E. C. Fieller, *J. R. Stat. Soc. B* 16 (1954) 175–185.
    ///
    /// # Errors
    ///
    /// Fewer than two values in a series, values that are not finite, a base mean of zero, an
    /// unsupported confidence.
    pub fn unpaired(base: &[f64], test: &[f64], confidence: f64) -> Result<Self, Error> {
        let (b, t, ratio) = means(base, test)?;
        let v_base = ratio * ratio * b.variance_of_mean();
        let df = satterthwaite_df(v_base, b.df(), t.variance_of_mean(), t.df());
        Self::unpaired_with_df(base, test, df, confidence)
    }

    /// Independent series with given degrees of freedom, n₁ + n₂ − 2 in the classical form, which
    /// assumes equal variances.
    ///
    /// # Errors
    ///
    /// As [`Fieller::unpaired`]; also degrees of freedom that are not positive.
    pub fn unpaired_with_df(
        base: &[f64],
        test: &[f64],
        df: f64,
        confidence: f64,
    ) -> Result<Self, Error> {
        if df.is_nan() || df <= 0.0 {
            return Err(Error::Parameter {
                name: "df",
                value: df,
                limit: f64::INFINITY,
            });
        }
        let confidence = Confidence::new(confidence)?;
        let (b, t, ratio) = means(base, test)?;
        let (v_base, v_test) = (b.variance_of_mean(), t.variance_of_mean());
        let errors = MeanErrors {
            base: v_base,
            test: v_test,
            covariance: 0.0,
            residual: v_test + ratio * ratio * v_base,
        };
        Ok(solve(&b, &t, &errors, df, confidence))
    }

    /// Paired series: the i-th values belong together. Degrees of freedom n − 1.
    ///
    /// # Errors
    ///
    /// As [`Fieller::unpaired`]; also series of different lengths.
    pub fn paired(base: &[f64], test: &[f64], confidence: f64) -> Result<Self, Error> {
        check_equal_lengths(base, test)?;
        let confidence = Confidence::new(confidence)?;
        let (b, t, ratio) = means(base, test)?;
        let n = b.n as f64;
        let residuals: Vec<f64> = base
            .iter()
            .zip(test)
            .map(|(x, y)| (y - t.mean) - ratio * (x - b.mean))
            .collect();
        let errors = MeanErrors {
            base: b.variance_of_mean(),
            test: t.variance_of_mean(),
            covariance: covariance(base, b.mean, test, t.mean) / n,
            residual: residuals.iter().map(|e| e * e).sum::<f64>() / (n - 1.0) / n,
        };
        Ok(solve(&b, &t, &errors, n - 1.0, confidence))
    }
}

fn means(base: &[f64], test: &[f64]) -> Result<(Moments, Moments, f64), Error> {
    let b = Moments::at_least_two(base, Series::Base)?;
    let t = Moments::at_least_two(test, Series::Test)?;
    if b.mean == 0.0 {
        return Err(Error::ZeroMean {
            series: Series::Base,
        });
    }
    Ok((b, t, t.mean / b.mean))
}

/// Solves A·θ² − 2B·θ + C ≤ 0 with A = b̄² − t²·v(b̄), B = āb̄ − t²·cov, C = ā² − t²·v(ā), where
/// ā is the test mean, b̄ the base mean, and v and cov are those of the means.
///
/// The discriminant B² − AC is written as t²·b̄²·v(ā − R̂b̄) + t⁴·(cov² − v(ā)·v(b̄)), which is the
/// same and does not subtract two nearly equal numbers.
fn solve(
    base: &Moments,
    test: &Moments,
    errors: &MeanErrors,
    df: f64,
    confidence: Confidence,
) -> Fieller {
    let t = t_upper_quantile(confidence.alpha() / 2.0, df);
    let t2 = t * t;
    let a = base.mean * base.mean - t2 * errors.base;
    let b = test.mean * base.mean - t2 * errors.covariance;
    let spread = errors.covariance * errors.covariance - errors.base * errors.test;
    let discriminant = t2 * base.mean * base.mean * errors.residual + t2 * t2 * spread;
    let ratio_ci = if a > 0.0 {
        let root = discriminant.max(0.0).sqrt();
        Bounds::Bounded(Interval {
            lo: (b - root) / a,
            hi: (b + root) / a,
        })
    } else {
        Bounds::Unbounded
    };
    Fieller {
        ratio: test.mean / base.mean,
        df,
        g: t2 * errors.base / (base.mean * base.mean),
        ratio_ci,
        overhead_ci: ratio_ci.map(Interval::ratio_to_overhead),
    }
}
