//! Runs a map: stage after stage, each in random blocks of its own.

use super::grid::Grid;
use super::stages::{Stage, recorded, replay};
use crate::error::{Error, Result};
use crate::run::{Event, Runner, end};
use crate::samples::{Samples, SamplesWriter, StopReason};

/// Where a map stands at the end of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// The stage, from 0.
    pub stage: u64,
    /// Its points.
    pub points: usize,
    /// Its complete blocks.
    pub complete: u64,
    /// Its blocks in all.
    pub blocks: u64,
    /// Trials that it still lacks. What later stages need is not known.
    pub trials_left: u64,
}

/// Blocks that are measured in any case: two are the least that give an interval.
const AT_LEAST: u64 = 2;

impl Runner<'_> {
    /// Runs what `samples` does not hold yet of a map, until nothing is left to refine, the time is
    /// up or the user says stop.
    ///
    /// Every trial is appended to `writer` before the next one starts.
    ///
    /// # Errors
    /// The plan is none of a map; a child cannot be started or a record cannot be written. What was
    /// recorded before stays.
    pub fn run_map(
        &self,
        samples: &mut Samples,
        writer: &mut SamplesWriter,
        observer: &mut dyn FnMut(&Event<'_>),
    ) -> Result<StopReason> {
        let Some(grid) = samples.header.plan.map.clone() else {
            return Err(Error::Plan("the samples are not those of a map".into()));
        };
        let cells = samples.header.plan.cells();
        let reason = 'run: loop {
            let Some(stage) = replay(samples, &grid).1 else {
                break StopReason::Refined;
            };
            for block in stage.block_range() {
                let outlook = outlook(samples, &stage);
                observer(&Event::MapBlock(&outlook));
                if time_is_up(samples, &grid, &stage, block) {
                    break 'run StopReason::Time;
                }
                if !self.block(block, &stage.slots, &cells, samples, writer, observer)? {
                    break 'run StopReason::Interrupted;
                }
            }
        };
        end(reason, samples, writer)
    }
}

fn outlook(samples: &Samples, stage: &Stage) -> Outlook {
    let recorded = recorded(samples);
    let of_stage = recorded.range((stage.first_block, 0)..).count() as u64;
    Outlook {
        stage: stage.number,
        points: stage.points.len(),
        complete: stage.complete_blocks(&recorded),
        blocks: stage.blocks,
        trials_left: (stage.slots.len() as u64 * stage.blocks).saturating_sub(of_stage),
    }
}

/// Whether the rest of a block would pass the time limit: as many trials as it lacks, of the mean
/// length of the stage's own, or of all where it has none yet.
fn time_is_up(samples: &Samples, grid: &Grid, stage: &Stage, block: u64) -> bool {
    let limit_ns = samples.header.plan.max_time_ns;
    if limit_ns == 0 || block < AT_LEAST.min(grid.blocks) {
        return false;
    }
    let mean_ns = |least_block| {
        let walls: Vec<u64> = samples
            .trials
            .iter()
            .filter(|trial| trial.block >= least_block)
            .map(|trial| trial.wall_ns)
            .collect();
        walls.iter().sum::<u64>().checked_div(walls.len() as u64)
    };
    let trial_ns = mean_ns(stage.first_block).or(mean_ns(0)).unwrap_or(0);
    let done = samples.trials.iter().filter(|t| t.block == block).count() as u64;
    let lacking = (stage.slots.len() as u64).saturating_sub(done);
    samples.measured_ns().saturating_add(lacking * trial_ns) > limit_ns
}
