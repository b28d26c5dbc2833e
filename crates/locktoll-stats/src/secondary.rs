//! The same comparison by every other method, for readers who want to see that it does not
//! matter, or where it does. None of it changes a verdict.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bca::Bca;
use crate::fieller::Fieller;
use crate::hodges_lehmann::HodgesLehmann;
use crate::input::ScaledPair;
use crate::log_ratio::LogRatio;
use crate::mann_whitney::MannWhitney;
use crate::paired::{PairedDifference, PairedLogRatio};
use crate::tost::Tost;
use crate::welch::Welch;
use crate::{Design, Policy};

/// Results of the methods that are not the primary one; `None` where a method does not apply.
///
/// A difference or a ratio in here is oriented as the overhead is: differences are positive and
/// ratios below 1 when the lock costs. For series where lower is better that is test − base and
/// base/test. Paired methods are left out of an unpaired comparison, where they would answer a
/// question that was not asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Secondary {
    /// Difference of means of independent series.
    pub welch: Option<Welch>,
    /// Ratio of means of independent series.
    pub fieller: Option<Fieller>,
    /// Log ratio of means of independent series.
    pub log_ratio_delta: Option<LogRatio>,
    /// Mean log ratio of pairs.
    pub log_paired: Option<PairedLogRatio>,
    /// Mean difference of pairs.
    pub difference_paired: Option<PairedDifference>,
    /// Ratio of means of pairs.
    pub fieller_paired: Option<Fieller>,
    /// Equivalence by each form of the test.
    pub tost: EquivalenceForms,
    /// Rank test of independent series.
    pub mann_whitney: Option<MannWhitney>,
    /// Median pairwise difference and ratio of independent series.
    pub hodges_lehmann: Option<HodgesLehmann>,
    /// Bootstrap: of pairs when paired, else of the ratio of means.
    pub bca: Option<Bca>,
}

/// The two one-sided tests in each of their forms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EquivalenceForms {
    /// Independent series, linear in the ratio.
    pub ratio_linear: Option<Tost>,
    /// Independent series, log ratio of means.
    pub log_delta: Option<Tost>,
    /// Pairs, mean log ratio.
    pub paired_log: Option<Tost>,
    /// Pairs, linear in the ratio.
    pub paired_linear: Option<Tost>,
}

impl Secondary {
    /// `pair` is oriented: its ratio test/base is the throughput ratio.
    pub(crate) fn compute(pair: &ScaledPair, design: Design, policy: &Policy) -> Self {
        let (base, test, confidence) = (&pair.base, &pair.test, policy.confidence);
        let unscale = |x: f64| pair.unscale(x);
        let paired = design != Design::Unpaired;
        let bca = if paired {
            Bca::paired_log
        } else {
            Bca::ratio_of_means
        };
        Self {
            welch: Welch::compute(base, test, confidence)
                .ok()
                .map(|w| w.rescaled(unscale)),
            fieller: Fieller::unpaired(base, test, confidence).ok(),
            log_ratio_delta: LogRatio::compute(base, test, confidence).ok(),
            log_paired: paired
                .then(|| PairedLogRatio::compute(base, test, confidence).ok())
                .flatten(),
            difference_paired: paired
                .then(|| PairedDifference::compute(base, test, confidence).ok())
                .flatten()
                .map(|d| d.rescaled(unscale)),
            fieller_paired: paired
                .then(|| Fieller::paired(base, test, confidence).ok())
                .flatten(),
            tost: EquivalenceForms {
                ratio_linear: Tost::ratio_linear(base, test, policy.margin).ok(),
                log_delta: Tost::log_delta(base, test, policy.margin).ok(),
                paired_log: paired
                    .then(|| Tost::paired_log(base, test, policy.margin).ok())
                    .flatten(),
                paired_linear: paired
                    .then(|| Tost::paired_linear(base, test, policy.margin).ok())
                    .flatten(),
            },
            mann_whitney: MannWhitney::compute(base, test).ok(),
            hodges_lehmann: HodgesLehmann::compute(base, test, confidence)
                .ok()
                .map(|h| h.rescaled(unscale)),
            bca: bca(base, test, confidence).ok(),
        }
    }
}
