//! What `record.json` holds.
//!
//! Times are nanoseconds (`_ns`), shares are fractions. A value that could not be determined is `null`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Environment, Warning};

/// The schema name and version written by this version of locktoll.
pub const SCHEMA: &str = "locktoll.record/1";

/// What the locks of a program cost during one recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The machine.
    pub environment: Environment,
    /// What was run, and how it ended.
    pub run: Run,
    /// How much of what happened was timed.
    pub sampling: Sampling,
    /// Locks, the one that cost most time in waits first.
    pub locks: Vec<Lock>,
    /// Waits for something to happen, which are no contention: condition variables, semaphores, barriers.
    /// The longest in total first.
    pub idle: Vec<Lock>,
    /// Who waited for whom, the longest in total first.
    pub blames: Vec<Blame>,
    /// Whole call stacks with the time that was waited in them, the longest first.
    pub stacks: Vec<Stack>,
    /// What the recording itself cost, where that was measured (`--calibrate`).
    pub cost: Option<Cost>,
    /// What a reader must know before trusting a figure, most important first.
    pub warnings: Vec<Warning>,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What was recorded of each lock.
    pub mode: Mode,
    /// From the start of the program to its end.
    pub wall_ns: u64,
    /// The program's exit code, unless a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The processes that used a lock.
    pub processes: Vec<Process>,
}

/// What is recorded of each lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every acquisition is counted, waits are timed, holds sampled.
    Aggregate,
    /// Contended acquisitions only.
    Contentions,
    /// Every acquisition with its time, in a ring for each thread.
    Events,
}

/// One process of the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The file that its trace was read from.
    pub trace: String,
    /// Threads that used a lock.
    pub threads: u64,
    /// Time that was recorded, up to the end of the program or of the recording.
    pub wall_ns: u64,
    /// Whether it came to its end in order; if not, it was killed, crashed, or called `_exit`.
    pub ended: bool,
    /// Events that were overwritten before they were read, in events mode.
    pub events_lost: u64,
    /// Acquisitions and waits that are counted, but no longer by call site or lock, since the tables
    /// were full.
    pub unnamed: u64,
}

/// How much of what happened was timed. What was not timed was counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sampling {
    /// Locks taken; in [`Mode::Contentions`] only those that were taken after waiting.
    pub acquisitions: u64,
    /// Acquisitions that did not find the lock free.
    pub contentions: u64,
    /// Waits that were timed.
    pub waits_timed: u64,
    /// Holds that were timed.
    pub holds_timed: u64,
    /// On average one of this many holds was chosen to be timed; 0 if none.
    pub hold_every: u64,
    /// Call stacks that were copied.
    pub stacks: u64,
    /// Confidence of all intervals.
    pub confidence: f64,
}

/// What kind of thing was waited for or held.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LockKind {
    /// `pthread_mutex_t`, `mtx_t`, `std::mutex`.
    Mutex,
    /// `pthread_rwlock_t`, `std::shared_mutex`.
    RwLock,
    /// `pthread_spinlock_t`.
    SpinLock,
    /// `pthread_cond_t`, `cnd_t`, `std::condition_variable`.
    Condvar,
    /// `sem_t`.
    Semaphore,
    /// `pthread_barrier_t`.
    Barrier,
    /// A futex that the program waits on itself, as locks of Rust do; only its waits are seen.
    Futex,
}

/// One lock, or one thing that was waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lock {
    /// What it is called: its variable, the name that everybody knows it by, or who takes it most.
    pub name: String,
    /// The name is one that everybody knows it by, such as the GIL of `CPython`.
    pub known: bool,
    /// How many locks of this name are told of together.
    pub locks: u64,
    /// What kind it is.
    pub kind: LockKind,
    /// Properties: `recursive`, `error-checking`, `robust`, `priority-inheritance`, `shared`.
    pub properties: Vec<String>,
    /// Where it lies in its process; 0 stands for all locks that had no room in the tables.
    pub address: u64,
    /// The process, by its place in [`Run::processes`].
    pub process: usize,
    /// Locks taken.
    pub acquisitions: u64,
    /// Acquisitions that did not find it free, and attempts that gave up waiting.
    pub contentions: u64,
    /// Attempts that were not to wait (`trylock`) and found it taken.
    pub refused: u64,
    /// From asking to having, of contended acquisitions.
    pub wait: Times,
    /// From having to releasing.
    pub hold: Times,
    /// The share of the process's time during which it was held, by the mean of the timed holds. More than 1
    /// where several threads may hold it at once.
    pub utilisation: Option<Estimate>,
    /// Most threads that were seen waiting at once; `null` where that was not seen.
    pub waiters_max: Option<u64>,
    /// Threads that used it.
    pub threads: u64,
    /// Jain's index of the threads' acquisitions: 1 where all threads took it equally often, 1 / threads
    /// where one thread took it alone.
    pub fairness: Option<f64>,
    /// What each thread had of it, most acquisitions first.
    pub shares: Vec<ThreadShare>,
    /// Who takes it: first the site that others waited for longest, where that was seen, then the one that
    /// waited longest.
    pub sites: Vec<Site>,
}

