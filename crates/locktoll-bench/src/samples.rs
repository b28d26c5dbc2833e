//! `samples.jsonl`: everything that a run measured, one record a line, append-only.
//!
//! The first record is the [`Header`]. A line is written by one system call after its trial has
//! ended, so a killed run leaves at most one torn line at the end; reading drops it and appending
//! cuts it off. Whatever else cannot be read is an error that names the line: nothing is skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::plan::{Cell, Plan};
use crate::stages::Stages;

/// The schema name and version of this file.
pub const SCHEMA: &str = "locktoll.samples/1";

/// The file's name in a run's directory.
pub const FILE_NAME: &str = "samples.jsonl";

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The plan and the machine; always the first line.
    Header(Box<Header>),
    /// One trial, completed or crashed.
    Trial(Box<Trial>),
    /// The run was taken up again.
    Resumed {
        /// The machine at that time.
        environment: Environment,
        /// The time limit from then on, for the run as a whole; 0 is no limit.
        max_time_ns: u64,
    },
    /// The run ended by its rule, its time limit or its user.
    Stopped {
        /// Why.
        reason: StopReason,
    },
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The plan.
    pub plan: Plan,
    /// The machine.
    pub environment: Environment,
    /// What to know of the device; `None` where a user's program chooses it.
    pub device: Option<DeviceFacts>,
    /// Uncontended cost of one acquisition by strategy, in nanoseconds.
    pub uncontended_ns: BTreeMap<String, f64>,
}

/// What the device says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// Its name.
    pub name: String,
    /// Its driver and version.
    pub driver: String,
    /// Its settings.
    pub settings: String,
    /// What a reader of figures must know, for instance that it is a model.
    pub notes: Vec<String>,
    /// Engines that work at the same time; busy time is divided by this.
    pub engines: u32,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The block, from 0.
    pub block: u64,
    /// The cell's index in [`Plan::cells`].
    pub slot: usize,
    /// Trials started before this one in the whole run.
    pub order: u64,
    /// The cell.
    pub cell: Cell,
    /// The child's command line.
    pub command: Vec<String>,
    /// When it started, in nanoseconds since 1970.
    pub started_unix_ns: u64,
    /// How long the child lived, in nanoseconds.
    pub wall_ns: u64,
    /// System load (1 minute) before it started, where the system tells.
    pub load_1m: Option<f64>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran to its end with the right results.
    Completed(Box<Measurement>),
    /// It ended otherwise.
    Crashed(Crash),
}

/// What one completed trial measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The measured iterations, in order.
    pub iterations: Vec<Iteration>,
    /// The value that a user's program printed, where that is what is measured.
    pub printed: Option<f64>,
    /// Latencies of single ops, where locktoll saw them.
    pub latency: Option<LatencyQuantiles>,
    /// What the process used during the measured iterations; a user's program in all.
    pub usage: Usage,
    /// Device busy time during the measured iterations, summed over engines, where it is known.
    pub device_busy_ns: Option<u64>,
    /// Lock events, in counted trials.
    pub lock_events: Option<LockEvents>,
    /// Time that a probe added during the measured iterations, by all ops together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_ns: Option<u64>,
    /// Where the threads' time went, in trials that time the stages of each op.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Stages>,
}

impl Measurement {
    /// The trial's value: what the program printed, else ops per second.
    pub fn value(&self) -> f64 {
        self.printed.unwrap_or_else(|| self.ops_per_s())
    }

    /// Ops of all iterations per second of their elapsed time.
    pub fn ops_per_s(&self) -> f64 {
        self.ops() as f64 * 1e9 / self.elapsed_ns() as f64
    }

    /// Ops of all iterations.
    pub fn ops(&self) -> u64 {
        self.iterations.iter().map(|iteration| iteration.ops).sum()
    }

    /// Elapsed time of all iterations.
    pub fn elapsed_ns(&self) -> u64 {
        self.iterations
            .iter()
            .map(|iteration| iteration.elapsed_ns)
            .sum::<u64>()
            .max(1)
    }
}

/// One measured iteration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iteration {
    /// Ops completed.
    pub ops: u64,
    /// From the first thread's start to the last one's end.
    pub elapsed_ns: u64,
    /// Ops by thread.
    pub ops_by_thread: Vec<u64>,
}

/// Quantiles of the latency of one op, from the start of its encoding to the end of its wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyQuantiles {
    /// Median.
    pub p50_ns: u64,
    /// 90th percentile.
    pub p90_ns: u64,
    /// 99th percentile.
    pub p99_ns: u64,
    /// Largest.
    pub max_ns: u64,
}

