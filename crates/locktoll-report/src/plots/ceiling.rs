//! From the workload down to the empty op: what each thing that was taken away saved.

use maud::{Markup, html};

use super::scale::{Scale, extent};
use super::svg::{Drawing, Layout, Path, Px, Set, fitted, outside, text_width};
use crate::format::duration_ns;
use crate::model::{Ceiling, Estimate, RunResult};
use crate::wording::cause::share_interval;

/// From one line of a name to the next.
const LINE_PX: f64 = 15.0;
/// Lines of the longest name.
const MOST_LINES: usize = 4;

struct Bar {
    name: String,
    from: f64,
    to: f64,
    ci: Option<[f64; 2]>,
    figure: String,
    class: &'static str,
}

/// Draws the steps of the ablation as a waterfall; `None` where there are none.
pub(crate) fn draw(run: &RunResult, layout: Layout) -> Option<Drawing> {
    let ceiling = run.ceiling.as_ref()?;
    let bars = bars(ceiling)?;
    let width = layout.width();
    let (label_width, from) = layout.pick((236.0, 250.0), (width, 6.0));
    let to = layout.pick(width - 170.0, width - 6.0);
    let figures = bars.iter().map(|bar| text_width(short(&bar.figure)));
    // On a narrow screen the figure stands at the end of the name's first line.
    let name_width = layout.pick(
        label_width,
        label_width - figures.fold(0.0, f64::max) - 10.0,
    );
    let names: Vec<Vec<String>> = bars
        .iter()
        .map(|bar| lines(&bar.name, name_width))
        .collect();
    let mut tops = vec![8.0];
    for name in &names {
        let further = name.len().saturating_sub(1) as f64 * LINE_PX;
        tops.push(tops[tops.len() - 1] + layout.pick(28.0, 46.0) + further);
    }
    let ends = bars.iter().flat_map(|bar| {
        [bar.from, bar.to]
            .into_iter()
            .chain(bar.ci.into_iter().flatten())
    });
    let [lo, hi] = extent(ends.chain([0.0]))?;
    let across = Scale::linear([lo.min(0.0), hi], [from, to]);
    let bottom = tops[bars.len()];
    let ticks = across.ticks(layout.pick(84.0, 76.0));
    Some(Drawing {
        name: "ceiling".to_owned(),
        title: "From the workload down to an empty op".to_owned(),
        description: bars
            .iter()
            .map(|bar| format!("{}: {}", bar.name, bar.figure))
            .collect::<Vec<_>>()
            .join("; ")
            + ".",
        layout,
        height: bottom + 42.0,
        body: html! {
            @for tick in &ticks {
                @let x = across.at(*tick);
                @let words = if *tick == 0.0 { "0".to_owned() } else { duration_ns(*tick) };
                @let half = text_width(&words) / 2.0;
                path .grid d=(Path::default().line((x, 4.0), (x, bottom))) {}
                (Set("c m").at(x.clamp(half, width - half), bottom + 16.0, &words))
            }
            @for (index, bar) in bars.iter().enumerate() {
                (draw_bar(bar, layout, &across, &names[index], tops[index]))
            }
            (Set("c m").at(f64::midpoint(from, to), bottom + 36.0, "time per op"))
        },
    })
}

fn bars(ceiling: &Ceiling) -> Option<Vec<Bar>> {
    if ceiling.steps.is_empty() {
        return None;
    }
    let mut bars = Vec::new();
    if let Some(whole) = &ceiling.time_per_op_ns {
        bars.push(total("the workload as it is", whole));
    }
    for step in &ceiling.steps {
        let left = step.left_ns.estimate;
        bars.push(Bar {
            name: outside(&format!("without {}", step.removed)),
            from: left,
            to: left + step.saved_ns.estimate,
            ci: step.saved_ns.ci.map(|ci| ci.map(|x| left + x)),
            // Written as the change that it makes: a saving is a minus.
            figure: format!(
                "{}{}, {}",
                if step.saved_ns.estimate < 0.0 {
                    "+"
                } else {
                    "−"
                },
                duration_ns(step.saved_ns.estimate.abs()),
                share_interval(&step.share)
            ),
            class: "s1",
        });
    }
    let last = ceiling.steps.last()?;
    bars.push(total("what is left", &last.left_ns));
    Some(bars)
}

fn total(name: &str, time: &Estimate) -> Bar {
    Bar {
        name: name.to_owned(),
        from: 0.0,
        to: time.estimate,
        ci: time.ci,
        figure: duration_ns(time.estimate),
        class: "s0",
    }
}

/// The figure without its interval.
fn short(figure: &str) -> &str {
    figure.split(" (").next().unwrap_or_default()
}

/// A name on as many lines as it needs; only a name beyond all measure is cut, and the title above
/// its row has it whole.
fn lines(name: &str, width: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in name.split(' ') {
        let last = lines.len() - 1;
        let longer = format!("{} {word}", lines[last]);
        if lines[last].is_empty() {
            word.clone_into(&mut lines[last]);
        } else if text_width(&longer) <= width {
            lines[last] = longer;
        } else if lines.len() == MOST_LINES {
            lines[last] = longer;
            break;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.iter().map(|line| fitted(line, width)).collect()
}

fn draw_bar(bar: &Bar, layout: Layout, across: &Scale, name: &[String], y: f64) -> Markup {
    let (left, right) = (
        across.at(bar.from.min(bar.to)),
        across.at(bar.from.max(bar.to)),
    );
    let further = name.len().saturating_sub(1) as f64 * LINE_PX;
    let (words, top) = layout.pick((y + 16.0, y + 4.0), (y + 13.0, y + 19.0 + further));
    html! {
        g {
            title { (format!("{}: {}", bar.name, bar.figure)) }
            @for (at, line) in name.iter().enumerate() {
                (Set("").at(0.0, words + at as f64 * LINE_PX, line))
            }
            rect class=(format!("f {}", bar.class)) x=(Px(left)) y=(Px(top))
                width=(Px((right - left).max(1.0))) height="16" {}
            @if let Some([lo, hi]) = bar.ci {
                path .ci .s .ink d=(Path::default().line((across.at(lo), top + 8.0), (across.at(hi), top + 8.0))) {}
            }
            (Set("e m").at(layout.width() - 2.0, words, short(&bar.figure)))
        }
    }
}
