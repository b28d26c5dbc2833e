//! How much work makes [`Kernel::Timed`] take the time that was asked for.
//!
//! Measured through the same calls that an op makes, by the timestamps at the beginning and the end
//! of its command buffer. So what an empty command buffer costs is part of the time; what is shorter
//! than that cannot be had, and is said to be off.

use parking_lot::Mutex;

use crate::program::Program;
use crate::{Error, Kernel, TimedWork};

/// What `duration_ns: None` asks for: the soft device's default.
const DEFAULT_NS: u64 = 100_000;
/// Longer durations are extrapolated from this one.
const LONGEST_SAMPLE_NS: u64 = 2_000_000;
/// How far off a calibrated duration may be, as a fraction.
const TOLERANCE: f64 = 0.05;
/// Attempts to come that near.
const ATTEMPTS: usize = 16;
/// Measurements of which the least counts: what disturbs one, such as another program on a
/// software device's core, only lengthens it.
const SAMPLES: usize = 7;
/// Device time after which a GPU has reached its working clock.
const WARM_UP_NS: u64 = 30_000_000;

/// What was calibrated on this device, or on one like it.
pub(crate) struct Calibrations {
    given: Vec<TimedWork>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Workgroups that fill the device; 0 until known.
    groups: u32,
    done: Vec<TimedWork>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reached {
    iterations: u32,
    took_ns: u64,
}

/// A device whose timed kernels are calibrated.
pub(crate) trait Calibrated {
    /// A kernel made ready for dispatch.
    type Object;
    /// What a command buffer is recorded for.
    type Lane;

    /// The kernel's object, if it has been made ready before.
    fn find(&self, kernel: Kernel) -> Option<Self::Object>;
    /// A new object for the kernel, which nobody finds before it is made ready.
    fn make(&self, kernel: Kernel) -> Result<Self::Object, Error>;
    /// What the object's dispatches do.
    fn program(object: &Self::Object) -> &Program;
    /// A lane that nobody else has, with timestamps.
    fn lane(&self) -> Result<Self::Lane, Error>;
    /// Workgroups that a dispatch may have: one on a CPU, which is one core's work, since encoding
    /// needs the others.
    fn most_groups(&self) -> u32;
    /// Device time of one command buffer with one dispatch of the object.
    fn once_ns(&self, lane: &Self::Lane, object: &Self::Object) -> Result<u64, Error>;
}

impl Calibrations {
    pub(crate) fn new(given: Vec<TimedWork>) -> Self {
        Self {
            given,
            state: Mutex::default(),
        }
    }

    /// A calibrated object of the kernel. Other work on the device meanwhile disturbs it.
    pub(crate) fn calibrate<D: Calibrated>(
        &self,
        device: &D,
        duration_ns: Option<u64>,
    ) -> Result<D::Object, Error> {
        let kernel = Kernel::Timed { duration_ns };
        // One at a time: two would measure each other.
        let mut state = self.state.lock();
        if let Some(object) = device.find(kernel) {
            return Ok(object);
        }
        let asked_ns = duration_ns.unwrap_or(DEFAULT_NS);
        let object = device.make(kernel)?;
        let work = if let Some(&given) = self.given.iter().find(|given| given.asked_ns == asked_ns)
        {
            given
        } else {
            let probe = Probe {
                device,
                lane: device.lane()?,
                object: &object,
            };
            if state.groups == 0 {
                state.groups = probe.groups()?;
            }
            let groups = state.groups;
            let reached = search(asked_ns, |iterations| probe.least_ns(groups, iterations))?;
            TimedWork {
                asked_ns,
                groups,
                iterations: reached.iterations,
                took_ns: reached.took_ns,
            }
        };
        let program = D::program(&object);
        program.set(work.groups, work.iterations);
        program.set_ready();
        state.done.push(work);
        Ok(object)
    }

    /// Device time of a command buffer with one dispatch of a timed object, now. Other work on the
    /// device meanwhile disturbs it.
    pub(crate) fn time_ns<D: Calibrated>(
        &self,
        device: &D,
        object: &D::Object,
    ) -> Result<u64, Error> {
        let _alone = self.state.lock();
        let probe = Probe {
            device,
            lane: device.lane()?,
            object,
        };
        probe.least_now_ns()
    }

