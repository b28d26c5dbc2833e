//! What every command that measures does: its folder, its trials, how it is ended and taken up again.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use locktoll_bench::launch::{ChildProcess, Launch};
use locktoll_bench::lock_cost;
use locktoll_bench::plan::{Arm, Cell, Encoders, Plan, Subject};
use locktoll_bench::program::ProgramRun;
use locktoll_bench::run::{Event, Runner};
use locktoll_bench::samples::{
    self, DeviceFacts, Header, Outcome, Record, Samples, SamplesWriter, StopReason,
};
use locktoll_bench::workload::Workload;
use locktoll_bench::{Error as BenchError, duration, environment};
use locktoll_gpu::{DeviceChoice, Protection};
use locktoll_guard::Instrument;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::error::{Error, Result};
use crate::layer::{LAYER_FOLDER, Layer};
use crate::progress::Progress;
use crate::{shell, trial_args};

/// The copy of a custom workload in the run's directory, which the trials read.
const WORKLOAD_FILE: &str = "workload.toml";

/// A command that measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measuring {
    /// `locktoll bench`.
    Bench,
    /// `locktoll map`.
    Map,
}

impl Measuring {
    /// The command that made a plan.
    fn of(plan: &Plan) -> Self {
        if plan.map.is_some() {
            Self::Map
        } else {
            Self::Bench
        }
    }
}

impl fmt::Display for Measuring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bench => "bench",
            Self::Map => "map",
        })
    }
}

/// The folder of a run, its samples, and who may write to them.
pub(crate) type Session = (PathBuf, Samples, SamplesWriter);

/// Starts a run in a folder: `out`, or one with the time in its name. `source` is the text of a
/// custom workload.
///
/// # Errors
/// The folder holds a run already, or can't be written.
pub(crate) fn create(
    out: Option<&Path>,
    plan: Plan,
    device: Option<DeviceFacts>,
    source: Option<&str>,
) -> Result<Session> {
    let directory = match out {
        Some(directory) => directory.to_path_buf(),
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
    keep_workload(&directory, source)?;
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

/// Writes the text of a custom workload where the trials read it.
///
/// # Errors
/// The file can't be written.
pub(crate) fn keep_workload(folder: &Path, source: Option<&str>) -> Result<()> {
    if let Some(source) = source {
        // The text that was parsed, so that the trials run what the plan says; the user's own file
        // may be this very one.
        let copy = folder.join(WORKLOAD_FILE);
        fs::write(&copy, source).map_err(BenchError::io("write", &copy))?;
    }
    Ok(())
}

/// Takes up the run in a folder; `max_time` is granted from now on.
///
/// # Errors
/// There is no run, or one of another command, or another process is writing it.
pub(crate) fn resume(
    command: Measuring,
    directory: &Path,
    max_time: Option<Duration>,
) -> Result<Session> {
    let (mut writer, mut samples) = SamplesWriter::resume(&directory.join(samples::FILE_NAME))?;
    let begun_by = Measuring::of(&samples.header.plan);
    if begun_by != command {
        let shown = directory.display();
        return Err(Error::Usage(format!(
            "{shown} holds a run of {begun_by}: go on with it by locktoll {begun_by} --resume {shown}"
        )));
    }
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
    Ok((directory.to_path_buf(), samples, writer))
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
///
/// # Errors
/// The system does not let this process listen for them.
fn interrupt_flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
            .map_err(BenchError::io("listen for", "Ctrl-C"))?;
    }
    Ok(flag)
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

/// How the measuring of a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Why it did.
    pub(crate) reason: StopReason,
    /// Whether no trial was run, since those of before were all that there was to run.
    pub(crate) had_nothing_to_do: bool,
}

/// Runs what a session still lacks, and shows how far it is.
///
/// # Errors
/// A trial can't be started, or a record can't be written.
pub(crate) fn measure(
    (directory, samples, writer): &mut Session,
    was_resumed: bool,
    quiet: bool,
) -> Result<Ended> {
    let trials_before = samples.trials.len();
    let interrupted = interrupt_flag()?;
    let (launcher, command_line) = trials(&samples.header.plan, directory)?;
    let runner = Runner {
        launcher: &*launcher,
        command_line: &*command_line,
        interrupted: &interrupted,
    };
    let mut progress = Progress::new(samples, quiet);
    let mut observer = |event: &Event<'_>| progress.show(event);
    let ended = match Measuring::of(&samples.header.plan) {
        Measuring::Bench => runner.run(samples, writer, &mut observer),
        Measuring::Map => runner.run_map(samples, writer, &mut observer),
    };
    progress.finish();
    let reason = ended?;
    if reason == StopReason::Interrupted {
        anstream::eprintln!(
            "Interrupted: writing the report of what was measured; Ctrl-C again ends it at once …"
        );
    }
    Ok(Ended {
        reason,
        had_nothing_to_do: was_resumed
            && samples.trials.len() == trials_before
            && reason != StopReason::Interrupted,
    })
}

/// What a resumed run says that had nothing to do, and nothing for others.
pub(crate) fn nothing_to_do(command: Measuring, ended: Ended) -> &'static str {
    match (ended.had_nothing_to_do, ended.reason, command) {
        (false, ..) => "",
        (true, StopReason::Time, _) => {
            "\nNothing was measured: the time limit leaves no room for another block. --max-time grants \
             more, from now on.\n"
        }
        (true, _, Measuring::Map) => "\nThe map is complete: there was nothing left to measure.\n",
        (true, _, Measuring::Bench) => {
            "\nThe run is complete: there was nothing left to measure.\n"
        }
    }
}

