//! Known time on a device that computes for real: a further dispatch, of a calibrated kernel.
//!
//! Such a dispatch must also be recorded, which is the encoding thread's time. So an op with more time
//! on the device is not compared with the unchanged op, but with one that has the same dispatch with
//! nothing to do in it: the *reference*, which adds 0 ns by definition.

use locktoll_gpu::{Kernel, TimedWork};

use super::calibrating::Calibrating;
use crate::error::{Error, Result};
use crate::probe::{Added, Resource};

/// The kernel of a level of added time, and that of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AddedKernel {
    level: Kernel,
    reference: Kernel,
}

/// What the reference is asked to take, with its command buffer: less than anything can.
const REFERENCE_ASKED_NS: u64 = 0;

impl AddedKernel {
    /// The kernel that adds this, given what was calibrated.
    ///
    /// # Errors
    /// Nothing was calibrated, or not this.
    pub(super) fn new(ns: u64, calibrated: &[TimedWork]) -> Result<Self> {
        let of = |asked_ns: u64| {
            let known = calibrated.iter().find(|work| work.asked_ns == asked_ns);
            known.map(|work| (kernel(asked_ns), work.took_ns))
        };
        of(REFERENCE_ASKED_NS)
            .and_then(|(reference, took_ns)| {
                let level = if ns == 0 {
                    reference
                } else {
                    of(asked_ns(ns, took_ns))?.0
                };
                Some(Self { level, reference })
            })
            .ok_or_else(|| {
                let added = Added {
                    to: Resource::Device,
                    ns,
                };
                Error::Plan(format!(
                    "--probe {added}: no kernel was calibrated for it (--added-work)"
                ))
            })
    }

    /// The kernel to dispatch at the end of each op.
    pub(super) fn kernel(self) -> Kernel {
        self.level
    }

    /// The time that one dispatch adds, measured now, while nothing else is on the device.
    ///
    /// # Errors
    /// What the driver refuses.
    pub(super) fn time_ns(self, device: &impl Calibrating) -> Result<u64> {
        if self.level == self.reference {
            return Ok(0);
        }
        let time_ns = |kernel| -> Result<u64> { device.time_ns(&device.pipeline(kernel)?) };
        Ok(time_ns(self.level)?.saturating_sub(time_ns(self.reference)?))
    }
}

/// Calibrates the reference and these levels.
///
/// # Errors
/// What the driver refuses.
pub(super) fn calibrate(device: &impl Calibrating, levels_ns: &[u64]) -> Result<Vec<TimedWork>> {
    let calibrated = |asked_ns| -> Result<Option<TimedWork>> {
        device.pipeline(kernel(asked_ns))?;
        Ok(device.timed_work())
    };
    let Some(reference) = calibrated(REFERENCE_ASKED_NS)? else {
        return Ok(Vec::new());
    };
    let mut works = vec![reference];
    for &ns in levels_ns.iter().filter(|&&ns| ns > 0) {
        works.extend(calibrated(asked_ns(ns, reference.took_ns))?);
    }
    Ok(works)
}

/// What a kernel is asked to take, with its command buffer, to add this over the reference.
fn asked_ns(ns: u64, reference_took_ns: u64) -> u64 {
    reference_took_ns.saturating_add(ns)
}

fn kernel(asked_ns: u64) -> Kernel {
    Kernel::Timed {
        duration_ns: Some(asked_ns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(asked_ns: u64, took_ns: u64) -> TimedWork {
        TimedWork {
            asked_ns,
            groups: 1,
            iterations: 1,
            took_ns,
        }
    }

    #[test]
    fn a_level_is_what_takes_so_much_longer_than_the_reference() {
        let calibrated = [work(0, 3_000), work(5_000, 4_950), work(7_000, 7_100)];
        let kernel_of = |ns| AddedKernel::new(ns, &calibrated).map(AddedKernel::kernel);
        assert_eq!(kernel_of(0).unwrap(), kernel(0));
        assert_eq!(kernel_of(2_000).unwrap(), kernel(5_000));
        assert_eq!(kernel_of(4_000).unwrap(), kernel(7_000));
    }

    #[test]
    fn what_was_not_calibrated_is_refused_with_the_flag_that_tells_it() {
        for calibrated in [&[][..], &[work(0, 3_000)], &[work(5_000, 4_950)]] {
            let refused = AddedKernel::new(2_000, calibrated).unwrap_err().to_string();
            assert!(
                refused.contains("device:2000ns") && refused.contains("--added-work"),
                "{refused}"
            );
        }
    }
}
