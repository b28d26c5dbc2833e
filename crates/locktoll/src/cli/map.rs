//! The command line of `locktoll map`.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use locktoll_bench::duration;
use locktoll_gpu::{Protection, SoftSettings};

use super::{DecisionArgs, DeviceArgs, OutputArgs, SizeArgs, explained, from_one};

/// `locktoll map`.
#[derive(Debug, Args)]
#[command(after_help = "\
Rows are every number of threads with every number of queues; columns are levels of GPU work per op,
spaced by a constant factor. A few levels of each row are measured first. Then levels are added, stage
by stage, between neighbours that lie on different sides of the margin, until the change is known to
one step of the finest grid or only unresolved points are left there; last, between a settled point and
unresolved ends of its row. Every point gets --blocks random blocks, never more: where to measure follows
from the verdicts, how long does not. The report says how many --blocks a new map needs for the rest.

Examples:
  locktoll map                                     global against none at 8 threads, 2us to 500us
  locktoll map --device vulkan --threads 1,8,16 --queues 1,8
  locktoll map --strategy per-encoder --work 1us..50us --levels 33
  locktoll map --device soft --soft encode=5us,engines=4 --queues 1,4
  locktoll map --resume DIR                        go on with an interrupted map")]
pub struct MapArgs {
    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub device: DeviceArgs,

    /// Settings of the soft device, as encode=2us,hold=0,engines=1; --work is its service time and
    /// --queues its queues
    #[arg(
        long,
        default_value = "encode=2us,hold=0,engines=1",
        value_name = "SETTINGS",
        value_parser = explained::<SoftSettings>,
        help_heading = "What is measured"
    )]
    pub soft: SoftSettings,

    /// Lock to map: none, global, per-encoder, per-queue, throttle:K, and each with `interposed:`
    /// before it to slip the lock under an unchanged caller
    #[arg(
        long,
        default_value = "global",
        value_name = "LOCK",
        value_parser = explained::<Protection>,
        help_heading = "What is measured"
    )]
    pub strategy: Protection,

    /// Lock that it is compared with
    #[arg(
        long,
        default_value = "none",
        value_name = "LOCK",
        value_parser = explained::<Protection>,
        help_heading = "What is measured"
    )]
    pub baseline: Protection,

    /// Numbers of encoding threads
    #[arg(
        long,
        default_value = "8",
        value_delimiter = ',',
        value_name = "LIST",
        value_parser = from_one,
        help_heading = "What is measured"
    )]
    pub threads: Vec<NonZeroU32>,

    /// Numbers of device queues over which the threads are spread
    #[arg(
        long,
        default_value = "1",
        value_delimiter = ',',
        value_name = "LIST",
        value_parser = from_one,
        help_heading = "What is measured"
    )]
    pub queues: Vec<NonZeroU32>,

    /// GPU work per op, from the least to the most
    #[arg(
        long,
        default_value = "2us..500us",
        value_name = "FROM..TO",
        value_parser = work_range,
        help_heading = "What is measured"
    )]
    pub work: (Duration, Duration),

    /// Levels of work on the finest grid: as near as a crossover can be told
    #[arg(
        long,
        default_value_t = 17,
        value_name = "N",
        help_heading = "What is measured"
    )]
    pub levels: usize,

    /// Levels of each row that are measured first; a regime between two of them may be overlooked
    /// [default: every eighth, at least 3]
    #[arg(long, value_name = "N", help_heading = "What is measured")]
    pub coarse: Option<usize>,

    /// Blocks of each point
    #[arg(long, default_value_t = 6, value_name = "N", help_heading = "How long")]
    pub blocks: u64,

    /// Start no block that would end after this much time, but measure two in any case; 0 is no
    /// limit [default: 0]
    #[arg(long, value_name = "DUR", value_parser = duration::parse, help_heading = "How long")]
    pub max_time: Option<Duration>,

    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub size: SizeArgs,

    /// Kill a trial that has not ended by then, and record it as a crash
    #[arg(
        long,
        default_value = "1min",
        value_name = "DUR",
        value_parser = duration::parse,
        help_heading = "How long"
    )]
    pub trial_timeout: Duration,

    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub decision: DecisionArgs,

    // Not a doc comment: clap would show it as help.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub output: OutputArgs,

    /// Go on with the map in this directory, by its own plan; of the other flags only --max-time
    /// (from now on) and --quiet may be given
    #[arg(
        long,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        help_heading = "Output",
        conflicts_with_all = [
            "device", "soft", "strategy", "baseline", "threads", "queues", "work", "levels",
            "coarse", "blocks", "ops", "iterations", "warmup", "trial_timeout", "margin",
            "confidence", "seed", "out",
        ]
    )]
    pub resume: Option<PathBuf>,
}

/// `2us..500us`.
fn work_range(text: &str) -> Result<(Duration, Duration), String> {
    let (from, to) = text
        .split_once("..")
        .ok_or_else(|| format!("'{text}' is not FROM..TO, as 2us..500us"))?;
    let (from, to) = (duration::parse(from)?, duration::parse(to)?);
    if from.is_zero() || from >= to {
        return Err(format!(
            "'{text}' must go from more than 0 up to something larger"
        ));
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_goes_up_from_more_than_nothing() {
        let us = Duration::from_micros;
        assert_eq!(work_range("2us..500us"), Ok((us(2), us(500))));
        assert_eq!(work_range("1ms..2ms"), Ok((us(1_000), us(2_000))));
        for bad in ["", "2us", "2us..", "0..5us", "5us..2us", "5us..5us", "a..b"] {
            assert!(work_range(bad).is_err(), "{bad}");
        }
    }
}
