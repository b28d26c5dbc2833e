//! What to do, as far as the verdicts carry it.
//!
//! A pure function from verdicts and crash counts to sentences. Three rules hold throughout: only
//! what was measured is recommended; a configuration that crashed is never recommended, whatever it
//! gains; a run whose A/A arm failed recommends nothing but a better run.

use locktoll_stats::Verdict;

use crate::evidence::{AaOutcome, a_a, crash_counts, has_crashed, probe_crash_counts};
use crate::format::{count, given_percent, list, plural};
use crate::model::{Comparison, Crashes, Origin, Role, RunResult};
use crate::regime::Regime;
use crate::wording::{
    self, Voice, at_threads, by_configuration, capital, crash_rate, largest, series_name, size,
};

/// The strategy that takes no lock.
const NO_LOCK: &str = "none";

/// Recommendations as plain sentences, the most binding first; empty when nothing was compared and
/// nothing crashed.
#[must_use]
pub fn recommendations(run: &RunResult) -> Vec<String> {
    let mut out = crash_rules(run);
    if a_a(run) == AaOutcome::Failed {
        out.push(
            "Do not act on the overheads of this run: its A/A arm failed. Repeat it on a quieter \
             machine, or with more blocks."
                .to_owned(),
        );
        return out;
    }
    let rows: Vec<&Comparison> = run.comparisons_of(Role::Strategy).collect();
    for group in by_configuration(&rows) {
        out.extend(on_configuration(run, &group));
    }
    out.extend(preferences(run, &rows));
    out.extend(run.causes.iter().flat_map(wording::cause::advice));
    out.extend(more_blocks(run, &rows));
    out
}

/// Names are made safe by whoever writes the sentence.
fn voice() -> Voice {
    Voice {
        stress: |_, word| word.to_owned(),
        name: str::to_owned,
    }
}

/// What the crashes forbid.
fn crash_rules(run: &RunResult) -> Vec<String> {
    let mut configs: Vec<&str> = Vec::new();
    for (series, crashes) in crash_counts(run).chain(probe_crash_counts(run)) {
        if crashes.crashed > 0 && !configs.contains(&series.config.as_str()) {
            configs.push(&series.config);
        }
    }
    configs
        .into_iter()
        .map(|config| {
            let mut evidence: Vec<String> = crash_counts(run)
                .filter(|(series, crashes)| series.config == config && crashes.crashed > 0)
                .map(|(series, crashes)| {
                    format!(
                        "{} of {} crashed with {} ({})",
                        count(crashes.crashed),
                        plural(crashes.trials, "trial"),
                        series.regime().label(run),
                        series_name(series),
                    )
                })
                .collect();
            evidence.extend(probes_crashed(run, config));
            let evidence = evidence.join("; ");
            if is_unlocked(run, config) {
                format!("Keep a lock, whatever it costs: without one, {evidence}.")
            } else {
                let subject = voice().subject(run, config);
                format!("Do not rely on {subject}: {evidence}.")
            }
        })
        .collect()
}

/// `17 of 120 trials of its probes crashed`, where one did.
fn probes_crashed(run: &RunResult, config: &str) -> Option<String> {
    let own = probe_crash_counts(run).filter(|(series, _)| series.config == config);
    let (crashed, trials) = own.fold((0, 0), |(crashed, trials), (_, crashes)| {
        (crashed + crashes.crashed, trials + crashes.trials)
    });
    (crashed > 0).then(|| {
        format!(
            "{} of {} that ask why crashed",
            count(crashed),
            plural(trials, "trial")
        )
    })
}

/// What the verdicts say of one configuration over its thread counts.
fn on_configuration(run: &RunResult, rows: &[&Comparison]) -> Vec<String> {
    let first = rows[0];
    let (test, base) = (first.test.as_str(), first.baseline.as_str());
    let with = |verdicts: &[Verdict]| -> Vec<&Comparison> {
        rows.iter()
            .copied()
            .filter(|row| {
                row.verdict
                    .is_some_and(|verdict| verdicts.contains(&verdict))
            })
            .collect()
    };
    let mut out = Vec::new();
    let level = with(&[Verdict::Free, Verdict::Negligible]);
    if !level.is_empty() {
        out.extend(when_level(run, test, base, &level));
    }
    let costs = with(&[Verdict::Costs]);
    if !costs.is_empty() {
        out.extend(when_slower(run, test, base, &costs));
    }
    let pays = with(&[Verdict::Pays]);
    if !pays.is_empty() {
        out.extend(when_faster(run, test, base, &pays));
    }
    out.into_iter()
        .map(|text| capital_lead(run, first, &text))
        .collect()
}

