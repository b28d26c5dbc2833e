//! The response: the program's time over the time that was really added, inside the holds and after them.
//!
//! Two panels with the same axes, so that the control is seen beside what it controls. Thin lines are blocks,
//! through their watched run; the thick line is the mean slope through the mean of these, in the fan of its
//! interval.

use locktoll_stats::Interval;
use locktoll_stats::pass_through::PassThrough;
use maud::{Markup, html};

use super::model::{Change, Run, Subject, WhatIf};
use super::rows::by_block;
use super::wording;
use crate::format::{count, durations_ns, plural};
use crate::plots::legend;
use crate::plots::scale::{Scale, extent, with_room};
use crate::plots::svg::{Drawing, Layout, Path, Px, Set, fitted, outside, text_width};

/// How much further than the data the axis goes for the lines of nothing and all.
const REACH: f64 = 2.0;
const PANEL_PX: f64 = 250.0;
/// Words above a panel.
const HEAD_PX: f64 = 42.0;
/// The axis and its words, below it.
const FOOT_PX: f64 = 48.0;

/// What was added and the time that it made, of one block; the watched run first.
type Line = Vec<(f64, f64)>;

struct Panel<'a> {
    name: &'static str,
    slope: &'a PassThrough,
    lines: Vec<Line>,
    class: &'static str,
}

/// Draws both panels; `None` where no block is whole.
pub(super) fn draw(result: &WhatIf, layout: Layout) -> Option<Drawing> {
    let panels = [
        Panel {
            name: "added inside the holds",
            slope: &result.inside,
            lines: lines(result, true),
            class: "s0",
        },
        Panel {
            name: "added after them, the control",
            slope: &result.outside,
            lines: lines(result, false),
            class: "s1",
        },
    ];
    let points = || panels.iter().flat_map(|panel| panel.lines.iter().flatten());
    let [_, most] = extent(points().map(|(x, _)| *x))?;
    let base = result.watched_ns;
    let seen = points()
        .map(|(_, y)| *y)
        .chain(result.bare_ns)
        .chain([base]);
    let [lo, hi] = extent(seen)?;
    // All that was added may be many times the program's time, where many threads have it added at once.
    let all = (base + most).min(base + REACH * (hi - base).max(base - lo));
    let range = with_room([lo.min(base), hi.max(all)], 0.04);

    let legend = legend::set((0.0, 14.0), layout.width(), &entries(result));
    let top = 14.0 + legend.height + 6.0;
    let labels = durations_ns(&Scale::linear(range, [PANEL_PX, 0.0]).ticks(36.0));
    let left = labels
        .iter()
        .map(|label| text_width(label))
        .fold(0.0, f64::max)
        + 10.0;
    let width = layout.pick(layout.width() / 2.0 - 8.0, layout.width());
    let places = layout.pick(
        [(0.0, top), (width + 16.0, top)],
        [(0.0, top), (0.0, top + HEAD_PX + PANEL_PX + FOOT_PX)],
    );
    let height =
        layout.pick(top, top + HEAD_PX + PANEL_PX + FOOT_PX) + HEAD_PX + PANEL_PX + FOOT_PX;
    Some(Drawing {
        name: "response".to_owned(),
        title: "The program's time over the time that was added".to_owned(),
        description: described(result, &panels),
        layout,
        height,
        body: html! {
            (legend.body)
            @for (panel, (x, y)) in panels.iter().zip(places) {
                @let across = Scale::linear([0.0, most], [x + left + 6.0, x + width - 8.0]);
                @let up = Scale::linear(range, [y + HEAD_PX + PANEL_PX, y + HEAD_PX]);
                (head(result, panel, x, y, width))
                (axes(&across, &up, x + left, x + width))
                (marks(result, panel, &across, &up))
            }
        },
    })
}

/// The points of each block in which all runs are there.
fn lines(result: &WhatIf, inside: bool) -> Vec<Line> {
    let is_of = |change: &Change| match change {
        Change::Inside { .. } => inside,
        Change::After { .. } => !inside,
        _ => false,
    };
    let levels = result.added.iter().copied().filter(is_of);
    let levels: Vec<_> = levels
        .map(|change| by_block(result, Subject::Program, change))
        .collect();
    let point = |run: &&Run| {
        let added = if inside {
            run.inside_ns
        } else {
            run.outside_ns
        };
        (run.per_unit(added), run.time_ns)
    };
    let watched = by_block(result, Subject::Program, Change::Watched);
    let line = |(block, base): (&u64, &&Run)| {
        let levels = levels.iter().map(|level| level.get(block).map(point));
        let levels: Option<Line> = levels.collect();
        let levels = levels.filter(|levels| !levels.is_empty())?;
        Some(std::iter::once((0.0, base.time_ns)).chain(levels).collect())
    };
    watched.iter().filter_map(line).collect()
}

fn head(result: &WhatIf, panel: &Panel<'_>, x: f64, y: f64, width: f64) -> Markup {
    let unit = outside(&format!("time of {}", result.metric.unit));
    html! {
        (Set("h").at(x, y + 12.0, &fitted(panel.name, width)))
        (Set("m").at(x, y + 30.0, &fitted(&unit, width)))
    }
}

