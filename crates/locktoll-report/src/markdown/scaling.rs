//! Thread scaling: ratios of means, and the law that fits them or why none does.

use super::VOICE;
use super::doc::{Doc, escape};
use crate::format::{self, MISSING, optional, significant};
use crate::model::{Role, RunResult};
use crate::regime::Regime;
use crate::wording::scaling::scaling_detail;

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Thread scaling");
    ratios(doc, run);
    laws(doc, run);
}

fn ratios(doc: &mut Doc, run: &RunResult) {
    let regimes: Vec<Regime> = run
        .regimes()
        .into_iter()
        .filter(|regime| regime.threads.is_some())
        .collect();
    let mut workloads: Vec<&Option<String>> = regimes.iter().map(|r| &r.workload).collect();
    workloads.dedup();
    let mut written = false;
    for workload in workloads {
        let of: Vec<&Regime> = regimes.iter().filter(|r| r.workload == *workload).collect();
        if of.len() < 2 {
            continue;
        }
        let mut configs: Vec<&str> = Vec::new();
        for series in run.series.iter().filter(|s| s.role == Role::Strategy) {
            if series.workload == *workload && !configs.contains(&series.config.as_str()) {
                configs.push(&series.config);
            }
        }
        if run.has_several_workloads() {
            let name = workload.as_deref().unwrap_or(MISSING);
            doc.paragraph(&format!("Workload {}:", escape(name)));
        }
        let mut header = vec!["Configuration".to_owned()];
        header.extend(
            of.iter()
                .filter_map(|r| r.threads)
                .map(|n| format::plural(n.into(), "thread")),
        );
        doc.table(
            &header,
            configs.iter().map(|config| ratio_row(run, &of, config)),
        );
        written = true;
    }
    doc.paragraph(if written {
        "Mean throughput divided by that at the first thread count measured for the configuration; \
         ratios of means, without an interval."
    } else {
        "Only one thread count was measured, or none is known."
    });
}

fn ratio_row(run: &RunResult, regimes: &[&Regime], config: &str) -> Vec<String> {
    let mean = |regime: &Regime| {
        run.find_in(regime, Role::Strategy, config)
            .and_then(|series| series.mean)
            .map(|mean| {
                if run.plan.higher_is_better {
                    mean
                } else {
                    1.0 / mean
                }
            })
            .filter(|throughput| throughput.is_finite() && *throughput > 0.0)
    };
    let first = regimes.iter().find_map(|regime| mean(regime));
    let cells = regimes.iter().map(|regime| {
        let ratio = mean(regime).zip(first).map(|(here, first)| here / first);
        optional(ratio, |ratio| format!("{}×", significant(ratio, 3)))
    });
    std::iter::once(escape(config)).chain(cells).collect()
}

fn laws(doc: &mut Doc, run: &RunResult) {
    let lines: Vec<String> = run
        .scaling
        .iter()
        .filter_map(|row| scaling_detail(run, row, &VOICE))
        .collect();
    if lines.is_empty() {
        return;
    }
    if run.scaling.iter().any(|row| row.law.is_some()) {
        doc.paragraph(&format!(
            "The Universal Scalability Law, X(N) = λN ∕ (1 + σ(N−1) + κN(N−1)), describes the \
             throughput X of N threads. σ and κ are fractions of the time that an op takes alone. \
             Intervals are {}, from a bootstrap over {}; figures beyond the largest thread \
             count measured are the law's, not the machine's.",
            format::given_percent(run.plan.confidence),
            if run.plan.paired { "blocks" } else { "values" }
        ));
    }
    doc.bullets(lines);
}
