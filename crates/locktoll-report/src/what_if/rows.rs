//! The tables, for all renderers.

use std::collections::BTreeMap;

use locktoll_stats::Interval;

use super::model::{Change, Cut, ReplicaResult, Run, Subject, WhatIf};
use super::wording::{arm, change, times};
use crate::format::{MISSING, count, duration_ns, fixed_point, given_percent, optional};

/// Of each cut, what it brings.
pub(super) const CUTS: [&str; 4] = ["Cut of each hold", "At most", "Expected", "Interval"];

/// A factor with its sign.
pub(super) fn faster(ratio: f64) -> String {
    format!("{}×", times(ratio))
}

pub(super) fn at_most(cut: &Cut) -> String {
    cut.at_most.map_or_else(|| "not bounded".to_owned(), faster)
}

pub(super) fn cut(cut: &Cut) -> Vec<String> {
    vec![
        given_percent(cut.fraction),
        at_most(cut),
        optional(cut.expected, |found| faster(found.ratio)),
        optional(cut.expected, |found| {
            format!("{} to {}", faster(found.ci.lo), faster(found.ci.hi))
        }),
    ]
}

/// Of each addition, how the program and its replica answered it.
pub(super) const ANSWERS: [&str; 6] = [
    "Of each hold",
    "Program",
    "Replica",
    "Replica ÷ program",
    "Interval",
    "Tolerated",
];

/// How a replica compares with the program in one respect.
pub(super) struct Answer {
    pub(super) name: String,
    /// The program's and the replica's time, or how many times that of the watched run it is.
    pub(super) sides: [Option<String>; 2],
    /// The replica's over the program's.
    pub(super) ratio: f64,
    pub(super) ci: Interval,
    /// From how large a ratio on, one way or the other, it is not believed.
    pub(super) tolerated: f64,
}

impl Answer {
    pub(super) fn interval(&self) -> String {
        format!(
            "{} to {}",
            fixed_point(self.ci.lo, 3),
            fixed_point(self.ci.hi, 3)
        )
    }

    pub(super) fn row(&self) -> Vec<String> {
        let [program, replica] = &self.sides;
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| MISSING.to_owned());
        vec![
            self.name.clone(),
            side(program),
            side(replica),
            fixed_point(self.ratio, 3),
            self.interval(),
            format!(
                "{} to {}",
                fixed_point(1.0 / self.tolerated, 2),
                fixed_point(self.tolerated, 2)
            ),
        ]
    }
}

/// What was compared, the times as they are first.
pub(super) fn answers(result: &WhatIf, replica: &ReplicaResult) -> Vec<Answer> {
    let comparison = &replica.comparison;
    let exp = |ci: Interval| Interval {
        lo: ci.lo.exp(),
        hi: ci.hi.exp(),
    };
    let level = Answer {
        name: "nothing added".to_owned(),
        // Times of the same unit alone stand beside each other.
        sides: [Subject::Program, Subject::Replica].map(|subject| {
            (result.metric.source == "wall")
                .then(|| mean_bare_ns(result, subject))
                .flatten()
                .map(duration_ns)
        }),
        ratio: comparison.level.log.exp(),
        ci: exp(comparison.level.ci),
        tolerated: replica.tolerated.level,
    };
    let responses = result.added.iter().zip(&comparison.responses);
    let responses = responses.map(|(&added, found)| Answer {
        name: change(added),
        sides: [Subject::Program, Subject::Replica]
            .map(|subject| mean_response(result, subject, added).map(|x| fixed_point(x, 3))),
        ratio: found.log.exp(),
        ci: exp(found.ci),
        tolerated: replica.tolerated.response,
    });
    std::iter::once(level).chain(responses).collect()
}

/// The runs of one kind by their blocks.
pub(super) fn by_block(result: &WhatIf, subject: Subject, change: Change) -> BTreeMap<u64, &Run> {
    let runs = result.runs.iter();
    runs.filter(|run| run.subject == subject && run.change == change)
        .map(|run| (run.block, run))
        .collect()
}

fn mean_bare_ns(result: &WhatIf, subject: Subject) -> Option<f64> {
    mean(
        by_block(result, subject, Change::Bare)
            .values()
            .map(|run| run.time_ns),
    )
}

/// The geometric mean over blocks of a time with an addition over that without.
fn mean_response(result: &WhatIf, subject: Subject, added: Change) -> Option<f64> {
    let watched = by_block(result, subject, Change::Watched);
    let added = by_block(result, subject, added);
    let logs = added
        .iter()
        .filter_map(|(block, run)| Some((run.time_ns / watched.get(block)?.time_ns).ln()));
    mean(logs).map(f64::exp)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0.0);
    for value in values {
        sum += value;
        n += 1.0;
    }
    (n > 0.0).then(|| sum / n)
}

/// Every run.
pub(super) const RUNS: [&str; 6] = [
    "Run",
    "Block",
    "Time",
    "Holds",
    "Added inside each",
    "Added after each",
];

pub(super) fn run(run: &Run) -> Vec<String> {
    let added = |ns: u64| {
        if run.holds == 0 || ns == 0 {
            return MISSING.to_owned();
        }
        duration_ns(ns as f64 / run.holds as f64)
    };
    vec![
        arm(run),
        count(run.block + 1),
        duration_ns(run.time_ns),
        match run.change {
            Change::Bare | Change::Cut { .. } => MISSING.to_owned(),
            _ => count(run.holds),
        },
        added(run.inside_ns),
        added(run.outside_ns),
    ]
}