fn axes(across: &Scale, up: &Scale, left: f64, right: f64) -> Markup {
    let ticks = across.ticks(70.0);
    let rises = up.ticks(36.0);
    html! {
        @for (tick, words) in rises.iter().zip(durations_ns(&rises)) {
            @let y = up.at(*tick);
            path .grid d=(Path::default().line((left, y), (right, y))) {}
            (Set("e m").at(left - 6.0, y + 4.0, &words))
        }
        path .axis d=(Path::default().line((left, up.from), (right, up.from))) {}
        @for (tick, words) in ticks.iter().zip(durations_ns(&ticks)) {
            @let half = text_width(&words) / 2.0;
            (Set("c m").at(across.at(*tick).min(right - half), up.from + 16.0, &words))
        }
        (Set("c m").at(f64::midpoint(left, right), up.from + 34.0, "really added"))
    }
}

fn marks(result: &WhatIf, panel: &Panel<'_>, across: &Scale, up: &Scale) -> Markup {
    let base = result.watched_ns;
    let place = |&(x, y): &(f64, f64)| (across.at(x), up.at(y));
    let ray = |slope: f64| ray(base, slope, across.hi, [up.lo, up.hi]);
    // A line ends where it leaves the panel; only the fan goes on along the edge.
    let path = |slope: f64| Path::default().to(ray(slope).iter().take(2).map(place));
    let fan = |ci: Interval| {
        let there = ray(ci.lo);
        let back = ray(ci.hi);
        let round = there.iter().chain(back.iter().rev()).map(place);
        Path::default().to(round).close()
    };
    let thin = panel.lines.iter().fold(Path::default(), |path, line| {
        path.to(line.iter().map(place))
    });
    let dots = panel.lines.iter().flatten().map(place);
    let dots = dots.fold(Path::default(), |path, (x, y)| path.dot(x, y));
    html! {
        @if let Some(ci) = panel.slope.ci { path .band d=(fan(ci)) {} }
        path .axis .dash d=(path(0.0)) {}
        path .axis .dash d=(path(1.0)) {}
        path class=(format!("thin s {}", panel.class)) d=(thin) {}
        path class=(format!("dots s {}", panel.class)) d=(dots) {}
        path class=(format!("bold s {}", panel.class)) d=(path(panel.slope.slope)) {}
        @if let Some(bare) = result.bare_ns {
            circle .hollow .s .ink cx=(Px(across.at(0.0))) cy=(Px(up.at(bare))) r="3.5" {}
        }
    }
}

/// A line from `(0, base)` to `most`, kept inside a range by following its edge.
fn ray(base: f64, slope: f64, most: f64, [lo, hi]: [f64; 2]) -> Line {
    let end = base + slope * most;
    if (lo..=hi).contains(&end) {
        return vec![(0.0, base), (most, end)];
    }
    let edge = if end > hi { hi } else { lo };
    vec![(0.0, base), ((edge - base) / slope, edge), (most, edge)]
}

fn entries(result: &WhatIf) -> Vec<(Markup, String)> {
    let line = |class: &str| html! { path class=(class) d="M-6 0h12" {} };
    let mut entries = vec![
        (
            html! { path .thin .s .s0 d="M-6 0h12" {} path .dots .s .s0 d="M0 0h0" {} },
            "a block".to_owned(),
        ),
        (
            html! { path .band d="M-6-5h12v10h-12z" {} path .bold .s .s0 d="M-6 0h12" {} },
            "mean slope, interval".to_owned(),
        ),
        (
            line("axis dash"),
            "none of it, all of it arrives".to_owned(),
        ),
    ];
    if result.bare_ns.is_some() {
        entries.push((
            html! { circle .hollow .s .ink r="3.5" {} },
            "bare runs, mean".to_owned(),
        ));
    }
    entries
}

fn described(result: &WhatIf, panels: &[Panel<'_>]) -> String {
    let slopes: Vec<String> = panels
        .iter()
        .map(|panel| {
            format!(
                "Of each nanosecond {}, {} ns arrived, in {}.",
                panel.name,
                wording::interval(panel.slope.slope, panel.slope.ci),
                plural(panel.lines.len() as u64, "block")
            )
        })
        .collect();
    outside(&format!(
        "Time of {} over what was really added. {} {} runs.",
        result.metric.unit,
        slopes.join(" "),
        count(result.runs.len() as u64)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_leaves_the_range_follows_its_edge() {
        let range = [0.0, 200.0];
        assert_eq!(
            ray(100.0, 0.5, 100.0, range),
            [(0.0, 100.0), (100.0, 150.0)]
        );
        assert_eq!(
            ray(100.0, 4.0, 100.0, range),
            [(0.0, 100.0), (25.0, 200.0), (100.0, 200.0)]
        );
        assert_eq!(
            ray(100.0, -2.0, 100.0, range),
            [(0.0, 100.0), (50.0, 0.0), (100.0, 0.0)]
        );
    }
}
