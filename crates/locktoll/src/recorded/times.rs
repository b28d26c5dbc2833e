//! Durations of which all, or a sample, were timed.

use locktoll_report::record::model::{Estimate, Times};
use locktoll_stats::student::Studentized;
use locktoll_trace::FineDurations;

use super::CONFIDENCE;

/// Fewest timed durations on which an interval is founded.
const FEWEST: f64 = 2.0;

/// What of a point's durations was timed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    /// How many there were, in acquisitions.
    pub(super) count: u64,
    /// How many were timed.
    pub(super) timed: u64,
    /// Of their weights, those of durations that are a further part of an acquisition.
    pub(super) resumed: u64,
    /// So many of each thread are all timed.
    pub(super) few: u64,
    /// How many one stands for that was drawn, at most.
    pub(super) weight: u64,
}

/// Durations put together from several points.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathered {
    durations: FineDurations,
    count: u64,
    timed: u64,
    total_ns: f64,
    /// Of `total_ns`; of the parts that rest on samples.
    variance: f64,
    /// Of `variance`; the smallest part's is taken, which gives the widest interval.
    degrees: Option<f64>,
}

impl Gathered {
    /// Adds a point's durations.
    ///
    /// Those of the acquisitions that were timed anyway are known. Of the N others n were drawn, with standard
    /// deviation s: the error of their sum is N·s/√n·√(1 − n/N) (Cochran, *Sampling Techniques*, 3rd ed., 2.5 and
    /// 2.6), and that of all together is the same, since what is known has none (5.3). Where fewer than two were
    /// drawn, those that are known stand for them: a sum of N values like n that were seen is off by s·√(N + N²/n).
    pub(super) fn add(&mut self, durations: &FineDurations, drawn: &Drawn) {
        self.durations.merge(durations);
        self.count = self.count.saturating_add(drawn.count);
        self.timed = self.timed.saturating_add(drawn.timed);
        let Some(mean) = durations.mean_ns().filter(|_| drawn.timed > 0) else {
            return;
        };
        let (weights, timed) = (durations.count as f64, drawn.timed as f64);
        // A hold that a wait for a condition has cut is several durations of one acquisition.
        let whole = weights - drawn.resumed.min(durations.count) as f64;
        let all = if whole > 0.0 {
            drawn.count as f64 * weights / whole
        } else {
            weights
        };
        let is_unweighted = durations.count <= drawn.timed;
        // So few that all were to be timed: the others had not ended.
        if is_unweighted && (timed >= all || drawn.timed < drawn.few) {
            self.total_ns += durations.total_ns as f64;
            return;
        }
        self.total_ns += all * mean;
        let chosen = ((weights - timed) / (drawn.weight.max(2) - 1) as f64).min(timed);
        let others = (all - (timed - chosen)).max(chosen);
        let (seen, error) = if chosen >= FEWEST {
            (chosen, others * others / chosen * (1.0 - chosen / others))
        } else {
            (timed, others + others * others / timed)
        };
        if seen < FEWEST {
            // Nothing is known of its spread.
            self.variance = f64::INFINITY;
            return;
        }
        self.variance += variance(durations, mean) * seen / (seen - 1.0) * error;
        let degrees = seen - 1.0;
        self.degrees = Some(self.degrees.map_or(degrees, |least| least.min(degrees)));
    }

    pub(super) fn times(&self) -> Times {
        let quantile = |q: f64| self.durations.quantile_ns(q);
        Times {
            count: self.count,
            timed: self.timed,
            total_ns: self.total_ns,
            total_ci_ns: self.interval(),
            mean_ns: self.durations.mean_ns(),
            p50_ns: quantile(0.5),
            p99_ns: quantile(0.99),
            max_ns: (self.timed > 0).then_some(self.durations.max_ns),
        }
    }

    /// The sum as a share of a time.
    pub(super) fn share_of(&self, wall_ns: u64) -> Option<Estimate> {
        if wall_ns == 0 || self.timed == 0 {
            return None;
        }
        let wall = wall_ns as f64;
        Some(Estimate {
            value: self.total_ns / wall,
            ci: self.interval().map(|ci| ci.map(|bound| bound / wall)),
        })
    }

    fn interval(&self) -> Option<[f64; 2]> {
        let df = self.degrees?;
        let sum = Studentized {
            estimate: self.total_ns,
            se: self.variance.sqrt(),
            df,
        };
        let interval = sum.interval(CONFIDENCE).ok()?;
        // A sum of durations is never negative.
        let bounds = [interval.lo.max(0.0), interval.hi];
        bounds
            .iter()
            .all(|bound| bound.is_finite())
            .then_some(bounds)
    }
}

