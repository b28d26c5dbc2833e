//! `locktoll map`: where a lock costs, is free or pays, over threads, queues and GPU work per op.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use locktoll_bench::map::{Grid, grid};
use locktoll_bench::plan::{Config, DevicePlan, Encoders, Plan, StopRule, Subject, TrialSize};
use locktoll_bench::samples::{Samples, StopReason};
use locktoll_bench::workload::Workload;
use locktoll_bench::{Error as BenchError, duration, trial};
use locktoll_report::model::RunResult;

use crate::analysis::map as analysis;
use crate::analysis::measured::Overrides;
use crate::cli::MapArgs;
use crate::error::{Error, Result};
use crate::session::{self, Ended, Measuring, Session};
use crate::{output, planning};

/// The workload of a map: one dispatch of a kernel that takes a set time.
const WORKLOAD: &str = "timed";

/// A map that was measured as far as it came.
#[derive(Debug)]
pub struct Measured {
    /// Where its files lie.
    pub directory: PathBuf,
    /// What was measured.
    pub samples: Samples,
    /// What it says.
    pub result: RunResult,
    /// How its measuring ended.
    ended: Ended,
}

/// Runs the command; the exit code.
///
/// # Errors
/// Nothing could be measured, or the flags make no plan.
pub fn run(arguments: &MapArgs) -> Result<u8> {
    let Measured {
        directory,
        samples,
        result,
        ended,
    } = measure(arguments)?;
    output::print_text(&result);
    output::say(session::nothing_to_do(Measuring::Map, ended));
    output::say(&format!("\n{}\n", output::where_files_are(&directory)));
    if ended.reason == StopReason::Interrupted {
        session::say_how_to_resume(Measuring::Map, &directory);
        return Ok(130);
    }
    session::anything_measured(&samples)?;
    Ok(0)
}

/// Measures a map and writes its files.
///
/// # Errors
/// As [`run`], but that trials which all crashed are a result here.
pub fn measure(arguments: &MapArgs) -> Result<Measured> {
    let mut session = match &arguments.resume {
        Some(directory) => session::resume(Measuring::Map, directory, arguments.max_time)?,
        None => start(arguments)?,
    };
    let was_resumed = arguments.resume.is_some();
    let ended = session::measure(&mut session, was_resumed, arguments.output.quiet)?;
    let (directory, samples, _) = session;

    let shown = directory.display().to_string();
    let result = analysis::analyse(&samples, &shown, &Overrides::default())?;
    output::write_files(&directory, &result)?;
    Ok(Measured {
        directory,
        samples,
        result,
        ended,
    })
}

fn start(arguments: &MapArgs) -> Result<Session> {
    let mut plan = plan(arguments)?;
    let (mut facts, mut timed) = (None, Vec::new());
    if let (Subject::Encoders(encoders), Some(grid)) = (&plan.subject, &plan.map) {
        let (device, calibrated) = trial::timed_facts(encoders, &grid.levels_ns)?;
        (facts, timed) = (Some(device), calibrated);
    }
    if let Some(grid) = &mut plan.map {
        grid.timed = timed;
    }
    session::create(arguments.output.out.as_deref(), plan, facts, None)
}

/// The plan that the flags ask for.
fn plan(arguments: &MapArgs) -> Result<Plan> {
    let (from, to) = arguments.work;
    let sorted = |list: &[NonZeroU32]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list.dedup();
        list
    };
    let queues = sorted(&arguments.queues);
    let grid = Grid {
        levels_ns: grid::log_spaced(duration::ns(from), duration::ns(to), arguments.levels)?,
        coarse: arguments
            .coarse
            .unwrap_or_else(|| grid::default_coarse(arguments.levels)),
        queues: queues.clone(),
        blocks: arguments.blocks,
        timed: Vec::new(),
    };
    let baseline = Config::Lock(arguments.baseline);
    let test = Config::Lock(arguments.strategy);
    if baseline == test {
        return Err(Error::Usage(format!(
            "{test} against itself is no map: give another --strategy or --baseline"
        )));
    }
    let seed = arguments.output.seed.unwrap_or_else(planning::any_seed);
    let plan = Plan {
        subject: Subject::Encoders(encoders(arguments, &queues)?),
        configs: vec![baseline.clone(), test],
        baseline,
        baseline_named: true,
        baseline_reason: None,
        threads: sorted(&arguments.threads),
        counted: false,
        probes: Vec::new(),
        stop: StopRule::Blocks {
            blocks: arguments.blocks,
        },
        map: Some(grid),
        max_time_ns: arguments.max_time.map_or(0, duration::ns),
        trial_timeout_ns: duration::ns(arguments.trial_timeout),
        seed,
        margin: arguments.decision.margin,
        confidence: arguments.decision.confidence,
        max_cost: None,
        command: planning::repeating_command(seed),
    };
    plan.check()?;
    Ok(plan)
}

/// The encoders of all points, with the most queues, so that a device that lacks them refuses at
/// once.
fn encoders(arguments: &MapArgs, queues: &[NonZeroU32]) -> Result<Encoders> {
    let Some(workload) = Workload::built_in(WORKLOAD) else {
        return Err(Error::Usage(format!("no workload {WORKLOAD}")));
    };
    let queues = queues.last().copied().unwrap_or(NonZeroU32::MIN);
    let mut soft = arguments.soft;
    // A command buffer occupies its engine for the larger of the two, so this would hide small work.
    soft.service = Duration::ZERO;
    soft.queues = planning::soft_queues(queues)?;
    Ok(Encoders {
        device: DevicePlan {
            choice: arguments
                .device
                .device
                .resolve()
                .map_err(BenchError::from)?,
            soft,
            queues,
            timed: None,
            added: Vec::new(),
            fault: None,
        },
        sync: workload.sync,
        workload,
        size: TrialSize {
            ops_per_thread: arguments.size.ops,
            iterations: arguments.size.iterations,
            warmup: arguments.size.warmup,
        },
    })
}
