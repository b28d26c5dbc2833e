//! An estimate with a standard error and degrees of freedom: intervals and p-values from it.
//!
//! Welch, log-ratio, paired and two-stage analyses differ only in how they come by these three
//! numbers, so the step from there to intervals and tests is written once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::{t_upper_quantile, t_upper_tail};
use crate::interval::Confidence;
use crate::{Error, Interval};

/// A quantity whose error, divided by `se`, follows Student's t with `df` degrees of freedom.
///
/// A standard error of zero means that the data show no variation: the interval has no width and
/// every p-value is 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Studentized {
    /// The estimate, in its own unit.
    pub estimate: f64,
    /// Its standard error, in the same unit.
    pub se: f64,
    /// Degrees of freedom of the standard error; need not be whole.
    pub df: f64,
}

impl Studentized {
    /// `estimate ± t·se` at the given confidence.
    ///
    /// # Errors
    ///
    /// [`Error::Confidence`] for a level outside 0.5 to 0.999999.
    pub fn interval(&self, confidence: f64) -> Result<Interval, Error> {
        Ok(self.interval_at(Confidence::new(confidence)?))
    }

    pub(crate) fn interval_at(&self, confidence: Confidence) -> Interval {
        if self.se == 0.0 {
            return Interval {
                lo: self.estimate,
                hi: self.estimate,
            };
        }
        let t = t_upper_quantile(confidence.alpha() / 2.0, self.df);
        Interval::around(self.estimate, t * self.se)
    }

    /// The t statistic against `null`; `None` when the standard error is zero.
    pub fn t(&self, null: f64) -> Option<f64> {
        (self.se > 0.0).then(|| (self.estimate - null) / self.se)
    }

    /// The p-value of "the quantity is `null`" against "it is not".
    pub fn p_two_sided(&self, null: f64) -> f64 {
        match self.t(null) {
            Some(t) => (2.0 * t_upper_tail(t.abs(), self.df)).min(1.0),
            None => certain(self.estimate != null),
        }
    }

    /// The p-value of "the quantity is at most `null`" against "it is more".
    pub fn p_above(&self, null: f64) -> f64 {
        match self.t(null) {
            Some(t) => t_upper_tail(t, self.df),
            None => certain(self.estimate > null),
        }
    }

    /// The p-value of "the quantity is at least `null`" against "it is less".
    pub fn p_below(&self, null: f64) -> f64 {
        match self.t(null) {
            Some(t) => t_upper_tail(-t, self.df),
            None => certain(self.estimate < null),
        }
    }
}

/// The p-value when nothing varies: 0 if the alternative is what was seen, else 1.
fn certain(alternative_seen: bool) -> f64 {
    if alternative_seen { 0.0 } else { 1.0 }
}
