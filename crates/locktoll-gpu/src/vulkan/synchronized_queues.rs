//! `VK_KHR_internally_synchronized_queues` (extension 505): queues that lock for themselves.
//!
//! Newer than the bindings, so its three constants and its one structure are written here, with
//! the registry's values. No driver that has it was at hand: this path is untested.

use std::ffi::{CStr, c_void};

use ash::vk;

pub(super) const NAME: &CStr = c"VK_KHR_internally_synchronized_queues";

/// `VK_DEVICE_QUEUE_CREATE_INTERNALLY_SYNCHRONIZED_BIT_KHR`.
pub(super) const QUEUE_FLAG: vk::DeviceQueueCreateFlags = vk::DeviceQueueCreateFlags::from_raw(0x4);

/// `VkPhysicalDeviceInternallySynchronizedQueuesFeaturesKHR`.
#[repr(C)]
pub(super) struct Features {
    structure_type: vk::StructureType,
    next: *mut c_void,
    pub(super) internally_synchronized_queues: vk::Bool32,
}

impl Features {
    pub(super) const fn new(enabled: bool) -> Self {
        Self {
            structure_type: vk::StructureType::from_raw(1_000_504_000),
            next: std::ptr::null_mut(),
            internally_synchronized_queues: enabled as vk::Bool32,
        }
    }
}
