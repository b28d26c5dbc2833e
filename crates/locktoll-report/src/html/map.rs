//! The regime map: its picture and its points.

use maud::{Markup, html};

use super::both;
use super::page::{Column, figure, table};
use crate::format::{
    self, count, duration_ns, half_width, optional, plural, quantity, share, signed_percent,
};
use crate::model::{MapCell, RunResult};
use crate::plots::map as plot;
use crate::wording::overhead_interval;

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
        overhead_interval(&cell.overhead),
        format::verdict(cell.verdict),
        optional(cell.baseline_per_s, quantity),
        count(cell.n as u64),
        count(cell.crashed),
    ]
}
