//! How long a thread takes to go on after it was woken: what each acquisition that found the lock taken may
//! have cost beside the hold that it waited for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Wakings that are measured, each way.
const ROUNDS: u32 = 100;
/// Longer sleeps than this do not make waking dearer.
const LONGEST: Duration = Duration::from_millis(1);

/// Mean time from a thread's waking another one to that one's going on, in nanoseconds. The other has slept
/// for `slept` then.
pub(super) fn mean_ns(slept: Duration) -> f64 {
    let began = Instant::now();
    let now = || u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let slept = slept.min(LONGEST);
    // When the turn was given away; 0 while it is still to come.
    let (given, answered) = (AtomicU64::new(0), AtomicU64::new(0));
    let (mut sum, mut back) = (0, 0);
    let give = |to: &AtomicU64, sleeper: &Thread| {
        let until = Instant::now() + slept;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        to.store(now().max(1), Ordering::Release);
        sleeper.unpark();
    };
    let take = |from: &AtomicU64| loop {
        match from.swap(0, Ordering::Acquire) {
            0 => thread::park(),
            at => return now().saturating_sub(at),
        }
    };
    let here = thread::current();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut sum = 0_u64;
            for _ in 0..ROUNDS {
                sum += take(&given);
                give(&answered, &here);
            }
            sum
        });
        for _ in 0..ROUNDS {
            give(&given, other.thread());
            sum += take(&answered);
        }
        back = other.join().unwrap_or(0);
    });
    (sum + back) as f64 / f64::from(2 * ROUNDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waking_takes_time_and_no_part_of_the_sleep() {
        let ns = mean_ns(Duration::from_hours(1));
        // The sleeps are of a millisecond; a kernel wakes a thread in microseconds.
        assert!(ns > 100.0 && ns.is_finite(), "{ns}");
    }
}