/// Builds a trial's command line from its cell.
pub(crate) type CommandLine = Box<dyn Fn(&Plan, &Cell) -> Vec<String>>;

/// What starts the trials of a plan, and their command lines. Writes the layer where a trial needs
/// it.
///
/// # Errors
/// The layer can't be written, or this program not be found.
pub(crate) fn trials(plan: &Plan, directory: &Path) -> Result<(Box<dyn Launch>, CommandLine)> {
    let layer = needs_layer(plan)
        .then(|| Layer::write(&directory.join(LAYER_FOLDER)))
        .transpose()?;
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
                    let instrument = Instrument::counted_if(cell.arm == Arm::Counted);
                    layer.command(lock.strategy(), instrument, &program)
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
    let command_line = move |plan: &Plan, cell: &Cell| match plan.encoders_of(cell) {
        Some(encoders) => {
            trial_args::command_line(&locktoll, &encoders, cell, &workload, layer.as_ref())
        }
        None => Vec::new(),
    };
    Ok((Box::new(ChildProcess), Box::new(command_line)))
}

/// How to go on with an interrupted run.
pub(crate) fn say_how_to_resume(command: Measuring, directory: &Path) {
    let resume = shell::join(&[
        "locktoll".into(),
        command.to_string(),
        "--resume".into(),
        directory.display().to_string(),
    ]);
    anstream::eprintln!("Go on with: {resume}");
}

/// Refuses a run of which no trial ran to its end, unless a fault model explains it.
///
/// # Errors
/// What the first trial said.
pub(crate) fn anything_measured(samples: &Samples) -> Result<()> {
    let crashed = |outcome: &Outcome| matches!(outcome, Outcome::Crashed(_));
    let subject = &samples.header.plan.subject;
    if !samples.trials.iter().all(|trial| crashed(&trial.outcome))
        || subject
            .encoders()
            .is_some_and(|encoders| encoders.device.fault.is_some())
    {
        return Ok(());
    }
    let said = match samples.trials.first().map(|trial| &trial.outcome) {
        Some(Outcome::Crashed(crash)) => format!("{}: {}", crash.signal, crash.message),
        _ => "there was no trial".to_owned(),
    };
    Err(Error::NothingMeasured { said })
}
