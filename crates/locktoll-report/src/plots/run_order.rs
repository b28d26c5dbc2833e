//! The course of the run: every trial in the order of execution, as its distance from the middle of
//! its own series, so that what slows the machine shows in all series at once.

use std::collections::BTreeMap;

use maud::html;

use super::legend;
use super::scale::{Scale, extent, with_room};
use super::svg::{Drawing, Layout, Path, Px, Set, outside, text_width};
use crate::format::{count, plural, quantity, significant};
use crate::model::{RunResult, Series, Subject};
use crate::regime::Regime;
use crate::wording::series_name;

/// Quartiles that are this many interquartile ranges away are outliers (Tukey's inner fences).
const FENCE: f64 = 1.5;
/// Distances beyond this many times the middle half of all are drawn at the edge.
const FURTHEST: f64 = 12.0;

/// What was run, one after the other, and in which words that is told.
pub(crate) struct Course {
    pub(crate) points: Vec<Point>,
    pub(crate) crashes: Vec<Crash>,
    pub(crate) title: &'static str,
    pub(crate) description: String,
    /// What a point is.
    pub(crate) one: &'static str,
    /// The words below, in a wide drawing and in a narrow one.
    pub(crate) axis: [&'static str; 2],
}

/// One trial that ran to its end.
pub(crate) struct Point {
    order: u64,
    /// Relative to the median of its series.
    deviation: f64,
    outlier: bool,
    told: String,
}

/// One trial that crashed, at the middle of its block.
pub(crate) struct Crash {
    order: f64,
    told: String,
}

/// Draws the trials of all series whose order is known; `None` without any.
pub(crate) fn draw(run: &RunResult, layout: Layout) -> Option<Drawing> {
    let points = points(run);
    let crashes = crashes(run);
    let course = Course {
        title: "Every trial in the order of execution",
        description: described(run, &points, crashes.len()),
        points,
        crashes,
        one: "a trial",
        axis: [
            "trial, in the order of execution; height: distance from its series' median",
            "trial, in order of execution",
        ],
    };
    draw_course(&course, layout)
}

/// Draws a course; `None` where nothing came to its end.
pub(crate) fn draw_course(course: &Course, layout: Layout) -> Option<Drawing> {
    let (points, crashes) = (&course.points, &course.crashes);
    let last = points.iter().map(|p| p.order).max()?;
    let width = layout.width();
    let range = range(points)?;
    let (left, right) = (54.0, width - 10.0);
    let legend = legend::set(
        (0.0, 14.0),
        width,
        &entries(course.one, !crashes.is_empty()),
    );
    let top = 14.0 + legend.height + 4.0;
    let bottom = top + layout.pick(190.0, 170.0);
    let up = Scale::linear(range, [bottom, top]);
    let across = Scale::linear([0.0, last.max(1) as f64], [left + 8.0, right - 8.0]);
    let place = |p: &Point| (across.at(p.order as f64), up.at(p.deviation));
    let dots = points
        .iter()
        .filter(|p| !p.outlier)
        .map(place)
        .fold(Path::default(), |path, (x, y)| path.dot(x, y));
    let strip = bottom + 14.0;
    let axis = if crashes.is_empty() {
        bottom
    } else {
        strip + 10.0
    };
    Some(Drawing {
        name: "run-order".to_owned(),
        title: course.title.to_owned(),
        description: course.description.clone(),
        layout,
        height: axis + 42.0,
        body: html! {
            (legend.body)
            @for tick in up.ticks(36.0) {
                @let y = up.at(tick);
                path .grid[tick != 0.0] .axis[tick == 0.0] d=(Path::default().line((left, y), (right, y))) {}
                (Set("e m").at(left - 6.0, y + 4.0, &percent_words(tick)))
            }
            @if !dots.is_empty() { path .dots .s .s0 d=(dots) {} }
            @for point in points.iter().filter(|p| p.outlier) {
                @let (x, y) = place(point);
                g {
                    title { (point.told) }
                    @if up.holds(point.deviation) {
                        circle .hollow .s .costs cx=(Px(x)) cy=(Px(y)) r="3.5" {}
                    } @else {
                        path .f .costs d=(edge(x, y, point.deviation > 0.0)) {}
                    }
                }
            }
            @if !crashes.is_empty() {
                (Set("e m").at(left - 6.0, strip + 4.0, "crash"))
                @for crash in crashes {
                    @let x = across.at(crash.order);
                    g { title { (crash.told) } path .ci .s .costs d=(cross(x, strip)) {} }
                }
            }
            path .axis d=(Path::default().line((left, axis), (right, axis))) {}
            @for tick in across.ticks(70.0).into_iter().filter(|tick| tick.fract() == 0.0) {
                @let words = quantity(tick);
                @let half = text_width(&words) / 2.0;
                (Set("c m").at(across.at(tick).clamp(left, width - half), axis + 16.0, &words))
            }
            (Set("c m").at(f64::midpoint(left, right), axis + 36.0, layout.pick(course.axis[0], course.axis[1])))
        },
    })
}

fn entries(one: &str, crashed: bool) -> Vec<(maud::Markup, String)> {
    let mut entries = vec![
        (html! { path .dots .s .s0 d="M0 0h0" {} }, one.to_owned()),
        (
            html! { circle .hollow .s .costs r="3.5" {} },
            "outlier (Tukey)".to_owned(),
        ),
        (
            html! { path .f .costs d=(edge(0.0, 0.0, true)) {} },
            "outlier beyond the edge".to_owned(),
        ),
    ];
    if crashed {
        entries.push((
            html! { path .ci .s .costs d=(cross(0.0, 0.0)) {} },
            "crash, at the middle of its block".to_owned(),
        ));
    }
    entries
}

fn cross(x: f64, y: f64) -> Path {
    Path::default()
        .line((x - 3.5, y - 3.5), (x + 3.5, y + 3.5))
        .line((x - 3.5, y + 3.5), (x + 3.5, y - 3.5))
}

/// A triangle that points out of the drawing.
fn edge(x: f64, y: f64, above: bool) -> Path {
    let out = if above { -1.0 } else { 1.0 };
    Path::default()
        .to([
            (x, y + 2.0 * out),
            (x + 4.5, y - 6.0 * out),
            (x - 4.5, y - 6.0 * out),
        ])
        .close()
}

fn percent_words(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p.abs() < 1e-9 => "0".to_owned(),
        p if p.abs() >= 1e6 => format!("{p:.0e}%"),
        p => {
            let sign = if p < 0.0 { "−" } else { "+" };
            format!("{sign}{}%", significant(p.abs(), 3))
        }
    }
}

