//! Forest plot: every overhead with its interval on one axis, the margin as a band, the verdict in
//! words, and the interval of the baseline against itself as a strip through all rows of its regime,
//! so that each overhead is seen against what the same lock twice differs by.

use maud::{Markup, html};

use super::scale::{Scale, Spacing, extent, with_room};
use super::svg::{
    Drawing, Layout, Path, Px, Set, name_at, outside, text_width, verdict_class, verdict_mark,
};
use crate::evidence::a_a_interval;
use crate::format::{self, given_percent, half_width, percent, significant};
use crate::model::{Comparison, Role, RunResult};
use crate::regime::Regime;
use crate::wording::{NOT_KNOWN, is_known, overhead_interval};

/// Estimates beyond this many margins are spaced by their logarithm.
const LINEAR_MARGINS: f64 = 25.0;

struct Columns {
    label_width: f64,
    plot: [f64; 2],
    row: f64,
    /// From a row's top to the baseline of its words, and to the middle of its interval.
    words: f64,
    middle: f64,
    /// From a row's top to that of the A/A strip, which leaves out words that stand over the plot.
    strip: f64,
}

impl Columns {
    fn of(layout: Layout) -> Self {
        match layout {
            Layout::Wide => Self {
                label_width: 196.0,
                plot: [212.0, 572.0],
                row: 26.0,
                words: 17.0,
                middle: 13.0,
                strip: 0.0,
            },
            Layout::Narrow => Self {
                label_width: 200.0,
                plot: [10.0, 318.0],
                row: 44.0,
                words: 14.0,
                middle: 31.0,
                strip: 19.0,
            },
        }
    }
}

/// Draws the comparisons with the baseline and the A/A arm; `None` where none has an estimate.
pub(crate) fn draw(run: &RunResult, layout: Layout) -> Option<Drawing> {
    let rows = rows(run);
    if !rows.iter().any(|row| row.overhead.estimate.is_some()) {
        return None;
    }
    let columns = Columns::of(layout);
    let scale = axis(&rows, run.plan.margin, columns.plot);
    let several = rows
        .windows(2)
        .any(|pair| pair[0].regime() != pair[1].regime());
    let mut y = 12.0;
    let mut parts: Vec<Markup> = Vec::new();
    let mut strips: Vec<Strip> = Vec::new();
    let mut last: Option<Regime> = None;
    for row in &rows {
        let regime = row.regime();
        if several && last.as_ref() != Some(&regime) {
            if last.is_some() {
                y += 8.0;
            }
            let label = outside(&regime.label(run));
            parts.push(name_at("h", 0.0, y + 12.0, &label, layout.width() - 8.0));
            y += 18.0;
        }
        if last.as_ref() != Some(&regime) {
            strips.extend(Strip::of(run, &regime));
        }
        let own = strips.iter_mut().filter(|strip| strip.regime == regime);
        own.for_each(|strip| strip.rows.push([y + columns.strip, y + columns.row]));
        last = Some(regime);
        parts.push(draw_row(row, &columns, layout, &scale, y));
        y += columns.row;
    }
    let bottom = y + 4.0;
    let description = description(run, &rows);
    Some(Drawing {
        name: "overhead".to_owned(),
        title: "Overhead of each lock, with its interval".to_owned(),
        description,
        layout,
        height: bottom + if strips.is_empty() { 52.0 } else { 70.0 },
        body: html! {
            (ground(run.plan.margin, &strips, &scale, bottom))
            @for part in &parts { (part) }
            (axis_words(run, layout, &scale, bottom, !strips.is_empty()))
        },
    })
}

/// Strategies and the A/A arm, regime by regime, A/A last in each.
pub(crate) fn rows(run: &RunResult) -> Vec<&Comparison> {
    let mut rows: Vec<&Comparison> = run
        .comparisons
        .iter()
        .filter(|row| matches!(row.role, Role::Strategy | Role::AA))
        .collect();
    rows.sort_by_key(|row| (row.regime(), row.role == Role::AA));
    rows
}

/// What a row is called: the configuration, and for A/A that it is the baseline again.
pub(crate) fn row_name(row: &Comparison) -> String {
    match row.role {
        Role::AA => format!("{} (A/A)", row.test),
        _ => row.test.clone(),
    }
}

