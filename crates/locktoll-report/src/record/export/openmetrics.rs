//! `OpenMetrics` text, for Prometheus and what reads its format.
//!
//! Specification: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.

use std::fmt::Write as _;

use crate::record::model::{Lock, Record, Times};
use crate::text::plain;

const NS_PER_S: f64 = 1e9;

/// A family of metrics: what it is, and its value of one lock.
struct Family {
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Lock) -> Option<f64>,
}

const FAMILIES: [Family; 7] = [
    Family {
        name: "locktoll_acquisitions",
        kind: "counter",
        unit: "",
        help: "Locks taken.",
        value: |lock| Some(lock.acquisitions as f64),
    },
    Family {
        name: "locktoll_contentions",
        kind: "counter",
        unit: "",
        help: "Acquisitions that did not find the lock free.",
        value: |lock| Some(lock.contentions as f64),
    },
    Family {
        name: "locktoll_refusals",
        kind: "counter",
        unit: "",
        help: "Attempts without waiting that found the lock taken.",
        value: |lock| Some(lock.refused as f64),
    },
    Family {
        name: "locktoll_wait_seconds",
        kind: "counter",
        unit: "seconds",
        help: "Time from asking for a lock to having it, of all threads.",
        value: |lock| Some(lock.wait.total_ns / NS_PER_S),
    },
    Family {
        name: "locktoll_hold_seconds",
        kind: "counter",
        unit: "seconds",
        help: "Time from having a lock to releasing it, estimated from the timed holds.",
        value: |lock| (lock.hold.timed > 0).then_some(lock.hold.total_ns / NS_PER_S),
    },
    Family {
        name: "locktoll_utilisation_ratio",
        kind: "gauge",
        unit: "ratio",
        help: "Share of the process's time during which the lock was held.",
        value: |lock| lock.utilisation.map(|held| held.value),
    },
    Family {
        name: "locktoll_waiters_max",
        kind: "gauge",
        unit: "",
        help: "Most threads that were seen waiting at once.",
        value: |lock| lock.waiters_max.map(|waiters| waiters as f64),
    },
];

/// Quantiles told of waits and holds.
const QUANTILES: [(&str, Quantile); 3] = [
    ("0.5", |times| times.p50_ns),
    ("0.99", |times| times.p99_ns),
    ("1", |times| times.max_ns),
];
type Quantile = fn(&Times) -> Option<u64>;

/// The durations of a lock: name, help, and where they are.
type Durations = (&'static str, &'static str, fn(&Lock) -> &Times);
const DURATIONS: [Durations; 2] = [
    (
        "locktoll_wait_quantile_seconds",
        "Quantiles of waits.",
        |lock| &lock.wait,
    ),
    (
        "locktoll_hold_quantile_seconds",
        "Quantiles of timed holds.",
        |lock| &lock.hold,
    ),
];

/// Counters and gauges of each lock, and the quantiles of its waits and holds.
#[must_use]
pub fn to_openmetrics(record: &Record) -> String {
    let mut text = String::new();
    let locks = || record.locks.iter().chain(&record.idle);
    for family in &FAMILIES {
        let suffix = if family.kind == "counter" {
            "_total"
        } else {
            ""
        };
        let mut samples = String::new();
        for lock in locks() {
            if let Some(value) = (family.value)(lock).filter(|value| value.is_finite()) {
                let labels = labels(record, lock);
                // Writing to a String cannot fail.
                let _ = writeln!(samples, "{}{suffix}{{{labels}}} {value}", family.name);
            }
        }
        add(&mut text, family, &samples);
    }
    for (name, help, of) in DURATIONS {
        let mut samples = String::new();
        for lock in locks() {
            for (quantile, value) in QUANTILES {
                if let Some(ns) = value(of(lock)) {
                    let labels = labels(record, lock);
                    let seconds = ns as f64 / NS_PER_S;
                    let _ = writeln!(
                        samples,
                        "{name}{{{labels},quantile=\"{quantile}\"}} {seconds}"
                    );
                }
            }
        }
        let family = Family {
            name,
            kind: "gauge",
            unit: "seconds",
            help,
            value: |_| None,
        };
        add(&mut text, &family, &samples);
    }
    text + "# EOF\n"
}

/// Adds a family; without samples, nothing.
fn add(text: &mut String, family: &Family, samples: &str) {
    let Family {
        name,
        kind,
        unit,
        help,
        ..
    } = family;
    if samples.is_empty() {
        return;
    }
    let _ = writeln!(text, "# TYPE {name} {kind}");
    if !unit.is_empty() {
        let _ = writeln!(text, "# UNIT {name} {unit}");
    }
    let _ = writeln!(text, "# HELP {name} {help}");
    *text += samples;
}

fn labels(record: &Record, lock: &Lock) -> String {
    let process = record.run.processes.get(lock.process);
    let trace = process.map_or("", |process| process.trace.as_str());
    format!(
        "lock=\"{}\",kind=\"{}\",address=\"{:#x}\",process=\"{}\"",
        escaped(&lock.name),
        super::super::rows::word(lock.kind),
        lock.address,
        escaped(trace.trim_end_matches(".trace"))
    )
}

fn escaped(value: &str) -> String {
    plain(value).replace('\\', "\\\\").replace('"', "\\\"")
}
