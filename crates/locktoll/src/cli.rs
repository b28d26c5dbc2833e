//! The command line: every flag, its help and its default, in one place.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use locktoll_bench::duration;
use locktoll_bench::sync_pattern::SyncPattern;
use locktoll_gpu::{DeviceChoice, FaultModel, Protection, SoftSettings};

const AFTER_HELP: &str = "\
Exit codes: 0 done and within policy · 1 could not measure · 2 bad usage · 10 a lock costs more
than --max-cost · 11 --max-cost is not settled · 130 interrupted, everything measured is kept.";

/// What a lock costs, whether you may drop it, and why.
#[derive(Debug, Parser)]
#[command(name = "locktoll", version, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure what each lock costs, as a randomised block experiment
    Bench(BenchArgs),
    /// Analyse numbers that you already have: a CSV file, or the directory of a bench run
    Analyze(AnalyzeArgs),
    /// List the devices that can be measured, and what is missing for the others
    Devices,
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
  locktoll bench --resume DIR                      go on with an interrupted run")]
pub struct BenchArgs {
    /// Device to measure on: auto or soft (see `locktoll devices`)
    #[arg(
        long,
        default_value = "auto",
        value_name = "DEVICE",
        help_heading = "What is measured"
    )]
    pub device: DeviceChoice,

    /// Settings of the soft device, as service=100us,encode=2us,hold=0,queues=1,engines=1; what
    /// is left out keeps the value shown here
    #[arg(
        long,
        default_value_t,
        value_name = "SETTINGS",
        help_heading = "What is measured"
    )]
    pub soft: SoftSettings,

    /// Let the soft device crash as a driver that is not thread-safe within a scope: agx:encoder,
    /// agx:queue or agx:process (a fault model)
    #[arg(long, value_name = "MODEL", value_parser = explained::<FaultModel>, help_heading = "What is measured")]
    pub fault: Option<FaultModel>,

    /// Locks to compare: none, global, per-encoder, per-queue, throttle:K, and each with
    /// `interposed:` before it to slip the lock under an unchanged caller
    #[arg(
        long,
        value_delimiter = ',',
        default_values = ["none", "global", "per-encoder", "interposed:global", "interposed:per-encoder"],
        value_name = "LIST",
        value_parser = explained::<Protection>,
        help_heading = "What is measured"
    )]
    pub strategies: Vec<Protection>,

    /// Lock that the others are compared with [default: none, or the cheapest safe one where a
    /// fault model makes none crash]
    #[arg(long, value_name = "STRATEGY", value_parser = explained::<Protection>, help_heading = "What is measured")]
    pub baseline: Option<Protection>,

    /// Numbers of encoding threads
    #[arg(
        long,
        value_delimiter = ',',
        default_values = ["1", "8"],
        value_name = "LIST",
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
    /// limit [default: 75s, or no limit with --blocks]
    #[arg(long, value_name = "DUR", value_parser = duration::parse, help_heading = "How long")]
    pub max_time: Option<Duration>,

    /// Ops per thread and iteration
    #[arg(
        long,
        default_value = "50",
        value_name = "N",
        help_heading = "How long"
    )]
    pub ops: NonZeroU32,

    /// Measured iterations in a trial
    #[arg(long, default_value = "5", value_name = "N", help_heading = "How long")]
    pub iterations: NonZeroU32,

    /// Iterations before those, thrown away
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "How long")]
    pub warmup: u32,

    /// Kill a trial that has not ended by then, and record it as a crash
    #[arg(long, default_value = "60s", value_name = "DUR", value_parser = duration::parse, help_heading = "How long")]
    pub trial_timeout: Duration,

    /// Leave out the counted trials, and with them all contention figures
    #[arg(long, help_heading = "How long")]
    pub no_counting: bool,

    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub policy: PolicyArgs,

    /// Seed of the random order [default: taken from the clock, and recorded]
    #[arg(long, value_name = "N", help_heading = "Output")]
    pub seed: Option<u64>,

    /// Directory for samples.jsonl, result.json and report.md [default: locktoll-DATE-TIME]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Go on with the run in this directory, by its own plan; of the other flags only --max-time
    /// (from now on) and --quiet may be given
    #[arg(
        long,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        help_heading = "Output",
        conflicts_with_all = [
            "device", "soft", "fault", "strategies", "baseline", "threads", "workload", "sync",
            "blocks", "precision", "first_stage", "ops", "iterations", "warmup", "trial_timeout",
            "no_counting", "margin", "confidence", "max_cost", "seed", "out",
        ]
    )]
    pub resume: Option<PathBuf>,

    /// No progress display
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// What counts as small, sure and too dear.
#[derive(Debug, Args)]
#[command(next_help_heading = "Decision")]
pub struct PolicyArgs {
    /// Overhead, in percent, below which nobody cares
    #[arg(long, default_value = "1", value_name = "PCT", value_parser = percentage)]
    pub margin: f64,

    /// Confidence of the intervals, in percent
    #[arg(long, default_value = "95", value_name = "PCT", value_parser = percentage)]
    pub confidence: f64,

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

/// `locktoll trial`: one cell, as the arguments that `locktoll bench` gives its children.
#[derive(Debug, Args)]
pub struct TrialArgs {
    /// Device
    #[arg(long, default_value = "auto", value_name = "DEVICE", value_parser = explained::<DeviceChoice>)]
    pub device: DeviceChoice,
    /// Settings of the soft device
    #[arg(long, default_value_t, value_name = "SETTINGS", value_parser = explained::<SoftSettings>)]
    pub soft: SoftSettings,
    /// Fault model
    #[arg(long, value_name = "MODEL", value_parser = explained::<FaultModel>)]
    pub fault: Option<FaultModel>,
    /// Workload, or its TOML file
    #[arg(long, default_value = "stress", value_name = "NAME|FILE")]
    pub workload: String,
    /// Sync pattern [default: the workload's]
    #[arg(long, value_name = "PATTERN")]
    pub sync: Option<SyncPattern>,
    /// Lock
    #[arg(long, default_value = "none", value_name = "STRATEGY", value_parser = explained::<Protection>)]
    pub strategy: Protection,
    /// Count and time lock events
    #[arg(long)]
    pub counted: bool,
    /// Encoding threads
    #[arg(long, default_value = "8", value_name = "N")]
    pub threads: NonZeroU32,
    /// Ops per thread and iteration
    #[arg(long, default_value = "50", value_name = "N")]
    pub ops: NonZeroU32,
    /// Measured iterations
    #[arg(long, default_value = "5", value_name = "N")]
    pub iterations: NonZeroU32,
    /// Iterations before those, thrown away
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub warmup: u32,
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
    fn percentages_become_fractions() {
        assert_eq!(percentage("1"), Ok(0.01));
        assert_eq!(percentage("0.5%"), Ok(0.005));
        for text in ["0", "100", "-1", "x", "", "nan", "inf"] {
            assert!(percentage(text).is_err(), "{text}");
        }
    }
}
