//! The regime map: a row for each number of threads and queues, a column for each amount of GPU work
//! per op, the overhead as colour, the verdict as a mark, and lines where the verdict changes.

use locktoll_stats::Verdict;
use maud::{Markup, html};

use super::legend;
use super::svg::{Drawing, Layout, Path, Px, Set, name_at, outside, text_width, verdict_mark};
use crate::format::{self, duration_ns, half_width, percent, plural};
use crate::model::{Crossover, MapCell, RegimeMap, RunResult};
use crate::wording::overhead_interval;

/// Draws the map of a run; `None` where it has none, or where nothing was planned.
pub(crate) fn draw(run: &RunResult, layout: Layout) -> Option<Drawing> {
    let map = run.map.as_ref()?;
    let rows = rows(map);
    let levels = levels(map);
    if rows.is_empty() || levels.is_empty() {
        return None;
    }
    let width = layout.width();
    let widest = rows
        .iter()
        .map(|&(threads, queues)| text_width(&row_name(threads, queues)))
        .fold(0.0, f64::max);
    let left = layout.pick(widest + 12.0, 0.0);
    let column = (width - left) / levels.len() as f64;
    let (label, height) = layout.pick((0.0, 38.0), (26.0, 32.0));
    let apart = layout.pick(6.0, 10.0);
    let legend = legend::set((0.0, 14.0), width, &entries(run.plan.margin));
    let top = 14.0 + legend.height + 6.0;
    let at = |work: u64| levels.iter().position(|level| *level == work);
    let mut parts: Vec<Markup> = Vec::new();
    let mut y = top;
    for &(threads, queues) in &rows {
        let name = row_name(threads, queues);
        parts.push(match layout {
            Layout::Wide => Set("e").at(left - 10.0, y + height / 2.0 + 4.0, &name),
            Layout::Narrow => name_at("", 0.0, y + 14.0, &name, width),
        });
        let cells = y + label;
        for (index, level) in levels.iter().enumerate() {
            let of = |cell: &&MapCell| {
                (cell.threads, cell.queues, cell.work_ns) == (threads, queues, *level)
            };
            let x = left + index as f64 * column;
            let found = map.cells.iter().find(of);
            parts.push(cell(found, run.plan.margin, (x, cells), (column, height)));
        }
        let of_row = |c: &&Crossover| (c.threads, c.queues) == (threads, queues);
        for crossover in map.crossovers.iter().filter(of_row) {
            if let [Some(from), Some(to)] = crossover.between_ns.map(at) {
                let x = |level: usize| left + (level as f64 + 0.5) * column;
                parts.push(bracket(crossover, [x(from), x(to)], cells, height));
            }
        }
        y = cells + height + apart;
    }
    Some(Drawing {
        name: "map".to_owned(),
        title: outside(&format!(
            "Overhead of {} against {} by threads, queues and GPU work",
            map.test, map.baseline
        )),
        description: description(map, rows.len()),
        layout,
        height: y + 36.0,
        body: html! {
            (legend.body)
            @for part in &parts { (part) }
            (level_words(&levels, left, column, y + 10.0))
            (Set("c m").at(f64::midpoint(left, width), y + 32.0, "GPU work per op (log scale)"))
        },
    })
}

