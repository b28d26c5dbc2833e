//! The sentences of a report, each made from one verdict and its interval.
//!
//! Terminal and Markdown say the same words; a [`Voice`] tells them how to stress a verdict and how
//! to write a name that came from outside.

pub(crate) mod cause;
pub(crate) mod map;
pub(crate) mod parts;
pub(crate) mod scaling;
mod trust;

use locktoll_stats::Verdict;

use crate::format::{
    given_percent, half_width, list, optional, p_value, percent, percent_interval, plural,
};
use crate::model::{Comparison, Overhead, Role, RunResult};
use crate::regime::Regime;
pub(crate) use trust::{a_a_sentence, crash_rate, crash_sentences, series_name};

/// Comparisons that the answer spells out one by one; more than that are told by configuration.
const SPELLED_OUT: usize = 4;

/// How an output stresses verdicts and writes outside names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    /// Stresses the word that carries the verdict.
    pub(crate) stress: fn(Verdict, &str) -> String,
    /// Makes a name safe for the output.
    pub(crate) name: fn(&str) -> String,
}

impl Voice {
    /// What a configuration is called inside a sentence.
    pub(crate) fn subject(&self, run: &RunResult, config: &str) -> String {
        let name = (self.name)(config);
        match (run.knows_its_locks(), config) {
            (true, "none") => "running without a lock".to_owned(),
            (true, _) => format!("the {name} lock"),
            (false, _) => name,
        }
    }

    fn at(&self, run: &RunResult, regime: &Regime) -> String {
        let lead = (self.name)(&regime.lead(run));
        if lead.is_empty() { lead } else { lead + " " }
    }
}

/// The answer: what each lock costs against the baseline, in each regime.
pub(crate) fn answer(run: &RunResult, voice: &Voice) -> Vec<String> {
    let rows: Vec<&Comparison> = run.comparisons_of(Role::Strategy).collect();
    if rows.is_empty() {
        return vec!["Nothing was compared: the run has no two series to compare.".to_owned()];
    }
    if rows.len() <= SPELLED_OUT {
        let mut ordered = rows;
        ordered.sort_by_key(|comparison| comparison.regime());
        return ordered
            .iter()
            .map(|row| comparison(run, row, voice))
            .collect();
    }
    by_configuration(&rows)
        .iter()
        .map(|group| summary(run, group, voice))
        .collect()
}

/// Groups comparisons that differ in thread count only, keeping their order.
pub(crate) fn by_configuration<'a>(rows: &[&'a Comparison]) -> Vec<Vec<&'a Comparison>> {
    let mut groups: Vec<Vec<&Comparison>> = Vec::new();
    for row in rows {
        let key = |c: &Comparison| (c.workload.clone(), c.test.clone(), c.baseline.clone());
        match groups.iter_mut().find(|group| key(group[0]) == key(row)) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    for group in &mut groups {
        group.sort_by_key(|comparison| comparison.threads);
    }
    groups
}

/// One sentence on one comparison.
pub(crate) fn comparison(run: &RunResult, row: &Comparison, voice: &Voice) -> String {
    let at = voice.at(run, &row.regime());
    let test = voice.subject(run, &row.test);
    let base = (voice.name)(&row.baseline);
    let margin = given_percent(row.margin);
    let (Some(estimate), Some(verdict)) = (row.overhead.estimate, row.verdict) else {
        let reason = row.missing.as_deref().unwrap_or("no estimate");
        return capital(&format!(
            "{at}{test} is not compared with {base}: {}.",
            (voice.name)(reason.trim_end_matches('.'))
        ));
    };
    let figure = size(row, estimate < 0.0);
    let stress = |word| (voice.stress)(verdict, word);
    let text = match verdict {
        Verdict::Costs => {
            format!(
                "{test} {} {figure} against {base}{}",
                stress("costs"),
                overlap(row)
            )
        }
        Verdict::Pays => {
            format!(
                "{test} {} {figure} against {base}{}",
                stress("gains"),
                overlap(row)
            )
        }
        Verdict::Negligible => {
            let direction = if estimate < 0.0 { "gains" } else { "costs" };
            format!(
                "{test} {direction} {figure} against {base}, which is {}: a real difference, \
                 within ±{margin}{}",
                stress("negligible"),
                past_margin(row)
            )
        }
        Verdict::Free => format!(
            "{test} is {} against {base}: no difference seen, and any is within ±{margin}; \
             overhead {}{}",
            stress("free"),
            size(row, false),
            past_margin(row)
        ),
        Verdict::Unresolved => format!(
            "{test} is {} against {base}: overhead {}{}; {}",
            stress("unresolved"),
            size(row, false),
            holm_hides(row),
            further_blocks(row)
        ),
    };
    capital(&format!("{at}{text}."))
}

/// One sentence on a configuration over all its thread counts.
fn summary(run: &RunResult, rows: &[&Comparison], voice: &Voice) -> String {
    let first = rows[0];
    let mut clauses = Vec::new();
    let classes = [
        (Some(Verdict::Costs), "costs throughput"),
        (Some(Verdict::Pays), "gains throughput"),
        (
            Some(Verdict::Negligible),
            "differs, but within the margin (negligible),",
        ),
        (Some(Verdict::Free), "is free"),
        (Some(Verdict::Unresolved), "is unresolved"),
        (None, "is not compared"),
    ];
    for (verdict, words) in classes {
        let of_class: Vec<&Comparison> = rows
            .iter()
            .copied()
            .filter(|row| row.verdict == verdict)
            .collect();
        if of_class.is_empty() {
            continue;
        }
        let words = verdict.map_or_else(|| words.to_owned(), |v| (voice.stress)(v, words));
        clauses.push(format!(
            "{words}{}{}{}",
            at_threads(&of_class),
            largest(&of_class),
            most_blocks(&of_class)
        ));
    }
    let with = Regime {
        threads: None,
        ..first.regime()
    };
    capital(&format!(
        "{}against {}, {} {}.",
        voice.at(run, &with),
        (voice.name)(&first.baseline),
        voice.subject(run, &first.test),
        list(&clauses)
    ))
}

