//! The rows of the tables, the same in every renderer. Names in them are as they came from outside.

use super::model::{Blame, Lock, LockKind, Record, Site, Times};
use crate::format::{MISSING, count, duration_ns, fixed_point, optional, percent_interval, share};

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

pub(super) fn lock(lock: &Lock) -> Vec<String> {
    let mut cells = vec![
        lock.name.clone(),
        total(&lock.wait),
        count(lock.acquisitions),
        contended(lock),
        optional(lock.utilisation, |held| share(held.value)),
    ];
    cells.extend(quantiles(&lock.wait));
    cells.extend(quantiles(&lock.hold));
    cells
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

pub(super) fn site(site: &Site) -> Vec<String> {
    let [wait_p50, wait_p99, _] = quantiles(&site.wait);
    let [hold_p50, hold_p99, _] = quantiles(&site.hold);
    vec![
        site.label(),
        duration_ns(site.caused_ns),
        total(&site.wait),
        count(site.acquisitions),
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

pub(super) fn more(lock: &Lock) -> Vec<String> {
    let mut kind = vec![word(lock.kind).to_owned()];
    kind.extend(lock.properties.iter().cloned());
    vec![
        lock.name.clone(),
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

pub(super) fn idle(lock: &Lock) -> Vec<String> {
    let [p50, ..] = quantiles(&lock.wait);
    vec![
        lock.name.clone(),
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
                    count(share.acquisitions),
                    count(share.contentions),
                    duration_ns(share.wait_ns as f64),
                    duration_ns(share.hold_ns as f64),
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

/// A sum, with ± where it is an estimate.
pub(super) fn total(times: &Times) -> String {
    match times.total_ci_ns {
        Some([lo, hi]) => format!(
            "{} ± {}",
            duration_ns(times.total_ns),
            duration_ns((hi - lo) / 2.0)
        ),
        None => duration_ns(times.total_ns),
    }
}

fn contended(lock: &Lock) -> String {
    // A wait for a condition may end without it.
    if lock.acquisitions < lock.contentions || lock.acquisitions == 0 {
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