/// The variance within a histogram round a mean, by the middles of its buckets.
fn variance(durations: &FineDurations, mean: f64) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (bucket, &held) in durations.histogram.iter().enumerate() {
        if held > 0 {
            let (first, last) = FineDurations::bounds_of(bucket);
            let middle = f64::midpoint(first as f64, last as f64);
            sum += held as f64 * (middle - mean).powi(2);
            count += held as f64;
        }
    }
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durations(values: &[u64], weight: usize) -> FineDurations {
        let mut durations = FineDurations::default();
        for value in values {
            for _ in 0..weight {
                durations.record(*value);
            }
        }
        durations
    }

    fn drawn(count: u64, timed: u64, weight: u64) -> Drawn {
        Drawn {
            count,
            timed,
            resumed: 0,
            few: 64,
            weight,
        }
    }

    #[test]
    fn what_was_timed_wholly_has_no_interval() {
        let mut all = Gathered::default();
        all.add(&durations(&[10, 20, 30], 1), &drawn(3, 3, 256));
        let times = all.times();
        assert_eq!((times.count, times.timed), (3, 3));
        assert_eq!((times.total_ns, times.total_ci_ns), (60.0, None));
        assert_eq!((times.p50_ns, times.max_ns), (Some(20), Some(30)));
        let share = all.share_of(120).unwrap();
        assert_eq!((share.value, share.ci), (0.5, None));
    }

    #[test]
    fn what_had_not_ended_is_not_guessed() {
        let mut open = Gathered::default();
        open.add(&durations(&[10, 30], 1), &drawn(3, 2, 256));
        let times = open.times();
        assert_eq!((times.count, times.timed), (3, 2));
        assert_eq!((times.total_ns, times.total_ci_ns), (40.0, None));
    }

    #[test]
    fn what_was_not_drawn_at_all_is_like_what_was_timed() {
        // 64 of 100 timed since they were the first, 32 of 10 ns and 32 of 30; none of the other 36 was drawn.
        let mut part = Gathered::default();
        let values: Vec<u64> = [10, 30].repeat(32);
        part.add(&durations(&values, 1), &drawn(100, 64, 256));
        let times = part.times();
        assert!((times.total_ns - 2_000.0).abs() < 1e-9, "{times:?}");
        // s² = 100·64/63, t(63) = 1.998341.
        let half = 1.998_341 * (100.0_f64 * 64.0 / 63.0 * (36.0 + 36.0 * 36.0 / 64.0)).sqrt();
        let [lo, hi] = times.total_ci_ns.unwrap();
        assert!((hi - lo - 2.0 * half).abs() < 0.001, "{lo} {hi} {half}");
    }

    #[test]
    fn a_sample_has_the_interval_of_the_textbook() {
        // 4 of 100 timed: mean 4, sample SD √(20/3); se = 100·√(20/3)/2·√0.96; t(3) = 3.182446.
        let mut part = Gathered::default();
        part.add(&durations(&[1, 3, 5, 7], 25), &drawn(100, 4, 25));
        let times = part.times();
        assert!((times.total_ns - 400.0).abs() < 1e-9);
        let half = 3.182_446 * 100.0 * (20.0_f64 / 3.0).sqrt() / 2.0 * 0.96_f64.sqrt();
        let [lo, hi] = times.total_ci_ns.unwrap();
        // On paper it would begin below zero.
        assert!((lo - (400.0 - half).max(0.0)).abs() < 0.001, "{lo}");
        assert!((hi - 400.0 - half).abs() < 0.001, "{hi} {half}");
    }

    #[test]
    fn one_timed_of_many_says_nothing_of_its_error() {
        let mut part = Gathered::default();
        part.add(&durations(&[8], 100), &drawn(100, 1, 100));
        assert_eq!(
            (part.times().total_ns, part.times().total_ci_ns),
            (800.0, None)
        );
        // Nor does it together with better known parts.
        part.add(&durations(&[1, 3, 5, 7], 25), &drawn(100, 4, 25));
        assert_eq!(part.times().total_ci_ns, None);
    }

    #[test]
    fn an_acquisition_that_is_cut_in_two_is_held_for_both_parts() {
        // Of 100 acquisitions 10 were timed; each was held for 2 ns, then waited for a condition, then for 10 ns.
        let mut cut = Gathered::default();
        let values: Vec<u64> = [2, 10].repeat(10);
        let halves = Drawn {
            resumed: 100,
            ..drawn(100, 20, 10)
        };
        cut.add(&durations(&values, 10), &halves);
        let times = cut.times();
        assert!((times.total_ns - 1_200.0).abs() < 1e-9, "{times:?}");
    }

    /// `SplitMix64`: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
    struct Random(u64);

    impl Random {
        fn unit(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    #[test]
    fn intervals_of_holds_that_are_timed_as_the_library_times_them_cover() {
        const RUNS: u32 = 1000;
        let mut random = Random(1);
        for (threads, each) in [(1, 3_000), (8, 500), (8, 3_000)] {
            let mut covered = 0;
            for _ in 0..RUNS {
                let (mut timed, mut truth) = (0, 0.0);
                let mut durations = FineDurations::default();
                for _ in 0..threads {
                    for number in 0..each {
                        // Exponential, 1 µs on average.
                        #[expect(
                            clippy::cast_possible_truncation,
                            clippy::cast_sign_loss,
                            reason = "microseconds"
                        )]
                        let ns = (-1_000.0 * (1.0 - random.unit()).ln()) as u64;
                        truth += ns as f64;
                        let weight = match number {
                            0..64 => 1,
                            _ if random.unit() < 1.0 / 64.0 => 64,
                            _ => 0,
                        };
                        timed += u64::from(weight > 0);
                        (0..weight).for_each(|_| durations.record(ns));
                    }
                }
                let mut gathered = Gathered::default();
                gathered.add(&durations, &drawn(threads * each, timed, 64));
                let [lo, hi] = gathered.times().total_ci_ns.expect("a sample");
                covered += u32::from((lo..=hi).contains(&truth));
            }
            let share = f64::from(covered) / f64::from(RUNS);
            // 95% but for chance, which is under 2% in 1,000 runs, and for the spread of what is skewed.
            assert!(share > 0.92, "{threads} threads, {each} each: {share}");
        }
    }

    #[test]
    fn nothing_is_nothing() {
        let none = Gathered::default();
        assert_eq!(none.times(), Times::default());
        assert_eq!(none.share_of(100), None);
    }
}
