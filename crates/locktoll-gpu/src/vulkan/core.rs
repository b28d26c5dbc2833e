//! The logical device and all that its objects share.

use std::sync::{Arc, OnceLock};

use ash::vk::Handle as _;
use ash::{ext, khr, vk};
use parking_lot::{Mutex, MutexGuard};

use super::busy::BusyTime;
use super::host_clock::HostClock;
use super::loader::Instance;
use super::physical::{self, Physical};
use super::pipeline::Programs;
use super::refusal::refused;
use super::settings::VulkanSettings;
use super::synchronized_queues;
use super::timestamps::Clock;
use crate::calibration::Calibrations;
use crate::{Error, Perturbation};

/// What all objects of one device share. Every object keeps it, directly or through its lane.
///
/// # Invariant
///
/// `logical` is destroyed last, and everything made from it is destroyed by its owner before.
pub(super) struct Core {
    pub(super) programs: Programs,
    pub(super) queues: Box<[HardwareQueue]>,
    pub(super) busy: BusyTime,
    pub(super) clock: OnceLock<Clock>,
    pub(super) calibrations: Calibrations,
    pub(super) perturbation: Perturbation,
    pub(super) logical: Logical,
}

/// A logical device, destroyed when dropped, and its instance after it.
pub(super) struct Logical {
    pub(super) device: ash::Device,
    pub(super) push: khr::push_descriptor::Device,
    /// `None` where the driver does not tell the two clocks together.
    pub(super) host_clock: Option<HostClock>,
    pub(super) memory: vk::PhysicalDeviceMemoryProperties,
    pub(super) physical: Physical,
    pub(super) family: physical::Family,
    _instance: Instance,
}

/// A `VkQueue`, and the lock that the standard demands round submissions to it.
// Aligned so that queues do not share cache lines.
#[repr(align(128))]
pub(super) struct HardwareQueue {
    handle: vk::Queue,
    /// `None` where the queue locks for itself.
    lock: Option<Mutex<()>>,
}

impl Core {
    pub(super) fn new(
        settings: &VulkanSettings,
        perturbation: Perturbation,
    ) -> Result<Self, Error> {
        let instance = Instance::new()?;
        let mut devices = physical::list(&instance)?;
        let chosen = physical::choose(&devices, settings.index)?;
        let physical = devices.swap_remove(chosen);
        let family = physical.usable().map_err(|_| physical.lacking(chosen))?;
        let queues = settings.queues.get();
        let logical = Logical::new(instance, physical, family, queues)?;
        let queues = logical.queues(queues);
        Ok(Self {
            programs: Programs::new(&logical)?,
            queues,
            busy: BusyTime::default(),
            clock: OnceLock::new(),
            calibrations: Calibrations::new(settings.timed.clone()),
            perturbation,
            logical,
        })
    }

    pub(super) fn device(&self) -> &ash::Device {
        &self.logical.device
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // SAFETY: this is the device's last user, so nobody submits meanwhile. If the device is
        // lost, nothing runs on it either.
        let _ = unsafe { self.device().device_wait_idle() };
    }
}

