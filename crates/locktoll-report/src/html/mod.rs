//! `report.html`: one file that needs no network and runs no script.
//!
//! The answer stands first, in the words of the other renderers; then what it rests on, plot by
//! plot, each with its table; raw values and the environment last, folded. Sections without data
//! are left out.

mod answer;
mod causes;
mod map;
pub(crate) mod page;
mod raw;
mod results;

use maud::Markup;

use crate::format::plural;
use crate::model::{Origin, RunResult, Subject};
use crate::plots::svg::{Drawing, Layout, outside};
use page::{Head, Section};

/// Writes a result as a page of HTML.
///
/// ```no_run
/// let run = locktoll_report::json::from_str(&std::fs::read_to_string("result.json")?)?;
/// std::fs::write("report.html", locktoll_report::html::render(&run))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn render(run: &RunResult) -> String {
    let head = Head {
        title: title(run),
        about: about(run),
        answer: answer::write(run),
        source: Some("result.json"),
    };
    let candidates: [(&'static str, &'static str, Option<Markup>); 12] = [
        ("map", "Regime map", map::write(run)),
        ("overhead", "Overhead", results::overhead(run)),
        ("advice", "What to do", answer::advice(run)),
        ("throughput", "Throughput", results::throughput(run)),
        ("blocks", "Block by block", results::blocks(run)),
        ("order", "Course of the run", results::order(run)),
        ("causes", "What limits the throughput", causes::write(run)),
        ("ceiling", "Ceiling of the device", causes::ceiling(run)),
        ("contention", "Contention", results::contention(run)),
        ("latency", "Latency", results::latency(run)),
        ("crashes", "Crashes", raw::crashes(run)),
        ("data", "Data and environment", Some(raw::write(run))),
    ];
    let sections: Vec<Section> = candidates
        .into_iter()
        .filter_map(|(id, heading, body)| {
            Some(Section {
                id,
                heading,
                body: body?,
            })
        })
        .collect();
    page::write(&head, &sections)
}

/// A plot in both layouts.
pub(crate) fn both<I>(draw: impl Fn(Layout) -> I) -> Vec<Drawing>
where
    I: IntoIterator<Item = Drawing>,
{
    let narrow = draw(Layout::Narrow).into_iter();
    draw(Layout::Wide).into_iter().chain(narrow).collect()
}

fn title(run: &RunResult) -> String {
    let title = match &run.plan.experiment {
        Some(experiment) => {
            let workload = &experiment.workload;
            match &experiment.subject {
                Subject::Encoders { device, .. } => {
                    format!("Lock overhead: {workload} on {device}")
                }
                Subject::Program { .. } => {
                    format!("Lock overhead: {workload} with locks slipped under it")
                }
                Subject::Commands { .. } => format!("Lock overhead: {workload}"),
            }
        }
        None => match &run.plan.origin {
            Origin::Bench { directory: source } | Origin::Import { file: source } => {
                format!("Overhead: {source}")
            }
        },
    };
    outside(&title)
}

/// How much was measured.
fn about(run: &RunResult) -> String {
    let Some(experiment) = &run.plan.experiment else {
        let values: usize = run.series.iter().map(|series| series.values.len()).sum();
        return plural(values as u64, "imported value");
    };
    let mut parts = vec![
        plural(experiment.blocks_complete, "block"),
        plural(experiment.trials, "trial"),
        format!("seed {}", experiment.seed),
    ];
    if let Some(device) = run.environment.get("device").and_then(|name| name.as_str()) {
        parts.insert(0, device.to_owned());
    }
    outside(&parts.join(" · "))
}
