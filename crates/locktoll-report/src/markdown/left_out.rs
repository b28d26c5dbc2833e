//! What overheads against a baseline that takes locks leave out, with its size.

use super::doc::{Doc, escape};
use crate::format::{duration_ns, quantity, share};
use crate::model::{Experiment, Role, RunResult, Subject};
use crate::regime::Regime;

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "What the baseline leaves out");
    let baseline = run.plan.baseline.as_str();
    let Some(experiment) = &run.plan.experiment else {
        doc.paragraph("Not known for imported values.");
        return;
    };
    if let Subject::Commands { .. } = experiment.subject {
        doc.paragraph(
            "Not known: which locks the baseline's own command takes, locktoll does not see.",
        );
        return;
    }
    if baseline == "none" {
        doc.paragraph(
            "Nothing: the baseline runs without a lock, so overheads are the whole cost.",
        );
        return;
    }
    let name = escape(baseline);
    doc.paragraph(&format!(
        "The baseline {name} takes locks itself. Overheads against it leave out what those locks \
         cost: at least the uncontended cost of one acquisition × acquisitions per op, and on top \
         of it any waiting of the baseline's own."
    ));
    let lines: Vec<String> = run
        .regimes()
        .iter()
        .filter(|regime| run.find_in(regime, Role::Strategy, baseline).is_some())
        .map(|regime| {
            let label = escape(&regime.label(run));
            format!("{label}: {}", left_out_size(run, experiment, regime))
        })
        .collect();
    doc.bullets(lines);
}

/// The size of what the baseline leaves out at one thread count, as time and share of an op.
fn left_out_size(run: &RunResult, experiment: &Experiment, regime: &Regime) -> String {
    let baseline = run.plan.baseline.as_str();
    let contention = run
        .find_in(regime, Role::Counted, baseline)
        .and_then(|series| series.contention.as_ref());
    let Some(uncontended_ns) = experiment.uncontended_ns.get(baseline) else {
        return "not known, since its uncontended cost was not measured.".to_owned();
    };
    let Some(contention) = contention else {
        return "not known, since its acquisitions were not counted.".to_owned();
    };
    let per_op = contention.acquisitions_per_op;
    let left_out_ns = uncontended_ns * per_op;
    let mean = run
        .find_in(regime, Role::Strategy, baseline)
        .filter(|series| series.unit == "ops/s")
        .and_then(|series| series.mean);
    // N threads that together finish X ops per second spend N/X seconds on each op.
    let share_of_op = match (regime.threads, mean) {
        (Some(threads), Some(ops_per_s)) if ops_per_s > 0.0 => {
            let op_ns = f64::from(threads) * 1e9 / ops_per_s;
            format!(
                ", {} of the {} of one op",
                share(left_out_ns / op_ns),
                duration_ns(op_ns)
            )
        }
        _ => String::new(),
    };
    format!(
        "{} × {} per op = {}{share_of_op}; {} of its acquisitions waited.",
        duration_ns(*uncontended_ns),
        quantity(per_op),
        duration_ns(left_out_ns),
        share(contention.rate)
    )
}
