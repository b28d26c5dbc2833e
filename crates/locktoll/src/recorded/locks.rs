//! Points put together: first to call sites, then to locks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use locktoll_report::record::model::{Estimate, Lock, LockKind, Site, ThreadShare};
use locktoll_trace::Kind;
use locktoll_trace::recording::{self, LockBits, Mode, Point};

use super::names::{LockName, Names, SiteName};
use super::observed::ObservedProcess;
use super::times::{Drawn, Gathered};

/// A lock, and the points of the recording that it was made of.
pub(super) struct Numbered {
    pub(super) lock: Lock,
    /// Who waits for it waits for something to happen, and not for a lock.
    pub(super) is_idle: bool,
    pub(super) points: Vec<usize>,
}

const PROPERTIES: [(LockBits, &str); 8] = [
    (LockBits::RECURSIVE, "recursive"),
    (LockBits::ERROR_CHECKING, "error-checking"),
    (LockBits::ROBUST, "robust"),
    (LockBits::PRIORITY_INHERIT, "priority-inheritance"),
    (LockBits::PRIORITY_PROTECT, "priority-protection"),
    (LockBits::PROCESS_SHARED, "shared between processes"),
    (LockBits::ADAPTIVE, "adaptive"),
    (LockBits::C11, "C11"),
];

/// The locks of one process.
pub(super) fn of_process(
    process: &ObservedProcess,
    index: usize,
    wall_ns: u64,
    names: &Names<'_>,
) -> Vec<Numbered> {
    // The same memory may have been a lock of another kind before.
    let mut by_lock: BTreeMap<(u64, LockKind), Vec<usize>> = BTreeMap::new();
    for (at, point) in process.recording.points.iter().enumerate() {
        if let Some(kind) = kind(point.kind) {
            by_lock.entry((point.lock, kind)).or_default().push(at);
        }
    }
    let built = |points: Vec<usize>, kind: LockKind| {
        let (lock, name) = lock(process, (index, wall_ns), kind, &points, names);
        let numbered = Numbered {
            lock,
            is_idle: name.is_idle,
            points,
        };
        (numbered, name)
    };
    let mut found: Vec<Numbered> = Vec::new();
    // What has one name may be several locks: CPython's GIL has two condition variables.
    let mut together: BTreeMap<(String, LockKind), Vec<usize>> = BTreeMap::new();
    for ((_, kind), points) in by_lock {
        let (numbered, name) = built(points, kind);
        if name.together {
            let key = (name.text, kind);
            together.entry(key).or_default().extend(numbered.points);
        } else {
            found.push(numbered);
        }
    }
    found.extend(
        together
            .into_iter()
            .map(|((_, kind), points)| built(points, kind).0),
    );
    number_namesakes(&mut found);
    found
}

/// Tells locks of the same name apart by numbers, in the order of the time lost.
fn number_namesakes(found: &mut [Numbered]) {
    found.sort_by(|a, b| b.lock.wait.total_ns.total_cmp(&a.lock.wait.total_ns));
    let mut seen: HashMap<(String, LockKind), usize> = HashMap::new();
    for numbered in &*found {
        *seen
            .entry((numbered.lock.name.clone(), numbered.lock.kind))
            .or_default() += 1;
    }
    seen.retain(|_, count| *count > 1);
    let mut next: HashMap<(String, LockKind), usize> = HashMap::new();
    for Numbered { lock, .. } in found {
        let key = (lock.name.clone(), lock.kind);
        if seen.contains_key(&key) {
            let number = next.entry(key).or_default();
            *number += 1;
            lock.name = format!("{} #{number}", lock.name);
        }
    }
}

/// The kinds that a recording is about; another program's trace may hold others.
pub(super) fn kind(kind: Kind) -> Option<LockKind> {
    Some(match kind {
        Kind::MUTEX => LockKind::Mutex,
        Kind::RWLOCK => LockKind::RwLock,
        Kind::SPINLOCK => LockKind::SpinLock,
        Kind::CONDVAR => LockKind::Condvar,
        Kind::SEMAPHORE => LockKind::Semaphore,
        Kind::BARRIER => LockKind::Barrier,
        Kind::FUTEX => LockKind::Futex,
        _ => return None,
    })
}

