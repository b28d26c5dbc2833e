//! The finest grid of a map: its rows, its levels of work, and every cell that could be run.

use std::num::NonZeroU32;

use locktoll_gpu::TimedWork;
use serde::{Deserialize, Serialize};

use super::refine;
use crate::error::{Error, Result};
use crate::plan::{Arm, Cell, Config, Encoders, Plan, Point};
use crate::workload::KernelChoice;

/// What a plan has besides its threads and locks when it is one of a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Queue counts, without repetition; with the plan's thread counts they make the rows.
    pub queues: Vec<NonZeroU32>,
    /// Device time per op at each level of the finest grid, in nanoseconds, increasing.
    pub levels_ns: Vec<u64>,
    /// Levels of each row that are measured before any refinement.
    pub coarse: usize,
    /// Blocks of each stage.
    pub blocks: u64,
    /// What a timed kernel does at each level, calibrated once for all trials; empty on a device
    /// that needs no calibration.
    #[serde(default)]
    pub timed: Vec<TimedWork>,
}

/// One row of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Threads that encode.
    pub threads: NonZeroU32,
    /// Queues over which they are spread.
    pub queues: NonZeroU32,
}

/// Levels that a grid may have.
pub const MAX_LEVELS: usize = 1025;

/// Steps of the finest grid from one coarse level to the next, where nobody says otherwise.
const COARSE_STEP: usize = 8;

/// Coarse levels of a grid of so many levels: one in eight, and at least the ends and the middle.
pub fn default_coarse(levels: usize) -> usize {
    (levels.saturating_sub(1).div_ceil(COARSE_STEP) + 1).max(3)
}

/// `count` levels from `least_ns` to `most_ns`, each the same factor above the one before, rounded
/// to three significant digits so that people can read and repeat them.
///
/// # Errors
/// Fewer than two levels, or so many that two of them would be the same.
pub fn log_spaced(least_ns: u64, most_ns: u64, count: usize) -> Result<Vec<u64>> {
    let fail = |message: String| Err(Error::Plan(message));
    if !(2..=MAX_LEVELS).contains(&count) {
        return fail(format!(
            "--levels {count}: a map has 2 to {MAX_LEVELS} levels of work"
        ));
    }
    if least_ns == 0 || least_ns >= most_ns {
        return fail("the work must go from more than 0 up to something larger".into());
    }
    let (least, most) = (least_ns as f64, most_ns as f64);
    let levels: Vec<u64> = (0..count)
        .map(|i| match i {
            0 => least_ns,
            i if i == count - 1 => most_ns,
            i => three_digits(least * (most / least).powf(i as f64 / (count - 1) as f64)),
        })
        .collect();
    if levels.windows(2).all(|pair| pair[0] < pair[1]) {
        Ok(levels)
    } else {
        fail(format!(
            "{count} levels lie too close between {least_ns} ns and {most_ns} ns: ask for fewer"
        ))
    }
}

/// To three significant digits, in whole nanoseconds.
fn three_digits(ns: f64) -> u64 {
    let step = 10_f64.powf((ns.log10().floor() - 2.0).max(0.0));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between two u64 that are its ends"
    )]
    let rounded = ((ns / step).round() * step) as u64;
    rounded
}

impl Grid {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Names what is out of range.
    pub fn check(&self, plan: &Plan) -> Result<()> {
        let fail = |message: &str| Err(Error::Plan(message.to_owned()));
        if self.queues.is_empty() {
            return fail("nothing to measure: give at least one number of queues");
        }
        if self.levels_ns.len() < 2 || self.levels_ns.len() > MAX_LEVELS {
            return fail("a map needs between 2 and 1025 levels of work");
        }
        if self.levels_ns.windows(2).any(|pair| pair[0] >= pair[1]) {
            return fail("the levels of work must increase");
        }
        if self.blocks < 2 {
            return fail("a map needs at least 2 blocks: one gives no interval");
        }
        if plan.configs.len() != 2 || plan.configs[0] != plan.baseline {
            return fail("a map compares one lock with a baseline that is another one");
        }
        match plan.subject.encoders().map(|e| e.workload.kernel) {
            Some(KernelChoice::Timed { .. }) => Ok(()),
            _ => fail("a map measures locktoll's own encoders with a timed kernel"),
        }
    }