/// The test is equivalent to the baseline.
fn when_level(run: &RunResult, test: &str, base: &str, rows: &[&Comparison]) -> Option<String> {
    let (at, margin) = (at_threads(rows), given_percent(rows[0].margin));
    let subject = voice().subject(run, test);
    let other = voice().subject(run, base);
    match (has_crashed(run, test), has_crashed(run, base)) {
        (true, _) => None,
        (false, false) if is_unlocked(run, base) => Some(format!(
            "keep {subject}{at}: any difference from running without a lock is within ±{margin}, \
             so dropping it gains nothing beyond that."
        )),
        (false, false) if is_unlocked(run, test) => Some(format!(
            "keep {other}{at}: any difference from running without a lock is within ±{margin}, \
             so dropping it gains nothing beyond that."
        )),
        (false, false) => Some(format!(
            "choose between {subject} and {other}{at} by something else than throughput: any \
             difference is within ±{margin}."
        )),
        (false, true) => Some(format!(
            "use {subject}{at} rather than {other}, which crashed: any difference in throughput \
             is within ±{margin}."
        )),
    }
}

/// The test costs throughput against the baseline.
fn when_slower(run: &RunResult, test: &str, base: &str, rows: &[&Comparison]) -> Option<String> {
    let (at, figure) = (at_threads(rows), largest(rows));
    let subject = voice().subject(run, test);
    if has_crashed(run, base) {
        return None;
    }
    if is_unlocked(run, base) {
        return Some(format!(
            "drop {subject}{at} only if the driver's documentation allows it: it costs \
             throughput{figure}.{}",
            safety(run, base, rows)
        ));
    }
    let other = voice().subject(run, base);
    Some(format!(
        "prefer {other} to {subject}{at}: {subject} costs throughput{figure}."
    ))
}

/// The test is faster than the baseline.
fn when_faster(run: &RunResult, test: &str, base: &str, rows: &[&Comparison]) -> Option<String> {
    let (at, figure) = (at_threads(rows), largest(rows));
    let subject = voice().subject(run, test);
    if has_crashed(run, test) {
        return None;
    }
    if is_unlocked(run, test) {
        let other = voice().subject(run, base);
        return Some(format!(
            "drop {other}{at} only if the driver's documentation allows it: running without a \
             lock gains throughput{figure}.{}",
            safety(run, test, rows)
        ));
    }
    let other = voice().subject(run, base);
    Some(format!(
        "prefer {subject} to {other}{at}: {subject} gains throughput{figure}."
    ))
}

/// What the crash counts of an unlocked configuration do and do not show.
fn safety(run: &RunResult, config: &str, rows: &[&Comparison]) -> String {
    let seen: Vec<&Crashes> = crash_counts(run)
        .filter(|(series, _)| series.config == config && series.role == Role::Strategy)
        .filter(|(series, _)| rows.iter().any(|row| row.regime() == series.regime()))
        .map(|(_, crashes)| crashes)
        .collect();
    let Some(weakest) = seen
        .iter()
        .max_by(|a, b| a.upper_bound.total_cmp(&b.upper_bound))
    else {
        return " Whether it crashes without one was not measured.".to_owned();
    };
    format!(
        " 0 of {} crashed without it, which bounds the rate ({} at {}) and does not show that \
         there is no race.",
        plural(weakest.trials, "trial"),
        crash_rate(weakest),
        given_percent(run.plan.confidence)
    )
}