fn lock(
    process: &ObservedProcess,
    (index, wall_ns): (usize, u64),
    kind: LockKind,
    at: &[usize],
    names: &Names<'_>,
) -> (Lock, LockName) {
    let recording = &process.recording;
    let points: Vec<&Point> = at
        .iter()
        .filter_map(|&at| recording.points.get(at))
        .collect();
    let addresses: BTreeSet<u64> = points.iter().map(|point| point.lock).collect();
    let busiest = points
        .iter()
        .max_by_key(|point| (point.wait.total_ns, point.acquisitions));
    let address = busiest.map_or(0, |point| point.lock);
    let mut sites = sites(&points, &addresses, recording.hold_every, names);
    for (site, _) in &mut sites {
        let caused = recording
            .blames
            .iter()
            .filter(|blame| addresses.contains(&blame.lock) && blame.owner_site == site.address);
        let caused: u64 = caused
            .map(|blame| blame.wait_ns)
            .fold(0, u64::saturating_add);
        site.caused_ns = caused as f64;
    }
    // Who makes others wait is guilty; who waits may only be the victim.
    sites.sort_by(|(a, _), (b, _)| {
        b.caused_ns
            .total_cmp(&a.caused_ns)
            .then_with(|| b.wait.total_ns.total_cmp(&a.wait.total_ns))
            .then_with(|| b.acquisitions.cmp(&a.acquisitions))
    });
    let unnamed = names.site(0, &addresses);
    let first = sites.first().map_or(&unnamed, |(_, name)| name);
    let name = names.lock(address, kind, first);
    let (mut wait, mut hold) = (Gathered::default(), Gathered::default());
    for point in &points {
        add(point, recording.hold_every, &mut wait, &mut hold);
    }
    let shares = shares(recording, at);
    let bits = points
        .iter()
        .fold(LockBits::default(), |bits, point| bits | point.bits);
    let sum = |of: fn(&Point) -> u64| {
        points
            .iter()
            .map(|point| of(point))
            .fold(0, u64::saturating_add)
    };
    let counts_all = recording.mode != Mode::CONTENTIONS;
    // Of several locks together no share of time is known, since they may be held at once.
    let is_one = addresses.len() == 1 && address != 0;
    let lock = Lock {
        name: name.text.clone(),
        known: name.known,
        locks: addresses.len() as u64,
        kind,
        properties: PROPERTIES
            .iter()
            .filter(|(bit, _)| bits.contains(*bit))
            .map(|(_, name)| (*name).to_owned())
            .collect(),
        address,
        process: index,
        acquisitions: sum(|point| point.acquisitions),
        contentions: sum(|point| point.contentions),
        refused: sum(|point| point.refused),
        wait: wait.times(),
        hold: hold.times(),
        // Only where every acquisition is counted is the hold's total known.
        utilisation: hold
            .share_of(wall_ns)
            .filter(|_| counts_all && is_one)
            .map(|held| {
                if kind == LockKind::RwLock {
                    held
                } else {
                    at_most_one(held)
                }
            }),
        waiters_max: recording
            .locks
            .iter()
            .filter(|lock| addresses.contains(&lock.address) && self::kind(lock.kind) == Some(kind))
            .map(|lock| lock.waiting_max)
            .max(),
        threads: shares.len() as u64,
        fairness: fairness(&shares).filter(|_| counts_all),
        shares,
        sites: sites.into_iter().map(|(site, _)| site).collect(),
    };
    (lock, name)
}

/// One thread at a time holds a mutex. The estimate may say more where holds are as short as reading the clock, which is a
/// part of each that is timed.
fn at_most_one(held: Estimate) -> Estimate {
    Estimate {
        value: held.value.min(1.0),
        ci: held.ci.map(|ci| ci.map(|bound| bound.min(1.0))),
    }
}

/// Adds a point's durations. What of them was timed, the library decides: `wait_weight` and `times_all_holds` of
/// `inject/pthread`.
fn add(point: &Point, hold_every: u64, wait: &mut Gathered, hold: &mut Gathered) {
    let waits = Drawn {
        count: point.contentions,
        timed: point.waits_timed,
        resumed: 0,
        few: 256,
        weight: 16,
    };
    let holds = Drawn {
        count: point.acquisitions,
        timed: point.holds_timed,
        resumed: point.holds_resumed,
        few: 64,
        weight: hold_every,
    };
    wait.add(&point.wait, &waits);
    hold.add(&point.hold, &holds);
}

