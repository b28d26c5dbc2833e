//! `locktoll record --what-if`: what a program would gain if one lock were held shorter.
//!
//! A hold cannot be made shorter from outside, but it can be made longer by a known time. What of that
//! arrives in the program's time bounds what a cut would gain; and a replica of the lock's use, if it
//! answers the additions as the program does, can really be cut.
//!
//! | module | holds |
//! |---|---|
//! | `choice` | which lock is meant, and where it is in any run |
//! | `trial` | one run, and what it was worth |
//! | `experiment` | the runs of a block, in random order |
//! | `replica` | threads that take a lock and do nothing else |
//! | `fitting` | how long the replica's holds have to be |
//! | `waking` | what it costs to hand a lock over to a thread that sleeps |
//! | `conclusion` | from runs to a result |
//! | `folder` | the result's files |

mod choice;
mod conclusion;
mod experiment;
mod fitting;
mod folder;
pub mod replica;
mod trial;
mod waking;

use std::path::Path;
use std::time::Duration;

use locktoll_bench::environment;
use locktoll_report::terminal::TerminalStyle;
use locktoll_report::what_if;
use locktoll_symbols::Symbolizer;

use self::choice::Choice;
use self::experiment::{Additions, Experiment};
use self::folder::RESULT_FILE;
pub(crate) use self::folder::{PAGE_FILE, TEXT_FILE, holds_result, read};
use self::trial::{Metric, Trials};
use crate::cli::RecordArgs;
use crate::error::{Error, Result};
use crate::record::{Library, create, discard, program};
use crate::recorded::{self, Facts};
use crate::{output, planning};

/// The share of the time from which on a lock's holds and hand-overs are worth a replica: below it, the lock
/// is free most of the time, and what limits the program is something that a replica lacks.
const BUSY: f64 = 0.5;
/// The least that is added at most, as a fraction of the program's time between two acquisitions: a short
/// hold is lengthened by more than itself, so that what that does can be told from noise.
const LEAST: f64 = 0.1;

/// Runs the experiment on the lock that is named; the exit code.
///
/// # Errors
/// No such lock, a program that cannot be recorded or does not end alike each time, or files that cannot be
/// written.
pub fn run(arguments: &RecordArgs, named: &str) -> Result<u8> {
    program::check(&arguments.command)?;
    let metric: Metric = arguments
        .metric
        .parse()
        .map_err(|why| Error::Usage(format!("--metric {}: {why}", arguments.metric)))?;
    if let (Metric::Wall, Some(duration)) = (&metric, arguments.duration) {
        return Err(Error::Usage(format!(
            "--duration {0} with --metric wall: each run would take {0}, whatever is done to the lock. Say what the \
             program gets done meanwhile: --metric ops (acquisitions of the lock), ops:LOCK (of another) or \
             regex:PATTERN (a rate that it prints)",
            humantime::format_duration(duration)
        )));
    }
    let directory = create(arguments.out.as_deref())?;
    let library = Library::write(&directory, arguments)?;
    let measured = measure(arguments, named, &metric, &library, &directory);
    if measured.is_err() {
        library.remove();
    }
    // Each run has a folder for traces that is gone with it.
    discard(&directory);
    measured.map(|()| 0)
}

/// Makes the runs and writes what they say.
fn measure(
    arguments: &RecordArgs,
    named: &str,
    metric: &Metric,
    library: &Library,
    directory: &Path,
) -> Result<()> {
    let say = |text: &str| {
        if !arguments.quiet {
            anstream::eprintln!("{text}");
        }
    };
    let symbolizer = Symbolizer::new();
    let mut trials = Trials::new(library, metric, &symbolizer, arguments.duration)?;

    say("A first run, to find the lock …");
    let pilot = trials.recorded(&arguments.command)?;
    let record = recorded::analyse(&pilot, Facts::default(), &symbolizer);
    let mut choice = Choice::find(named, &record, &pilot)?;

    say(&format!("Runs with {} watched …", choice.name));
    let mut watched = trials.watched(&arguments.command, &choice.delay(0, 0))?;
    if watched.delays.holds.count == 0 && choice.forget_lock() {
        watched = trials.watched(&arguments.command, &choice.delay(0, 0))?;
    }
    let holds = watched.delays.holds;
    if holds.count == 0 {
        return Err(Error::Usage(format!(
            "{} was taken in the first run, and not again by the same call sites: its program is not the same \
             in each run, or does not release the lock where it takes it",
            choice.name
        )));
    }
    let hold_ns = holds.total_ns as f64 / holds.count as f64;
    let turn_ns = watched.wall_ns / holds.count as f64;
    let additions = Additions::new(hold_ns, turn_ns, LEAST);
    let utilisation = holds.total_ns as f64 / watched.wall_ns;
    let slept = Duration::try_from_secs_f64(hold_ns * 1e-9).unwrap_or_default();
    let handover = choice.handover(hold_ns, waking::mean_ns(slept));

    let mut fitted = None;
    let no_replica = choice.no_replica().or_else(|| {
        (utilisation + handover.share < BUSY).then(|| {
            format!(
                "the lock is held or handed over for {} of the time only",
                locktoll_report::format::share(utilisation + handover.share)
            )
        })
    });
    if no_replica.is_none() {
        say("A replica of its use …");
        fitted = Some(fitting::fit(&mut trials, &choice, &watched)?);
    }
    let experiment = Experiment {
        program: &arguments.command,
        choice: &choice,
        replica: fitted.as_ref(),
        additions,
        is_seen_bare: metric.is_seen_bare(),
        blocks: arguments.blocks,
        seed: arguments.seed.unwrap_or_else(planning::any_seed),
    };
    let runs = experiment.run(&mut trials, |block| {
        say(&format!("Block {block} of {} …", experiment.blocks));
    })?;
    let result = conclusion::of(&conclusion::Found {
        environment: environment::read(env!("CARGO_PKG_VERSION")),
        command: &arguments.command,
        metric,
        duration: arguments.duration,
        experiment: &experiment,
        runs: &runs,
        handover,
        no_replica,
    })?;
    folder::write(directory, &result)?;
    if !arguments.quiet {
        let style = TerminalStyle {
            width: output::width(),
            color: false,
        };
        anstream::eprint!("\n{}", what_if::to_text(&result, &style));
        anstream::eprintln!(
            "\nReport: {0}/{PAGE_FILE}, {0}/{TEXT_FILE} · all figures: {0}/{RESULT_FILE}",
            directory.display()
        );
    }
    Ok(())
}
