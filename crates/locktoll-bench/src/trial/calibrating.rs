//! Devices that compute for real, whose timed kernels have to be calibrated.

#[cfg(target_os = "macos")]
use locktoll_gpu::MetalDevice;
use locktoll_gpu::{Device, TimedWork, VulkanDevice};

use crate::error::Result;

/// What such a device tells beside its calls.
pub(super) trait Calibrating: Device {
    /// The work that was calibrated last.
    fn timed_work(&self) -> Option<TimedWork>;

    /// Device time of a command buffer with one dispatch of a timed kernel, measured now.
    ///
    /// # Errors
    /// What the driver refuses.
    fn time_ns(&self, pipeline: &Self::Pipeline) -> Result<u64>;
}

impl Calibrating for VulkanDevice {
    fn timed_work(&self) -> Option<TimedWork> {
        self.timed_work()
    }

    fn time_ns(&self, pipeline: &Self::Pipeline) -> Result<u64> {
        Ok(self.time_ns(pipeline)?)
    }
}

#[cfg(target_os = "macos")]
impl Calibrating for MetalDevice {
    fn timed_work(&self) -> Option<TimedWork> {
        self.timed_work()
    }

    fn time_ns(&self, pipeline: &Self::Pipeline) -> Result<u64> {
        Ok(self.time_ns(pipeline)?)
    }
}
