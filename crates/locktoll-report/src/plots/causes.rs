//! What the time per op is made of: a row for each part of each configuration that was taken apart,
//! its share as a dot with its interval, from a zero that all rows have in common. A bar could not show
//! a part below zero, nor parts that sum to more than the whole.

use maud::{Markup, html};

use super::scale::{Scale, extent};
use super::svg::{Drawing, Layout, Path, Px, Set, fitted, name_at, outside, text_width};
use crate::format::{optional, plural, significant};
use crate::model::{Cause, Part, RunResult, Share};
use crate::wording::cause::{part_name, root_name, share_interval};

/// Shares beyond these lie at the edge of the drawing; their figures stand beside them.
const FURTHEST: [f64; 2] = [-1.0, 3.0];
/// Room of a configuration's name above its rows.
const HEAD_PX: f64 = 26.0;

/// Draws every cause that has shares.
pub(crate) fn draw(run: &RunResult, layout: Layout) -> Option<Drawing> {
    let has_shares = |cause: &&Cause| cause.shares.iter().any(|row| row.share.is_some());
    let causes: Vec<&Cause> = run.causes.iter().filter(has_shares).collect();
    if causes.is_empty() {
        return None;
    }
    let width = layout.width();
    let found = causes.iter().flat_map(|cause| &cause.shares);
    let ends = found
        .filter_map(|row| row.share.as_ref())
        .flat_map(|found| std::iter::once(found.estimate).chain(found.ci.into_iter().flatten()))
        .map(|x| x.clamp(FURTHEST[0], FURTHEST[1]));
    let [lo, hi] = extent(ends.chain([0.0, 1.0]))?;
    let (from, to) = layout.pick((190.0, width - 206.0), (8.0, width - 8.0));
    let across = Scale::linear([lo, hi], [from, to]);
    let row_px = layout.pick(24.0, 42.0);
    let mut bodies = Vec::new();
    let mut y = 0.0;
    for cause in &causes {
        bodies.push(head(cause, width, y));
        let top = y + HEAD_PX;
        y = top + cause.shares.len() as f64 * row_px;
        bodies.push(grid(&across, top, y));
        for (index, row) in cause.shares.iter().enumerate() {
            bodies.push(mark(row, layout, &across, top + index as f64 * row_px));
        }
        y += 8.0;
    }
    let ticks = across.ticks(layout.pick(56.0, 60.0));
    Some(Drawing {
        name: "causes".to_owned(),
        title: "What the time per op is made of".to_owned(),
        description: causes
            .iter()
            .map(|cause| told(cause))
            .collect::<Vec<_>>()
            .join(" "),
        layout,
        height: y + 40.0,
        body: html! {
            @for body in &bodies { (body) }
            @for tick in ticks {
                @let words = format!("{}%", significant(tick * 100.0, 3));
                @let half = text_width(&words) / 2.0;
                (Set("c m").at(across.at(tick).clamp(half, width - half), y + 14.0, &words))
            }
            (Set("c m").at(width / 2.0, y + 34.0, "share of the time per op"))
        },
    })
}

/// The configuration and its root cause.
fn head(cause: &Cause, width: f64, y: f64) -> Markup {
    let at = plural(cause.threads.into(), "thread");
    let name = fitted(
        &outside(&cause.config),
        width - text_width(&format!(", {at}: submission-bound")) - 8.0,
    );
    let words = format!("{name}, {at}: {}", root_name(cause.root));
    name_at("h", 0.0, y + 16.0, &words, width)
}

/// Lines behind the rows of one configuration; nothing and the whole are the strong ones.
fn grid(across: &Scale, top: f64, bottom: f64) -> Markup {
    let (mut weak, mut strong) = (Path::default(), Path::default());
    for tick in across.ticks(56.0) {
        let x = across.at(tick);
        weak = weak.line((x, top), (x, bottom));
    }
    for x in [0.0, 1.0].map(|share| across.at(share)) {
        strong = strong.line((x, top), (x, bottom));
    }
    html! {
        path .grid d=(weak) {}
        path .axis d=(strong) {}
    }
}

fn mark(row: &Share, layout: Layout, across: &Scale, y: f64) -> Markup {
    let name = part_name(row.part);
    let figure = optional(row.share.as_ref(), share_interval);
    let (words, middle) = layout.pick((y + 16.0, y + 12.0), (y + 14.0, y + 28.0));
    let class = fill(row.part);
    html! {
        g {
            title { (format!("{name}: {figure}")) }
            (Set("").at(0.0, words, name))
            @if let Some(found) = &row.share {
                @if let Some([lo, hi]) = found.ci {
                    path class=(format!("ci s {class}")) d=(interval(across, [lo, hi], middle)) {}
                }
                circle class=(format!("f {class}")) cx=(Px(across.at(found.estimate)))
                    cy=(Px(middle)) r="4.5" {}
            }
            (Set("e m").at(layout.width() - 2.0, words, &narrowed(&figure, layout)))
        }
    }
}

/// The figure with its interval where there is room for both.
fn narrowed(figure: &str, layout: Layout) -> String {
    let room = layout.pick(200.0, 148.0);
    let alone = figure.split(" (").next().unwrap_or_default();
    fitted(
        if text_width(figure) <= room {
            figure
        } else {
            alone
        },
        room,
    )
}

fn interval(across: &Scale, [lo, hi]: [f64; 2], y: f64) -> Path {
    let (from, to) = (across.at(lo), across.at(hi));
    Path::default()
        .line((from, y), (to, y))
        .line((from, y - 3.0), (from, y + 3.0))
        .line((to, y - 3.0), (to, y + 3.0))
}

fn fill(part: Part) -> &'static str {
    match part {
        Part::Lock => "s1",
        Part::Device => "s0",
        Part::Encode => "s2",
        Part::SubmitWait => "s3",
        Part::Remainder => "none",
    }
}

fn told(cause: &Cause) -> String {
    let parts: Vec<String> = cause
        .shares
        .iter()
        .filter_map(|row| {
            let found = row.share.as_ref()?;
            Some(format!("{} {}", part_name(row.part), share_interval(found)))
        })
        .collect();
    outside(&format!(
        "{} at {}, {}: {}.",
        cause.config,
        plural(cause.threads.into(), "thread"),
        root_name(cause.root),
        parts.join(", ")
    ))
}
