//! Checks on published numbers: could these values have come about as described?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::t_upper_tail;
use crate::input::check_equal_lengths;
use crate::moments::{Moments, covariance};
use crate::{Error, Series};

/// Correlation of two series by position.
///
/// Runs made independently have no reason to go up and down together. A high correlation says
/// that they were measured in blocks and should be analysed as pairs, or that they were made up;
/// the numbers alone cannot tell which.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IndexCorrelation {
    /// Pearson's r.
    pub r: f64,
    /// r·√(ν/(1 − r²)); `None` when |r| is 1.
    pub t: Option<f64>,
    /// Degrees of freedom ν = n − 2.
    pub df: f64,
    /// Two-sided p-value of "no correlation".
    pub p: f64,
}

impl IndexCorrelation {
    /// Correlates two series of equal length.
    ///
    /// Source: R. A. Fisher, *Biometrika* 10 (1915) 507–521.
    ///
    /// # Errors
    ///
    /// Series that differ in length, fewer than three values, values that are not finite, or a
    /// series that does not vary.
    pub fn compute(base: &[f64], test: &[f64]) -> Result<Self, Error> {
        check_equal_lengths(base, test)?;
        let b = Moments::of(base, Series::Base)?;
        let t = Moments::of(test, Series::Test)?;
        if b.n < 3 {
            return Err(Error::TooFew {
                series: Series::Base,
                needed: 3,
                got: b.n,
            });
        }
        for (moments, series) in [(&b, Series::Base), (&t, Series::Test)] {
            if moments.variance == 0.0 {
                return Err(Error::Constant { series });
            }
        }
        let r = covariance(base, b.mean, test, t.mean) / (b.sd() * t.sd());
        let r = r.clamp(-1.0, 1.0);
        let df = b.n as f64 - 2.0;
        let t = (r.abs() < 1.0).then(|| r * (df / (1.0 - r * r)).sqrt());
        let p = t.map_or(0.0, |t| (2.0 * t_upper_tail(t.abs(), df)).min(1.0));
        Ok(Self { r, t, df, p })
    }
}
