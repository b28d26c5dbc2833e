//! Durations of which all, or a sample, were timed.

use locktoll_report::record::model::{Estimate, Times};
use locktoll_stats::student::Studentized;
use locktoll_trace::FineDurations;

use super::CONFIDENCE;

/// Fewest timed durations on which an interval is founded.
const FEWEST: u64 = 2;

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
    degrees: Option<u64>,
}

impl Gathered {
    /// Adds a point's durations: `count` happened, of which `timed` were timed and weighted for the others.
    ///
    /// With mean m and standard deviation s of n timed ones, the sum of all N is estimated as N·m, with
    /// standard error N·s/√n·√(1 − n/N) (Cochran, *Sampling Techniques*, 3rd ed., 2.5 and 2.6).
    pub(super) fn add(&mut self, durations: &FineDurations, count: u64, timed: u64) {
        self.durations.merge(durations);
        self.count = self.count.saturating_add(count);
        self.timed = self.timed.saturating_add(timed);
        let Some(mean) = durations.mean_ns().filter(|_| timed > 0) else {
            return;
        };
        // Without weights all were timed, but for those that had not ended.
        if timed >= count || durations.count <= timed {
            self.total_ns += durations.total_ns as f64;
            return;
        }
        let (all, sampled) = (count as f64, timed as f64);
        self.total_ns += all * mean;
        if timed >= FEWEST {
            let spread = variance(durations, mean) * sampled / (sampled - 1.0);
            self.variance += all * all * spread / sampled * (1.0 - sampled / all);
            let degrees = timed - 1;
            self.degrees = Some(self.degrees.map_or(degrees, |least| least.min(degrees)));
        } else {
            // Nothing is known of its spread.
            self.variance = f64::INFINITY;
        }
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
        let df = self.degrees? as f64;
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

    #[test]
    fn what_was_timed_wholly_has_no_interval() {
        let mut all = Gathered::default();
        all.add(&durations(&[10, 20, 30], 1), 3, 3);
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
        open.add(&durations(&[10, 30], 1), 3, 2);
        let times = open.times();
        assert_eq!((times.count, times.timed), (3, 2));
        assert_eq!((times.total_ns, times.total_ci_ns), (40.0, None));
    }

    #[test]
    fn a_sample_has_the_interval_of_the_textbook() {
        // 4 of 100 timed: mean 4, sample SD √(20/3); se = 100·√(20/3)/2·√0.96; t(3) = 3.182446.
        let mut part = Gathered::default();
        part.add(&durations(&[1, 3, 5, 7], 25), 100, 4);
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
        part.add(&durations(&[8], 100), 100, 1);
        assert_eq!(
            (part.times().total_ns, part.times().total_ci_ns),
            (800.0, None)
        );
        // Nor does it together with better known parts.
        part.add(&durations(&[1, 3, 5, 7], 25), 100, 4);
        assert_eq!(part.times().total_ci_ns, None);
    }

    #[test]
    fn nothing_is_nothing() {
        let none = Gathered::default();
        assert_eq!(none.times(), Times::default());
        assert_eq!(none.share_of(100), None);
    }
}
