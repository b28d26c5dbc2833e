//! From runs to a result.

use std::time::Duration;

use locktoll_bench::duration;
use locktoll_report::format;
use locktoll_report::model::Environment;
use locktoll_report::what_if::model::{
    self, Change, Chosen, Cut, Handover, ReplicaResult, SCHEMA, Subject, Tolerated, WhatIf,
};
use locktoll_stats::cut::{Replica, ReplicaBlock, Share, Tolerance};
use locktoll_stats::pass_through::{self, Level, PassThrough};

use super::experiment::{CUTS, Experiment, Run};
use super::trial::{Metric, Seen};
use crate::error::{Error, Result};
use crate::recorded::CONFIDENCE;

/// How much a replica may differ from the program: in its time, which is not what is predicted, and in its
/// answers to additions, which is.
const TOLERANCE: Tolerance = Tolerance {
    level: 1.25,
    response: 1.1,
};
/// Below this p-value two levels are not on one line.
const BENT_P: f64 = 0.01;
/// How much less than a cut may have been added for the cut to be within what was tested: the time that is
/// added is known by the nanosecond, and holds vary.
const ROUNDING: f64 = 0.97;
/// The part of a run's time from which on it is told how long the program takes to end.
const SLOW_END: f64 = 0.05;

/// What was found.
pub(super) struct Found<'a> {
    pub(super) environment: Environment,
    pub(super) command: &'a [String],
    pub(super) metric: &'a Metric,
    pub(super) duration: Option<Duration>,
    pub(super) experiment: &'a Experiment<'a>,
    pub(super) runs: &'a [Run],
    pub(super) handover: Handover,
    pub(super) no_replica: Option<String>,
}

/// One block's runs of the program.
struct Block {
    /// Where a bare run has a time.
    bare: Option<Seen>,
    watched: Seen,
    inside: [Seen; 2],
    outside: Seen,
}

/// Analyses the runs.
///
/// # Errors
/// The statistics refuse them.
pub(super) fn of(found: &Found<'_>) -> Result<WhatIf> {
    let experiment = found.experiment;
    let blocks: Vec<Block> = (0..experiment.blocks)
        .filter_map(|block| program_block(found, block))
        .collect();
    let inside = slope(&blocks, |block| {
        let level = |seen: &Seen| (seen.delays.inside.total_ns, *seen);
        block.inside.iter().map(level).collect()
    })?;
    let outside = slope(&blocks, |block| {
        vec![(block.outside.delays.outside.total_ns, block.outside)]
    })?;
    let base = |block: &Block| block.bare.unwrap_or(block.watched);
    let shares: Vec<f64> = blocks
        .iter()
        .zip(&inside.by_block)
        .map(|(block, slope)| {
            let held = block.watched.per_unit(block.watched.delays.holds.total_ns);
            slope * held / base(block).time_ns
        })
        .collect();
    let share = Share::compute(&shares, CONFIDENCE).map_err(refused)?;
    let concave =
        inside.bend.is_some_and(|bend| bend < 0.0) && inside.p_linear.is_some_and(|p| p < BENT_P);
    let mean = |of: &dyn Fn(&Block) -> f64| {
        blocks.iter().map(of).sum::<f64>() / blocks.len().max(1) as f64
    };
    let held_ns = mean(&|block| block.watched.per_unit(block.watched.delays.holds.total_ns));
    let added_ns = mean(&|block| {
        let more = &block.inside[1];
        more.per_unit(more.delays.inside.total_ns)
    });
    let holds = mean(&|block| block.watched.delays.holds.count as f64);
    let tested = added_ns / held_ns;
    let replica = replica(found)?;
    let cuts = cuts(
        &share,
        found.handover.share,
        tested,
        concave,
        replica.as_ref(),
    );
    let total = |of: &dyn Fn(&Block) -> locktoll_trace::recording::Sum| {
        let (mut count, mut total_ns) = (0_u64, 0_u64);
        for block in &blocks {
            count = count.saturating_add(of(block).count);
            total_ns = total_ns.saturating_add(of(block).total_ns);
        }
        (count > 0).then(|| total_ns as f64 / count as f64)
    };
    Ok(WhatIf {
        schema: SCHEMA.to_owned(),
        environment: found.environment.clone(),
        command: found.command.to_vec(),
        lock: Chosen {
            name: experiment.choice.name.clone(),
            sites: experiment.choice.sites.clone(),
            acquisitions: holds,
            threads: experiment.choice.threads,
            hold_ns: total(&|block| block.watched.delays.holds).unwrap_or(0.0),
            apart_ns: total(&|block| block.watched.delays.apart),
        },
        metric: model::Metric {
            source: found.metric.to_string(),
            unit: found.metric.unit().to_owned(),
        },
        confidence: CONFIDENCE,
        seed: experiment.seed,
        duration_ns: found.duration.map(duration::ns),
        blocks: blocks.len() as u64,
        bare_ns: experiment
            .is_seen_bare
            .then(|| mean(&|block| base(block).time_ns)),
        watched_ns: mean(&|block| block.watched.time_ns),
        held_ns,
        tested,
        added: experiment.added().to_vec(),
        inside,
        outside,
        share,
        handover: found.handover,
        concave,
        cuts,
        replica: replica.map(|comparison| ReplicaResult {
            command: experiment
                .replica
                .map(|fitted| fitted.command(0.0))
                .unwrap_or_default(),
            hold_ns: experiment.replica.map_or(0.0, |fitted| fitted.hold_ns),
            comparison,
            tolerated: Tolerated {
                level: TOLERANCE.level,
                response: TOLERANCE.response,
            },
        }),
        no_replica: found.no_replica.clone(),
        warnings: warnings(found, &blocks),
        runs: found.runs.iter().map(raw).collect(),
    })
}