/// A figure and its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Its interval at [`Sampling::confidence`]; `null` where all was timed, or too little.
    pub ci: Option<[f64; 2]>,
}

/// Durations of one kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// How many happened.
    pub count: u64,
    /// How many of these were timed.
    pub timed: u64,
    /// Their sum: of the timed ones if all were, else their mean times `count`.
    pub total_ns: f64,
    /// The interval of the sum, where it rests on a sample.
    pub total_ci_ns: Option<[f64; 2]>,
    /// The mean of the timed ones.
    pub mean_ns: Option<f64>,
    /// Half of them were no longer, within 3.2%.
    pub p50_ns: Option<u64>,
    /// 99 of 100 were no longer, within 3.2%.
    pub p99_ns: Option<u64>,
    /// The longest that was timed.
    pub max_ns: Option<u64>,
}

/// What one thread had of a lock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadShare {
    /// The thread's number.
    pub tid: u32,
    /// Its name.
    pub thread: String,
    /// Locks taken.
    pub acquisitions: u64,
    /// Of these, after waiting.
    pub contentions: u64,
    /// Time waited.
    pub wait_ns: u64,
    /// Time held, of the timed holds and weighted for the others.
    pub hold_ns: u64,
}

/// A place in the program at which a lock is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Site {
    /// The function that takes it, beyond functions that only pass the call on.
    pub function: String,
    /// `file:line`, where the program has line tables.
    pub location: Option<String>,
    /// The program's file or library.
    pub module: Option<String>,
    /// The address to which the call returns, in the process.
    pub address: u64,
    /// All functions at the call, the innermost first: those inlined there, then the one called.
    pub inlined: Vec<String>,
    /// Locks taken.
    pub acquisitions: u64,
    /// Acquisitions that did not find it free.
    pub contentions: u64,
    /// Attempts without waiting that found it taken.
    pub refused: u64,
    /// Time that others waited for the lock while it was held by this site, as far as that was seen.
    pub caused_ns: f64,
    /// From asking to having.
    pub wait: Times,
    /// From having to releasing.
    pub hold: Times,
}

impl Site {
    /// The function with its place.
    #[must_use]
    pub fn label(&self) -> String {
        label(
            &self.function,
            self.location.as_deref(),
            self.module.as_deref(),
        )
    }
}

/// A function with its place: `push (queue.c:12)`, or with its file where lines are not known.
#[must_use]
pub fn label(function: &str, location: Option<&str>, module: Option<&str>) -> String {
    match location.or(module) {
        // Nameless code is called by its file already.
        Some(place) if !function.starts_with(place) => format!("{function} ({place})"),
        _ => function.to_owned(),
    }
}

/// One site that waited for another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Blame {
    /// The lock, by its name.
    pub lock: String,
    /// The site that waited, as [`Site::label`] has it.
    pub waiter: String,
    /// The site that held the lock then; `null` where that could not be seen.
    pub owner: Option<String>,
    /// Waits.
    pub count: u64,
    /// Their time.
    pub wait_ns: f64,
    /// The longest.
    pub max_ns: u64,
}

/// A call stack with the time that was waited in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stack {
    /// What was waited for.
    pub lock: String,
    /// Functions, the outermost first; the last one takes the lock.
    pub frames: Vec<String>,
    /// Waits of the site, shared out among its stacks by their samples.
    pub waits: f64,
    /// Their time.
    pub wait_ns: f64,
}

/// What the recording cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Pairs of a bare and a recorded run, in random order.
    pub pairs: u64,
    /// Wall time of a recorded run ÷ that of a bare one.
    pub ratio: f64,
    /// Its interval at [`Sampling::confidence`].
    pub ci: [f64; 2],
    /// Mean of the bare runs.
    pub bare_ns: f64,
    /// Mean of the recorded runs.
    pub recorded_ns: f64,
    /// What was added, for each acquisition and wait, with the interval that follows from the ratio's; `null`
    /// where nothing was counted.
    pub per_event_ns: Option<Estimate>,
}
