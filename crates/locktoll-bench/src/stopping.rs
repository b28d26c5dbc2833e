//! When a run has measured enough.
//!
//! A precision is reached by Stein's two stages (Stein 1945): the spread of the first blocks
//! alone fixes how many blocks there will be, so the interval keeps its coverage. Looking again
//! after each block until the interval happens to be narrow would not (92% instead of 95% in
//! `cargo run --release -p locktoll-stats --example coverage`).

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use locktoll_stats::Summary;
use locktoll_stats::stopping::{half_width_log, stein_blocks};

use crate::baseline;
use crate::plan::{Arm, Config, Plan, StopRule};
use crate::samples::{Outcome, Samples, StopReason};

/// Log throughput ratios of one comparison, by block.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// Whether the test is the baseline's second arm.
    pub arm: Arm,
    /// What is under test.
    pub test: Config,
    /// Threads, where they are known.
    pub threads: Option<NonZeroU32>,
    /// ln(test / baseline) of each block in which both completed, in block order.
    pub log_ratios: Vec<f64>,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// Complete blocks.
    pub complete: u64,
    /// Blocks in all, as far as the rule already says.
    pub target: Option<u64>,
    /// The widest interval so far: its comparison in words and its half-width as a fraction.
    pub widest: Option<(String, f64)>,
    /// Why to stop now, if so.
    pub stop: Option<StopReason>,
}

/// Every comparison with the baseline that the run's bare trials allow.
pub fn pairs(samples: &Samples) -> Vec<Pairs> {
    let plan = &samples.header.plan;
    let mut throughput = BTreeMap::new();
    for trial in &samples.trials {
        if let Outcome::Completed(measured) = &trial.outcome {
            throughput.insert((trial.slot, trial.block), measured.value());
        }
    }
    let cells = plan.cells();
    let (baseline, _) = baseline::in_force(samples);
    let baseline_slot = |arm, threads| {
        // The A/A arm repeats the planned baseline, whatever else the others are compared with.
        let against = if arm == Arm::AA {
            &plan.baseline
        } else {
            baseline
        };
        cells.iter().position(|cell| {
            cell.arm == Arm::Bare && cell.threads == threads && &cell.config == against
        })
    };
    let mut all = Vec::new();
    for (slot, cell) in cells.iter().enumerate() {
        let Some(base) = baseline_slot(cell.arm, cell.threads).filter(|&base| base != slot) else {
            continue;
        };
        if matches!(cell.arm, Arm::Counted | Arm::Probe(_)) {
            continue;
        }
        let log_ratios = throughput
            .range((slot, 0)..=(slot, u64::MAX))
            .filter_map(|(&(_, block), test)| {
                throughput
                    .get(&(base, block))
                    .map(|baseline| (test / baseline).ln())
            })
            .collect();
        all.push(Pairs {
            arm: cell.arm,
            test: cell.config.clone(),
            threads: cell.threads,
            log_ratios,
        });
    }
    all
}

/// Judges a run at the end of a block.
pub fn outlook(samples: &Samples) -> Outlook {
    let plan = &samples.header.plan;
    let complete = samples.complete_blocks();
    let pairs = pairs(samples);
    let widest = pairs
        .iter()
        .filter_map(|pair| {
            let interval = Summary::compute(&pair.log_ratios, plan.confidence)
                .ok()?
                .ci?;
            let label = match pair.arm {
                Arm::AA => "A/A".to_owned(),
                _ => pair.test.to_string(),
            };
            let at = pair.threads.map(|threads| format!(" at {threads}"));
            Some((label + &at.unwrap_or_default(), interval.exp().half_width()))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let (target, by_rule) = match plan.stop {
        StopRule::Blocks { blocks } => (
            Some(blocks),
            (complete >= blocks).then_some(StopReason::Blocks),
        ),
        StopRule::Precision {
            half_width,
            first_stage,
        } if complete >= first_stage => match blocks_left(plan, &pairs, half_width, first_stage) {
            Left::Known(0) => (Some(complete), Some(StopReason::Precision)),
            Left::Known(blocks) => (Some(complete.saturating_add(blocks)), None),
            Left::Unknown => (None, None),
            Left::NothingToCompare => (Some(complete), Some(StopReason::Hopeless)),
        },
        StopRule::Precision { .. } => (None, None),
    };
    let stop = by_rule.or_else(|| time_is_up(samples, complete).then_some(StopReason::Time));
    Outlook {
        complete,
        target,
        widest,
        stop,
    }
}

/// What Stein's rule still asks for.
enum Left {
    /// This many blocks, if both trials of every comparison complete.
    Known(u64),
    /// A comparison has not completed its first stage, since trials crashed.
    Unknown,
    /// In no block did both trials of any comparison complete.
    NothingToCompare,
}

/// The blocks that the comparison furthest from its goal still needs. The comparisons' sample means
/// are independent of all their first-stage variances, so going on for one of them keeps the
/// coverage of the others. A comparison that never completed is left out: it would never be done.
fn blocks_left(plan: &Plan, pairs: &[Pairs], half_width: f64, first_stage: u64) -> Left {
    let mut most = None;
    for pair in pairs.iter().filter(|pair| !pair.log_ratios.is_empty()) {
        let done = pair.log_ratios.len() as u64;
        let needed = usize::try_from(first_stage)
            .ok()
            .and_then(|stage| pair.log_ratios.get(..stage))
            .zip(half_width_log(half_width).ok())
            .and_then(|(first, goal)| stein_blocks(first, goal, plan.confidence).ok());
        let Some(needed) = needed else {
            return Left::Unknown;
        };
        most = most.max(Some(needed.saturating_sub(done)));
    }
    most.map_or(Left::NothingToCompare, Left::Known)
}

/// Whether a further block of the mean length would pass the time limit. Two blocks are the least
/// that give an interval.
fn time_is_up(samples: &Samples, complete: u64) -> bool {
    let limit = samples.header.plan.max_time_ns;
    let spent = samples.measured_ns();
    limit > 0 && complete >= 2 && spent + spent / complete > limit
}
