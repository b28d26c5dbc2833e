//! The command line: every flag, its help and its default, in one place.

mod common;
mod guard;
mod map;
mod record;
mod report;
mod trial;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use locktoll_bench::duration;
use locktoll_bench::measure::Source;
use locktoll_bench::sync_pattern::SyncPattern;
use locktoll_gpu::{FaultModel, Protection, SoftSettings};

pub use common::{DecisionArgs, DeviceArgs, OutputArgs, SizeArgs};
pub use guard::{GuardArgs, GuardStrategy, OnMisuse};
pub use map::MapArgs;
pub use record::{RecordArgs, RecordMode};
pub use report::{ExportFormat, ReportArgs, ReportFormat};
pub use trial::TrialArgs;

pub use crate::what_if::replica::ReplicaArgs;

const AFTER_HELP: &str = "\
Exit codes: 0 done and within policy · 1 could not measure · 2 bad usage · 10 a lock costs more
than --max-cost · 11 --max-cost is not settled · 130 interrupted, everything measured is kept.

Ctrl-C ends a run and writes the report of what was measured; a second Ctrl-C ends it at once, and
the samples are kept all the same.";

/// What a lock costs, whether you may drop it, and why.
#[derive(Debug, Parser)]
#[command(name = "locktoll", version, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that describe locktoll's own encoders, which a program of the user's has no use for.
const OF_OWN_ENCODERS: [&str; 9] = [
    "device",
    "soft",
    "fault",
    "workload",
    "sync",
    "ops",
    "iterations",
    "warmup",
    "why",
];

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure what each lock costs, as a randomised block experiment
    Bench(Box<BenchArgs>),
    /// Find where a lock costs, is free or pays: over threads, queues and GPU work per op
    Map(Box<MapArgs>),
    /// Analyse numbers that you already have: a CSV file, or the directory of a bench or map run
    Analyze(AnalyzeArgs),
    /// Write a run's report again, as a page, text or plots; or compare two runs
    Report(ReportArgs),
    /// List the devices that can be measured, and what is missing for the others
    Devices,
    /// Run a Vulkan program, or a Metal one on macOS, with a lock slipped under it, and tell what the lock saw
    Guard(GuardArgs),
    /// Run any program and tell what its locks cost, where, and who waits for whom
    Record(RecordArgs),
    /// Take a lock again and again as another program does (record --what-if starts these)
    #[command(hide = true)]
    Replica(ReplicaArgs),
    /// Run one trial in this process and print what it measures (bench starts these)
    Trial(TrialArgs),
    /// Print a completion script for your shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// `locktoll bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  locktoll bench                                   all locks at 1 and 8 threads, about a minute
  locktoll bench --strategies none,global --threads 1,2,4,8,16 --precision 0.5
  locktoll bench --fault agx:process --blocks 105  how often do unprotected threads crash?
  locktoll bench --strategies none,global --max-cost 2   exit 10 if global costs more than 2%
  locktoll bench --strategies none,global --why    what is the bottleneck: lock, CPU or device?
  locktoll bench --device vulkan --queues 4        on a GPU, threads spread over 4 queues
  locktoll bench --measure 'regex:([0-9.]+) fps' -- ./game --demo    your Vulkan program
  locktoll bench --arm none='./a --lock=no' --arm global='./a --lock=yes' --threads 1,8 \\
      --threads-arg='--threads {threads}'          your program's own switch
  locktoll bench --resume DIR                      go on with an interrupted run")]
pub struct BenchArgs {
    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub device: DeviceArgs,

