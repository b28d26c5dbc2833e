//! The plan: which cells are measured, in which random order, and until when.
//!
//! A plan is a plain value. It is the first line of every samples file, so that a run can be
//! resumed, and judged by others, without anything else.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use locktoll_gpu::{DeviceChoice, FaultModel, Protection, SoftSettings, TimedWork};
use locktoll_guard::Strategy;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::map::Grid;
use crate::measure::Measure;
use crate::probe::Probe;
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
    /// With counting and timing: contention comes from these only, and a GPU's busy time.
    Counted,
    /// Bare, and with an op that is changed on purpose.
    Probe(#[serde(with = "crate::as_text")] Probe),
}

/// One of the things that are compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Config {
    /// A lock that locktoll puts round the encoders.
    Lock(#[serde(with = "crate::as_text")] Protection),
    /// A command of the user's, by the name that the user gave it.
    Command(String),
}

impl Config {
    /// The lock, where locktoll is what takes it.
    pub fn lock(&self) -> Option<Protection> {
        match self {
            Self::Lock(protection) => Some(*protection),
            Self::Command(_) => None,
        }
    }

    /// Whether locktoll takes any lock here, so that there is something to count.
    pub fn takes_locks(&self) -> bool {
        self.lock()
            .is_some_and(|lock| lock.strategy() != Strategy::None)
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(protection) => protection.fmt(f),
            Self::Command(name) => f.write_str(name),
        }
    }
}

/// One combination that is measured once in each block.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// What the cell is for.
    pub arm: Arm,
    /// What is compared.
    pub config: Config,
    /// Threads that encode; `None` where the program alone knows.
    pub threads: Option<NonZeroU32>,
    /// Where it lies in a map; `None` elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
}

/// A cell's place in a map, beside its threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Point {
    /// Queues over which the threads are spread.
    pub queues: NonZeroU32,
    /// Device time of an op, in nanoseconds.
    pub work_ns: u64,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)?;
        if let Some(threads) = self.threads {
            let plural = if threads.get() == 1 { "" } else { "s" };
            write!(f, ", {threads} thread{plural}")?;
        }
        if let Some(Point { queues, work_ns }) = self.point {
            let plural = if queues.get() == 1 { "" } else { "s" };
            let work = humantime::format_duration(Duration::from_nanos(work_ns));
            write!(f, ", {queues} queue{plural}, {work} of work")?;
        }
        match self.arm {
            Arm::Bare => Ok(()),
            Arm::AA => f.write_str(", A/A"),
            Arm::Counted => f.write_str(", counted"),
            Arm::Probe(probe) => write!(f, ", {}", probe.describe()),
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
    /// The device.
    #[serde(with = "crate::as_text")]
    pub choice: DeviceChoice,
    /// Settings of the soft device, and of the device `objc`, which has the same.
    #[serde(with = "crate::as_text")]
    pub soft: SoftSettings,
    /// Queues of a Vulkan or Metal device over which the threads are spread.
    pub queues: NonZeroU32,
    /// What a timed kernel does on such a device, calibrated once for all trials.
    #[serde(with = "crate::as_text::option")]
    pub timed: Option<TimedWork>,
    /// What the kernels do that add time on such a device, the first of which adds none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<TimedWork>,
    /// The fault model, if one is in force.
    #[serde(with = "crate::as_text::option")]
    pub fault: Option<FaultModel>,
}

impl DevicePlan {
    /// Whether the device computes for real, by a driver of the system's: Vulkan's or Metal's.
    pub fn is_gpu(&self) -> bool {
        matches!(self.choice, DeviceChoice::Vulkan(_) | DeviceChoice::Metal)
    }

    /// Queues over which the threads are spread.
    pub fn queues(&self) -> NonZeroU32 {
        match self.choice {
            DeviceChoice::Vulkan(_) | DeviceChoice::Metal => self.queues,
            DeviceChoice::Auto | DeviceChoice::Soft | DeviceChoice::Objc => self.soft.queues.into(),
        }
    }
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

/// What a trial runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Threads of locktoll's own that encode a workload.
    Encoders(Encoders),
    /// A program of the user's, with the lock slipped under it.
    Program {
        /// Program and arguments; `{threads}` stands for the thread count.
        command: Vec<String>,
        /// Where it is run, also by a run that is resumed from elsewhere.
        folder: PathBuf,
        /// What is read off a run of it.
        measure: Measure,
    },
    /// Commands of the user's, one for each configuration: the lock is a switch of theirs.
    Commands {
        /// Program and arguments by configuration; `{threads}` stands for the thread count.
        commands: BTreeMap<String, Vec<String>>,
        /// Where they are run, also by a run that is resumed from elsewhere.
        folder: PathBuf,
        /// What is read off a run of them.
        measure: Measure,
    },
}

