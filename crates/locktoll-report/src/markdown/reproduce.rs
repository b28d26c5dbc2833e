//! How to run it again, and on what it ran.

use super::doc::{Doc, escape};
use crate::format::given_percent;
use crate::model::{Origin, RunResult};
use crate::text::{plain, shell_word};

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "How to reproduce");
    match (&run.plan.experiment, &run.plan.origin) {
        (Some(experiment), _) => {
            doc.code("sh", &plain(&experiment.command));
            doc.paragraph(&format!("Seed of the random order: {}.", experiment.seed));
            if let Some(trial) = &experiment.trial_command {
                doc.paragraph("One trial alone:");
                doc.code("sh", &plain(trial));
            }
        }
        (None, Origin::Import { file } | Origin::Bench { directory: file }) => {
            doc.code("sh", &analyze_command(run, file));
        }
    }
    if run.environment.is_empty() {
        doc.paragraph("The environment in which the values were measured is not recorded.");
        return;
    }
    doc.table(
        &["Environment", "Value"],
        run.environment.iter().map(|(name, value)| {
            let value = match value {
                serde_json::Value::String(text) => escape(text),
                other => escape(&other.to_string()),
            };
            [escape(name), value]
        }),
    );
}

/// The command that analyses the same values in the same way.
fn analyze_command(run: &RunResult, file: &str) -> String {
    let plan = &run.plan;
    let mut command = format!(
        "locktoll analyze {} --baseline {} --margin {}",
        shell_word(&plain(file)),
        shell_word(&plain(&plan.baseline)),
        given_percent(plan.margin).trim_end_matches('%')
    );
    let confidence = given_percent(plan.confidence);
    if confidence != "95%" {
        command.push_str(" --confidence ");
        command.push_str(confidence.trim_end_matches('%'));
    }
    if let Some(allowed) = plan.max_cost {
        command.push_str(" --max-cost ");
        command.push_str(given_percent(allowed).trim_end_matches('%'));
    }
    if plan.paired {
        command.push_str(" --paired");
    }
    if !plan.higher_is_better {
        command.push_str(" --lower-is-better");
    }
    command
}
