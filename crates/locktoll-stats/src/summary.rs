//! One series: count, mean, standard deviation, standard error and a t interval of the mean.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::input::Scale;
use crate::interval::Confidence;
use crate::moments::{Moments, check_finite};
use crate::student::Studentized;
use crate::{Error, Interval, Series};

/// What one series says by itself; every field but `n` and `confidence` is in its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Number of values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (divisor n − 1); `None` for one value.
    pub sd: Option<f64>,
    /// Standard error of the mean, sd/√n; `None` for one value.
    pub se: Option<f64>,
    /// Student's t interval of the mean; `None` for one value.
    pub ci: Option<Interval>,
    /// Confidence of `ci`.
    pub confidence: f64,
}

impl Summary {
    /// Summarises a series of any finite values.
    ///
    /// The interval is mean ± t₍n−1₎·s/√n (Student, *Biometrika* 6 (1908) 1–25). Results beyond
    /// the largest `f64` are given as the largest `f64`.
    ///
    /// ```
    /// let s = locktoll_stats::Summary::compute(&[8922.0, 8915.0, 8930.0, 8918.0, 8925.0], 0.95)?;
    /// assert_eq!(s.mean, 8922.0);
    /// assert!((s.se.unwrap() - 2.627).abs() < 1e-3);
    /// # Ok::<(), locktoll_stats::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An empty series, a value that is not finite, an unsupported confidence, or values that
    /// differ by less than double precision can square.
    pub fn compute(values: &[f64], confidence: f64) -> Result<Self, Error> {
        let confidence = Confidence::new(confidence)?;
        check_finite(values, Series::Values)?;
        let scale = Scale::of(values.iter());
        let scaled: Vec<f64> = values.iter().map(|&x| scale.apply(x)).collect();
        let moments = Moments::of(&scaled, Series::Values)?;
        let se = moments.variance_of_mean().sqrt();
        let ci = Studentized {
            estimate: moments.mean,
            se,
            df: moments.df(),
        };
        let varied = moments.n > 1;
        Ok(Self {
            n: moments.n,
            mean: scale.undo(moments.mean),
            sd: varied.then(|| scale.undo(moments.sd())),
            se: varied.then(|| scale.undo(se)),
            ci: varied.then(|| {
                let ci = ci.interval_at(confidence);
                Interval {
                    lo: scale.undo(ci.lo),
                    hi: scale.undo(ci.hi),
                }
            }),
            confidence: confidence.level(),
        })
    }
}
