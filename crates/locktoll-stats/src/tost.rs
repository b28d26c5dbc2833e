//! Two one-sided tests: is the ratio test/base inside 1 ± margin?
//!
//! A large p-value of "no difference" is no evidence of sameness. Here sameness is what has to be
//! shown: both "the ratio is at or below the lower bound" and "at or above the upper bound" must
//! be rejected. Rejecting both at level α is the same as the 1 − 2α interval lying inside the
//! bounds.
//!
//! Source: D. J. Schuirmann, *J. Pharmacokinet. Biopharm.* 15 (1987) 657–680.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::moments::Moments;
use crate::student::Studentized;
use crate::{Error, Interval, Series, log_ratio, paired, welch};

/// One of the two tests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OneSided {
    /// The t statistic; `None` when nothing varies.
    pub t: Option<f64>,
    /// Its degrees of freedom.
    pub df: f64,
    /// One-sided p-value.
    pub p: f64,
}

/// Both tests, and the larger of their p-values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tost {
    /// Against "at or below the lower bound".
    pub lower: OneSided,
    /// Against "at or above the upper bound".
    pub upper: OneSided,
    /// The p-value of the pair: the larger.
    pub p: f64,
}

impl Tost {
    /// Tests one estimate against two bounds in its own unit.
    pub fn of(estimate: &Studentized, bounds: Interval) -> Self {
        Self::of_contrasts(estimate, bounds.lo, estimate, bounds.hi)
    }

    fn of_contrasts(lower: &Studentized, lo: f64, upper: &Studentized, hi: f64) -> Self {
        let lower = OneSided {
            t: lower.t(lo),
            df: lower.df,
            p: lower.p_above(lo),
        };
        let upper = OneSided {
            t: upper.t(hi),
            df: upper.df,
            p: upper.p_below(hi),
        };
        Self {
            lower,
            upper,
            p: lower.p.max(upper.p),
        }
    }

    /// Independent series, linear in the ratio: mean(test) − (1 ± margin)·mean(base), each with
    /// its own Satterthwaite degrees of freedom. The form of S. Sasabuchi, *Biometrika* 67
    /// (1980) 429–439, with unequal variances as in Welch's test.
    ///
    /// # Errors
    ///
    /// Fewer than two values in a series, values that are not finite, a base mean of zero, or a
    /// margin outside 0 to 1.
    pub fn ratio_linear(base: &[f64], test: &[f64], margin: f64) -> Result<Self, Error> {
        check_margin(margin)?;
        let b = Moments::at_least_two(base, Series::Base)?;
        let t = Moments::at_least_two(test, Series::Test)?;
        if b.mean <= 0.0 {
            return Err(Error::ZeroMean {
                series: Series::Base,
            });
        }
        let lower = welch::linear_contrast(&b, &t, 1.0 - margin);
        let upper = welch::linear_contrast(&b, &t, 1.0 + margin);
        Ok(Self::of_contrasts(&lower, 0.0, &upper, 0.0))
    }

    /// Paired series, linear in the ratio: for series with zeros, which have no logarithm.
    ///
    /// # Errors
    ///
    /// As [`Tost::ratio_linear`]; also series that differ in length.
    pub fn paired_linear(base: &[f64], test: &[f64], margin: f64) -> Result<Self, Error> {
        check_margin(margin)?;
        let lower = paired::linear_contrast(base, test, 1.0 - margin)?;
        let upper = paired::linear_contrast(base, test, 1.0 + margin)?;
        Ok(Self::of_contrasts(&lower, 0.0, &upper, 0.0))
    }

    /// Independent series, log ratio of means by the delta method against ln(1 ± margin).
    ///
    /// # Errors
    ///
    /// As [`LogRatio::compute`](crate::log_ratio::LogRatio::compute), or a margin outside 0 to 1.
    pub fn log_delta(base: &[f64], test: &[f64], margin: f64) -> Result<Self, Error> {
        Ok(Self::of(
            &log_ratio::delta(base, test)?,
            log_bounds(margin)?,
        ))
    }

    /// Paired series, mean log ratio against ln(1 ± margin).
    ///
    /// # Errors
    ///
    /// As [`log_ratios`](paired::log_ratios); also fewer than two pairs, or a margin outside
    /// 0 to 1.
    pub fn paired_log(base: &[f64], test: &[f64], margin: f64) -> Result<Self, Error> {
        let d = paired::log_ratios(base, test)?;
        let moments = Moments::at_least_two(&d, Series::LogRatios)?;
        Ok(Self::of(
            &paired::mean_estimate(&moments),
            log_bounds(margin)?,
        ))
    }
}

/// ln(1 − margin) to ln(1 + margin): the bounds of a log ratio.
///
/// # Errors
///
/// A margin that is not at least 0 and below 1.
pub fn log_bounds(margin: f64) -> Result<Interval, Error> {
    check_margin(margin)?;
    Ok(Interval {
        lo: (-margin).ln_1p(),
        hi: margin.ln_1p(),
    })
}

pub(crate) fn check_margin(margin: f64) -> Result<(), Error> {
    if (0.0..1.0).contains(&margin) {
        Ok(())
    } else {
        Err(Error::Margin(margin))
    }
}
