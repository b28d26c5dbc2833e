//! What cuts would bring: the bound of each as a bar from 1, what is expected as a dot with its interval.

use maud::{Markup, html};

use super::model::{Cut, WhatIf};
use super::rows::{at_most, faster};
use crate::format::{given_percent, significant};
use crate::plots::legend;
use crate::plots::scale::{Scale, Spacing, extent, with_room};
use crate::plots::svg::{Drawing, Layout, Path, Px, Set, behind_rows, row_bands, text_width};

/// Factors beyond these lie at the edge; their figures stand beside them.
const FURTHEST: [f64; 2] = [0.1, 1000.0];
/// Factors up to this are spaced evenly, larger ones by their logarithm.
const LINEAR_TO: f64 = 10.0;
const BAR_PX: f64 = 12.0;

/// Draws every cut; `None` where there is none.
pub(super) fn draw(result: &WhatIf, layout: Layout) -> Option<Drawing> {
    if result.cuts.is_empty() {
        return None;
    }
    let width = layout.width();
    let legend = legend::set((0.0, 14.0), width, &entries(result));
    let top = 14.0 + legend.height;
    let row = layout.pick(30.0, 46.0);
    let words = result
        .cuts
        .iter()
        .map(|cut| text_width(&figures(cut, layout)));
    let words = words.fold(0.0, f64::max);
    let (from, to) = layout.pick((170.0, width - words - 22.0), (8.0, width - 8.0));
    let across = scale(&result.cuts, [from, to])?;
    let bottom = top + row * result.cuts.len() as f64;
    let ticks = across.ticks(layout.pick(64.0, 56.0));
    let rows = row_bands(result.cuts.len(), top, row, layout);
    Some(Drawing {
        name: "gains".to_owned(),
        title: "How many times as fast the program would be".to_owned(),
        description: result.cuts.iter().map(told).collect::<Vec<_>>().join(" "),
        layout,
        height: bottom + 42.0,
        body: html! {
            (legend.body)
            path .grid d=(behind_rows(&ticks.iter().map(|tick| across.at(*tick)).collect::<Vec<_>>(), &rows)) {}
            path .axis d=(behind_rows(&[across.at(1.0)], &rows)) {}
            @for tick in &ticks {
                @let words = format!("{}×", significant(*tick, 4));
                @let half = text_width(&words) / 2.0;
                (Set("c m").at(across.at(*tick).clamp(half, width - half), bottom + 16.0, &words))
            }
            @for (index, cut) in result.cuts.iter().enumerate() {
                (mark(cut, layout, &across, top + index as f64 * row))
            }
            (Set("c m").at(f64::midpoint(from, to), bottom + 36.0, "times as fast as it is"))
        },
    })
}

fn scale(cuts: &[Cut], pixels: [f64; 2]) -> Option<Scale> {
    let expected = |cut: &Cut| {
        let found = cut.expected?;
        Some([found.ratio, found.ci.lo, found.ci.hi])
    };
    let bounds = cuts.iter().filter_map(|cut| cut.at_most);
    let expected = cuts.iter().filter_map(expected).flatten();
    let [lo, hi] = extent(
        bounds
            .chain(expected)
            .map(|x| x.clamp(FURTHEST[0], FURTHEST[1]))
            // So that a gain of a thousandth does not look like one.
            .chain([1.0, 1.1]),
    )?;
    if hi <= LINEAR_TO {
        return Some(Scale::linear(with_room([lo, hi], 0.03), pixels));
    }
    Some(Scale {
        lo: lo / 1.05,
        hi: hi * 1.05,
        from: pixels[0],
        to: pixels[1],
        spacing: Spacing::Log,
    })
}

fn mark(cut: &Cut, layout: Layout, across: &Scale, y: f64) -> Markup {
    let name = layout.pick(
        format!("{} of each hold cut", given_percent(cut.fraction)),
        format!("cut by {}", given_percent(cut.fraction)),
    );
    let (words, middle) = layout.pick((y + 19.0, y + 15.0), (y + 14.0, y + 30.0));
    let one = across.at(1.0);
    html! {
        g {
            title { (told(cut)) }
            (Set("").at(0.0, words, &name))
            @if let Some(most) = cut.at_most {
                @let end = across.at(most);
                rect .band x=(Px(one)) y=(Px(middle - BAR_PX / 2.0)) width=(Px((end - one).max(0.0))) height=(Px(BAR_PX)) {}
                path .ci .s .ink d=(Path::default().line((end, middle - BAR_PX / 2.0), (end, middle + BAR_PX / 2.0))) {}
            }
            @if let Some(found) = &cut.expected {
                path .ci .s .s0 d=(Path::default().line((across.at(found.ci.lo), middle), (across.at(found.ci.hi), middle))) {}
                circle .f .s0 cx=(Px(across.at(found.ratio))) cy=(Px(middle)) r="4.5" {}
            }
            (Set("e m").at(layout.width() - 2.0, words, &figures(cut, layout)))
        }
    }
}

fn figures(cut: &Cut, layout: Layout) -> String {
    let most = match cut.at_most {
        Some(most) => format!("at most {}", faster(most)),
        None => at_most(cut),
    };
    match cut.expected {
        None => most,
        Some(found) => layout.pick(
            format!(
                "{} ({} to {}), {most}",
                faster(found.ratio),
                faster(found.ci.lo),
                faster(found.ci.hi)
            ),
            format!("{}, {most}", faster(found.ratio)),
        ),
    }
}

fn told(cut: &Cut) -> String {
    let expected = cut.expected.map_or_else(String::new, |found| {
        format!(
            ", expected {} ({} to {})",
            faster(found.ratio),
            faster(found.ci.lo),
            faster(found.ci.hi)
        )
    });
    let most = cut
        .at_most
        .map_or_else(|| at_most(cut), |most| format!("at most {}", faster(most)));
    format!(
        "{} of each hold cut: {most}{expected}.",
        given_percent(cut.fraction)
    )
}

fn entries(result: &WhatIf) -> Vec<(Markup, String)> {
    let mut entries = vec![(
        html! { rect .band x="-6" y="-6" width="10" height="12" {} path .ci .s .ink d="M4-6v12" {} },
        "at most".to_owned(),
    )];
    if result.cuts.iter().any(|cut| cut.expected.is_some()) {
        entries.push((
            html! { path .ci .s .s0 d="M-7 0h14" {} circle .f .s0 r="4" {} },
            "expected, with its interval".to_owned(),
        ));
    }
    entries
}
