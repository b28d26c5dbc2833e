//! One comparison: the overhead of the test over the base, by the method that the design fixes.
//!
//! The method follows from [`Design`] alone, never from the data, so that nobody can pick the
//! answer. The one exception is forced: a zero has no logarithm, so paired series with zeros fall
//! back to the paired form of Fieller's interval, and say so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fieller::Fieller;
use crate::input::{ScaledPair, check_equal_lengths};
use crate::interval::Confidence;
use crate::moments::Moments;
use crate::note::{Note, notes};
use crate::paired::{self, PairedDifference};
use crate::planning::BlockSpread;
use crate::student::Studentized;
use crate::tost::{self, Tost};
use crate::welch::Welch;
use crate::{Bounds, Error, Secondary, Series, log_ratio, stopping};

/// Whether a larger value is better (a rate) or a smaller one (a time).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Rates: throughput is the value.
    #[default]
    HigherIsBetter,
    /// Times: throughput is one over the value, so the throughput ratio is base/test.
    LowerIsBetter,
}

/// How the values were obtained. Declare it before looking at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Two series of independent runs: Welch, Fieller, ratio-linear equivalence.
    Unpaired,
    /// The i-th values come from the same block: Student's t on log ratios.
    Paired,
    /// Paired, and the number of blocks was set by Stein's rule after the first stage.
    TwoStage {
        /// Blocks of the first stage, at least 2.
        first_stage: usize,
    },
}

/// What counts as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// Confidence of intervals, 0.95 unless set; one minus it is the level of every test.
    pub confidence: f64,
    /// Overhead below which nobody cares, a fraction; 0.01 unless set.
    pub margin: f64,
    /// Which way is better.
    pub direction: Direction,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            confidence: 0.95,
            margin: 0.01,
            direction: Direction::default(),
        }
    }
}

/// The method that gave the interval of an overhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Fieller's interval with Satterthwaite degrees of freedom at the estimated ratio.
    FiellerSatterthwaite,
    /// Student's t on log ratios of pairs.
    PairedLogRatio,
    /// Mean of all log ratios with the variance of the first stage.
    SteinTwoStage,
    /// Fieller's interval of pairs, where a zero forbids logarithms.
    FiellerPaired,
}

/// 1 − throughput(test)/throughput(base), a fraction: positive is a cost, negative a gain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overhead {
    /// The estimate.
    pub estimate: f64,
    /// Its interval; `None` when there are too few values for one.
    pub ci: Option<Bounds>,
    /// Confidence of the interval.
    pub confidence: f64,
    /// Method of the interval.
    pub method: Method,
}

/// Everything known about one pair of series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// How the values were obtained.
    pub design: Design,
    /// The overhead.
    pub overhead: Overhead,
    /// Two-sided p-value of "no difference", before adjustment for other comparisons.
    pub p_difference: Option<f64>,
    /// P-value of "the difference is at least the margin".
    pub p_equivalence: Option<f64>,
    /// Values in the base series.
    pub n_base: usize,
    /// Values in the test series.
    pub n_test: usize,
    /// Pairs, when the design is paired.
    pub n_pairs: Option<usize>,
    /// What a further block would contribute; `None` when that cannot be told.
    pub spread: Option<BlockSpread>,
    /// Other methods on the same data.
    pub secondary: Secondary,
    /// Warnings.
    pub notes: Vec<Note>,
}

/// Compares two series.
///
/// One value a side gives an estimate without interval. Values that never vary give an interval
/// without width and p-values of 0 or 1.
///
/// # Errors
///
/// An empty series; a value that is NaN, infinite or negative; a mean of zero in the series
/// divided by; paired series that differ in length; values more than 70 orders of magnitude
/// apart; a policy or first stage out of range.
pub fn compare(
    base: &[f64],
    test: &[f64],
    design: Design,
    policy: &Policy,
) -> Result<Comparison, Error> {
    Confidence::new(policy.confidence)?;
    tost::check_margin(policy.margin)?;
    let pair = ScaledPair::new(base, test)?;
    if design != Design::Unpaired {
        check_equal_lengths(base, test)?;
    }
    if let Design::TwoStage { first_stage } = design
        && first_stage < 2
    {
        return Err(Error::FirstStage(first_stage));
    }
    let notes = notes(&pair, design);
    // From here on test/base is the throughput ratio, whichever way the values run.
    let (pair, divisor) = match policy.direction {
        Direction::HigherIsBetter => (pair, Series::Base),
        Direction::LowerIsBetter => (pair.swapped(), Series::Test),
    };
    if pair.base.iter().all(|&x| x == 0.0) {
        return Err(Error::ZeroMean { series: divisor });
    }
    let primary = match design {
        Design::Unpaired => Primary::unpaired(&pair, policy)?,
        Design::Paired | Design::TwoStage { .. } => {
            match paired::log_ratios(&pair.base, &pair.test) {
                Ok(d) => Primary::paired(&d, design, policy)?,
                Err(_) => Primary::paired_with_zeros(&pair, design, policy)?,
            }
        }
    };
    Ok(Comparison {
        design,
        overhead: Overhead {
            estimate: primary.estimate,
            ci: primary.ci,
            confidence: policy.confidence,
            method: primary.method,
        },
        p_difference: primary.p_difference,
        p_equivalence: primary.p_equivalence,
        n_base: base.len(),
        n_test: test.len(),
        n_pairs: (design != Design::Unpaired).then_some(base.len()),
        spread: primary.spread,
        secondary: Secondary::compute(&pair, design, policy),
        notes,
    })
}

