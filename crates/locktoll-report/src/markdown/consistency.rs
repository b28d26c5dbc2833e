//! Whether the contention that was counted fits the holds that were timed.

use super::doc::{Doc, escape};
use crate::format::share;
use crate::model::{Contention, RunResult};

/// Seen and expected contention rates further apart than this factor are said to disagree.
const DISAGREE: f64 = 3.0;

/// With fewer events than this, expected and seen, chance alone could make such a factor.
const ENOUGH_EVENTS: f64 = 10.0;

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    doc.heading(3, "Contention expected from the holds");
    let lines: Vec<String> = run
        .series
        .iter()
        .filter_map(|series| {
            let seen = series.contention.as_ref()?;
            let expected = seen.expected_rate?;
            let name = format!(
                "{}, {}",
                escape(&series.config),
                escape(&series.regime().label(run))
            );
            Some(format!("{name}: {}", agreement(seen, expected)))
        })
        .collect();
    if lines.is_empty() {
        doc.paragraph("No rate could be predicted: no lock events with timed holds.");
        return;
    }
    doc.paragraph(
        "If threads asked for a lock independently, its contention rate would follow from how long \
         and how often it is held.",
    );
    doc.bullets(lines);
}

/// Whether a contention rate fits the holds, in words.
fn agreement(seen: &Contention, expected: f64) -> String {
    let rates = format!("expected {}, seen {}", share(expected), share(seen.rate));
    let expected_events = expected * seen.acquisitions as f64;
    let seen_events = seen.contentions as f64;
    let verdict = if expected_events.max(seen_events) < ENOUGH_EVENTS {
        "too few events to compare."
    } else if seen.rate > DISAGREE * expected {
        "more than 3 times as much as expected. The threads do not ask independently (they arrive \
         together), or the sampled holds miss the long ones."
    } else if seen.rate * DISAGREE < expected {
        "less than a third of what was expected. The threads do not ask independently: something \
         else keeps them apart, or holds were timed longer than they are."
    } else {
        "they agree within a factor of 3."
    };
    format!("{rates}: {verdict}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timing;

    fn contention(acquisitions: u64, contentions: u64) -> Contention {
        let none = Timing {
            count: 0,
            mean_ns: None,
            p50_ns: None,
            p99_ns: None,
            max_ns: None,
        };
        Contention {
            ops: acquisitions,
            acquisitions,
            contentions,
            rate: contentions as f64 / acquisitions as f64,
            acquisitions_per_op: 1.0,
            wait: none.clone(),
            hold: none,
            hold_sample_every: 1,
            lent: 0,
            expected_rate: None,
        }
    }

    /// The seed's own figures: a lock held for 0.1 ms at 8,922 ops/s would be busy 89% of the time,
    /// so that 69 contentions in 2,400 acquisitions cannot be.
    #[test]
    fn the_seeds_contention_does_not_fit_its_hold_time() {
        let text = agreement(&contention(2_400, 69), 0.89);
        assert!(
            text.starts_with("expected 89.0%, seen 2.88%: less than a third"),
            "{text}"
        );
    }

    #[test]
    fn agreement_is_judged_by_a_factor_of_three_and_only_on_enough_events() {
        assert!(agreement(&contention(10_000, 310), 0.01).contains("more than 3 times"));
        assert!(agreement(&contention(10_000, 290), 0.01).contains("agree within"));
        assert!(agreement(&contention(10_000, 0), 0.01).contains("less than a third"));
        assert!(agreement(&contention(100, 0), 0.01).contains("too few events"));
    }
}
