//! Two runs for a person at a terminal.

use comfy_table::{ColumnConstraint, ContentArrangement, Table};

use super::{NOT_INTERLEAVED, TwoRuns, mean, ratio, regime, row_name, summary, word};
use crate::format::{MISSING, given_percent, optional};
use crate::text::{plain, wrap};

/// Narrower terminals get lines of this many columns all the same.
const NARROWEST: usize = 40;

/// Writes a comparison of two runs for a terminal of a width.
#[must_use]
pub fn render(runs: &TwoRuns, width: usize) -> String {
    let width = width.max(NARROWEST);
    let line = |text: &str| wrap(&plain(text), width, "", "  ");
    let mut out = line(&summary(runs));
    out += &line(NOT_INTERLEAVED);
    out += &line(&format!("first:  {}", runs.first));
    out += &line(&format!("second: {}", runs.second));
    if !runs.rows.is_empty() {
        out += "\n";
        out += &table(runs, width);
        out += &line(&format!(
            "Ratio: throughput of the second run ÷ the first. Intervals are {}; the margin is ±{}.",
            given_percent(runs.confidence),
            given_percent(runs.margin)
        ));
    }
    if !runs.differences.is_empty() {
        out += "\nWhat else differs:\n";
        for found in &runs.differences {
            let side = |text: &Option<String>| optional(text.as_deref(), str::to_owned);
            out += &line(&format!(
                "{}: {} → {}",
                found.name,
                side(&found.first),
                side(&found.second)
            ));
        }
    }
    for row in &runs.rows {
        if let Some(reason) = &row.missing {
            let name = format!("{}, {}", row_name(row), regime(row));
            out += &line(&format!("not compared: {name}: {reason}"));
        }
    }
    for name in &runs.unmatched {
        out += &line(&format!("not compared: {name}"));
    }
    out
}

fn table(runs: &TwoRuns, width: usize) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(["", "", "first", "second", "ratio", "interval", "second is"]);
    for row in &runs.rows {
        let [estimate, interval] = ratio(row);
        table.add_row([
            plain(&row_name(row)),
            plain(&regime(row)),
            mean(&row.first),
            mean(&row.second),
            estimate,
            // A reason is a sentence; it stands below.
            row.missing
                .as_ref()
                .map_or(interval, |_| MISSING.to_owned()),
            word(row.verdict).to_owned(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, if column.index == 6 { 0 } else { 2 }));
        // Names and verdicts may wrap; a figure that is broken over two lines cannot be read.
        if (2..=5).contains(&column.index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let lines = table.lines();
    lines
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}
