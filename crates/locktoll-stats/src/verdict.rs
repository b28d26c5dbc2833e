//! From the comparisons of one run to one word each.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::planning::{Target, blocks_to_settle};
use crate::{Comparison, Policy, holm};

/// Chance of settling for which further blocks are planned.
const POWER: f64 = 0.8;

/// What the data support; displayed in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Inside the margin, and no difference seen.
    Free,
    /// A real difference, inside the margin.
    Negligible,
    /// A real cost, not shown to be inside the margin.
    Costs,
    /// A real gain, not shown to be inside the margin.
    Pays,
    /// Neither a difference nor its absence is shown.
    Unresolved,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Free => "free",
            Self::Negligible => "negligible",
            Self::Costs => "costs",
            Self::Pays => "pays",
            Self::Unresolved => "unresolved",
        })
    }
}

/// The verdict on one comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// P-value of "no difference", adjusted for all comparisons of the run.
    pub p_difference_holm: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// Further blocks that would settle it with 80% chance if estimate and spread stay as they
    /// are; only when unresolved, and `None` when that cannot be told.
    pub blocks_needed: Option<u64>,
}

/// Decides all comparisons of one run together.
///
/// A difference is real when its Holm-adjusted p-value is below 1 − confidence, and inside the
/// margin when the p-value of equivalence is. A comparison without p-value counts as one of the
/// run, with p = 1: it was planned. Equivalence is not adjusted: each such claim has the error
/// rate 1 − confidence by itself.
pub fn decide(comparisons: &[Comparison], policy: &Policy) -> Vec<Decision> {
    let alpha = 1.0 - policy.confidence;
    let raw: Vec<f64> = comparisons
        .iter()
        .map(|c| c.p_difference.unwrap_or(1.0))
        .collect();
    let adjusted = holm::adjust(&raw);
    // Holm gives the share of a rejected hypothesis to the others, so a comparison still open
    // competes with the open ones only.
    let open = adjusted.iter().filter(|&&p| p >= alpha).count();
    comparisons
        .iter()
        .zip(adjusted)
        .map(|(comparison, p)| {
            let p_difference_holm = comparison.p_difference.map(|_| p);
            let different = p_difference_holm.is_some_and(|p| p < alpha);
            let equivalent = comparison.p_equivalence.is_some_and(|p| p < alpha);
            let verdict = match (different, equivalent) {
                (false, true) => Verdict::Free,
                (true, true) => Verdict::Negligible,
                (true, false) if comparison.overhead.estimate < 0.0 => Verdict::Pays,
                (true, false) => Verdict::Costs,
                (false, false) => Verdict::Unresolved,
            };
            let blocks_needed = (verdict == Verdict::Unresolved)
                .then(|| further_blocks(comparison, policy, alpha / open.max(1) as f64))
                .flatten();
            Decision {
                p_difference_holm,
                verdict,
                blocks_needed,
            }
        })
        .collect()
}

fn further_blocks(comparison: &Comparison, policy: &Policy, alpha_difference: f64) -> Option<u64> {
    let target = Target {
        margin: policy.margin,
        alpha_difference,
        alpha_equivalence: 1.0 - policy.confidence,
        power: POWER,
    };
    let total = blocks_to_settle(&comparison.spread?, &target).ok()??;
    let present = comparison.n_base.min(comparison.n_test) as u64;
    // A run of bad luck can leave a comparison open that was expected to be settled by now.
    Some(total.saturating_sub(present).max(1))
}
