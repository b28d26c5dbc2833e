//! Which design an own run is analysed by.

use locktoll_bench::plan::StopRule;
use locktoll_bench::samples::{Samples, StopReason};
use locktoll_stats::Design;

/// Two-stage only where the run really ended by Stein's rule: a run that time or its user cut
/// short has a number of blocks that does not depend on what was seen, so that the ordinary
/// paired interval holds.
pub(super) fn design(samples: &Samples, pairs: usize) -> Design {
    match (samples.header.plan.stop, samples.stopped) {
        (StopRule::Precision { first_stage, .. }, Some(StopReason::Precision)) => {
            match usize::try_from(first_stage) {
                Ok(first_stage) if first_stage <= pairs => Design::TwoStage { first_stage },
                _ => Design::Paired,
            }
        }
        _ => Design::Paired,
    }
}
