//! The device's clock beside the host's, read in one moment (`VK_EXT_calibrated_timestamps`).
//!
//! By this, what the device did can be placed between what the host did. The busy time needs it not:
//! its readings are taken while nothing is in flight.

use ash::{ext, vk};
use parking_lot::Mutex;

use super::loader::Instance;
use super::timestamps::{Clock, Follower};

/// One moment on two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostMoment {
    /// On the device's, as in [`DeviceInterval`](crate::DeviceInterval).
    pub device_ns: u64,
    /// On the host's `CLOCK_MONOTONIC`.
    pub host_ns: u64,
    /// The two readings are at most this far apart, by the driver's word.
    pub deviation_ns: u64,
}

/// The two clocks of one device.
pub(super) struct HostClock {
    calls: ext::calibrated_timestamps::Device,
    follower: Mutex<Follower>,
}

impl HostClock {
    /// Whether the device's clock and `CLOCK_MONOTONIC` can be read together; `physical` has the
    /// extension.
    pub(super) fn is_possible(instance: &Instance, physical: vk::PhysicalDevice) -> bool {
        let Some(calls) = instance.calibrated_timestamps() else {
            return false;
        };
        // SAFETY: the handle is of this instance and has the extension.
        let domains = unsafe { calls.get_physical_device_calibrateable_time_domains(physical) };
        domains.is_ok_and(|domains| {
            domains.contains(&vk::TimeDomainEXT::DEVICE)
                && domains.contains(&vk::TimeDomainEXT::CLOCK_MONOTONIC)
        })
    }

    /// Of a device that was made with the extension.
    pub(super) fn new(instance: &Instance, device: &ash::Device) -> Self {
        Self {
            calls: ext::calibrated_timestamps::Device::new(instance.raw(), device),
            follower: Mutex::default(),
        }
    }

    pub(super) fn now(&self, clock: &Clock) -> Result<HostMoment, vk::Result> {
        let domain = |domain| vk::CalibratedTimestampInfoEXT::default().time_domain(domain);
        let domains = [
            domain(vk::TimeDomainEXT::DEVICE),
            domain(vk::TimeDomainEXT::CLOCK_MONOTONIC),
        ];
        // SAFETY: the device lives, and both domains are among those it can calibrate.
        let (raw, deviation_ns) = unsafe { self.calls.get_calibrated_timestamps(&domains)? };
        let device = self.follower.lock().interval(clock, [raw[0]; 2]);
        Ok(HostMoment {
            device_ns: device.start_ns,
            host_ns: raw[1],
            deviation_ns,
        })
    }
}
