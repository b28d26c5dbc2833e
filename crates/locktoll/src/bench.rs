//! `locktoll bench`: from flags to a plan, from a plan to samples, from samples to the report.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use locktoll_bench::launch::{ChildProcess, Launch};
use locktoll_bench::lock_cost;
use locktoll_bench::plan::{Arm, Cell, Encoders, Plan, Subject};
use locktoll_bench::program::ProgramRun;
use locktoll_bench::run::Runner;
use locktoll_bench::samples::{self, Header, Record, Samples, SamplesWriter, StopReason};
use locktoll_bench::workload::Workload;
use locktoll_bench::{Error as BenchError, duration, environment, trial};
use locktoll_gpu::{DeviceChoice, Protection};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::analysis::measured::{self, Overrides};
use crate::cli::BenchArgs;
use crate::error::{Error, Result};
use crate::layer::{LAYER_FOLDER, Layer};
use crate::progress::Progress;
use crate::{output, planning, policy, shell, trial_args};

/// The copy of a custom workload in the run's directory, which the trials read.
const WORKLOAD_FILE: &str = "workload.toml";

/// Runs the command; the exit code.
///
/// # Errors
/// Nothing could be measured, or the flags make no plan.
pub fn run(arguments: &BenchArgs) -> Result<u8> {
    let (directory, mut samples, mut writer) = match &arguments.resume {
        Some(directory) => {
            let (samples, writer) = resume(directory, arguments.max_time)?;
            (directory.clone(), samples, writer)
        }
        None => start(arguments)?,
    };
    let interrupted = interrupt_flag()?;
    let plan = &samples.header.plan;
    let layer = needs_layer(plan)
        .then(|| Layer::write(&directory.join(LAYER_FOLDER)))
        .transpose()?;
    let (launcher, command_line) = trials(plan, &directory, layer.as_ref())?;
    let runner = Runner {
        launcher: &*launcher,
        command_line: &*command_line,
        interrupted: &interrupted,
    };
    let mut progress = Progress::new(&samples, arguments.quiet);
    let ended = runner.run(&mut samples, &mut writer, &mut |event| progress.show(event));
    progress.finish();
    let reason = ended?;

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
    output::say(&format!("\n{}\n", output::where_files_are(&directory)));
    if reason == StopReason::Interrupted {
        let resume = shell::join(&[
            "locktoll".into(),
            "bench".into(),
            "--resume".into(),
            directory.display().to_string(),
        ]);
        anstream::eprintln!("Interrupted. Go on with: {resume}");
        return Ok(130);
    }
    if samples
        .trials
        .iter()
        .all(|trial| matches!(trial.outcome, samples::Outcome::Crashed(_)))
        && samples
            .header
            .plan
            .subject
            .encoders()
            .is_none_or(|encoders| encoders.device.fault.is_none())
    {
        let said = match samples.trials.first().map(|trial| &trial.outcome) {
            Some(samples::Outcome::Crashed(crash)) => {
                format!("{}: {}", crash.signal, crash.message)
            }
            _ => "there was no trial".to_owned(),
        };
        return Err(Error::NothingMeasured { said });
    }
    Ok(output::policy(&result).map_or(0, |outcome: policy::Outcome| outcome.exit_code()))
}

/// Whether a trial of the plan has the Vulkan layer under it.
fn needs_layer(plan: &Plan) -> bool {
    let interposed = |cell: &Cell| matches!(cell.config.lock(), Some(Protection::Interposed(_)));
    match &plan.subject {
        Subject::Encoders(encoders) => {
            matches!(encoders.device.choice, DeviceChoice::Vulkan(_))
                && plan.cells().iter().any(interposed)
        }
        Subject::Program { measure, .. } => plan
            .cells()
            .iter()
            .any(|cell| ProgramRun::layered(measure, cell)),
        Subject::Commands { .. } => false,
    }
}

/// Builds a trial's command line from its cell.
type CommandLine = Box<dyn Fn(&Plan, &Cell) -> Vec<String>>;

