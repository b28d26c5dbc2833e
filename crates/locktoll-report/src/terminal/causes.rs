//! The parts of the time per op on a terminal, one table for each configuration that was probed.

use comfy_table::{ColumnConstraint, ContentArrangement, Table};

use crate::format::{duration_ns, half_width, optional, plural, ratio};
use crate::model::{Cause, Part, PassThrough, Resource, RunResult};
use crate::text::{plain, wrap};
use crate::wording::cause::{duration_interval, part_name, place, share_interval};

/// The tables, each under a line that says of what they are.
pub(super) fn tables(run: &RunResult, width: usize) -> Vec<String> {
    let causes = run.causes.iter().filter(|cause| !cause.shares.is_empty());
    causes.map(|cause| table(cause, width)).collect()
}

fn table(cause: &Cause, width: usize) -> String {
    let time = cause.time_per_op_ns.as_ref().map_or_else(
        || "time per op".to_owned(),
        |time| format!("time per op {}", duration_interval(time)),
    );
    let head = format!(
        "{} at {}: {time}, of which",
        plain(&cause.config),
        plural(cause.threads.into(), "thread")
    );
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(["", "share", "an op needs", "of 1 ns more, arrive"]);
    for row in &cause.shares {
        table.add_row([
            part_name(row.part).to_owned(),
            optional(row.share.as_ref(), share_interval),
            optional(row.demand_ns, duration_ns),
            arrivals(cause, row.part),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, if column.index == 3 { 0 } else { 2 }));
        // Words may wrap; a figure that is broken over two lines cannot be read.
        if (1..=2).contains(&column.index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let lines: String = table
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect();
    wrap(&head, width, "", "  ") + &lines
}

/// `0.980 inside the lock`: what was added to this part, a line each.
fn arrivals(cause: &Cause, part: Part) -> String {
    let resources: &[Resource] = match part {
        Part::Lock => &[Resource::Lock],
        Part::Device => &[Resource::Device],
        Part::Encode => &[Resource::Encode],
        Part::SubmitWait => &[Resource::Submit, Resource::Wait],
        Part::Remainder => &[],
    };
    let rows = cause.pass_throughs.iter();
    let rows = rows.filter(|row| resources.contains(&row.resource));
    rows.filter_map(arrival).collect::<Vec<_>>().join("\n")
}

fn arrival(row: &PassThrough) -> Option<String> {
    let found = row.estimate.as_ref()?;
    let slope = ratio(found.estimate, found.ci.map(half_width));
    Some(format!("{slope} {}", place(row.resource)))
}
