//! The answer: two sentences that can be read from across the room, then what else was found, then
//! whether to believe it.

use locktoll_stats::Verdict;
use maud::{Markup, html};

use super::page::{VOICE, marked};
use crate::evidence::{AaOutcome, a_a};
use crate::model::RunResult;
use crate::plots::svg::outside;
use crate::recommend;
use crate::wording::{self, Voice, a_a_sentence, answer, crash_sentences};

/// Sentences that stand before the list.
const FIRST: usize = 2;

pub(super) fn write(run: &RunResult) -> Markup {
    let mut sentences = match &run.map {
        Some(map) if run.comparisons.is_empty() => wording::map::answer(run, map, &VOICE),
        _ => answer(run, &VOICE),
    };
    let findings = run.causes.iter();
    sentences.extend(findings.map(|cause| wording::cause::finding(run, cause, &VOICE)));
    let ceiling = run.ceiling.as_ref();
    sentences.extend(ceiling.and_then(|ceiling| wording::cause::ceiling(run, ceiling, &VOICE)));
    sentences.extend(wording::scaling::scaling_sentences(run, &VOICE));
    let (first, rest) = sentences.split_at(sentences.len().min(FIRST));
    let failed = a_a(run) == AaOutcome::Failed;
    let only_map = run.map.is_some() && run.comparisons.is_empty();
    let a_a_words = match (&run.map, only_map) {
        (Some(map), true) => wording::map::a_a_sentence(run, map, &VOICE),
        _ if failed => a_a_sentence(
            run,
            &Voice {
                stress: unstressed,
                ..VOICE
            },
        ),
        _ => a_a_sentence(run, &VOICE),
    };
    let notes = run
        .plan
        .experiment
        .iter()
        .flat_map(|experiment| &experiment.device_notes);
    html! {
        @if failed { p .alert { strong { (marked(&a_a_words)) } } }
        p .lead {
            @for (index, sentence) in first.iter().enumerate() {
                @if index > 0 { " " }
                (marked(sentence))
            }
        }
        (list(rest))
        div .trust {
            @if !failed { p { (marked(&a_a_words)) } }
            @for sentence in crash_sentences(run, &VOICE) { p { (marked(&sentence)) } }
            @if let Some(sentence) = run.map.as_ref().and_then(wording::map::crashes) { p { (marked(&sentence)) } }
            @for note in notes { p { (with_code(note)) } }
        }
        @if !run.warnings.is_empty() {
            h3 { "Warnings, most important first" }
            ul .warnings {
                @for warning in &run.warnings { li { (outside(&warning.message)) } }
            }
        }
    }
}

/// What follows for whoever has to choose a lock.
pub(super) fn advice(run: &RunResult) -> Option<Markup> {
    let lines = recommend::recommendations(run);
    if lines.is_empty() {
        return None;
    }
    Some(html! {
        ul { @for line in &lines { li { (outside(line)) } } }
        p .note {
            "These hold for the configurations, workload, thread counts and device measured here, \
             and for no others."
        }
    })
}

fn list(sentences: &[String]) -> Markup {
    html! {
        @if !sentences.is_empty() {
            ul { @for sentence in sentences { li { (marked(sentence)) } } }
        }
    }
}

/// A note whose words between backticks are code.
fn with_code(note: &str) -> Markup {
    let note = outside(note);
    let pieces: Vec<&str> = note.split('`').collect();
    html! {
        @if pieces.len().is_multiple_of(2) {
            (note)
        } @else {
            @for (at, piece) in pieces.iter().enumerate() {
                @if at.is_multiple_of(2) { (piece) } @else { code { (piece) } }
            }
        }
    }
}

fn unstressed(_: Verdict, word: &str) -> String {
    word.to_owned()
}
