//! The regime map: where a lock costs, where it does not, and where it pays.

use locktoll_stats::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Overhead;

/// Overhead of one lock over threads, queues and GPU work per op.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegimeMap {
    /// What the lock is compared with.
    pub baseline: String,
    /// The lock.
    pub test: String,
    /// The levels of the finest grid, in nanoseconds of GPU work per op, increasing.
    pub levels_ns: Vec<u64>,
    /// The measured points, by threads, queues and work.
    pub cells: Vec<MapCell>,
    /// The baseline against itself, at some points.
    pub a_a: Vec<MapCell>,
    /// Where the verdict changes along the work, by row.
    pub crossovers: Vec<Crossover>,
    /// Trials that were run.
    pub trials: u64,
    /// Trials that all points of the finest grid would have taken.
    pub full_grid_trials: u64,
    /// Whether every row's crossovers are known to the finest grid's step.
    pub complete: bool,
}

/// One point of the map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MapCell {
    /// Threads that encoded.
    pub threads: u32,
    /// Queues over which they were spread.
    pub queues: u32,
    /// GPU work per op that was asked for.
    pub work_ns: u64,
    /// Blocks in which both ran to their end.
    pub n: usize,
    /// Throughput of the baseline, mean, ops per second.
    pub baseline_per_s: Option<f64>,
    /// 1 − throughput(test) / throughput(baseline).
    pub overhead: Overhead,
    /// The decision; `null` where there is nothing to decide on.
    pub verdict: Option<Verdict>,
    /// Further blocks that would settle an unresolved point with 80% power, if estimate and spread
    /// hold; `null` when settled or when that cannot be told. A new map has all its blocks anew.
    #[serde(default)]
    pub blocks_needed: Option<u64>,
    /// Trials that crashed.
    pub crashed: u64,
}

/// A change of verdict between two levels of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Crossover {
    /// Threads of the row.
    pub threads: u32,
    /// Queues of the row.
    pub queues: u32,
    /// The settled verdict on the side of less work.
    pub below: Verdict,
    /// The settled verdict on the side of more work.
    pub above: Verdict,
    /// The change lies between these amounts of work.
    pub between_ns: [u64; 2],
}
