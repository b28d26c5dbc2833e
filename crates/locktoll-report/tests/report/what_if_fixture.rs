//! Results of `record --what-if` with round figures: two blocks, whose statistics can be followed by hand.

use locktoll_report::model::Environment;
use locktoll_report::what_if::model::{
    Change, Chosen, Cut, Handover, Metric, ReplicaResult, Run, SCHEMA, Subject, Tolerated, WhatIf,
};
use locktoll_stats::cut::{Replica, ReplicaBlock, Share, Tolerance};
use locktoll_stats::pass_through::{Block, Level, PassThrough};

const CONFIDENCE: f64 = 0.95;
const MS: f64 = 1e6;
const LESS: Change = Change::Inside { ns: 500 };
const MORE: Change = Change::Inside { ns: 1_000 };
const AFTER: Change = Change::After { ns: 1_000 };
/// Holds of a run, so that 1 µs more for each is 500 ms.
const HOLDS: u64 = 500_000;

/// What was added in a run to all holds, in ms: inside, and after.
fn added_ms(change: Change) -> [u64; 2] {
    match change {
        Change::Inside { ns } => [ns / 2, 0],
        Change::After { ns } => [0, ns / 2],
        _ => [0, 0],
    }
}

fn run(block: u64, subject: Subject, change: Change, time_ms: f64) -> Run {
    let is_watched = !matches!(change, Change::Bare | Change::Cut { .. });
    let [inside, after] = added_ms(change).map(|ms| ms * 1_000_000);
    Run {
        block,
        subject,
        change,
        wall_ns: time_ms * MS,
        ending_ns: None,
        time_ns: time_ms * MS,
        holds: if is_watched { HOLDS } else { 0 },
        held_ns: if is_watched { 500_000_000 + inside } else { 0 },
        inside_ns: inside,
        outside_ns: after,
    }
}

/// Of one block the times in ms: bare, watched, with 250 and 500 ms inside, with 500 ms after.
const PROGRAM: [[f64; 5]; 2] = [
    // Slopes 0.8 and 0.1.
    [1_000.0, 1_000.0, 1_200.0, 1_400.0, 1_050.0],
    // Slopes 0.9 and 0.3.
    [1_250.0, 1_100.0, 1_325.0, 1_550.0, 1_250.0],
];
const CUTS: [f64; 3] = [0.25, 0.5, 0.75];
/// Of the replica's bare time, what is left of it with each cut.
const LEFT: [f64; 3] = [0.9, 0.8, 0.625];

fn slope(levels: &[usize]) -> PassThrough {
    let blocks: Vec<Block> = PROGRAM
        .iter()
        .map(|times| Block {
            unchanged: times[1],
            levels: levels
                .iter()
                .map(|&at| Level {
                    added: if at == 2 { 250.0 } else { 500.0 },
                    response: times[at],
                })
                .collect(),
        })
        .collect();
    PassThrough::compute(&blocks, CONFIDENCE).unwrap()
}

/// One acquisition in a hundred is handed over, 500,000 · 0.01 · 10 µs ∕ 1 s = 5%.
const HANDOVER: Handover = Handover {
    contended: 0.01,
    waking_ns: 10_000.0,
    share: 0.05,
};

