//! What the rest stands on, folded: every value, every crash, the probes, the plan, the machine.

use maud::{Markup, html};

use super::page::{Column, table};
use crate::format::{optional, plural, quantity, significant};
use crate::model::{Origin, RunResult, Series};
use crate::plots::svg::outside;
use crate::raw::{block_rows, has_rows};
use crate::rows;
use crate::wording::series_name;

/// Digits of a raw value; all of them are in `result.json`.
const DIGITS: i32 = 6;

pub(super) fn write(run: &RunResult) -> Markup {
    html! {
        @if run.series.iter().chain(&run.probes).any(has_rows) {
            details {
                summary { "Raw values" }
                p .note { "Rounded to six digits. The order of execution and the iterations inside \
                    each trial are in " code { "result.json" } "." }
                (raw_values(run))
            }
        }
        @if !run.probes.is_empty() {
            details { summary { "Probes: ops that were changed on purpose" } (probes(run)) }
        }
        details { summary { "How to reproduce" } (reproduce(run)) }
        details { summary { "Environment" } (environment(run)) }
    }
}

fn raw_values(run: &RunResult) -> Markup {
    html! {
        @for regime in run.regimes() {
            @let of_regime = run.series.iter().chain(&run.probes).filter(|s| s.regime() == regime);
            @let series: Vec<&Series> = of_regime.filter(|s| has_rows(s)).collect();
            @let names: Vec<String> = series.iter().map(|s| outside(&series_name(s))).collect();
            @let columns: Vec<(&str, Column)> = std::iter::once(("Block", Column::Name))
                .chain(names.iter().map(|name| (name.as_str(), Column::Figure)))
                .collect();
            @let unit = series.first().map_or("value", |s| s.unit.as_str());
            @let caption = outside(&format!("Values, {} ({unit})", regime.label(run)));
            (table(&caption, &columns, &block_rows(&series, outside, |x| significant(x, DIGITS))))
        }
    }
}

fn probes(run: &RunResult) -> Markup {
    let rows: Vec<Vec<String>> = run
        .probes
        .iter()
        .map(|series| {
            vec![
                outside(&series_name(series)),
                outside(&series.regime().label(run)),
                optional(series.mean, |mean| crate::format::mean(mean, series.ci)),
                outside(&series.unit),
                series.n.to_string(),
            ]
        })
        .collect();
    let columns = [
        ("Probe", Column::Name),
        ("Regime", Column::Words),
        ("Mean", Column::Figure),
        ("Unit", Column::Words),
        ("n", Column::Figure),
    ];
    table("Throughput of probes", &columns, &rows)
}

fn reproduce(run: &RunResult) -> Markup {
    let origin = match &run.plan.origin {
        Origin::Bench { directory } => format!("Measured; the run's directory is {directory}."),
        Origin::Import { file } => format!("Imported from {file}."),
    };
    let Some(experiment) = &run.plan.experiment else {
        return html! { p { (outside(&origin)) } };
    };
    let facts: Vec<Vec<String>> = [
        ("Seed of the random order", experiment.seed.to_string()),
        ("Rule that should end the run", experiment.stop_rule.clone()),
        ("What ended it", experiment.stop_reason.clone()),
        ("Resumed", plural(experiment.resumed.into(), "time")),
        ("Workload", experiment.workload.clone()),
        ("Strategies", experiment.strategies.join(", ")),
    ]
    .into_iter()
    .map(|(name, value)| vec![name.to_owned(), outside(&value)])
    .chain(experiment.uncontended_ns.iter().map(|(lock, ns)| {
        vec![
            outside(&format!("Uncontended cost of {lock}")),
            format!("{} ns", quantity(*ns)),
        ]
    }))
    .collect();
    html! {
        p { (outside(&origin)) }
        pre tabindex="0" aria-label="Command of the run" role="region" { code { (outside(&experiment.command)) } }
        @if let Some(trial) = &experiment.trial_command {
            p { "One trial alone:" }
            pre tabindex="0" aria-label="Command of one trial" role="region" { code { (outside(trial)) } }
        }
        (table("Plan", &[("Setting", Column::Words), ("Value", Column::Long)], &facts))
    }
}

fn environment(run: &RunResult) -> Markup {
    let rows: Vec<Vec<String>> = run
        .environment
        .iter()
        .map(|(name, value)| {
            let value = match value {
                serde_json::Value::String(text) => outside(text),
                other => outside(&other.to_string()),
            };
            vec![outside(name), value]
        })
        .collect();
    let columns = [("Fact", Column::Name), ("Value", Column::Long)];
    html! {
        @if rows.is_empty() { p { "The environment in which the values were measured is not recorded." } }
        (table("The machine and the build", &columns, &rows))
    }
}

pub(super) fn crashes(run: &RunResult) -> Option<Markup> {
    let events: Vec<Vec<String>> = rows::crash_events(run, outside)
        .into_iter()
        .map(Vec::from)
        .collect();
    if events.is_empty() {
        return None;
    }
    let rates: Vec<Vec<String>> = rows::crash_rates(run, outside)
        .into_iter()
        .map(Vec::from)
        .collect();
    let rate_columns = [
        ("Configuration", Column::Name),
        ("Regime", Column::Words),
        ("Trials", Column::Figure),
        ("Crashed", Column::Figure),
        ("Rate", Column::Figure),
    ];
    let event_columns = [
        ("Configuration", Column::Name),
        ("Regime", Column::Words),
        ("Block", Column::Figure),
        ("Signal", Column::Words),
        ("Iteration", Column::Figure),
        ("Thread", Column::Words),
        ("Last words", Column::Long),
    ];
    Some(html! {
        (table("How often trials crashed", &rate_columns, &rates))
        details {
            summary { "Crashes, one by one" }
            (table("Every crash", &event_columns, &events))
        }
    })
}
