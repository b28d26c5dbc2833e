//! `locktoll record`.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use locktoll_bench::duration;

/// `locktoll record`.
#[derive(Debug, Args)]
#[command(after_help = "\
The program runs in the foreground with its own input and output; what was recorded goes to standard error
when it ends. The exit code is the program's; 128 + N where signal N ended it.

Seen are locks that a dynamically linked program takes through the C library: mutexes, rwlocks,
spinlocks, condition variables, semaphores and barriers of pthreads, C11 and C++, and of Rust's standard
library and parking_lot the waits. Locks inside the C library (malloc, stdio) are not.

--what-if cannot make a hold shorter, so it makes it longer, by known times, in runs in random order: at
most as much as arrives of these can be gained. Where the lock is busy, a replica of its use, which answers
additions as the program does, is really cut, and tells what to expect. A program that does not end by
itself is given --duration, for each run, and a --metric of what it gets done meanwhile.

Examples:
  locktoll record -- ./server --threads 8
  locktoll record --duration 10s -- ./server            stopped after ten seconds, by SIGINT
  locktoll record --calibrate 10 -- ./batch-job         and what the recording itself costs
  locktoll record --what-if queue_lock -- ./batch-job   what would a shorter hold of it bring?
  locktoll record --what-if queue_lock --duration 5s --metric ops -- ./server
                                                        the same of one that runs until it is stopped
  locktoll record --mode events -- ./job && locktoll report --export perfetto locktoll-record-*")]
pub struct RecordArgs {
    /// End the program after this long: by SIGINT, if that does not help by SIGTERM, then by SIGKILL. With
    /// --what-if, each of its runs
    #[arg(long, value_name = "DUR", value_parser = duration::parse)]
    pub duration: Option<Duration>,

    /// What to record: every acquisition counted and a sample of holds timed, contended acquisitions only
    /// (the cheapest), or every acquisition as an event
    #[arg(long, value_enum, default_value = "aggregate", value_name = "MODE")]
    pub mode: RecordMode,

    /// Time one of this many holds, on average
    #[arg(long, default_value = "256", value_name = "N")]
    pub hold_every: NonZeroU32,

    /// Events kept of each thread, the latest, in --mode events; 32 bytes each
    #[arg(long, default_value = "65536", value_name = "N")]
    pub events: NonZeroU32,

    /// Directory for record.json, record.html, record.md and the traces, or what-if.json and its pages [default:
    /// locktoll-record-DATE-TIME]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,

    /// Locks to show at the end
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub top: usize,

    /// No line about the locks while the program runs
    #[arg(long)]
    pub no_live: bool,

    /// No summary at the end; the files are written all the same
    #[arg(short, long)]
    pub quiet: bool,

    /// Before that, run the program N times bare and N times recorded, in random order and without input
    /// and output, and tell how much longer it takes when recorded
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u32).range(2..))]
    pub calibrate: Option<u32>,

    /// Find out what would be gained if this lock were held shorter: by its name, its rank in a recording's list
    /// or a call site that takes it, and of its call sites this one only. Runs the program many times without
    /// input and output
    #[arg(
        long,
        value_name = "LOCK[:SITE]",
        conflicts_with = "calibrate",
        help_heading = "What if"
    )]
    pub what_if: Option<String>,

    /// What the program's time is read off: wall (of a run that always does the same; not with --duration), ops
    /// (acquisitions of the lock), ops:LOCK (of another lock) or regex:PATTERN (a rate that it prints)
    #[arg(
        long,
        default_value = "wall",
        value_name = "METRIC",
        requires = "what_if",
        help_heading = "What if"
    )]
    pub metric: String,

    /// Blocks of runs; more make the intervals narrower
    #[arg(long, default_value = "10", value_name = "N", requires = "what_if", value_parser = clap::value_parser!(u32).range(3..), help_heading = "What if")]
    pub blocks: u32,

    /// Seed of the runs' order [default: any]
    #[arg(long, value_name = "N", requires = "what_if", help_heading = "What if")]
    pub seed: Option<u64>,

    /// Refused: a running process cannot be recorded
    #[arg(long, value_name = "PID", hide_short_help = true)]
    pub attach: Option<u32>,

    /// The program and its arguments
    #[arg(last = true, value_name = "CMD", required_unless_present = "attach")]
    pub command: Vec<String>,
}

/// What is recorded of each lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordMode {
    /// Every acquisition counted, waits timed, a sample of holds timed
    Aggregate,
    /// Contended acquisitions only
    Contentions,
    /// Every acquisition with its time, in a ring for each thread
    Events,
}

impl RecordMode {
    /// Its name, as the injected library reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aggregate => "aggregate",
            Self::Contentions => "contentions",
            Self::Events => "events",
        }
    }
}
