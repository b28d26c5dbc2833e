//! Conclusions, recommendations and criteria: what follows from the verdicts.

use locktoll_stats::Verdict;

use super::VOICE;
use super::doc::{Doc, escape};
use crate::evidence::{AaOutcome, a_a, crash_counts, probe_crash_counts};
use crate::format::{count, given_percent, half_width, percent, plural, share};
use crate::model::{Comparison, Role, Root, RunResult};
use crate::recommend;
use crate::wording;

pub(super) fn conclusions(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "Conclusions");
    let mut lines = Vec::new();
    if a_a(run) == AaOutcome::Failed {
        lines.push(wording::a_a_sentence(run, &VOICE));
    }
    let mut rows: Vec<&Comparison> = run.comparisons_of(Role::Strategy).collect();
    rows.sort_by_key(|row| row.regime());
    lines.extend(
        rows.into_iter()
            .map(|row| wording::comparison(run, row, &VOICE)),
    );
    lines.extend(wording::crash_sentences(run, &VOICE));
    for cause in &run.causes {
        lines.push(wording::cause::finding(run, cause, &VOICE));
        let evidence = wording::cause::evidence(cause, &VOICE);
        lines.extend(evidence.into_iter().map(|line| format!("  - {line}")));
    }
    if lines.is_empty() {
        doc.paragraph("None: nothing was compared.");
        return;
    }
    let text: Vec<String> = lines
        .into_iter()
        .map(|line| {
            if line.starts_with("  - ") {
                line
            } else {
                format!("- {line}")
            }
        })
        .collect();
    doc.paragraph(&text.join("\n"));
    if run.causes.is_empty() {
        doc.paragraph("Why a lock costs what it costs was not tested in this run.");
    }
}

pub(super) fn recommendations(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "Recommendations");
    let lines = recommend::recommendations(run);
    if lines.is_empty() {
        doc.paragraph("None: no verdict carries one.");
        return;
    }
    doc.bullets(lines.iter().map(|line| escape(line)));
    doc.paragraph(
        "These hold for the configurations, workload, thread counts and device measured here, and \
         for no others.",
    );
}

pub(super) fn criteria(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "Criteria");
    let rows: Vec<&Comparison> = run.comparisons_of(Role::Strategy).collect();
    let mut table = vec![
        counted("Overhead quantified", &rows, |row| {
            row.overhead.estimate.is_some()
        }),
        counted(
            &format!("Interval given ({})", given_percent(run.plan.confidence)),
            &rows,
            |row| row.overhead.ci.is_some(),
        ),
        margin_of_error(run, &rows),
        counted("Settled", &rows, |row| {
            row.verdict
                .is_some_and(|verdict| verdict != Verdict::Unresolved)
        }),
        crash_bound(run),
        a_a_row(run),
    ];
    table.extend(
        run.plan
            .max_cost
            .map(|allowed| allowed_cost(allowed, &rows)),
    );
    table.push(root_cause(run));
    doc.table(&["Criterion", "Status", "Evidence"], table);
}

type Row = [String; 3];

fn row(criterion: &str, status: &str, evidence: impl Into<String>) -> Row {
    [criterion.to_owned(), status.to_owned(), evidence.into()]
}

fn counted(criterion: &str, rows: &[&Comparison], holds: impl Fn(&Comparison) -> bool) -> Row {
    let met = rows.iter().filter(|row| holds(row)).count();
    let status = match met {
        _ if rows.is_empty() => "nothing compared",
        met if met == rows.len() => "met",
        0 => "not met",
        _ => "partly met",
    };
    let evidence = format!(
        "{} of {} comparisons",
        count(met as u64),
        count(rows.len() as u64)
    );
    row(criterion, status, evidence)
}

fn margin_of_error(run: &RunResult, rows: &[&Comparison]) -> Row {
    let target = given_percent(run.plan.margin);
    let criterion = format!("Margin of error within ±{target}");
    let halves: Vec<f64> = rows
        .iter()
        .filter_map(|row| row.overhead.ci.map(half_width))
        .collect();
    if rows.is_empty() {
        return row(&criterion, "nothing compared", "no interval");
    }
    let Some(widest) = halves.iter().copied().reduce(f64::max) else {
        return row(&criterion, "not met", "no interval");
    };
    let without = rows.len() - halves.len();
    let status = match (widest <= run.plan.margin, without) {
        (true, 0) => "met",
        (true, _) => "partly met",
        (false, _) => "not met",
    };
    let mut evidence = if rows.iter().all(|row| wording::is_known(&row.overhead)) {
        format!("widest ±{}", percent(widest, Some(widest)))
    } else {
        format!("widest {}", wording::NOT_KNOWN)
    };
    if without > 0 {
        evidence.push_str("; ");
        evidence.push_str(&plural(without as u64, "comparison"));
        evidence.push_str(" without interval");
    }
    row(&criterion, status, evidence)
}

fn crash_bound(run: &RunResult) -> Row {
    let all = crash_counts(run).chain(probe_crash_counts(run));
    let bounds = all.filter(|(_, crashes)| crashes.trials > 0);
    let widest = bounds
        .map(|(_, crashes)| crashes.upper_bound)
        .reduce(f64::max);
    match widest {
        None => row(
            "Crash rate bounded",
            "not measured",
            "no trials were counted",
        ),
        Some(bound) => row(
            "Crash rate bounded",
            if bound < 1.0 { "met" } else { "not met" },
            format!(
                "every series at most {} at {}, one-sided",
                share(bound),
                given_percent(run.plan.confidence)
            ),
        ),
    }
}

fn a_a_row(run: &RunResult) -> Row {
    let status = match a_a(run) {
        AaOutcome::NotRun => "not run",
        AaOutcome::Passed => "met",
        AaOutcome::Unsettled => "not settled",
        AaOutcome::Failed => "failed",
    };
    row("A/A passes", status, wording::a_a_sentence(run, &VOICE))
}

/// Where the intervals lie; what the exit code makes of it is the command's rule.
fn allowed_cost(allowed: f64, rows: &[&Comparison]) -> Row {
    let intervals = || rows.iter().filter_map(|row| row.overhead.ci);
    let above = intervals().filter(|ci| ci[0] > allowed).count();
    let below = intervals().filter(|ci| ci[1] <= allowed).count();
    let status = if rows.is_empty() {
        "nothing compared"
    } else if above > 0 {
        "not met"
    } else if below == rows.len() {
        "met"
    } else {
        "not settled"
    };
    let evidence = format!(
        "of {} comparisons, {} with the interval within it, {} above it",
        count(rows.len() as u64),
        count(below as u64),
        count(above as u64)
    );
    row(
        &format!("Cost at most {}", given_percent(allowed)),
        status,
        evidence,
    )
}

fn root_cause(run: &RunResult) -> Row {
    if run.causes.is_empty() {
        return row(
            "Root cause identified",
            "not tested in this run",
            "no interventions",
        );
    }
    let found = run
        .causes
        .iter()
        .all(|cause| cause.root != Root::NotIdentified);
    let statements: Vec<String> = run
        .causes
        .iter()
        .map(|cause| {
            format!(
                "{} at {}: {}",
                escape(&cause.config),
                plural(cause.threads.into(), "thread"),
                wording::cause::root_name(cause.root)
            )
        })
        .collect();
    let status = if found { "met" } else { "not met" };
    row("Root cause identified", status, statements.join("; "))
}
