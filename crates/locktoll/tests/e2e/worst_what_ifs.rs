//! Results of `record --what-if` that are hard to draw: large and tiny times, wide intervals or none, enormous
//! bounds or none, many blocks, names with markup in them.
//!
//! The figures are invented, and set so that they are awkward.

use locktoll_report::model::Environment;
use locktoll_report::what_if::WhatIf;
use locktoll_report::what_if::model::{
    Change, Chosen, Cut, Handover, Metric, ReplicaResult, Run, SCHEMA, Subject, Tolerated,
};
use locktoll_stats::Interval;
use locktoll_stats::cut::{Faster, LogDifference, Replica, Share};
use locktoll_stats::pass_through::PassThrough;

use super::worst_cases::HOSTILE;

const ADDED: [Change; 3] = [
    Change::Inside { ns: 123_456 },
    Change::Inside { ns: 246_912 },
    Change::After { ns: 246_912 },
];

fn around(middle: f64, half: f64) -> Interval {
    Interval {
        lo: middle - half,
        hi: middle + half,
    }
}

fn slope(slope: f64, half: Option<f64>) -> PassThrough {
    PassThrough {
        n: 3,
        slope,
        ci: half.map(|half| around(slope, half)),
        by_block: vec![slope; 3],
        bend: Some(-0.1),
        p_linear: Some(0.003),
    }
}

/// Runs of blocks whose watched time is `watched_ns`, where `slope` of what is added arrives. Every seventh run is
/// far off.
fn runs(blocks: u64, watched_ns: f64, slope: f64, subjects: &[Subject]) -> Vec<Run> {
    let cuts = [0.25, 0.5, 0.75].map(|fraction| Change::Cut { fraction });
    let changes = [Change::Bare, Change::Watched].into_iter().chain(ADDED);
    let all: Vec<Change> = changes.chain(cuts).collect();
    let mut runs = Vec::new();
    for block in 0..blocks {
        for &subject in subjects {
            for &change in &all {
                let added = match change {
                    Change::Inside { ns } | Change::After { ns } => ns as f64 / 246_912.0,
                    Change::Cut { .. } if subject == Subject::Program => continue,
                    _ => 0.0,
                };
                let wobble = 1.0 + 0.01 * ((block * 7 + runs.len() as u64 * 3) % 5) as f64;
                let far = if runs.len() % 7 == 6 { 1.4 } else { 1.0 };
                let time_ns = watched_ns * (1.0 + slope * added) * wobble * far;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "positive, and far below the limit"
                )]
                let added_ns = (watched_ns * added * 50.0) as u64;
                let is_after = matches!(change, Change::After { .. });
                runs.push(Run {
                    block,
                    subject,
                    change,
                    // Fifty units a run.
                    wall_ns: time_ns * 50.0,
                    ending_ns: None,
                    time_ns,
                    holds: 1_234_567,
                    held_ns: 40_000_000,
                    inside_ns: if is_after { 0 } else { added_ns },
                    outside_ns: if is_after { added_ns } else { 0 },
                });
            }
        }
    }
    runs
}

