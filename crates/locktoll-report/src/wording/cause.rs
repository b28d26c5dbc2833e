//! Root causes in words: the finding, and the evidence for it line by line.

use super::Voice;
use crate::format::{
    duration_ns, half_width, p_value, percent_interval, plural, quantity, ratio, share,
};
use crate::model::{
    Cause, Ceiling, CeilingLimit, Estimate, Outcome, Part, PassThrough, Remedy, Resource, Root,
    RunResult,
};

/// The finding in one sentence.
pub(crate) fn finding(run: &RunResult, cause: &Cause, voice: &Voice) -> String {
    let config = voice.subject(run, &cause.config);
    let at = plural(cause.threads.into(), "thread");
    let found = match cause.root {
        Root::LockBound => "the lock is the bottleneck",
        Root::DeviceBound => "the device is the bottleneck",
        Root::EncodeBound => "encoding on the CPU is the bottleneck",
        Root::SubmissionBound => "submission is the bottleneck",
        Root::Mixed => "there is more than one bottleneck",
        Root::NotIdentified => "the bottleneck is not identified",
    };
    let reason = (voice.name)(&cause.reason);
    format!("Under {config} at {at}, {found}: {reason}")
}

/// The same by its name alone: `lock-bound`.
pub(crate) fn root_name(root: Root) -> &'static str {
    match root {
        Root::LockBound => "lock-bound",
        Root::DeviceBound => "device-bound",
        Root::EncodeBound => "encode-bound",
        Root::SubmissionBound => "submission-bound",
        Root::Mixed => "mixed",
        Root::NotIdentified => "not identified",
    }
}

/// What follows from the finding, as far as it was measured, and from the remedy that was tried.
pub(crate) fn advice(cause: &Cause) -> Vec<String> {
    follows(cause).into_iter().chain(batching(cause)).collect()
}

/// Whether to do more work in one op: for the arm that did to say, whatever the finding is. Where it did
/// not settle that, only a finding that asks for it is a reason to speak of it.
fn batching(cause: &Cause) -> Option<String> {
    let tried = cause.remedy.as_ref()?;
    let asked_for = cause.root == Root::SubmissionBound;
    let what = match tried.outcome {
        Outcome::Gains => "do more work in one op",
        Outcome::Loses => "do not do more work in one op: it was tried, and loses throughput",
        Outcome::NoMatter if asked_for => "more work in one op gains nothing that matters",
        Outcome::Unsettled if asked_for => {
            "more work in one op is what to try, but whether it gains is not settled"
        }
        Outcome::NoMatter | Outcome::Unsettled => return None,
    };
    Some(format!(
        "Under {} at {}, {what}. {}.",
        cause.config,
        plural(cause.threads.into(), "thread"),
        remedy(tried)
    ))
}

/// What follows from the finding alone.
fn follows(cause: &Cause) -> Option<String> {
    let at = plural(cause.threads.into(), "thread");
    let config = &cause.config;
    let passes = |resource: Resource| {
        let rows = cause.pass_throughs.iter();
        let mut found = rows.filter(|row| row.resource == resource && row.linear != Some(false));
        found
            .find_map(|row| row.estimate)
            .map(|slope| ratio(slope.estimate, slope.ci.map(half_width)))
    };
    match cause.root {
        Root::LockBound => Some(format!(
            "Under {config} at {at}, shorten what is done inside the lock, or lock less at a time: {} \
             ns of each nanosecond added there arrived in the time per op.",
            passes(Resource::Lock)?
        )),
        Root::DeviceBound => Some(format!(
            "Under {config} at {at}, look for throughput on the device and not in the locks: {} ns of \
             each nanosecond of device time arrived in the time per op.",
            passes(Resource::Device)?
        )),
        Root::EncodeBound => Some(format!(
            "Under {config} at {at}, encode less per op or on more cores: {} ns of each nanosecond of \
             encoding arrived in the time per op.",
            passes(Resource::Encode)?
        )),
        Root::SubmissionBound | Root::Mixed | Root::NotIdentified => None,
    }
}

/// How far the workload is from the device's own limit.
pub(crate) fn ceiling(run: &RunResult, ceiling: &Ceiling, voice: &Voice) -> Option<String> {
    let ratio = ceiling.ratio.as_ref()?;
    let best = ceiling.best.as_ref()?;
    let set = ceiling.set_occupancy_ns.map_or_else(String::new, |ns| {
        format!(
            " That limit is one of this device's settings: an empty op occupies an engine for its \
             service time too, {}.",
            duration_ns(ns)
        )
    });
    Some(format!(
        "With {} at {} on {}, {} of the most empty ops that the device took is reached: {}/s, by {} on \
         {}, {}; the highest of {}.{set}",
        voice.subject(run, &ceiling.config),
        plural(ceiling.threads.into(), "thread"),
        plural(ceiling.queues.into(), "queue"),
        share_interval(ratio),
        quantity(best.ops_per_s.estimate),
        plural(best.threads.into(), "thread"),
        plural(best.queues.into(), "queue"),
        waited(best),
        plural(ceiling.limits.len() as u64, "mean")
    ))
}

