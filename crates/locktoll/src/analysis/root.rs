//! Which root cause the shares name, and when they name none.

use locktoll_bench::probe::Resource;
use locktoll_report::format::{percent_interval, share};
use locktoll_report::model::{Estimate, Part, Root, Share, Witness};

/// A part is the bottleneck when its share is surely above this…
const BOTTLENECK: f64 = 0.6;
/// …and is one of several when it is surely above this.
const CONTRIBUTES: f64 = 0.2;
/// Blocks below which no interval is worth a name.
const LEAST_BLOCKS: usize = 3;
/// The shares' sum is surely above this where two parts each limit the throughput alone.
const LIMITED_TWICE: f64 = 1.15;

/// What a cause is judged by.
pub(super) struct Evidence<'a> {
    pub(super) shares: &'a [Share],
    pub(super) sum: Option<&'a Estimate>,
    /// How much more of an addition arrives from inside the lock than from outside.
    pub(super) lock_excess: Option<&'a Estimate>,
    pub(super) bent: &'a [Resource],
    pub(super) witnesses: &'a [Witness],
    pub(super) blocks: usize,
}

/// The root cause and the reason for it, one sentence.
///
/// Named is the only part whose interval lies above 60% of the time per op, unless the shares sum to
/// more than the whole: then shortening one part alone gains nothing. Several parts above 20% are
/// `mixed`.
pub(super) fn identify(evidence: &Evidence<'_>) -> (Root, String) {
    if evidence.blocks < LEAST_BLOCKS {
        let reason = format!(
            "only {} blocks had all their probes; {LEAST_BLOCKS} are the least.",
            evidence.blocks
        );
        return (Root::NotIdentified, reason);
    }
    if let Some(missing) = evidence.shares.iter().find(|row| row.share.is_none()) {
        let reason = format!(
            "the share of the {} was not measured, and without it none can be called the largest.",
            name(missing.part)
        );
        return (Root::NotIdentified, reason);
    }
    let surely_above = |least: f64| -> Vec<&Share> {
        let rows = evidence.shares.iter();
        rows.filter(|row| row.part != Part::Remainder && lower(row) > least)
            .collect()
    };
    let contributing = surely_above(CONTRIBUTES);
    let twice = evidence
        .sum
        .and_then(|sum| sum.ci)
        .is_some_and(|[lo, _]| lo > LIMITED_TWICE);
    if twice {
        let reason = format!(
            "the shares sum to {}, more than the whole: several parts limit the throughput, each \
             by itself, and shortening one of them gains little.",
            evidence.sum.map(figure).unwrap_or_default()
        );
        return (Root::Mixed, reason);
    }
    match surely_above(BOTTLENECK).as_slice() {
        [only] => named(only, evidence, &contributing),
        _ if contributing.len() > 1 => {
            let parts: Vec<String> = contributing.iter().map(|row| told(row)).collect();
            (Root::Mixed, format!("{}.", parts.join(", ")))
        }
        _ => handed_over(evidence, &contributing)
            .unwrap_or_else(|| (Root::NotIdentified, unclear(evidence))),
    }
}

/// A lock that is always taken limits the throughput also where little of that is its hold: the rest
/// is handing it over. It is recognised by what arrives of time that is added inside it and not
/// outside.
fn handed_over(evidence: &Evidence<'_>, contributing: &[&Share]) -> Option<(Root, String)> {
    let excess = evidence.lock_excess?;
    let [lo, hi] = excess.ci?;
    let alone = contributing.iter().all(|row| row.part == Part::Lock);
    (lo > BOTTLENECK && alone).then(|| {
        let reason = format!(
            "of 1 ns more inside the lock, {:.2} ns ({lo:.2} to {hi:.2}) more arrive than of 1 ns \
             outside it, so it is always taken; beyond its hold the time goes into handing it over.",
            excess.estimate
        );
        (Root::LockBound, reason)
    })
}

fn named(row: &Share, evidence: &Evidence<'_>, contributing: &[&Share]) -> (Root, String) {
    let (root, resource) = match row.part {
        Part::Lock => (Root::LockBound, Resource::Lock),
        Part::Device => (Root::DeviceBound, Resource::Device),
        Part::Encode => (Root::EncodeBound, Resource::Encode),
        Part::SubmitWait => (Root::SubmissionBound, Resource::Submit),
        Part::Remainder => (Root::NotIdentified, Resource::Wait),
    };
    let contradicted = evidence
        .witnesses
        .iter()
        .find(|witness| witness.part == row.part && !witness.agrees);
    if let Some(witness) = contradicted {
        // More may come from a lock than it is held for, where holding it longer also makes handing it over
        // take longer.
        let handed_over = handed_over(evidence, contributing);
        if let (Part::Lock, Some(named)) = (row.part, handed_over) {
            return named;
        }
        let reason = format!(
            "interventions say {}, but its utilisation says otherwise: {}",
            told(row),
            witness.statement
        );
        return (Root::NotIdentified, reason);
    }
    let mut reason = format!("{} of the time per op.", told(row));
    if evidence.bent.contains(&resource) {
        reason.push_str(
            " How much of an addition arrives depends on its size, so nothing is extrapolated.",
        );
    }
    (root, reason)
}

