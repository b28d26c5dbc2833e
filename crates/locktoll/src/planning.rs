//! From flags to a plan.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use locktoll_bench::measure::{Measure, Source};
use locktoll_bench::plan::{
    Config, DevicePlan, Encoders, Plan, StopRule, Subject, THREADS, TrialSize,
};
use locktoll_bench::workload::Workload;
use locktoll_bench::{Error as BenchError, baseline, duration};
use locktoll_gpu::{DeviceChoice, FaultModel, Protection, Scope, SoftSettings};
use locktoll_guard::Strategy;

use crate::cli::BenchArgs;
use crate::error::{Error, Result};
use crate::{shell, trial_args};

/// Time to measure at most where nothing is said: a newcomer's first run, and a program's.
const DEFAULT_MAX_TIME: Duration = Duration::from_secs(75);
const DEFAULT_MAX_TIME_PROGRAM: Duration = Duration::from_mins(5);
/// Time after which a trial counts as hung where nothing is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);
const DEFAULT_TIMEOUT_PROGRAM: Duration = Duration::from_mins(10);

/// The plan that the flags ask for, and the text of the workload file if there is one.
///
/// # Errors
/// The flags contradict each other, or the device is not there.
pub fn plan(arguments: &BenchArgs) -> Result<(Plan, Option<String>)> {
    let (subject, source) = subject(arguments)?;
    let encodes = subject.encoders().is_some();
    let configs = configs(arguments, &subject)?;
    let mut threads = arguments.threads.clone();
    if threads.is_empty() && encodes {
        threads = [1, 8].into_iter().filter_map(NonZeroU32::new).collect();
    }
    threads.sort_unstable();
    threads.dedup();
    let (baseline, baseline_reason) = match &arguments.baseline {
        Some(name) => (named(name, &configs)?, None),
        None => default_baseline(&configs, arguments.fault)?,
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
        None if encodes => DEFAULT_MAX_TIME,
        None => DEFAULT_MAX_TIME_PROGRAM,
    });
    let timeout = arguments.trial_timeout.unwrap_or(if encodes {
        DEFAULT_TIMEOUT
    } else {
        DEFAULT_TIMEOUT_PROGRAM
    });
    let seed = arguments.output.seed.unwrap_or_else(any_seed);
    let plan = Plan {
        counted: !arguments.no_counting && configs.iter().any(Config::takes_locks),
        subject,
        configs,
        baseline,
        baseline_named: arguments.baseline.is_some(),
        baseline_reason,
        threads,
        probes: Vec::new(),
        map: None,
        stop,
        max_time_ns: duration::ns(max_time),
        trial_timeout_ns: duration::ns(timeout),
        seed,
        margin: arguments.policy.decision.margin,
        confidence: arguments.policy.decision.confidence,
        max_cost: arguments.policy.max_cost,
        command: repeating_command(seed),
    };
    plan.check()?;
    Ok((plan, source))
}

/// A seed where none was given: of the random keys that the standard library takes from the system.
pub(crate) fn any_seed() -> u64 {
    RandomState::new().hash_one("locktoll")
}

fn subject(arguments: &BenchArgs) -> Result<(Subject, Option<String>)> {
    let measure = Measure {
        source: arguments.measure.clone().unwrap_or(Source::Wall),
        lower_is_better: arguments.lower_is_better,
        unit: arguments.unit.clone(),
    };
    let here = || std::env::current_dir().map_err(BenchError::io("find", "the current folder"));
    if !arguments.arms.is_empty() {
        let mut commands = std::collections::BTreeMap::new();
        for (name, command) in &arguments.arms {
            let mut words = words(command)
                .map_err(|reason| Error::Usage(format!("--arm {name}: {reason}: {command}")))?;
            with_threads(&mut words, arguments)?;
            if commands.insert(name.clone(), words).is_some() {
                return Err(Error::Usage(format!("two arms have the name '{name}'")));
            }
        }
        let folder = here()?;
        let subject = Subject::Commands {
            commands,
            folder,
            measure,
        };
        return Ok((subject, None));
    }
    if !arguments.command.is_empty() {
        let mut command = arguments.command.clone();
        with_threads(&mut command, arguments)?;
        let folder = here()?;
        let subject = Subject::Program {
            command,
            folder,
            measure,
        };
        return Ok((subject, None));
    }
    for (given, flag) in [
        (arguments.measure.is_some(), "--measure"),
        (arguments.threads_arg.is_some(), "--threads-arg"),
        (arguments.lower_is_better, "--lower-is-better"),
        (arguments.unit.is_some(), "--unit"),
    ] {
        if given {
            return Err(Error::Usage(format!(
                "{flag} goes with a program of yours: put it after --, or give it by --arm"
            )));
        }
    }
    let (workload, source) = Workload::load_with_source(&arguments.workload)?;
    let encoders = Encoders {
        device: device(arguments)?,
        sync: arguments.sync.unwrap_or(workload.sync),
        workload,
        size: TrialSize {
            ops_per_thread: arguments.size.ops,
            iterations: arguments.size.iterations,
            warmup: arguments.size.warmup,
        },
    };
    Ok((Subject::Encoders(encoders), source))
}

