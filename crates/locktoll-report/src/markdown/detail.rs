//! What stands behind the figures: how busy each resource was, whether the contention fits the
//! holds, what the baseline leaves out, scaling, the instrument, latency, variance.

use super::doc::{Doc, escape};
use super::results::{comparison_name, ordered};
use crate::format::{
    self, MISSING, count, duration_ns, given_percent, optional, quantity, share, significant,
};
use crate::model::{Contention, Experiment, Role, RunResult, Series};
use crate::regime::Regime;
use crate::wording::{series_name, size};

/// Seen and expected contention rates further apart than this factor are said to disagree.
const DISAGREE: f64 = 3.0;

/// With fewer events than this, expected and seen, chance alone could make such a factor.
const ENOUGH_EVENTS: f64 = 10.0;

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "Detailed Analysis");
    utilisation(doc, run);
    consistency(doc, run);
    left_out(doc, run);
    scaling(doc, run);
    instrument(doc, run);
    latency(doc, run);
    variance(doc, run);
}

fn head(run: &RunResult, series: &Series) -> [String; 2] {
    [
        escape(&series_name(series)),
        escape(&series.regime().label(run)),
    ]
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
                head(run, series)
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

fn consistency(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Contention expected from the holds");
    let lines: Vec<String> = run
        .series
        .iter()
        .filter_map(|series| {
            let seen = series.contention.as_ref()?;
            let expected = seen.expected_rate?;
            let name = format!(
                "{}, {}",
                escape(&series.config),
                escape(&series.regime().label(run))
            );
            Some(format!("{name}: {}", agreement(seen, expected)))
        })
        .collect();
    if lines.is_empty() {
        doc.paragraph("No rate could be predicted: no lock events with timed holds.");
        return;
    }
    doc.paragraph(
        "If threads asked for a lock independently, its contention rate would follow from how long \
         and how often it is held.",
    );
    doc.bullets(lines);
}

/// Whether a contention rate fits the holds, in words.
fn agreement(seen: &Contention, expected: f64) -> String {
    let rates = format!("expected {}, seen {}", share(expected), share(seen.rate));
    let expected_events = expected * seen.acquisitions as f64;
    let seen_events = seen.contentions as f64;
    let verdict = if expected_events.max(seen_events) < ENOUGH_EVENTS {
        "too few events to compare."
    } else if seen.rate > DISAGREE * expected {
        "more than 3 times as much as expected. The threads do not ask independently (they arrive \
         together), or the sampled holds miss the long ones."
    } else if seen.rate * DISAGREE < expected {
        "less than a third of what was expected. The threads do not ask independently: something \
         else keeps them apart, or holds were timed longer than they are."
    } else {
        "they agree within a factor of 3."
    };
    format!("{rates}: {verdict}")
}

fn left_out(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "What the baseline leaves out");
    let baseline = run.plan.baseline.as_str();
    let Some(experiment) = &run.plan.experiment else {
        doc.paragraph("Not known for imported values.");
        return;
    };
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

fn scaling(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Thread scaling");
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
            configs.iter().map(|config| scaling_row(run, &of, config)),
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

fn scaling_row(run: &RunResult, regimes: &[&Regime], config: &str) -> Vec<String> {
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
    let rows: Vec<Vec<String>> = run
        .series
        .iter()
        .filter(|series| series.latency.is_some() || series.fairness.is_some())
        .map(|series| {
            let latency = series.latency.as_ref();
            let times = [
                latency.map(|l| l.p50_ns),
                latency.map(|l| l.p90_ns),
                latency.map(|l| l.p99_ns),
                latency.map(|l| l.max_ns),
            ]
            .map(|ns| optional(ns, duration_ns));
            let fairness = optional(series.fairness, |index| format::fixed_point(index, 3));
            head(run, series)
                .into_iter()
                .chain(times)
                .chain([fairness])
                .collect()
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
            Some(head(run, series).into_iter().chain(figures).collect())
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
    let iterations = run
        .plan
        .experiment
        .as_ref()
        .map(|e| u64::from(e.iterations));
    if let Some(iterations) = iterations {
        doc.paragraph(&format!("Iterations in a process: {}.", count(iterations)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timing;

    fn contention(acquisitions: u64, contentions: u64) -> Contention {
        let none = Timing {
            count: 0,
            mean_ns: None,
            p50_ns: None,
            p99_ns: None,
            max_ns: None,
        };
        Contention {
            ops: acquisitions,
            acquisitions,
            contentions,
            rate: contentions as f64 / acquisitions as f64,
            acquisitions_per_op: 1.0,
            wait: none.clone(),
            hold: none,
            hold_sample_every: 1,
            lent: 0,
            expected_rate: None,
        }
    }

    /// The seed's own figures: a lock held for 0.1 ms at 8,922 ops/s would be busy 89% of the time,
    /// so that 69 contentions in 2,400 acquisitions cannot be.
    #[test]
    fn the_seeds_contention_does_not_fit_its_hold_time() {
        let text = agreement(&contention(2_400, 69), 0.89);
        assert!(
            text.starts_with("expected 89.0%, seen 2.88%: less than a third"),
            "{text}"
        );
    }

    #[test]
    fn agreement_is_judged_by_a_factor_of_three_and_only_on_enough_events() {
        assert!(agreement(&contention(10_000, 310), 0.01).contains("more than 3 times"));
        assert!(agreement(&contention(10_000, 290), 0.01).contains("agree within"));
        assert!(agreement(&contention(10_000, 0), 0.01).contains("less than a third"));
        assert!(agreement(&contention(100, 0), 0.01).contains("too few events"));
    }
}
