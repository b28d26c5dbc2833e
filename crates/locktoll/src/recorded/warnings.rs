//! What must be known before a figure of a recording is trusted.

use std::collections::BTreeSet;

use locktoll_report::format::{count, duration_ns, plural, share};
use locktoll_report::model::Warning;
use locktoll_report::record::model::{Lock, LockKind, Mode, Record, Site, label};

use super::locks::Numbered;
use super::names::Names;
use super::observed::{Observed, ObservedProcess};

/// A hold or a wait shorter than so many times the cost of recording it is distorted by it.
const SHORT: f64 = 10.0;
/// A hold in which the two readings of the clock, some 10 ns each, count.
const NEAR_CLOCK_NS: u64 = 100;
/// A share of time held at which that matters.
const MUCH: f64 = 0.1;
/// Locks that are looked at for short holds: those that a reader is shown first.
const LOOKED_AT: usize = 10;

/// A wait at the end of the program that is told of: shorter ones are in every program that ends while it works.
const STUCK_NS: u64 = 1_000_000_000;
/// How many of them are named.
const STUCK_NAMED: usize = 3;

/// What only the traces tell, and not the record.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Waits for locks that were not over, the longest first once they are told: how long, and what.
    stuck: Vec<(u64, String)>,
    /// Sites that are several callers.
    shared: BTreeSet<String>,
}

impl Notes {
    /// Adds those of one process.
    pub(super) fn add(&mut self, process: &ObservedProcess, locks: &[Numbered], names: &Names<'_>) {
        for wait in &process.unfinished {
            let numbered = locks.iter().find(|lock| lock.points.contains(&wait.point));
            let (Some(numbered), Some(point)) =
                (numbered, process.recording.points.get(wait.point))
            else {
                continue;
            };
            if numbered.is_idle || wait.wait_ns < STUCK_NS {
                continue;
            }
            let label = |site: u64| names.site(site, &BTreeSet::from([point.lock])).label();
            let owner = match wait.owner_site {
                0 => String::new(),
                site => format!(", which {} had", label(site)),
            };
            let text = format!(
                "{} since {} for {}{owner}",
                label(point.site),
                duration_ns(wait.wait_ns as f64),
                numbered.lock.name
            );
            self.stuck.push((wait.wait_ns, text));
        }
        let sites = locks.iter().filter(|lock| !lock.is_idle);
        let sites = sites.flat_map(|lock| &lock.lock.sites);
        let shared = sites.filter(|site| site.function.contains(" or "));
        let label = |site: &Site| {
            let (location, module) = (site.location.as_deref(), site.module.as_deref());
            label(&site.function, location, module)
        };
        self.shared.extend(shared.map(label));
    }

    /// Names threads that waited when the program ended.
    fn still_waiting(&self) -> Option<String> {
        let mut stuck: Vec<_> = self.stuck.iter().collect();
        stuck.sort_by_key(|(ns, _)| std::cmp::Reverse(*ns));
        let named: Vec<&str> = stuck
            .iter()
            .take(STUCK_NAMED)
            .map(|(_, text)| text.as_str())
            .collect();
        (!named.is_empty()).then(|| {
            format!(
                "When it ended, {} still waiting for a lock, which counts as waited: {}.",
                match stuck.len() {
                    1 => "one thread was".to_owned(),
                    n => format!("{} threads were", count(n as u64)),
                },
                named.join("; ")
            )
        })
    }

    /// Tells that several callers are one site.
    fn shared_sites(&self) -> Option<String> {
        let first = self.shared.first()?;
        Some(format!(
            "Calls through one function that takes the lock for others are one site: {first}. Which of them did what \
             is not known; where stacks were sampled, the flame graph tells. A C++ program built with -O1 or more \
             has them apart."
        ))
    }
}

/// All warnings, the most important first.
pub(super) fn of(record: &Record, observed: &Observed, notes: &Notes) -> Vec<Warning> {
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
             it: static programs, programs of Go, and locks inside the C library cannot be seen. Nor can those of a \
             process that may not make its file: for want of room on the disk, of rights, or by ulimit -f or -v."
                .to_owned(),
        );
    }
    for unreadable in &observed.unreadable {
        warn(
            "unreadable",
            format!("Left out, since it cannot be read: {unreadable}"),
        );
    }
    if let Some(message) = notes.still_waiting() {
        warn("still_waiting", message);
    }
    if let Some(message) = notes.shared_sites() {
        warn("shared_sites", message);
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
        warn("futexes", FUTEXES.to_owned());
    }
    warnings
}

const FUTEXES: &str = "Of futexes that the program waits on itself (locks of Rust's standard library and parking_lot) \
                       only waits in the kernel are seen: no uncontended acquisitions, no holds. Idle waiting is \
                       told apart by the functions that wait, so in a program without symbols it is among them.";

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
