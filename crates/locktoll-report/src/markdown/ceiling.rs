//! The device's own limit, and what lies between it and the workload.

use super::VOICE;
use super::doc::{Doc, escape};
use crate::format::{mean, percent_interval, plural, share};
use crate::model::{Ceiling, RunResult};
use crate::wording;
use crate::wording::cause::duration_interval;

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    let Some(ceiling) = &run.ceiling else { return };
    doc.heading(3, "The device's own limit");
    if let Some(sentence) = wording::cause::ceiling(run, ceiling, &VOICE) {
        doc.paragraph(&sentence);
    }
    doc.paragraph(
        "Empty ops are command buffers without any work. Waiting for them at the end means at the end of \
         an iteration.",
    );
    let limits = ceiling.limits.iter().map(|limit| {
        vec![
            plural(limit.threads.into(), "thread"),
            plural(limit.queues.into(), "queue"),
            wording::cause::waited(limit).to_owned(),
            mean(limit.ops_per_s.estimate, limit.ops_per_s.ci),
        ]
    });
    doc.table(&["Threads", "Queues", "Waiting", "Empty ops/s"], limits);
    steps(doc, ceiling);
}

/// What was taken away, one after the other.
fn steps(doc: &mut Doc, ceiling: &Ceiling) {
    let Some(whole) = &ceiling.time_per_op_ns else {
        return;
    };
    doc.paragraph(&format!(
        "Of {} per op, this much went with each thing that was taken away, after those before it:",
        duration_interval(whole)
    ));
    let rows = ceiling.steps.iter().map(|step| {
        vec![
            escape(&step.removed),
            duration_interval(&step.saved_ns),
            format!(
                "{}{}",
                share(step.share.estimate),
                step.share
                    .ci
                    .map_or_else(String::new, |ci| format!(" ({})", percent_interval(ci)))
            ),
            duration_interval(&step.left_ns),
        ]
    });
    doc.table(
        &["Taken away", "Time saved per op", "Share", "Time left"],
        rows,
    );
}