/// ` at 1, 4 and 8 threads`; empty where thread counts are not known.
pub(crate) fn at_threads(rows: &[&Comparison]) -> String {
    let threads: Vec<String> = rows
        .iter()
        .filter_map(|row| row.threads)
        .map(|n| n.to_string())
        .collect();
    match threads.as_slice() {
        [] => String::new(),
        [one] if one == "1" => " at 1 thread".to_owned(),
        _ => format!(" at {} threads", list(&threads)),
    }
}

/// The largest difference of rows that all cost or all gain: ` (most at 8: 33.1% (… to …))`.
pub(crate) fn largest(rows: &[&Comparison]) -> String {
    let size_of = |row: &Comparison| row.overhead.estimate.map_or(0.0, f64::abs);
    let Some(row) = rows.iter().max_by(|a, b| size_of(a).total_cmp(&size_of(b))) else {
        return String::new();
    };
    let Some(estimate) = row.overhead.estimate else {
        return String::new();
    };
    if !matches!(row.verdict, Some(Verdict::Costs | Verdict::Pays)) {
        return String::new();
    }
    let figure = size(row, estimate < 0.0);
    match row.threads.filter(|_| rows.len() > 1) {
        Some(threads) => format!(" (most at {threads}: {figure})"),
        None => format!(" ({figure})"),
    }
}

/// Stands for an interval that tells nothing.
pub(crate) const NOT_KNOWN: &str = "not known";

/// Whether an interval tells something: one that reaches 100 points and half the ratio of throughputs
/// to both sides of its middle leaves everything open. Its figures are in `result.json`.
pub(crate) fn is_known(overhead: &Overhead) -> bool {
    let half = overhead.ci.map_or(0.0, half_width);
    let ratio = overhead.estimate.map_or(0.0, |estimate| 1.0 - estimate);
    half <= 1.0 || half <= 0.5 * ratio
}

/// `32.6% to 33.7%`, or that it is not known.
pub(crate) fn overhead_interval(overhead: &Overhead) -> String {
    match overhead.ci {
        Some(_) if !is_known(overhead) => NOT_KNOWN.to_owned(),
        ci => optional(ci, percent_interval),
    }
}

/// `33.1% (32.6% to 33.7%)`; a gain is told as a positive figure.
pub(crate) fn size(row: &Comparison, gain: bool) -> String {
    let Some(estimate) = row.overhead.estimate else {
        return "without estimate".to_owned();
    };
    let sign = if gain { -1.0 } else { 1.0 };
    let Some(ci) = row.overhead.ci else {
        return format!("{} (no interval)", percent(sign * estimate, None));
    };
    let ci = if gain { [-ci[1], -ci[0]] } else { ci };
    let figure = percent(sign * estimate, Some(half_width(ci)));
    if !is_known(&row.overhead) {
        return format!("{figure} (interval {NOT_KNOWN})");
    }
    format!("{figure} ({})", percent_interval(ci))
}

/// What a real difference leaves open where its interval reaches into the margin.
fn overlap(row: &Comparison) -> String {
    let reaches_in = row
        .overhead
        .ci
        .is_none_or(|[lo, hi]| lo < row.margin && hi > -row.margin);
    if reaches_in {
        format!(", not shown to be under {}", given_percent(row.margin))
    } else {
        String::new()
    }
}

/// The equivalence test is one-sided on each side, so a 95% interval may reach past the margin
/// while the test passes; the sentence must not hide that.
fn past_margin(row: &Comparison) -> String {
    let past = row
        .overhead
        .ci
        .is_some_and(|[lo, hi]| lo < -row.margin || hi > row.margin);
    match row.p_equivalence.filter(|_| past) {
        Some(p) => {
            format!(
                " (by the equivalence test, p = {}; the interval reaches past it)",
                p_value(p)
            )
        }
        None => String::new(),
    }
}

/// Why a comparison may be unresolved although its own interval excludes zero.
fn holm_hides(row: &Comparison) -> String {
    let excludes_zero = row.overhead.ci.is_some_and(|[lo, hi]| lo > 0.0 || hi < 0.0);
    match row.p_difference_holm.filter(|_| excludes_zero) {
        Some(p) => format!(
            ", which excludes zero, but not after Holm's correction over the run (p = {})",
            p_value(p)
        ),
        None => String::new(),
    }
}

/// What would settle an unresolved comparison.
pub(crate) fn further_blocks(row: &Comparison) -> String {
    match row.blocks_needed {
        Some(n) => format!(
            "not settled; about {} might settle it",
            plural(n, "further block")
        ),
        None => "not settled; how many further blocks would settle it is not known".to_owned(),
    }
}

/// The blocks that would settle all of these; empty unless they are unresolved.
fn most_blocks(rows: &[&Comparison]) -> String {
    let Some(blocks) = rows.iter().filter_map(|row| row.blocks_needed).max() else {
        return String::new();
    };
    let all_known = rows.iter().all(|row| row.blocks_needed.is_some());
    let reach = if all_known {
        ""
    } else {
        ", as far as can be told"
    };
    format!(
        " (about {} might settle it{reach})",
        plural(blocks, "further block")
    )
}

/// `text` with a capital where it starts with a word of ours.
pub(crate) fn capital(text: &str) -> String {
    for own in ["the ", "running ", "against "] {
        if text.starts_with(own) {
            return text[..1].to_uppercase() + &text[1..];
        }
    }
    text.to_owned()
}
