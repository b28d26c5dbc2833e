//! Waits shared out over call stacks, and over those who were waited for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use locktoll_report::record::model::{Blame, Stack};
use locktoll_symbols::{StackCopy, StackUnwinder, Symbolizer, is_lock_internal};
use locktoll_trace::recording::Why;

use super::locks::Numbered;
use super::names::{Names, function};
use super::observed::ObservedProcess;

/// The sampled stacks of a process, unwound.
#[derive(Debug, Default)]
pub(super) struct Callers {
    samples: Vec<Sample>,
    /// The samples of a call site, by its address and the lock's, and of all locks.
    by_site: HashMap<(u64, Option<u64>), Vec<usize>>,
}

#[derive(Debug)]
struct Sample {
    point: usize,
    is_wait: bool,
    ns: u64,
    /// Return addresses, the innermost first.
    addresses: Vec<u64>,
}

impl Callers {
    /// What was sampled at a site by one of some locks, and where that was not, by any: for each stack its return
    /// addresses, the site first, and its time; the longest first.
    pub(super) fn at(&self, site: u64, locks: &BTreeSet<u64>) -> Vec<(&[u64], u64)> {
        let of = |lock| {
            self.by_site
                .get(&(site, lock))
                .map_or(&[][..], Vec::as_slice)
        };
        let mut found: Vec<usize> = locks
            .iter()
            .flat_map(|&lock| of(Some(lock)))
            .copied()
            .collect();
        if found.is_empty() {
            found = of(None).to_vec();
        }
        let samples = found.iter().filter_map(|&at| self.samples.get(at));
        let mut stacks: Vec<(&[u64], u64)> = samples
            .map(|sample| (sample.addresses.as_slice(), sample.ns))
            .collect();
        stacks.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
        stacks
    }
}

/// Unwinds what was copied.
pub(super) fn callers(process: &ObservedProcess, symbolizer: &Symbolizer) -> Callers {
    let mut unwinder = StackUnwinder::new(symbolizer, &process.maps);
    let recording = &process.recording;
    let mut callers = Callers::default();
    for sample in &recording.stacks {
        let Some(point) = recording.points.get(sample.point) else {
            continue;
        };
        let addresses = unwinder.unwind(&StackCopy {
            pc: sample.pc,
            sp: sample.sp,
            fp: sample.fp,
            bytes: sample.bytes.clone(),
        });
        let index = callers.samples.len();
        callers.samples.push(Sample {
            point: sample.point,
            is_wait: sample.why == Why::WAIT,
            ns: sample.ns,
            addresses,
        });
        for lock in [Some(point.lock), None] {
            let key = (point.site, lock);
            callers.by_site.entry(key).or_default().push(index);
        }
    }
    callers
}

/// The waits of each point, shared out over the stacks that were sampled there by the time of each. A
/// point without a sample has its call site alone.
pub(super) fn weighted(
    process: &ObservedProcess,
    locks: &[Numbered],
    names: &Names<'_>,
    callers: &Callers,
) -> Vec<Stack> {
    let mut by_point: BTreeMap<usize, Vec<&Sample>> = BTreeMap::new();
    for sample in callers.samples.iter().filter(|sample| sample.is_wait) {
        by_point.entry(sample.point).or_default().push(sample);
    }
    let mut together: BTreeMap<(String, Vec<String>), (f64, f64)> = BTreeMap::new();
    // Idle waiting would dwarf everything else.
    let contended = locks.iter().filter(|numbered| !numbered.is_idle);
    let points =
        contended.flat_map(|numbered| numbered.points.iter().map(move |&at| (&numbered.lock, at)));
    for (lock, at) in points {
        let Some(point) = process.recording.points.get(at) else {
            continue;
        };
        let site = lock.sites.iter().find(|site| site.address == point.site);
        let share = match site {
            // A site may have several points where its lock changed its properties.
            Some(site) if site.contentions > 0 => {
                point.contentions as f64 / site.contentions as f64
            }
            _ => continue,
        };
        let wait_ns = site.map_or(0.0, |site| site.wait.total_ns) * share;
        let waits = point.contentions as f64;
        let none = Vec::new();
        let samples = by_point.get(&at).unwrap_or(&none);
        let alone = [point.site];
        let sampled: Vec<(&[u64], f64)> = samples
            .iter()
            .map(|sample| (sample.addresses.as_slice(), sample.ns as f64))
            .collect();
        let total: f64 = sampled.iter().map(|(_, ns)| ns).sum();
        let shared: Vec<(&[u64], f64)> = if total > 0.0 {
            sampled
        } else {
            vec![(alone.as_slice(), 1.0)]
        };
        let total = if total > 0.0 { total } else { 1.0 };
        for (addresses, ns) in shared {
            let key = (lock.name.clone(), path(addresses, names));
            let sum = together.entry(key).or_default();
            sum.0 += waits * ns / total;
            sum.1 += wait_ns * ns / total;
        }
    }
    together
        .into_iter()
        .map(|((lock, frames), (waits, wait_ns))| Stack {
            lock,
            frames,
            waits,
            wait_ns,
        })
        .collect()
}

/// Names of functions, the outermost first, without those that only pass on to the lock.
fn path(addresses: &[u64], names: &Names<'_>) -> Vec<String> {
    let mut frames: Vec<_> = addresses
        .iter()
        .flat_map(|&address| names.frames(address))
        .collect();
    let passed_on = frames
        .iter()
        .take_while(|frame| is_lock_internal(frame))
        .count();
    // Something must be left to show.
    frames.drain(..passed_on.min(frames.len().saturating_sub(1)));
    frames.iter().rev().map(function).collect()
}

/// Who waited for whom.
pub(super) fn blames(
    process: &ObservedProcess,
    locks: &[Numbered],
    names: &Names<'_>,
) -> Vec<Blame> {
    let points = &process.recording.points;
    let lock_name = |address: u64| {
        let is_there = |at: &usize| points.get(*at).is_some_and(|point| point.lock == address);
        locks
            .iter()
            .find(|numbered| numbered.points.iter().any(is_there))
            .map_or_else(|| format!("{address:#x}"), |found| found.lock.name.clone())
    };
    let label = |site: u64, lock: u64| names.site(site, &BTreeSet::from([lock])).label();
    process
        .recording
        .blames
        .iter()
        .map(|blame| Blame {
            lock: lock_name(blame.lock),
            waiter: label(blame.waiter_site, blame.lock),
            owner: (blame.owner_site != 0).then(|| label(blame.owner_site, blame.lock)),
            count: blame.count,
            wait_ns: blame.wait_ns as f64,
            max_ns: blame.max_ns,
        })
        .collect()
}

/// Blames of the same names put together, the longest waits first.
pub(super) fn together(blames: Vec<Blame>) -> Vec<Blame> {
    let mut by_name: BTreeMap<(String, String, Option<String>), Blame> = BTreeMap::new();
    for blame in blames {
        let key = (
            blame.lock.clone(),
            blame.waiter.clone(),
            blame.owner.clone(),
        );
        match by_name.get_mut(&key) {
            Some(sum) => {
                sum.count = sum.count.saturating_add(blame.count);
                sum.wait_ns += blame.wait_ns;
                sum.max_ns = sum.max_ns.max(blame.max_ns);
            }
            None => {
                by_name.insert(key, blame);
            }
        }
    }
    let mut blames: Vec<Blame> = by_name.into_values().collect();
    blames.sort_by(|a, b| b.wait_ns.total_cmp(&a.wait_ns));
    blames
}
