//! The plan: which cells are measured, in which random order, and until when.
//!
//! A plan is a plain value. It is the first line of every samples file, so that a run can be
//! resumed, and judged by others, without anything else.

use std::fmt;
use std::num::NonZeroU32;

use locktoll_gpu::{FaultModel, Protection, SoftSettings};
use locktoll_guard::Strategy;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::sync_pattern::SyncPattern;
use crate::workload::Workload;

/// Which trials of a block a cell stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Bare locks: throughput comes from these only.
    Bare,
    /// The baseline once more, bare: the two must not differ.
    AA,
    /// With counting and timing: contention comes from these only.
    Counted,
}

/// One combination that is measured once in each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// What the cell is for.
    pub arm: Arm,
    /// The lock.
    #[serde(with = "crate::as_text")]
    pub protection: Protection,
    /// Threads that encode.
    pub threads: NonZeroU32,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.threads.get() == 1 { "" } else { "s" };
        write!(f, "{}, {} thread{plural}", self.protection, self.threads)?;
        match self.arm {
            Arm::Bare => Ok(()),
            Arm::AA => f.write_str(", A/A"),
            Arm::Counted => f.write_str(", counted"),
        }
    }
}

/// When a run ends. Whatever the rule, it ends at a block's end, and never before `max_time_ns`
/// cuts it short (0 is no limit).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum StopRule {
    /// After this many blocks.
    Blocks {
        /// The number of blocks.
        blocks: u64,
    },
    /// When every overhead has this half-width, by Stein's two stages.
    Precision {
        /// The half-width asked for, as a fraction (0.01 is one point of overhead).
        half_width: f64,
        /// Blocks of the first stage, whose spread sets the number of blocks in all.
        first_stage: u64,
    },
}

/// Which device a trial runs on, and how it is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePlan {
    /// The device's name.
    pub name: String,
    /// Settings of the soft device.
    #[serde(with = "crate::as_text")]
    pub soft: SoftSettings,
    /// The fault model, if one is in force.
    #[serde(with = "crate::as_text::option")]
    pub fault: Option<FaultModel>,
}

/// How much one trial runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialSize {
    /// Ops per thread and iteration.
    pub ops_per_thread: NonZeroU32,
    /// Measured iterations.
    pub iterations: NonZeroU32,
    /// Iterations before those, thrown away.
    pub warmup: u32,
}

/// A whole experiment before it is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The device.
    pub device: DevicePlan,
    /// The workload.
    pub workload: Workload,
    /// The sync pattern in force.
    #[serde(with = "crate::as_text")]
    pub sync: SyncPattern,
    /// Locks to compare, without repetition.
    #[serde(with = "crate::as_text::list")]
    pub protections: Vec<Protection>,
    /// The lock that the others are compared with; one of `protections`.
    #[serde(with = "crate::as_text")]
    pub baseline: Protection,
    /// Whether the user named the baseline; then it is kept whatever happens.
    #[serde(default)]
    pub baseline_named: bool,
    /// Why this baseline and not `none`, where the user named none.
    pub baseline_reason: Option<String>,
    /// Thread counts, without repetition.
    pub threads: Vec<NonZeroU32>,
    /// How much one trial runs.
    pub size: TrialSize,
    /// Whether blocks contain counted cells.
    pub counted: bool,
    /// When the run ends.
    pub stop: StopRule,
    /// Time to measure at most, in nanoseconds; 0 is no limit.
    pub max_time_ns: u64,
    /// Time after which a trial counts as hung and is killed, in nanoseconds.
    pub trial_timeout_ns: u64,
    /// Seed of the random order.
    pub seed: u64,
    /// The overhead below which nobody cares, as a fraction.
    pub margin: f64,
    /// Confidence of the intervals, as a fraction.
    pub confidence: f64,
    /// The largest allowed overhead, as a fraction.
    pub max_cost: Option<f64>,
    /// The command that a person typed.
    pub command: String,
}

