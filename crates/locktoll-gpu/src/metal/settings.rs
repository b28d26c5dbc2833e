//! What a user chooses about a Metal device.

use std::fmt;
use std::num::NonZeroU32;

use crate::TimedWork;

/// How many of a Metal device's queues. Displayed as `queues=K`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetalSettings {
    /// `MTLCommandQueue`s. Lane *i* uses number *i* mod `queues`.
    pub queues: NonZeroU32,
    /// Whether command buffers are asked when they ran, from which the busy time comes.
    pub timestamps: bool,
    /// The work of timed kernels that another device of this kind has calibrated: devices that are to
    /// be compared must not each find their own.
    pub timed: Vec<TimedWork>,
}

impl Default for MetalSettings {
    fn default() -> Self {
        Self {
            queues: NonZeroU32::MIN,
            timestamps: true,
            timed: Vec::new(),
        }
    }
}

impl fmt::Display for MetalSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queues={}", self.queues)
    }
}