fn warnings(found: &Found<'_>, blocks: &[Block]) -> Vec<String> {
    let mut warnings = found.experiment.choice.warnings.clone();
    warnings.extend(work_changed(blocks, found.metric));
    warnings.extend(ended_late(found.runs));
    warnings
}

fn refused(source: locktoll_stats::Error) -> Error {
    Error::Statistics {
        series: "what-if".to_owned(),
        source,
    }
}

fn seen(found: &Found<'_>, block: u32, subject: Subject, change: Change) -> Option<Seen> {
    let run = found
        .runs
        .iter()
        .find(|run| run.block == block && run.subject == subject && run.change == change)?;
    Some(run.seen)
}

fn program_block(found: &Found<'_>, block: u32) -> Option<Block> {
    let of = |change| seen(found, block, Subject::Program, change);
    let [less, more, outside] = found.experiment.added();
    let bare = if found.experiment.is_seen_bare {
        Some(of(Change::Bare)?)
    } else {
        None
    };
    Some(Block {
        bare,
        watched: of(Change::Watched)?,
        inside: [of(less)?, of(more)?],
        outside: of(outside)?,
    })
}

/// How much of what was really added arrives, from runs each with the sum that was added in it.
fn slope(blocks: &[Block], of: impl Fn(&Block) -> Vec<(u64, Seen)>) -> Result<PassThrough> {
    let blocks: Vec<pass_through::Block> = blocks
        .iter()
        .map(|block| pass_through::Block {
            unchanged: block.watched.time_ns,
            levels: of(block)
                .into_iter()
                .map(|(added_ns, seen)| Level {
                    added: seen.per_unit(added_ns),
                    response: seen.time_ns,
                })
                .collect(),
        })
        .collect();
    PassThrough::compute(&blocks, CONFIDENCE).map_err(refused)
}

fn replica(found: &Found<'_>) -> Result<Option<Replica>> {
    if found.experiment.replica.is_none() {
        return Ok(None);
    }
    let blocks: Vec<ReplicaBlock> = (0..found.experiment.blocks)
        .filter_map(|block| replica_block(found, block))
        .collect();
    Replica::compute(&blocks, TOLERANCE, CONFIDENCE)
        .map(Some)
        .map_err(refused)
}

/// One block's times of program and replica, which are comparable where both are of a run. Where the program's
/// are of something else, its answers to additions, being ratios, still are.
fn replica_block(found: &Found<'_>, block: u32) -> Option<ReplicaBlock> {
    let of = |subject, change| seen(found, block, subject, change);
    let both = |change| Some([of(Subject::Program, change)?, of(Subject::Replica, change)?]);
    let times = |change| Some(both(change)?.map(|seen| seen.time_ns));
    let unchanged = if *found.metric == Metric::Wall {
        times(Change::Bare)?
    } else {
        let bare = of(Subject::Replica, Change::Bare)?;
        by_holds(both(Change::Watched)?, bare.time_ns)
    };
    let cut = |fraction| of(Subject::Replica, Change::Cut { fraction }).map(|seen| seen.time_ns);
    let added: Option<Vec<[f64; 2]>> = found.experiment.added().into_iter().map(times).collect();
    let cut: Option<Vec<f64>> = CUTS.into_iter().map(cut).collect();
    Some(ReplicaBlock {
        unchanged,
        reference: times(Change::Watched)?,
        added: added?,
        cut: cut?,
    })
}

/// The program's time as it is, in the replica's unit, and the replica's: both are watched alike, so a hold with
/// what is round it takes as much longer in a bare run of the program as in one of the replica.
fn by_holds(watched: [Seen; 2], replica_bare_ns: f64) -> [f64; 2] {
    let [program, replica] = watched.map(|seen| seen.per_hold());
    [replica_bare_ns * program / replica, replica_bare_ns]
}

