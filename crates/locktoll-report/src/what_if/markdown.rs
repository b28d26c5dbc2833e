//! `what-if.md`.

use super::model::WhatIf;
use super::{rows, wording};
use crate::markdown::doc::{Doc, escape, escape_prose};
use crate::text::command;

/// Writes a result as Markdown (GitHub's tables).
#[must_use]
pub fn render(result: &WhatIf) -> String {
    let mut doc = Doc::default();
    doc.heading(1, "What if a lock were held shorter");
    doc.code("sh", &command(&result.command));
    for sentence in wording::answer(result, escape) {
        doc.paragraph(&sentence);
    }
    doc.table(&rows::CUTS, result.cuts.iter().map(rows::cut));
    doc.paragraph(wording::READING);
    doc.heading(2, "How it was found out");
    for sentence in wording::evidence(result) {
        doc.paragraph(&sentence);
    }
    doc.bullets(
        result
            .lock
            .sites
            .iter()
            .map(|site| format!("delayed where it is taken by {}", escape(site))),
    );
    doc.bullets(
        result
            .warnings
            .iter()
            .map(|warning| format!("warning: {}", escape_prose(warning))),
    );
    if let Some(replica) = &result.replica {
        doc.heading(2, "The replica");
        doc.paragraph(&wording::belief(replica));
        let answers = rows::answers(result, replica);
        doc.table(&rows::ANSWERS, answers.iter().map(rows::Answer::row));
        doc.paragraph(wording::ANSWERS);
        doc.code("sh", &command(&replica.command));
    }
    doc.heading(2, "Runs");
    doc.paragraph(&wording::measured(result, escape));
    doc.table(&rows::RUNS, result.runs.iter().map(rows::run));
    doc.finish()
}
