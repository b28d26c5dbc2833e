//! What the parts of the time per op are, and from which probes they come: the formulas of the
//! analysis, for readers of a report.

use super::cause::part_name;
use crate::format::duration_ns;
use crate::model::{Cause, Part, PassThrough};

/// What the letters of [`FORMULAS`] mean.
pub(crate) const LETTERS: &str = "The time per op is 1 ÷ throughput, of the op without any \
    addition. An op's way is cut into stretches that do not overlap: A outside the lock, B inside it \
    until the commit, C the commit, D on the device, L the latency of the wait. p is the part of 1 ns \
    more that arrives in the time per op; where there is no lock, p(lock) is p(encode). A share is \
    its formula ÷ the time per op.";

/// Each part with its formula, and what feeds it.
pub(crate) const FORMULAS: [(Part, &str, &str); 5] = [
    (
        Part::Lock,
        "(p(lock) − p(encode)) × (B + C)",
        "time added inside the lock and on the CPU outside it; B + C with all threads, 0 with one",
    ),
    (
        Part::Device,
        "p(device) × D",
        "time added on the device; D with all threads",
    ),
    (
        Part::Encode,
        "p(encode) × (A + B)",
        "time added on the CPU outside the lock; A + B of one thread alone",
    ),
    (
        Part::SubmitWait,
        "(p(submit) − p(lock) + p(encode)) × C + p(wait) × L",
        "time added inside the submission, inside the lock, on the CPU outside it, and after \
         completion; C and L of one thread alone",
    ),
    (
        Part::Remainder,
        "time per op − all of these",
        "none of its own",
    ),
];

/// What a level of no time is.
pub(crate) const REFERENCE: &str = "+0 is the reference of its row: the op with a dispatch that has \
    nothing to do.";

/// The rows of [`FORMULAS`].
pub(crate) fn formulas() -> impl Iterator<Item = Vec<String>> {
    FORMULAS.into_iter().map(|(part, formula, probes)| {
        vec![
            part_name(part).to_owned(),
            formula.to_owned(),
            probes.to_owned(),
        ]
    })
}

/// `+0, +20.4 µs`: what was added, level by level.
pub(crate) fn levels(row: &PassThrough) -> String {
    let levels = row.levels.iter().map(|level| match level.asked_ns {
        0 => "+0".to_owned(),
        _ => format!("+{}", duration_ns(level.added_ns)),
    });
    levels.collect::<Vec<_>>().join(", ")
}

/// Whether a level of no time is among those of these causes.
pub(crate) fn have_reference(causes: &[Cause]) -> bool {
    let rows = causes.iter().flat_map(|cause| &cause.pass_throughs);
    rows.flat_map(|row| &row.levels)
        .any(|level| level.asked_ns == 0)
}

/// Whether the levels are on one line.
pub(crate) fn on_one_line(row: &PassThrough) -> &'static str {
    match row.linear {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not tested",
    }
}
