//! What a user chooses about a Vulkan device.

use std::fmt;
use std::num::NonZeroU32;

use crate::TimedWork;

/// Which Vulkan device, and how many of its queues. Displayed as `queues=K`; the device is part
/// of the [`DeviceChoice`](crate::DeviceChoice).
///
/// ```
/// use std::num::NonZeroU32;
/// use locktoll_gpu::VulkanSettings;
///
/// let settings = VulkanSettings { queues: NonZeroU32::new(8).unwrap(), ..Default::default() };
/// assert_eq!(settings.to_string(), "queues=8");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VulkanSettings {
    /// Which physical device, as [`devices`](crate::devices) lists them. `None`: the best
    /// hardware, or the first usable device where there is no hardware.
    pub index: Option<usize>,
    /// `VkQueue`s, all of the family that has the most of those that can compute. Lane *i* uses
    /// number *i* mod `queues`.
    pub queues: NonZeroU32,
    /// Whether command buffers take timestamps, from which the busy time comes. On some drivers
    /// they cost more than a small kernel does, so a measurement of throughput goes without.
    pub timestamps: bool,
    /// The work of timed kernels that another device of this kind has calibrated: devices that are to
    /// be compared must not each find their own.
    pub timed: Vec<TimedWork>,
}

impl Default for VulkanSettings {
    fn default() -> Self {
        Self {
            index: None,
            queues: NonZeroU32::MIN,
            timestamps: true,
            timed: Vec::new(),
        }
    }
}

impl fmt::Display for VulkanSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queues={}", self.queues)
    }
}
