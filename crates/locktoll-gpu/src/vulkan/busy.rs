//! How long the device was busy, and the lanes from which that comes.

use std::sync::Arc;

use parking_lot::Mutex;

use super::timestamps::{Clock, Follower};
use crate::busy::{DeviceInterval, Union};

/// The intervals of one lane's command buffers that were not yet added to the union.
///
/// 16 bytes each until somebody asks for the busy time; intervals that touch are one.
#[derive(Debug, Default)]
pub(super) struct LaneTimes(Mutex<Fresh>);

#[derive(Debug, Default)]
struct Fresh {
    follower: Follower,
    intervals: Vec<DeviceInterval>,
}

impl LaneTimes {
    /// Adds a completed command buffer by its raw timestamps.
    pub(super) fn add(&self, clock: &Clock, raw: [u64; 2]) -> DeviceInterval {
        let mut fresh = self.0.lock();
        let interval = fresh.follower.interval(clock, raw);
        match fresh.intervals.last_mut() {
            Some(last)
                if last.start_ns <= interval.start_ns && interval.start_ns <= last.end_ns =>
            {
                last.end_ns = last.end_ns.max(interval.end_ns);
            }
            _ => fresh.intervals.push(interval),
        }
        interval
    }
}

/// The device's busy time so far, and the lanes from which more of it comes.
#[derive(Debug, Default)]
pub(super) struct BusyTime(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    union: Union,
    lanes: Vec<Arc<LaneTimes>>,
}

impl BusyTime {
    /// A new lane's intervals.
    pub(super) fn lane(&self) -> Arc<LaneTimes> {
        let times = Arc::<LaneTimes>::default();
        self.0.lock().lanes.push(Arc::clone(&times));
        times
    }

    pub(super) fn nanoseconds(&self) -> u64 {
        let State { union, lanes } = &mut *self.0.lock();
        lanes.retain(|lane| {
            // First, so that a lane that goes meanwhile is kept until the next time.
            let in_use = Arc::strong_count(lane) > 1;
            union.add(std::mem::take(&mut lane.0.lock().intervals));
            in_use
        });
        union.length_ns()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_that_overlap_are_not_counted_twice_and_a_lane_may_go() {
        let clock = Clock::for_tests();
        let busy = BusyTime::default();
        let (a, b) = (busy.lane(), busy.lane());
        a.add(&clock, [100, 200]);
        b.add(&clock, [150, 250]);
        assert_eq!(busy.nanoseconds(), 150);
        a.add(&clock, [240, 260]);
        drop(a);
        assert_eq!(busy.nanoseconds(), 160);
        assert_eq!(busy.0.lock().lanes.len(), 1);
        assert_eq!(busy.nanoseconds(), 160);
    }
}
