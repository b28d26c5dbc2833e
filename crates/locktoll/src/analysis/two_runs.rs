//! Two runs compared series by series, as independent samples.
//!
//! The runs were not interleaved, so blocks of one have no partners in the other: means are
//! compared by Welch's test and Fieller's interval, and all rows are one family for Holm's
//! correction.

use std::collections::BTreeMap;

use locktoll_report::format::plural;
use locktoll_report::model::{Estimate, Role, RunResult, Series};
use locktoll_report::two_runs::{Difference, Row, SCHEMA, Side, TwoRuns};
use locktoll_stats::{Comparison, Decision, Design, Direction, Policy, Verdict, compare, decide};
use serde_json::Value;

use crate::error::{Error, Result};

/// Parts of a plan that say how a run went or what it was called, and not what it measured.
const COURSE: [&str; 10] = [
    "origin",
    "baseline_reason",
    "experiment.seed",
    "experiment.blocks_complete",
    "experiment.trials",
    "experiment.stop_reason",
    "experiment.resumed",
    "experiment.command",
    "experiment.trial_command",
    "experiment.uncontended_ns",
];

/// Compares the second run with the first, by the first's margin and confidence; the names are how
/// the user named them.
///
/// # Errors
/// A run is a map, higher values are better in one run only, or the statistics refuse a margin or confidence.
pub fn compare_runs(
    (first_name, first): (&str, &RunResult),
    (second_name, second): (&str, &RunResult),
) -> Result<TwoRuns> {
    for (name, run) in [(first_name, first), (second_name, second)] {
        // A map's result has no values of its points, without which two of them cannot be compared.
        if run.map.is_some() {
            return Err(Error::NotComparable(format!(
                "{name} is a map, and maps are not compared: their points are in result.json"
            )));
        }
    }
    if first.plan.higher_is_better != second.plan.higher_is_better {
        return Err(Error::Usage(format!(
            "higher values are better in one of {first_name} and {second_name} and worse in the other"
        )));
    }
    let policy = Policy {
        confidence: first.plan.confidence,
        margin: first.plan.margin,
        direction: if first.plan.higher_is_better {
            Direction::HigherIsBetter
        } else {
            Direction::LowerIsBetter
        },
    };
    let (pairs, unmatched) = matched(first, second);
    let mut rows = Vec::with_capacity(pairs.len());
    let mut compared = Vec::new();
    for (a, b) in pairs {
        let (row, estimate) = row(a, b, &policy);
        rows.push(row);
        compared.push(estimate);
    }
    decide_all(&mut rows, &compared, &policy);
    Ok(TwoRuns {
        schema: SCHEMA.to_owned(),
        first: first_name.to_owned(),
        second: second_name.to_owned(),
        margin: policy.margin,
        confidence: policy.confidence,
        rows,
        unmatched,
        differences: differences(first, second)?,
    })
}

/// What makes two series the same one.
fn key(series: &Series) -> (Role, &str, Option<u32>, Option<&str>) {
    (
        series.role,
        &series.config,
        series.threads,
        series.workload.as_deref(),
    )
}

/// The series that both runs have once, and the others in words.
fn matched<'a>(
    first: &'a RunResult,
    second: &'a RunResult,
) -> (Vec<(&'a Series, &'a Series)>, Vec<String>) {
    let mut pairs = Vec::new();
    let mut unmatched = Vec::new();
    let told = |series: &Series, why: &str| {
        let threads = series.threads.map_or_else(String::new, |n| {
            format!(" at {}", plural(n.into(), "thread"))
        });
        let role = match series.role {
            Role::Strategy => "",
            Role::AA => " (A/A)",
            Role::Counted => " (counted)",
            Role::Probe => " (probe)",
        };
        format!("{}{role}{threads}: {why}", series.config)
    };
    let of = |run: &'a RunResult, wanted: &Series| -> Vec<&'a Series> {
        run.series
            .iter()
            .filter(|s| key(s) == key(wanted))
            .collect()
    };
    for series in &first.series {
        match (of(first, series).as_slice(), of(second, series).as_slice()) {
            ([a], [b]) if a.unit == b.unit => pairs.push((*a, *b)),
            ([_], [_]) => unmatched.push(told(series, "its units differ")),
            (_, []) => unmatched.push(told(series, "only in the first run")),
            _ => unmatched.push(told(series, "more than once in a run")),
        }
    }
    for series in &second.series {
        if of(first, series).is_empty() {
            unmatched.push(told(series, "only in the second run"));
        }
    }
    (pairs, unmatched)
}

