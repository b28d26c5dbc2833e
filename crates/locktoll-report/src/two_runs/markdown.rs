//! Two runs as Markdown.

use super::{NOT_INTERLEAVED, TwoRuns, mean, ratio, regime, row_name, summary, word};
use crate::format::{given_percent, optional, p_value};
use crate::markdown::doc::{Doc, escape};

/// Writes a comparison of two runs as Markdown (GitHub's tables).
#[must_use]
pub fn render(runs: &TwoRuns) -> String {
    let mut doc = Doc::default();
    doc.heading(1, "Two runs compared");
    doc.paragraph(&summary(runs));
    doc.paragraph(NOT_INTERLEAVED);
    doc.bullets([
        format!("first: {}", escape(&runs.first)),
        format!("second: {}", escape(&runs.second)),
    ]);
    doc.heading(2, "Throughput");
    let header = [
        "Configuration",
        "Regime",
        "Unit",
        "First",
        "Second",
        "Ratio",
        "Interval",
        "p (Holm)",
        "p (TOST)",
        "Second run is",
    ];
    let rows = runs.rows.iter().map(|row| {
        let [estimate, interval] = ratio(row);
        vec![
            escape(&row_name(row)),
            escape(&regime(row)),
            escape(&row.unit),
            mean(&row.first),
            mean(&row.second),
            estimate,
            escape(&interval),
            optional(row.p_difference_holm, p_value),
            optional(row.p_equivalence, p_value),
            word(row.verdict).to_owned(),
        ]
    });
    doc.table(&header, rows);
    doc.paragraph(&format!(
        "Ratio: throughput of the second run ÷ that of the first, with Fieller's interval for \
         independent values at {}; the margin is ±{}. Holm's correction runs over all rows.",
        given_percent(runs.confidence),
        given_percent(runs.margin)
    ));
    if !runs.unmatched.is_empty() {
        doc.paragraph("Not compared:");
        doc.bullets(runs.unmatched.iter().map(|name| escape(name)));
    }
    doc.heading(2, "What else differs");
    if runs.differences.is_empty() {
        doc.paragraph("Nothing that is recorded.");
    }
    let side = |text: &Option<String>| optional(text.as_deref(), escape);
    doc.table(
        &["Fact", "First", "Second"],
        runs.differences
            .iter()
            .map(|found| [escape(&found.name), side(&found.first), side(&found.second)]),
    );
    doc.finish()
}