    /// Settings of the soft device, and of objc, as service=100us,encode=2us,hold=0,queues=1,engines=1;
    /// what is left out keeps the value shown here
    #[arg(
        long,
        default_value_t,
        value_name = "SETTINGS",
        help_heading = "What is measured"
    )]
    pub soft: SoftSettings,

    /// Queues of the device over which the threads are spread [default: 1, or what --soft says]
    #[arg(long, value_name = "K", value_parser = from_one, help_heading = "What is measured")]
    pub queues: Option<NonZeroU32>,

    /// Let the device, soft or objc, crash as a driver that is not thread-safe within a scope: agx:encoder,
    /// agx:queue or agx:process (a fault model)
    #[arg(long, value_name = "MODEL", value_parser = explained::<FaultModel>, help_heading = "What is measured")]
    pub fault: Option<FaultModel>,

    /// Locks to compare: none, global, per-encoder, per-queue, throttle:K, and each with
    /// `interposed:` before it to slip the lock under an unchanged caller, which under a program of
    /// yours all of them are [default: none, global and per-encoder, and the latter two interposed]
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "LIST",
        value_parser = explained::<Protection>,
        help_heading = "What is measured"
    )]
    pub strategies: Vec<Protection>,

    /// Lock that the others are compared with [default: none, or the cheapest safe one where a
    /// fault model makes none crash; of arms the one called none, or the first]
    #[arg(long, value_name = "NAME", help_heading = "What is measured")]
    pub baseline: Option<String>,

    /// Numbers of encoding threads [default: 1,8; of a program of yours, its own]
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "LIST",
        value_parser = from_one,
        help_heading = "What is measured"
    )]
    pub threads: Vec<NonZeroU32>,

    /// Workload: stress (tiny dispatches), mlp (a small network), timed (a set device time), or a
    /// TOML file (docs/workloads.md)
    #[arg(
        long,
        default_value = "stress",
        value_name = "NAME|FILE",
        help_heading = "What is measured"
    )]
    pub workload: String,

    /// When a thread waits for the device: each-op, batch:N or end [default: the workload's]
    #[arg(long, value_name = "PATTERN", help_heading = "What is measured")]
    pub sync: Option<SyncPattern>,

    /// Find out what limits the throughput at the largest thread count: add known time to lock, CPU
    /// and device, and take the op apart. With stress that is 19 further trials a block, and 15 more for
    /// each lock but the first (on a GPU one more for each); how long they take is told when the run
    /// begins. Of these locks [default: the first one that is taken round an op]
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_name = "LIST",
        value_parser = locks,
        help_heading = "What is measured"
    )]
    pub why: Option<Locks>,

    /// A command of yours and a name for it; give two or more. They are run as they are, without a
    /// shell; {threads} in them is replaced by each of --threads. Variables may stand before the
    /// program: 'LOCK=1 ./a'
    #[arg(
        long = "arm",
        value_name = "NAME=CMD",
        value_parser = arm,
        conflicts_with_all = ["command", "strategies", "queues"],
        conflicts_with_all = OF_OWN_ENCODERS,
        help_heading = "Your own program"
    )]
    pub arms: Vec<(String, String)>,

    /// Words to add to your command that tell it its thread count, as '--jobs {threads}'
    #[arg(
        long,
        value_name = "TEMPLATE",
        allow_hyphen_values = true,
        help_heading = "Your own program"
    )]
    pub threads_arg: Option<String>,

    /// What a run of your program is worth: wall (runs per second of wall time), submits or
    /// dispatches (Vulkan calls per second, counted by the layer), or regex:PATTERN (the number in
    /// the first group that matches a line of its output) [default: wall]
    #[arg(long, value_name = "WHAT", help_heading = "Your own program")]
    pub measure: Option<Source>,

    /// Smaller values of regex: are better, as times are
    #[arg(long, help_heading = "Your own program")]
    pub lower_is_better: bool,

    /// Unit of the values of regex:, for display
    #[arg(long, value_name = "UNIT", help_heading = "Your own program")]
    pub unit: Option<String>,

    /// A Vulkan program of yours and its arguments, which is run under each of --strategies
    #[arg(
        last = true,
        value_name = "CMD",
        conflicts_with_all = OF_OWN_ENCODERS,
        conflicts_with_all = ["queues"],
        help_heading = "Your own program"
    )]
    pub command: Vec<String>,

    /// Stop after this many blocks
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "precision",
        help_heading = "How long"
    )]
    pub blocks: Option<u64>,

    /// Stop when every overhead is known to ± this many points, by Stein's two-stage rule
    #[arg(
        long,
        default_value = "0.5",
        value_name = "PCT",
        value_parser = percentage,
        help_heading = "How long"
    )]
    pub precision: f64,

    /// Blocks of the first stage of --precision, whose spread sets the number of blocks
    #[arg(
        long,
        default_value_t = 10,
        value_name = "N",
        help_heading = "How long"
    )]
    pub first_stage: u64,

    /// Start no block that would end after this much time, but measure two in any case; 0 is no
    /// limit [default: 75s, for a program of yours 5min, no limit with --blocks]
    #[arg(long, value_name = "DUR", value_parser = duration::parse, help_heading = "How long")]
    pub max_time: Option<Duration>,

    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub size: SizeArgs,

    /// Kill a trial that has not ended by then, and record it as a crash [default: 1min, for a
    /// program of yours 10min]
    #[arg(long, value_name = "DUR", value_parser = duration::parse, help_heading = "How long")]
    pub trial_timeout: Option<Duration>,

    /// Leave out the counted trials, and with them all contention figures
    #[arg(long, help_heading = "How long")]
    pub no_counting: bool,

    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub policy: PolicyArgs,

    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub output: OutputArgs,

    /// Directory for the plots of the report, one SVG file each
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub plots: Option<PathBuf>,

    /// Go on with the run in this directory, by its own plan; of the other flags only --max-time
    /// (from now on), --plots and --quiet may be given
    #[arg(
        long,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        help_heading = "Output",
        conflicts_with_all = [
            "device", "soft", "fault", "strategies", "baseline", "threads", "workload", "sync",
            "blocks", "precision", "first_stage", "ops", "iterations", "warmup", "trial_timeout",
            "no_counting", "margin", "confidence", "max_cost", "seed", "out", "queues", "arms",
            "threads_arg", "why", "measure", "lower_is_better", "unit", "command",
        ]
    )]
    pub resume: Option<PathBuf>,
}

