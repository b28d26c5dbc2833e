//! Durations, as a count, a sum, a maximum and a histogram.
//!
//! The histogram is log-linear, as in `HdrHistogram`: each power of two is cut into
//! [`PER_OCTAVE`] buckets of equal width. Its size is fixed and its error relative, so that it
//! serves nanoseconds and seconds alike and never allocates while it records.

/// Buckets in each power of two; a power of two itself.
const PER_OCTAVE: usize = 1 << PER_OCTAVE_BITS;
const PER_OCTAVE_BITS: u32 = 3;

/// Buckets that cover every `u64`.
pub(crate) const BUCKETS: usize = (u64::BITS - PER_OCTAVE_BITS + 1) as usize * PER_OCTAVE;

/// Durations in nanoseconds: how many, how long together, the longest, and their distribution.
///
/// Count, sum and maximum are exact. A quantile is within 6.25% (1 / 16) of the recorded duration
/// of that rank; below 16 ns it is exact.
///
/// ```
/// use locktoll_guard::Timing;
///
/// let mut timing = Timing::default();
/// for ns in [5, 5, 5, 9, 1000] {
///     timing.record(ns);
/// }
/// assert_eq!(timing.quantile_ns(0.5), Some(5));
/// assert_eq!(timing.mean_ns(), Some(204.8));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Durations recorded.
    pub count: u64,
    /// Their sum.
    pub total_ns: u64,
    /// The longest; 0 when there is none.
    pub max_ns: u64,
    histogram: Vec<u64>,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            count: 0,
            total_ns: 0,
            max_ns: 0,
            histogram: vec![0; BUCKETS],
        }
    }
}

impl Timing {
    pub(crate) fn from_parts(total_ns: u64, max_ns: u64, histogram: Vec<u64>) -> Self {
        debug_assert_eq!(histogram.len(), BUCKETS);
        Timing {
            count: histogram.iter().sum(),
            total_ns,
            max_ns,
            histogram,
        }
    }

    /// Adds one duration.
    pub fn record(&mut self, ns: u64) {
        self.count += 1;
        self.total_ns = self.total_ns.saturating_add(ns);
        self.max_ns = self.max_ns.max(ns);
        self.histogram[bucket_of(ns)] += 1;
    }

    /// Adds the durations of `other`, as if each had been recorded here.
    pub fn merge(&mut self, other: &Timing) {
        self.count += other.count;
        self.total_ns = self.total_ns.saturating_add(other.total_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        for (mine, theirs) in self.histogram.iter_mut().zip(&other.histogram) {
            *mine += theirs;
        }
    }

    /// The mean, or `None` when nothing was recorded.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total_ns as f64 / self.count as f64)
    }

    /// The smallest duration that at least a share `q` of all durations do not exceed (definition
    /// 1 of Hyndman and Fan 1996), to within the histogram's error.
    ///
    /// `None` when nothing was recorded or `q` is outside 0 to 1.
    pub fn quantile_ns(&self, q: f64) -> Option<u64> {
        if self.count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count lies between 0 and the count"
        )]
        let rank = ((q * self.count as f64).ceil() as u64).clamp(1, self.count);
        let mut below = 0;
        for bucket in self.buckets() {
            below += bucket.count;
            if below >= rank {
                return Some(bucket.middle_ns().min(self.max_ns));
            }
        }
        Some(self.max_ns)
    }

    /// The buckets that are not empty, from the shortest durations to the longest.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        self.histogram
            .iter()
            .enumerate()
            .filter(|&(_, &count)| count > 0)
            .map(|(index, &count)| {
                let (first_ns, last_ns) = bounds_of(index);
                Bucket {
                    first_ns,
                    last_ns,
                    count,
                }
            })
    }
}

/// One bucket of a [`Timing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The shortest duration that falls into it.
    pub first_ns: u64,
    /// The longest duration that falls into it.
    pub last_ns: u64,
    /// Durations in it.
    pub count: u64,
}

impl Bucket {
    fn middle_ns(self) -> u64 {
        self.first_ns + (self.last_ns - self.first_ns) / 2
    }
}

