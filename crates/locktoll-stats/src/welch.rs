//! Welch's t test: the difference of two means with unequal variances.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interval::Confidence;
use crate::moments::{Moments, satterthwaite_df};
use crate::student::Studentized;
use crate::{Error, Interval, Series};

/// Difference of means, base − test, in the unit of the values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Welch {
    /// mean(base) − mean(test).
    pub difference: f64,
    /// Standard error of the difference.
    pub se: f64,
    /// Welch–Satterthwaite degrees of freedom.
    pub df: f64,
    /// difference / se; `None` when nothing varies.
    pub t: Option<f64>,
    /// Two-sided p-value of "no difference".
    pub p: f64,
    /// Interval of the difference.
    pub ci: Interval,
}

impl Welch {
    /// Compares two independent series.
    ///
    /// Source: B. L. Welch, *Biometrika* 34 (1947) 28–35.
    ///
    /// # Errors
    ///
    /// Fewer than two values in a series, a value that is not finite, an unsupported confidence.
    pub fn compute(base: &[f64], test: &[f64], confidence: f64) -> Result<Self, Error> {
        let confidence = Confidence::new(confidence)?;
        let b = Moments::at_least_two(base, Series::Base)?;
        let t = Moments::at_least_two(test, Series::Test)?;
        let difference = linear_contrast(&b, &t, 1.0);
        // The contrast is test − base, as equivalence tests need it; a cost is base − test.
        let cost = Studentized {
            estimate: -difference.estimate,
            ..difference
        };
        Ok(Self {
            difference: cost.estimate,
            se: cost.se,
            df: cost.df,
            t: cost.t(0.0),
            p: cost.p_two_sided(0.0),
            ci: cost.interval_at(confidence),
        })
    }

    pub(crate) fn rescaled(self, unscale: impl Fn(f64) -> f64) -> Self {
        Self {
            difference: unscale(self.difference),
            se: unscale(self.se),
            ci: Interval {
                lo: unscale(self.ci.lo),
                hi: unscale(self.ci.hi),
            },
            ..self
        }
    }
}

/// The contrast mean(test) − ratio·mean(base) of two independent series: positive exactly when
/// the ratio of means exceeds `ratio`.
pub(crate) fn linear_contrast(base: &Moments, test: &Moments, ratio: f64) -> Studentized {
    let v_base = ratio * ratio * base.variance_of_mean();
    let v_test = test.variance_of_mean();
    Studentized {
        estimate: test.mean - ratio * base.mean,
        se: (v_base + v_test).sqrt(),
        df: satterthwaite_df(v_base, base.df(), v_test, test.df()),
    }
}
