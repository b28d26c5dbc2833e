//! The section of a regime map: its crossovers, its points, and what it does not say.

use super::VOICE;
use super::doc::Doc;
use crate::format::{
    count, duration_ns, half_width, optional, plural, quantity, signed_percent, verdict,
};
use crate::model::{MapCell, RegimeMap, RunResult};
use crate::wording::map::{LIMITS, of, rows};
use crate::wording::overhead_interval;

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    let Some(map) = &run.map else {
        return;
    };
    doc.heading(2, "Regime map");
    doc.paragraph(&format!(
        "Overhead of {} against {} by GPU work per op. Every point has its own blocks; each was \
         chosen by the verdicts of those before it, and its interval rests on its own values alone.",
        (VOICE.name)(&map.test),
        (VOICE.name)(&map.baseline)
    ));
    crossovers(doc, map);
    doc.heading(3, "Points");
    let mut header = vec![
        "Threads",
        "Queues",
        "Work per op",
        "Blocks",
        "Baseline, ops/s",
    ];
    header.extend(["Overhead", "Interval", "Verdict", "Crashed"]);
    let points = rows(map).into_iter().flat_map(|row| row.cells(map));
    doc.table(&header, points.map(point));
    if !map.a_a.is_empty() {
        doc.heading(3, "A/A");
        doc.paragraph("The baseline a second time, at one point of each row.");
        doc.table(&header, map.a_a.iter().map(point));
    }
    doc.heading(3, "What the map does not say");
    doc.bullets(LIMITS.map(str::to_owned));
}

fn crossovers(doc: &mut Doc, map: &RegimeMap) {
    doc.heading(3, "Crossovers");
    if map.crossovers.is_empty() {
        doc.paragraph("None was found.");
        return;
    }
    doc.table(
        &[
            "Threads",
            "Queues",
            "Between",
            "With less work",
            "With more work",
        ],
        map.crossovers.iter().map(|crossover| {
            let [from, to] = crossover.between_ns.map(|ns| duration_ns(ns as f64));
            [
                crossover.threads.to_string(),
                crossover.queues.to_string(),
                format!("{from} and {to}"),
                verdict(Some(crossover.below)),
                verdict(Some(crossover.above)),
            ]
        }),
    );
}

fn point(cell: &MapCell) -> [String; 9] {
    let row = of(cell);
    [
        row.threads.to_string(),
        row.queues.to_string(),
        duration_ns(cell.work_ns as f64),
        cell.n.to_string(),
        optional(cell.baseline_per_s, quantity),
        optional(cell.overhead.estimate, |estimate| {
            signed_percent(estimate, cell.overhead.ci.map(half_width))
        }),
        overhead_interval(&cell.overhead),
        verdict(cell.verdict),
        count(cell.crashed),
    ]
}

/// How a map was measured, where it differs from other runs.
pub(super) fn measured(map: &RegimeMap) -> [(&'static str, String); 2] {
    [
        (
            "Stages",
            format!(
                "{} on a grid of {}; a few levels of each row first, then levels between settled \
                 neighbours on different sides of the margin, then between settled points and open \
                 ends of their rows",
                plural(map.cells.len() as u64, "point"),
                plural(map.levels_ns.len() as u64, "level")
            ),
        ),
        (
            "A/A arm",
            if map.a_a.is_empty() {
                "none".to_owned()
            } else {
                "the baseline a second time at one point of each row, in the first stage".to_owned()
            },
        ),
    ]
}