/// The bucket of a duration. Durations below [`PER_OCTAVE`] have one each.
#[inline]
pub(crate) fn bucket_of(ns: u64) -> usize {
    let octave = (u64::BITS - ns.leading_zeros()).saturating_sub(PER_OCTAVE_BITS + 1);
    // Both terms are below 2^10: the second is under 2 * PER_OCTAVE.
    octave as usize * PER_OCTAVE + usize::try_from(ns >> octave).unwrap_or(0)
}

/// The shortest and the longest duration of a bucket.
fn bounds_of(index: usize) -> (u64, u64) {
    let octave = (index / PER_OCTAVE).saturating_sub(1);
    let first = ((index - octave * PER_OCTAVE) as u64) << octave;
    (first, first + ((1 << octave) - 1))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Durations of every magnitude.
    fn any_ns() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0..64_u32).prop_map(|(bits, shift)| bits >> shift)
    }

    fn timing_of(durations: &[u64]) -> Timing {
        let mut timing = Timing::default();
        for &ns in durations {
            timing.record(ns);
        }
        timing
    }

    #[test]
    fn buckets_are_laid_end_to_end_and_cover_everything() {
        let mut next = 0;
        for index in 0..BUCKETS {
            let (first, last) = bounds_of(index);
            assert_eq!(first, next, "bucket {index}");
            assert_eq!((bucket_of(first), bucket_of(last)), (index, index));
            next = last.wrapping_add(1);
        }
        assert_eq!(next, 0, "the last bucket ends with the last number");
    }

    #[test]
    fn quantiles_of_a_hand_computed_sample() {
        let timing = timing_of(&[10, 1, 3, 2, 4, 8, 6, 5, 9, 7]);
        for (q, expected) in [(0.0, 1), (0.1, 1), (0.11, 2), (0.5, 5), (0.9, 9), (1.0, 10)] {
            assert_eq!(timing.quantile_ns(q), Some(expected), "q = {q}");
        }
        assert_eq!((timing.count, timing.total_ns, timing.max_ns), (10, 55, 10));
    }

    #[test]
    fn nothing_recorded_has_no_quantile() {
        let empty = Timing::default();
        assert_eq!((empty.quantile_ns(0.5), empty.mean_ns()), (None, None));
        let one = timing_of(&[7]);
        for q in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(one.quantile_ns(q), None, "q = {q}");
        }
    }

    #[test]
    fn the_sum_does_not_overflow() {
        assert_eq!(timing_of(&[u64::MAX, u64::MAX]).total_ns, u64::MAX);
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_a_sixteenth(
            mut durations in prop::collection::vec(any_ns(), 1..200),
            q in 0.0..=1.0_f64,
        ) {
            let estimate = timing_of(&durations).quantile_ns(q).expect("not empty");
            durations.sort_unstable();
            let share_up_to = |ns| {
                durations.iter().filter(|&&each| each <= ns).count() as f64
            };
            let wanted = q * durations.len() as f64;
            let exact = *durations.iter().find(|&&ns| share_up_to(ns) >= wanted).expect("q <= 1");
            prop_assert!(estimate.abs_diff(exact) <= exact / 16, "{estimate} for {exact}");
        }

        #[test]
        fn merging_is_recording_both(
            one in prop::collection::vec(any_ns(), 0..100),
            other in prop::collection::vec(any_ns(), 0..100),
        ) {
            let mut merged = timing_of(&one);
            merged.merge(&timing_of(&other));
            prop_assert_eq!(merged, timing_of(&[one, other].concat()));
        }

        #[test]
        fn buckets_hold_every_duration(durations in prop::collection::vec(any_ns(), 0..100)) {
            let timing = timing_of(&durations);
            for bucket in timing.buckets() {
                let inside = |ns: &&u64| (bucket.first_ns..=bucket.last_ns).contains(*ns);
                prop_assert_eq!(bucket.count, durations.iter().filter(inside).count() as u64);
            }
            let held: u64 = timing.buckets().map(|bucket| bucket.count).sum();
            prop_assert_eq!(held, timing.count);
        }
    }
}
