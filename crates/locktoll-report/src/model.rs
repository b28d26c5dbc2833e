//! The result of one analysis: what `result.json` holds and every renderer draws.
//!
//! Decisions are already made here. A renderer formats these values; it never computes a verdict.
//! Ratios and overheads are fractions, times are nanoseconds (`_ns`), rates are per second
//! (`_per_s`). A value that could not be determined is `null`, never a stand-in number.

mod cause;
mod map;
mod scaling;

use std::collections::BTreeMap;

pub use cause::{
    AblationStep, Cause, Ceiling, CeilingLimit, Level, Outcome, Part, PassThrough, Remedy,
    Resource, Root, Share, Witness,
};
pub use map::{Crossover, MapCell, RegimeMap};
pub use scaling::{ScalabilityLaw, Scaling};

use locktoll_stats::{Method, Note, Secondary, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema name and version written by this version of locktoll.
pub const SCHEMA: &str = "locktoll.result/1";

/// Facts about the machine and the build, by name (`cpu_model`, `kernel`, `load_1m`, …).
pub type Environment = BTreeMap<String, serde_json::Value>;

/// Everything that one analysis found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Where the numbers were measured; empty for imported series.
    pub environment: Environment,
    /// What was planned and how far it came.
    pub plan: Plan,
    /// One entry for each measured or imported series.
    pub series: Vec<Series>,
    /// The series of probes: ops that were changed on purpose, to learn what limits them.
    #[serde(default)]
    pub probes: Vec<Series>,
    /// Every comparison of the run; Holm's correction runs over the `strategy` and `a_a` rows.
    pub comparisons: Vec<Comparison>,
    /// Root causes found by intervention. Empty when the run contained no interventions.
    pub causes: Vec<Cause>,
    /// Throughput over threads, by configuration. Empty with fewer than two thread counts.
    #[serde(default)]
    pub scaling: Vec<Scaling>,
    /// The device's own limit, where it was measured.
    #[serde(default)]
    pub ceiling: Option<Ceiling>,
    /// The regime map, where the run is one.
    #[serde(default)]
    pub map: Option<RegimeMap>,
    /// What a reader must know before trusting a number, most important first.
    pub warnings: Vec<Warning>,
}

impl RunResult {
    /// The first series of this kind, configuration and thread count.
    ///
    /// A run of several workloads needs [`RunResult::find_in`].
    #[must_use]
    pub fn find(&self, role: Role, config: &str, threads: Option<u32>) -> Option<&Series> {
        self.series.iter().find(|series| {
            series.role == role && series.config == config && series.threads == threads
        })
    }

    /// Whether the configurations are locks that locktoll took itself, so that their names say what
    /// they are. Imported series and a user's commands have whatever names their owner gave them.
    #[must_use]
    pub fn knows_its_locks(&self) -> bool {
        self.plan
            .experiment
            .as_ref()
            .is_some_and(|experiment| !matches!(experiment.subject, Subject::Commands { .. }))
    }

    /// The comparisons of one kind, in the order of the file.
    pub fn comparisons_of(&self, role: Role) -> impl Iterator<Item = &Comparison> {
        self.comparisons
            .iter()
            .filter(move |comparison| comparison.role == role)
    }
}

/// What was planned, and how the run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Whether locktoll measured the series or read them from a file.
    pub origin: Origin,
    /// The baseline of all `strategy` comparisons.
    pub baseline: String,
    /// Why another baseline than the one asked for (or `none`) had to be taken.
    pub baseline_reason: Option<String>,
    /// The overhead, as a fraction, below which nobody cares.
    pub margin: f64,
    /// Confidence of all intervals, as a fraction.
    pub confidence: f64,
    /// Whether series are compared block by block.
    pub paired: bool,
    /// Whether a higher value is better.
    pub higher_is_better: bool,
    /// The allowed overhead of `--max-cost`, as a fraction.
    pub max_cost: Option<f64>,
    /// The experiment, when locktoll ran it.
    pub experiment: Option<Experiment>,
}

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Measured by `locktoll bench`, in this directory as the user named it.
    Bench {
        /// The run's directory.
        directory: String,
    },
    /// Read from a file of values.
    Import {
        /// The file as the user named it.
        file: String,
    },
}

