//! What stands behind the figures: how busy each resource was, whether the contention fits the
//! holds, what the baseline leaves out, scaling, the instrument, latency, variance.

use super::doc::{Doc, escape};
use super::results::{comparison_name, ordered};
use super::{consistency, left_out, scaling};
use crate::format::{self, count, given_percent, optional, quantity, share};
use crate::model::{Role, RunResult, Subject};
use crate::rows;
use crate::wording::size;

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "Detailed Analysis");
    utilisation(doc, run);
    consistency::write(doc, run);
    left_out::write(doc, run);
    scaling::write(doc, run);
    instrument(doc, run);
    latency(doc, run);
    variance(doc, run);
}

fn utilisation(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "How busy lock, device and CPU were");
    let rows: Vec<Vec<String>> = run
        .series
        .iter()
        .filter_map(|series| {
            let busy = series.utilisation.as_ref()?;
            let shares = [busy.lock, busy.device, busy.cpu].map(|x| optional(x, share));
            let switches = [
                busy.voluntary_switches_per_op,
                busy.involuntary_switches_per_op,
            ]
            .map(|x| optional(x, quantity));
            Some(
                rows::head(run, series, escape)
                    .into_iter()
                    .chain(shares)
                    .chain(switches)
                    .collect(),
            )
        })
        .collect();
    if rows.is_empty() {
        doc.paragraph("Not measured.");
        return;
    }
    doc.table(
        &[
            "Configuration",
            "Regime",
            "Lock",
            "Device",
            "CPU",
            "Voluntary switches per op",
            "Involuntary switches per op",
        ],
        rows,
    );
    doc.paragraph(
        "Lock: acquisitions per second × mean hold, over 100% where several locks are held at \
         once. Device: busy time ÷ elapsed time. CPU: CPU time ÷ (elapsed time × cores). A busy \
         resource is a candidate for the limit, not shown to be it.",
    );
}

fn instrument(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "What counting costs");
    let lines: Vec<String> = ordered(run, Role::Counted)
        .into_iter()
        .map(|row| {
            let verdict = format::verdict(row.verdict);
            format!(
                "{}: {} ({verdict})",
                comparison_name(run, row),
                size(row, false)
            )
        })
        .collect();
    if lines.is_empty() {
        doc.paragraph("No trials with counted locks were compared with bare ones.");
        return;
    }
    doc.paragraph(
        "Counted trials compared with bare ones. This cost is in the contention figures only; \
         throughput is measured with bare locks.",
    );
    doc.bullets(lines);
}

fn latency(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Latency and fairness");
    let rows = rows::latency(run, escape);
    if rows.is_empty() {
        doc.paragraph("Not measured.");
        return;
    }
    doc.table(
        &[
            "Configuration",
            "Regime",
            "Median",
            "90%",
            "99%",
            "Largest",
            "Fairness",
        ],
        rows,
    );
    doc.paragraph(
        "Latency of one op, from the start of encoding to the end of its wait; the median over \
         trials of each trial's quantile. Fairness is Jain's index of ops per thread: 1 is even, \
         1/threads is one thread only.",
    );
}

fn variance(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Variance between processes and within");
    let rows: Vec<Vec<String>> = run
        .series
        .iter()
        .filter_map(|series| {
            let parts = series.variance.as_ref()?;
            let figures = [
                format!(
                    "{} {}",
                    quantity(parts.between_processes_sd),
                    escape(&series.unit)
                ),
                format!(
                    "{} {}",
                    quantity(parts.within_process_sd),
                    escape(&series.unit)
                ),
                optional(parts.icc, share),
            ];
            Some(
                rows::head(run, series, escape)
                    .into_iter()
                    .chain(figures)
                    .collect(),
            )
        })
        .collect();
    if rows.is_empty() {
        doc.paragraph("Not known: the values have no iterations inside a process.");
        return;
    }
    let header = [
        "Configuration",
        "Regime",
        "SD between",
        "SD within",
        "Share of variance between",
    ];
    doc.table(&header, rows);
    doc.paragraph(&format!(
        "Where most of the variance lies between processes, more iterations in a process do not \
         narrow an interval; more blocks do. Intervals here are over processes, at {}.",
        given_percent(run.plan.confidence)
    ));
    if let Some(Subject::Encoders { iterations, .. }) =
        run.plan.experiment.as_ref().map(|e| &e.subject)
    {
        let iterations = count(u64::from(*iterations));
        doc.paragraph(&format!("Iterations in a process: {iterations}."));
    }
}
