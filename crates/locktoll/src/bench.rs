//! `locktoll bench`: from flags to a plan, from a plan to samples, from samples to the report.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use locktoll_bench::launch::ChildProcess;
use locktoll_bench::plan::{Cell, Plan, StopRule, TrialSize, takes_locks};
use locktoll_bench::run::Runner;
use locktoll_bench::samples::{self, Header, Record, Samples, SamplesWriter, StopReason};
use locktoll_bench::workload::Workload;
use locktoll_bench::{Error as BenchError, baseline, duration, environment, lock_cost, trial};
use locktoll_gpu::{FaultModel, Protection, Scope};
use locktoll_guard::Strategy;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::analysis::measured::{self, Overrides};
use crate::cli::BenchArgs;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::{output, policy, shell, trial_args};

/// Time to measure at most where nothing is said.
const DEFAULT_MAX_TIME: Duration = Duration::from_secs(75);
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
    let workload = workload_argument(&samples.header.plan, &directory);
    let program = std::env::current_exe()
        .map_err(BenchError::io("find", "the locktoll program"))?
        .display()
        .to_string();
    let command_line =
        |plan: &Plan, cell: &Cell| trial_args::command_line(&program, plan, cell, &workload);
    let runner = Runner {
        launcher: &ChildProcess,
        command_line: &command_line,
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
        && samples.header.plan.device.fault.is_none()
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

fn start(arguments: &BenchArgs) -> Result<(PathBuf, Samples, SamplesWriter)> {
    let (workload, source) = Workload::load_with_source(&arguments.workload)?;
    let plan = plan(arguments, workload)?;
    plan.check()?;
    let device = trial::device_facts(&plan.device)?;
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
    environment.insert("device".into(), device.name.clone().into());
    environment.insert("driver".into(), device.driver.clone().into());
    let header = Header {
        schema: samples::SCHEMA.to_owned(),
        uncontended_ns: lock_cost::uncontended_ns(&plan.protections),
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

fn plan(arguments: &BenchArgs, workload: Workload) -> Result<Plan> {
    let mut protections = Vec::new();
    for &protection in &arguments.strategies {
        if !protections.contains(&protection) {
            protections.push(protection);
        }
    }
    let mut threads = arguments.threads.clone();
    threads.sort_unstable();
    threads.dedup();
    let (baseline, baseline_reason) = match arguments.baseline {
        Some(named) => (named, None),
        None => default_baseline(&protections, arguments.fault)?,
    };
    let stop = match arguments.blocks {
        Some(blocks) => StopRule::Blocks { blocks },
        None => StopRule::Precision {
            half_width: arguments.precision,
            first_stage: arguments.first_stage,
        },
    };
    let max_time = arguments.max_time.unwrap_or(match arguments.blocks {
        Some(_) => Duration::ZERO,
        None => DEFAULT_MAX_TIME,
    });
    Ok(Plan {
        device: trial_args::device(arguments.soft, arguments.fault),
        sync: arguments.sync.unwrap_or(workload.sync),
        workload,
        counted: !arguments.no_counting && protections.iter().any(|&lock| takes_locks(lock)),
        protections,
        baseline,
        baseline_named: arguments.baseline.is_some(),
        baseline_reason,
        threads,
        size: TrialSize {
            ops_per_thread: arguments.ops,
            iterations: arguments.iterations,
            warmup: arguments.warmup,
        },
        stop,
        max_time_ns: duration::ns(max_time),
        trial_timeout_ns: duration::ns(arguments.trial_timeout),
        seed: arguments
            .seed
            .unwrap_or_else(|| RandomState::new().hash_one("locktoll")),
        margin: arguments.policy.margin,
        confidence: arguments.policy.confidence,
        max_cost: arguments.policy.max_cost,
        command: typed_command(),
    })
}

/// The baseline where none is named: `none` where it is measured and expected to survive, else
/// the lock that is expected to cost least among those that cover the fault model's scope.
fn default_baseline(
    protections: &[Protection],
    fault: Option<FaultModel>,
) -> Result<(Protection, Option<String>)> {
    let covers = |strategy: Strategy| match strategy {
        Strategy::Global => true,
        Strategy::Throttle(most) => most.get() == 1 || fault.is_none(),
        Strategy::PerQueue => fault != Some(FaultModel::Agx(Scope::Process)),
        Strategy::PerEncoder => matches!(fault, None | Some(FaultModel::Agx(Scope::Encoder))),
        Strategy::None => fault.is_none(),
    };
    let mut candidates = protections.to_vec();
    candidates.sort_by_key(|&lock| (!covers(lock.strategy()), baseline::expected_cost(lock)));
    let Some(&chosen) = candidates.first() else {
        return Err(Error::Usage("give at least one strategy".into()));
    };
    let none = Protection::Caller(Strategy::None);
    let reason = if chosen == none {
        None
    } else if let Some(fault) = fault.filter(|_| protections.contains(&none)) {
        Some(format!(
            "under the fault model {fault}, none is expected to crash"
        ))
    } else {
        Some("none was not measured".to_owned())
    };
    Ok((chosen, reason))
}

/// What the trials are given as `--workload`: the built-in name, or the run's own copy.
fn workload_argument(plan: &Plan, directory: &Path) -> String {
    if Workload::built_in(&plan.workload.name).as_ref() == Some(&plan.workload) {
        plan.workload.name.clone()
    } else {
        directory.join(WORKLOAD_FILE).display().to_string()
    }
}

/// Set by Ctrl-C or a termination signal; a second one ends the program at once.
fn interrupt_flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
            .map_err(BenchError::io("listen for", "Ctrl-C"))?;
    }
    Ok(flag)
}

/// The command as typed, for the report.
fn typed_command() -> String {
    let mut words: Vec<String> = std::env::args().collect();
    if let Some(program) = words.first_mut() {
        "locktoll".clone_into(program);
    }
    shell::join(&words)
}
