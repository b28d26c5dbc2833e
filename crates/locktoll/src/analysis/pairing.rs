//! Which design an own run is analysed by.

use locktoll_bench::plan::StopRule;
use locktoll_bench::samples::Samples;
use locktoll_stats::Design;

/// Two-stage for every run that was to stop by Stein's rule, also where time or the user ended it:
/// whether it gets as far depends on the first stage's spread, so that taking the ordinary interval
/// whenever it did not would choose the interval by the data. The two-stage interval covers at
/// any number of blocks that depends on that spread alone.
pub(super) fn design(samples: &Samples, pairs: usize) -> Design {
    match samples.header.plan.stop {
        StopRule::Precision { first_stage, .. } => match usize::try_from(first_stage) {
            Ok(first_stage) if first_stage <= pairs => Design::TwoStage { first_stage },
            _ => Design::Paired,
        },
        StopRule::Blocks { .. } => Design::Paired,
    }
}
