//! Rows of tables that more than one renderer has; `name` makes names from outside safe there.

use crate::evidence::{crash_counts, probe_crash_counts};
use crate::format::{count, duration_ns, fixed_point, optional};
use crate::model::{RunResult, Series};
use crate::wording::{crash_rate, series_name};

/// Configuration and regime: the first two cells of most rows.
pub(crate) fn head(run: &RunResult, series: &Series, name: fn(&str) -> String) -> [String; 2] {
    [
        name(&series_name(series)),
        name(&series.regime().label(run)),
    ]
}

/// Latency and fairness of each series that has either: configuration, regime, median, 90%, 99%, largest,
/// fairness.
pub(crate) fn latency(run: &RunResult, name: fn(&str) -> String) -> Vec<Vec<String>> {
    run.series
        .iter()
        .filter(|series| series.latency.is_some() || series.fairness.is_some())
        .map(|series| {
            let latency = series.latency.as_ref();
            let times = [
                latency.map(|l| l.p50_ns),
                latency.map(|l| l.p90_ns),
                latency.map(|l| l.p99_ns),
                latency.map(|l| l.max_ns),
            ]
            .map(|ns| optional(ns, duration_ns));
            let fairness = optional(series.fairness, |index| fixed_point(index, 3));
            head(run, series, name)
                .into_iter()
                .chain(times)
                .chain([fairness])
                .collect()
        })
        .collect()
}

/// How often the trials of each series crashed, probes among them where one of theirs did:
/// configuration, regime, trials, crashed, rate.
pub(crate) fn crash_rates(run: &RunResult, name: fn(&str) -> String) -> Vec<[String; 5]> {
    let crashed = probe_crash_counts(run).filter(|(_, crashes)| crashes.crashed > 0);
    crash_counts(run)
        .chain(crashed)
        .map(|(series, crashes)| {
            [
                name(&series_name(series)),
                name(&series.regime().label(run)),
                count(crashes.trials),
                count(crashes.crashed),
                crash_rate(crashes),
            ]
        })
        .collect()
}

/// Every crash: configuration, regime, block, signal, iteration, thread, last words.
pub(crate) fn crash_events(run: &RunResult, name: fn(&str) -> String) -> Vec<[String; 7]> {
    crash_counts(run)
        .chain(probe_crash_counts(run))
        .flat_map(|(series, crashes)| crashes.events.iter().map(move |event| (series, event)))
        .map(|(series, event)| {
            [
                name(&series_name(series)),
                name(&series.regime().label(run)),
                name(&event.block),
                name(&event.signal),
                optional(event.iteration, |iteration| iteration.to_string()),
                optional(event.thread.as_deref(), name),
                name(&event.message),
            ]
        })
        .collect()
}