/// Holds every estimate, the margin on both sides, and as much of the intervals as does not push
/// those to the edge.
fn axis(rows: &[&Comparison], margin: f64, [from, to]: [f64; 2]) -> Scale {
    let estimates = rows.iter().filter_map(|row| row.overhead.estimate);
    let [lo, hi] = extent(estimates.chain([-margin, margin])).unwrap_or([-margin, margin]);
    let ends = rows.iter().filter_map(|row| row.overhead.ci).flatten();
    let [ci_lo, ci_hi] = extent(ends.chain([lo, hi])).unwrap_or([lo, hi]);
    let room = hi - lo;
    let [lo, hi] = with_room([ci_lo.max(lo - room), ci_hi.min(hi + room)], 0.02);
    let furthest = lo.abs().max(hi.abs());
    let spacing = if furthest > LINEAR_MARGINS * margin {
        Spacing::Asinh(margin)
    } else {
        Spacing::Linear
    };
    Scale {
        lo,
        hi,
        from,
        to,
        spacing,
    }
}

/// The A/A interval of a regime, through all its rows.
struct Strip {
    regime: Regime,
    interval: [f64; 2],
    /// From where to where it is drawn, row by row.
    rows: Vec<[f64; 2]>,
}

impl Strip {
    fn of(run: &RunResult, regime: &Regime) -> Option<Self> {
        Some(Self {
            interval: a_a_interval(run, regime)?,
            regime: regime.clone(),
            rows: Vec::new(),
        })
    }

    /// Its ends are dashed, so that it is told from the margin without colour too.
    fn draw(&self, scale: &Scale) -> Markup {
        let [left, right] = self.interval.map(|end| scale.at(end));
        let edges = |[from, to]: [f64; 2]| {
            Path::default()
                .line((left, from), (left, to))
                .line((right, from), (right, to))
        };
        html! {
            @for &[from, to] in &self.rows {
                rect .aa x=(Px(left)) y=(Px(from)) width=(Px(right - left)) height=(Px(to - from)) {}
                path .aa-edge d=(edges([from, to])) {}
            }
        }
    }
}

/// The band of the margin, the A/A strips, the grid, and zero.
fn ground(margin: f64, strips: &[Strip], scale: &Scale, bottom: f64) -> Markup {
    let (left, right) = (scale.at(-margin), scale.at(margin));
    html! {
        rect .band x=(Px(left)) y="4" width=(Px(right - left)) height=(Px(bottom - 4.0)) {}
        @for strip in strips { (strip.draw(scale)) }
        @for tick in ticks(scale) {
            @let x = scale.at(tick);
            path .grid[tick != 0.0] .axis[tick == 0.0] d=(Path::default().line((x, 4.0), (x, bottom))) {}
        }
    }
}

fn ticks(scale: &Scale) -> Vec<f64> {
    scale.ticks(46.0)
}

fn axis_words(
    run: &RunResult,
    layout: Layout,
    scale: &Scale,
    bottom: f64,
    has_strip: bool,
) -> Markup {
    let (first, last) = (scale.from, scale.to);
    let beyond = match scale.spacing {
        Spacing::Asinh(_) => "; far values closer together",
        _ => "",
    };
    let words = layout.pick(
        format!(
            "overhead: cost to the right, gain to the left; shaded: within ±{}{beyond}",
            given_percent(run.plan.margin)
        ),
        format!(
            "← gain · shaded ±{} · cost →",
            given_percent(run.plan.margin)
        ),
    );
    html! {
        path .axis d=(Path::default().line((first, bottom), (last, bottom))) {}
        @for tick in ticks(scale) {
            @let words = tick_words(tick);
            @let half = text_width(&words) / 2.0;
            @let x = scale.at(tick).clamp(half, layout.width() - half);
            (Set("c").at(x, bottom + 16.0, &words))
        }
        @let middle = layout.pick(f64::midpoint(first, last), layout.width() / 2.0);
        (Set("m c").at(middle, bottom + 38.0, &words))
        @if has_strip {
            (Set("m c").at(middle, bottom + 56.0, layout.pick(
                "strip with dashed edges: A/A, what the same lock twice differs by",
                "dashed: A/A, the same lock twice")))
        }
    }
}

/// `+3%`, `−10%`, `0`.
pub(crate) fn tick_words(tick: f64) -> String {
    let percent = tick * 100.0;
    if percent.abs() < 1e-9 {
        return "0".to_owned();
    }
    let sign = if percent < 0.0 { "−" } else { "+" };
    format!("{sign}{}%", significant(percent.abs(), 3))
}

