//! Rules for stopping a run that keep the coverage of its interval.
//!
//! Stopping "when the interval looks narrow" stops preferentially on samples whose variance is
//! underestimated: a nominal 95% interval then covers 92% (see the `coverage` example). Stein's
//! rule fixes the number of blocks from the first stage alone; a confidence sequence may be
//! looked at after every block.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::t_upper_quantile;
use crate::interval::Confidence;
use crate::moments::Moments;
use crate::student::Studentized;
use crate::{Bounds, Error, Interval, Series};

/// Scale of the prior effect in the confidence sequence, in squared standard deviations; it moves
/// the point of greatest efficiency, never the coverage.
const SEQUENCE_SCALE: f64 = 1.0;

/// The half-width on the log scale that gives at most `precision` on the overhead scale, where
/// `precision` is a fraction (0.0025 for ±0.25 points).
///
/// For a ratio at 1 the interval e^±h reaches h' = e^h − 1 above and 1 − e^−h < h' below, so
/// h = ln(1 + precision) keeps both sides within it; so it does for every ratio below 1. For a
/// ratio R above 1 the reach is R times as large.
///
/// # Errors
///
/// A precision that is not above 0 and below 1.
pub fn half_width_log(precision: f64) -> Result<f64, Error> {
    positive("precision", precision, 1.0)?;
    Ok(precision.ln_1p())
}

/// Stein's total number of blocks, first stage included: max(m, ⌊t²₍m−1₎·s²/d²⌋ + 1), for a first
/// stage of `first_stage` blocks with standard deviation `sd`, and a half-width `d` in the unit
/// of `sd`.
///
/// Saturates at `u64::MAX`. Source: C. Stein, *Annals of Mathematical Statistics* 16 (1945)
/// 243–258: for independent normal values the interval x̄ ± d after that many covers with at least
/// the nominal confidence, whatever the variance.
///
/// # Errors
///
/// A first stage below 2, a half-width that is not positive, an SD that is negative or not
/// finite, an unsupported confidence.
pub fn stein_n(
    sd: f64,
    first_stage: usize,
    half_width: f64,
    confidence: f64,
) -> Result<u64, Error> {
    let confidence = Confidence::new(confidence)?;
    positive("half-width", half_width, f64::INFINITY)?;
    if !(0.0..f64::INFINITY).contains(&sd) {
        return Err(Error::Parameter {
            name: "sd",
            value: sd,
            limit: f64::INFINITY,
        });
    }
    if first_stage < 2 {
        return Err(Error::FirstStage(first_stage));
    }
    let t = t_upper_quantile(confidence.alpha() / 2.0, first_stage as f64 - 1.0);
    let n = (t * sd / half_width).powi(2).floor() + 1.0;
    // `as` saturates, which is the documented behaviour.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok((n as u64).max(first_stage as u64))
}

/// [`stein_n`] for the log ratios of a first stage and a half-width on the log scale (see
/// [`half_width_log`]).
///
/// ```
/// use locktoll_stats::stopping::{half_width_log, stein_blocks};
///
/// let first_stage = [-0.0144, -0.0092, -0.0117, -0.0129, -0.0238];
/// let total = stein_blocks(&first_stage, half_width_log(0.005)?, 0.95)?;
/// assert_eq!(total, 10);
/// # Ok::<(), locktoll_stats::Error>(())
/// ```
///
/// # Errors
///
/// Fewer than two log ratios, values that are not finite, a half-width that is not positive, an
/// unsupported confidence.
pub fn stein_blocks(
    first_stage_log_ratios: &[f64],
    half_width_log: f64,
    confidence: f64,
) -> Result<u64, Error> {
    let moments = Moments::at_least_two(first_stage_log_ratios, Series::LogRatios)?;
    stein_n(moments.sd(), moments.n, half_width_log, confidence)
}