    /// The rows, by threads and then queues.
    pub fn rows(&self, plan: &Plan) -> Vec<Row> {
        plan.threads
            .iter()
            .flat_map(|&threads| {
                self.queues
                    .iter()
                    .map(move |&queues| Row { threads, queues })
            })
            .collect()
    }

    /// Indices of the levels that are measured first.
    pub fn coarse_levels(&self) -> Vec<usize> {
        refine::coarse(self.levels_ns.len(), self.coarse)
    }

    /// The level of each row's A/A cell: the middle one of the coarse levels.
    pub fn a_a_level(&self) -> usize {
        let coarse = self.coarse_levels();
        coarse[coarse.len() / 2]
    }

    /// Every cell of the finest grid: row by row, each level's baseline and test, and then the
    /// row's A/A cell. A cell's index is its slot.
    pub fn cells(&self, plan: &Plan) -> Vec<Cell> {
        let mut cells = Vec::new();
        for row in self.rows(plan) {
            let mut add = |arm, config: &Config, level: usize| {
                cells.push(Cell {
                    arm,
                    config: config.clone(),
                    threads: Some(row.threads),
                    point: Some(Point {
                        queues: row.queues,
                        work_ns: self.levels_ns[level],
                    }),
                });
            };
            for level in 0..self.levels_ns.len() {
                for config in &plan.configs {
                    add(Arm::Bare, config, level);
                }
            }
            add(Arm::AA, &plan.baseline, self.a_a_level());
        }
        cells
    }

    /// Slots of a row, its A/A cell included.
    fn slots_per_row(&self) -> usize {
        2 * self.levels_ns.len() + 1
    }

    /// The slots of baseline and test at a level of a row, by their indices.
    pub fn slots(&self, row: usize, level: usize) -> [usize; 2] {
        let baseline = row * self.slots_per_row() + 2 * level;
        [baseline, baseline + 1]
    }

    /// A row's A/A slot, and the slot of the baseline that it repeats.
    pub fn a_a_slots(&self, row: usize) -> [usize; 2] {
        let [baseline, _] = self.slots(row, self.a_a_level());
        [baseline, (row + 1) * self.slots_per_row() - 1]
    }

    /// Trials that the finest grid would have taken, with the same blocks and the same A/A cells.
    pub fn full_trials(&self, plan: &Plan) -> u64 {
        (self.rows(plan).len() * self.slots_per_row()) as u64 * self.blocks
    }

    /// The encoders of a point: as planned, but with its queues and its work per op.
    pub fn encoders_at(&self, planned: &Encoders, point: Point) -> Encoders {
        let mut encoders = planned.clone();
        encoders.device.queues = point.queues;
        if let Ok(queues) = point.queues.try_into() {
            encoders.device.soft.queues = queues;
        }
        encoders.device.timed = self
            .timed
            .iter()
            .copied()
            .find(|work| work.asked_ns == point.work_ns);
        encoders.workload.kernel = KernelChoice::Timed {
            service_ns: Some(point.work_ns),
        };
        encoders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_grow_by_a_factor_and_keep_their_ends() {
        let levels = log_spaced(2_000, 512_000, 9).unwrap();
        assert_eq!(
            levels,
            [
                2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 512_000
            ]
        );
        assert_eq!(log_spaced(1_000, 2_000, 3).unwrap(), [1_000, 1_410, 2_000]);
        assert_eq!(log_spaced(1, 3, 3).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn levels_that_cannot_be_are_refused() {
        for (least, most, count) in [(0, 9, 3), (9, 9, 3), (9, 3, 3), (1, 9, 1), (1, 3, 9)] {
            assert!(log_spaced(least, most, count).is_err(), "{least} {most}");
        }
    }

    #[test]
    fn one_level_in_eight_is_coarse_and_the_middle_always() {
        assert_eq!([2, 9, 17, 33, 65].map(default_coarse), [3, 3, 3, 5, 9]);
    }
}