/// What a process used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time in user mode.
    pub user_ns: u64,
    /// CPU time in the kernel.
    pub system_ns: u64,
    /// Times that a thread slept.
    pub voluntary_switches: u64,
    /// Times that a thread was preempted.
    pub involuntary_switches: u64,
}

/// Lock events of one trial.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LockEvents {
    /// Locks taken.
    pub acquisitions: u64,
    /// Locks not free at the first try.
    pub contentions: u64,
    /// Contended waits.
    pub wait: Durations,
    /// Sampled holds.
    pub hold: Durations,
    /// One hold in this many is timed.
    pub hold_sample_every: u32,
    /// Sections on a lent lock.
    pub lent: u64,
}

/// A set of durations, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Durations {
    /// Durations timed.
    pub count: u64,
    /// Their sum.
    pub total_ns: u64,
    /// Their median.
    pub p50_ns: Option<u64>,
    /// Their 99th percentile.
    pub p99_ns: Option<u64>,
    /// The largest.
    pub max_ns: u64,
}

/// A trial that did not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// `SIGABRT`, `SIGSEGV`, `exit 3`, `timeout`, `wrong result`, ….
    pub signal: String,
    /// Iterations completed before, warm-up included; the crash is in the one of this index.
    pub iteration: Option<u32>,
    /// The thread that ended the process, where the message names it.
    pub thread: Option<String>,
    /// The last line that it said on standard error.
    pub message: String,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The number of blocks asked for.
    Blocks,
    /// The precision asked for.
    Precision,
    /// No crossover of a map can be narrowed on its finest grid.
    Refined,
    /// The time limit.
    Time,
    /// Ctrl-C or a termination signal.
    Interrupted,
    /// No lock can be compared with the baseline.
    Hopeless,
}

impl StopReason {
    /// The reason in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Blocks => "the number of blocks asked for was reached",
            Self::Precision => "the precision asked for was reached",
            Self::Refined => "nothing can be narrowed further on the finest grid",
            Self::Time => "the time limit was reached",
            Self::Interrupted => "interrupted by the user",
            Self::Hopeless => "no two locks ran to their end in the same block",
        }
    }
}

/// All records of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// The first line.
    pub header: Header,
    /// Trials in order of execution.
    pub trials: Vec<Trial>,
    /// The machine at each time the run was resumed.
    pub resumed: Vec<Environment>,
    /// Why it ended last, if it did end.
    pub stopped: Option<StopReason>,
}

impl Samples {
    /// Reads a run's samples.
    ///
    /// # Errors
    /// The file can't be read, is of another schema, or a line other than a torn last one is
    /// broken or repeats a trial.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(Error::io("read", path))?;
        parse(&text, path).map(|(samples, _)| samples)
    }

    /// Blocks of which every cell was tried.
    pub fn complete_blocks(&self) -> u64 {
        let slots = self.header.plan.cells().len();
        let mut tried: BTreeMap<u64, usize> = BTreeMap::new();
        for trial in &self.trials {
            *tried.entry(trial.block).or_default() += 1;
        }
        tried.values().filter(|&&count| count == slots).count() as u64
    }

    /// Time spent in trials, in nanoseconds.
    pub fn measured_ns(&self) -> u64 {
        self.trials.iter().map(|trial| trial.wall_ns).sum()
    }
}

/// Whether a file holds a run: at least its whole first line. One that was cut off before holds
/// nothing that could be lost.
pub fn has_header(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.contains(&b'\n'))
}

