//! Durations as a count, a sum, a maximum and a log-linear histogram of fixed size.
//!
//! Each power of two is cut into 8 buckets of equal width, as `locktoll_guard::Timing` does it (a
//! test holds the two together). It is defined here again since a writer must not allocate, and
//! since those that interpose other locks than the guard's have no `Timing`.

const PER_OCTAVE_BITS: u32 = 3;
const PER_OCTAVE: usize = 1 << PER_OCTAVE_BITS;

/// Buckets that cover every `u64`.
pub const BUCKETS: usize = (u64::BITS - PER_OCTAVE_BITS + 1) as usize * PER_OCTAVE;

/// Durations in nanoseconds: how many, how long together, the longest, and their distribution.
///
/// Lies wholly inside itself, without a pointer, so that injected code can keep it in a static.
///
/// ```
/// use locktoll_trace::Durations;
///
/// let mut waits = Durations::default();
/// for ns in [5, 5, 5, 9, 1000] {
///     waits.record(ns);
/// }
/// assert_eq!((waits.count, waits.total_ns, waits.max_ns), (5, 1024, 1000));
/// assert_eq!(waits.quantile_ns(0.5), Some(5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durations {
    /// Durations recorded.
    pub count: u64,
    /// Their sum; `u64::MAX` if it is larger.
    pub total_ns: u64,
    /// The longest; 0 when there is none.
    pub max_ns: u64,
    /// How many fell into each bucket; see [`bounds_of`].
    pub histogram: [u64; BUCKETS],
}

impl Durations {
    /// Nothing recorded.
    pub const fn new() -> Self {
        Durations {
            count: 0,
            total_ns: 0,
            max_ns: 0,
            histogram: [0; BUCKETS],
        }
    }

    /// Adds one duration.
    pub fn record(&mut self, ns: u64) {
        self.count = self.count.saturating_add(1);
        self.total_ns = self.total_ns.saturating_add(ns);
        self.max_ns = self.max_ns.max(ns);
        let bucket = &mut self.histogram[bucket_of(ns)];
        *bucket = bucket.saturating_add(1);
    }

    /// Adds the durations of `other`, as if each had been recorded here.
    pub fn merge(&mut self, other: &Durations) {
        self.count = self.count.saturating_add(other.count);
        self.total_ns = self.total_ns.saturating_add(other.total_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        for (mine, theirs) in self.histogram.iter_mut().zip(&other.histogram) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// The mean, or `None` when nothing was recorded.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total_ns as f64 / self.count as f64)
    }

    /// The smallest duration that at least a share `q` of all durations do not exceed, within
    /// 6.25% (1 / 16); exact below 16 ns.
    ///
    /// `None` when nothing was recorded or `q` is outside 0 to 1.
    pub fn quantile_ns(&self, q: f64) -> Option<u64> {
        // Not `count`, which in a damaged file may say something else.
        let held = self
            .histogram
            .iter()
            .fold(0_u64, |sum, &n| sum.saturating_add(n));
        if held == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count lies between 0 and the count"
        )]
        let rank = ((q * held as f64).ceil() as u64).clamp(1, held);
        let mut below = 0_u64;
        for (index, &count) in self.histogram.iter().enumerate() {
            below = below.saturating_add(count);
            if below >= rank {
                let (first, last) = bounds_of(index);
                return Some((first + (last - first) / 2).min(self.max_ns));
            }
        }
        Some(self.max_ns)
    }
}

impl Default for Durations {
    fn default() -> Self {
        Durations::new()
    }
}

/// The bucket that a duration falls into, below [`BUCKETS`].
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is cast is under 2 * PER_OCTAVE"
)]
pub const fn bucket_of(ns: u64) -> usize {
    let octave = (u64::BITS - ns.leading_zeros()).saturating_sub(PER_OCTAVE_BITS + 1);
    octave as usize * PER_OCTAVE + (ns >> octave) as usize
}

/// The shortest and the longest duration of a bucket, in nanoseconds; the last bucket's for any
/// larger index.
pub const fn bounds_of(bucket: usize) -> (u64, u64) {
    let bucket = if bucket < BUCKETS {
        bucket
    } else {
        BUCKETS - 1
    };
    let octave = (bucket / PER_OCTAVE).saturating_sub(1);
    let first = ((bucket - octave * PER_OCTAVE) as u64) << octave;
    (first, first + ((1 << octave) - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        assert_eq!(bounds_of(usize::MAX), bounds_of(BUCKETS - 1));
    }

    #[test]
    fn quantiles_of_a_hand_computed_sample() {
        let mut durations = Durations::new();
        for ns in [10, 1, 3, 2, 4, 8, 6, 5, 9, 7] {
            durations.record(ns);
        }
        for (q, expected) in [(0.0, 1), (0.1, 1), (0.11, 2), (0.5, 5), (0.9, 9), (1.0, 10)] {
            assert_eq!(durations.quantile_ns(q), Some(expected), "q = {q}");
        }
        for q in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(durations.quantile_ns(q), None, "q = {q}");
        }
        assert_eq!(durations.mean_ns(), Some(5.5));
        assert_eq!(Durations::new().quantile_ns(0.5), None);
    }

    proptest! {
        /// The guard's figures are stored through this histogram, so the two must be one.
        #[test]
        fn the_guards_buckets_are_these(bits in any::<u64>(), shift in 0..64_u32) {
            let ns = bits >> shift;
            let mut timing = locktoll_guard::Timing::default();
            timing.record(ns);
            let bucket = timing.buckets().next().expect("one was recorded");
            prop_assert_eq!((bucket.first_ns, bucket.last_ns), bounds_of(bucket_of(ns)));
        }
    }
}
