//! How long the device was busy: the union of its command buffers' intervals, since those of
//! several queues overlap and a sum would count that time twice.

use std::sync::Arc;

use parking_lot::Mutex;

use super::timestamps::{Clock, DeviceInterval, Follower};

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

/// A set of nanoseconds: intervals in order, none of which touches another.
#[derive(Debug, Default)]
struct Union(Vec<DeviceInterval>);

impl Union {
    fn add(&mut self, mut more: Vec<DeviceInterval>) {
        if more.is_empty() {
            return;
        }
        // What lies before the first new one stays as it is.
        let first_ns = more
            .iter()
            .map(|new| new.start_ns)
            .min()
            .unwrap_or_default();
        let settled = self.0.partition_point(|old| old.end_ns < first_ns);
        more.extend(self.0.drain(settled..));
        more.sort_unstable();
        for interval in more {
            match self.0.last_mut() {
                Some(last) if interval.start_ns <= last.end_ns => {
                    last.end_ns = last.end_ns.max(interval.end_ns);
                }
                _ => self.0.push(interval),
            }
        }
    }

    fn length_ns(&self) -> u64 {
        self.0.iter().map(|i| i.end_ns - i.start_ns).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn intervals(bounds: &[(u64, u64)]) -> Vec<DeviceInterval> {
        let of = |&(start_ns, end_ns): &(u64, u64)| DeviceInterval { start_ns, end_ns };
        bounds.iter().map(of).collect()
    }

    #[test]
    fn the_union_done_by_hand() {
        let mut union = Union::default();
        union.add(intervals(&[(10, 20), (15, 30), (40, 50)]));
        assert_eq!(union.length_ns(), 30);
        // Inside, across a gap, before all, touching, and empty.
        union.add(intervals(&[(12, 13)]));
        assert_eq!(union.length_ns(), 30);
        union.add(intervals(&[(25, 42), (0, 5)]));
        assert_eq!(union.0, intervals(&[(0, 5), (10, 50)]));
        union.add(intervals(&[(5, 7), (50, 50)]));
        assert_eq!(union.0, intervals(&[(0, 7), (10, 50)]));
        assert_eq!(union.length_ns(), 47);
    }

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

    proptest! {
        // Against counting every nanosecond, in batches of any order.
        #[test]
        fn the_union_is_each_nanosecond_once_and_never_shrinks(
            batches in prop::collection::vec(
                prop::collection::vec((0..200_u64, 0..20_u64), 0..5), 0..10),
        ) {
            let (mut union, mut all, mut last_ns) = (Union::default(), Vec::new(), 0);
            for batch in batches {
                let batch: Vec<_> = batch.into_iter().map(|(at, len)| (at, at + len)).collect();
                union.add(intervals(&batch));
                all.extend(batch);
                let counted = (0..300_u64)
                    .filter(|t| all.iter().any(|(start, end)| (*start..*end).contains(t)))
                    .count() as u64;
                prop_assert_eq!(union.length_ns(), counted);
                prop_assert!(counted >= last_ns);
                last_ns = counted;
            }
        }
    }
}
