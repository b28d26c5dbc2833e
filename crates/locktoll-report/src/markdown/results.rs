//! Throughput, contention and overhead: the tables most readers want.

use super::VOICE;
use super::doc::{Doc, escape};
use super::methodology::method_name;
use crate::caution::note_text;
use crate::format::{
    self, MISSING, count, duration_ns, half_width, optional, p_value, quantity, share,
    signed_percent,
};
use crate::model::{Comparison, Role, RunResult, Series, Timing};
use crate::regime::Regime;
use crate::rows;
use crate::wording::{crash_sentences, overhead_interval, series_name};

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "Results");
    throughput(doc, run);
    crashes(doc, run);
    contention(doc, run);
    overhead(doc, run);
}

fn throughput(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Throughput by thread count");
    if run.series.is_empty() {
        doc.paragraph("The run has no series.");
        return;
    }
    let regimes = run.regimes();
    let mut rows: Vec<(Role, &str)> = Vec::new();
    for series in run
        .series
        .iter()
        .filter(|series| series.role != Role::Counted)
    {
        let key = (series.role, series.config.as_str());
        if !rows.contains(&key) {
            rows.push(key);
        }
    }
    let mut units: Vec<String> = run
        .series
        .iter()
        .map(|series| escape(&series.unit))
        .collect();
    units.sort();
    units.dedup();
    doc.paragraph(&format!(
        "Mean ± half-width of its interval, in {}; n is the number of {}.",
        units.join(", "),
        if run.plan.experiment.is_some() {
            "completed trials"
        } else {
            "values"
        }
    ));
    let mut header = vec!["Configuration".to_owned()];
    header.extend(regimes.iter().map(|regime| escape(&regime.label(run))));
    doc.table(
        &header,
        rows.iter().map(|(role, config)| {
            let name = regimes
                .iter()
                .find_map(|regime| run.find_in(regime, *role, config));
            let mut cells = vec![escape(&name.map_or_else(String::new, series_name))];
            cells.extend(regimes.iter().map(|regime| {
                optional(run.find_in(regime, *role, config), |series| {
                    let mean = optional(series.mean, |mean| format::mean(mean, series.ci));
                    format!("{mean} (n = {})", series.n)
                })
            }));
            cells
        }),
    );
}

fn crashes(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Crashes");
    let sentences = crash_sentences(run, &VOICE);
    if sentences.is_empty() {
        doc.paragraph("No trials were counted for crashes.");
        return;
    }
    doc.table(
        &["Configuration", "Regime", "Trials", "Crashed", "Rate"],
        rows::crash_rates(run, escape),
    );
    doc.paragraph(&format!(
        "Rates with crashes have a two-sided Clopper–Pearson interval; rates without one are \
         bounded one-sided; both at {}.",
        format::given_percent(run.plan.confidence)
    ));
}

fn contention(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Contention Analysis");
    let counted: Vec<&Series> = run
        .series
        .iter()
        .filter(|s| s.contention.is_some())
        .collect();
    if counted.is_empty() {
        doc.paragraph("No lock events were counted.");
        return;
    }
    let head = |series: &Series| [escape(&series.config), escape(&series.regime().label(run))];
    doc.table(
        &[
            "Lock",
            "Regime",
            "Ops",
            "Acquisitions",
            "Per op",
            "Contentions",
            "Rate",
            "Lent",
        ],
        counted.iter().filter_map(|series| {
            let seen = series.contention.as_ref()?;
            let figures = [
                count(seen.ops),
                count(seen.acquisitions),
                quantity(seen.acquisitions_per_op),
                count(seen.contentions),
                share(seen.rate),
                count(seen.lent),
            ];
            Some(head(series).into_iter().chain(figures).collect::<Vec<_>>())
        }),
    );
    doc.paragraph(
        "A contention is a lock that was not free at the first try. Mean and largest are over all \
         that was timed, median and 99% are medians of the trials' own. Waits are of contended \
         acquisitions only; holds are sampled.",
    );
    doc.table(
        &[
            "Lock", "Regime", "Kind", "Timed", "Mean", "Median", "99%", "Largest",
        ],
        counted.iter().flat_map(|series| {
            let seen = series.contention.as_ref();
            let row = |kind: &str, timing: &Timing| {
                head(series)
                    .into_iter()
                    .chain(timing_cells(kind, timing))
                    .collect::<Vec<_>>()
            };
            seen.into_iter().flat_map(move |seen| {
                let every = format!("hold (1 in {})", seen.hold_sample_every);
                [row("wait", &seen.wait), row(&every, &seen.hold)]
            })
        }),
    );
}