/// How empty ops were waited for.
pub(crate) fn waited(limit: &CeilingLimit) -> &'static str {
    if limit.waits {
        "waited for as in the workload"
    } else {
        "waited for at the end"
    }
}

/// The evidence, one line each.
pub(crate) fn evidence(cause: &Cause, voice: &Voice) -> Vec<String> {
    let mut lines = Vec::new();
    let whole = cause.time_per_op_ns.as_ref();
    lines.extend(whole.map(|time| format!("time per op: {}", duration_interval(time))));
    for row in &cause.shares {
        if let Some(found) = &row.share {
            let demand = row.demand_ns.map_or_else(String::new, |demand| {
                format!(", of which an op needs {}", duration_ns(demand))
            });
            lines.push(format!(
                "{}: {} of the time per op{demand}",
                part_name(row.part),
                share_interval(found)
            ));
        }
    }
    lines.extend(cause.pass_throughs.iter().filter_map(pass_through));
    if let Some(sum) = &cause.shares_sum {
        lines.push(format!(
            "together: {} of the time per op",
            share_interval(sum)
        ));
    }
    for witness in &cause.witnesses {
        let word = if witness.agrees {
            "agrees"
        } else {
            "disagrees"
        };
        let said = (voice.name)(&witness.statement);
        lines.push(format!("utilisation {word}: {said}"));
    }
    lines.extend(cause.remedy.as_ref().map(remedy));
    lines
}

/// `of 1 ns more inside the lock, 0.980 (0.950 to 1.010) ns arrive`.
fn pass_through(row: &PassThrough) -> Option<String> {
    let found = row.estimate.as_ref()?;
    let bent = match (row.linear, row.p_linear) {
        (Some(false), Some(p)) => format!(
            "; the levels are not on one line (p {}), so nothing is extrapolated",
            p_value(p)
        ),
        _ => String::new(),
    };
    Some(format!(
        "of 1 ns more {}, {} ns arrive in the time per op{bent}",
        place(row.resource),
        ratio_interval(found)
    ))
}

/// What trying the remedy showed.
pub(crate) fn remedy(remedy: &Remedy) -> String {
    let predicted = remedy.predicted_gain.as_ref().map_or_else(
        || "the gain by less submission and waiting is not predicted".to_owned(),
        |gain| {
            let gain = share_interval(gain);
            format!("predicted gain by less submission and waiting {gain}")
        },
    );
    format!(
        "{} ops in one: {predicted}, measured {}{}",
        remedy.batch,
        share_interval(&remedy.measured_gain),
        compared(remedy)
    )
}

/// What a measured gain beyond its prediction means.
fn compared(remedy: &Remedy) -> &'static str {
    let predicted = remedy.predicted_gain.and_then(|gain| gain.ci);
    let (Some([lo, hi]), Some([least, most])) = (predicted, remedy.measured_gain.ci) else {
        return "";
    };
    if least > hi {
        ": more, since it saves locking and the device's own cost of a command buffer too"
    } else if most < lo {
        ": less than predicted"
    } else {
        ""
    }
}

/// `12.3 µs (12.1 µs to 12.5 µs)`.
pub(crate) fn duration_interval(found: &Estimate) -> String {
    let interval = found.ci.map_or_else(String::new, |[lo, hi]| {
        format!(" ({} to {})", duration_ns(lo), duration_ns(hi))
    });
    format!("{}{interval}", duration_ns(found.estimate))
}

/// `52% (48% to 56%)`.
pub(crate) fn share_interval(found: &Estimate) -> String {
    let interval = found
        .ci
        .map_or_else(String::new, |ci| format!(" ({})", percent_interval(ci)));
    format!("{}{interval}", share(found.estimate))
}

/// What a part is called.
pub(crate) fn part_name(part: Part) -> &'static str {
    match part {
        Part::Lock => "lock",
        Part::Device => "device",
        Part::Encode => "CPU encoding",
        Part::SubmitWait => "submission and waiting",
        Part::Remainder => "remainder",
    }
}

/// Where time was added.
pub(crate) fn place(resource: Resource) -> &'static str {
    match resource {
        Resource::Lock => "inside the lock",
        Resource::Encode => "on the CPU outside the lock",
        Resource::Submit => "inside the submission",
        Resource::Device => "on the device",
        Resource::Wait => "after completion",
    }
}

/// `0.0041 (0.0033 to 0.0049)`: estimate and ends as fine as the interval is wide.
pub(crate) fn ratio_interval(found: &Estimate) -> String {
    let half = found.ci.map(half_width);
    let range = found.ci.map_or_else(String::new, |[lo, hi]| {
        format!(" ({} to {})", ratio(lo, half), ratio(hi, half))
    });
    format!("{}{range}", ratio(found.estimate, half))
}