impl Subject {
    /// The encoders, where locktoll encodes by itself.
    pub fn encoders(&self) -> Option<&Encoders> {
        match self {
            Self::Encoders(encoders) => Some(encoders),
            Self::Program { .. } | Self::Commands { .. } => None,
        }
    }

    /// What is read off a run of a program; `None` where locktoll encodes by itself.
    pub fn measure(&self) -> Option<&Measure> {
        match self {
            Self::Encoders(_) => None,
            Self::Program { measure, .. } | Self::Commands { measure, .. } => Some(measure),
        }
    }

    /// Where a user's program is run.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Encoders(_) => None,
            Self::Program { folder, .. } | Self::Commands { folder, .. } => Some(folder),
        }
    }

    /// The workload's name in reports.
    pub fn workload_name(&self) -> String {
        match self {
            Self::Encoders(encoders) => encoders.workload.name.clone(),
            Self::Program { command, .. } => program_name(command),
            Self::Commands { commands, .. } => {
                let mut names: Vec<String> = commands
                    .values()
                    .map(|command| program_name(command))
                    .collect();
                names.dedup();
                match names.as_slice() {
                    [one] => one.clone(),
                    _ => "commands".to_owned(),
                }
            }
        }
    }

    /// The program and arguments of a cell, with its thread count filled in; `None` where locktoll
    /// encodes by itself.
    pub fn command(&self, cell: &Cell) -> Option<Vec<String>> {
        let words = match (self, &cell.config) {
            (Self::Encoders(_), _) | (Self::Commands { .. }, Config::Lock(_)) => return None,
            (Self::Program { command, .. }, _) => command,
            (Self::Commands { commands, .. }, Config::Command(name)) => commands.get(name)?,
        };
        Some(match cell.threads {
            Some(threads) => words
                .iter()
                .map(|word| word.replace(THREADS, &threads.to_string()))
                .collect(),
            None => words.clone(),
        })
    }
}

/// What stands for the thread count in a user's command.
pub const THREADS: &str = "{threads}";

/// The name of the program that a command runs, without its folder, and without `env` and the
/// variables before it.
fn program_name(command: &[String]) -> String {
    let mut words = command.iter().map(String::as_str);
    let first = match words.next() {
        Some("env") => words.find(|word| !word.contains('=')).unwrap_or("env"),
        Some(word) => word,
        None => "",
    };
    first.rsplit('/').next().unwrap_or(first).to_owned()
}

/// locktoll's own encoding threads: what they encode, on which device, and how much of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Encoders {
    /// The device.
    pub device: DevicePlan,
    /// The workload.
    pub workload: Workload,
    /// The sync pattern in force.
    #[serde(with = "crate::as_text")]
    pub sync: SyncPattern,
    /// How much one trial runs.
    pub size: TrialSize,
}

