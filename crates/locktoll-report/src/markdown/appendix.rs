//! The data: every value, every crash, every secondary statistic.

use super::doc::{Doc, escape};
use super::results::comparison_name;
use crate::format::{exact, optional, significant};
use crate::model::{Comparison, RunResult, Series};
use crate::raw;
use crate::rows;
use crate::wording::series_name;

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "Data Appendix");
    raw_values(doc, run);
    crashes(doc, run);
    secondary(doc, run);
}

fn raw_values(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Raw values");
    if run.series.iter().all(|series| series.values.is_empty()) {
        doc.paragraph("There are no values.");
        return;
    }
    if run.plan.experiment.is_some() {
        doc.paragraph(
            "One value is one trial. The order of execution and the iterations inside each trial \
             are in `result.json`.",
        );
    }
    for regime in &run.regimes() {
        let label = escape(&regime.label(run));
        let of_probes = run.probes.iter().filter(|s| s.regime() == *regime);
        values(doc, &format!("Values ({label}):"), run.series_in(regime));
        values(doc, &format!("Values of probes ({label}):"), of_probes);
    }
}

/// The values of series side by side; nothing where there are none.
fn values<'a>(doc: &mut Doc, lead: &str, series: impl Iterator<Item = &'a Series>) {
    let series: Vec<&Series> = series.filter(|series| raw::has_rows(series)).collect();
    if series.is_empty() {
        return;
    }
    doc.paragraph(lead);
    let mut header = vec!["Block".to_owned()];
    header.extend(
        series
            .iter()
            .map(|s| format!("{} ({})", escape(&series_name(s)), escape(&s.unit))),
    );
    doc.table(&header, raw::block_rows(&series, escape, exact));
}

fn crashes(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Crashes, one by one");
    let rows = rows::crash_events(run, escape);
    if rows.is_empty() {
        doc.paragraph("No crash is recorded.");
        return;
    }
    doc.table(
        &[
            "Configuration",
            "Regime",
            "Block",
            "Signal",
            "Iteration",
            "Thread",
            "Message",
        ],
        rows,
    );
}

fn secondary(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Secondary statistics");
    let any = run.comparisons.iter().any(|row| row.secondary.is_some());
    if !any {
        doc.paragraph("None were computed.");
        return;
    }
    doc.paragraph(
        "Other ways to analyse the same values, by their names in `result.json`. The verdicts do \
         not use them.",
    );
    for regime in &run.regimes() {
        let rows: Vec<&Comparison> = run
            .comparisons
            .iter()
            .filter(|row| row.regime() == *regime && row.secondary.is_some())
            .collect();
        secondary_table(doc, run, &rows);
    }
}

/// Statistics down, comparisons across.
fn secondary_table(doc: &mut Doc, run: &RunResult, rows: &[&Comparison]) {
    let figures: Vec<Vec<(String, String)>> = rows.iter().map(|row| flatten(row)).collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in figures.iter().flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut header = vec!["Statistic".to_owned()];
    header.extend(rows.iter().map(|row| comparison_name(run, row)));
    doc.table(
        &header,
        names.iter().map(|name| {
            let cells = figures.iter().map(|figures| {
                optional(figures.iter().find(|(n, _)| n == name), |(_, text)| {
                    text.clone()
                })
            });
            std::iter::once((*name).to_owned())
                .chain(cells)
                .collect::<Vec<_>>()
        }),
    );
}

/// Every statistic of a comparison with its path, such as `welch.df`.
///
/// It goes by the serialised form, so that a statistic added in `locktoll-stats` cannot be
/// forgotten here.
fn flatten(row: &Comparison) -> Vec<(String, String)> {
    let mut out = Vec::new();
    if let Ok(value) = serde_json::to_value(&row.secondary) {
        walk(&mut out, "", &value);
    }
    out
}

fn walk(out: &mut Vec<(String, String)>, path: &str, value: &serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Null => {}
        Value::Object(fields) if fields.len() == 2 && fields.contains_key("lo") => {
            let end = |name: &str| fields.get(name).map_or_else(String::new, scalar);
            out.push((path.to_owned(), format!("{} to {}", end("lo"), end("hi"))));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    escape(name)
                } else {
                    format!("{path}.{}", escape(name))
                };
                walk(out, &path, value);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            out.push((path.to_owned(), items.join(", ")));
        }
        other => out.push((path.to_owned(), scalar(other))),
    }
}

fn scalar(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(number) if number.is_f64() => {
            optional(number.as_f64(), |x| significant(x, 6))
        }
        serde_json::Value::String(text) => escape(text),
        other => escape(&other.to_string()),
    }
}