/// The device, which `auto` names once and for all: a resumed run must not find another.
fn device(arguments: &BenchArgs) -> Result<DevicePlan> {
    let has_settings = arguments.soft != SoftSettings::default();
    let is_model = has_settings || arguments.fault.is_some();
    let choice = trial_args::choice(arguments.device.device, is_model)
        .resolve()
        .map_err(BenchError::from)?;
    let mut soft = arguments.soft;
    if matches!(choice, DeviceChoice::Soft | DeviceChoice::Objc) {
        if let Some(queues) = arguments.queues {
            soft.queues = soft_queues(queues)?;
        }
    } else if arguments.fault.is_some() {
        return Err(Error::Usage(
            "--fault is a model of a driver: it goes with --device soft or objc".into(),
        ));
    } else if has_settings {
        return Err(Error::Usage(
            "--soft sets the times of a model: it goes with --device soft or objc".into(),
        ));
    }
    Ok(DevicePlan {
        choice,
        soft,
        queues: arguments.queues.unwrap_or(NonZeroU32::MIN),
        timed: None,
        added: Vec::new(),
        fault: arguments.fault,
    })
}

/// So many queues of a soft device.
pub(crate) fn soft_queues(queues: NonZeroU32) -> Result<NonZeroU16> {
    NonZeroU16::try_from(queues).map_err(|_| {
        Error::Usage(format!(
            "--queues {queues}: a soft device has at most 65535"
        ))
    })
}

/// Splits a command as a shell would, without being one: no pipes, no expansion. Variables before
/// the program are handed to `env`, so that the line can be pasted as it is run.
fn words(command: &str) -> Result<Vec<String>, String> {
    let mut words = shell_words::split(command).map_err(|error| error.to_string())?;
    let variables = words.iter().take_while(|word| is_assignment(word)).count();
    match words.get(variables) {
        None => Err("there is no command".to_owned()),
        // env would take it for one more variable.
        Some(program) if program.contains('=') => Err(format!(
            "the program '{program}' has an = in its name: run it by sh -c"
        )),
        Some(_) => {
            if variables > 0 {
                words.insert(0, "env".to_owned());
            }
            Ok(words)
        }
    }
}

/// Whether a shell would take the word for `NAME=VALUE`.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn with_threads(words: &mut Vec<String>, arguments: &BenchArgs) -> Result<()> {
    let Some(template) = &arguments.threads_arg else {
        return Ok(());
    };
    if !template.contains(THREADS) {
        return Err(Error::Usage(format!(
            "--threads-arg '{template}' has no {THREADS}"
        )));
    }
    let more = shell_words::split(template)
        .map_err(|error| Error::Usage(format!("--threads-arg '{template}': {error}")))?;
    words.extend(more);
    Ok(())
}

fn configs(arguments: &BenchArgs, subject: &Subject) -> Result<Vec<Config>> {
    use Protection::{Caller, Interposed};
    let mut configs: Vec<Config> = Vec::new();
    let mut add = |config| {
        if !configs.contains(&config) {
            configs.push(config);
        }
    };
    match subject {
        Subject::Commands { .. } => {
            for (name, _) in &arguments.arms {
                add(Config::Command(name.clone()));
            }
        }
        Subject::Program { .. } => {
            let mut locks = arguments.strategies.clone();
            if locks.is_empty() {
                locks = [Strategy::None, Strategy::Global, Strategy::PerEncoder]
                    .map(Caller)
                    .to_vec();
            }
            for lock in locks {
                // Under a program that is not ours, every lock is slipped in.
                add(Config::Lock(match lock {
                    Caller(Strategy::None) | Interposed(_) => lock,
                    Caller(strategy) => Interposed(strategy),
                }));
            }
        }
        Subject::Encoders(_) => {
            let mut locks = arguments.strategies.clone();
            if locks.is_empty() {
                locks = vec![
                    Caller(Strategy::None),
                    Caller(Strategy::Global),
                    Caller(Strategy::PerEncoder),
                    Interposed(Strategy::Global),
                    Interposed(Strategy::PerEncoder),
                ];
            }
            for lock in locks {
                add(Config::Lock(lock));
            }
        }
    }
    if configs.is_empty() {
        return Err(Error::Usage("give at least one strategy".into()));
    }
    let choice = subject.encoders().map(|encoders| encoders.device.choice);
    if let Some(choice @ (DeviceChoice::Objc | DeviceChoice::Metal)) = choice
        && configs.contains(&Config::Lock(Interposed(Strategy::PerQueue)))
    {
        return Err(Error::Usage(format!(
            "interposed:per-queue is not to be had on the device {choice}: an encoder there does not \
             tell its queue"
        )));
    }
    Ok(configs)
}