/// One row, without its decision, and the estimate from which it will be made.
fn row(a: &Series, b: &Series, policy: &Policy) -> (Row, Option<Comparison>) {
    let values = |series: &Series| -> Vec<f64> { series.values.iter().map(|v| v.value).collect() };
    let side = |series: &Series| Side {
        n: series.values.len(),
        mean: series.mean.map(|estimate| Estimate {
            estimate,
            ci: series.ci,
        }),
    };
    let (estimate, missing) = match compare(&values(a), &values(b), Design::Unpaired, policy) {
        Ok(found) => (Some(found), None),
        Err(reason) => (None, Some(reason.to_string())),
    };
    // The overhead is 1 − ratio, so its ends change places.
    let ratio = estimate.as_ref().map(|found| Estimate {
        estimate: 1.0 - found.overhead.estimate,
        ci: found
            .overhead
            .ci
            .as_ref()
            .and_then(locktoll_stats::Bounds::interval)
            .map(|overhead| [1.0 - overhead.hi, 1.0 - overhead.lo]),
    });
    let row = Row {
        role: a.role,
        config: a.config.clone(),
        threads: a.threads,
        workload: a.workload.clone(),
        unit: a.unit.clone(),
        first: side(a),
        second: side(b),
        ratio,
        p_difference: estimate.as_ref().and_then(|found| found.p_difference),
        p_difference_holm: None,
        p_equivalence: estimate.as_ref().and_then(|found| found.p_equivalence),
        verdict: None::<Verdict>,
        missing,
    };
    (row, estimate)
}

/// Decides on all rows together.
fn decide_all(rows: &mut [Row], compared: &[Option<Comparison>], policy: &Policy) {
    let members: Vec<Comparison> = compared.iter().flatten().cloned().collect();
    let mut decisions = decide(&members, policy).into_iter();
    for (row, estimate) in rows.iter_mut().zip(compared) {
        if estimate.is_none() {
            continue;
        }
        let Some(Decision {
            verdict,
            p_difference_holm,
            ..
        }) = decisions.next()
        else {
            return;
        };
        row.verdict = Some(verdict);
        row.p_difference_holm = p_difference_holm;
    }
}

/// What differs in plan and environment, by name.
fn differences(first: &RunResult, second: &RunResult) -> Result<Vec<Difference>> {
    let facts = |run: &RunResult| -> Result<BTreeMap<String, String>> {
        let mut facts = BTreeMap::new();
        let plan = serde_json::to_value(&run.plan)
            .map_err(|reason| locktoll_report::json::Error::Write { reason })?;
        flatten("", &plan, &mut facts);
        facts.retain(|name, _| {
            !COURSE.iter().any(|part| {
                name.strip_prefix(part)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        });
        let mut all: BTreeMap<String, String> = facts
            .into_iter()
            .map(|(name, value)| (format!("plan.{name}"), value))
            .collect();
        for (name, value) in &run.environment {
            all.insert(format!("environment.{name}"), text(value));
        }
        Ok(all)
    };
    let (a, b) = (facts(first)?, facts(second)?);
    let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    Ok(names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .map(|name| Difference {
            name: name.clone(),
            first: a.get(name).cloned(),
            second: b.get(name).cloned(),
        })
        .collect())
}

/// A JSON object as names with points and their values; lists stay whole.
fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                flatten(&name, field, into);
            }
        }
        Value::Null => {}
        other => {
            into.insert(prefix.to_owned(), text(other));
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
