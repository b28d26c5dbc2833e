//! Paired dots: the baseline and the test of one block linked by a line, one panel for each
//! comparison. It shows what an interval cannot: whether all blocks say the same, or a few do.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::scale::{Scale, extent, with_room};
use super::svg::{Drawing, Layout, Path, Set, name_at, outside, verdict_class, verdict_mark};
use crate::format::{self, plural, quantity};
use crate::model::{Comparison, Role, RunResult};

/// Panels that are drawn; the others stand in the tables.
pub(crate) const MOST_PANELS: usize = 12;

const PANEL_HEIGHT: f64 = 208.0;
/// From a panel's top to its dots, and to their lowest place.
const DOTS: [f64; 2] = [64.0, 172.0];

/// A block's two values.
type Pair = (f64, f64);

/// One panel for each comparison with the baseline whose blocks are known, the first twelve.
pub(crate) fn draw(run: &RunResult, layout: Layout) -> Option<Drawing> {
    let panels = panels(run);
    if panels.is_empty() {
        return None;
    }
    let across: usize = layout.pick(4, 2);
    let width = layout.width() / across as f64;
    let place = |index: usize| {
        let column = (index % across) as f64;
        let row = (index / across) as f64;
        (column * width, row * PANEL_HEIGHT)
    };
    let rows = panels.len().div_ceil(across);
    let description = panels
        .iter()
        .map(|(row, pairs)| told(run, row, pairs))
        .collect::<Vec<_>>()
        .join("; ");
    Some(Drawing {
        name: "blocks".to_owned(),
        title: "Baseline and test of each block".to_owned(),
        description: description + ".",
        layout,
        height: rows as f64 * PANEL_HEIGHT,
        body: html! {
            @for (index, (row, pairs)) in panels.iter().enumerate() {
                (panel(run, row, pairs, place(index), width - 16.0))
            }
        },
    })
}

/// Comparisons with the pairs of their blocks, in the order of the forest plot.
pub(crate) fn panels(run: &RunResult) -> Vec<(&Comparison, Vec<Pair>)> {
    if !run.plan.paired {
        return Vec::new();
    }
    super::forest::rows(run)
        .into_iter()
        .filter(|row| row.role == Role::Strategy)
        .map(|row| (row, pairs(run, row)))
        .filter(|(_, pairs)| !pairs.is_empty())
        .take(MOST_PANELS)
        .collect()
}

/// The values of blocks in which both ran to their end.
fn pairs(run: &RunResult, row: &Comparison) -> Vec<Pair> {
    let regime = row.regime();
    let values = |config: &str| {
        let series = run.find_in(&regime, Role::Strategy, config);
        series.map_or(&[][..], |s| s.values.as_slice())
    };
    let baseline: BTreeMap<&str, f64> = values(&row.baseline)
        .iter()
        .map(|value| (value.block.as_str(), value.value))
        .collect();
    values(&row.test)
        .iter()
        .filter_map(|value| Some((*baseline.get(value.block.as_str())?, value.value)))
        .collect()
}

fn panel(
    run: &RunResult,
    row: &Comparison,
    pairs: &[Pair],
    (x, y): (f64, f64),
    width: f64,
) -> Markup {
    let all = || pairs.iter().flat_map(|(a, b)| [*a, *b]);
    let [lo, hi] = with_room(extent(all()).unwrap_or([0.0, 1.0]), 0.05);
    let up = Scale::linear([lo, hi], [y + DOTS[1], y + DOTS[0]]);
    let (left, right) = (x + width * 0.32, x + width * 0.86);
    let links = pairs.iter().fold(Path::default(), |path, (a, b)| {
        path.line((left, up.at(*a)), (right, up.at(*b)))
    });
    let dots = pairs.iter().fold(Path::default(), |path, (a, b)| {
        path.dot(left, up.at(*a)).dot(right, up.at(*b))
    });
    let n = pairs.len() as f64;
    // Divided before they are summed: the largest numbers must not overflow.
    let mean = |of: fn(&Pair) -> f64| pairs.iter().map(|pair| of(pair) / n).sum::<f64>();
    let (mean_a, mean_b) = (mean(|p| p.0), mean(|p| p.1));
    let class = verdict_class(row.verdict);
    let regime = row.regime().label(run);
    html! {
        g {
            title { (told(run, row, pairs)) }
            (name_at("n h", x, y + 14.0, &row.test, width))
            (name_at("m", x, y + 31.0, &outside(&regime), width))
            (verdict_mark(row.verdict, x + 6.0, y + 44.0))
            (Set("m").at(x + 16.0, y + 48.0, &format::verdict(row.verdict)))
            path .grid d=(Path::default().line((left, y + DOTS[0]), (left, y + DOTS[1]))
                .line((right, y + DOTS[0]), (right, y + DOTS[1]))) {}
            path .thin .s .ink d=(links) {}
            path .dots .s .ink d=(dots) {}
            path class=(format!("bold s {class}"))
                d=(Path::default().line((left, up.at(mean_a)), (right, up.at(mean_b)))) {}
            (Set("m").at(x, up.at(hi) + 4.0, &short(extent(all()).map_or(hi, |e| e[1]), left - x - 10.0)))
            (Set("m").at(x, up.at(lo), &short(extent(all()).map_or(lo, |e| e[0]), left - x - 10.0)))
            (name_at("m c", left, y + 190.0, &row.baseline, width * 0.5))
            (name_at("m c", right, y + 190.0, "test", width * 0.3))
        }
    }
}

/// A figure in little room: `41.9k` where `41,900` is too wide.
pub(crate) fn short(x: f64, width: f64) -> String {
    let whole = quantity(x);
    if super::svg::text_width(&whole) <= width {
        return whole;
    }
    let size = x.abs();
    for (unit, factor) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] {
        if size >= factor && size < factor * 1e3 {
            return format!("{}{unit}", format::significant(x / factor, 3));
        }
    }
    let rounded = format::significant(x, 3);
    if super::svg::text_width(&rounded) <= width {
        rounded
    } else {
        format!("{x:.0e}")
    }
}

fn told(run: &RunResult, row: &Comparison, pairs: &[Pair]) -> String {
    let better = pairs
        .iter()
        .filter(|(a, b)| {
            if run.plan.higher_is_better {
                b > a
            } else {
                b < a
            }
        })
        .count();
    outside(&format!(
        "{} against {}, {}: better in {} of {}, {}",
        row.test,
        row.baseline,
        row.regime().label(run),
        better,
        plural(pairs.len() as u64, "block"),
        format::verdict(row.verdict)
    ))
}
