//! What the time per op is made of: a stacked bar for each configuration that was taken apart, and
//! under it each part's share with its interval.

use maud::{Markup, html};

use super::legend;
use super::scale::Scale;
use super::svg::{Drawing, Layout, Path, Px, Set, fitted, name_at, outside, text_width};
use crate::format::{plural, significant};
use crate::model::{Cause, Part, RunResult};
use crate::wording::cause::{part_name, root_name, share_interval};

const BAR_HEIGHT: f64 = 26.0;
/// Between the lines that carry the intervals.
const LINE_PX: f64 = 9.0;

/// Draws every cause that has shares.
pub(crate) fn draw(run: &RunResult, layout: Layout) -> Option<Drawing> {
    let causes: Vec<&Cause> = run
        .causes
        .iter()
        .filter(|cause| cause.shares.iter().any(|row| row.share.is_some()))
        .collect();
    if causes.is_empty() {
        return None;
    }
    let width = layout.width();
    let furthest = causes
        .iter()
        .map(|cause| total(cause))
        .filter(|sum| sum.is_finite())
        .fold(1.0, f64::max);
    let across = Scale::linear([0.0, (furthest * 1.06).min(f64::MAX)], [8.0, width - 8.0]);
    let parts = [
        Part::Lock,
        Part::Device,
        Part::Encode,
        Part::SubmitWait,
        Part::Remainder,
    ];
    let present: Vec<Part> = parts
        .into_iter()
        .filter(|part| {
            let of = |cause: &&&Cause| cause.shares.iter().any(|row| row.part == *part);
            causes.iter().any(|cause| of(&cause))
        })
        .collect();
    let entries: Vec<(Markup, String)> = present
        .iter()
        .map(|part| (swatch(*part), part_name(*part).to_owned()))
        .collect();
    let legend = legend::set((0.0, 14.0), width, &entries);
    let mut y = 14.0 + legend.height + 8.0;
    let mut bars = Vec::new();
    for cause in &causes {
        let (bar, height) = bar(cause, &across, width, y);
        bars.push(bar);
        y += height;
    }
    let description = causes
        .iter()
        .map(|cause| told(cause))
        .collect::<Vec<_>>()
        .join(" ");
    Some(Drawing {
        name: "causes".to_owned(),
        title: "What the time per op is made of".to_owned(),
        description,
        layout,
        height: y + 36.0,
        body: html! {
            (legend.body)
            @for tick in across.ticks(56.0) {
                @let x = across.at(tick);
                @let words = format!("{}%", significant(tick * 100.0, 3));
                @let whole = (tick - 1.0).abs() < 1e-9;
                path .grid[!whole] .axis[whole] d=(Path::default().line((x, 26.0 + legend.height - 14.0), (x, y))) {}
                (Set("c m").at(x.clamp(text_width(&words) / 2.0, width - text_width(&words) / 2.0),
                    y + 16.0, &words))
            }
            @for bar in &bars { (bar) }
            (Set("c m").at(width / 2.0, y + 34.0, "share of the time per op; lines: intervals"))
        },
    })
}

fn total(cause: &Cause) -> f64 {
    let shares = cause.shares.iter().filter_map(|row| row.share.as_ref());
    shares.map(|found| found.estimate.max(0.0)).sum::<f64>()
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

/// The letter that stands for a part inside the bar.
fn letter(part: Part) -> &'static str {
    match part {
        Part::Lock => "L",
        Part::Device => "D",
        Part::Encode => "E",
        Part::SubmitWait => "S",
        Part::Remainder => "R",
    }
}

fn swatch(part: Part) -> Markup {
    html! {
        rect class=(format!("f {}", fill(part))) x="-6" y="-6.5" width="13" height="13" {}
        text .on .c x="0.5" y="4" { (letter(part)) }
    }
}

fn bar(cause: &Cause, across: &Scale, width: f64, y: f64) -> (Markup, f64) {
    let top = y + 22.0;
    let mut reached = 0.0;
    let mut segments = Vec::new();
    let mut lines = Vec::new();
    for row in &cause.shares {
        let Some(found) = &row.share else { continue };
        let size = found.estimate.max(0.0);
        let (left, right) = (across.at(reached), across.at(reached + size));
        let class = fill(row.part);
        let told = format!("{}: {}", part_name(row.part), share_interval(found));
        segments.push(html! {
            g {
                title { (told) }
                rect class=(format!("f gap {class}")) x=(Px(left)) y=(Px(top))
                    width=(Px(right - left)) height=(Px(BAR_HEIGHT)) {}
                @if right - left > 16.0 {
                    (Set("on c").at(f64::midpoint(left, right), top + 17.5, letter(row.part)))
                }
            }
        });
        if let Some([lo, hi]) = found.ci {
            let line = top + BAR_HEIGHT + 6.0 + lines.len() as f64 * LINE_PX;
            let (from, to) = (across.at(reached + lo), across.at(reached + hi));
            let ends = Path::default()
                .line((from, line), (to, line))
                .line((from, line - 3.0), (from, line + 3.0))
                .line((to, line - 3.0), (to, line + 3.0));
            lines.push(html! {
                g { title { (told) } path class=(format!("ci s {class}")) d=(ends) {} }
            });
        }
        reached += size;
    }
    let height = 22.0 + BAR_HEIGHT + 8.0 + lines.len() as f64 * LINE_PX + 14.0;
    let at = plural(cause.threads.into(), "thread");
    let name = fitted(
        &outside(&cause.config),
        width - text_width(&format!(", {at}: submission-bound")) - 8.0,
    );
    let words = format!("{name}, {at}: {}", root_name(cause.root));
    let body = html! {
        (name_at("h", 0.0, y + 13.0, &words, width))
        @for segment in &segments { (segment) }
        @for line in &lines { (line) }
    };
    (body, height)
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
