//! Arguments of `locktoll trial`.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use locktoll_bench::duration;
use locktoll_bench::probe::Probe;
use locktoll_bench::sync_pattern::SyncPattern;
use locktoll_gpu::{DeviceChoice, FaultModel, Protection, SoftSettings, TimedWork};

use super::{explained, from_one};

/// `locktoll trial`: one cell, as the arguments that `locktoll bench` gives its children.
#[derive(Debug, Args)]
pub struct TrialArgs {
    /// Device
    #[arg(long, default_value = "auto", value_name = "DEVICE", value_parser = explained::<DeviceChoice>)]
    pub device: DeviceChoice,
    /// Settings of the soft device
    #[arg(long, default_value_t, value_name = "SETTINGS", value_parser = explained::<SoftSettings>)]
    pub soft: SoftSettings,
    /// Queues of a Vulkan device over which the threads are spread
    #[arg(long, default_value = "1", value_name = "K", value_parser = from_one)]
    pub queues: NonZeroU32,
    /// Work of a timed kernel on a Vulkan device, as `ASKED_NS:GROUPSxITERATIONS:TOOK_NS` [default:
    /// calibrated when the trial begins]
    #[arg(long, value_name = "WORK", value_parser = explained::<TimedWork>)]
    pub timed_work: Option<TimedWork>,
    /// Work of the kernels that add time on a Vulkan device for --probe device:TIME, each written like
    /// --timed-work; the first adds none
    #[arg(long, value_name = "WORK", value_delimiter = ',', value_parser = explained::<TimedWork>)]
    pub added_work: Vec<TimedWork>,
    /// Folder of the Vulkan layer, which takes interposed locks [default: a temporary one]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub layer: Option<PathBuf>,
    /// Fault model
    #[arg(long, value_name = "MODEL", value_parser = explained::<FaultModel>)]
    pub fault: Option<FaultModel>,
    /// Workload, or its TOML file
    #[arg(long, default_value = "stress", value_name = "NAME|FILE")]
    pub workload: String,
    /// Device time of an op of a timed workload [default: the workload's]
    #[arg(long, value_name = "DUR", value_parser = duration::parse)]
    pub work: Option<Duration>,
    /// Sync pattern [default: the workload's]
    #[arg(long, value_name = "PATTERN")]
    pub sync: Option<SyncPattern>,
    /// Lock
    #[arg(long, default_value = "none", value_name = "STRATEGY", value_parser = explained::<Protection>)]
    pub strategy: Protection,
    /// Count and time lock events
    #[arg(long)]
    pub counted: bool,
    /// Change the op, to learn what limits it: timed (time its stages), RESOURCE:TIME (add time to
    /// lock, encode, submit, device or wait, as lock:20us), without:STEP (take away allocation,
    /// calls, dispatches, work or sync, and what comes before it), ceiling:QUEUES (empty ops),
    /// batched:N (N ops in one) or again:N (not at all)
    #[arg(long, value_name = "PROBE")]
    pub probe: Option<Probe>,
    /// Encoding threads
    #[arg(long, default_value = "8", value_name = "N", value_parser = from_one)]
    pub threads: NonZeroU32,
    /// Ops per thread and iteration
    #[arg(long, default_value = "50", value_name = "N", value_parser = from_one)]
    pub ops: NonZeroU32,
    /// Measured iterations
    #[arg(long, default_value = "5", value_name = "N", value_parser = from_one)]
    pub iterations: NonZeroU32,
    /// Iterations before those, thrown away
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub warmup: u32,
}