fn timing_cells(kind: &str, timing: &Timing) -> [String; 6] {
    let time = |ns| optional(ns, duration_ns);
    [
        kind.to_owned(),
        count(timing.count),
        time(timing.mean_ns),
        time(timing.p50_ns),
        time(timing.p99_ns),
        time(timing.max_ns),
    ]
}

fn overhead(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Overhead");
    if run.comparisons.is_empty() {
        doc.paragraph("Nothing was compared.");
        return;
    }
    let header = [
        "Test",
        "Against",
        "Regime",
        "n",
        "Overhead",
        "Interval",
        "p (difference)",
        "p (Holm)",
        "p (TOST)",
        "Margin",
        "Verdict",
    ];
    for (role, lead) in [
        (Role::Strategy, ""),
        (Role::AA, "A/A: the baseline against itself."),
        (
            Role::Counted,
            "Counted: the instrument's own cost, outside Holm's correction.",
        ),
    ] {
        let rows: Vec<[String; 11]> = ordered(run, role)
            .into_iter()
            .map(|row| overhead_row(run, row))
            .collect();
        if !rows.is_empty() {
            doc.paragraph(lead);
            doc.table(&header, rows);
        }
    }
    notes(doc, run);
}

/// Comparisons of one role, regime by regime.
pub(super) fn ordered(run: &RunResult, role: Role) -> Vec<&Comparison> {
    let mut rows: Vec<&Comparison> = run.comparisons_of(role).collect();
    rows.sort_by_key(|row| row.regime());
    rows
}

fn overhead_row(run: &RunResult, row: &Comparison) -> [String; 11] {
    let half = row.overhead.ci.map(half_width);
    [
        escape(&row.test),
        escape(&row.baseline),
        escape(&row.regime().label(run)),
        format!("{} / {}", row.n_test, row.n_baseline),
        optional(row.overhead.estimate, |estimate| {
            signed_percent(estimate, half)
        }),
        overhead_interval(&row.overhead),
        optional(row.p_difference, p_value),
        optional(row.p_difference_holm, p_value),
        optional(row.p_equivalence, p_value),
        format!("±{}", format::given_percent(row.margin)),
        match (row.verdict, row.blocks_needed) {
            (Some(verdict), Some(blocks)) => {
                format!(
                    "{verdict}; about {}",
                    format::plural(blocks, "further block")
                )
            }
            (verdict, _) => format::verdict(verdict),
        },
    ]
}

fn notes(doc: &mut Doc, run: &RunResult) {
    let mut lines = Vec::new();
    for row in &run.comparisons {
        let name = comparison_name(run, row);
        let remarks = row.notes.iter().map(|note| escape(&note_text(note)));
        let missing = row
            .missing
            .iter()
            .map(|reason| format!("no estimate: {}", escape(reason)));
        lines.extend(
            missing
                .chain(remarks)
                .map(|remark| format!("{name}: {remark}")),
        );
    }
    if !lines.is_empty() {
        doc.paragraph("Notes on single comparisons:");
        doc.bullets(lines);
    }
}

/// `global against none, 8 threads`.
pub(super) fn comparison_name(run: &RunResult, row: &Comparison) -> String {
    let arm = match row.role {
        Role::Strategy => "",
        Role::AA => " (A/A)",
        Role::Counted => " (counted)",
        Role::Probe => " (probe)",
    };
    let regime = row.regime();
    let known = regime
        != Regime {
            workload: None,
            threads: None,
        };
    let regime = if known {
        format!(", {}", regime.label(run))
    } else {
        String::new()
    };
    escape(&format!(
        "{}{arm} against {}{regime}",
        row.test, row.baseline
    ))
}

/// The method of a comparison in words, or [`MISSING`].
pub(super) fn method_cell(row: &Comparison) -> String {
    row.overhead.method.map_or_else(
        || MISSING.to_owned(),
        |method| method_name(method).to_owned(),
    )
}
