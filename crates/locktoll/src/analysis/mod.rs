//! From numbers to a finished result: series, comparisons, verdicts, warnings.
//!
//! The same steps for series that locktoll measured and for imported ones. Decisions end here:
//! what comes after only draws.

mod cause;
mod ceiling;
mod contention;
pub mod imported;
pub mod map;
pub mod measured;
mod pairing;
mod root;
mod scaling;
pub mod two_runs;
mod warnings;
mod witness;

use locktoll_bench::samples::Samples;
use locktoll_report::format::plural;
use locktoll_report::model::{Comparison, Overhead, Role, RunResult};
use locktoll_stats::{Comparison as Estimate, Decision, Design, Policy, compare, decide};

use crate::error::{Error, Result};

/// Analyses a run of whichever command made it; `directory` is how the user named it.
///
/// # Errors
/// An override names something that the run does not have.
pub fn of_run(
    samples: &Samples,
    directory: &str,
    overrides: &measured::Overrides,
) -> Result<RunResult> {
    if samples.header.plan.map.is_some() {
        map::analyse(samples, directory, overrides)
    } else {
        measured::analyse(samples, directory, overrides)
    }
}

/// Two series to compare: which, and their values in the order of their blocks.
struct Pair {
    role: Role,
    baseline: String,
    test: String,
    threads: Option<u32>,
    workload: Option<String>,
    values: Values,
    design: Design,
}

/// The values of a pair.
enum Values {
    /// To be compared.
    Present {
        /// The baseline's.
        baseline: Vec<f64>,
        /// The test's.
        test: Vec<f64>,
    },
    /// There is nothing to compare, and why.
    Missing(String),
}

/// Compares every pair and decides on all of them together, with one correction for their number;
/// the instrument's own cost is another question and a family of its own.
fn judge(pairs: Vec<Pair>, policy: &Policy) -> Result<Vec<Comparison>> {
    let mut estimates: Vec<Option<Estimate>> = Vec::with_capacity(pairs.len());
    for pair in &pairs {
        estimates.push(match &pair.values {
            Values::Present { baseline, test } => {
                let estimate = compare(baseline, test, pair.design, policy).map_err(|source| {
                    let threads = pair
                        .threads
                        .map(|n| format!(" at {}", plural(n.into(), "thread")))
                        .unwrap_or_default();
                    let series = format!("{} against {}{threads}", pair.test, pair.baseline);
                    Error::Statistics { series, source }
                })?;
                Some(estimate)
            }
            Values::Missing(_) => None,
        });
    }
    let mut decisions: Vec<Option<Decision>> = vec![None; pairs.len()];
    for counted in [false, true] {
        let family: Vec<usize> = (0..pairs.len())
            .filter(|&at| (pairs[at].role == Role::Counted) == counted && estimates[at].is_some())
            .collect();
        let members: Vec<Estimate> = family
            .iter()
            .filter_map(|&at| estimates[at].clone())
            .collect();
        for (at, decision) in family.into_iter().zip(decide(&members, policy)) {
            decisions[at] = Some(decision);
        }
    }
    let rows = pairs
        .into_iter()
        .zip(estimates.into_iter().zip(decisions))
        .map(|(pair, found)| {
            let mut row = Comparison {
                role: pair.role,
                baseline: pair.baseline,
                test: pair.test,
                threads: pair.threads,
                workload: pair.workload,
                n_baseline: 0,
                n_test: 0,
                overhead: Overhead {
                    estimate: None,
                    ci: None,
                    confidence: policy.confidence,
                    method: None,
                },
                p_difference: None,
                p_difference_holm: None,
                p_equivalence: None,
                margin: policy.margin,
                verdict: None,
                blocks_needed: None,
                secondary: None,
                notes: Vec::new(),
                missing: match &pair.values {
                    Values::Missing(reason) => Some(reason.clone()),
                    Values::Present { .. } => None,
                },
            };
            if let (Some(estimate), Some(decision)) = found {
                row.n_baseline = estimate.n_base;
                row.n_test = estimate.n_test;
                row.overhead = Overhead {
                    estimate: Some(estimate.overhead.estimate),
                    ci: estimate
                        .overhead
                        .ci
                        .and_then(|bounds| bounds.interval())
                        .map(|interval| [interval.lo, interval.hi]),
                    confidence: estimate.overhead.confidence,
                    method: Some(estimate.overhead.method),
                };
                row.p_difference = estimate.p_difference;
                row.p_equivalence = estimate.p_equivalence;
                row.p_difference_holm = decision.p_difference_holm;
                row.verdict = Some(decision.verdict);
                row.blocks_needed = decision.blocks_needed;
                row.secondary = Some(estimate.secondary);
                row.notes = estimate.notes;
            }
            row
        });
    Ok(rows.collect())
}
