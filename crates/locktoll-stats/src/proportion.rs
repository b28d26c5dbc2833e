//! How often something happens: crashes of trials, contended acquisitions.
//!
//! "0 of 105" is not "0%": it is "below 2.9% with 95% confidence".

use crate::distribution::{beta_quantile, normal_upper_quantile};
use crate::interval::Confidence;
use crate::{Error, Interval};

/// Above this many trials the incomplete beta function is not accurate enough; use
/// [`Proportion::wilson`].
const MAX_EXACT_TRIALS: u64 = 1_000_000;

/// A count of successes among independent trials.
///
/// ```
/// let crashes = locktoll_stats::proportion::Proportion::new(0, 105)?;
/// let bound = crashes.upper_bound(0.95)?;
/// assert!((bound - 0.0281).abs() < 1e-4);
/// # Ok::<(), locktoll_stats::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    successes: u64,
    trials: u64,
}

impl Proportion {
    /// `successes` of `trials`.
    ///
    /// # Errors
    ///
    /// No trials, or more successes than trials.
    pub fn new(successes: u64, trials: u64) -> Result<Self, Error> {
        if trials == 0 || successes > trials {
            return Err(Error::Proportion { successes, trials });
        }
        Ok(Self { successes, trials })
    }

    /// The share observed, 0 to 1.
    pub fn estimate(&self) -> f64 {
        self.successes as f64 / self.trials as f64
    }

    /// Clopper–Pearson interval: two-sided, coverage never below the confidence.
    ///
    /// Source: C. J. Clopper and E. S. Pearson, *Biometrika* 26 (1934) 404–413, as beta quantiles.
    ///
    /// # Errors
    ///
    /// An unsupported confidence, or more than a million trials.
    pub fn clopper_pearson(&self, confidence: f64) -> Result<Interval, Error> {
        let half = Confidence::new(confidence)?.alpha() / 2.0;
        Ok(Interval {
            lo: self.exact_lower(half)?,
            hi: self.exact_upper(half)?,
        })
    }

    /// One-sided Clopper–Pearson bound: the share is below it with the given confidence.
    ///
    /// For no successes this is 1 − (1 − confidence)^(1/n), near the "rule of three" 3/n.
    ///
    /// # Errors
    ///
    /// An unsupported confidence, or more than a million trials.
    pub fn upper_bound(&self, confidence: f64) -> Result<f64, Error> {
        self.exact_upper(Confidence::new(confidence)?.alpha())
    }

    /// Wilson's score interval: two-sided, coverage near the confidence on average.
    ///
    /// Source: E. B. Wilson, *JASA* 22 (1927) 209–212.
    ///
    /// # Errors
    ///
    /// An unsupported confidence.
    pub fn wilson(&self, confidence: f64) -> Result<Interval, Error> {
        let z = normal_upper_quantile(Confidence::new(confidence)?.alpha() / 2.0);
        let n = self.trials as f64;
        let p = self.estimate();
        let shrink = 1.0 + z * z / n;
        let centre = (p + z * z / (2.0 * n)) / shrink;
        let half = z / shrink * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        let at = Interval::around(centre, half);
        // At 0 and n the ends are exactly 0 and 1; rounding must not exclude the estimate.
        Ok(Interval {
            lo: at.lo.max(0.0).min(p),
            hi: at.hi.min(1.0).max(p),
        })
    }

    fn exact_lower(&self, alpha: f64) -> Result<f64, Error> {
        if self.successes == 0 {
            return Ok(0.0);
        }
        let mirrored = Self {
            successes: self.trials - self.successes,
            trials: self.trials,
        };
        Ok(1.0 - mirrored.exact_upper(alpha)?)
    }

    fn exact_upper(&self, alpha: f64) -> Result<f64, Error> {
        if self.successes == self.trials {
            return Ok(1.0);
        }
        if self.successes == 0 {
            return Ok(-(alpha.ln() / self.trials as f64).exp_m1());
        }
        if self.trials > MAX_EXACT_TRIALS {
            return Err(Error::TooMany {
                limit: MAX_EXACT_TRIALS,
                got: self.trials,
            });
        }
        let above = self.successes as f64 + 1.0;
        Ok(beta_quantile(
            1.0 - alpha,
            above,
            (self.trials - self.successes) as f64,
        ))
    }
}
