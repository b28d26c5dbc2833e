//! `what-if.md`.

use super::model::WhatIf;
use super::wording;
use crate::format::{MISSING, count, duration_ns};
use crate::markdown::doc::{Doc, escape, escape_prose};
use crate::text::{plain, shell_word};

/// Writes a result as Markdown (GitHub's tables).
#[must_use]
pub fn render(result: &WhatIf) -> String {
    let mut doc = Doc::default();
    doc.heading(1, "What if a lock were held shorter");
    let words: Vec<String> = result
        .command
        .iter()
        .map(|word| shell_word(&plain(word)))
        .collect();
    doc.code("sh", &words.join(" "));
    for sentence in wording::answer(result, escape) {
        doc.paragraph(&sentence);
    }
    doc.table(&wording::HEADER, result.cuts.iter().map(wording::row));
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
    doc.heading(2, "Runs");
    doc.paragraph(&format!(
        "Measured by {}; time of {}. Seed {}.",
        escape(&result.metric.source),
        escape(&result.metric.unit),
        result.seed
    ));
    let added = |ns: u64, holds: u64| {
        if holds == 0 || ns == 0 {
            return MISSING.to_owned();
        }
        duration_ns(ns as f64 / holds as f64)
    };
    doc.table(
        &[
            "Block",
            "Run",
            "Time",
            "Holds",
            "Added inside each",
            "Added after each",
        ],
        result.runs.iter().map(|run| {
            vec![
                count(run.block + 1),
                escape(&run.arm),
                duration_ns(run.time_ns),
                count(run.holds),
                added(run.inside_ns, run.holds),
                added(run.outside_ns, run.holds),
            ]
        }),
    );
    doc.finish()
}