fn draw_row(row: &Comparison, columns: &Columns, layout: Layout, scale: &Scale, y: f64) -> Markup {
    let middle = y + columns.middle;
    let words = y + columns.words;
    let class = if row.role == Role::AA {
        "none"
    } else {
        verdict_class(row.verdict)
    };
    let verdict = match (row.verdict, &row.missing) {
        (None, Some(_)) => "not compared".to_owned(),
        (verdict, _) => format::verdict(verdict),
    };
    let figures = figures(row);
    html! {
        g {
            title { (hover(row)) }
            (name_at(if row.role == Role::AA { "n m" } else { "n" }, 0.0, words, &row_name(row),
                columns.label_width))
            @if let Some(ci) = row.overhead.ci { (interval(ci, class, scale, middle)) }
            @if let Some(estimate) = row.overhead.estimate {
                (verdict_mark(row.verdict, scale.at(estimate), middle))
            }
            @match layout {
                Layout::Wide => {
                    (Set("e").at(760.0, words, &figures))
                    (Set(if row.role == Role::AA { "m" } else { "h" }).at(776.0, words, &verdict))
                }
                Layout::Narrow => {
                    (Set(if row.role == Role::AA { "m e" } else { "h e" })
                        .at(layout.width() - 2.0, words, &verdict))
                }
            }
        }
    }
}

/// A line with caps; an end beyond the axis is an arrow head.
fn interval([lo, hi]: [f64; 2], class: &str, scale: &Scale, y: f64) -> Markup {
    let (left, right) = (scale.at(lo), scale.at(hi));
    let cap = |x: f64, inside: bool, outward: f64| {
        if inside {
            Path::default().line((x, y - 4.0), (x, y + 4.0))
        } else {
            Path::default().to([
                (x - 5.0 * outward, y - 4.0),
                (x, y),
                (x - 5.0 * outward, y + 4.0),
            ])
        }
    };
    html! {
        g class=(format!("ci s {class}")) {
            path d=(Path::default().line((left, y), (right, y))) {}
            path d=(cap(left, scale.holds(lo), -1.0)) {}
            path d=(cap(right, scale.holds(hi), 1.0)) {}
        }
    }
}

/// `33.1% (32.6 to 33.7)`: short, since the verdict stands beside it.
fn figures(row: &Comparison) -> String {
    let Some(estimate) = row.overhead.estimate else {
        return "no estimate".to_owned();
    };
    let Some(ci) = row.overhead.ci else {
        return format!("{} (no interval)", percent(estimate, None));
    };
    let half = Some(half_width(ci));
    if !is_known(&row.overhead) {
        return super::svg::fitted(&format!("{} ({NOT_KNOWN})", percent(estimate, half)), 180.0);
    }
    let bare = |x| percent(x, half).trim_end_matches('%').to_owned();
    let text = format!(
        "{} ({} to {})",
        percent(estimate, half),
        bare(ci[0]),
        bare(ci[1])
    );
    super::svg::fitted(&text, 180.0)
}

/// What hovering a row tells.
fn hover(row: &Comparison) -> String {
    let verdict = format::verdict(row.verdict);
    let figures = match (row.overhead.estimate, row.overhead.ci, &row.missing) {
        (Some(x), Some(ci), _) => format!(
            "{} ({})",
            percent(x, Some(half_width(ci))),
            overhead_interval(&row.overhead)
        ),
        (Some(x), None, _) => format!("{} (no interval)", percent(x, None)),
        (None, _, Some(reason)) => reason.clone(),
        (None, _, None) => "no estimate".to_owned(),
    };
    outside(&format!(
        "{} against {}: {figures}, {verdict}",
        row_name(row),
        row.baseline
    ))
}

fn description(run: &RunResult, rows: &[&Comparison]) -> String {
    const TOLD: usize = 12;
    let mut told: Vec<String> = rows
        .iter()
        .take(TOLD)
        .map(|row| {
            let regime = row.regime();
            let at = if row.threads.is_some() {
                format!("{}, ", regime.label(run))
            } else {
                String::new()
            };
            outside(&format!("{at}{}", hover(row)))
        })
        .collect();
    if rows.len() > TOLD {
        told.push(format!("and {} more, in the table", rows.len() - TOLD));
    }
    told.join("; ") + "."
}
