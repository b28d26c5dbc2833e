//! The answer in sentences.

use std::collections::HashMap;

use super::model::{Estimate, Lock, LockKind, Mode, Record};
use super::rows;
use crate::format::{count, duration_ns, fixed_point, plural, share};

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
        // Of locks that are waited for by futexes nothing else is seen.
        _ if record.sampling.acquisitions == 0 => String::new(),
        Mode::Aggregate | Mode::Events => format!(
            " {} of {}.",
            plural(record.sampling.acquisitions, "acquisition"),
            plural(record.locks.len() as u64, "lock")
        ),
    };
    if lost <= 0.0 {
        let mut sentences = vec![format!(
            "No thread waited for a lock in {}.{acquired}",
            duration_ns(record.run.wall_ns as f64)
        )];
        sentences.extend(ambiguous(record, lost, name));
        return sentences;
    }
    let mut sentences = vec![format!(
        "Threads waited {} for locks, in a run of {}{}.{acquired}",
        duration_ns(lost),
        duration_ns(record.run.wall_ns as f64),
        waiting(lost, record.run.wall_ns)
    )];
    let mut worst = namesakes(record);
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    let spoken_of = worst
        .iter()
        .take(MOST)
        .enumerate()
        .filter(|(index, (wait_ns, _))| *index == 0 || *wait_ns > SPOKEN_OF * lost);
    sentences.extend(
        spoken_of.map(|(_, (wait_ns, locks))| match locks.as_slice() {
            [lock] => of_lock(lock, lost, name),
            several => format!(
                "{}: {} of it ({}), in {}.",
                name(&several[0].name),
                duration_ns(*wait_ns),
                share(wait_ns / lost),
                processes(several.len())
            ),
        }),
    );
    sentences.extend(ambiguous(record, lost, name));
    sentences
}

/// Some locks are made of semaphores, which are waited for by locks and for events alike. Such a wait that is longer
/// than all that was lost for locks must be known of.
fn ambiguous(record: &Record, lost_ns: f64, name: fn(&str) -> String) -> Option<String> {
    let semaphores = record
        .idle
        .iter()
        .filter(|lock| lock.known && lock.kind == LockKind::Semaphore && lock.wait.count > 1);
    let most = semaphores.max_by_key(|lock| lock.wait.count)?;
    (most.wait.total_ns > lost_ns).then(|| {
        format!(
            "Not in this, since a lock and an event look alike there: {}, waited for {} times, {} in all.",
            name(&most.name),
            count(most.wait.count),
            duration_ns(most.wait.total_ns)
        )
    })
}

/// Locks of the same name, which those of several processes have, with the time lost in all of them.
fn namesakes(record: &Record) -> Vec<(f64, Vec<&Lock>)> {
    let mut found: Vec<(f64, Vec<&Lock>)> = Vec::new();
    let mut places: HashMap<(&str, LockKind), usize> = HashMap::new();
    for lock in record.locks.iter().filter(|lock| lock.wait.total_ns > 0.0) {
        let place = *places.entry((&lock.name, lock.kind)).or_insert_with(|| {
            found.push((0.0, Vec::new()));
            found.len() - 1
        });
        found[place].0 += lock.wait.total_ns;
        found[place].1.push(lock);
    }
    found
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
        format!(", held {} of the time", rows::held(held))
    });
    let where_taken = match lock.sites.first() {
        Some(guilty) if guilty.caused_ns > 0.0 => format!(
            "; others waited {} while {} held it",
            duration_ns(guilty.caused_ns),
            name(&guilty.label())
        ),
        // Everybody knows who takes a lock of that name.
        Some(site) if !lock.known => format!("; taken in {}", name(&site.label())),
        _ => String::new(),
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

/// How much there was to see.
pub(super) fn about(record: &Record) -> String {
    let run = &record.run;
    let threads: u64 = run.processes.iter().map(|process| process.threads).sum();
    [
        duration_ns(run.wall_ns as f64),
        processes(run.processes.len()),
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

fn processes(n: usize) -> String {
    let noun = if n == 1 { "process" } else { "processes" };
    format!("{} {noun}", count(n as u64))
}
