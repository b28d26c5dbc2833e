//! The physical devices: what they are, what they lack, and which one is meant.

use std::cmp::Reverse;
use std::ffi::CStr;

use ash::{ext, khr, vk};

use super::loader::Instance;
use super::refusal::refused;
use super::synchronized_queues;
use crate::{DeviceKind, Error};

/// A physical device as the instance lists it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the device"
)]
pub(super) struct Physical {
    pub(super) handle: vk::PhysicalDevice,
    pub(super) name: String,
    /// The driver's name and version.
    pub(super) driver: String,
    pub(super) device_type: vk::PhysicalDeviceType,
    pub(super) limits: vk::PhysicalDeviceLimits,
    /// The queue family that is used; `None` where none can compute and take timestamps.
    family: Option<Family>,
    has_push_descriptors: bool,
    pub(super) has_calibrated_timestamps: bool,
    pub(super) has_portability_subset: bool,
    pub(super) has_synchronized_queues: bool,
}

/// A queue family that can compute and take timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) index: u32,
    pub(super) queues: u32,
    /// Bits of a timestamp that count.
    pub(super) timestamp_bits: u32,
}

/// All physical devices, in the instance's order, which is that of `vulkan:N`.
pub(super) fn list(instance: &Instance) -> Result<Vec<Physical>, Error> {
    // SAFETY: the instance lives.
    let handles = unsafe { instance.raw().enumerate_physical_devices() };
    handles
        .map_err(refused("vkEnumeratePhysicalDevices"))?
        .into_iter()
        .map(|handle| Physical::examine(instance.raw(), handle))
        .collect()
}

impl Physical {
    fn examine(instance: &ash::Instance, handle: vk::PhysicalDevice) -> Result<Self, Error> {
        // SAFETY: the handle is of this instance.
        let (plain, extensions, families) = unsafe {
            (
                instance.get_physical_device_properties(handle),
                instance
                    .enumerate_device_extension_properties(handle)
                    .map_err(refused("vkEnumerateDeviceExtensionProperties"))?,
                instance.get_physical_device_queue_family_properties(handle),
            )
        };
        let has = |name: &CStr| {
            extensions
                .iter()
                .any(|known| known.extension_name_as_c_str() == Ok(name))
        };
        // Newer queries are asked of devices that know them; the others are only listed.
        let is_recent = plain.api_version >= vk::API_VERSION_1_1;
        let tells_driver =
            plain.api_version >= vk::API_VERSION_1_2 || has(khr::driver_properties::NAME);
        let driver = if is_recent && tells_driver {
            let mut driver = vk::PhysicalDeviceDriverProperties::default();
            let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
            // SAFETY: as above; the device knows the structure that is chained.
            unsafe { instance.get_physical_device_properties2(handle, &mut properties) };
            format!(
                "{} {}",
                text(driver.driver_name_as_c_str().ok()),
                text(driver.driver_info_as_c_str().ok())
            )
        } else {
            format!("driver version {:#x}", plain.driver_version)
        };
        let mut has_synchronized_queues = false;
        if is_recent && has(synchronized_queues::NAME) {
            let mut features = synchronized_queues::Features::new(false);
            let mut all = vk::PhysicalDeviceFeatures2 {
                p_next: (&raw mut features).cast(),
                ..Default::default()
            };
            // SAFETY: as above; the device knows the structure that is chained.
            unsafe { instance.get_physical_device_features2(handle, &mut all) };
            has_synchronized_queues = features.internally_synchronized_queues == vk::TRUE;
        }
        Ok(Self {
            handle,
            name: text(plain.device_name_as_c_str().ok()),
            driver: driver.trim().to_owned(),
            device_type: plain.device_type,
            limits: plain.limits,
            family: best_family(&families),
            has_push_descriptors: is_recent && has(khr::push_descriptor::NAME),
            has_calibrated_timestamps: has(ext::calibrated_timestamps::NAME),
            has_portability_subset: has(khr::portability_subset::NAME),
            has_synchronized_queues,
        })
    }

    pub(super) const fn kind(&self) -> DeviceKind {
        match self.device_type {
            vk::PhysicalDeviceType::CPU => DeviceKind::SoftwareRasterizer,
            _ => DeviceKind::Hardware,
        }
    }

    /// The family to use, or what the device lacks.
    pub(super) fn usable(&self) -> Result<Family, &'static str> {
        if !self.has_push_descriptors {
            return Err("VK_KHR_push_descriptor on Vulkan 1.1 or later");
        }
        self.family
            .ok_or("a queue family that computes and takes timestamps")
    }

    /// Name, driver and kind in one line.
    pub(super) fn summary(&self) -> String {
        let kind = match self.device_type {
            vk::PhysicalDeviceType::DISCRETE_GPU => "discrete GPU",
            vk::PhysicalDeviceType::INTEGRATED_GPU => "integrated GPU",
            vk::PhysicalDeviceType::VIRTUAL_GPU => "virtual GPU",
            vk::PhysicalDeviceType::CPU => "software, on the CPU",
            _ => "GPU of an unnamed kind",
        };
        format!("{}, {kind}; {}", self.name, self.driver)
    }

    /// How well it suits one who did not choose; more is better, and 0 is software.
    fn rank(&self) -> u8 {
        match self.device_type {
            vk::PhysicalDeviceType::DISCRETE_GPU => 4,
            vk::PhysicalDeviceType::INTEGRATED_GPU => 3,
            vk::PhysicalDeviceType::VIRTUAL_GPU => 2,
            vk::PhysicalDeviceType::CPU => 0,
            _ => 1,
        }
    }
}

