//! The rows of the tables, the same in every renderer. Names in them are as they came from outside.

use super::model::{Blame, Estimate, Lock, LockKind, Record, Site, Times};
use crate::format::{
    MISSING, count, duration_ns, fixed_point, optional, percent_interval, plural, share,
};

pub(super) const LOCKS: [&str; 11] = [
    "Lock",
    "Time lost",
    "Taken",
    "Contended",
    "Held",
    "Wait p50",
    "Wait p99",
    "Wait max",
    "Hold p50",
    "Hold p99",
    "Hold max",
];

pub(super) fn lock(record: &Record, lock: &Lock) -> Vec<String> {
    let mut cells = vec![
        name(record, lock),
        total(&lock.wait),
        taken(lock.kind, lock.acquisitions),
        contended(lock),
        optional(lock.utilisation, held),
    ];
    cells.extend(quantiles(&lock.wait));
    cells.extend(quantiles(&lock.hold));
    cells
}

pub(super) const OWNERS: [&str; 5] = ["Whose", "Time lost", "Share", "Locks", "Taken"];

pub(super) const OWNERS_NOTE: &str = "Locks that everybody knows by a name are that part's; all others are the file's \
    that holds the code which takes them. Locks inside the C library (malloc, stdio) are taken without a call that could be seen, and \
    are not among these.";

/// Whose locks cost how much: those of a well-known part of the program by its name, the others by the file that
/// takes them.
pub(super) fn owners(record: &Record) -> Vec<Vec<String>> {
    let mut owners: Vec<(String, f64, u64, u64)> = Vec::new();
    for lock in &record.locks {
        let owner = owner(lock);
        let at = owners.iter().position(|(name, ..)| *name == owner);
        let at = at.unwrap_or_else(|| {
            owners.push((owner, 0.0, 0, 0));
            owners.len() - 1
        });
        let (_, wait_ns, locks, taken) = &mut owners[at];
        *wait_ns += lock.wait.total_ns;
        *locks += lock.locks;
        if has_holder(lock.kind) {
            *taken = taken.saturating_add(lock.acquisitions);
        }
    }
    owners.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.3.cmp(&a.3)));
    let all: f64 = owners.iter().map(|(_, wait_ns, ..)| wait_ns).sum();
    owners
        .into_iter()
        .map(|(name, wait_ns, locks, taken)| {
            let part = if all > 0.0 {
                share(wait_ns / all)
            } else {
                MISSING.to_owned()
            };
            vec![
                name,
                duration(wait_ns),
                part,
                count(locks),
                if taken > 0 {
                    count(taken)
                } else {
                    MISSING.to_owned()
                },
            ]
        })
        .collect()
}

/// The well-known name of a lock, else the file of the code that takes it.
fn owner(lock: &Lock) -> String {
    if lock.known {
        // A part, or one of several, belongs to the whole.
        let end = lock.name.find([',', '#']).unwrap_or(lock.name.len());
        return lock.name[..end].trim_end().to_owned();
    }
    let module = lock.sites.first().and_then(|site| site.module.clone());
    module.unwrap_or_else(|| "code of no file".to_owned())
}

pub(super) const SITES: [&str; 9] = [
    "Call site",
    "Made wait",
    "Waited",
    "Taken",
    "Contended",
    "Wait p50",
    "Wait p99",
    "Hold p50",
    "Hold p99",
];

/// A site of a lock.
pub(super) fn site(lock: &Lock, site: &Site) -> Vec<String> {
    let [wait_p50, wait_p99, _] = quantiles(&site.wait);
    let [hold_p50, hold_p99, _] = quantiles(&site.hold);
    vec![
        site.label(),
        // What is waited for by condition has no holder that could be seen.
        if has_holder(lock.kind) {
            duration(site.caused_ns)
        } else {
            MISSING.to_owned()
        },
        total(&site.wait),
        taken(lock.kind, site.acquisitions),
        count(site.contentions),
        wait_p50,
        wait_p99,
        hold_p50,
        hold_p99,
    ]
}

