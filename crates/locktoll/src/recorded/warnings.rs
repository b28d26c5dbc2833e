//! What must be known before a figure of a recording is trusted.

use locktoll_report::format::{count, duration_ns, plural, share};
use locktoll_report::model::Warning;
use locktoll_report::record::model::{Lock, LockKind, Mode, Record};

use super::observed::Observed;

/// A hold or a wait shorter than so many times the cost of recording it is distorted by it.
const SHORT: f64 = 10.0;
/// A hold in which the two readings of the clock, some 10 ns each, count.
const NEAR_CLOCK_NS: u64 = 100;
/// A share of time held at which that matters.
const MUCH: f64 = 0.1;
/// Locks that are looked at for short holds: those that a reader is shown first.
const LOOKED_AT: usize = 10;

/// All warnings, the most important first.
pub(super) fn of(record: &Record, observed: &Observed) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code: &str, message: String| {
        warnings.push(Warning {
            code: code.to_owned(),
            message,
        });
    };
    if record.run.processes.is_empty() {
        warn(
            "nothing_recorded",
            "No process of the program used a lock that can be recorded, or the library was not loaded into \
             it: static programs, programs of Go, and locks inside the C library cannot be seen."
                .to_owned(),
        );
    }
    for unreadable in &observed.unreadable {
        warn(
            "unreadable",
            format!("Left out, since it cannot be read: {unreadable}"),
        );
    }
    let processes = || record.run.processes.iter();
    let lost: u64 = processes().map(|process| process.events_lost).sum();
    if lost > 0 && record.run.mode == Mode::Events {
        warn(
            "events_lost",
            format!(
                "{} were overwritten by later ones before they could be read: an export of events has the \
                 last of each thread. Counts and times are whole.",
                plural(lost, "event")
            ),
        );
    }
    let unnamed: u64 = processes().map(|process| process.unnamed).sum();
    if unnamed > 0 {
        warn(
            "tables_full",
            format!(
                "The program has more locks and call sites than the tables hold: {} are counted, but not by \
                 their own site or lock.",
                plural(unnamed, "event")
            ),
        );
    }
    let refused: u64 = observed
        .processes
        .iter()
        .map(|process| process.recording.threads_refused)
        .sum();
    if refused > 0 {
        warn(
            "threads_full",
            format!(
                "{} found no room of its own: shares of threads lack them.",
                plural(refused, "thread")
            ),
        );
    }
    if let Some(message) = short_sections(record) {
        warn("short_sections", message);
    }
    if let Some(message) = holds_near_clock(record) {
        warn("holds_near_clock", message);
    }
    if let Some(cost) = record.cost.as_ref().filter(|cost| cost.ci[0] > 1.05) {
        warn(
            "costly",
            format!(
                "Recording made the program {} slower ({} to {}); waits may be longer than they are without it.",
                share(cost.ratio - 1.0),
                share(cost.ci[0] - 1.0),
                share(cost.ci[1] - 1.0)
            ),
        );
    }
    if record.run.mode == Mode::Contentions {
        warn(
            "contentions_only",
            "Only contended acquisitions were recorded: there are no counts of all acquisitions, and no \
             utilisation."
                .to_owned(),
        );
    }
    if let Some(message) = python_locks(record) {
        warn("python_locks", message);
    }
    if record.locks.iter().any(|lock| lock.kind == LockKind::Futex) {
        warn(
            "futexes",
            "Of futexes that the program waits on itself (locks of Rust's standard library and parking_lot) \
             only waits in the kernel are seen: no uncontended acquisitions, no holds. Idle waiting is told \
             apart by the functions that wait, so in a program without symbols it is among them."
                .to_owned(),
        );
    }
    warnings
}

/// Names locks that seem to be held much, by holds as short as what timing them takes.
fn holds_near_clock(record: &Record) -> Option<String> {
    let near = |lock: &&Lock| {
        let is_short = lock.hold.p50_ns.is_some_and(|ns| ns < NEAR_CLOCK_NS);
        is_short && lock.utilisation.is_some_and(|held| held.value > MUCH)
    };
    let near: Vec<String> = record
        .locks
        .iter()
        .filter(near)
        .take(LOOKED_AT)
        .map(|lock| {
            let median = lock.hold.p50_ns.map_or(0.0, |ns| ns as f64);
            format!("{} ({})", lock.name, duration_ns(median))
        })
        .collect();
    (!near.is_empty()).then(|| {
        format!(
            "Half of the holds are so short that reading the clock is much of them, so the share of time held is an \
             upper bound: {}.",
            near.join(", ")
        )
    })
}

/// Tells that locks made in Python are among the idle waits, with the one that was waited for most often.
fn python_locks(record: &Record) -> Option<String> {
    let of_python = |lock: &&Lock| lock.known && lock.name.starts_with("a Python lock");
    let most = record
        .idle
        .iter()
        .filter(of_python)
        .max_by_key(|lock| lock.wait.count)?;
    (most.wait.count > 1).then(|| {
        format!(
            "Locks made in Python (threading.Lock and what is built of it) are semaphores, by which threads \
             wait for a lock and for an event alike, so they are under idle waiting, with {} waits for {}.",
            count(most.wait.count),
            most.name
        )
    })
}

/// Names locks whose holds or waits are not long against what it costs to record them.
fn short_sections(record: &Record) -> Option<String> {
    let cost = record.cost.as_ref()?.per_event_ns?;
    // A cost that may be nothing distorts nothing that could be named.
    let per_event = cost.ci.filter(|[lo, _]| *lo > 0.0).map(|_| cost.value)?;
    let short: Vec<String> = record
        .locks
        .iter()
        .take(LOOKED_AT)
        .filter_map(|lock| {
            let median = [lock.hold.p50_ns, lock.wait.p50_ns]
                .into_iter()
                .flatten()
                .min()? as f64;
            (median < SHORT * per_event).then(|| format!("{} ({})", lock.name, duration_ns(median)))
        })
        .collect();
    (!short.is_empty()).then(|| {
        format!(
            "Recording cost {} for each event, so the median holds or waits of {} may be distorted: {}.",
            duration_ns(per_event),
            match short.len() {
                1 => "one lock".to_owned(),
                n => format!("{} locks", count(n as u64)),
            },
            short.join(", ")
        )
    })
}