/// Mean of all log ratios with the variance of the first stage alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TwoStage {
    /// All blocks.
    pub n: usize,
    /// Blocks of the first stage that were there, at most `n`.
    pub first_stage: usize,
    /// Mean of all log ratios.
    pub mean: f64,
    /// Standard deviation of the first stage.
    pub sd_first_stage: f64,
    /// mean/(sd/√n); `None` when the first stage does not vary.
    pub t: Option<f64>,
    /// Degrees of freedom, first stage − 1.
    pub df: f64,
    /// Two-sided p-value of "the mean log ratio is zero".
    pub p: f64,
    /// Overhead 1 − e^mean, a fraction.
    pub overhead: f64,
    /// Interval of the overhead.
    pub overhead_ci: Interval,
}

impl TwoStage {
    /// Mean of all ± t₍m−1₎·s/√N, where s is the SD of the first m: exact for normal values,
    /// since N depends on the data through s only, and the mean is independent of that.
    ///
    /// When the run ended inside its first stage no decision was taken on the data, so all blocks
    /// count as the first stage and this is the ordinary paired analysis.
    ///
    /// # Errors
    ///
    /// Fewer than two values, values that are not finite, a first stage below 2, an unsupported
    /// confidence.
    pub fn compute(log_ratios: &[f64], first_stage: usize, confidence: f64) -> Result<Self, Error> {
        let confidence = Confidence::new(confidence)?;
        let mean = two_stage_mean(log_ratios, first_stage)?;
        let n = log_ratios.len();
        Ok(Self {
            n,
            first_stage: first_stage.min(n),
            mean: mean.estimate,
            sd_first_stage: mean.se * (n as f64).sqrt(),
            t: mean.t(0.0),
            df: mean.df,
            p: mean.p_two_sided(0.0),
            overhead: -mean.estimate.exp_m1(),
            overhead_ci: mean.interval_at(confidence).log_ratio_to_overhead(),
        })
    }
}

pub(crate) fn two_stage_mean(log_ratios: &[f64], first_stage: usize) -> Result<Studentized, Error> {
    if first_stage < 2 {
        return Err(Error::FirstStage(first_stage));
    }
    let all = Moments::at_least_two(log_ratios, Series::LogRatios)?;
    let first = Moments::of(&log_ratios[..first_stage.min(all.n)], Series::LogRatios)?;
    Ok(Studentized {
        estimate: all.mean,
        se: (first.variance / all.n as f64).sqrt(),
        df: first.df(),
    })
}

/// An interval of the mean that holds at every number of values at once, so that a run may stop
/// whenever it likes.
///
/// Radius √(ν(K−1)/(1 − K/(1+ng))·s²/n) with ν = n−1, g = 1, K = (√(1+ng)/α)^(2/n); no bounds
/// while K ≥ 1+ng. This is the set of means at which the Bayes factor of Student's t with a
/// normal effect prior stays below 1/α. Source: H. Wang and A. Ramdas, arXiv 2310.03722, theorem
/// 4.9.
///
/// # Errors
///
/// Fewer than two values, values that are not finite, an unsupported confidence.
pub fn confidence_sequence(values: &[f64], confidence: f64) -> Result<Bounds, Error> {
    let alpha = Confidence::new(confidence)?.alpha();
    let moments = Moments::at_least_two(values, Series::Values)?;
    let n = moments.n as f64;
    let widened = 1.0 + n * SEQUENCE_SCALE;
    let k = (widened.sqrt() / alpha).powf(2.0 / n);
    if k >= widened {
        return Ok(Bounds::Unbounded);
    }
    let squared = moments.df() * (k - 1.0) / (1.0 - k / widened) * moments.variance_of_mean();
    Ok(Bounds::Bounded(Interval::around(
        moments.mean,
        squared.sqrt(),
    )))
}

fn positive(name: &'static str, value: f64, limit: f64) -> Result<(), Error> {
    if value > 0.0 && value < limit {
        Ok(())
    } else {
        Err(Error::Parameter { name, value, limit })
    }
}