pub(super) const MORE: [&str; 8] = [
    "Lock",
    "Kind",
    "Held, interval",
    "Most waiting",
    "Threads",
    "Fairness",
    "Refused",
    "Waits timed",
];

pub(super) fn more(record: &Record, lock: &Lock) -> Vec<String> {
    let mut kind = vec![word(lock.kind).to_owned()];
    kind.extend(lock.properties.iter().cloned());
    vec![
        name(record, lock),
        kind.join(", "),
        optional(lock.utilisation.and_then(|held| held.ci), percent_interval),
        optional(lock.waiters_max, count),
        count(lock.threads),
        optional(lock.fairness, |index| fixed_point(index, 2)),
        count(lock.refused),
        timed(&lock.wait),
    ]
}

pub(super) const IDLE: [&str; 6] = ["Waited for", "Kind", "Waits", "In total", "Wait p50", "By"];

/// What was really waited for.
pub(super) fn idle_locks(record: &Record) -> impl Iterator<Item = &Lock> {
    record.idle.iter().filter(|lock| lock.wait.count > 0)
}

pub(super) fn idle(record: &Record, lock: &Lock) -> Vec<String> {
    let [p50, ..] = quantiles(&lock.wait);
    vec![
        name(record, lock),
        word(lock.kind).to_owned(),
        count(lock.wait.count),
        total(&lock.wait),
        p50,
        lock.sites.first().map(Site::label).unwrap_or_default(),
    ]
}

pub(super) const BLAMES: [&str; 6] = ["Waited", "For", "Lock", "Waits", "In total", "Longest"];

pub(super) fn blame(blame: &Blame) -> Vec<String> {
    vec![
        blame.waiter.clone(),
        blame.owner.clone().unwrap_or_else(|| "not seen".to_owned()),
        blame.lock.clone(),
        count(blame.count),
        duration_ns(blame.wait_ns),
        duration_ns(blame.max_ns as f64),
    ]
}

pub(super) const THREADS: [&str; 6] = [
    "Thread",
    "Lock",
    "Acquisitions",
    "Contended",
    "Waited",
    "Held",
];

/// The threads of some locks.
pub(super) fn threads<'a>(locks: impl Iterator<Item = &'a Lock>) -> Vec<Vec<String>> {
    locks
        .flat_map(|lock| {
            lock.shares.iter().map(|share| {
                vec![
                    format!("{} {}", share.thread, share.tid),
                    lock.name.clone(),
                    taken(lock.kind, share.acquisitions),
                    count(share.contentions),
                    duration(share.wait_ns as f64),
                    if has_holder(lock.kind) {
                        duration(share.hold_ns as f64)
                    } else {
                        MISSING.to_owned()
                    },
                ]
            })
        })
        .collect()
}

/// How much was timed, as a sentence.
pub(super) fn sampling(record: &Record) -> String {
    let sampling = &record.sampling;
    let of = |timed: u64, all: u64| match (timed, all) {
        (_, 0) => MISSING.to_owned(),
        (timed, all) if timed >= all => format!("all {}", count(all)),
        (timed, all) => format!("{} of {}", count(timed), count(all)),
    };
    format!(
        "Timed: {} waits, {} holds. Totals of what was timed in part are estimates, with intervals in \
         record.json; quantiles are those of a histogram, within 3.2%.",
        of(sampling.waits_timed, sampling.contentions),
        of(sampling.holds_timed, sampling.acquisitions)
    )
}

/// Locks that nobody waited for and that are told of after those that were waited for.
const FREE: usize = 10;
/// Locks whose sites are told of where nobody waited.
const UNCONTENDED: usize = 3;

/// The locks that are told of: at most `rows` that were waited for, and a few that nobody waited for; and how many are
/// not.
pub(super) fn told(record: &Record, rows: usize) -> (Vec<&Lock>, usize) {
    let is_waited_for = |lock: &&Lock| lock.wait.total_ns > 0.0;
    let mut told: Vec<&Lock> = record
        .locks
        .iter()
        .filter(is_waited_for)
        .take(rows)
        .collect();
    let free = record.locks.iter().filter(|lock| !is_waited_for(lock));
    told.extend(free.take(FREE));
    let rest = record.locks.len() - told.len();
    (told, rest)
}

