//! The scalability law in words: what is serial, what pairs of threads add, where the peak is.

use locktoll_stats::usl::THREAD_COUNTS_NEEDED;

use super::{Voice, capital};
use crate::format::{half_width, mean, percent, percent_interval, share, significant};
use crate::model::{Estimate, RunResult, ScalabilityLaw, Scaling};

/// One sentence for each configuration that has a law, or enough thread counts for a refusal to be
/// news.
pub(crate) fn scaling_sentences(run: &RunResult, voice: &Voice) -> Vec<String> {
    run.scaling
        .iter()
        .filter_map(|row| {
            let lead = lead(run, row, voice);
            match (&row.law, &row.refused) {
                (Some(law), _) => Some(format!("{lead}: {}; {}.", serial(law), peak(law))),
                (None, Some(reason)) if row.threads.len() >= THREAD_COUNTS_NEEDED => Some(format!(
                    "{lead}: no scaling law is told, since {}.",
                    (voice.name)(reason)
                )),
                _ => None,
            }
        })
        .collect()
}

/// All that is known of one configuration, as one line.
pub(crate) fn scaling_detail(run: &RunResult, row: &Scaling, voice: &Voice) -> Option<String> {
    let lead = lead(run, row, voice);
    let Some(law) = &row.law else {
        let reason = (voice.name)(row.refused.as_deref()?);
        return Some(format!("{lead}: no law is told, since {reason}."));
    };
    let unit = run
        .series
        .iter()
        .find(|series| series.config == row.config && series.workload == row.workload)
        .map_or_else(String::new, |series| {
            format!(" {}", (voice.name)(&series.unit))
        });
    let off = format!(
        "the means lie within {} of the law",
        share(law.worst_residual)
    );
    Some(format!(
        "{lead}: one thread does {}{unit} (λ); {} (σ); {} (κ); {}; {off}.",
        mean(law.lambda.estimate, law.lambda.ci),
        serial(law),
        pairs(law),
        peak(law),
    ))
}

/// `The global lock, from 1 to 16 threads`.
fn lead(run: &RunResult, row: &Scaling, voice: &Voice) -> String {
    let subject = voice.subject(run, &row.config);
    let over = match (row.threads.first(), row.threads.last()) {
        (Some(first), Some(last)) => format!(", from {first} to {last} threads"),
        _ => String::new(),
    };
    match row
        .workload
        .as_ref()
        .filter(|_| run.has_several_workloads())
    {
        Some(workload) => format!("With workload {}, {subject}{over}", (voice.name)(workload)),
        None => capital(&format!("{subject}{over}")),
    }
}

/// What σ says. It is a share of an op up to 1; above, a second thread costs more than it brings.
fn serial(law: &ScalabilityLaw) -> String {
    if law.sigma_at_bound {
        return format!(
            "no part of an op is seen to be done one after the other{}",
            at_most(&law.sigma)
        );
    }
    let size = sized(&law.sigma);
    if law.sigma.estimate > 1.0 {
        format!(
            "each further thread makes an op {size} longer, so that a second one already lowers throughput"
        )
    } else {
        format!("{size} of an op is done one after the other")
    }
}

/// What κ says: the law counts N(N − 1) ordered pairs of N threads.
fn pairs(law: &ScalabilityLaw) -> String {
    if law.kappa_at_bound {
        format!(
            "pairs of threads are not seen to add to an op{}",
            at_most(&law.kappa)
        )
    } else {
        format!(
            "each ordered pair of threads adds {} to an op",
            sized(&law.kappa)
        )
    }
}

fn peak(law: &ScalabilityLaw) -> String {
    let threads = |x: f64| significant(x, 2);
    let Some(found) = &law.peak_threads else {
        return match law.peak_at_least {
            Some(end) => format!(
                "no peak is seen, and one below {} threads is excluded",
                threads(end)
            ),
            None => "there is no peak".to_owned(),
        };
    };
    let range = match (found.ci, law.peak_at_least) {
        (Some([lo, hi]), _) if threads(lo) == threads(hi) => String::new(),
        (Some([lo, hi]), _) => format!(" ({} to {})", threads(lo), threads(hi)),
        (None, Some(end)) => format!(" ({} or more, or never)", threads(end)),
        (None, None) => String::new(),
    };
    let beyond = if law.peak_extrapolated {
        ", beyond what was measured"
    } else {
        ""
    };
    match threads(found.estimate).as_str() {
        "1" => format!("throughput peaks at 1 thread{range}"),
        count => format!("throughput peaks at {count} threads{range}{beyond}"),
    }
}

/// `3.1% (2.6% to 3.7%)`.
fn sized(found: &Estimate) -> String {
    match found.ci {
        Some(ci) => format!(
            "{} ({})",
            percent(found.estimate, Some(half_width(ci))),
            percent_interval(ci)
        ),
        None => share(found.estimate),
    }
}

/// ` (at most 0.4%)`.
fn at_most(found: &Estimate) -> String {
    found
        .ci
        .map_or_else(String::new, |[_, hi]| format!(" (at most {})", share(hi)))
}
