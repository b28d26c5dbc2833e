//! The answer in sentences.

use locktoll_stats::cut::Faster;

use super::model::{Change, Cut, ReplicaResult, Run, Subject, WhatIf};
use crate::format::{count, duration_ns, fixed_point, given_percent, percent, plural, share};

/// Gains below this do not matter.
const NEGLIGIBLE: f64 = 1.01;

/// A factor, finer where it is near 1.
pub(super) fn times(ratio: f64) -> String {
    fixed_point(ratio, if ratio < 1.1 { 3 } else { 2 })
}

/// The answer, the first sentence for those who read no other. `name` makes names from outside harmless.
pub(super) fn answer(result: &WhatIf, name: fn(&str) -> String) -> Vec<String> {
    let lock = name(&result.lock.name);
    let removal = result.cuts.iter().find(|cut| cut.fraction >= 1.0);
    let most = removal.and_then(|cut| cut.at_most);
    let first = match most {
        Some(most) if most <= NEGLIGIBLE => format!(
            "{lock} does not matter: without its holds the program would be at most {} faster.",
            percent(most - 1.0, None)
        ),
        Some(most) => format!(
            "{lock}: without its holds the program would be at most {} times as fast.",
            times(most)
        ),
        None if result.concave => format!(
            "{lock}: what it costs is not identified. The more time was added to its holds, the less of it \
             arrived, so what was added does not bound what a cut would gain."
        ),
        None if handed_over_mostly(result) => format!(
            "{lock}: what it costs is not bounded by what was added. Handing it over to threads that sleep may take \
             {} of the time, and how often that happens changes with the holds.",
            share(result.handover.share)
        ),
        None => format!(
            "{lock}: the program's time passes through its holds, as far as can be told; what would limit the \
             program without them was not seen."
        ),
    };
    let mut sentences = vec![first];
    let half = result
        .cuts
        .iter()
        .find(|cut| (0.4..0.6).contains(&cut.fraction));
    if let Some(Cut {
        fraction,
        expected: Some(expected),
        ..
    }) = half
    {
        sentences.push(format!(
            "If it were held {} shorter, the program would be {} times as fast ({} to {}).",
            given_percent(*fraction),
            times(expected.ratio),
            times(expected.ci.lo),
            times(expected.ci.hi)
        ));
        sentences.extend(wide(result.blocks, expected));
    }
    sentences
}

/// An interval wider than ±20%, and how many blocks would make it half as wide as that: its width goes with one
/// over the root of their number.
fn wide(blocks: u64, expected: &Faster) -> Option<String> {
    let half = (expected.ci.hi / expected.ci.lo).ln() / 2.0;
    (half > 1.2_f64.ln()).then(|| {
        let more = (blocks as f64 * (half / 1.1_f64.ln()).powi(2)).ceil();
        format!(
            "The interval is wide: with --blocks {} it would be about ±10%.",
            count(rounded(more))
        )
    })
}

/// Whether the bounds are lost to hand-overs, and would be there without them.
fn handed_over_mostly(result: &WhatIf) -> bool {
    let share = &result.share;
    share.at_most(1.0, 0.0).is_some() && share.at_most(1.0, result.handover.share).is_none()
}

/// What was found out, and from what.
pub(super) fn evidence(result: &WhatIf) -> Vec<String> {
    let lock = &result.lock;
    let mut sentences = vec![format!(
        "It is taken {} times in a run by {} and held {} on average, {} of the program's time.",
        count(rounded(lock.acquisitions)),
        plural(lock.threads, "thread"),
        duration_ns(lock.hold_ns),
        share(result.held_ns / result.watched_ns)
    )];
    let inside = interval(result.inside.slope, result.inside.ci);
    let outside = interval(result.outside.slope, result.outside.ci);
    sentences.push(format!(
        "Of each nanosecond added inside its holds, {inside} ns arrived in the program's time; of each added \
         after them, as a control, {outside} ns. At most {} of a hold was added ({} of runs in random \
         order).",
        share(result.tested),
        plural(result.blocks, "block")
    ));
    if let Some(ci) = result.share.ci {
        sentences.push(format!(
            "So its holds are {} of the program's time ({} to {}).",
            share(result.share.share),
            share(ci.lo),
            share(ci.hi)
        ));
    }
    let handover = &result.handover;
    sentences.push(format!(
        "{} of its acquisitions found it taken. To go on after it was woken takes a thread {} here{}, so handing the \
         lock over takes at most {} of the time; a bound allows for all of it to go.",
        share(handover.contended),
        duration_ns(handover.waking_ns),
        if lock.threads > 1 && lock.hold_ns < handover.waking_ns {
            ", longer than a hold, and any acquisition may be one that waits"
        } else {
            ""
        },
        share(handover.share)
    ));
    sentences.extend(replica(result));
    sentences
}