/// What starts the trials of a plan, and their command lines.
fn trials(
    plan: &Plan,
    directory: &Path,
    layer: Option<&Layer>,
) -> Result<(Box<dyn Launch>, CommandLine)> {
    let layer = layer.cloned();
    if let Some(measure) = plan.subject.measure() {
        let traces = layer
            .as_ref()
            .map_or_else(|| directory.join(LAYER_FOLDER), Layer::traces);
        let launcher = ProgramRun::new(
            measure,
            plan.subject.folder().unwrap_or(directory).into(),
            traces,
        )?;
        let measure = measure.clone();
        let command_line = move |plan: &Plan, cell: &Cell| {
            let program = plan.subject.command(cell).unwrap_or_default();
            match (&layer, cell.config.lock()) {
                (Some(layer), Some(lock)) if ProgramRun::layered(&measure, cell) => {
                    layer.command(lock.strategy(), cell.arm == Arm::Counted, &program)
                }
                _ => program,
            }
        };
        return Ok((Box::new(launcher), Box::new(command_line)));
    }
    let locktoll = std::env::current_exe()
        .map_err(BenchError::io("find", "the locktoll program"))?
        .display()
        .to_string();
    let workload = plan
        .subject
        .encoders()
        .map(|encoders| workload_argument(encoders, directory))
        .unwrap_or_default();
    let command_line = move |plan: &Plan, cell: &Cell| match plan.subject.encoders() {
        Some(encoders) => {
            trial_args::command_line(&locktoll, encoders, cell, &workload, layer.as_ref())
        }
        None => Vec::new(),
    };
    Ok((Box::new(ChildProcess), Box::new(command_line)))
}

fn start(arguments: &BenchArgs) -> Result<(PathBuf, Samples, SamplesWriter)> {
    let (mut plan, source) = planning::plan(arguments)?;
    let device = match &mut plan.subject {
        Subject::Encoders(encoders) => {
            let (facts, timed) = trial::device_facts(encoders)?;
            encoders.device.timed = timed;
            Some(facts)
        }
        Subject::Program { .. } | Subject::Commands { .. } => None,
    };
    let directory = match &arguments.out {
        Some(directory) => directory.clone(),
        None => PathBuf::from(format!(
            "locktoll-{}",
            jiff::Zoned::now().strftime("%Y%m%d-%H%M%S")
        )),
    };
    fs::create_dir_all(&directory).map_err(BenchError::io("create the folder", &directory))?;
    let file = directory.join(samples::FILE_NAME);
    if samples::has_header(&file) {
        let shown = directory.display();
        return Err(Error::Usage(format!(
            "{shown} already holds a run: go on with it by --resume {shown}, or give another --out"
        )));
    }
    if let Some(source) = source {
        // The text that was parsed, so that the trials run what the plan says; the user's own file
        // may be this very one.
        let copy = directory.join(WORKLOAD_FILE);
        fs::write(&copy, source).map_err(BenchError::io("write", &copy))?;
    }
    let mut environment = environment::read(env!("CARGO_PKG_VERSION"));
    if let Some(device) = &device {
        environment.insert("device".into(), device.name.clone().into());
        environment.insert("driver".into(), device.driver.clone().into());
    }
    let header = Header {
        schema: samples::SCHEMA.to_owned(),
        uncontended_ns: lock_cost::uncontended_ns(&plan.configs),
        plan,
        environment,
        device,
    };
    let writer = SamplesWriter::create(&file, header.clone())?;
    let samples = Samples {
        header,
        trials: Vec::new(),
        resumed: Vec::new(),
        stopped: None,
    };
    Ok((directory, samples, writer))
}

fn resume(directory: &Path, max_time: Option<Duration>) -> Result<(Samples, SamplesWriter)> {
    let (mut writer, mut samples) = SamplesWriter::resume(&directory.join(samples::FILE_NAME))?;
    let environment = environment::read(env!("CARGO_PKG_VERSION"));
    // The plan's limit holds for the run as a whole; time that is granted now comes on top of what
    // was spent before.
    let max_time_ns = match max_time {
        None => samples.header.plan.max_time_ns,
        Some(Duration::ZERO) => 0,
        // In whole seconds, since people read it.
        Some(more) => samples
            .measured_ns()
            .saturating_add(duration::ns(more))
            .div_ceil(1_000_000_000)
            .saturating_mul(1_000_000_000),
    };
    writer.append(&Record::Resumed {
        environment: environment.clone(),
        max_time_ns,
    })?;
    samples.header.plan.max_time_ns = max_time_ns;
    samples.resumed.push(environment);
    samples.stopped = None;
    Ok((samples, writer))
}

/// What the trials are given as `--workload`: the built-in name, or the run's own copy.
fn workload_argument(encoders: &Encoders, directory: &Path) -> String {
    if Workload::built_in(&encoders.workload.name).as_ref() == Some(&encoders.workload) {
        encoders.workload.name.clone()
    } else {
        directory.join(WORKLOAD_FILE).display().to_string()
    }
}

/// Set by Ctrl-C or a termination signal; a second one ends the program at once.
fn interrupt_flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
            .map_err(BenchError::io("listen for", "Ctrl-C"))?;
    }
    Ok(flag)
}
