//! From the traces of a program's processes to a [`Record`]: which lock cost how much, where it is taken,
//! and who waited for whom.
//!
//! | module | holds |
//! |---|---|
//! | `observed` | what was left in the folder |
//! | `names` | names of locks and call sites |
//! | `times` | durations with intervals |
//! | `locks` | points put together to locks and sites |
//! | `stacks` | waits shared out over call stacks; who waited for whom |
//! | `warnings` | what must be known before a figure is trusted |
//! | `perfetto` | single events, for a timeline |

mod locks;
mod names;
mod observed;
pub mod perfetto;
mod stacks;
mod times;
mod warnings;

use locktoll_report::model::Environment;
use locktoll_report::record::model::{
    Cost, Lock, LockKind, Mode, Process, Record, Run, SCHEMA, Sampling,
};
use locktoll_symbols::Symbolizer;
use locktoll_trace::recording;

use self::names::Names;
pub use self::observed::{Observed, ObservedProcess, Started, Unfinished};

/// Confidence of all intervals of a recording.
pub const CONFIDENCE: f64 = 0.95;

/// What is known of a run besides its traces.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// From its start to its end; unknown where only its traces are left.
    pub wall_ns: Option<u64>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The machine.
    pub environment: Environment,
    /// What recording cost.
    pub cost: Option<Cost>,
}

/// Analyses what was recorded.
pub fn analyse(observed: &Observed, facts: Facts, symbolizer: &Symbolizer) -> Record {
    let (mut locks, mut idle) = (Vec::new(), Vec::new());
    let mut blames = Vec::new();
    let mut call_stacks = Vec::new();
    let mut processes = Vec::new();
    let mut notes = warnings::Notes::default();
    for (index, process) in observed.processes.iter().enumerate() {
        let wall_ns = process.lived_ns;
        let callers = stacks::callers(process, symbolizer);
        let names = Names::new(process, symbolizer, &callers);
        let its = locks::of_process(process, index, wall_ns, &names);
        blames.extend(stacks::blames(process, &its, &names));
        call_stacks.extend(stacks::weighted(process, &its, &names, &callers));
        notes.add(process, &its, &names);
        for numbered in its {
            let list = if numbered.is_idle {
                &mut idle
            } else {
                &mut locks
            };
            list.push(numbered.lock);
        }
        processes.push(Process {
            pid: process.pid,
            trace: process.file.clone(),
            threads: process.recording.threads.len() as u64 + process.recording.threads_reused,
            wall_ns,
            ended: process.ended,
            events_lost: process.recording.events_lost,
            unnamed: process.recording.coarsened,
        });
    }
    for list in [&mut locks, &mut idle] {
        list.sort_by(|a: &Lock, b: &Lock| {
            let by_wait = b.wait.total_ns.total_cmp(&a.wait.total_ns);
            by_wait.then_with(|| b.acquisitions.cmp(&a.acquisitions))
        });
    }
    let mode = mode(observed);
    let longest = processes.iter().map(|process| process.wall_ns).max();
    let mut record = Record {
        schema: SCHEMA.to_owned(),
        environment: facts.environment,
        run: Run {
            command: facts.command,
            mode,
            wall_ns: facts.wall_ns.or(longest).unwrap_or(0),
            exit_code: facts.exit_code,
            signal: facts.signal,
            processes,
        },
        sampling: sampling(observed, &locks),
        locks,
        idle,
        blames: stacks::together(blames),
        stacks: call_stacks,
        cost: facts.cost,
        warnings: Vec::new(),
    };
    record
        .stacks
        .sort_by(|a, b| b.wait_ns.total_cmp(&a.wait_ns));
    record.warnings = warnings::of(&record, observed, &notes);
    record
}

fn mode(observed: &Observed) -> Mode {
    match observed
        .processes
        .first()
        .map(|process| process.recording.mode)
    {
        Some(recording::Mode::CONTENTIONS) => Mode::Contentions,
        Some(recording::Mode::EVENTS) => Mode::Events,
        _ => Mode::Aggregate,
    }
}

fn sampling(observed: &Observed, locks: &[Lock]) -> Sampling {
    let sum = |of: fn(&Lock) -> u64| locks.iter().map(of).fold(0, u64::saturating_add);
    let stacks = observed
        .processes
        .iter()
        .map(|process| process.recording.stacks.len() as u64);
    Sampling {
        // Of condition variables and futexes, what is counted as taken are waits that ended well.
        acquisitions: sum(|lock| match lock.kind {
            LockKind::Mutex | LockKind::RwLock | LockKind::SpinLock => lock.acquisitions,
            _ => 0,
        }),
        contentions: sum(|lock| lock.contentions),
        waits_timed: sum(|lock| lock.wait.timed),
        holds_timed: sum(|lock| lock.hold.timed),
        hold_every: observed
            .processes
            .iter()
            .map(|process| process.recording.hold_every)
            .max()
            .unwrap_or(0),
        stacks: stacks.sum(),
        confidence: CONFIDENCE,
    }
}
