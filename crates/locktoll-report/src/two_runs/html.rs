//! Two runs as a page of HTML, in the form of `report.html`.

use maud::html;

use super::{NOT_INTERLEAVED, TwoRuns, mean, ratio, regime, row_name, summary, word};
use crate::format::{given_percent, optional, p_value};
use crate::html::page::{self, Column, Head, Section, table};
use crate::plots::svg::outside;

/// Writes a comparison of two runs as a page of HTML.
#[must_use]
pub fn render(runs: &TwoRuns) -> String {
    let head = Head {
        title: "Two runs compared".to_owned(),
        about: outside(&format!("{} → {}", runs.first, runs.second)),
        source: None,
        answer: html! {
            p .lead { (summary(runs)) }
            p .aside { (NOT_INTERLEAVED) }
        },
    };
    let mut sections = Vec::new();
    if !runs.rows.is_empty() {
        sections.push(Section {
            id: "throughput",
            heading: "Throughput",
            body: throughput(runs),
        });
    }
    if !runs.unmatched.is_empty() {
        sections.push(Section {
            id: "unmatched",
            heading: "Not compared",
            body: html! { ul { @for name in &runs.unmatched { li { (outside(name)) } } } },
        });
    }
    sections.push(Section {
        id: "differences",
        heading: "What else differs",
        body: differences(runs),
    });
    page::write(&head, &sections)
}

fn throughput(runs: &TwoRuns) -> maud::Markup {
    let rows: Vec<Vec<String>> = runs
        .rows
        .iter()
        .map(|row| {
            let [estimate, interval] = ratio(row);
            vec![
                outside(&row_name(row)),
                outside(&regime(row)),
                mean(&row.first),
                mean(&row.second),
                outside(&row.unit),
                estimate,
                outside(&interval),
                word(row.verdict).to_owned(),
                optional(row.p_difference_holm, p_value),
                optional(row.p_equivalence, p_value),
            ]
        })
        .collect();
    let columns = [
        ("Configuration", Column::Name),
        ("Regime", Column::Words),
        ("First", Column::Figure),
        ("Second", Column::Figure),
        ("Unit", Column::Words),
        ("Ratio", Column::Figure),
        ("Interval", Column::Figure),
        ("Second run is", Column::Words),
        ("p, Holm", Column::Figure),
        ("p, TOST", Column::Figure),
    ];
    html! {
        p .note {
            "Ratio: throughput of the second run ÷ that of the first, with Fieller's interval for \
             independent values at " (given_percent(runs.confidence)) "; the margin is ±"
            (given_percent(runs.margin)) ". Holm's correction runs over all rows."
        }
        (table("Throughput of each series in both runs", &columns, &rows))
    }
}

fn differences(runs: &TwoRuns) -> maud::Markup {
    let side = |text: &Option<String>| optional(text.as_deref(), outside);
    let rows: Vec<Vec<String>> = runs
        .differences
        .iter()
        .map(|found| {
            vec![
                outside(&found.name),
                side(&found.first),
                side(&found.second),
            ]
        })
        .collect();
    let columns = [
        ("Fact", Column::Name),
        ("First", Column::Long),
        ("Second", Column::Long),
    ];
    html! {
        @if rows.is_empty() { p { "Nothing that is recorded." } }
        (table("Plan and environment", &columns, &rows))
    }
}