/// Whether there is a replica, and whether it is believed.
fn replica(result: &WhatIf) -> Option<String> {
    match (&result.replica, &result.no_replica) {
        (Some(replica), _) if replica.comparison.believed => Some(
            "A replica (as many threads, a lock of the same kind held as long, and nothing else) answered \
             what was added as the program did, so its holds were cut in the program's place."
                .to_owned(),
        ),
        (Some(replica), _) if !replica.comparison.differs => Some(
            "Whether a replica of the lock's use answers what was added as the program does could not be told from so \
             many blocks, so nothing but the bounds is said of cuts; more --blocks would tell."
                .to_owned(),
        ),
        (Some(_), _) => Some(
            "A replica of the lock's use did not answer what was added as the program did, so nothing but \
             the bounds is said of cuts."
                .to_owned(),
        ),
        (None, Some(why)) => Some(format!("No replica was made: {why}.")),
        (None, None) => None,
    }
}

/// What a replica is believed by.
pub(super) fn belief(replica: &ReplicaResult) -> String {
    let more = |ratio: f64| given_percent(ratio - 1.0);
    let (level, response) = (
        more(replica.tolerated.level),
        more(replica.tolerated.response),
    );
    if replica.comparison.believed {
        format!(
            "Believed: on average its time differs from the program's by no more than {level}, and no answer of it by \
             more than {response}."
        )
    } else if replica.comparison.differs {
        format!(
            "Not believed: its time differs from the program's by more than {level}, or an answer of it by more than \
             {response}, as far as the intervals tell."
        )
    } else {
        format!(
            "Not believed: on average its time differs from the program's by more than {level}, or an answer of it by \
             more than {response}, and the intervals do not tell whether by chance. More --blocks would tell."
        )
    }
}

/// By what the time was measured, and how the runs were ended. `name` makes what was given harmless.
pub(super) fn measured(result: &WhatIf, name: fn(&str) -> String) -> String {
    let ended = result.duration_ns.map_or_else(String::new, |ns| {
        format!(
            " Each run of the program was told to end after {}.",
            duration_ns(ns as f64)
        )
    });
    let of_replica = if result.replica.is_some() && result.metric.source != "wall" {
        ", and of the replica of a whole run"
    } else {
        ""
    };
    format!(
        "Measured by {}; time of {}{of_replica}.{ended} Seed {}.",
        name(&result.metric.source),
        name(&result.metric.unit),
        result.seed
    )
}

/// What was done to a program or its replica.
pub(super) fn change(change: Change) -> String {
    match change {
        Change::Bare => "bare".to_owned(),
        Change::Watched => "watched".to_owned(),
        Change::Inside { ns } => format!("{} inside", duration_ns(ns as f64)),
        Change::After { ns } => format!("{} after", duration_ns(ns as f64)),
        Change::Cut { fraction } => format!("cut by {}", given_percent(fraction)),
    }
}

/// What a run was: `program watched`.
pub(super) fn arm(run: &Run) -> String {
    let subject = match run.subject {
        Subject::Program => "program",
        Subject::Replica => "replica",
    };
    format!("{subject} {}", change(run.change))
}

/// What the figures mean.
pub(super) const READING: &str = "At most: a cut gains no more than what as long an addition costs, and the hand-overs to threads that sleep, where \
     threads take turns in an order that the times do not change; nothing is said beyond what was added. Expected: measured on the replica, \
     and can be below 1, since a shorter hold may make the hand-over between threads dearer.";

/// What the columns of answers mean.
pub(super) const ANSWERS: &str = "Answers are times with an addition, each divided by that of the watched run of its block, as \
     geometric means.";

fn rounded(count: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, which is as good"
    )]
    let count = count.round() as u64;
    count
}

pub(super) fn interval(value: f64, ci: Option<locktoll_stats::Interval>) -> String {
    match ci {
        Some(ci) => format!(
            "{} ({} to {})",
            fixed_point(value, 2),
            fixed_point(ci.lo, 2),
            fixed_point(ci.hi, 2)
        ),
        None => fixed_point(value, 2),
    }
}
