//! Mean and variance of a checked series: what every t-based method starts from.

use crate::{Error, Series};

/// Largest magnitude whose square is still far from overflow.
const MAX_MAGNITUDE: f64 = 1e150;

/// Count, mean and sample variance (divisor n − 1; zero when n is 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub(crate) n: usize,
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl Moments {
    /// Two passes, with the mean corrected by the mean of the residuals, so that values which
    /// differ in the last digits still give an accurate variance. Equal values give exactly that
    /// value and exactly zero: a rounding error there would turn "no difference" into "a real
    /// difference of 1e-17".
    pub(crate) fn of(values: &[f64], series: Series) -> Result<Self, Error> {
        check_finite(values, series)?;
        let first = values[0];
        let n = values.len();
        if values.iter().any(|x| x.abs() > MAX_MAGNITUDE) {
            return Err(Error::OutOfRange { series });
        }
        if values.iter().all(|&x| x == first) {
            return Ok(Self {
                n,
                mean: first,
                variance: 0.0,
            });
        }
        let count = n as f64;
        let rough = values.iter().sum::<f64>() / count;
        let mean = rough + values.iter().map(|x| x - rough).sum::<f64>() / count;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
        if !variance.is_normal() {
            return Err(Error::OutOfRange { series });
        }
        Ok(Self { n, mean, variance })
    }

    /// As [`Moments::of`], for methods that need a variance.
    pub(crate) fn at_least_two(values: &[f64], series: Series) -> Result<Self, Error> {
        let moments = Self::of(values, series)?;
        if moments.n < 2 {
            return Err(Error::TooFew {
                series,
                needed: 2,
                got: moments.n,
            });
        }
        Ok(moments)
    }

    pub(crate) fn sd(&self) -> f64 {
        self.variance.sqrt()
    }

    /// Variance of the mean, s²/n.
    pub(crate) fn variance_of_mean(&self) -> f64 {
        self.variance / self.n as f64
    }

    /// Degrees of freedom of the variance, n − 1.
    pub(crate) fn df(&self) -> f64 {
        self.n as f64 - 1.0
    }
}

/// Refuses an empty series, a NaN and an infinity.
pub(crate) fn check_finite(values: &[f64], series: Series) -> Result<(), Error> {
    if values.is_empty() {
        return Err(Error::Empty { series });
    }
    match values.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(Error::NotFinite {
            series,
            index,
            value: values[index],
        }),
        None => Ok(()),
    }
}

/// Covariance of two series of equal length (divisor n − 1).
pub(crate) fn covariance(a: &[f64], mean_a: f64, b: &[f64], mean_b: f64) -> f64 {
    let sum: f64 = a
        .iter()
        .zip(b)
        .map(|(x, y)| (x - mean_a) * (y - mean_b))
        .sum();
    sum / (a.len() as f64 - 1.0)
}

/// Welch–Satterthwaite degrees of freedom of `v1 + v2`, where each `v` is a variance of a mean
/// with the given degrees of freedom: ν = (v₁+v₂)²/(v₁²/ν₁+v₂²/ν₂).
///
/// Written with the share of each variance, so that small variances do not underflow when
/// squared. When both are zero the pooled value ν₁+ν₂ stands in; nothing then depends on it.
///
/// Source: B. L. Welch, *Biometrika* 34 (1947) 28–35; F. E. Satterthwaite, *Biometrics Bulletin*
/// 2 (1946) 110–114.
pub(crate) fn satterthwaite_df(v1: f64, df1: f64, v2: f64, df2: f64) -> f64 {
    let total = v1 + v2;
    if total <= 0.0 {
        return df1 + df2;
    }
    let share = v1 / total;
    1.0 / (share * share / df1 + (1.0 - share) * (1.0 - share) / df2)
}
