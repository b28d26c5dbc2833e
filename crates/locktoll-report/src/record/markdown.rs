//! `record.md`.

use super::model::Record;
use super::{rows, wording};
use crate::markdown::doc::{Doc, escape, escape_prose};
use crate::text::command;

/// Locks whose sites and threads are told.
const DETAILED: usize = 10;
/// Rows of the other tables.
const ROWS: usize = 50;

/// Writes a recording as Markdown (GitHub's tables).
#[must_use]
pub fn render(record: &Record) -> String {
    let mut doc = Doc::default();
    doc.heading(1, "Locks of a program");
    doc.code("sh", &command(&record.run.command));
    doc.paragraph(&wording::about(record));
    for sentence in wording::answer(record, escape) {
        doc.paragraph(&sentence);
    }
    let cells = |row: Vec<String>| row.iter().map(|cell| escape(cell)).collect::<Vec<_>>();
    if !record.locks.is_empty() {
        let (told, rest) = rows::told(record, ROWS);
        doc.heading(2, "Locks by time lost");
        doc.table(
            &rows::LOCKS,
            told.iter().map(|lock| cells(rows::lock(record, lock))),
        );
        if rest > 0 {
            doc.paragraph(&rows::more_locks(rest));
        }
        doc.paragraph(
            "Time lost is the sum of all waits. Held is the share of the process's time. Contended are \
             acquisitions that did not find the lock free.",
        );
        doc.table(
            &rows::MORE,
            told.iter().map(|lock| cells(rows::more(record, lock))),
        );
        doc.paragraph(
            "Fairness is Jain's index of the threads' acquisitions: 1 where all took the lock equally often, \
             1 ÷ threads where one took it alone. Refused are attempts that were not to wait.",
        );
        let owners = rows::owners(record);
        if owners.len() > 1 {
            doc.heading(2, "Whose locks they are");
            doc.table(&rows::OWNERS, owners.into_iter().take(ROWS).map(cells));
            doc.paragraph(rows::OWNERS_NOTE);
        }
        doc.heading(2, "Call sites");
        doc.paragraph(
            "Made wait: how long others waited for the lock while this site held it, as far as that was seen.",
        );
        for lock in rows::detailed(record, DETAILED) {
            doc.heading(3, &escape(&rows::name(record, lock)));
            doc.table(
                &rows::SITES,
                lock.sites.iter().map(|site| cells(rows::site(lock, site))),
            );
        }
    }
    if !record.blames.is_empty() {
        doc.heading(2, "Who waited for whom");
        doc.table(
            &rows::BLAMES,
            record
                .blames
                .iter()
                .take(ROWS)
                .map(|blame| cells(rows::blame(blame))),
        );
    }
    let threads = rows::threads(rows::detailed(record, DETAILED).into_iter());
    if !threads.is_empty() {
        doc.heading(2, "Threads");
        doc.table(&rows::THREADS, threads.into_iter().take(ROWS).map(cells));
    }
    if rows::idle_locks(record).next().is_some() {
        doc.heading(2, "Idle waiting");
        doc.paragraph("Waits for something to happen, which are no contention.");
        doc.table(
            &rows::IDLE,
            rows::idle_locks(record)
                .take(ROWS)
                .map(|lock| cells(rows::idle(record, lock))),
        );
    }
    doc.heading(2, "How it was recorded");
    doc.paragraph(&rows::sampling(record));
    for sentence in wording::course(record) {
        doc.paragraph(&sentence);
    }
    doc.bullets(
        record
            .warnings
            .iter()
            .map(|warning| format!("warning: {}", escape_prose(&warning.message))),
    );
    doc.finish()
}