/// What the method of the design says; all but the first two `None` for a single value.
struct Primary {
    estimate: f64,
    method: Method,
    ci: Option<Bounds>,
    p_difference: Option<f64>,
    p_equivalence: Option<f64>,
    spread: Option<BlockSpread>,
}

impl Primary {
    fn without_interval(estimate: f64, method: Method) -> Self {
        Self {
            estimate,
            method,
            ci: None,
            p_difference: None,
            p_equivalence: None,
            spread: None,
        }
    }

    fn unpaired(pair: &ScaledPair, policy: &Policy) -> Result<Self, Error> {
        let (base, test) = (&pair.base, &pair.test);
        let method = Method::FiellerSatterthwaite;
        if base.len() < 2 || test.len() < 2 {
            return Ok(Self::without_interval(overhead_of_means(pair)?, method));
        }
        let fieller = Fieller::unpaired(base, test, policy.confidence)?;
        let welch = Welch::compute(base, test, policy.confidence)?;
        let tost = Tost::ratio_linear(base, test, policy.margin)?;
        let spread = log_ratio::delta(base, test).ok().map(|log| {
            let n = base.len().min(test.len()) as f64;
            BlockSpread {
                log_ratio: log.estimate,
                sd_log: log.se * n.sqrt(),
                df_per_block: log.df / (n - 1.0),
            }
        });
        Ok(Self {
            estimate: 1.0 - fieller.ratio,
            method,
            ci: Some(fieller.overhead_ci),
            p_difference: Some(welch.p),
            p_equivalence: Some(tost.p),
            spread,
        })
    }

    fn paired(log_ratios: &[f64], design: Design, policy: &Policy) -> Result<Self, Error> {
        let method = match design {
            Design::TwoStage { .. } => Method::SteinTwoStage,
            Design::Unpaired | Design::Paired => Method::PairedLogRatio,
        };
        let all = Moments::of(log_ratios, Series::LogRatios)?;
        if all.n < 2 {
            return Ok(Self::without_interval(-all.mean.exp_m1(), method));
        }
        let mean: Studentized = match design {
            Design::TwoStage { first_stage } => stopping::two_stage_mean(log_ratios, first_stage)?,
            Design::Unpaired | Design::Paired => paired::mean_estimate(&all),
        };
        let ci = mean.interval(policy.confidence)?.log_ratio_to_overhead();
        Ok(Self {
            estimate: -mean.estimate.exp_m1(),
            method,
            ci: Some(Bounds::Bounded(ci)),
            p_difference: Some(mean.p_two_sided(0.0)),
            p_equivalence: Some(Tost::of(&mean, tost::log_bounds(policy.margin)?).p),
            spread: Some(BlockSpread {
                log_ratio: all.mean,
                sd_log: all.sd(),
                df_per_block: 1.0,
            }),
        })
    }

    /// The two-stage guarantee is for log ratios; without them it gives no interval at all.
    fn paired_with_zeros(
        pair: &ScaledPair,
        design: Design,
        policy: &Policy,
    ) -> Result<Self, Error> {
        let (base, test) = (&pair.base, &pair.test);
        let estimate = overhead_of_means(pair)?;
        if let Design::TwoStage { .. } = design {
            return Ok(Self::without_interval(estimate, Method::SteinTwoStage));
        }
        if base.len() < 2 {
            return Ok(Self::without_interval(estimate, Method::FiellerPaired));
        }
        let fieller = Fieller::paired(base, test, policy.confidence)?;
        let difference = PairedDifference::compute(base, test, policy.confidence)?;
        Ok(Self {
            estimate,
            method: Method::FiellerPaired,
            ci: Some(fieller.overhead_ci),
            p_difference: Some(difference.p),
            p_equivalence: Some(Tost::paired_linear(base, test, policy.margin)?.p),
            spread: None,
        })
    }
}

fn overhead_of_means(pair: &ScaledPair) -> Result<f64, Error> {
    let base = Moments::of(&pair.base, Series::Base)?;
    let test = Moments::of(&pair.test, Series::Test)?;
    Ok(1.0 - test.mean / base.mean)
}
