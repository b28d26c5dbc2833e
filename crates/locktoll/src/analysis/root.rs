//! Which root cause the shares name, and when they name none.

use locktoll_bench::probe::Resource;
use locktoll_report::format::{percent_interval, plural, share};
use locktoll_report::model::{Estimate, Part, Root, Share, Witness};

/// A part is the bottleneck when its share is surely above this…
const BOTTLENECK: f64 = 0.6;
/// …and is one of several when it is surely above this.
const CONTRIBUTES: f64 = 0.2;
/// Blocks below which no interval is worth a name.
const LEAST_BLOCKS: usize = 3;
/// The shares' sum is surely above this where two parts each limit the throughput alone.
const LIMITED_TWICE: f64 = 1.15;
/// Waits for the lock per op from which on it counts as the place where threads queue.
const MOSTLY_WAITED_FOR: f64 = 0.75;
/// How far the op may be changed by what adds time to it, as a fraction.
const UNCHANGED: f64 = 0.1;

/// What a cause is judged by.
pub(super) struct Evidence<'a> {
    pub(super) shares: &'a [Share],
    pub(super) sum: Option<&'a Estimate>,
    /// How much more of an addition arrives from inside the lock than from outside.
    pub(super) lock_excess: Option<&'a Estimate>,
    /// Acquisitions per op that found the lock taken.
    pub(super) waits_per_op: Option<f64>,
    /// How much longer the op takes, as a fraction, by the dispatch that adds time on the device with
    /// nothing to do in it.
    pub(super) shifted: Option<&'a Estimate>,
    pub(super) bent: &'a [Resource],
    pub(super) witnesses: &'a [Witness],
    pub(super) blocks: usize,
}

impl Evidence<'_> {
    /// The first witness against the shares, of parts other than this one.
    fn contradiction(&self, but: Option<Part>) -> Option<&Witness> {
        self.witnesses
            .iter()
            .find(|witness| !witness.agrees && Some(witness.part) != but)
    }

    /// Whether the device's share is that of the op as it is, and not of one that another dispatch has
    /// made a different one.
    fn device_is_of_this_op(&self) -> bool {
        self.shifted
            .and_then(|shift| shift.ci)
            .is_none_or(|[lo, hi]| -UNCHANGED < lo && hi < UNCHANGED)
    }
}

