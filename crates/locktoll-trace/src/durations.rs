//! Durations as a count, a sum, a maximum and a log-linear histogram of fixed size.
//!
//! Each power of two is cut into buckets of equal width: into 8, as `locktoll_guard::Timing` does it
//! (a test holds the two together), or into 16 where quantiles have to be within 5%. It is defined
//! here again since a writer must not allocate, and since those that interpose other locks than the
//! guard's have no `Timing`.

/// Buckets that cover every `u64` with `2^bits` in each power of two.
const fn buckets(bits: u32) -> usize {
    ((u64::BITS - bits + 1) as usize) << bits
}

/// Buckets of [`Durations`]: 8 in each power of two.
pub const BUCKETS: usize = buckets(3);
/// Buckets of [`FineDurations`]: 16 in each power of two.
pub const FINE_BUCKETS: usize = buckets(4);

/// A distribution with 8 buckets in each power of two: quantiles within 6.25%.
pub type Durations = Distribution<BUCKETS>;
/// A distribution with 16 buckets in each power of two: quantiles within 3.13%.
pub type FineDurations = Distribution<FINE_BUCKETS>;

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
pub struct Distribution<const N: usize> {
    /// Durations recorded.
    pub count: u64,
    /// Their sum; `u64::MAX` if it is larger.
    pub total_ns: u64,
    /// The longest; 0 when there is none.
    pub max_ns: u64,
    /// How many fell into each bucket; see [`bounds_of`](Self::bounds_of).
    pub histogram: [u64; N],
}

impl<const N: usize> Distribution<N> {
    /// Into how many buckets a power of two is cut, as a power of two.
    const PER_OCTAVE_BITS: u32 = {
        let mut bits = 0;
        while buckets(bits) != N {
            bits += 1;
            assert!(bits < 16, "no distribution has this many buckets");
        }
        bits
    };
    const PER_OCTAVE: usize = 1 << Self::PER_OCTAVE_BITS;

    /// Nothing recorded.
    pub const fn new() -> Self {
        Distribution {
            count: 0,
            total_ns: 0,
            max_ns: 0,
            histogram: [0; N],
        }
    }

    /// The bucket that a duration falls into, below `N`.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is cast is under 2 * PER_OCTAVE"
    )]
    pub const fn bucket_of(ns: u64) -> usize {
        let octave = (u64::BITS - ns.leading_zeros()).saturating_sub(Self::PER_OCTAVE_BITS + 1);
        octave as usize * Self::PER_OCTAVE + (ns >> octave) as usize
    }

    /// The shortest and the longest duration of a bucket, in nanoseconds; the last bucket's for any
    /// larger index.
    pub const fn bounds_of(bucket: usize) -> (u64, u64) {
        let bucket = if bucket < N { bucket } else { N - 1 };
        let octave = (bucket / Self::PER_OCTAVE).saturating_sub(1);
        let first = ((bucket - octave * Self::PER_OCTAVE) as u64) << octave;
        (first, first + ((1 << octave) - 1))
    }

    /// Adds one duration.
    pub fn record(&mut self, ns: u64) {
        self.count = self.count.saturating_add(1);
        self.total_ns = self.total_ns.saturating_add(ns);
        self.max_ns = self.max_ns.max(ns);
        let bucket = &mut self.histogram[Self::bucket_of(ns)];
        *bucket = bucket.saturating_add(1);
    }

    /// Adds the durations of `other`, as if each had been recorded here.
    pub fn merge(&mut self, other: &Self) {
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

    /// The smallest duration that at least a share `q` of all durations do not exceed, within half
    /// a bucket: 6.25% (1 / 16) of [`Durations`], exact below 16 ns; 3.13% (1 / 32) of
    /// [`FineDurations`], exact below 32 ns.
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
                let (first, last) = Self::bounds_of(index);
                return Some((first + (last - first) / 2).min(self.max_ns));
            }
        }
        Some(self.max_ns)
    }
}

impl<const N: usize> Default for Distribution<N> {
    fn default() -> Self {
        Distribution::new()
    }
}

/// The bucket of [`Durations`] that a duration falls into, below [`BUCKETS`].
#[inline]
pub const fn bucket_of(ns: u64) -> usize {
    Durations::bucket_of(ns)
}

/// The shortest and the longest duration of a bucket of [`Durations`], in nanoseconds; the last
/// bucket's for any larger index.
pub const fn bounds_of(bucket: usize) -> (u64, u64) {
    Durations::bounds_of(bucket)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn laid_end_to_end<const N: usize>() {
        let (bucket_of, bounds_of) = (Distribution::<N>::bucket_of, Distribution::<N>::bounds_of);
        let mut next = 0;
        for index in 0..N {
            let (first, last) = bounds_of(index);
            assert_eq!(first, next, "bucket {index}");
            assert_eq!((bucket_of(first), bucket_of(last)), (index, index));
            next = last.wrapping_add(1);
        }
        assert_eq!(next, 0, "the last bucket ends with the last number");
        assert_eq!(bounds_of(usize::MAX), bounds_of(N - 1));
    }

    #[test]
    fn buckets_are_laid_end_to_end_and_cover_everything() {
        laid_end_to_end::<BUCKETS>();
        laid_end_to_end::<FINE_BUCKETS>();
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
        /// Half a bucket is at most a 32nd of its first duration.
        #[test]
        fn a_fine_quantile_is_within_its_promise(bits in any::<u64>(), shift in 0..64_u32) {
            let ns = bits >> shift;
            let mut durations = FineDurations::new();
            durations.record(ns);
            durations.max_ns = u64::MAX;
            let told = durations.quantile_ns(0.5).expect("one was recorded");
            prop_assert!(told.abs_diff(ns) <= ns / 32, "{told} of {ns}");
        }

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
