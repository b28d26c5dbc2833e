//! When an engine is occupied: arithmetic on times, without a clock, so that it can be checked
//! by hand.

/// When a command buffer occupied its engine, in nanoseconds of the host's monotonic clock.
///
/// A modelled end may lie in the future; `wait` returns once it has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineInterval {
    /// The beginning.
    pub start_ns: u64,
    /// The end.
    pub end_ns: u64,
}

/// One engine's past and planned occupation: intervals that follow one another without overlap.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// The end of the last interval.
    free_ns: u64,
    /// The sum of all intervals, which is their union since they do not overlap.
    occupied_ns: u64,
}

impl Timeline {
    /// Adds a command buffer behind all earlier ones:
    /// start = max(`commit_ns`, end of the last), end = max(start + `occupancy_ns`,
    /// `no_end_before_ns`).
    pub(crate) fn place(
        &mut self,
        commit_ns: u64,
        occupancy_ns: u64,
        no_end_before_ns: u64,
    ) -> EngineInterval {
        let start_ns = commit_ns.max(self.free_ns);
        let end_ns = start_ns.saturating_add(occupancy_ns).max(no_end_before_ns);
        self.free_ns = end_ns;
        self.occupied_ns = self.occupied_ns.saturating_add(end_ns - start_ns);
        EngineInterval { start_ns, end_ns }
    }

    /// How long the engine has been busy up to `now_ns`, which must not lie before any commit.
    ///
    /// What lies after now is all occupied: a command buffer leaves a gap before it only if it was
    /// committed after the last one's end, and no commit lies in the future. So the planned part
    /// is `free − now`.
    pub(crate) fn busy_ns(&self, now_ns: u64) -> u64 {
        self.occupied_ns
            .saturating_sub(self.free_ns.saturating_sub(now_ns))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_saturated_engine_advances_by_service_for_each_command_buffer() {
        let mut timeline = Timeline::default();
        let ends: Vec<u64> = (0..1000)
            .map(|i| timeline.place(i, 100, 0).end_ns)
            .collect();
        assert_eq!(ends[0], 100);
        assert_eq!(ends[999], 100_000);
        assert!(ends.windows(2).all(|pair| pair[1] - pair[0] == 100));
    }

    #[test]
    fn an_idle_engine_starts_at_the_commit_and_the_gap_is_not_busy() {
        let mut timeline = Timeline::default();
        assert_eq!(
            timeline.place(10, 100, 0),
            EngineInterval {
                start_ns: 10,
                end_ns: 110
            }
        );
        assert_eq!(
            timeline.place(500, 20, 0),
            EngineInterval {
                start_ns: 500,
                end_ns: 520
            }
        );
        assert_eq!(timeline.busy_ns(500), 100);
        assert_eq!(timeline.busy_ns(505), 105);
        assert_eq!(timeline.busy_ns(10_000), 120);
    }

    #[test]
    fn slow_computing_lengthens_the_interval_and_delays_what_follows() {
        let mut timeline = Timeline::default();
        assert_eq!(
            timeline.place(0, 100, 330),
            EngineInterval {
                start_ns: 0,
                end_ns: 330
            }
        );
        assert_eq!(
            timeline.place(1, 100, 0),
            EngineInterval {
                start_ns: 330,
                end_ns: 430
            }
        );
        // Computed early: the engine is occupied no sooner for that.
        assert_eq!(
            timeline.place(2, 100, 400),
            EngineInterval {
                start_ns: 430,
                end_ns: 530
            }
        );
        assert_eq!(timeline.busy_ns(530), 530);
    }

    #[test]
    fn times_saturate() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.place(5, u64::MAX, 0).end_ns, u64::MAX);
        assert_eq!(
            timeline.place(6, 7, 0),
            EngineInterval {
                start_ns: u64::MAX,
                end_ns: u64::MAX
            }
        );
    }

    proptest! {
        // Busy time against counting every busy nanosecond, at every moment of the run.
        #[test]
        fn busy_time_is_the_union_of_intervals(
            steps in prop::collection::vec((0..30_u64, 0..20_u64, 0..4_u64), 1..20),
        ) {
            let mut timeline = Timeline::default();
            let mut intervals: Vec<EngineInterval> = Vec::new();
            let mut now_ns = 0;
            for (gap_ns, occupancy_ns, late_ns) in steps {
                now_ns += gap_ns;
                let no_end_before_ns = now_ns + late_ns;
                let placed = timeline.place(now_ns, occupancy_ns, no_end_before_ns);
                prop_assert!(placed.start_ns >= now_ns);
                prop_assert!(placed.end_ns - placed.start_ns >= occupancy_ns);
                if let Some(last) = intervals.last() {
                    prop_assert!(placed.start_ns >= last.end_ns);
                }
                intervals.push(placed);
                for later_ns in now_ns..now_ns + 50 {
                    let counted = (0..later_ns)
                        .filter(|t| intervals.iter().any(|i| (i.start_ns..i.end_ns).contains(t)))
                        .count();
                    prop_assert_eq!(timeline.busy_ns(later_ns), counted as u64);
                }
            }
        }
    }
}
