//! How the replica's answers compare with the program's: their ratio with its interval, and what is tolerated.

use maud::{Markup, html};

use super::model::{ReplicaResult, WhatIf};
use super::rows::{Answer, answers};
use crate::format::{fixed_point, significant};
use crate::plots::legend;
use crate::plots::scale::{Scale, extent, with_room};
use crate::plots::svg::{Drawing, Layout, Path, Px, Set, behind_rows, row_bands, text_width};

/// Ratios beyond these lie at the edge; their figures stand beside them.
const FURTHEST: [f64; 2] = [0.25, 3.0];

/// Draws every answer of a replica.
pub(super) fn draw(result: &WhatIf, replica: &ReplicaResult, layout: Layout) -> Option<Drawing> {
    let answers = answers(result, replica);
    let width = layout.width();
    let legend = legend::set((0.0, 14.0), width, &entries());
    let top = 14.0 + legend.height;
    let row = layout.pick(28.0, 46.0);
    let (from, to) = layout.pick((170.0, width - 190.0), (8.0, width - 8.0));
    let ends = answers.iter().flat_map(|answer| {
        [
            answer.ratio,
            answer.ci.lo,
            answer.ci.hi,
            answer.tolerated,
            1.0 / answer.tolerated,
        ]
    });
    let ends = ends.map(|x| x.clamp(FURTHEST[0], FURTHEST[1]));
    let across = Scale::linear(with_room(extent(ends.chain([1.0]))?, 0.03), [from, to]);
    let bottom = top + row * answers.len() as f64;
    let ticks = across.ticks(layout.pick(64.0, 56.0));
    let rows = row_bands(answers.len(), top, row, layout);
    Some(Drawing {
        name: "agreement".to_owned(),
        title: "The replica's answers over the program's".to_owned(),
        description: answers.iter().map(told).collect::<Vec<_>>().join("; ") + ".",
        layout,
        height: bottom + 42.0,
        body: html! {
            (legend.body)
            @for (index, answer) in answers.iter().enumerate() {
                (band(answer, layout, &across, top + index as f64 * row))
            }
            path .grid d=(behind_rows(&ticks.iter().map(|tick| across.at(*tick)).collect::<Vec<_>>(), &rows)) {}
            path .axis d=(behind_rows(&[across.at(1.0)], &rows)) {}
            @for tick in &ticks {
                @let words = significant(*tick, 4);
                @let half = text_width(&words) / 2.0;
                (Set("c m").at(across.at(*tick).clamp(half, width - half), bottom + 16.0, &words))
            }
            @for (index, answer) in answers.iter().enumerate() {
                (mark(answer, layout, &across, top + index as f64 * row))
            }
            (Set("c m").at(f64::midpoint(from, to), bottom + 36.0, "replica ÷ program"))
        },
    })
}

/// From a row's top to the baseline of its words, and to the middle of its interval.
fn words_and_middle(layout: Layout) -> [f64; 2] {
    layout.pick([18.0, 14.0], [14.0, 30.0])
}

/// What is tolerated, behind everything else.
fn band(answer: &Answer, layout: Layout, across: &Scale, y: f64) -> Markup {
    let [_, middle] = words_and_middle(layout);
    let [from, to] = [1.0 / answer.tolerated, answer.tolerated].map(|ratio| across.at(ratio));
    html! {
        rect .band x=(Px(from)) y=(Px(y + middle - 9.0)) width=(Px(to - from)) height="18" {}
    }
}

fn mark(answer: &Answer, layout: Layout, across: &Scale, y: f64) -> Markup {
    let [words, middle] = words_and_middle(layout).map(|below| y + below);
    let [lo, hi] = [answer.ci.lo, answer.ci.hi].map(|ratio| across.at(ratio));
    html! {
        g {
            title { (told(answer)) }
            (Set("").at(0.0, words, &answer.name))
            path .ci .s .s0 d=(Path::default().line((lo, middle), (hi, middle))) {}
            circle .f .s0 cx=(Px(across.at(answer.ratio))) cy=(Px(middle)) r="4.5" {}
            (Set("e m").at(layout.width() - 2.0, words, &figures(answer)))
        }
    }
}

fn figures(answer: &Answer) -> String {
    format!("{} ({})", fixed_point(answer.ratio, 3), answer.interval())
}

fn told(answer: &Answer) -> String {
    format!("{}: {}", answer.name, figures(answer))
}

fn entries() -> Vec<(Markup, String)> {
    vec![
        (
            html! { path .ci .s .s0 d="M-7 0h14" {} circle .f .s0 r="4" {} },
            "an answer, with its interval".to_owned(),
        ),
        (
            html! { rect .band x="-6" y="-6" width="12" height="12" {} },
            "tolerated".to_owned(),
        ),
    ]
}
