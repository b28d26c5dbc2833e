//! The device's clock: from raw timestamps to nanoseconds since the device was made.

use ash::vk;

use super::core::Logical;
use crate::busy::DeviceInterval;

/// How raw timestamps are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The raw timestamp at which the time begins.
    origin: u64,
    /// Low bits of a raw timestamp that count; the others are undefined.
    valid_bits: u32,
    period_ns: f64,
}

impl Clock {
    pub(super) fn new(logical: &Logical, origin: u64) -> Self {
        Self {
            origin,
            valid_bits: logical.family.timestamp_bits,
            period_ns: f64::from(logical.physical.limits.timestamp_period),
        }
    }

    #[cfg(test)]
    pub(super) const fn for_tests() -> Self {
        Self {
            origin: 0,
            valid_bits: 64,
            period_ns: 1.0,
        }
    }

    /// Ticks since the origin. Raw timestamps wrap round; of the ticks that a raw one can mean,
    /// these are the nearest to `near`, ticks of a timestamp taken not long before or after: less
    /// than half a turn, which is 34 s for 36 bits of 1 ns, and 292 years for 64.
    fn ticks(&self, raw: u64, near: u64) -> u64 {
        let since_near = raw.wrapping_sub(self.origin).wrapping_sub(near);
        let undefined_bits = 64_u32.saturating_sub(self.valid_bits);
        // The sign bit of what is valid is moved to the top and back.
        let signed = (since_near << undefined_bits).cast_signed() >> undefined_bits;
        near.saturating_add_signed(signed)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and exact for 104 days; beyond, the cast saturates"
    )]
    fn nanoseconds(&self, ticks: u64) -> u64 {
        (ticks as f64 * self.period_ns).round() as u64
    }
}

/// A [`Clock`]'s reader that follows it from one command buffer to the next.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The latest ticks read.
    last: u64,
}

impl Follower {
    /// The interval between two raw timestamps of which the first was taken first.
    pub(super) fn interval(&mut self, clock: &Clock, raw: [u64; 2]) -> DeviceInterval {
        let start = clock.ticks(raw[0], self.last);
        let end = clock.ticks(raw[1], start).max(start);
        self.last = self.last.max(end);
        DeviceInterval {
            start_ns: clock.nanoseconds(start),
            end_ns: clock.nanoseconds(end),
        }
    }
}

/// Reads a slot's two timestamps, which its completed command buffer has written.
pub(super) fn read(device: &ash::Device, queries: vk::QueryPool) -> Result<[u64; 2], vk::Result> {
    let mut raw = [0; 2];
    // SAFETY: the pool has two queries, and the caller keeps it and its device.
    unsafe {
        device.get_query_pool_results(queries, 0, &mut raw, vk::QueryResultFlags::TYPE_64)?;
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(origin: u64, valid_bits: u32, period_ns: f64) -> Clock {
        Clock {
            origin,
            valid_bits,
            period_ns,
        }
    }

    fn interval(start_ns: u64, end_ns: u64) -> DeviceInterval {
        DeviceInterval { start_ns, end_ns }
    }

    #[test]
    fn ticks_times_period_since_the_origin() {
        let clock = clock(1_000, 64, 2.5);
        let mut follower = Follower::default();
        assert_eq!(follower.interval(&clock, [1_004, 1_010]), interval(10, 25));
    }

    #[test]
    fn bits_beyond_the_valid_ones_mean_nothing() {
        let clock = clock(0xAA00_0010, 24, 1.0);
        let mut follower = Follower::default();
        let raw = [0x1234_5600_0011, 0xFF00_0000_0015];
        assert_eq!(follower.interval(&clock, raw), interval(1, 5));
    }

    #[test]
    fn time_goes_on_when_the_counter_wraps() {
        // 8 valid bits from 250: raw 5 is 11 ticks later.
        let clock = clock(250, 8, 1.0);
        let mut follower = Follower::default();
        assert_eq!(follower.interval(&clock, [250, 5]), interval(0, 11));
        // 60 and 120 ticks later, and then once round: 11 + 100 + 100 + 100.
        assert_eq!(follower.interval(&clock, [105, 105]), interval(111, 111));
        assert_eq!(follower.interval(&clock, [205, 205]), interval(211, 211));
        assert_eq!(follower.interval(&clock, [49, 50]), interval(311, 312));
    }

    #[test]
    fn a_timestamp_read_late_lies_before_the_last() {
        let clock = clock(0, 16, 1.0);
        let mut follower = Follower::default();
        assert_eq!(
            follower.interval(&clock, [900, 1_000]),
            interval(900, 1_000)
        );
        assert_eq!(follower.interval(&clock, [100, 200]), interval(100, 200));
        assert_eq!(follower.last, 1_000);
    }

    #[test]
    fn all_64_bits_may_be_valid() {
        let clock = clock(u64::MAX - 4, 64, 1.0);
        let mut follower = Follower::default();
        assert_eq!(follower.interval(&clock, [u64::MAX, 5]), interval(4, 10));
    }
}