/// Threads and queues, in order.
pub(crate) fn rows(map: &RegimeMap) -> Vec<(u32, u32)> {
    let mut rows: Vec<(u32, u32)> = map.cells.iter().map(|c| (c.threads, c.queues)).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// All amounts of work: the grid's, and what was measured besides.
fn levels(map: &RegimeMap) -> Vec<u64> {
    let measured = map.cells.iter().map(|cell| cell.work_ns);
    let mut levels: Vec<u64> = map.levels_ns.iter().copied().chain(measured).collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

/// `8 threads, 1 queue`.
pub(crate) fn row_name(threads: u32, queues: u32) -> String {
    format!(
        "{}, {}",
        plural(threads.into(), "thread"),
        plural(queues.into(), "queue")
    )
}

/// The colour of an overhead: within the margin, then in three steps to each side.
fn shade(overhead: f64, margin: f64) -> &'static str {
    let size = overhead.abs();
    let step = if size <= margin {
        0
    } else if size <= 0.1 {
        1
    } else if size <= 0.3 {
        2
    } else {
        3
    };
    match (step, overhead > 0.0) {
        (0, _) => "z0",
        (1, true) => "c1",
        (2, true) => "c2",
        (_, true) => "c3",
        (1, false) => "g1",
        (2, false) => "g2",
        (_, false) => "g3",
    }
}

fn cell(
    found: Option<&MapCell>,
    margin: f64,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
) -> Markup {
    let Some(cell) = found else {
        return html! {
            rect .empty x=(Px(x + 1.5)) y=(Px(y + 0.5)) width=(Px(width - 3.0)) height=(Px(height - 1.0)) {}
        };
    };
    let fill = cell.overhead.estimate.map_or("z0", |x| shade(x, margin));
    html! {
        g {
            title { (cell_words(cell)) }
            rect class=(fill) x=(Px(x + 1.0)) y=(Px(y)) width=(Px(width - 2.0)) height=(Px(height)) {}
            (map_mark(cell.verdict, x + width / 2.0, y + height / 2.0))
        }
    }
}

/// A verdict's mark in ink, since the cell's colour is taken by the overhead.
fn map_mark(verdict: Option<Verdict>, x: f64, y: f64) -> Markup {
    html! { g .inked { (verdict_mark(verdict, x, y)) } }
}

/// `8 threads, 1 queue, 20 µs of work: 33.1% (32.6% to 33.7%), costs`.
pub(crate) fn cell_words(cell: &MapCell) -> String {
    let figures = match (cell.overhead.estimate, cell.overhead.ci) {
        (Some(x), Some(ci)) => format!(
            "{} ({})",
            percent(x, Some(half_width(ci))),
            overhead_interval(&cell.overhead)
        ),
        (Some(x), None) => format!("{} (no interval)", percent(x, None)),
        (None, _) => "no estimate".to_owned(),
    };
    let crashed = match cell.crashed {
        0 => String::new(),
        n => format!(", {} crashed", plural(n, "trial")),
    };
    format!(
        "{}, {} of work: {figures}, {}{crashed}",
        row_name(cell.threads, cell.queues),
        duration_ns(cell.work_ns as f64),
        format::verdict(cell.verdict)
    )
}

/// A line where the verdict changes, with a bar over all the work between the two settled points.
fn bracket(crossover: &Crossover, [from, to]: [f64; 2], y: f64, height: f64) -> Markup {
    let middle = f64::midpoint(from, to);
    let path = Path::default()
        .line((middle, y - 4.0), (middle, y + height + 4.0))
        .line((from + 3.0, y - 3.0), (to - 3.0, y - 3.0));
    html! {
        g {
            title { (crossover_words(crossover)) }
            path .bold .s .ink d=(path) {}
        }
    }
}

/// `8 threads, 1 queue: costs up to 23 µs, free from 31 µs on`.
fn crossover_words(crossover: &Crossover) -> String {
    let [from, to] = crossover.between_ns.map(|ns| duration_ns(ns as f64));
    format!(
        "{}: {} at {from}, {} at {to}",
        row_name(crossover.threads, crossover.queues),
        crossover.below,
        crossover.above
    )
}

/// Amounts of work under their columns, as many as have room.
fn level_words(levels: &[u64], left: f64, column: f64, y: f64) -> Markup {
    let mut free = left;
    let mut parts = Vec::new();
    let right = left + levels.len() as f64 * column;
    for (index, level) in levels.iter().enumerate() {
        let words = duration_ns(*level as f64);
        let half = text_width(&words) / 2.0;
        let x = left + (index as f64 + 0.5) * column;
        let x = x.clamp(left + half, (right - half).max(left + half));
        if x - half >= free {
            free = x + half + 8.0;
            parts.push(Set("c m").at(x, y, &words));
        }
    }
    html! { @for part in &parts { (part) } }
}

fn entries(margin: f64) -> Vec<(Markup, String)> {
    let verdicts = [
        Verdict::Costs,
        Verdict::Pays,
        Verdict::Free,
        Verdict::Negligible,
        Verdict::Unresolved,
    ];
    let mut entries: Vec<(Markup, String)> = verdicts
        .iter()
        .map(|v| (map_mark(Some(*v), 0.0, 0.0), v.to_string()))
        .collect();
    entries.push((
        html! { rect .empty x="-6" y="-6" width="12" height="12" {} },
        "not measured".to_owned(),
    ));
    entries.push((
        html! { path .bold .s .ink d="M0 -7V7" {} },
        "verdict changes".to_owned(),
    ));
    let shades = [
        ("g3", "gain over 30%".to_owned()),
        ("g2", "gain 10 to 30%".to_owned()),
        ("g1", "gain up to 10%".to_owned()),
        ("z0", format!("within ±{}", format::given_percent(margin))),
        ("c1", "cost up to 10%".to_owned()),
        ("c2", "cost 10 to 30%".to_owned()),
        ("c3", "cost over 30%".to_owned()),
    ];
    entries.extend(shades.map(|(class, words)| {
        (
            html! { rect class=(class) x="-6" y="-6.5" width="13" height="13" {} },
            words,
        )
    }));
    entries
}

fn description(map: &RegimeMap, rows: usize) -> String {
    let changes: Vec<String> = map.crossovers.iter().map(crossover_words).collect();
    let changes = if changes.is_empty() {
        "no change of verdict was located".to_owned()
    } else {
        changes.join("; ")
    };
    outside(&format!(
        "{} in {}: {changes}.",
        plural(map.cells.len() as u64, "measured point"),
        plural(rows as u64, "row")
    ))
}