/// Why nothing has a name.
fn unclear(evidence: &Evidence<'_>) -> String {
    let largest = evidence
        .shares
        .iter()
        .max_by(|a, b| middle(a).total_cmp(&middle(b)));
    match largest {
        Some(row) if row.part == Part::Remainder => format!(
            "{} of the time per op is in none of the parts that were probed, for instance in \
             waiting for locks of the driver's own.",
            row.share.as_ref().map(figure).unwrap_or_default()
        ),
        Some(row) => format!(
            "the largest part is the {}; its interval does not tell whether it is the bottleneck. \
             More blocks would.",
            told(row)
        ),
        None => "nothing was measured.".to_owned(),
    }
}

fn lower(row: &Share) -> f64 {
    let interval = row.share.and_then(|share| share.ci);
    interval.map_or(f64::NEG_INFINITY, |[lo, _]| lo)
}

fn middle(row: &Share) -> f64 {
    row.share.map_or(f64::NEG_INFINITY, |share| share.estimate)
}

fn told(row: &Share) -> String {
    let figure = row.share.as_ref().map(figure).unwrap_or_default();
    format!("{} {figure}", name(row.part))
}

fn figure(found: &Estimate) -> String {
    let interval = found
        .ci
        .map_or_else(String::new, |ci| format!(" ({})", percent_interval(ci)));
    format!("{}{interval}", share(found.estimate))
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Lock => "lock",
        Part::Device => "device",
        Part::Encode => "CPU's encoding",
        Part::SubmitWait => "submission and waiting",
        Part::Remainder => "remainder",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(part: Part, lo: f64, hi: f64) -> Share {
        Share {
            part,
            demand_ns: None,
            share: Some(Estimate {
                estimate: f64::midpoint(lo, hi),
                ci: Some([lo, hi]),
            }),
        }
    }

    fn root(shares: &[Share], sum: [f64; 2]) -> Root {
        let sum = Estimate {
            estimate: f64::midpoint(sum[0], sum[1]),
            ci: Some(sum),
        };
        let evidence = Evidence {
            shares,
            sum: Some(&sum),
            lock_excess: None,
            bent: &[],
            witnesses: &[],
            blocks: 8,
        };
        identify(&evidence).0
    }

    #[test]
    fn a_share_that_is_surely_most_of_it_is_named() {
        let shares = [
            row(Part::Lock, 0.9, 1.0),
            row(Part::Device, -0.02, 0.02),
            row(Part::Encode, 0.0, 0.05),
        ];
        assert_eq!(root(&shares, [0.93, 1.03]), Root::LockBound);
    }

    #[test]
    fn two_halves_are_mixed_and_two_wholes_too() {
        let halves = [row(Part::Device, 0.46, 0.54), row(Part::Encode, 0.46, 0.54)];
        assert_eq!(root(&halves, [0.97, 1.03]), Root::Mixed);
        let wholes = [row(Part::Lock, 0.9, 1.0), row(Part::Device, 0.5, 0.7)];
        assert_eq!(root(&wholes, [1.4, 1.7]), Root::Mixed);
    }

    #[test]
    fn a_lock_from_which_more_comes_than_it_is_held_for_is_named_if_it_is_always_taken() {
        let shares = [row(Part::Lock, 0.9, 1.28), row(Part::Device, -0.25, 0.21)];
        let contradicting = [Witness {
            part: Part::Lock,
            utilisation: 0.7,
            agrees: false,
            statement: "it is held for 70%".to_owned(),
        }];
        let with_excess = |ci| {
            identify(&Evidence {
                shares: &shares,
                sum: None,
                lock_excess: Some(&Estimate {
                    estimate: 1.5,
                    ci: Some(ci),
                }),
                bent: &[],
                witnesses: &contradicting,
                blocks: 8,
            })
        };
        let (root, reason) = with_excess([1.2, 1.8]);
        assert_eq!(root, Root::LockBound);
        assert!(reason.contains("handing it over"), "{reason}");
        let (root, reason) = with_excess([0.4, 2.6]);
        assert_eq!(root, Root::NotIdentified);
        assert!(reason.contains("held for 70%"), "{reason}");
    }

    #[test]
    fn wide_intervals_and_large_remainders_name_nothing() {
        let wide = [row(Part::Lock, 0.3, 1.1), row(Part::Device, -0.4, 0.4)];
        assert_eq!(root(&wide, [0.5, 1.1]), Root::NotIdentified);
        let rest = [row(Part::Lock, 0.1, 0.2), row(Part::Remainder, 0.8, 0.9)];
        assert_eq!(root(&rest, [0.1, 0.2]), Root::NotIdentified);
    }
}