/// Which of two locks to prefer where one costs and the other is better beyond both intervals.
fn preferences(run: &RunResult, rows: &[&Comparison]) -> Vec<String> {
    let mut out = Vec::new();
    let mut regimes: Vec<Regime> = rows.iter().map(|row| row.regime()).collect();
    regimes.sort();
    regimes.dedup();
    for regime in &regimes {
        let here: Vec<&Comparison> = rows
            .iter()
            .copied()
            .filter(|row| row.regime() == *regime)
            .collect();
        for slow in here
            .iter()
            .filter(|row| row.verdict == Some(Verdict::Costs))
        {
            let better: Vec<&Comparison> = here
                .iter()
                .copied()
                .filter(|fast| is_better(fast, slow))
                .filter(|fast| !has_crashed(run, &fast.test) && !is_unlocked(run, &fast.test))
                .collect();
            if better.is_empty() {
                continue;
            }
            let names: Vec<String> = better
                .iter()
                .map(|row| format!("{} ({})", voice().subject(run, &row.test), size(row, false)))
                .collect();
            let lead = regime.lead(run);
            let slow_name = voice().subject(run, &slow.test);
            let slow_size = size(slow, false);
            out.push(capital(
                format!(
                    "{lead} prefer {} to {slow_name} ({slow_size}): the overheads against {} lie \
                     apart beyond their intervals.",
                    list(&names),
                    slow.baseline
                )
                .trim_start(),
            ));
        }
    }
    out
}

/// Intervals that do not touch: stricter than a test of the difference, and it needs no new test.
fn is_better(fast: &Comparison, slow: &Comparison) -> bool {
    let settled = matches!(
        fast.verdict,
        Some(Verdict::Free | Verdict::Negligible | Verdict::Costs | Verdict::Pays)
    );
    let same_baseline = fast.baseline == slow.baseline;
    match (fast.overhead.ci, slow.overhead.ci) {
        (Some(fast), Some(slow)) => settled && same_baseline && fast[1] < slow[0],
        _ => false,
    }
}

/// How to settle what is not settled.
fn more_blocks(run: &RunResult, rows: &[&Comparison]) -> Vec<String> {
    let open = rows
        .iter()
        .copied()
        .filter(|row| row.verdict == Some(Verdict::Unresolved));
    let (known, unknown): (Vec<_>, Vec<_>) = open.partition(|row| row.blocks_needed.is_some());
    let mut out = Vec::new();
    if let Some(blocks) = known.iter().filter_map(|row| row.blocks_needed).max() {
        let names = unsettled_names(run, &known);
        out.push(match (&run.plan.origin, &run.plan.experiment) {
            // A new run, since going on with this one after having seen it would be a second look.
            (Origin::Bench { .. }, Some(experiment)) => {
                let all = experiment.blocks_complete.saturating_add(blocks);
                format!(
                    "Not settled: {names}. A new run of {} would settle it with 80% power, if the \
                     estimate holds: the same command with --blocks {all} in place of --precision and \
                     --max-time, into a new directory",
                    plural(all, "block")
                )
            }
            _ => format!(
                "Not settled: {names}. {} in each configuration would settle it with 80% power.",
                plural(blocks, "further value")
            ),
        });
    }
    if !unknown.is_empty() {
        out.push(format!(
            "Not settled: {}. How many further blocks would settle it cannot be told from these \
             values.",
            unsettled_names(run, &unknown)
        ));
    }
    out
}

/// `the global lock at 4 and 8 threads and the per-queue lock at 8 threads`.
fn unsettled_names(run: &RunResult, rows: &[&Comparison]) -> String {
    let names: Vec<String> = by_configuration(rows)
        .iter()
        .map(|group| {
            let subject = voice().subject(run, &group[0].test);
            let workload = Regime {
                threads: None,
                ..group[0].regime()
            };
            let workload = match workload.lead(run).trim_end_matches(',') {
                "" => String::new(),
                lead => format!(" {}", lead.replacen("With", "with", 1)),
            };
            format!("{subject}{}{workload}", at_threads(group))
        })
        .collect();
    list(&names)
}

/// Only locktoll's own strategies are known to take no lock; any other `none` is a name.
fn is_unlocked(run: &RunResult, config: &str) -> bool {
    config == NO_LOCK && run.knows_its_locks()
}

/// Puts the workload before a sentence where the run has several, and a capital at its start.
fn capital_lead(run: &RunResult, row: &Comparison, text: &str) -> String {
    let workload = Regime {
        threads: None,
        ..row.regime()
    };
    match workload.lead(run).as_str() {
        "" => text[..1].to_uppercase() + &text[1..],
        lead => format!("{lead} {text}"),
    }
}
