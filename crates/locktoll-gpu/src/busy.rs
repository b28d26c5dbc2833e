//! How long a device was busy: the union of its command buffers' intervals, since those of several
//! queues overlap and a sum would count that time twice.

/// When a command buffer occupied the device, in nanoseconds of the device's own clock: on Vulkan since
/// the device was made, on Metal since the machine was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceInterval {
    /// The beginning: the device had reached the command buffer.
    pub start_ns: u64,
    /// The end: all its work was complete.
    pub end_ns: u64,
}

#[cfg(any(test, target_os = "macos"))]
impl DeviceInterval {
    /// What Metal tells of a completed command buffer, in seconds since the machine was started: zero
    /// for what did not take place, as where the command buffer failed. An f64 is off by
    /// less than a nanosecond for 97 days of that, and by less than ten for years.
    pub(crate) fn of_seconds(start: f64, end: f64) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive; beyond what a u64 holds, the cast saturates"
        )]
        let nanoseconds = |seconds: f64| (seconds * 1e9).round() as u64;
        (start > 0.0 && end >= start).then(|| Self {
            start_ns: nanoseconds(start),
            end_ns: nanoseconds(end),
        })
    }
}

/// A set of nanoseconds: intervals in order, none of which touches another.
#[derive(Debug, Default)]
pub(crate) struct Union(Vec<DeviceInterval>);

impl Union {
    pub(crate) fn add(&mut self, mut more: Vec<DeviceInterval>) {
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

    pub(crate) fn length_ns(&self) -> u64 {
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
    fn seconds_are_nanoseconds_and_what_did_not_run_is_no_interval() {
        let of = |start, end| DeviceInterval::of_seconds(start, end);
        // A day after the machine was started.
        let ran = of(86_400.000_001, 86_400.000_251).unwrap();
        assert_eq!(ran.start_ns, 86_400_000_001_000);
        assert_eq!(ran.end_ns - ran.start_ns, 250_000);
        assert_eq!(of(1.5, 1.5).map(|ran| ran.end_ns - ran.start_ns), Some(0));
        for (start, end) in [
            (0.0, 0.0),
            (1.0, 0.0),
            (2.0, 1.0),
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
        ] {
            assert_eq!(of(start, end), None, "{start} {end}");
        }
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