/// A whole experiment before it is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What a trial runs.
    pub subject: Subject,
    /// What is compared, without repetition.
    pub configs: Vec<Config>,
    /// What the others are compared with; one of `configs`.
    pub baseline: Config,
    /// Whether the user named the baseline; then it is kept whatever happens.
    #[serde(default)]
    pub baseline_named: bool,
    /// Why this baseline and not `none`, where the user named none.
    pub baseline_reason: Option<String>,
    /// Thread counts, without repetition; none where the program alone knows.
    pub threads: Vec<NonZeroU32>,
    /// Whether blocks contain counted cells.
    pub counted: bool,
    /// Further cells of each block, which tell why.
    #[serde(default)]
    pub probes: Vec<Cell>,
    /// The grid, where the plan is one of a map: its cells are then those of the grid, and its
    /// stages end it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Grid>,
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
        if self.configs.is_empty() {
            return fail("nothing to measure: give at least one strategy".into());
        }
        if !self.configs.contains(&self.baseline) {
            return fail(format!(
                "the baseline '{}' is not among {}",
                self.baseline,
                join(&self.configs)
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
        self.check_subject()?;
        if let Some(grid) = &self.map {
            grid.check(self)?;
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

    /// Checks what belongs to the subject.
    fn check_subject(&self) -> Result<()> {
        let fail = |message: String| Err(Error::Plan(message));
        let (words, measure): (Vec<&String>, _) = match &self.subject {
            Subject::Encoders(encoders) => return self.check_encoders(encoders),
            Subject::Program {
                command, measure, ..
            } => {
                if let Some(config) = self.configs.iter().find(|config| {
                    !matches!(
                        config.lock(),
                        Some(Protection::Interposed(_) | Protection::Caller(Strategy::None))
                    )
                }) {
                    return fail(format!("'{config}' cannot be slipped under a program"));
                }
                (command.iter().collect(), measure)
            }
            Subject::Commands {
                commands, measure, ..
            } => {
                for config in &self.configs {
                    match config {
                        Config::Command(name)
                            if commands.get(name).is_some_and(|words| !words.is_empty()) => {}
                        _ => return fail(format!("the arm '{config}' has no command")),
                    }
                }
                if measure.needs_layer() {
                    return fail(format!(
                        "--measure {measure} counts Vulkan calls, which needs locktoll's layer \
                         under the program; arms are run as they are: use wall or regex:PATTERN"
                    ));
                }
                (commands.values().flatten().collect(), measure)
            }
        };
        measure.check()?;
        if words.is_empty() {
            return fail("no program to run: put it after --".into());
        }
        let varies = words.iter().any(|word| word.contains(THREADS));
        match (varies, self.threads.is_empty()) {
            (true, true) => fail(format!(
                "the command has {THREADS}: say by --threads which counts to fill in"
            )),
            (false, false) => fail(format!(
                "--threads has no effect: put {THREADS} where the command takes its thread count, \
                 or give --threads-arg"
            )),
            _ if matches!(self.subject, Subject::Commands { .. }) && self.configs.len() < 2 => {
                fail("nothing to compare: give --arm twice or more".into())
            }
            _ => Ok(()),
        }
    }

    fn check_encoders(&self, encoders: &Encoders) -> Result<()> {
        let fail = |message: String| Err(Error::Plan(message));
        if self.threads.is_empty() {
            return fail("nothing to measure: give at least one thread count".into());
        }
        let group = encoders.workload.threads_per_encoder;
        if let Some(threads) = self
            .threads
            .iter()
            .find(|threads| threads.get() > group && !threads.get().is_multiple_of(group))
        {
            return fail(format!(
                "a thread count of {threads} cannot be split into groups of {group} that share an encoder"
            ));
        }
        let size = encoders.size;
        let iterations = u64::from(size.warmup) + u64::from(size.iterations.get());
        if iterations > MAX_ITERATIONS {
            return fail(format!(
                "{iterations} iterations: at most {MAX_ITERATIONS} are supported"
            ));
        }
        Ok(())
    }

    /// The cells of a block, in the order of the plan; a cell's index is its slot.
    pub fn cells(&self) -> Vec<Cell> {
        if let Some(grid) = &self.map {
            return grid.cells(self);
        }
        let mut cells = Vec::new();
        let threads: Vec<Option<NonZeroU32>> = if self.threads.is_empty() {
            vec![None]
        } else {
            self.threads.iter().copied().map(Some).collect()
        };
        for threads in threads {
            let mut add = |arm, config: &Config| {
                cells.push(Cell {
                    arm,
                    config: config.clone(),
                    threads,
                    point: None,
                });
            };
            for config in &self.configs {
                add(Arm::Bare, config);
            }
            add(Arm::AA, &self.baseline);
            if self.counted {
                for config in self
                    .configs
                    .iter()
                    .filter(|&config| self.is_observed(config))
                {
                    add(Arm::Counted, config);
                }
            }
        }
        cells.extend(self.probes.iter().cloned());
        cells
    }

    /// Whether a counted arm of a configuration shows what its bare one does not: lock events, or a
    /// GPU's timestamps.
    fn is_observed(&self, config: &Config) -> bool {
        let is_gpu = self
            .subject
            .encoders()
            .is_some_and(|encoders| encoders.device.is_gpu());
        is_gpu || config.takes_locks()
    }

    /// The encoders as a cell runs them: at its own point where the plan is one of a map. `None`
    /// where a user's program encodes.
    pub fn encoders_of(&self, cell: &Cell) -> Option<Encoders> {
        let planned = self.subject.encoders()?;
        Some(match (&self.map, cell.point) {
            (Some(grid), Some(point)) => grid.encoders_at(planned, point),
            _ => planned.clone(),
        })
    }

    /// Whether a lower value is better.
    pub fn lower_is_better(&self) -> bool {
        self.subject.measure().is_some_and(Measure::lower_is_better)
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

/// A list for people.
pub(crate) fn join<T: fmt::Display>(items: &[T]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
