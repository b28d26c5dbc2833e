//! On which side of the margin each point of a map lies.

use std::collections::BTreeMap;

use locktoll_stats::{Bounds, Comparison, Decision, Design, Policy, Verdict, compare, decide};

use super::refine::{Level, Side};
use crate::plan::Plan;
use crate::samples::{Outcome, Trial};

use super::grid::Grid;

/// What was measured at one point.
#[derive(Debug, Clone, PartialEq)]
pub struct PointValues {
    /// Index of its row.
    pub row: usize,
    /// Index of its level; `None` for the row's A/A cell.
    pub level: Option<usize>,
    /// Throughput of the baseline in the blocks in which both trials ran to their end, ops per
    /// second, in block order.
    pub baseline: Vec<f64>,
    /// That of the test in the same blocks; of the baseline's second cell for A/A.
    pub test: Vec<f64>,
    /// Trials of the test and, but for A/A, of the baseline that crashed.
    pub crashed: u64,
}

/// A point and what its values say.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The values.
    pub values: PointValues,
    /// Their comparison; `None` where no block has both.
    pub estimate: Option<Comparison>,
    /// The verdict among all points of the map.
    pub decision: Option<Decision>,
    /// What it means for the map.
    pub side: Level,
}

/// The points of which something was measured in these trials, row by row, each row's A/A last.
pub fn points<'a>(
    plan: &Plan,
    grid: &Grid,
    trials: impl IntoIterator<Item = &'a Trial>,
) -> Vec<PointValues> {
    let mut by_slot: BTreeMap<usize, BTreeMap<u64, Option<f64>>> = BTreeMap::new();
    for trial in trials {
        let value = match &trial.outcome {
            Outcome::Completed(measured) => Some(measured.value()),
            Outcome::Crashed(_) => None,
        };
        by_slot
            .entry(trial.slot)
            .or_default()
            .insert(trial.block, value);
    }
    let none = BTreeMap::new();
    let of = |slot| by_slot.get(&slot).unwrap_or(&none);
    let crashes = |slot| of(slot).values().filter(|value| value.is_none()).count() as u64;
    let mut all = Vec::new();
    for row in 0..grid.rows(plan).len() {
        let levels = (0..grid.levels_ns.len()).map(|level| (Some(level), grid.slots(row, level)));
        for (level, [base, test]) in levels.chain([(None, grid.a_a_slots(row))]) {
            if of(test).is_empty() && (level.is_none() || of(base).is_empty()) {
                continue;
            }
            let (baseline, tested) = of(test)
                .iter()
                .filter_map(|(block, test)| Some(((*of(base).get(block)?)?, (*test)?)))
                .unzip();
            all.push(PointValues {
                row,
                level,
                baseline,
                test: tested,
                crashed: crashes(test) + if level.is_some() { crashes(base) } else { 0 },
            });
        }
    }
    all
}

/// Compares every point and decides on all of them together.
///
/// Values that cannot be compared leave a point without estimate, and so open.
pub fn judge(points: Vec<PointValues>, policy: &Policy) -> Vec<Judged> {
    let estimates: Vec<Option<Comparison>> = points
        .iter()
        .map(|point| compare(&point.baseline, &point.test, Design::Paired, policy).ok())
        .collect();
    let members: Vec<Comparison> = estimates.iter().flatten().cloned().collect();
    let mut decisions = decide(&members, policy).into_iter();
    points
        .into_iter()
        .zip(estimates)
        .map(|(values, estimate)| {
            let decision = estimate.as_ref().and_then(|_| decisions.next());
            let side = estimate
                .as_ref()
                .zip(decision.as_ref())
                .and_then(|(estimate, decision)| side(estimate, decision, policy.margin))
                .map_or(Level::Open, Level::Settled);
            Judged {
                values,
                estimate,
                decision,
                side,
            }
        })
        .collect()
}

/// A cost or a gain settles a point only where its whole interval is beyond the margin: `costs`
/// alone says that there is a difference, and one that small may lie on either side of the margin.
fn side(estimate: &Comparison, decision: &Decision, margin: f64) -> Option<Side> {
    let Bounds::Bounded(interval) = estimate.overhead.ci.as_ref()? else {
        return None;
    };
    match decision.verdict {
        Verdict::Free | Verdict::Negligible => Some(Side::Inside),
        Verdict::Costs if interval.lo > margin => Some(Side::Costs),
        Verdict::Pays if interval.hi < -margin => Some(Side::Pays),
        Verdict::Costs | Verdict::Pays | Verdict::Unresolved => None,
    }
}

/// What is known of each level, by row.
pub fn levels(plan: &Plan, grid: &Grid, judged: &[Judged]) -> Vec<Vec<Level>> {
    let mut rows = vec![vec![Level::Unknown; grid.levels_ns.len()]; grid.rows(plan).len()];
    for point in judged {
        if let Some(level) = point.values.level {
            rows[point.values.row][level] = point.side;
        }
    }
    rows
}