/// A lock that is held for half of the time, with a replica whose answers are `factor` times the program's.
fn with_replica(factor: f64) -> WhatIf {
    let changes = [Change::Bare, Change::Watched, LESS, MORE, AFTER];
    let mut runs = Vec::new();
    let mut blocks = Vec::new();
    for (block, times) in (0..).zip(PROGRAM) {
        // As long as the program when nothing is added.
        let replica = |at: usize| times[at] * if at < 2 { 1.0 } else { factor };
        for (at, &change) in changes.iter().enumerate() {
            runs.push(run(block, Subject::Program, change, times[at]));
            runs.push(run(block, Subject::Replica, change, replica(at)));
        }
        for (fraction, left) in CUTS.into_iter().zip(LEFT) {
            let change = Change::Cut { fraction };
            runs.push(run(block, Subject::Replica, change, times[0] * left));
        }
        blocks.push(ReplicaBlock {
            unchanged: [times[0], replica(0)],
            reference: [times[1], replica(1)],
            added: [2, 3, 4].map(|at| [times[at], replica(at)]).to_vec(),
            cut: LEFT.map(|left| times[0] * left).to_vec(),
        });
    }
    let tolerance = Tolerance {
        level: 1.25,
        response: 1.1,
    };
    let comparison = Replica::compute(&blocks, tolerance, CONFIDENCE).unwrap();
    // Slope × held ∕ bare: 0.8 · 500 ∕ 1000 = 0.4, and 0.9 · 500 ∕ 1250 = 0.36.
    let share = Share::compute(&[0.4, 0.36], CONFIDENCE).unwrap();
    let cuts = CUTS
        .into_iter()
        .chain([1.0])
        .enumerate()
        .map(|(at, fraction)| Cut {
            fraction,
            at_most: share.at_most(fraction, HANDOVER.share),
            expected: comparison
                .faster
                .get(at)
                .copied()
                .filter(|_| comparison.believed),
        })
        .collect();
    WhatIf {
        schema: SCHEMA.to_owned(),
        environment: Environment::from([("cpu".to_owned(), "a processor".into())]),
        command: vec!["./server".to_owned(), "--jobs".to_owned(), "4".to_owned()],
        lock: Chosen {
            name: "queue_lock".to_owned(),
            sites: vec!["take (queue.c:12)".to_owned()],
            acquisitions: 500_000.0,
            threads: 4,
            hold_ns: 1_000.0,
            apart_ns: Some(1_000.0),
        },
        metric: Metric {
            source: "wall".to_owned(),
            unit: "a whole run".to_owned(),
        },
        confidence: CONFIDENCE,
        seed: 7,
        duration_ns: None,
        blocks: 2,
        bare_ns: Some(1_125.0 * MS),
        watched_ns: 1_050.0 * MS,
        held_ns: 500.0 * MS,
        tested: 1.0,
        added: vec![LESS, MORE, AFTER],
        inside: slope(&[2, 3]),
        outside: slope(&[4]),
        share,
        handover: HANDOVER,
        concave: false,
        cuts,
        replica: Some(ReplicaResult {
            command: ["locktoll", "replica", "--hold", "700"]
                .map(str::to_owned)
                .to_vec(),
            hold_ns: 1_000.0,
            comparison,
            tolerated: Tolerated {
                level: tolerance.level,
                response: tolerance.response,
            },
        }),
        no_replica: None,
        warnings: Vec::new(),
        runs,
    }
}

/// A replica that answers as the program does is cut in its place.
pub(crate) fn believed() -> WhatIf {
    with_replica(1.0)
}

/// One that answers every addition by half as much again is not.
pub(crate) fn not_believed() -> WhatIf {
    with_replica(1.5)
}

/// A program that was stopped after a second, measured by acquisitions; its lock is held now and then.
pub(crate) fn stopped() -> WhatIf {
    let mut found = with_replica(1.0);
    found.metric = Metric {
        source: "ops".to_owned(),
        unit: "an acquisition of the lock".to_owned(),
    };
    found.duration_ns = Some(1_000_000_000);
    found.bare_ns = None;
    found.replica = None;
    found.no_replica = Some("the lock is held for 4.00% of the time only".to_owned());
    found
        .runs
        .retain(|run| run.subject == Subject::Program && run.change != Change::Bare);
    for run in &mut found.runs {
        run.ending_ns = Some(1e6);
        run.time_ns = run.wall_ns / HOLDS as f64;
    }
    found.watched_ns /= HOLDS as f64;
    found.held_ns /= HOLDS as f64;
    for cut in &mut found.cuts {
        cut.expected = None;
    }
    found.warnings = vec!["the program went on for 80.0 ms after it was told to end".to_owned()];
    found
}

/// Longer additions cost less in proportion, so nothing is bounded.
pub(crate) fn unbounded() -> WhatIf {
    let mut found = stopped();
    found.concave = true;
    for cut in &mut found.cuts {
        cut.at_most = None;
    }
    found
}

/// Names as a hostile program could have.
pub(crate) fn hostile() -> WhatIf {
    let name = "<script>alert(1)</script>\"'&\u{1b}[31m\0|`x`";
    let mut found = not_believed();
    found.lock.name = name.repeat(4);
    found.lock.sites = vec![name.repeat(4)];
    found.command = vec![name.repeat(4), String::new()];
    found.metric.source = format!("regex:{name}");
    found.environment.insert(name.to_owned(), name.into());
    found.warnings = vec![name.to_owned()];
    found
}
