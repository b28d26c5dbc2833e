//! What the time per op is made of: the formulas, the shares, and how much of an addition arrives.

use super::doc::{Doc, escape};
use crate::format::{duration_ns, optional, p_value};
use crate::model::{Cause, RunResult};
use crate::wording::cause::{duration_interval, part_name, place, ratio_interval, share_interval};
use crate::wording::parts;

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    if run.causes.is_empty() {
        return;
    }
    doc.heading(3, "What the time per op is made of");
    doc.paragraph(parts::LETTERS);
    doc.table(&["Part", "Formula", "What feeds it"], parts::formulas());
    doc.table(
        &["Configuration", "Threads", "Part", "Share", "An op needs"],
        run.causes.iter().flat_map(share_rows),
    );
    doc.paragraph("Of 1 ns added per op, how much arrives in the time per op:");
    doc.table(
        &[
            "Configuration",
            "Threads",
            "1 ns more",
            "Arrives, ns",
            "Levels",
            "On one line",
            "p (one line)",
        ],
        run.causes.iter().flat_map(slope_rows),
    );
    if parts::have_reference(&run.causes) {
        doc.paragraph(parts::REFERENCE);
    }
}

fn head(cause: &Cause) -> [String; 2] {
    [escape(&cause.config), cause.threads.to_string()]
}

/// The shares, below the time per op of which they are shares.
fn share_rows(cause: &Cause) -> Vec<Vec<String>> {
    let whole = [
        "time per op".to_owned(),
        "100%".to_owned(),
        optional(cause.time_per_op_ns.as_ref(), duration_interval),
    ];
    let rows = cause.shares.iter().map(|row| {
        [
            part_name(row.part).to_owned(),
            optional(row.share.as_ref(), share_interval),
            optional(row.demand_ns, duration_ns),
        ]
    });
    std::iter::once(whole)
        .chain(rows)
        .map(|cells| head(cause).into_iter().chain(cells).collect())
        .collect()
}

fn slope_rows(cause: &Cause) -> Vec<Vec<String>> {
    let rows = cause.pass_throughs.iter().map(|row| {
        [
            place(row.resource).to_owned(),
            optional(row.estimate.as_ref(), ratio_interval),
            parts::levels(row),
            parts::on_one_line(row).to_owned(),
            optional(row.p_linear, p_value),
        ]
    });
    rows.map(|cells| head(cause).into_iter().chain(cells).collect())
        .collect()
}