    /// One sentence for each.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.state.lock().done.iter().map(note).collect()
    }

    /// What was calibrated last.
    pub(crate) fn last(&self) -> Option<TimedWork> {
        self.state.lock().done.last().copied()
    }
}

fn note(work: &TimedWork) -> String {
    let TimedWork {
        asked_ns,
        groups,
        iterations,
        took_ns,
    } = *work;
    let failed = if is_near(took_ns, asked_ns) {
        String::new()
    } else {
        format!(", more than {:.0}% off", TOLERANCE * 100.0)
    };
    let how = if asked_ns > LONGEST_SAMPLE_NS {
        "extrapolated to take"
    } else {
        "which took"
    };
    format!(
        "The timed kernel of {asked_ns} ns runs {iterations} iterations in {groups} workgroups, \
         {how} {took_ns} ns, its command buffer included, by the device's timestamps when it was \
         calibrated{failed}."
    )
}

/// A timed object and a lane to try it on.
struct Probe<'a, D: Calibrated> {
    device: &'a D,
    lane: D::Lane,
    object: &'a D::Object,
}

impl<D: Calibrated> Probe<'_, D> {
    fn once_ns(&self) -> Result<u64, Error> {
        self.device.once_ns(&self.lane, self.object)
    }

    fn least_ns(&self, groups: u32, iterations: u32) -> Result<u64, Error> {
        D::program(self.object).set(groups, iterations);
        self.least_now_ns()
    }

    fn least_now_ns(&self) -> Result<u64, Error> {
        let mut least_ns = u64::MAX;
        for _ in 0..SAMPLES {
            least_ns = least_ns.min(self.once_ns()?);
        }
        Ok(least_ns)
    }

    /// Workgroups to use.
    fn groups(&self) -> Result<u32, Error> {
        let most = self.device.most_groups();
        if most == 1 {
            return Ok(1);
        }
        D::program(self.object).set(1, 1 << 14);
        let mut warm_ns = 0;
        while warm_ns < WARM_UP_NS {
            // At least a microsecond, so that a clock that stands still does not stop us here.
            warm_ns += self.once_ns()?.max(1_000);
        }
        let one = search(DEFAULT_NS, |iterations| self.least_ns(1, iterations))?;
        filling(most, |groups| self.least_ns(groups, one.iterations))
    }
}

/// The number of workgroups, in powers of two, from which the device is full: where they take four
/// times as long as one workgroup alone. Then every processor is shared four-fold, and a second
/// kernel beside such a one ends no earlier than it would after it.
fn filling(most: u32, mut took_ns: impl FnMut(u32) -> Result<u64, Error>) -> Result<u32, Error> {
    let one_ns = took_ns(1)?;
    let mut groups = 1_u32;
    while groups <= most / 2 && took_ns(groups)? < one_ns.saturating_mul(4) {
        groups *= 2;
    }
    Ok(groups)
}

/// Iterations that take `asked_ns`, as near as they come.
fn search(
    asked_ns: u64,
    mut took_ns: impl FnMut(u32) -> Result<u64, Error>,
) -> Result<Reached, Error> {
    let sample_ns = asked_ns.min(LONGEST_SAMPLE_NS);
    let empty_ns = took_ns(0)?;
    let mut best = Reached {
        iterations: 0,
        took_ns: empty_ns,
    };
    let mut iterations = 64;
    for _ in 0..ATTEMPTS {
        // What is to take longer than nothing does something, however near nothing it is.
        if (best.iterations > 0 && is_near(best.took_ns, sample_ns)) || empty_ns >= sample_ns {
            break;
        }
        let tried = Reached {
            iterations,
            took_ns: took_ns(iterations)?,
        };
        if tried.took_ns.abs_diff(sample_ns) < best.took_ns.abs_diff(sample_ns) {
            best = tried;
        }
        // The line through nothing and this, but no more than 64 times as far.
        let rise_ns = tried.took_ns.saturating_sub(empty_ns).max(1);
        let factor = ((sample_ns - empty_ns) as f64 / rise_ns as f64).min(64.0);
        iterations = scaled(iterations, factor).max(1);
    }
    if asked_ns > sample_ns {
        best = best.extrapolated(asked_ns as f64 / sample_ns as f64);
    }
    Ok(best)
}

