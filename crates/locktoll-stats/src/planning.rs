//! How many blocks would be enough?
//!
//! Answers for the plan of a run ("for ±0.25 points") and for its end ("unresolved: so many more
//! blocks would settle it"). Both take the present spread for the true one, so both are guesses;
//! only [`stopping`](crate::stopping) has a guarantee.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::{normal_cdf, normal_quantile, t_upper_quantile};
use crate::interval::Confidence;
use crate::{Error, Interval, tost};

/// More blocks than this are no plan.
const MAX_BLOCKS: u64 = 1_000_000_000;
/// Strata over which the sample SD is averaged; twice as many change no plan.
const STRATA: u32 = 32;

/// What one block contributes to a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlockSpread {
    /// Present estimate of ln(test/base).
    pub log_ratio: f64,
    /// Standard deviation of ln(test/base) over single blocks; the standard error after n blocks
    /// is this over √n.
    pub sd_log: f64,
    /// Degrees of freedom gained with each block: 1 when paired, 1 to 2 when unpaired.
    pub df_per_block: f64,
}

/// What "settled" means.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// Margin of equivalence, a fraction.
    pub margin: f64,
    /// Level of the test of difference, two-sided, after any adjustment.
    pub alpha_difference: f64,
    /// Level of each one-sided test of equivalence.
    pub alpha_equivalence: f64,
    /// Chance of settling that is asked for, 0.8 by custom.
    pub power: f64,
}

impl Target {
    fn check(&self) -> Result<Interval, Error> {
        for (name, value, limit) in [
            ("level of difference", self.alpha_difference, 0.5),
            ("level of equivalence", self.alpha_equivalence, 0.5),
            ("power", self.power, 1.0),
        ] {
            if !(value > 0.0 && value <= limit && value < 1.0) {
                return Err(Error::Parameter { name, value, limit });
            }
        }
        tost::log_bounds(self.margin)
    }
}

/// Smallest n ≥ 2 for which t₍n−1₎·sd/√n ≤ `half_width`, both in the same unit. `None` beyond a
/// billion.
///
/// # Errors
///
/// An SD that is negative or not finite, a half-width that is not positive, an unsupported
/// confidence.
pub fn blocks_for_half_width(
    sd: f64,
    half_width: f64,
    confidence: f64,
) -> Result<Option<u64>, Error> {
    let half = Confidence::new(confidence)?.alpha() / 2.0;
    for (name, value, valid) in [
        ("sd", sd, sd >= 0.0),
        ("half-width", half_width, half_width > 0.0),
    ] {
        if !valid || value.is_infinite() {
            return Err(Error::Parameter {
                name,
                value,
                limit: f64::INFINITY,
            });
        }
    }
    Ok(smallest(|n| {
        t_upper_quantile(half, n as f64 - 1.0) * sd / (n as f64).sqrt() <= half_width
    }))
}

/// Smallest total number of blocks n ≥ 2 that, at the present estimate and spread, shows either a
/// difference or equivalence with the power asked for. The chance is that of the t tests of
/// [`Studentized`](crate::student::Studentized), averaged over the sample SD that they will see.
/// `None` when a billion would not do: the
/// estimate is zero and so is the margin.
///
/// # Errors
///
/// A margin, level or power out of range, or a spread that is not finite.
pub fn blocks_to_settle(spread: &BlockSpread, target: &Target) -> Result<Option<u64>, Error> {
    let bounds = target.check()?;
    let BlockSpread {
        log_ratio,
        sd_log,
        df_per_block,
    } = *spread;
    for (name, value, valid) in [
        ("log ratio", log_ratio, log_ratio.is_finite()),
        ("sd", sd_log, (0.0..f64::INFINITY).contains(&sd_log)),
        ("df per block", df_per_block, df_per_block > 0.0),
    ] {
        if !valid {
            return Err(Error::Parameter {
                name,
                value,
                limit: f64::INFINITY,
            });
        }
    }
    if sd_log == 0.0 {
        return Ok((log_ratio != 0.0 || target.margin > 0.0).then_some(2));
    }
    Ok(smallest(|n| {
        let df = df_per_block * (n as f64 - 1.0);
        let se = sd_log / (n as f64).sqrt();
        let difference = t_upper_quantile(target.alpha_difference / 2.0, df);
        let equivalence = t_upper_quantile(target.alpha_equivalence, df);
        // P(estimate ≤ x); the estimate is independent of its standard error.
        let below = |x: f64| normal_cdf((x - log_ratio) / se);
        let settled_at = |standard_error: f64| {
            let edge = difference * standard_error;
            let different = below(-edge) + 1.0 - below(edge);
            let lo = (bounds.lo + equivalence * standard_error).max(-edge);
            let hi = (bounds.hi - equivalence * standard_error).min(edge);
            different + if lo < hi { below(hi) - below(lo) } else { 0.0 }
        };
        let power = (0..STRATA)
            .map(|i| settled_at(se * sd_factor((f64::from(i) + 0.5) / f64::from(STRATA), df)))
            .sum::<f64>()
            / f64::from(STRATA);
        power >= target.power
    }))
}

/// The factor by which a sample SD exceeds the true one with probability 1 − `p`, from the cube
/// root approximation of χ².
///
/// Source: E. B. Wilson and M. M. Hilferty, *PNAS* 17 (1931) 684–688.
fn sd_factor(p: f64, df: f64) -> f64 {
    let spread = 2.0 / (9.0 * df);
    (1.0 - spread + normal_quantile(p) * spread.sqrt())
        .max(0.0)
        .powf(1.5)
}

/// Smallest n from 2 on for which `enough` holds, where it holds for all larger ones.
fn smallest(enough: impl Fn(u64) -> bool) -> Option<u64> {
    let mut high = 2;
    while !enough(high) {
        if high >= MAX_BLOCKS {
            return None;
        }
        high *= 2;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = u64::midpoint(low, high);
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}
