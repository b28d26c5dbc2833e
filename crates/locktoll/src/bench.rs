//! `locktoll bench`: from flags to a plan, from a plan to samples, from samples to the report.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use locktoll_bench::Error as BenchError;
use locktoll_bench::plan::{Cell, Plan, Subject};
use locktoll_bench::samples::{Outcome, StopReason};
use locktoll_bench::trial;
use locktoll_gpu::TimedWork;

use crate::analysis::measured::{self, Overrides};
use crate::cli::{BenchArgs, Locks};
use crate::error::{Error, Result};
use crate::session::{self, Measuring, Session};
use crate::{output, planning, policy, why};

/// Runs the command; the exit code.
///
/// # Errors
/// Nothing could be measured, or the flags make no plan.
pub fn run(arguments: &BenchArgs) -> Result<u8> {
    let mut session = match &arguments.resume {
        Some(directory) => session::resume(Measuring::Bench, directory, arguments.max_time)?,
        None => start(arguments)?,
    };
    let was_resumed = arguments.resume.is_some();
    let ended = session::measure(&mut session, was_resumed, arguments.output.quiet)?;
    let (directory, samples, _) = session;

    let result = measured::analyse(
        &samples,
        &directory.display().to_string(),
        &Overrides::default(),
    )?;
    output::write_files(&directory, &result)?;
    if let Some(plots) = &arguments.plots {
        output::write_plots(plots, &result)?;
    }
    output::print_text(&result);
    output::say(session::nothing_to_do(Measuring::Bench, ended));
    output::say(&format!("\n{}\n", output::where_files_are(&directory)));
    if ended.reason == StopReason::Interrupted {
        session::say_how_to_resume(Measuring::Bench, &directory);
        return Ok(130);
    }
    session::anything_measured(&samples)?;
    Ok(output::policy(&result).map_or(0, |outcome: policy::Outcome| outcome.exit_code()))
}

fn start(arguments: &BenchArgs) -> Result<Session> {
    let (mut plan, source) = planning::plan(arguments)?;
    let mut device = match &mut plan.subject {
        Subject::Encoders(encoders) => {
            let (facts, timed) = trial::device_facts(encoders)?;
            encoders.device.timed = timed;
            Some(facts)
        }
        Subject::Program { .. } | Subject::Commands { .. } => None,
    };
    if let Some(Locks(named)) = &arguments.why {
        let configs = why::configs(&plan, named)?;
        let folder = tempfile::tempdir().map_err(BenchError::io("create", "a folder"))?;
        session::keep_workload(folder.path(), source.as_deref())?;
        let say = |line: &str| {
            if !arguments.output.quiet {
                anstream::eprintln!("{line}");
            }
        };
        say("Pilot trials, to know how much time to add …");
        let (mut spent, mut pilots) = (Duration::ZERO, 0);
        plan.probes = why::probes(&plan, &configs, &mut |cell| {
            let begun = Instant::now();
            let time_ns = pilot(&plan, folder.path(), cell)?;
            spent += begun.elapsed();
            pilots += 1;
            Ok(time_ns)
        })?;
        say(&why::cost(&plan, spent / pilots.max(1)));
        let levels_ns = why::device_levels_ns(&plan.probes);
        if let Subject::Encoders(encoders) = &mut plan.subject {
            encoders.device.added = trial::added_work(encoders, &levels_ns)?;
            if let (Some(facts), Some(reference)) = (&mut device, encoders.device.added.first()) {
                facts.notes.push(added_note(reference));
            }
        }
    }
    session::create(
        arguments.output.out.as_deref(),
        plan,
        device,
        source.as_deref(),
    )
}

/// How time is added on a device that computes for real.
fn added_note(reference: &TimedWork) -> String {
    format!(
        "Time is added on the device by a further dispatch in each op. Ops with it are compared with \
         ops whose further dispatch has nothing to do, which takes {} ns by the device's timestamps, \
         its command buffer included.",
        reference.took_ns
    )
}

/// Time per op of one trial that is not part of the run, in nanoseconds.
fn pilot(plan: &Plan, folder: &Path, cell: &Cell) -> Result<f64> {
    let (launcher, command_line) = session::trials(plan, folder)?;
    let command = command_line(plan, cell);
    let timeout = Duration::from_nanos(plan.trial_timeout_ns);
    let never = AtomicBool::new(false);
    match launcher.launch(&command, cell, timeout, &never)? {
        Some(Outcome::Completed(measured)) => Ok(1e9 / measured.ops_per_s()),
        Some(Outcome::Crashed(crash)) => Err(Error::NothingMeasured {
            said: format!("{}: {}", crash.signal, crash.message),
        }),
        None => Err(Error::NothingMeasured {
            said: "it was interrupted".to_owned(),
        }),
    }
}
