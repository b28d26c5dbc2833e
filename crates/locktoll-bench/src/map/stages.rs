//! From a map's samples to the stage that is due.

use std::collections::BTreeSet;

use locktoll_stats::Policy;

use super::grid::Grid;
use super::judge::{judge, levels, points};
use super::refine;
use crate::plan::Plan;
use crate::samples::Samples;

/// Points that are measured side by side, in blocks of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its number, from 0.
    pub number: u64,
    /// Its points, as indices of row and level.
    pub points: Vec<(usize, usize)>,
    /// The slots of each of its blocks, increasing.
    pub slots: Vec<usize>,
    /// Its first block.
    pub first_block: u64,
    /// Its blocks.
    pub blocks: u64,
}

impl Stage {
    /// The stage's blocks.
    pub fn block_range(&self) -> std::ops::Range<u64> {
        self.first_block..self.first_block + self.blocks
    }

    /// Blocks that hold all their trials.
    pub fn complete_blocks(&self, recorded: &BTreeSet<(u64, usize)>) -> u64 {
        let is_whole = |block: &u64| self.slots.iter().all(|&s| recorded.contains(&(*block, s)));
        self.block_range().filter(is_whole).count() as u64
    }
}

/// The policy by which a map decides where to measure: the plan's own.
fn policy(plan: &Plan) -> Policy {
    Policy {
        confidence: plan.confidence,
        margin: plan.margin,
        ..Policy::default()
    }
}

/// Blocks and slots of the recorded trials.
pub fn recorded(samples: &Samples) -> BTreeSet<(u64, usize)> {
    let trials = samples.trials.iter();
    trials.map(|trial| (trial.block, trial.slot)).collect()
}

/// The stages of which anything may have been measured so far: all are complete but the last, which
/// is the one that is due. The last is `None` when there is nothing left to measure.
///
/// A stage follows from the trials of the stages before it and from nothing else.
pub fn replay(samples: &Samples, grid: &Grid) -> (Vec<Stage>, Option<Stage>) {
    let plan = &samples.header.plan;
    let recorded = recorded(samples);
    let mut complete: Vec<Stage> = Vec::new();
    loop {
        let first_block = complete.len() as u64 * grid.blocks;
        let earlier = samples
            .trials
            .iter()
            .filter(|trial| trial.block < first_block);
        let judged = judge(points(plan, grid, earlier), &policy(plan));
        let stage = stage(
            plan,
            grid,
            complete.len() as u64,
            &levels(plan, grid, &judged),
        );
        match stage {
            Some(stage) if stage.complete_blocks(&recorded) == stage.blocks => complete.push(stage),
            due => return (complete, due),
        }
    }
}

/// The stage of this number, given what the earlier ones found; `None` when all rows are done. The
/// first one has the A/A cells.
fn stage(plan: &Plan, grid: &Grid, number: u64, known: &[Vec<refine::Level>]) -> Option<Stage> {
    let coarse = grid.coarse_levels();
    let points: Vec<(usize, usize)> = known
        .iter()
        .enumerate()
        .flat_map(|(row, levels)| {
            let next = refine::next(levels, &coarse);
            next.into_iter().map(move |level| (row, level))
        })
        .collect();
    if points.is_empty() {
        return None;
    }
    let mut slots: Vec<usize> = points
        .iter()
        .flat_map(|&(row, level)| grid.slots(row, level))
        .collect();
    if number == 0 {
        slots.extend((0..grid.rows(plan).len()).map(|row| grid.a_a_slots(row)[1]));
    }
    slots.sort_unstable();
    Some(Stage {
        number,
        points,
        slots,
        first_block: number * grid.blocks,
        blocks: grid.blocks,
    })
}
