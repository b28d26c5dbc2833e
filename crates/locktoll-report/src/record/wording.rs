//! The answer in sentences.

use super::model::{Estimate, Lock, Mode, Record, Run};
use crate::format::{count, duration_ns, fixed_point, plural, share};
use crate::text::{plain, shell_word};

/// A share of all waits under which a lock is not spoken of beside the first.
const SPOKEN_OF: f64 = 0.1;
/// Threads waiting on average from which on that is told.
const WORTH_TELLING: f64 = 0.01;
/// Locks spoken of at most.
const MOST: usize = 3;

/// What the locks cost, the first sentence for those who read no other. `name` makes names from
/// outside harmless.
pub(super) fn answer(record: &Record, name: fn(&str) -> String) -> Vec<String> {
    let lost: f64 = record.locks.iter().map(|lock| lock.wait.total_ns).sum();
    if record.run.processes.is_empty() {
        return vec!["No lock was recorded.".to_owned()];
    }
    let acquired = match record.run.mode {
        Mode::Contentions => String::new(),
        Mode::Aggregate | Mode::Events => format!(
            " {} of {}.",
            plural(record.sampling.acquisitions, "acquisition"),
            plural(record.locks.len() as u64, "lock")
        ),
    };
    if lost <= 0.0 {
        return vec![format!(
            "No thread waited for a lock in {}.{acquired}",
            duration_ns(record.run.wall_ns as f64)
        )];
    }
    let mut sentences = vec![format!(
        "Threads waited {} for locks, in a run of {}{}.{acquired}",
        duration_ns(lost),
        duration_ns(record.run.wall_ns as f64),
        waiting(lost, record.run.wall_ns)
    )];
    let worst = record
        .locks
        .iter()
        .take(MOST)
        .enumerate()
        .filter(|(index, lock)| *index == 0 || lock.wait.total_ns > SPOKEN_OF * lost);
    sentences.extend(worst.map(|(_, lock)| of_lock(lock, lost, name)));
    sentences
}

/// Waits of several threads add up to more than the time of the run: what that means.
fn waiting(lost_ns: f64, wall_ns: u64) -> String {
    let mean = lost_ns / wall_ns as f64;
    if wall_ns == 0 || mean < WORTH_TELLING {
        return String::new();
    }
    format!(": {} threads were waiting on average", fixed_point(mean, 2))
}

fn of_lock(lock: &Lock, lost: f64, name: fn(&str) -> String) -> String {
    let held = lock.utilisation.map_or_else(String::new, |held| {
        format!(", held {} of the time", share(held.value))
    });
    let where_taken = match lock.sites.first() {
        Some(guilty) if guilty.caused_ns > 0.0 => format!(
            "; others waited {} while {} held it",
            duration_ns(guilty.caused_ns),
            name(&guilty.label())
        ),
        Some(site) => format!("; taken in {}", name(&site.label())),
        None => String::new(),
    };
    format!(
        "{}: {} of it ({}){held}{where_taken}.",
        name(&lock.name),
        duration_ns(lock.wait.total_ns),
        share(lock.wait.total_ns / lost)
    )
}

/// How the program ended, and what recording it cost.
pub(super) fn course(record: &Record) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(signal) = record.run.signal {
        sentences.push(format!("The program was ended by signal {signal}."));
    } else if let Some(code) = record.run.exit_code.filter(|code| *code != 0) {
        sentences.push(format!("The program ended with exit code {code}."));
    }
    sentences.push(cost(record));
    sentences
}

fn cost(record: &Record) -> String {
    match &record.cost {
        Some(cost) => {
            let per_event = match cost.per_event_ns {
                Some(Estimate {
                    value,
                    ci: Some([lo, _]),
                }) if lo > 0.0 => {
                    format!(", {} more for each acquisition or wait", duration_ns(value))
                }
                Some(Estimate {
                    ci: Some([_, hi]), ..
                }) => format!(
                    ", which may be nothing, and at most {} for each acquisition or wait",
                    duration_ns(hi.max(0.0))
                ),
                _ => String::new(),
            };
            format!(
                "Recorded runs took {} times as long as bare ones ({} to {}, {} in random order){per_event}.",
                fixed_point(cost.ratio, 3),
                fixed_point(cost.ci[0], 3),
                fixed_point(cost.ci[1], 3),
                plural(cost.pairs, "pair")
            )
        }
        None => "What recording cost was not measured: --calibrate N does that.".to_owned(),
    }
}

/// The command, for a title.
pub(super) fn command(run: &Run) -> String {
    let words: Vec<String> = run
        .command
        .iter()
        .map(|word| shell_word(&plain(word)))
        .collect();
    if words.is_empty() {
        "a program".to_owned()
    } else {
        words.join(" ")
    }
}

/// How much there was to see.
pub(super) fn about(record: &Record) -> String {
    let run = &record.run;
    let threads: u64 = run.processes.iter().map(|process| process.threads).sum();
    [
        duration_ns(run.wall_ns as f64),
        format!(
            "{} {}",
            count(run.processes.len() as u64),
            if run.processes.len() == 1 {
                "process"
            } else {
                "processes"
            }
        ),
        plural(threads, "thread"),
        match run.mode {
            Mode::Aggregate => "every acquisition counted",
            Mode::Contentions => "contentions only",
            Mode::Events => "every acquisition as an event",
        }
        .to_owned(),
    ]
    .join(" · ")
}
