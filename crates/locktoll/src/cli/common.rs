//! Flags that every command which measures has.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use locktoll_gpu::DeviceChoice;

use super::{from_one, percentage};

/// Where ops run.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// Device to measure on: auto, soft, objc, metal, vulkan or vulkan:N (see `locktoll devices`). auto is a
    /// GPU where there is one with a driver, Metal's on macOS and elsewhere Vulkan's, else soft
    #[arg(
        long,
        default_value = "auto",
        value_name = "DEVICE",
        help_heading = "What is measured"
    )]
    pub device: DeviceChoice,
}

/// How much a trial of locktoll's own runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "How long")]
pub struct SizeArgs {
    /// Ops per thread and iteration
    #[arg(long, default_value = "50", value_name = "N", value_parser = from_one)]
    pub ops: NonZeroU32,

    /// Measured iterations in a trial
    #[arg(long, default_value = "5", value_name = "N", value_parser = from_one)]
    pub iterations: NonZeroU32,

    /// Iterations before those, thrown away
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub warmup: u32,
}

/// What counts as small and sure.
#[derive(Debug, Args)]
#[command(next_help_heading = "Decision")]
pub struct DecisionArgs {
    /// Overhead, in percent, below which nobody cares
    #[arg(long, default_value = "1", value_name = "PCT", value_parser = percentage)]
    pub margin: f64,

    /// Confidence of the intervals, in percent
    #[arg(long, default_value = "95", value_name = "PCT", value_parser = percentage)]
    pub confidence: f64,
}

/// What a run leaves, and what it shows.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Seed of the random order [default: taken from the clock, and recorded]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Directory for samples.jsonl, result.json, report.html and report.md [default: locktoll-DATE-TIME]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,

    /// No progress display
    #[arg(short, long)]
    pub quiet: bool,
}