fn result(blocks: u64, watched_ns: f64, slope_of: f64, half: Option<f64>) -> WhatIf {
    WhatIf {
        schema: SCHEMA.to_owned(),
        environment: Environment::from([("cpu".to_owned(), "a processor ".repeat(20).into())]),
        command: vec!["./a-server".to_owned(); 12],
        lock: Chosen {
            name: "namespace::".repeat(12) + "queue_lock",
            sites: vec!["function (a/rather/long/path/to/file.cpp:1234)".to_owned(); 3],
            acquisitions: 1_234_567.0,
            threads: 96,
            hold_ns: 246_912.0,
            apart_ns: None,
        },
        metric: Metric {
            source: "ops:another_lock".to_owned(),
            unit: "an acquisition of the other lock".to_owned(),
        },
        confidence: 0.95,
        seed: u64::MAX,
        duration_ns: Some(10_000_000_000),
        blocks,
        bare_ns: Some(watched_ns * 0.7),
        watched_ns,
        held_ns: watched_ns * 0.9,
        tested: 1.0,
        added: ADDED.to_vec(),
        inside: slope(slope_of, half),
        outside: slope(slope_of / 10.0, half),
        share: Share {
            n: 3,
            share: 0.9,
            ci: half.map(|_| around(0.9, 0.05)),
        },
        handover: Handover {
            contended: 0.5,
            waking_ns: 123_456.0,
            share: 1.0,
        },
        concave: false,
        cuts: [0.25, 0.5, 0.75, 1.0]
            .map(|fraction| Cut {
                fraction,
                at_most: Some(1.0 + 0.001 * fraction),
                expected: None,
            })
            .to_vec(),
        replica: None,
        no_replica: Some("the lock is held for 4.00% of the time only".to_owned()),
        warnings: vec!["a warning that is rather long ".repeat(10)],
        runs: runs(blocks, watched_ns, slope_of, &[Subject::Program]),
    }
}

/// A replica, and bounds and expectations up to a hundred times as fast.
fn with_replica(believed: bool) -> WhatIf {
    let mut found = result(24, 2.5e9, 0.93, Some(0.04));
    found.runs = runs(24, 2.5e9, 0.93, &[Subject::Program, Subject::Replica]);
    let faster = |ratio: f64| Faster {
        ratio,
        ci: Interval {
            lo: ratio * 0.8,
            hi: ratio * 1.2,
        },
    };
    let log = |log: f64, half: f64| LogDifference {
        log,
        ci: around(log, half),
    };
    let comparison = Replica {
        n: 24,
        level: log(0.3, 0.2),
        responses: vec![log(0.01, 0.03), log(-3.0, 0.5), log(0.1, 2.0)],
        believed,
        differs: !believed,
        faster: [0.95, 9.0, 40.0].map(faster).to_vec(),
    };
    let expected = comparison.faster.iter().copied().map(Some);
    for (cut, expected) in found.cuts.iter_mut().zip(expected.chain([None])) {
        cut.at_most = (cut.fraction < 1.0).then(|| 1.0 / (1.0 - cut.fraction).powi(4));
        cut.expected = expected.filter(|_| believed);
    }
    found.no_replica = None;
    found.replica = Some(ReplicaResult {
        command: vec!["replica".to_owned(); 30],
        hold_ns: 1e5,
        comparison,
        tolerated: Tolerated {
            level: 1.25,
            response: 1.1,
        },
    });
    found
}

/// Every case with its name.
pub(super) fn all() -> Vec<(&'static str, WhatIf)> {
    let mut one = result(1, 85.0, 1.2, None);
    one.runs.retain(|run| run.block == 0);
    // Many threads have the time added at once, and next to nothing of it arrives.
    let flat = result(3, 1.234e6, 0.000_4, Some(6.0));
    let mut unbounded = result(3, 3.7e12, -0.4, Some(0.9));
    unbounded.concave = true;
    for cut in &mut unbounded.cuts {
        cut.at_most = None;
    }
    let mut hostile = with_replica(false);
    hostile.lock.name = HOSTILE.repeat(8);
    hostile.lock.sites = vec![HOSTILE.repeat(8)];
    hostile.command = vec![HOSTILE.repeat(8)];
    hostile.metric.source = format!("regex:{HOSTILE}");
    hostile.metric.unit = HOSTILE.repeat(3);
    hostile.warnings = vec![HOSTILE.repeat(8)];
    let mut empty = result(0, 1e9, 0.5, Some(0.1));
    empty.cuts.clear();
    vec![
        ("what-if-believed", with_replica(true)),
        ("what-if-not-believed", with_replica(false)),
        ("what-if-one", one),
        ("what-if-flat", flat),
        ("what-if-unbounded", unbounded),
        ("what-if-hostile", hostile),
        ("what-if-empty", empty),
    ]
}
