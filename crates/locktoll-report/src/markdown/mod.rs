//! `report.md`: the whole report, section by section.
//!
//! The sections and their order are those of the report that locktoll grew from. A section that
//! does not apply to a run says so in one line, so that a reader never wonders whether it was
//! forgotten.

mod appendix;
mod causes;
mod ceiling;
mod closing;
mod consistency;
mod detail;
pub(crate) mod doc;
mod left_out;
mod map;
mod methodology;
mod reproduce;
mod results;
mod scaling;
mod statistics;

use locktoll_stats::Verdict;

use crate::evidence::{AaOutcome, a_a};
use crate::model::{Origin, RunResult, Subject};
use crate::wording::{self, Voice, a_a_sentence, answer, crash_sentences};
use doc::{Doc, escape, escape_prose};

/// Verdicts in bold, outside names escaped.
pub(crate) const VOICE: Voice = Voice {
    stress: bold,
    name: escape,
};

/// Writes a result as a Markdown report (GitHub's tables).
#[must_use]
pub fn render(run: &RunResult) -> String {
    let mut doc = Doc::default();
    doc.heading(1, &title(run));
    executive_summary(&mut doc, run);
    methodology::write(&mut doc, run);
    map::write(&mut doc, run);
    if run.map.is_some() && run.comparisons.is_empty() {
        // The sections between are those of comparisons, of which a map has none.
        reproduce::write(&mut doc, run);
        return doc.finish();
    }
    results::write(&mut doc, run);
    detail::write(&mut doc, run);
    causes::write(&mut doc, run);
    ceiling::write(&mut doc, run);
    statistics::write(&mut doc, run);
    closing::conclusions(&mut doc, run);
    closing::recommendations(&mut doc, run);
    closing::criteria(&mut doc, run);
    appendix::write(&mut doc, run);
    reproduce::write(&mut doc, run);
    doc.finish()
}

fn title(run: &RunResult) -> String {
    match &run.plan.experiment {
        Some(experiment) if run.map.is_some() => match &experiment.subject {
            Subject::Encoders { device, .. } => format!("Regime map on {}", escape(device)),
            Subject::Program { .. } | Subject::Commands { .. } => "Regime map".to_owned(),
        },
        Some(experiment) => {
            let workload = escape(&experiment.workload);
            match &experiment.subject {
                Subject::Encoders { device, .. } => {
                    format!("Lock overhead: {workload} on {}", escape(device))
                }
                Subject::Program { .. } => {
                    format!("Lock overhead: {workload} with locks slipped under it")
                }
                Subject::Commands { .. } => format!("Lock overhead: {workload}"),
            }
        }
        None => match &run.plan.origin {
            Origin::Bench { directory: source } | Origin::Import { file: source } => {
                format!("Overhead: {}", escape(source))
            }
        },
    }
}

/// The only note on a device that a summary repeats: without it, every figure is misread. All notes
/// are in the methodology.
const FOR_CORRECTNESS: &str = "for correctness only";

fn executive_summary(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "Executive Summary");
    let a_a_line = |voice: &Voice| match &run.map {
        Some(map) => wording::map::a_a_sentence(run, map, voice),
        None => a_a_sentence(run, voice),
    };
    if a_a(run) == AaOutcome::Failed {
        let quiet = Voice {
            stress: plain,
            ..VOICE
        };
        doc.paragraph(&format!("**{}**", a_a_line(&quiet)));
    }
    let experiment = run.plan.experiment.iter();
    let notes = experiment
        .flat_map(|experiment| &experiment.device_notes)
        .filter(|note| note.contains(FOR_CORRECTNESS));
    let answer = match &run.map {
        Some(map) => wording::map::answer(run, map, &VOICE),
        None => answer(run, &VOICE),
    };
    let causes = run.causes.iter();
    let causes = causes.map(|cause| wording::cause::finding(run, cause, &VOICE));
    doc.bullets(
        notes
            .map(|note| escape_prose(note))
            .chain(answer)
            .chain(causes),
    );
    if a_a(run) != AaOutcome::Failed {
        doc.paragraph(&a_a_line(&VOICE));
    }
    let of_map = run.map.as_ref().and_then(wording::map::crashes);
    doc.bullets(crash_sentences(run, &VOICE).into_iter().chain(of_map));
    if !run.warnings.is_empty() {
        doc.paragraph("Warnings, most important first:");
        doc.bullets(run.warnings.iter().map(|warning| escape(&warning.message)));
    }
}

fn bold(_: Verdict, word: &str) -> String {
    format!("**{word}**")
}

fn plain(_: Verdict, word: &str) -> String {
    word.to_owned()
}