impl Reached {
    /// As many times the iterations as `factor` says, or as can be counted.
    fn extrapolated(self, factor: f64) -> Self {
        let iterations = scaled(self.iterations, factor);
        let factor = f64::from(iterations) / f64::from(self.iterations.max(1));
        Self {
            iterations,
            took_ns: rounded(self.took_ns as f64 * factor),
        }
    }
}

fn scaled(iterations: u32, factor: f64) -> u32 {
    rounded(f64::from(iterations) * factor)
        .try_into()
        .unwrap_or(u32::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; beyond what a u64 holds, the cast saturates"
)]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

fn is_near(took_ns: u64, asked_ns: u64) -> bool {
    took_ns.abs_diff(asked_ns) as f64 <= TOLERANCE * asked_ns as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device on which an empty command buffer takes 3 µs and an iteration 2.5 ns.
    fn linear(iterations: u32) -> u64 {
        3_000 + u64::from(iterations) * 5 / 2
    }

    fn found(asked_ns: u64) -> Reached {
        search(asked_ns, |iterations| Ok(linear(iterations))).unwrap()
    }

    #[test]
    fn what_can_be_reached_is_reached() {
        for asked_ns in [3_100, 5_000, 100_000, 2_000_000] {
            let reached = found(asked_ns);
            assert_eq!(reached.took_ns, linear(reached.iterations));
            assert!(
                is_near(reached.took_ns, asked_ns),
                "{asked_ns}: {reached:?}"
            );
        }
    }

    #[test]
    fn what_is_shorter_than_nothing_gets_no_iterations_and_is_said_to_be_off() {
        let reached = found(1_000);
        assert_eq!(
            reached,
            Reached {
                iterations: 0,
                took_ns: 3_000
            }
        );
        let note = |asked_ns| {
            note(&TimedWork {
                asked_ns,
                groups: 8,
                iterations: reached.iterations,
                took_ns: reached.took_ns,
            })
        };
        assert!(note(1_000).contains("took 3000 ns") && note(1_000).contains("more than 5% off"));
        assert!(!note(3_100).contains("off"));
    }

    #[test]
    fn a_long_one_is_extrapolated_without_being_run() {
        let mut longest_ns = 0;
        let reached = search(1_000_000_000, |iterations| {
            longest_ns = longest_ns.max(linear(iterations));
            Ok(linear(iterations))
        });
        let reached = reached.unwrap();
        assert!(longest_ns < 64 * LONGEST_SAMPLE_NS);
        assert!(is_near(linear(reached.iterations), 1_000_000_000));
        assert!(is_near(reached.took_ns, 1_000_000_000));
        // More than can be counted: what can be.
        let most = found(u64::MAX);
        assert_eq!(most.iterations, u32::MAX);
        assert!(!is_near(most.took_ns, u64::MAX));
    }

    #[test]
    fn a_coarse_device_gets_the_nearest() {
        // 64 iterations are one step of 40 µs, and less is nothing.
        let reached = search(
            100_000,
            |iterations| Ok(u64::from(iterations / 64) * 40_000),
        );
        assert_eq!(reached.unwrap().took_ns.abs_diff(100_000), 20_000);
    }

    #[test]
    fn a_device_is_full_when_four_share_each_processor() {
        // 100 processors that run 2 groups each at no cost: 8 rounds of 100 groups take 4 times
        // as long.
        let took = |groups: u32| Ok(u64::from(groups.div_ceil(100).div_ceil(2)) * 50_000);
        assert_eq!(filling(65_535, took).unwrap(), 1_024);
        assert_eq!(filling(256, took).unwrap(), 256);
    }

    #[test]
    fn errors_of_the_device_come_through() {
        let lost = |_| Err(Error::NotCommitted);
        assert!(search(1, lost).is_err() && filling(8, lost).is_err());
    }
}
