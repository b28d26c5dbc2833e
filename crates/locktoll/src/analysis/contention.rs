//! Lock events and utilisations of one cell, summed over its trials.

use locktoll_bench::plan::Cell;
use locktoll_bench::samples::{Durations, LockEvents, Measurement};
use locktoll_guard::Strategy;
use locktoll_report::model::{Contention, Timing, Utilisation};

/// Sums the lock events of counted trials; `None` where nothing was counted.
pub(super) fn sum(measured: &[&Measurement], cell: &Cell) -> Option<Contention> {
    if !cell.config.takes_locks() {
        return None;
    }
    let counted: Vec<(&LockEvents, &Measurement)> = measured
        .iter()
        .filter_map(|m| Some((m.lock_events.as_ref()?, *m)))
        .collect();
    let (first, _) = counted.first()?;
    let add =
        |of: fn(&LockEvents) -> u64| counted.iter().map(|(events, _)| of(events)).sum::<u64>();
    let acquisitions = add(|events| events.acquisitions);
    let contentions = add(|events| events.contentions);
    let ops = counted.iter().map(|(_, m)| ops(m)).sum::<u64>();
    let of = |part: u64, whole: u64| {
        if whole == 0 {
            0.0
        } else {
            part as f64 / whole as f64
        }
    };
    let waits: Vec<Durations> = counted.iter().map(|(events, _)| events.wait).collect();
    let holds: Vec<Durations> = counted.iter().map(|(events, _)| events.hold).collect();
    Some(Contention {
        ops,
        acquisitions,
        contentions,
        rate: of(contentions, acquisitions),
        acquisitions_per_op: of(acquisitions, ops),
        wait: timing(&waits),
        hold: timing(&holds),
        hold_sample_every: first.hold_sample_every,
        lent: add(|events| events.lent),
        expected_rate: expected_rate(measured, cell),
    })
}

/// How busy lock, device and CPU were, as the mean over trials.
pub(super) fn utilisation(
    measured: &[&Measurement],
    engines: Option<u32>,
    cores: Option<u64>,
) -> Option<Utilisation> {
    if measured.is_empty() {
        return None;
    }
    let mean = |of: &dyn Fn(&Measurement) -> f64| {
        measured.iter().map(|m| of(m)).sum::<f64>() / measured.len() as f64
    };
    let elapsed = |m: &Measurement| m.elapsed_ns() as f64;
    let per_op = |count: u64, m: &Measurement| count as f64 / ops(m).max(1) as f64;
    Some(Utilisation {
        lock: lock_busy(measured),
        device: engines.and_then(|engines| {
            let busy = |m: &Measurement| Some(m.device_busy_ns? as f64 / elapsed(m));
            let all: Option<Vec<f64>> = measured.iter().map(|m| busy(m)).collect();
            let all = all?;
            Some(all.iter().sum::<f64>() / all.len() as f64 / f64::from(engines.max(1)))
        }),
        cpu: cores.map(|cores| {
            mean(&|m| (m.usage.user_ns + m.usage.system_ns) as f64 / (elapsed(m) * cores as f64))
        }),
        voluntary_switches_per_op: Some(mean(&|m| per_op(m.usage.voluntary_switches, m))),
        involuntary_switches_per_op: Some(mean(&|m| per_op(m.usage.involuntary_switches, m))),
    })
}

/// Acquisitions per second × mean hold: the utilisation law (Denning and Buzen 1978).
fn lock_busy(measured: &[&Measurement]) -> Option<f64> {
    let counted: Vec<_> = measured
        .iter()
        .filter_map(|m| Some((m.lock_events.as_ref()?, m.elapsed_ns())))
        .collect();
    let acquisitions: u64 = counted.iter().map(|(events, _)| events.acquisitions).sum();
    let elapsed_ns: u64 = counted.iter().map(|(_, elapsed_ns)| elapsed_ns).sum();
    let samples: u64 = counted.iter().map(|(events, _)| events.hold.count).sum();
    let held_ns: u64 = counted.iter().map(|(events, _)| events.hold.total_ns).sum();
    (samples > 0 && elapsed_ns > 0)
        .then(|| acquisitions as f64 / elapsed_ns as f64 * (held_ns as f64 / samples as f64))
}

/// What an arrival would meet if threads asked for one common lock independently of each other:
/// each of the N threads holds it for ρ/N of the time, so the others hold it for ρ(N−1)/N.
fn expected_rate(measured: &[&Measurement], cell: &Cell) -> Option<f64> {
    let threads = f64::from(cell.threads?.get());
    (cell.config.lock()?.strategy() == Strategy::Global)
        .then(|| lock_busy(measured))
        .flatten()
        .map(|busy| (busy * (threads - 1.0) / threads).min(1.0))
}

fn ops(measured: &Measurement) -> u64 {
    measured
        .iterations
        .iter()
        .map(|iteration| iteration.ops)
        .sum()
}

/// Quantiles are the medians of the trials' own: trials are the unit of replication.
fn timing(trials: &[Durations]) -> Timing {
    let count: u64 = trials.iter().map(|trial| trial.count).sum();
    let total_ns: u64 = trials.iter().map(|trial| trial.total_ns).sum();
    let median_of = |of: fn(&Durations) -> Option<u64>| median(trials.iter().filter_map(of));
    Timing {
        count,
        mean_ns: (count > 0).then(|| total_ns as f64 / count as f64),
        p50_ns: median_of(|trial| trial.p50_ns),
        p99_ns: median_of(|trial| trial.p99_ns),
        max_ns: (count > 0).then(|| {
            trials
                .iter()
                .map(|trial| trial.max_ns)
                .max()
                .unwrap_or_default() as f64
        }),
    }
}

/// The median; `None` of nothing.
pub(super) fn median(values: impl Iterator<Item = u64>) -> Option<f64> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower as f64, upper as f64))
}
