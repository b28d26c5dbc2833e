//! The statistics of each comparison in one place: precision, method, what was corrected for.

use super::doc::{Doc, escape};
use super::results::{comparison_name, method_cell, ordered};
use crate::format::{
    MISSING, count, given_percent, half_width, optional, percent, signed_percent, significant,
};
use crate::model::{Comparison, Role, RunResult};
use crate::wording::{NOT_KNOWN, is_known};

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "Statistical Summary");
    let rows: Vec<&Comparison> = [Role::Strategy, Role::AA]
        .into_iter()
        .flat_map(|role| ordered(run, role))
        .collect();
    if rows.is_empty() {
        doc.paragraph("Nothing was compared.");
        return;
    }
    doc.table(
        &[
            "Comparison",
            "Absolute overhead",
            "Overhead",
            "Margin of error",
            "Method",
        ],
        rows.iter().map(|row| {
            let half = row.overhead.ci.map(half_width);
            [
                comparison_name(run, row),
                difference(run, row),
                optional(row.overhead.estimate, |x| signed_percent(x, half)),
                match half {
                    Some(_) if !is_known(&row.overhead) => NOT_KNOWN.to_owned(),
                    _ => optional(half, |half| format!("±{}", percent(half, Some(half)))),
                },
                method_cell(row),
            ]
        }),
    );
    doc.bullets([
        format!(
            "Comparisons under Holm's correction: {}.",
            count(
                rows.iter()
                    .filter(|row| row.p_difference_holm.is_some())
                    .count() as u64
            )
        ),
        format!(
            "The margin of error is half the width of the {} interval, in points of overhead. An \
             interval need not be even on both sides of its estimate.",
            given_percent(run.plan.confidence)
        ),
    ]);
}

/// How much the test falls short of the baseline, in the unit of the values, by the difference
/// test that goes with the design.
fn difference(run: &RunResult, row: &Comparison) -> String {
    let Some(secondary) = &row.secondary else {
        return MISSING.to_owned();
    };
    let (estimate, ci) = match (&secondary.difference_paired, &secondary.welch) {
        (Some(paired), _) => (paired.mean, paired.ci),
        (None, Some(welch)) => (welch.difference, welch.ci),
        (None, None) => return MISSING.to_owned(),
    };
    let regime = row.regime();
    let unit = run
        .series_in(&regime)
        .next()
        .map_or("", |series| series.unit.as_str());
    let (lo, hi) = (significant(ci.lo, 3), significant(ci.hi, 3));
    format!(
        "{} {} ({lo} to {hi})",
        significant(estimate, 3),
        escape(unit)
    )
}