/// The sites of a lock: points whose calls have the same name are one site.
fn sites(
    points: &[&Point],
    locks: &BTreeSet<u64>,
    hold_every: u64,
    names: &Names<'_>,
) -> Vec<(Site, SiteName)> {
    let mut by_site: BTreeMap<u64, Vec<&Point>> = BTreeMap::new();
    for point in points {
        by_site.entry(point.site).or_default().push(point);
    }
    by_site
        .into_iter()
        .map(|(address, points)| {
            let name = names.site(address, locks);
            let (mut wait, mut hold) = (Gathered::default(), Gathered::default());
            let mut counts = [0_u64; 3];
            for point in points {
                add(point, hold_every, &mut wait, &mut hold);
                let further = [point.acquisitions, point.contentions, point.refused];
                for (sum, more) in counts.iter_mut().zip(further) {
                    *sum = sum.saturating_add(more);
                }
            }
            let [acquisitions, contentions, refused] = counts;
            let site = Site {
                function: name.function.clone(),
                location: name.location.clone(),
                module: name.module.clone(),
                address,
                inlined: name.inlined.clone(),
                acquisitions,
                contentions,
                refused,
                caused_ns: 0.0,
                wait: wait.times(),
                hold: hold.times(),
            };
            (site, name)
        })
        .collect()
}

/// What each thread did with some points.
fn shares(recording: &recording::Recording, points: &[usize]) -> Vec<ThreadShare> {
    let mut by_thread: BTreeMap<usize, ThreadShare> = BTreeMap::new();
    let of_lock = recording
        .shares
        .iter()
        .filter(|share| points.contains(&share.point));
    for share in of_lock {
        let Some(thread) = recording.threads.get(share.thread) else {
            continue;
        };
        let sum = by_thread
            .entry(share.thread)
            .or_insert_with(|| ThreadShare {
                tid: thread.tid,
                thread: thread.name.clone(),
                acquisitions: 0,
                contentions: 0,
                wait_ns: 0,
                hold_ns: 0,
            });
        sum.acquisitions = sum.acquisitions.saturating_add(share.acquisitions);
        sum.contentions = sum.contentions.saturating_add(share.contentions);
        sum.wait_ns = sum.wait_ns.saturating_add(share.wait_ns);
        sum.hold_ns = sum.hold_ns.saturating_add(share.hold_ns);
    }
    let mut shares: Vec<ThreadShare> = by_thread.into_values().collect();
    shares.sort_by(|a, b| b.acquisitions.cmp(&a.acquisitions).then(a.tid.cmp(&b.tid)));
    shares
}

/// (Σx)² / (n·Σx²) of the threads' acquisitions x.
///
/// Source: Jain, Chiu and Hawe, "A quantitative measure of fairness and discrimination for resource
/// allocation in shared computer systems", DEC-TR-301 (1984), equation 2.
fn fairness(shares: &[ThreadShare]) -> Option<f64> {
    let counts = || shares.iter().map(|share| share.acquisitions as f64);
    let (sum, squares) = (counts().sum::<f64>(), counts().map(|x| x * x).sum::<f64>());
    (shares.len() > 1 && squares > 0.0).then(|| sum * sum / (shares.len() as f64 * squares))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(acquisitions: u64) -> ThreadShare {
        ThreadShare {
            tid: 1,
            thread: String::new(),
            acquisitions,
            contentions: 0,
            wait_ns: 0,
            hold_ns: 0,
        }
    }

    #[test]
    fn fairness_is_jains_index() {
        let index =
            |counts: &[u64]| fairness(&counts.iter().map(|&n| share(n)).collect::<Vec<_>>());
        assert_eq!(index(&[5, 5, 5, 5]), Some(1.0));
        assert_eq!(index(&[8, 0, 0, 0]), Some(0.25));
        // (1 + 3)² / (2·(1 + 9)).
        assert_eq!(index(&[1, 3]), Some(0.8));
        assert_eq!(index(&[7]), None);
        assert_eq!(index(&[0, 0]), None);
    }
}