/// The root cause and the reason for it, one sentence.
///
/// Named is the only part whose interval lies above 60% of the time per op. Where the shares sum to more
/// than the whole, or several lie above 20%, it is `mixed`: then shortening one part alone gains little. A
/// utilisation that contradicts a share leaves everything open, but for the lock's own, where handing it
/// over can explain it.
pub(super) fn identify(evidence: &Evidence<'_>) -> (Root, String) {
    if evidence.blocks < LEAST_BLOCKS {
        let reason = format!(
            "only {} had all probes run to their end; {LEAST_BLOCKS} are the least.",
            plural(evidence.blocks as u64, "block")
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
    if !evidence.device_is_of_this_op() {
        let reason = format!(
            "the dispatch that adds time on the device changes the op by {} with nothing to do in it, so \
             the device's share is that of another op.",
            evidence.shifted.map(figure).unwrap_or_default()
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
    if contributing.len() > 1 && twice {
        let reason = format!(
            "the shares sum to {}, more than the whole: several parts limit the throughput, each \
             by itself, and shortening one of them gains little.",
            evidence.sum.map(figure).unwrap_or_default()
        );
        return unless_contradicted(Root::Mixed, reason, evidence, None);
    }
    match surely_above(BOTTLENECK).as_slice() {
        [only] => named(only, evidence, &contributing),
        _ if contributing.len() > 1 => {
            let parts: Vec<String> = contributing.iter().map(|row| told(row)).collect();
            let reason = format!("{}.", parts.join(", "));
            unless_contradicted(Root::Mixed, reason, evidence, None)
        }
        _ => handed_over(evidence, &contributing)
            .unwrap_or_else(|| (Root::NotIdentified, unclear(evidence))),
    }
}

/// The cause, or none where a utilisation says otherwise.
fn unless_contradicted(
    root: Root,
    reason: String,
    evidence: &Evidence<'_>,
    but: Option<Part>,
) -> (Root, String) {
    match evidence.contradiction(but) {
        None => (root, reason),
        Some(witness) => {
            let reason = format!(
                "interventions say: {} But a utilisation says otherwise: {}.",
                reason, witness.statement
            );
            (Root::NotIdentified, reason)
        }
    }
}

/// A lock for which threads queue limits the throughput also where little of that is its hold: the rest
/// is between one holder and the next. It is recognised by two things together: time added inside it
/// arrives and time added outside it does not, and ops wait for it.
fn handed_over(evidence: &Evidence<'_>, contributing: &[&Share]) -> Option<(Root, String)> {
    let excess = evidence.lock_excess?;
    let [lo, hi] = excess.ci?;
    let waits = evidence.waits_per_op?;
    let alone = contributing.iter().all(|row| row.part == Part::Lock);
    let is_named = lo > BOTTLENECK
        && waits > MOSTLY_WAITED_FOR
        && alone
        && !evidence.bent.contains(&Resource::Lock)
        && evidence.contradiction(Some(Part::Lock)).is_none();
    is_named.then(|| {
        let beyond = if lo > 1.0 {
            "; that is more than was added, so that a longer hold also makes the next holder later"
        } else {
            ""
        };
        let reason = format!(
            "of 1 ns more inside the lock, {:.2} ns ({lo:.2} to {hi:.2}) more arrive than of 1 ns \
             outside it{beyond}; an op waits for it {waits:.2} times.",
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
    let mut reason = format!("{} of the time per op.", told(row));
    if evidence.bent.contains(&resource) {
        reason.push_str(
            " How much of an addition arrives depends on its size, so nothing is extrapolated.",
        );
    }
    // More may come from a lock than it is held for, where holding it longer also makes the next holder
    // later.
    if row.part == Part::Lock
        && evidence.contradiction(None).is_some()
        && let Some(named) = handed_over(evidence, contributing)
    {
        return named;
    }
    unless_contradicted(root, reason, evidence, None)
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
            waits_per_op: None,
            shifted: None,
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

    fn witness(part: Part) -> Witness {
        Witness {
            part,
            utilisation: 0.7,
            agrees: false,
            statement: "it is busy for 70%".to_owned(),
        }
    }

    /// Time added inside the lock arrives more than once, and its share is more than it is busy.
    const EXCESS: Estimate = Estimate {
        estimate: 1.5,
        ci: Some([1.2, 1.8]),
    };

    fn convoy<'a>(shares: &'a [Share], witnesses: &'a [Witness]) -> Evidence<'a> {
        Evidence {
            shares,
            sum: None,
            lock_excess: Some(&EXCESS),
            waits_per_op: Some(0.98),
            shifted: None,
            bent: &[],
            witnesses,
            blocks: 8,
        }
    }

    #[test]
    fn a_lock_from_which_more_comes_than_it_is_held_for_is_named_if_ops_wait_for_it() {
        let shares = [row(Part::Lock, 0.9, 1.28), row(Part::Device, -0.25, 0.21)];
        let own = [witness(Part::Lock)];
        let (root, reason) = identify(&convoy(&shares, &own));
        assert_eq!(root, Root::LockBound);
        assert!(reason.contains("more than was added"), "{reason}");
        assert!(reason.contains("waits for it 0.98 times"), "{reason}");

        let rarely = Evidence {
            waits_per_op: Some(0.1),
            ..convoy(&shares, &own)
        };
        let (root, reason) = identify(&rarely);
        assert_eq!(root, Root::NotIdentified);
        assert!(reason.contains("busy for 70%"), "{reason}");
        let bent = Evidence {
            bent: &[Resource::Lock],
            ..convoy(&shares, &own)
        };
        assert_eq!(identify(&bent).0, Root::NotIdentified);
        // The same by what is left when the share alone is too small to be named.
        let small = [row(Part::Lock, 0.1, 0.2), row(Part::Remainder, 0.8, 0.9)];
        assert_eq!(identify(&convoy(&small, &[])).0, Root::LockBound);
        let rarely = Evidence {
            waits_per_op: Some(0.1),
            ..convoy(&small, &[])
        };
        assert_eq!(identify(&rarely).0, Root::NotIdentified);
    }

    #[test]
    fn a_witness_against_any_part_leaves_the_cause_open() {
        let shares = [row(Part::Lock, 0.69, 0.77), row(Part::Device, 0.2, 0.33)];
        let device = [witness(Part::Device)];
        assert_eq!(identify(&convoy(&shares, &device)).0, Root::NotIdentified);
        let halves = [row(Part::Device, 0.46, 0.54), row(Part::Encode, 0.46, 0.54)];
        assert_eq!(identify(&convoy(&halves, &device)).0, Root::NotIdentified);
    }

    #[test]
    fn a_sum_above_the_whole_is_no_second_bottleneck() {
        // One part alone, from which more comes than the whole: a convoy.
        let one = [row(Part::Lock, 1.18, 1.24), row(Part::Device, -0.02, 0.02)];
        assert_eq!(root(&one, [1.17, 1.25]), Root::LockBound);
    }

    #[test]
    fn a_device_share_of_another_op_counts_for_nothing() {
        let shares = [row(Part::Lock, 0.7, 0.77), row(Part::Device, 0.2, 0.3)];
        let of = |ci| {
            let shift = Estimate {
                estimate: f64::midpoint(ci, ci),
                ci: Some([ci - 0.02, ci + 0.02]),
            };
            identify(&Evidence {
                shifted: Some(&shift),
                ..convoy(&shares, &[])
            })
        };
        let (root, reason) = of(0.17);
        assert_eq!(root, Root::NotIdentified);
        assert!(reason.contains("another op"), "{reason}");
        assert_ne!(of(0.03).0, Root::NotIdentified);
    }

    #[test]
    fn wide_intervals_and_large_remainders_name_nothing() {
        let wide = [row(Part::Lock, 0.3, 1.1), row(Part::Device, -0.4, 0.4)];
        assert_eq!(root(&wide, [0.5, 1.1]), Root::NotIdentified);
        let rest = [row(Part::Lock, 0.1, 0.2), row(Part::Remainder, 0.8, 0.9)];
        assert_eq!(root(&rest, [0.1, 0.2]), Root::NotIdentified);
    }
}
