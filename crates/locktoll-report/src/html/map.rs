//! The regime map, and the answer of a run that is one.

use locktoll_stats::Verdict;
use maud::{Markup, html};

use super::both;
use super::page::{Column, VOICE, figure, table};
use crate::format::{
    self, count, duration_ns, given_percent, half_width, optional, percent_interval, plural,
    quantity, share, signed_percent,
};
use crate::model::{MapCell, RegimeMap, RunResult};
use crate::plots::map as plot;
use crate::plots::svg::outside;

/// What the map found: where the verdict changes, or that it does not.
pub(super) fn answer(run: &RunResult, map: &RegimeMap) -> Vec<String> {
    let subject = VOICE.subject(run, &map.test);
    let against = outside(&map.baseline);
    let mut sentences = Vec::new();
    for (threads, queues) in plot::rows(map) {
        let changes: Vec<String> = map
            .crossovers
            .iter()
            .filter(|c| (c.threads, c.queues) == (threads, queues))
            .map(|c| {
                let [from, to] = c.between_ns.map(|ns| duration_ns(ns as f64));
                let (below, above) = (stressed(c.below), stressed(c.above));
                format!("{below} at {from} of GPU work per op and {above} at {to}")
            })
            .collect();
        let at = at(threads, queues);
        if changes.is_empty() {
            sentences.push(format!(
                "{at}, no change of verdict was located for {subject} against {against}: {}.",
                verdicts_of_row(map, threads, queues)
            ));
        } else {
            sentences.push(format!(
                "{at}, {subject}, against {against}, {}.",
                changes.join("; and ")
            ));
        }
    }
    if sentences.is_empty() {
        sentences.push("Nothing was mapped: no point was measured.".to_owned());
    }
    sentences
}

fn at(threads: u32, queues: u32) -> String {
    format!(
        "At {} on {}",
        plural(threads.into(), "thread"),
        plural(queues.into(), "queue")
    )
}

/// `costs`, `is free`: the verdict as a verb.
fn stressed(verdict: Verdict) -> String {
    let word = (VOICE.stress)(verdict, &verdict.to_string());
    match verdict {
        Verdict::Costs => word,
        Verdict::Pays => (VOICE.stress)(verdict, "gains"),
        Verdict::Free | Verdict::Negligible | Verdict::Unresolved => format!("is {word}"),
    }
}

/// `free at 3 of 5 points, unresolved at 2`.
fn verdicts_of_row(map: &RegimeMap, threads: u32, queues: u32) -> String {
    let cells: Vec<&MapCell> = map
        .cells
        .iter()
        .filter(|cell| (cell.threads, cell.queues) == (threads, queues))
        .collect();
    let verdicts = [
        Verdict::Costs,
        Verdict::Pays,
        Verdict::Negligible,
        Verdict::Free,
        Verdict::Unresolved,
    ];
    let counted: Vec<String> = verdicts
        .iter()
        .filter_map(|verdict| {
            let n = cells.iter().filter(|c| c.verdict == Some(*verdict)).count();
            (n > 0).then(|| {
                let word = (VOICE.stress)(*verdict, &verdict.to_string());
                format!("{word} at {}", count(n as u64))
            })
        })
        .collect();
    let of = plural(cells.len() as u64, "measured point");
    if counted.is_empty() {
        format!("{of}, none decided")
    } else {
        format!("of {of}, {}", counted.join(", "))
    }
}

/// Whether the baseline differed from itself on the map.
pub(super) fn a_a_sentence(run: &RunResult, map: &RegimeMap) -> String {
    if map.a_a.is_empty() {
        return "A/A: not run, so nothing shows that the map tells same from same.".to_owned();
    }
    let differ = map
        .a_a
        .iter()
        .filter(|c| matches!(c.verdict, Some(Verdict::Costs | Verdict::Pays)))
        .count();
    let shown = map
        .a_a
        .iter()
        .filter(|c| matches!(c.verdict, Some(Verdict::Free | Verdict::Negligible)))
        .count();
    format!(
        "A/A: of {}, the baseline is shown to stay within ±{} of itself at {}, and differs at {}.",
        plural(map.a_a.len() as u64, "point"),
        given_percent(run.plan.margin),
        count(shown as u64),
        count(differ as u64)
    )
}

pub(super) fn write(run: &RunResult) -> Option<Markup> {
    let map = run.map.as_ref()?;
    let used = if map.full_grid_trials > 0 {
        format!(
            "{} were run, {} of what all points of the finest grid would have taken.",
            plural(map.trials, "trial"),
            share(map.trials as f64 / map.full_grid_trials as f64)
        )
    } else {
        format!("{} were run.", plural(map.trials, "trial"))
    };
    let complete = if map.complete {
        "Every row's changes are known to the finest grid's step."
    } else {
        "Some rows' changes are not known to the finest grid's step."
    };
    let caption = format!(
        "Columns are amounts of GPU work per op, evenly on a log scale. A vertical line marks a \
         change of verdict, and the bar on it reaches over all the work between the two settled \
         points. {complete} {used}"
    );
    let columns = [
        ("Threads, queues", Column::Words),
        ("GPU work", Column::Figure),
        ("Overhead", Column::Figure),
        ("Interval", Column::Figure),
        ("Verdict", Column::Words),
        ("Baseline, ops/s", Column::Figure),
        ("Blocks", Column::Figure),
        ("Crashed", Column::Figure),
    ];
    let rows = |cells: &[MapCell]| cells.iter().map(row).collect::<Vec<_>>();
    Some(html! {
        (figure(&both(|layout| plot::draw(run, layout)), &caption))
        (table("Every measured point", &columns, &rows(&map.cells)))
        (table("A/A: the baseline against itself", &columns, &rows(&map.a_a)))
    })
}

fn row(cell: &MapCell) -> Vec<String> {
    let half = cell.overhead.ci.map(half_width);
    vec![
        plot::row_name(cell.threads, cell.queues),
        duration_ns(cell.work_ns as f64),
        optional(cell.overhead.estimate, |x| signed_percent(x, half)),
        optional(cell.overhead.ci, percent_interval),
        format::verdict(cell.verdict),
        optional(cell.baseline_per_s, quantity),
        count(cell.n as u64),
        count(cell.crashed),
    ]
}
