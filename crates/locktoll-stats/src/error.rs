//! The one error type of the crate: what was wrong with the numbers, and where.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The series that an [`Error`] or a [`Note`](crate::Note) is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Series {
    /// The baseline.
    Base,
    /// What is compared with the baseline.
    Test,
    /// The logarithms of the per-block ratios.
    LogRatios,
    /// The only series of a one-sample method.
    Values,
}

impl std::fmt::Display for Series {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Base => "base",
            Self::Test => "test",
            Self::LogRatios => "log-ratio",
            Self::Values => "value",
        })
    }
}

/// Why a method could not give an answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A series without values.
    #[error("the {series} series is empty")]
    Empty {
        /// Which series.
        series: Series,
    },
    /// A NaN or an infinity.
    #[error("{series} series, index {index}: {value} is not a finite number")]
    NotFinite {
        /// Which series.
        series: Series,
        /// Position in the series, from 0.
        index: usize,
        /// What stood there.
        value: f64,
    },
    /// A rate or a time below zero.
    #[error("{series} series, index {index}: {value} is negative; rates and times are not")]
    Negative {
        /// Which series.
        series: Series,
        /// Position in the series, from 0.
        index: usize,
        /// What stood there.
        value: f64,
    },
    /// A zero where the method takes a logarithm or divides.
    #[error("{series} series, index {index}: zero has no logarithm and cannot be divided by")]
    ZeroValue {
        /// Which series.
        series: Series,
        /// Position in the series, from 0.
        index: usize,
    },
    /// Every value of the series that is divided by is zero.
    #[error("every value of the {series} series is zero, so there is no ratio to it")]
    ZeroMean {
        /// Which series.
        series: Series,
    },
    /// Paired methods need one test value for each base value.
    #[error("paired series differ in length: {base} base values, {test} test values")]
    UnequalLengths {
        /// Length of the base series.
        base: usize,
        /// Length of the test series.
        test: usize,
    },
    /// Too few values for the method.
    #[error("{needed} values are needed in the {series} series, there are {got}")]
    TooFew {
        /// Which series.
        series: Series,
        /// The least number that the method can use.
        needed: usize,
        /// The number present.
        got: usize,
    },
    /// More values than the method handles in reasonable time, or exactly.
    #[error("at most {limit} values can be handled, there are {got}")]
    TooMany {
        /// The largest number that the method can use.
        limit: u64,
        /// The number present.
        got: u64,
    },
    /// The values span more orders of magnitude than double precision can square.
    #[error("the {series} series is out of range: scale the values, or check their units")]
    OutOfRange {
        /// Which series.
        series: Series,
    },
    /// Every value is the same, so that the quantity is 0/0.
    #[error("every value of the {series} series is the same")]
    Constant {
        /// Which series.
        series: Series,
    },
    /// Groups of different sizes where the formula needs equal ones.
    #[error("process {process} has {got} iterations, the others have {expected}")]
    Unbalanced {
        /// Position of the process, from 0.
        process: usize,
        /// Iterations of the first process.
        expected: usize,
        /// Iterations of this process.
        got: usize,
    },
    /// A confidence level outside the supported range.
    #[error("confidence {0} is not between 0.5 and 0.999999")]
    Confidence(f64),
    /// A margin that is no fraction between 0 and 1.
    #[error("margin {0} is not a fraction of at least 0 and below 1")]
    Margin(f64),
    /// A precision, half-width, cost or power that is not positive, or not below its limit.
    #[error("{name} {value} must be above 0 and below {limit}")]
    Parameter {
        /// What the parameter is called.
        name: &'static str,
        /// What was given.
        value: f64,
        /// The bound that it must stay below.
        limit: f64,
    },
    /// A first stage that cannot give a standard deviation.
    #[error("a first stage of {0} blocks gives no standard deviation; use at least 2")]
    FirstStage(usize),
    /// More successes than trials, or no trials.
    #[error("{successes} of {trials} is not a proportion")]
    Proportion {
        /// How often it happened.
        successes: u64,
        /// How often it could have happened.
        trials: u64,
    },
}