impl Logical {
    fn new(
        instance: Instance,
        physical: Physical,
        family: physical::Family,
        queues: u32,
    ) -> Result<Self, Error> {
        if queues > family.queues {
            return Err(Error::TooFewQueues {
                asked: queues,
                family: family.index,
                queues: family.queues,
                name: physical.name.clone(),
            });
        }
        let mut extensions = vec![khr::push_descriptor::NAME.as_ptr()];
        if physical.has_portability_subset {
            extensions.push(khr::portability_subset::NAME.as_ptr());
        }
        let tells_host_clock = physical.has_calibrated_timestamps
            && HostClock::is_possible(&instance, physical.handle);
        if tells_host_clock {
            extensions.push(ext::calibrated_timestamps::NAME.as_ptr());
        }
        let priorities = vec![1.0; queues as usize];
        let queue_info = [vk::DeviceQueueCreateInfo::default()
            .queue_family_index(family.index)
            .queue_priorities(&priorities)
            .flags(physical.queue_flags())];
        let mut synchronized = synchronized_queues::Features::new(true);
        let mut info = vk::DeviceCreateInfo::default().queue_create_infos(&queue_info);
        if physical.has_synchronized_queues {
            extensions.push(synchronized_queues::NAME.as_ptr());
            info.p_next = (&raw mut synchronized).cast();
        }
        let info = info.enabled_extension_names(&extensions);
        // SAFETY: the handle is of this instance, and everything that `info` points to outlives
        // the call.
        let device = unsafe { instance.raw().create_device(physical.handle, &info, None) };
        let device = device.map_err(refused("vkCreateDevice"))?;
        Ok(Self {
            push: khr::push_descriptor::Device::new(instance.raw(), &device),
            // SAFETY: as above.
            memory: unsafe {
                instance
                    .raw()
                    .get_physical_device_memory_properties(physical.handle)
            },
            host_clock: tells_host_clock.then(|| HostClock::new(&instance, &device)),
            device,
            physical,
            family,
            _instance: instance,
        })
    }

    fn queues(&self, count: u32) -> Box<[HardwareQueue]> {
        (0..count)
            .map(|queue_index| HardwareQueue {
                handle: self.queue(queue_index),
                lock: (!self.physical.has_synchronized_queues).then(Mutex::default),
            })
            .collect()
    }

    fn queue(&self, queue_index: u32) -> vk::Queue {
        let flags = self.physical.queue_flags();
        // SAFETY: the device was made with this family, these flags, and more than `queue_index`
        // queues.
        unsafe {
            if flags.is_empty() {
                self.device.get_device_queue(self.family.index, queue_index)
            } else {
                let info = vk::DeviceQueueInfo2::default()
                    .flags(flags)
                    .queue_family_index(self.family.index)
                    .queue_index(queue_index);
                self.device.get_device_queue2(&info)
            }
        }
    }
}

impl Physical {
    fn queue_flags(&self) -> vk::DeviceQueueCreateFlags {
        if self.has_synchronized_queues {
            synchronized_queues::QUEUE_FLAG
        } else {
            vk::DeviceQueueCreateFlags::empty()
        }
    }
}

impl Drop for Logical {
    fn drop(&mut self) {
        // SAFETY: by the invariant of `Core` nothing made from it is left.
        unsafe { self.device.destroy_device(None) };
    }
}

impl HardwareQueue {
    /// The handle's value: the queue's identity.
    pub(super) fn address(&self) -> usize {
        address(self.handle.as_raw())
    }

    /// Hands one command buffer to the queue.
    ///
    /// # Safety
    /// `commands` is recorded and not in use, `fence` neither signalled nor in use; both are of
    /// this queue's device, and no other call on them overlaps with this one.
    pub(super) unsafe fn submit(
        &self,
        core: &Core,
        commands: vk::CommandBuffer,
        fence: vk::Fence,
    ) -> Result<(), Error> {
        let commands = [commands];
        let submission = [vk::SubmitInfo::default().command_buffers(&commands)];
        let _alone: Option<MutexGuard<'_, ()>> = self.lock.as_ref().map(Mutex::lock);
        core.perturbation.submit();
        // SAFETY: the caller's promises; of the queue's users each holds its lock, unless the
        // queue locks for itself.
        unsafe { core.device().queue_submit(self.handle, &submission, fence) }
            .map_err(refused("vkQueueSubmit"))
    }
}

/// A handle as an address to lock at. Where it does not fit into one, several handles share an
/// address, and so a lock, which costs time but no safety.
pub(super) fn address(handle: u64) -> usize {
    usize::try_from(handle).unwrap_or(usize::MAX)
}

/// Whether two objects are of one device.
pub(super) fn same(a: &Arc<Core>, b: &Arc<Core>) -> bool {
    Arc::ptr_eq(a, b)
}