fn text(bytes: Option<&CStr>) -> String {
    bytes.map_or_else(String::new, |text| text.to_string_lossy().into_owned())
}

/// Of the families that can compute and take timestamps: one that does not draw, since a GPU changes
/// from one queue to another faster where there is no state of graphics to be kept; of equals the
/// one with the most queues, and then the first. It does not depend on how many queues are asked
/// for: series that differ in that number only must not differ in the family too.
fn best_family(families: &[vk::QueueFamilyProperties]) -> Option<Family> {
    (0..)
        .zip(families)
        .filter(|(_, family)| {
            family.queue_flags.contains(vk::QueueFlags::COMPUTE) && family.timestamp_valid_bits > 0
        })
        .max_by_key(|&(index, family): &(u32, _)| {
            let draws = family.queue_flags.contains(vk::QueueFlags::GRAPHICS);
            (!draws, family.queue_count, Reverse(index))
        })
        .map(|(index, family)| Family {
            index,
            queues: family.queue_count,
            timestamp_bits: family.timestamp_valid_bits,
        })
}

/// The device at `index`, or else the best: the first of the highest rank among the usable.
pub(super) fn choose(devices: &[Physical], index: Option<usize>) -> Result<usize, Error> {
    let Some(index) = index else {
        let ranks: Vec<_> = devices
            .iter()
            .map(|device| device.usable().is_ok().then(|| device.rank()))
            .collect();
        return best_rank(&ranks).ok_or_else(|| match devices.first() {
            None => Error::NoVulkanDevice,
            Some(device) => device.lacking(0),
        });
    };
    match devices.get(index) {
        Some(device) if device.usable().is_ok() => Ok(index),
        Some(device) => Err(device.lacking(index)),
        None => Err(Error::NoSuchVulkanDevice {
            index,
            devices: listed(devices),
        }),
    }
}

/// The best device if it is hardware.
pub(super) fn best_hardware(devices: &[Physical]) -> Option<usize> {
    let best = choose(devices, None).ok()?;
    (devices[best].kind() == DeviceKind::Hardware).then_some(best)
}

fn best_rank(ranks: &[Option<u8>]) -> Option<usize> {
    let best = ranks.iter().flatten().max()?;
    ranks.iter().position(|rank| rank.as_ref() == Some(best))
}

fn listed(devices: &[Physical]) -> String {
    if devices.is_empty() {
        return "there is none".to_owned();
    }
    let names: Vec<_> = (0..)
        .zip(devices)
        .map(|(index, device): (usize, _)| format!("vulkan:{index} ({})", device.name))
        .collect();
    format!("there are {}", names.join(", "))
}

impl Physical {
    /// The error for one who asked for this device, whose index this is, though it is not usable.
    pub(super) fn lacking(&self, index: usize) -> Error {
        Error::VulkanDeviceLacks {
            index,
            name: self.name.clone(),
            what: self.usable().err().unwrap_or("nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(flags: vk::QueueFlags, queues: u32, bits: u32) -> vk::QueueFamilyProperties {
        vk::QueueFamilyProperties {
            queue_flags: flags,
            queue_count: queues,
            timestamp_valid_bits: bits,
            ..Default::default()
        }
    }

    #[test]
    fn a_family_that_draws_is_taken_where_there_is_no_other() {
        let (compute, draw) = (vk::QueueFlags::COMPUTE, vk::QueueFlags::GRAPHICS);
        let families = [family(compute | draw, 16, 64), family(compute, 8, 64)];
        assert_eq!(best_family(&families).map(|best| best.index), Some(1));
        assert_eq!(best_family(&families[..1]).map(|best| best.index), Some(0));
    }

    #[test]
    fn the_family_has_the_most_queues_that_compute_and_tell_the_time() {
        let (compute, transfer) = (vk::QueueFlags::COMPUTE, vk::QueueFlags::TRANSFER);
        let families = [
            family(transfer, 32, 64),
            family(compute, 24, 0),
            family(compute | transfer, 8, 36),
            family(compute, 16, 64),
            family(compute, 16, 48),
        ];
        let best = Family {
            index: 3,
            queues: 16,
            timestamp_bits: 64,
        };
        assert_eq!(best_family(&families), Some(best));
        assert_eq!(best_family(&families[..2]), None);
    }

    #[test]
    fn the_best_is_the_first_of_the_highest_rank() {
        assert_eq!(best_rank(&[Some(0), None, Some(4), Some(4)]), Some(2));
        assert_eq!(best_rank(&[None, Some(0)]), Some(1));
        assert_eq!(best_rank(&[None, None]), None);
    }
}
