//! Intervals, bounded or not, and the confidence level that they are made for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// A closed interval; its unit is that of the quantity it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Interval {
    /// The interval `centre ± half_width`.
    pub fn around(centre: f64, half_width: f64) -> Self {
        Self {
            lo: centre - half_width,
            hi: centre + half_width,
        }
    }

    /// Half the distance between the ends.
    pub fn half_width(&self) -> f64 {
        (self.hi - self.lo) / 2.0
    }

    /// Whether `x` lies between the ends or on one of them.
    pub fn contains(&self, x: f64) -> bool {
        (self.lo..=self.hi).contains(&x)
    }

    /// From a ratio test/base to the overhead `1 − ratio`; the ends change places.
    #[must_use]
    pub fn ratio_to_overhead(self) -> Self {
        Self {
            lo: 1.0 - self.hi,
            hi: 1.0 - self.lo,
        }
    }

    /// From a log ratio to the overhead `1 − e^x`; exact near zero. An end beyond the largest
    /// `f64` becomes the largest `f64`: two wild blocks can put it there.
    #[must_use]
    pub fn log_ratio_to_overhead(self) -> Self {
        Self {
            lo: -self.hi.exp_m1().min(f64::MAX),
            hi: -self.lo.exp_m1().min(f64::MAX),
        }
    }

    /// From a log ratio to the ratio. An end beyond the largest `f64` becomes the largest `f64`.
    #[must_use]
    pub fn exp(self) -> Self {
        Self {
            lo: self.lo.exp().min(f64::MAX),
            hi: self.hi.exp().min(f64::MAX),
        }
    }
}

/// A confidence set that may have no ends.
///
/// A ratio whose denominator cannot be told from zero is compatible with every value, however
/// large. That is an answer, so it is a variant and not a NaN.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bounds {
    /// Between two ends.
    Bounded(Interval),
    /// The data exclude no neighbourhood of infinity.
    Unbounded,
}

impl Bounds {
    /// The interval, if there is one.
    pub fn interval(&self) -> Option<Interval> {
        match self {
            Self::Bounded(interval) => Some(*interval),
            Self::Unbounded => None,
        }
    }

    /// Changes the interval, if there is one.
    #[must_use]
    pub fn map(self, f: impl FnOnce(Interval) -> Interval) -> Self {
        match self {
            Self::Bounded(interval) => Self::Bounded(f(interval)),
            Self::Unbounded => Self::Unbounded,
        }
    }
}

/// A checked confidence level.
///
/// The quantile functions underneath panic or do not end outside their range, so only this type
/// reaches them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Confidence(f64);

impl Confidence {
    pub(crate) fn new(level: f64) -> Result<Self, Error> {
        if (0.5..=0.999_999).contains(&level) {
            Ok(Self(level))
        } else {
            Err(Error::Confidence(level))
        }
    }

    /// The error rate, 1 − confidence.
    pub(crate) fn alpha(self) -> f64 {
        1.0 - self.0
    }

    pub(crate) fn level(self) -> f64 {
        self.0
    }
}