/// Threads that a trial may have: each is a real thread of the child process.
pub const MAX_THREADS: u32 = 1024;

/// Iterations that a trial may have, warm-up included: each is kept.
pub const MAX_ITERATIONS: u64 = 1_000_000;

impl Plan {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Names the setting that is out of range.
    pub fn check(&self) -> Result<()> {
        let fail = |message: String| Err(Error::Plan(message));
        if self.protections.is_empty() || self.threads.is_empty() {
            return fail(
                "nothing to measure: give at least one strategy and one thread count".into(),
            );
        }
        if !self.protections.contains(&self.baseline) {
            return fail(format!(
                "the baseline '{}' is not among the strategies {}",
                self.baseline,
                join(&self.protections)
            ));
        }
        if let Some(threads) = self
            .threads
            .iter()
            .find(|threads| threads.get() > MAX_THREADS)
        {
            return fail(format!(
                "{threads} threads: at most {MAX_THREADS} are supported"
            ));
        }
        if let Some(threads) = self.threads.iter().find(|threads| {
            let group = self.workload.threads_per_encoder;
            threads.get() > group && !threads.get().is_multiple_of(group)
        }) {
            return fail(format!(
                "{threads} threads cannot be split into groups of {} that share an encoder",
                self.workload.threads_per_encoder
            ));
        }
        let fraction = |name: &str, value: f64| {
            if value > 0.0 && value < 1.0 {
                Ok(())
            } else {
                fail(format!("{name} {}% is outside 0% to 100%", value * 100.0))
            }
        };
        fraction("the margin", self.margin)?;
        if !(0.5..=0.999_999).contains(&self.confidence) {
            let percent = self.confidence * 100.0;
            return fail(format!(
                "the confidence {percent}% is outside 50% to 99.9999%"
            ));
        }
        let iterations = u64::from(self.size.warmup) + u64::from(self.size.iterations.get());
        if iterations > MAX_ITERATIONS {
            return fail(format!(
                "{iterations} iterations: at most {MAX_ITERATIONS} are supported"
            ));
        }
        match self.stop {
            StopRule::Blocks { blocks: 0 } => fail("0 blocks measure nothing".into()),
            StopRule::Blocks { .. } => Ok(()),
            StopRule::Precision {
                half_width,
                first_stage,
            } => {
                if first_stage < 2 {
                    return fail("the first stage needs at least 2 blocks".into());
                }
                fraction("the precision", half_width)
            }
        }
    }

    /// The cells of a block, in the order of the plan; a cell's index is its slot.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &threads in &self.threads {
            let mut add = |arm, protection| {
                cells.push(Cell {
                    arm,
                    protection,
                    threads,
                });
            };
            for &protection in &self.protections {
                add(Arm::Bare, protection);
            }
            add(Arm::AA, self.baseline);
            if self.counted {
                for &protection in self.protections.iter().filter(|&&lock| takes_locks(lock)) {
                    add(Arm::Counted, protection);
                }
            }
        }
        cells
    }

    /// The order in which a block's slots are run: a random permutation of `0..slots` that
    /// depends on the seed and the block only, so that a resumed run goes on in the same order.
    pub fn order(&self, block: u64, slots: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..slots).collect();
        order.shuffle(&mut Pcg64Mcg::seed_from_u64(mix(self.seed, block)));
        order
    }
}

/// Folds seed and block into one well-mixed word (the finaliser of `SplitMix64`, Steele, Lea and
/// Flood 2014), so that neighbouring blocks get unrelated permutations.
fn mix(seed: u64, block: u64) -> u64 {
    let mut word = seed ^ block.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Whether any lock is taken under this protection.
pub fn takes_locks(protection: Protection) -> bool {
    protection.strategy() != Strategy::None
}

/// A list for people.
pub(crate) fn join<T: fmt::Display>(items: &[T]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
