//! What `what-if.json` holds.
//!
//! Times are nanoseconds (`_ns`), shares are fractions. A value that could not be determined is `null`.

use locktoll_stats::cut::{Faster, Replica, Share};
use locktoll_stats::pass_through::PassThrough;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Environment;

/// The schema name and version written by this version of locktoll.
pub const SCHEMA: &str = "locktoll.what-if/1";

/// What adding time to one lock's holds did, and what follows for taking time away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhatIf {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The machine.
    pub environment: Environment,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The lock.
    pub lock: Chosen,
    /// What the time is measured by.
    pub metric: Metric,
    /// Confidence of all intervals.
    pub confidence: f64,
    /// Seed of the order of the runs.
    pub seed: u64,
    /// After how long each run of the program was told to end (`--duration`); `null` where each came to its
    /// end by itself.
    pub duration_ns: Option<u64>,
    /// Blocks in which all runs came to their end.
    pub blocks: u64,
    /// Mean time of a unit, as [`Metric::unit`] says, of runs without locktoll; `null` where those cannot be
    /// measured.
    pub bare_ns: Option<f64>,
    /// The same of runs in which the lock is watched and no time is added.
    pub watched_ns: f64,
    /// The time that the lock was held, for each unit of watched runs.
    pub held_ns: f64,
    /// The longest that was added, as a fraction of the holds.
    pub tested: f64,
    /// What was added in each block, first the levels of `inside`, then that of `outside`.
    pub added: Vec<Change>,
    /// How much of the time that is added inside the holds arrives.
    pub inside: PassThrough,
    /// How much of the time that is added after the holds arrives, as a control: by each thread's own time.
    pub outside: PassThrough,
    /// The share of the program's time that the holds are, by what passes through.
    pub share: Share,
    /// How much of the time may be spent on waking threads that wait for the lock.
    pub handover: Handover,
    /// Whether longer additions cost less in proportion, so that nothing bounds what a cut would gain.
    pub concave: bool,
    /// What cuts of the holds would bring.
    pub cuts: Vec<Cut>,
    /// A replica of the lock's use, of which the holds were really cut.
    pub replica: Option<ReplicaResult>,
    /// Why there is no replica.
    pub no_replica: Option<String>,
    /// What a reader must know before trusting a figure.
    pub warnings: Vec<String>,
    /// Every run, in the order of time.
    pub runs: Vec<Run>,
}

/// The lock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chosen {
    /// What it is called.
    pub name: String,
    /// The call sites at which it is delayed.
    pub sites: Vec<String>,
    /// Acquisitions in a run.
    pub acquisitions: f64,
    /// Threads that take it.
    pub threads: u64,
    /// Mean hold.
    pub hold_ns: f64,
    /// Mean time from a release to the next asking by the same thread.
    pub apart_ns: Option<f64>,
}

/// What handing the lock over to threads that sleep may take of the program's time. How often it happens
/// depends on the holds, in a way that additions do not tell, so bounds allow for all of it to go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Handover {
    /// Acquisitions that found the lock taken, as a fraction of all, in the first run.
    pub contended: f64,
    /// Mean time from waking a thread to its going on, after it has slept as long as a hold: measured on
    /// this machine before the blocks.
    pub waking_ns: f64,
    /// The contended acquisitions' number × `waking_ns` ∕ time of the first run, at most 1. Of a lock that several
    /// threads hold shorter than a waking, all acquisitions count: which are contended changes from run to run.
    pub share: f64,
}

/// What the time is measured by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// As it was given: `wall`, `ops`, `ops:LOCK`, `regex:PATTERN`.
    pub source: String,
    /// What a unit is.
    pub unit: String,
}

/// What a cut of all holds would bring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cut {
    /// The part of each hold that is cut.
    pub fraction: f64,
    /// How many times faster the program would be at most: the upper end of the interval from what passes
    /// through, and all of [`Handover::share`] gone. `null` where it is not bounded, or beyond what was tested.
    pub at_most: Option<f64>,
    /// How many times faster it would be, by the replica; `null` where none is believed.
    pub expected: Option<Faster>,
}

/// A replica: as many threads, a lock of the same kind, held as long, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicaResult {
    /// Its command line, as it is without a cut.
    pub command: Vec<String>,
    /// Its mean hold when watched.
    pub hold_ns: f64,
    /// How it answers; its responses are to what `added` holds.
    pub comparison: Replica,
    /// How much it may differ from the program.
    pub tolerated: Tolerated,
}

/// From how large a ratio of replica and program on, one way or the other, the replica is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tolerated {
    /// Of their times as they are.
    pub level: f64,
    /// Of their answers to what is added.
    pub response: f64,
}

/// What a run is a run of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The program.
    Program,
    /// The replica.
    Replica,
}

/// What is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Change {
    /// Nothing: it runs without the library.
    Bare,
    /// The lock is watched, and nothing is added.
    Watched,
    /// It is watched, and time is added inside each hold.
    Inside {
        /// The least that is added to one.
        ns: u64,
    },
    /// It is watched, and time is added after each hold.
    After {
        /// The least that is added after one.
        ns: u64,
    },
    /// A part of each hold is cut; it runs without the library.
    Cut {
        /// The part.
        fraction: f64,
    },
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Its block, from 0.
    pub block: u64,
    /// What was run.
    pub subject: Subject,
    /// What was done to it.
    pub change: Change,
    /// From start to end.
    pub wall_ns: f64,
    /// From the signal that told it to end, to its end; `null` where none was sent.
    pub ending_ns: Option<f64>,
    /// Time of a unit; of the replica, that of the run.
    pub time_ns: f64,
    /// Holds of the lock, where it was watched.
    pub holds: u64,
    /// Their time, with what was added.
    pub held_ns: u64,
    /// Time that was really added inside holds.
    pub inside_ns: u64,
    /// Time that was really added after holds.
    pub outside_ns: u64,
}

impl Run {
    /// A sum over the run, for each unit of its time.
    pub(super) fn per_unit(&self, total_ns: u64) -> f64 {
        total_ns as f64 * self.time_ns / self.wall_ns
    }
}