pub(super) fn more_locks(n: usize) -> String {
    format!("{} more are in record.json.", plural(n as u64, "lock"))
}

/// The locks whose sites are told of: those that were waited for, or where none was, those taken most.
pub(super) fn detailed(record: &Record, most: usize) -> Vec<&Lock> {
    let locks = || record.locks.iter();
    let is_waited_for = |lock: &&Lock| lock.wait.total_ns > 0.0;
    if locks().any(|lock| is_waited_for(&lock)) {
        locks().filter(is_waited_for).take(most).collect()
    } else {
        locks().take(UNCONTENDED).collect()
    }
}

/// A sum, with ± where it is an estimate.
pub(super) fn total(times: &Times) -> String {
    match times.total_ci_ns {
        Some([lo, hi]) => format!(
            "{} ± {}",
            duration_ns(times.total_ns),
            duration_ns((hi - lo) / 2.0)
        ),
        None => duration(times.total_ns),
    }
}

/// A duration; nothing is told without a unit, since 0.00 ns looks like a measurement.
fn duration(ns: f64) -> String {
    if ns > 0.0 {
        duration_ns(ns)
    } else {
        "0".to_owned()
    }
}

/// A lock's name, of how many it is, and whose where there are several processes.
pub(super) fn name(record: &Record, lock: &Lock) -> String {
    let several = if lock.locks > 1 {
        format!(" ({} locks)", count(lock.locks))
    } else {
        String::new()
    };
    let process = record.run.processes.get(lock.process);
    let process = process
        .filter(|_| record.run.processes.len() > 1)
        .map_or_else(String::new, |process| format!(", process {}", process.pid));
    format!("{}{several}{process}", lock.name)
}

/// Whether it is held by those who took it, and was seen to be.
fn has_holder(kind: LockKind) -> bool {
    matches!(
        kind,
        LockKind::Mutex | LockKind::RwLock | LockKind::SpinLock
    )
}

/// How often it was taken; of what is waited for by condition, and of futexes, that is not seen.
fn taken(kind: LockKind, acquisitions: u64) -> String {
    if has_holder(kind) || kind == LockKind::Semaphore {
        count(acquisitions)
    } else {
        MISSING.to_owned()
    }
}

/// An interval wider than the figure itself, and not of next to nothing, is what is known.
const NEXT_TO_NOTHING: f64 = 0.05;

/// A share of time held: where it is not known well, only its interval.
pub(super) fn held(held: Estimate) -> String {
    match held.ci {
        Some([lo, hi]) if hi > NEXT_TO_NOTHING && hi - lo > held.value => {
            format!("{} to {}", share(lo), share(hi))
        }
        _ => share(held.value),
    }
}

fn contended(lock: &Lock) -> String {
    // A wait for a condition may end without it.
    let is_share = has_holder(lock.kind) && lock.acquisitions > 0;
    if !is_share || lock.acquisitions < lock.contentions {
        return count(lock.contentions);
    }
    format!(
        "{} ({})",
        count(lock.contentions),
        share(lock.contentions as f64 / lock.acquisitions as f64)
    )
}

fn quantiles(times: &Times) -> [String; 3] {
    [times.p50_ns, times.p99_ns, times.max_ns]
        .map(|value| optional(value, |ns| duration_ns(ns as f64)))
}

fn timed(times: &Times) -> String {
    format!("{} of {}", count(times.timed), count(times.count))
}

pub(super) fn word(kind: LockKind) -> &'static str {
    match kind {
        LockKind::Mutex => "mutex",
        LockKind::RwLock => "rwlock",
        LockKind::SpinLock => "spinlock",
        LockKind::Condvar => "condition variable",
        LockKind::Semaphore => "semaphore",
        LockKind::Barrier => "barrier",
        LockKind::Futex => "futex",
    }
}