/// Reads the records of `bytes`; also says how many bytes hold whole lines.
///
/// # Errors
/// As [`Samples::read`]; `path` only names the file in messages.
pub fn parse(bytes: &[u8], path: &Path) -> Result<(Samples, u64)> {
    let fail = |line: usize, message: String| Error::Samples {
        path: path.into(),
        line,
        message,
    };
    // A line counts only with its newline: without it the write did not finish.
    let whole = bytes
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    let mut samples: Option<Samples> = None;
    let mut seen = BTreeSet::new();
    let mut cells_of_map = None;
    for (index, line) in bytes[..whole]
        .split_inclusive(|&byte| byte == b'\n')
        .enumerate()
    {
        let number = index + 1;
        let record: Record = serde_json::from_slice(line).map_err(|error| {
            fail(
                number,
                format!(
                    "not a record of {SCHEMA}: {error} (column {})",
                    error.column()
                ),
            )
        })?;
        match (record, samples.as_mut()) {
            (Record::Header(header), None) => {
                if header.schema != SCHEMA {
                    return Err(fail(
                        number,
                        format!(
                            "schema '{}', but this version reads {SCHEMA}",
                            header.schema
                        ),
                    ));
                }
                header
                    .plan
                    .check()
                    .map_err(|error| fail(number, error.to_string()))?;
                cells_of_map = header.plan.map.is_some().then(|| header.plan.cells());
                samples = Some(Samples {
                    header: *header,
                    trials: Vec::new(),
                    resumed: Vec::new(),
                    stopped: None,
                });
            }
            (Record::Header(_), Some(_)) => return Err(fail(number, "a second header".into())),
            (_, None) => return Err(fail(number, "the first line must be the header".into())),
            (Record::Trial(trial), Some(samples)) => {
                // The stages of a map follow from its points, so each must be where it belongs.
                if let Some(cells) = &cells_of_map
                    && cells.get(trial.slot) != Some(&trial.cell)
                {
                    return Err(fail(
                        number,
                        format!("slot {} is not that of {}", trial.slot, trial.cell),
                    ));
                }
                if !seen.insert((trial.block, trial.slot)) {
                    return Err(fail(
                        number,
                        format!(
                            "block {} slot {} was recorded before",
                            trial.block, trial.slot
                        ),
                    ));
                }
                samples.trials.push(*trial);
            }
            (
                Record::Resumed {
                    environment,
                    max_time_ns,
                },
                Some(samples),
            ) => {
                samples.resumed.push(environment);
                samples.header.plan.max_time_ns = max_time_ns;
                samples.stopped = None;
            }
            (Record::Stopped { reason }, Some(samples)) => samples.stopped = Some(reason),
        }
    }
    match samples {
        Some(samples) => Ok((samples, whole as u64)),
        None => Err(fail(
            1,
            "no header: the file is empty or was cut off in its first line".into(),
        )),
    }
}

/// Appends records to a samples file that only this process writes.
#[derive(Debug)]
pub struct SamplesWriter {
    file: File,
    path: PathBuf,
    /// Bytes of whole lines; a failed write is cut back to here.
    whole: u64,
}

impl SamplesWriter {
    /// Starts a new file with its header, in place of one that [holds none](has_header).
    ///
    /// # Errors
    /// The file holds a run, or cannot be written.
    pub fn create(path: &Path, header: Header) -> Result<Self> {
        if has_header(path) {
            let message = "holds a run already".to_owned();
            return Err(Error::Samples {
                path: path.into(),
                line: 1,
                message,
            });
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(Error::io("create", path))?;
        let mut writer = Self {
            file,
            path: path.into(),
            whole: 0,
        };
        writer.lock()?;
        writer.cut_back()?;
        writer.append(&Record::Header(Box::new(header)))?;
        writer.sync()?;
        Ok(writer)
    }

    /// Opens an existing file to go on with it, cutting off a torn last line.
    ///
    /// # Errors
    /// As [`Samples::read`]; also when another process is writing the file.
    pub fn resume(path: &Path) -> Result<(Self, Samples)> {
        let file = OpenOptions::new()
            .append(true)
            .read(true)
            .open(path)
            .map_err(Error::io("open", path))?;
        let mut writer = Self {
            file,
            path: path.into(),
            whole: 0,
        };
        writer.lock()?;
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let (samples, whole) = parse(&bytes, path)?;
        writer.whole = whole;
        if whole < bytes.len() as u64 {
            writer.cut_back()?;
        }
        Ok((writer, samples))
    }

    /// Appends one record by one write.
    ///
    /// # Errors
    /// The disk is full or gone; the file then still ends with its last whole line.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        let mut line = serde_json::to_vec(record).map_err(|error| Error::Samples {
            path: self.path.clone(),
            line: 0,
            message: format!("cannot be written: {error}"),
        })?;
        line.push(b'\n');
        if let Err(source) = self.file.write_all(&line) {
            // The write's own error matters to the user; a failed cut leaves a torn line, which
            // reading drops.
            let _ = self.cut_back();
            return Err(Error::io("append to", &self.path)(source));
        }
        self.whole += line.len() as u64;
        Ok(())
    }

    /// Hands the file to the disk, so that it outlives a power cut.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(Error::io("save", &self.path))
    }

    fn cut_back(&mut self) -> Result<()> {
        self.file
            .set_len(self.whole)
            .and_then(|()| self.file.seek(SeekFrom::End(0)))
            .map(drop)
            .map_err(Error::io("truncate", &self.path))
    }

    fn lock(&self) -> Result<()> {
        self.file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => Error::Plan(format!(
                "{} is being written by another locktoll",
                self.path.display()
            )),
            std::fs::TryLockError::Error(source) => Error::io("lock", &self.path)(source),
        })
    }
}