/// A list of locks, perhaps empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locks(pub Vec<Protection>);

/// What counts as small, sure and too dear.
#[derive(Debug, Args)]
#[command(next_help_heading = "Decision")]
pub struct PolicyArgs {
    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub decision: DecisionArgs,

    /// Fail if a lock costs more than this: exit 10 if it does, 11 if that is not settled
    #[arg(long, value_name = "PCT", value_parser = percentage)]
    pub max_cost: Option<f64>,
}

/// `locktoll analyze`.
#[derive(Debug, Args)]
#[command(after_help = "\
The CSV is in long form, one value a row, with a header: config,block,value and, if wanted,
threads and workload. Rows are compared within the same threads and workload, never across.

Examples:
  locktoll analyze results.csv --baseline per-encoder
  locktoll analyze results.csv --paired            rows of one block were measured together
  locktoll analyze locktoll-20261122-101500 --format json")]
pub struct AnalyzeArgs {
    /// CSV file (- for standard input), or the directory of a bench run
    #[arg(value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub input: PathBuf,

    /// Configuration that the others are compared with [default: none if there, else
    /// per-encoder, else the first; for a bench run its own]
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<String>,

    /// The values of a block belong together: compare within blocks
    #[arg(long)]
    pub paired: bool,

    /// Smaller values are better, as times are
    #[arg(long)]
    pub lower_is_better: bool,

    /// Unit of the values, for display
    #[arg(long, default_value = "value", value_name = "UNIT")]
    pub unit: String,

    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub policy: AnalyzePolicyArgs,

    /// What to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// As [`PolicyArgs`], but without defaults: a bench run brings its own.
#[derive(Debug, Args)]
#[command(next_help_heading = "Decision")]
pub struct AnalyzePolicyArgs {
    /// Overhead, in percent, below which nobody cares [default: 1, or the bench run's]
    #[arg(long, value_name = "PCT", value_parser = percentage)]
    pub margin: Option<f64>,

    /// Confidence of the intervals, in percent [default: 95, or the bench run's]
    #[arg(long, value_name = "PCT", value_parser = percentage)]
    pub confidence: Option<f64>,

    /// Fail if a lock costs more than this: exit 10 if it does, 11 if that is not settled
    #[arg(long, value_name = "PCT", value_parser = percentage)]
    pub max_cost: Option<f64>,
}

/// What `analyze` prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, in a terminal
    #[default]
    Text,
    /// Everything, as `result.json`
    Json,
    /// The report, as Markdown
    Md,
}

/// Parses a value; an error is told with its causes, which clap alone would leave out.
fn explained<T>(text: &str) -> Result<T, String>
where
    T: FromStr,
    T::Err: std::error::Error,
{
    text.parse().map_err(|error: T::Err| {
        let mut said = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            said = format!("{said}: {error}");
            cause = error.source();
        }
        said
    })
}

/// Locks with commas between them.
fn locks(text: &str) -> Result<Locks, String> {
    let names = text.split(',').filter(|name| !name.is_empty());
    names.map(explained).collect::<Result<_, _>>().map(Locks)
}

/// `NAME=CMD`.
fn arm(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, command)) if !name.trim().is_empty() && !command.trim().is_empty() => {
            Ok((name.trim().to_owned(), command.to_owned()))
        }
        _ => Err(format!(
            "'{text}' is not NAME=CMD, as global='./a --lock=yes'"
        )),
    }
}

/// A number of things of which there must be one.
fn from_one(text: &str) -> Result<NonZeroU32, String> {
    text.parse()
        .map_err(|_| format!("'{text}' is not a whole number from 1"))
}

/// A percentage as a fraction: `1`, `0.5` or `2%`.
fn percentage(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    match number.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 100.0 => Ok(value / 100.0),
        Ok(_) => Err(format!("'{text}' is not between 0% and 100%")),
        Err(_) => Err(format!(
            "'{text}' is not a percentage; examples: 1, 0.5, 2%"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn counts_begin_at_one() {
        assert_eq!(from_one("8"), Ok(NonZeroU32::new(8).unwrap()));
        for text in ["0", "-1", "1.5", "", "x", "4294967296"] {
            let said = from_one(text).unwrap_err();
            assert!(said.contains(text) && said.contains("from 1"), "{said}");
        }
    }

    #[test]
    fn percentages_become_fractions() {
        assert_eq!(percentage("1"), Ok(0.01));
        assert_eq!(percentage("0.5%"), Ok(0.005));
        for text in ["0", "100", "-1", "x", "", "nan", "inf"] {
            assert!(percentage(text).is_err(), "{text}");
        }
    }
}
