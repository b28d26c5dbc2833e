//! What a result says about itself: whether A/A passed, and which configurations crashed.
//!
//! These are readings of verdicts and counts already in the result, shared by every renderer so
//! that they cannot disagree.

use locktoll_stats::Verdict;

use crate::model::{Crashes, Role, RunResult, Series};
use crate::regime::Regime;

/// The code of the warning that a failed A/A arm leaves in a result.
pub const A_A_FAILED: &str = "a_a_failed";

/// Whether the experiment could tell same from same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AaOutcome {
    /// There was no A/A arm.
    NotRun,
    /// Every A/A comparison is equivalent at the margin.
    Passed,
    /// No A/A comparison differs, but not all are shown to be equivalent.
    Unsettled,
    /// The baseline differs from itself by more than can be shown to be inside the margin.
    Failed,
}

/// Reads the A/A comparisons of a run, those of its map included.
#[must_use]
pub fn a_a(run: &RunResult) -> AaOutcome {
    let verdicts: Vec<Option<Verdict>> = run
        .comparisons_of(Role::AA)
        .map(|comparison| comparison.verdict)
        .chain(
            run.map
                .iter()
                .flat_map(|map| &map.a_a)
                .map(|cell| cell.verdict),
        )
        .collect();
    let differs =
        |verdict: &Option<Verdict>| matches!(verdict, Some(Verdict::Costs | Verdict::Pays));
    let equivalent =
        |verdict: &Option<Verdict>| matches!(verdict, Some(Verdict::Free | Verdict::Negligible));
    if verdicts.iter().any(differs) || run.warnings.iter().any(|w| w.code == A_A_FAILED) {
        AaOutcome::Failed
    } else if verdicts.is_empty() {
        AaOutcome::NotRun
    } else if verdicts.iter().all(equivalent) {
        AaOutcome::Passed
    } else {
        AaOutcome::Unsettled
    }
}

/// The interval of the baseline against itself in a regime: what the same lock twice differs by.
pub(crate) fn a_a_interval(run: &RunResult, regime: &Regime) -> Option<[f64; 2]> {
    run.comparisons_in(Role::AA, regime)
        .find_map(|row| row.overhead.ci)
}

/// The series whose trials were counted for crashes, in the order of the file.
pub fn crash_counts(run: &RunResult) -> impl Iterator<Item = (&Series, &Crashes)> {
    run.series
        .iter()
        .filter_map(|series| Some((series, series.crashes.as_ref()?)))
}

/// The same of the probes: ops that were changed on purpose.
pub fn probe_crash_counts(run: &RunResult) -> impl Iterator<Item = (&Series, &Crashes)> {
    run.probes
        .iter()
        .filter_map(|series| Some((series, series.crashes.as_ref()?)))
}

/// Whether a trial of this configuration crashed, with any workload, thread count, instrument or probe.
#[must_use]
pub fn has_crashed(run: &RunResult, config: &str) -> bool {
    crash_counts(run)
        .chain(probe_crash_counts(run))
        .any(|(series, crashes)| series.config == config && crashes.crashed > 0)
}