/// The settings and the course of a measured experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Experiment {
    /// What each trial ran.
    pub subject: Subject,
    /// The workload's name: of locktoll's own, or of the user's program.
    pub workload: String,
    /// What a reader must know of the device, for instance that it is a model.
    pub device_notes: Vec<String>,
    /// Strategies in the order in which they were asked for.
    pub strategies: Vec<String>,
    /// Thread counts in the order in which they were asked for.
    pub threads: Vec<u32>,
    /// The seed of the random order.
    pub seed: u64,
    /// Complete blocks (every cell tried).
    pub blocks_complete: u64,
    /// Trials recorded.
    pub trials: u64,
    /// The rule that should have ended the run, in words.
    pub stop_rule: String,
    /// What ended it, in words.
    pub stop_reason: String,
    /// How often the run was resumed.
    pub resumed: u32,
    /// The command that started the run.
    pub command: String,
    /// One trial's command line, as a person can paste it.
    pub trial_command: Option<String>,
    /// Uncontended cost of one acquisition by strategy, in nanoseconds, measured on this machine.
    pub uncontended_ns: BTreeMap<String, f64>,
}

/// What each trial of an experiment ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Threads of locktoll's own, which encode a workload on a device.
    Encoders {
        /// The device's name, for instance `soft`.
        device: String,
        /// The device's settings, for instance `service=100us,encode=2us,…`.
        device_settings: String,
        /// The fault model in force, for instance `agx:process`.
        fault: Option<String>,
        /// The workload in words: dispatches, calls, kernel, size.
        workload_description: String,
        /// The sync pattern: `each-op`, `batch:N` or `end`.
        sync: String,
        /// Ops per thread and iteration.
        ops_per_thread: u64,
        /// Measured iterations in a trial.
        iterations: u32,
        /// Iterations run and thrown away at the start of each trial.
        warmup: u32,
    },
    /// A program of the user's, with the lock slipped under it by the Vulkan layer.
    Program {
        /// Its command line.
        command: String,
        /// What is read off a run of it, in words.
        measure: String,
    },
    /// Commands of the user's, one for each configuration.
    Commands {
        /// Command lines by configuration.
        commands: BTreeMap<String, String>,
        /// What is read off a run of them, in words.
        measure: String,
    },
}

/// Which kind of series or comparison this is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A strategy with bare locks (or an imported configuration): the answer.
    Strategy,
    /// The baseline a second time: whether the experiment can tell same from same.
    AA,
    /// The strategy with counting and timing on: contention figures, and the instrument's cost.
    Counted,
    /// An op that was changed on purpose, to learn what limits it; [`Series::probe`] says how.
    Probe,
}

/// One configuration at one thread count: its values and what they say alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// The strategy, or the imported configuration's name.
    pub config: String,
    /// The kind of series.
    pub role: Role,
    /// How the op was changed, for instance `lock +20µs`; `null` where it was not.
    #[serde(default)]
    pub probe: Option<String>,
    /// Threads that encoded, when known.
    pub threads: Option<u32>,
    /// The workload, when known.
    pub workload: Option<String>,
    /// Number of values (for measured series: completed trials, one process each).
    pub n: usize,
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Sample standard deviation.
    pub sd: Option<f64>,
    /// Standard error of the mean.
    pub se: Option<f64>,
    /// Student-t interval of the mean.
    pub ci: Option<[f64; 2]>,
    /// Unit of the values, for instance `ops/s`.
    pub unit: String,
    /// Every value, in block order.
    pub values: Vec<Value>,
    /// Crashes among the trials; `null` for imported series.
    pub crashes: Option<Crashes>,
    /// Lock events, from counted trials only.
    pub contention: Option<Contention>,
    /// How busy lock, device and CPU were.
    pub utilisation: Option<Utilisation>,
    /// Latency of one op, pooled over the trials' own quantiles by their median.
    pub latency: Option<Latency>,
    /// Jain's fairness index of ops per thread: 1 is even, 1/threads is one thread only.
    pub fairness: Option<f64>,
    /// Where the variance is: between processes or between the iterations inside one.
    pub variance: Option<Variance>,
}

/// One raw value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Value {
    /// The block's label.
    pub block: String,
    /// Position in the order of execution of the whole run, from 0, when known.
    pub order: Option<u64>,
    /// The value, in the series' unit.
    pub value: f64,
    /// Throughput of each iteration, for measured series.
    pub iterations: Vec<f64>,
}

/// How often trials of a series crashed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Crashes {
    /// Trials started.
    pub trials: u64,
    /// Trials that crashed.
    pub crashed: u64,
    /// `crashed / trials`.
    pub rate: f64,
    /// Clopper–Pearson interval of the rate, two-sided.
    pub ci: [f64; 2],
    /// One-sided upper bound of the rate at the run's confidence.
    pub upper_bound: f64,
    /// The crashes themselves.
    pub events: Vec<CrashEvent>,
}

