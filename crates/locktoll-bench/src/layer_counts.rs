//! What the Vulkan layer has counted under a program, as lock events of a trial.

use std::path::{Path, PathBuf};

use locktoll_trace::{Durations as Recorded, LockClass, Trace};

use crate::samples::{Durations, LockEvents};

/// Counter of submission calls.
pub(crate) const SUBMITS: &str = "submissions";
/// Counter of recorded dispatches.
pub(crate) const DISPATCHES: &str = "dispatches";
/// Counter of recorded draws.
pub(crate) const DRAWS: &str = "draws";

/// Where the layer under a process leaves its counts, in the folder that it was told.
pub fn trace_of(folder: &Path, process: u32) -> PathBuf {
    folder.join(format!("{process}.trace"))
}

/// A counter of all processes together.
pub(crate) fn count(traces: &[Trace], name: &str) -> u64 {
    traces
        .iter()
        .filter_map(|trace| trace.counters.get(name))
        .sum()
}

/// The events of all lock classes of all processes together.
pub(crate) fn lock_events(traces: &[Trace]) -> LockEvents {
    let classes: Vec<&LockClass> = traces.iter().flat_map(|trace| &trace.classes).collect();
    let sum = |of: fn(&LockClass) -> u64| classes.iter().map(|class| of(class)).sum();
    let merged = |of: fn(&LockClass) -> &Recorded| {
        let mut all = Recorded::new();
        for class in &classes {
            all.merge(of(class));
        }
        durations(&all)
    };
    LockEvents {
        acquisitions: sum(|class| class.acquisitions),
        contentions: sum(|class| class.contentions),
        wait: merged(|class| &class.wait),
        hold: merged(|class| &class.hold),
        hold_sample_every: classes.first().map_or(0, |class| class.hold_sample_every),
        lent: sum(|class| class.lent),
    }
}

fn durations(timing: &Recorded) -> Durations {
    Durations {
        count: timing.count,
        total_ns: timing.total_ns,
        p50_ns: timing.quantile_ns(0.5),
        p99_ns: timing.quantile_ns(0.99),
        max_ns: timing.max_ns,
    }
}