fn cuts(
    share: &Share,
    handed_over: f64,
    tested: f64,
    concave: bool,
    replica: Option<&Replica>,
) -> Vec<Cut> {
    let believed = replica.filter(|replica| replica.believed);
    CUTS.into_iter()
        .chain([1.0])
        .enumerate()
        .map(|(index, fraction)| Cut {
            fraction,
            at_most: share
                .at_most(fraction, handed_over)
                .filter(|_| !concave && tested >= ROUNDING * fraction),
            expected: believed.and_then(|replica| replica.faster.get(index).copied()),
        })
        .collect()
}

/// A program that runs for a set time does less when it is slowed down, and its wall time tells nothing.
fn work_changed(blocks: &[Block], metric: &Metric) -> Option<String> {
    let count = |of: &dyn Fn(&Block) -> u64| blocks.iter().map(of).sum::<u64>() as f64;
    let before = count(&|block| block.watched.delays.holds.count);
    let after = count(&|block| block.inside[1].delays.holds.count);
    (*metric == Metric::Wall && (after / before - 1.0).abs() > 0.05).then(|| {
        format!(
            "with longer holds the lock was taken {:.0}% as often in a run: a program whose work is not the same \
             in each run is to be measured by --metric ops or regex:PATTERN, not by its wall time",
            100.0 * after / before
        )
    })
}

/// What a program does after the signal that ends it is in its time, as if it were its work.
fn ended_late(runs: &[Run]) -> Option<String> {
    let told = || {
        let seen = runs.iter().map(|run| &run.seen);
        seen.filter_map(|seen| Some((seen.ending_ns?, seen.wall_ns)))
    };
    let (ending, wall): (Vec<f64>, Vec<f64>) = told().unzip();
    let (ending_ns, wall_ns) = (ending.iter().sum::<f64>(), wall.iter().sum::<f64>());
    let part = ending_ns / wall_ns;
    (part > SLOW_END).then(|| {
        format!(
            "the program went on for {} after it was told to end, on average, {} of the time that counts: a \
             longer --duration makes that part smaller",
            format::duration_ns(ending_ns / ending.len() as f64),
            format::share(part)
        )
    })
}

fn raw(run: &Run) -> model::Run {
    model::Run {
        block: u64::from(run.block),
        subject: run.subject,
        change: run.change,
        wall_ns: run.seen.wall_ns,
        ending_ns: run.seen.ending_ns,
        time_ns: run.seen.time_ns,
        holds: run.seen.delays.holds.count,
        held_ns: run.seen.delays.holds.total_ns,
        inside_ns: run.seen.delays.inside.total_ns,
        outside_ns: run.seen.delays.outside.total_ns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_beyond_what_was_added() {
        let share = Share::compute(&[0.5, 0.5, 0.5], 0.95).unwrap();
        let most: Vec<Option<f64>> = cuts(&share, 0.0, 0.5, false, None)
            .iter()
            .map(|cut| cut.at_most)
            .collect();
        assert_eq!(most, [Some(1.0 / 0.875), Some(1.0 / 0.75), None, None]);
        let handed_over = cuts(&share, 0.5, 1.0, false, None);
        assert_eq!(handed_over[1].at_most, Some(1.0 / 0.25));
        assert_eq!(handed_over[3].at_most, None);
        let bent = cuts(&share, 0.0, 1.0, true, None);
        assert!(bent.iter().all(|cut| cut.at_most.is_none()));
    }

    fn watched(wall_ns: f64, holds: u64, ending_ns: Option<f64>) -> Seen {
        let mut delays = locktoll_trace::recording::Delays::default();
        delays.holds.count = holds;
        Seen {
            wall_ns,
            ending_ns,
            time_ns: wall_ns,
            delays,
        }
    }

    #[test]
    fn a_replica_is_compared_by_the_time_of_a_hold() {
        // 2 µs a hold, and 2.2 µs of the replica, which takes the lock half as often.
        let both = [watched(2e6, 1_000, None), watched(1.1e6, 500, None)];
        let [program, replica] = by_holds(both, 1e6);
        assert!((replica / program - 1.1).abs() < 1e-12);
        assert!((replica - 1e6).abs() < 1e-9);
    }

    #[test]
    fn a_program_that_takes_long_to_end_is_told_of() {
        let runs = |ending_ns| {
            [Run {
                block: 0,
                subject: Subject::Program,
                change: Change::Watched,
                seen: watched(1e9, 1, ending_ns),
            }]
        };
        assert_eq!(ended_late(&runs(None)), None);
        assert_eq!(ended_late(&runs(Some(4e7))), None);
        let told = ended_late(&runs(Some(2e8))).unwrap();
        assert!(told.contains("200 ms") && told.contains("20.0%"), "{told}");
    }
}