/// Every trial with a known order, probes among them.
pub(crate) fn points(run: &RunResult) -> Vec<Point> {
    let mut points = Vec::new();
    for series in run.series.iter().chain(&run.probes) {
        let ordered: Vec<(u64, f64, &str)> = series
            .values
            .iter()
            .filter_map(|v| Some((v.order?, v.value, v.block.as_str())))
            .collect();
        let placed: Vec<(u64, f64)> = ordered
            .iter()
            .map(|(order, value, _)| (*order, *value))
            .collect();
        points.extend(of_series(&placed, |index| {
            let (order, value, block) = ordered[index];
            format!(
                "trial {order}, {}, {}, block {block}: {} {}",
                series_name(series),
                series.regime().label(run),
                quantity(value),
                series.unit
            )
        }));
    }
    points
}

/// One series: each value's place in the order, and the value. `told` says of one of them what it is.
pub(crate) fn of_series(placed: &[(u64, f64)], told: impl Fn(usize) -> String) -> Vec<Point> {
    let values: Vec<f64> = placed.iter().map(|(_, value)| *value).collect();
    let Some([q1, median, q3]) = quartiles(&values) else {
        return Vec::new();
    };
    let reach = FENCE * (q3 - q1);
    let point = |(index, &(order, value)): (usize, &(u64, f64))| {
        // Below four values quartiles say nothing of the spread.
        let outlier = values.len() >= 4 && !(q1 - reach..=q3 + reach).contains(&value);
        Point {
            order,
            deviation: value / median - 1.0,
            outlier,
            told: if outlier {
                outside(&told(index))
            } else {
                String::new()
            },
        }
    };
    let mut points: Vec<Point> = placed.iter().enumerate().map(point).collect();
    points.retain(|point| point.deviation.is_finite());
    points
}