/// The configuration that a user means: `global` is good enough for `interposed:global` where there
/// is no other.
fn named(name: &str, configs: &[Config]) -> Result<Config> {
    let is = |wanted: &str| configs.iter().find(|config| config.to_string() == wanted);
    is(name)
        .or_else(|| is(&format!("interposed:{name}")))
        .cloned()
        .ok_or_else(|| {
            let all: Vec<String> = configs.iter().map(ToString::to_string).collect();
            Error::Usage(format!(
                "the baseline '{name}' is not among {}",
                all.join(", ")
            ))
        })
}

/// The baseline where none is named: `none` where it is measured and expected to survive, else
/// the lock that is expected to cost least among those that cover the fault model's scope; of a
/// user's commands the one called `none`, or else the first.
fn default_baseline(
    configs: &[Config],
    fault: Option<FaultModel>,
) -> Result<(Config, Option<String>)> {
    let covers = |strategy: Strategy| match strategy {
        Strategy::Global => true,
        Strategy::Throttle(most) => most.get() == 1 || fault.is_none(),
        Strategy::PerQueue => fault != Some(FaultModel::Agx(Scope::Process)),
        Strategy::PerEncoder => matches!(fault, None | Some(FaultModel::Agx(Scope::Encoder))),
        Strategy::None => fault.is_none(),
    };
    let mut candidates: Vec<&Config> = configs.iter().collect();
    candidates.sort_by_key(|config| match config {
        Config::Lock(lock) => (!covers(lock.strategy()), baseline::expected_cost(config)),
        Config::Command(name) => (name != "none", (false, 0)),
    });
    let Some(&chosen) = candidates.first() else {
        return Err(Error::Usage("give at least one strategy".into()));
    };
    let none = Config::Lock(Protection::Caller(Strategy::None));
    let reason = match chosen {
        Config::Command(name) if name == "none" => None,
        Config::Command(_) => Some("it is the first arm, and none was named".to_owned()),
        Config::Lock(_) if *chosen == none => None,
        Config::Lock(_) => match fault.filter(|_| configs.contains(&none)) {
            Some(fault) => Some(format!(
                "under the fault model {fault}, none is expected to crash"
            )),
            None => Some("none was not measured".to_owned()),
        },
    };
    Ok((chosen.clone(), reason))
}

/// The command that repeats the run: as typed, with the seed that was taken, and without the folder,
/// which now holds this run.
pub(crate) fn repeating_command(seed: u64) -> String {
    repeat(std::env::args().skip(1), seed)
}

fn repeat(typed: impl Iterator<Item = String>, seed: u64) -> String {
    let mut words = vec!["locktoll".to_owned()];
    let mut typed = typed.peekable();
    while let Some(word) = typed.next_if(|word| word != "--") {
        match word.as_str() {
            "--out" | "--seed" => drop(typed.next()),
            // Its value may look like a flag.
            "--threads-arg" => {
                words.push(word);
                words.extend(typed.next());
            }
            word if word.starts_with("--out=") || word.starts_with("--seed=") => {}
            _ => words.push(word),
        }
    }
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words.extend(typed);
    shell::join(&words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_before_a_command_are_set_by_env() {
        let split = |text| words(text).unwrap().join("|");
        assert_eq!(split("python x.py 'a b'"), "python|x.py|a b");
        assert_eq!(split("LOCK=1 ./a --n=2"), "env|LOCK=1|./a|--n=2");
        for bad in ["", "'a", "A=1", "A=1 B=2", "d=1/prog", "1=2 prog"] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_repeating_command_has_the_seed_and_no_folder() {
        let typed = "bench --out=x --threads 1 --seed 3 -- prog --seed 9 --out y";
        assert_eq!(
            repeat(typed.split(' ').map(str::to_owned), 7),
            "locktoll bench --threads 1 --seed 7 -- prog --seed 9 --out y"
        );
    }

    #[test]
    fn the_baseline_of_commands_is_none_or_the_first() {
        let arm = |name: &str| Config::Command(name.to_owned());
        let chosen = |names: &[&str]| {
            let configs: Vec<Config> = names.iter().map(|name| arm(name)).collect();
            default_baseline(&configs, None).unwrap().0
        };
        assert_eq!(chosen(&["global", "none"]), arm("none"));
        assert_eq!(chosen(&["b", "a"]), arm("b"));
    }
}
