//! The Vulkan device from outside, on whatever Vulkan device the machine has: what it computes,
//! what it refuses, what several threads may do, and how long it says that it was busy.
//!
//! Without any Vulkan device these tests fail, and say what to install.

mod child;
#[path = "../common/mod.rs"]
mod common;
mod lifetimes;
mod missing;
mod misuse;
mod results;
mod threads;
mod timing;
mod validation;

use std::sync::OnceLock;

use common::calls::{Calls, axpy_op, encode_axpy, timed_op};
use locktoll_gpu::{VulkanDevice, VulkanSettings};

/// A new device.
fn new_device() -> VulkanDevice {
    VulkanDevice::new(&VulkanSettings::default()).unwrap_or_else(|error| {
        panic!(
            "these tests need a Vulkan device; on Debian, install libvulkan1 and \
             mesa-vulkan-drivers ({error})"
        )
    })
}

/// A device that tests share which use lanes of their own only.
fn device() -> &'static VulkanDevice {
    static DEVICE: OnceLock<VulkanDevice> = OnceLock::new();
    DEVICE.get_or_init(new_device)
}
