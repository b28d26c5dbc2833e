//! The log of a ratio of means of independent series, by the delta method.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interval::Confidence;
use crate::moments::{Moments, satterthwaite_df};
use crate::student::Studentized;
use crate::{Error, Interval, Series};

/// ln(mean(test)/mean(base)) with its standard error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogRatio {
    /// ln(mean(test)/mean(base)).
    pub log_ratio: f64,
    /// Its standard error.
    pub se: f64,
    /// Satterthwaite degrees of freedom.
    pub df: f64,
    /// Interval of the ratio test/base.
    pub ratio_ci: Interval,
    /// Interval of the overhead 1 − ratio, a fraction.
    pub overhead_ci: Interval,
}

impl LogRatio {
    /// ln(ā/b̄) ± t·√(v(ā)/ā² + v(b̄)/b̄²), for test mean ā and base mean b̄.
    ///
    /// Source: the first-order expansion of the logarithm (G. W. Oehlert, *The American
    /// Statistician* 46 (1992) 27–29). Unlike Fieller's interval it is always bounded, and too
    /// narrow when a mean is not far from zero.
    ///
    /// # Errors
    ///
    /// Fewer than two values in a series, values that are not finite, a mean that is not
    /// positive, an unsupported confidence.
    pub fn compute(base: &[f64], test: &[f64], confidence: f64) -> Result<Self, Error> {
        let confidence = Confidence::new(confidence)?;
        let log = delta(base, test)?;
        let ci = log.interval_at(confidence);
        Ok(Self {
            log_ratio: log.estimate,
            se: log.se,
            df: log.df,
            ratio_ci: ci.exp(),
            overhead_ci: ci.log_ratio_to_overhead(),
        })
    }
}

pub(crate) fn delta(base: &[f64], test: &[f64]) -> Result<Studentized, Error> {
    let b = Moments::at_least_two(base, Series::Base)?;
    let t = Moments::at_least_two(test, Series::Test)?;
    for (moments, series) in [(&b, Series::Base), (&t, Series::Test)] {
        if moments.mean <= 0.0 {
            return Err(Error::ZeroMean { series });
        }
    }
    let v_base = b.variance_of_mean() / (b.mean * b.mean);
    let v_test = t.variance_of_mean() / (t.mean * t.mean);
    Ok(Studentized {
        estimate: (t.mean / b.mean).ln(),
        se: (v_base + v_test).sqrt(),
        df: satterthwaite_df(v_base, b.df(), v_test, t.df()),
    })
}
