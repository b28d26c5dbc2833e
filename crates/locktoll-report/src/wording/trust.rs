//! Sentences on the run as a whole: whether A/A passed, and what crashed.

use super::{Voice, size};
use crate::evidence::{AaOutcome, a_a, crash_counts, probe_crash_counts};
use crate::format::{count, given_percent, half_width, percent, percent_interval, plural, share};
use crate::model::{CrashEvent, Crashes, Origin, Role, RunResult, Series};

/// Whether the experiment can tell same from same.
pub(crate) fn a_a_sentence(run: &RunResult, voice: &Voice) -> String {
    let margin = given_percent(run.plan.margin);
    let rows: Vec<String> = run
        .comparisons_of(Role::AA)
        .map(|row| {
            let at = lower(voice.at(run, &row.regime()).trim_end_matches([' ', ',']));
            let word = row.verdict.map_or_else(
                || "no verdict".to_owned(),
                |v| (voice.stress)(v, &v.to_string()),
            );
            format!("{at} {} {word}", size(row, false))
                .trim_start()
                .to_owned()
        })
        .collect();
    let rows = rows.join("; ");
    // An analysis with another baseline than the run's still has the run's A/A arm.
    let other = run
        .comparisons_of(Role::AA)
        .map(|row| row.test.as_str())
        .find(|&test| test != run.plan.baseline);
    let twice = match other {
        None => "the baseline against itself".to_owned(),
        Some(lock) => format!("{} (not the baseline) against itself", (voice.name)(lock)),
    };
    let missing = run
        .comparisons_of(Role::AA)
        .map(|row| row.missing.as_deref());
    if let Some(reason) = missing.reduce(Option::and).flatten() {
        return format!(
            "A/A: nothing to show for {twice}: {}.",
            (voice.name)(reason)
        );
    }
    match a_a(run) {
        AaOutcome::NotRun => match run.plan.origin {
            Origin::Bench { .. } => {
                "A/A: not run, so nothing shows that the experiment tells same from same."
            }
            Origin::Import { .. } => "A/A: imported values have no such arm.",
        }
        .to_owned(),
        AaOutcome::Passed => {
            format!(
                "A/A passes: {twice} is shown to stay within ±{margin}, by equivalence tests ({rows})."
            )
        }
        AaOutcome::Unsettled => {
            format!("A/A is not settled: {twice} is not shown to stay within ±{margin} ({rows}).")
        }
        AaOutcome::Failed if rows.is_empty() => "A/A FAILS: see the warnings.".to_owned(),
        AaOutcome::Failed => format!(
            "A/A FAILS: {twice} differs ({rows}). Differences of this size come from the \
             experiment, not from a lock."
        ),
    }
}

/// One sentence for each series that crashed, one for all that did not, and one for the crashes of
/// probes.
pub(crate) fn crash_sentences(run: &RunResult, voice: &Voice) -> Vec<String> {
    let mut sentences: Vec<String> = crash_counts(run)
        .filter(|(_, crashes)| crashes.crashed > 0)
        .map(|(series, crashes)| {
            format!(
                "{}strategy {}: {} of {} crashed, {}{}.",
                voice.at(run, &series.regime()),
                (voice.name)(&series_name(series)),
                count(crashes.crashed),
                plural(crashes.trials, "trial"),
                crash_rate(crashes),
                signals(&crashes.events, voice)
            )
        })
        .collect();
    let calm: Vec<&Crashes> = crash_counts(run)
        .map(|(_, crashes)| crashes)
        .filter(|crashes| crashes.crashed == 0 && crashes.trials > 0)
        .collect();
    let fewest = calm.iter().map(|crashes| crashes.trials).min();
    let most = calm.iter().map(|crashes| crashes.trials).max();
    if let (Some(fewest), Some(most)) = (fewest, most) {
        let trials = if fewest == most {
            count(most)
        } else {
            format!("{fewest} to {most}")
        };
        let bound = calm
            .iter()
            .map(|crashes| crashes.upper_bound)
            .fold(0.0, f64::max);
        let others = if sentences.is_empty() { "" } else { "other " };
        let each = match calm.len() {
            1 => format!(
                "the {}series",
                if others.is_empty() { "" } else { "other " }
            ),
            n => format!("each of the {n} {others}series"),
        };
        sentences.push(format!(
            "0 of {trials} trials crashed in {each}: below {} at {}.",
            share(bound),
            given_percent(run.plan.confidence)
        ));
    }
    sentences.extend(crashes_of_probes(run, voice));
    sentences
}

/// What crashed among the trials of changed ops, which may crash for another reason than the op as it
/// is: no rate is told of all together.
fn crashes_of_probes(run: &RunResult, voice: &Voice) -> Option<String> {
    let all: Vec<&Crashes> = probe_crash_counts(run).map(|(_, c)| c).collect();
    let crashed: Vec<&Crashes> = all.iter().copied().filter(|c| c.crashed > 0).collect();
    let sum = |counts: &[&Crashes], of: fn(&Crashes) -> u64| counts.iter().map(|c| of(c)).sum();
    let events: Vec<CrashEvent> = crashed.iter().flat_map(|c| c.events.clone()).collect();
    (!crashed.is_empty()).then(|| {
        format!(
            "Of the trials that ask why, {} of {} crashed, in {} of {}{}.",
            count(sum(&crashed, |c| c.crashed)),
            count(sum(&all, |c| c.trials)),
            count(crashed.len() as u64),
            plural(all.len() as u64, "probe"),
            signals(&events, voice)
        )
    })
}

/// `15% (3% to 38%)`, or `below 13.9%` where none crashed.
pub(crate) fn crash_rate(crashes: &Crashes) -> String {
    if crashes.trials == 0 {
        "no trials".to_owned()
    } else if crashes.crashed == 0 {
        format!("below {}", share(crashes.upper_bound))
    } else {
        let half = Some(half_width(crashes.ci));
        format!(
            "{} ({})",
            percent(crashes.rate, half),
            percent_interval(crashes.ci)
        )
    }
}

/// `; SIGABRT 2 times, SIGSEGV once`, most frequent first.
fn signals(events: &[CrashEvent], voice: &Voice) -> String {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for event in events {
        match counts
            .iter_mut()
            .find(|(signal, _)| *signal == event.signal)
        {
            Some((_, n)) => *n += 1,
            None => counts.push((&event.signal, 1)),
        }
    }
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let words: Vec<String> = counts
        .iter()
        .map(|(signal, n)| match n {
            1 => format!("{} once", (voice.name)(signal)),
            n => format!("{} {} times", (voice.name)(signal), count(*n)),
        })
        .collect();
    if words.is_empty() {
        String::new()
    } else {
        format!("; {}", words.join(", "))
    }
}

/// The configuration, and the arm where it is not the bare one: `none (A/A)`.
pub(crate) fn series_name(series: &Series) -> String {
    match series.role {
        Role::Strategy => series.config.clone(),
        Role::AA => format!("{} (A/A)", series.config),
        Role::Counted => format!("{} (counted)", series.config),
        Role::Probe => format!(
            "{} ({})",
            series.config,
            series.probe.as_deref().unwrap_or("probe")
        ),
    }
}

fn lower(text: &str) -> String {
    text.replacen("At ", "at ", 1).replacen("With ", "with ", 1)
}