/// One crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CrashEvent {
    /// The block in which it happened.
    pub block: String,
    /// `SIGABRT`, `SIGSEGV`, `exit 3`, `timeout`, …
    pub signal: String,
    /// Iterations completed before it, warm-up included, when known: the index of the one in which
    /// it happened, unless it came after the last.
    pub iteration: Option<u32>,
    /// The thread that ended the process, when the message names it.
    pub thread: Option<String>,
    /// The last line that the process said.
    pub message: String,
}

/// Lock events of the counted trials of a series, summed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contention {
    /// Ops run while counting.
    pub ops: u64,
    /// Locks taken.
    pub acquisitions: u64,
    /// Locks that were not free at the first try.
    pub contentions: u64,
    /// `contentions / acquisitions`.
    pub rate: f64,
    /// `acquisitions / ops`.
    pub acquisitions_per_op: f64,
    /// Times from asking to having, contended acquisitions only.
    pub wait: Timing,
    /// Times from having to releasing, sampled.
    pub hold: Timing,
    /// One hold in this many is timed.
    pub hold_sample_every: u32,
    /// Sections run on a lent lock to break a cycle of nested sections.
    pub lent: u64,
    /// The contention rate that hold × rate predicts for threads that ask independently.
    pub expected_rate: Option<f64>,
}

/// Quantiles of one kind of duration; `null` where nothing was timed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// Durations timed.
    pub count: u64,
    /// Mean.
    pub mean_ns: Option<f64>,
    /// Median.
    pub p50_ns: Option<f64>,
    /// 99th percentile.
    pub p99_ns: Option<f64>,
    /// Largest.
    pub max_ns: Option<f64>,
}

/// Share of the measured time for which each resource was busy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Utilisation {
    /// Acquisitions per second × mean hold; over 1 where several locks are held at once.
    pub lock: Option<f64>,
    /// Device busy time (union of intervals, mean over engines) ÷ elapsed time.
    pub device: Option<f64>,
    /// CPU time ÷ (elapsed time × cores).
    pub cpu: Option<f64>,
    /// Voluntary context switches per op.
    pub voluntary_switches_per_op: Option<f64>,
    /// Involuntary context switches per op.
    pub involuntary_switches_per_op: Option<f64>,
}

/// Latency of one op, from the start of encoding to the end of its wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Median.
    pub p50_ns: f64,
    /// 90th percentile.
    pub p90_ns: f64,
    /// 99th percentile.
    pub p99_ns: f64,
    /// Largest.
    pub max_ns: f64,
}

/// Kalibera–Jones variance components over process × iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Variance {
    /// Standard deviation between processes, the iterations' share removed.
    pub between_processes_sd: f64,
    /// Standard deviation between the iterations of one process.
    pub within_process_sd: f64,
    /// Share of the variance that lies between processes.
    pub icc: Option<f64>,
}

/// One comparison of two series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The kind of comparison.
    pub role: Role,
    /// The series compared against.
    pub baseline: String,
    /// The series under test.
    pub test: String,
    /// Threads that encoded, when known.
    pub threads: Option<u32>,
    /// The workload, when known.
    pub workload: Option<String>,
    /// Values of the baseline used.
    pub n_baseline: usize,
    /// Values of the test used.
    pub n_test: usize,
    /// 1 − throughput(test) / throughput(baseline).
    pub overhead: Overhead,
    /// p-value of "no difference", two-sided.
    pub p_difference: Option<f64>,
    /// The same after Holm's correction over the run.
    pub p_difference_holm: Option<f64>,
    /// p-value of "the difference is at least the margin" (TOST).
    pub p_equivalence: Option<f64>,
    /// The margin, as a fraction.
    pub margin: f64,
    /// The decision; `null` when there is nothing to decide on (a series without values).
    pub verdict: Option<Verdict>,
    /// Further blocks that would settle an unresolved comparison with 80% power.
    pub blocks_needed: Option<u64>,
    /// Every other statistic of the pair; not used for the decision.
    pub secondary: Option<Secondary>,
    /// What to know about this comparison.
    pub notes: Vec<Note>,
    /// Why there is no estimate, where there is none.
    pub missing: Option<String>,
}

/// An overhead with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overhead {
    /// The point estimate, as a fraction; positive is a cost.
    pub estimate: Option<f64>,
    /// The interval; `null` when too few values, or when it is unbounded.
    pub ci: Option<[f64; 2]>,
    /// Confidence of the interval, as a fraction.
    pub confidence: f64,
    /// How the interval was computed.
    pub method: Option<Method>,
}

/// A value with its interval, at the run's confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The point estimate.
    pub estimate: f64,
    /// The interval; `null` when there are too few values for one.
    pub ci: Option<[f64; 2]>,
}

/// Something that a reader must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// A stable name, for instance `a_a_failed`.
    pub code: String,
    /// The warning in words.
    pub message: String,
}