/// Quartiles by linear interpolation of order statistics (Hyndman and Fan's type 7).
fn quartiles(values: &[f64]) -> Option<[f64; 3]> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let at = |share: f64| {
        let place = share * last as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a length"
        )]
        let below = place.floor() as usize;
        let above = (below + 1).min(last);
        let part = place - place.floor();
        sorted[below] * (1.0 - part) + sorted[above] * part
    };
    Some([at(0.25), at(0.5), at(0.75)])
}

/// What the axis holds: all, unless a few lie so far off that the others would fall together.
fn range(points: &[Point]) -> Option<[f64; 2]> {
    let deviations: Vec<f64> = points.iter().map(|p| p.deviation).collect();
    let [lo, hi] = extent(deviations.iter().copied())?;
    let [q1, _, q3] = quartiles(&deviations)?;
    let furthest = FURTHEST * (q3 - q1);
    let (lo, hi) = if furthest > 0.0 {
        (lo.max(-furthest), hi.min(furthest))
    } else {
        (lo, hi)
    };
    let [lo, hi] = with_room([lo.min(0.0), hi.max(0.0)], 0.06);
    if hi - lo > 1e-6 {
        Some([lo, hi])
    } else {
        Some([-0.01, 0.01])
    }
}

/// Crashes have no place of their own in the record; the middle of their block's trials is near it.
fn crashes(run: &RunResult) -> Vec<Crash> {
    let mut blocks: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    let series = || run.series.iter().chain(&run.probes);
    for value in series().flat_map(|s| &s.values) {
        if let Some(order) = value.order {
            let sum = blocks.entry(&value.block).or_default();
            *sum = (sum.0 + order as f64, sum.1 + 1.0);
        }
    }
    let tell = |series: &Series, signal: &str, block: &str| {
        let regime: Regime = series.regime();
        outside(&format!(
            "{signal} in block {block}: {}, {}",
            series_name(series),
            regime.label(run)
        ))
    };
    series()
        .filter_map(|series| Some((series, series.crashes.as_ref()?)))
        .flat_map(|(series, crashes)| crashes.events.iter().map(move |event| (series, event)))
        .filter_map(|(series, event)| {
            let (sum, n) = blocks.get(event.block.as_str())?;
            Some(Crash {
                order: sum / n,
                told: tell(series, &event.signal, &event.block),
            })
        })
        .collect()
}

/// What was dropped before the trials' values, in words; `None` where nothing is known of it.
pub(crate) fn warm_up(run: &RunResult) -> Option<String> {
    match run.plan.experiment.as_ref()?.subject {
        Subject::Encoders { warmup: 0, .. } => {
            Some("No iteration was dropped as warm-up.".to_owned())
        }
        Subject::Encoders {
            warmup, iterations, ..
        } => Some(format!(
            "Each trial ran {} of warm-up, which were dropped, before the {} that count.",
            plural(warmup.into(), "iteration"),
            count(iterations.into())
        )),
        Subject::Program { .. } | Subject::Commands { .. } => {
            Some("A trial is a whole run of the program, its start included.".to_owned())
        }
    }
}

fn described(run: &RunResult, points: &[Point], crashes: usize) -> String {
    format!(
        "{} in the order of execution, each as its distance from the median of its own series. {}; {}. {}",
        plural(points.len() as u64, "trial"),
        outliers(points),
        match crashes {
            1 => "1 crash".to_owned(),
            n => format!("{} crashes", count(n as u64)),
        },
        warm_up(run).unwrap_or_default()
    )
}

/// How many points lie far out.
pub(crate) fn outliers(points: &[Point]) -> String {
    let outliers = points.iter().filter(|p| p.outlier).count();
    format!(
        "{} outside Tukey's fences (1.5 interquartile ranges beyond the quartiles of their series)",
        count(outliers as u64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_those_of_type_7() {
        // R: quantile(c(1, 2, 3, 4, 10), c(.25, .5, .75)) gives 2, 3, 4.
        assert_eq!(
            quartiles(&[10.0, 1.0, 3.0, 2.0, 4.0]),
            Some([2.0, 3.0, 4.0])
        );
        assert_eq!(quartiles(&[1.0, 2.0]), Some([1.25, 1.5, 1.75]));
        assert_eq!(quartiles(&[]), None);
    }
}
