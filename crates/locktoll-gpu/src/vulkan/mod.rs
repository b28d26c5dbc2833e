//! Devices with a Vulkan driver.
//!
//! | [`Device`] | Vulkan |
//! |---|---|
//! | lane | a `VkQueue` (lane *i*: number *i* mod the number of queues), and a `VkCommandPool` of its own |
//! | command buffer | a `VkCommandBuffer` of the lane's pool with a fence and, if asked for, two timestamps; recycled |
//! | encoder | nothing in the driver; the command buffer itself records |
//! | `set_buffer` | `vkCmdPushDescriptorSetKHR` |
//! | `set_value` | `vkCmdPushConstants` |
//! | `dispatch` | push constants, a barrier if the lane has unfinished work, `vkCmdDispatch` |
//! | `commit` | a barrier for the host, `vkEndCommandBuffer`, `vkQueueSubmit` |
//! | `wait` | `vkWaitForFences`, then the timestamps |
//!
//! The standard lets no two threads use one pool or its command buffers at once. So the encoding
//! context, at whose address a per-encoder lock is taken, is the pool, for a lane's queue object as
//! well as for its command buffers: making a command buffer touches the pool too.
//!
//! No lock of ours is held across an encoding call of the driver, with one exception that the
//! standard demands: [`HardwareQueue`](core::HardwareQueue)'s, round the submission. What is shared
//! by lanes is only read while encoding, once each lane has bound its buffers for the first time.

mod buffer;
mod busy;
mod calibrated;
mod core;
mod host_clock;
mod lane;
mod loader;
mod physical;
mod pipeline;
mod probe;
mod recording;
mod refusal;
mod retained;
mod settings;
mod synchronized_queues;
mod timestamps;

use std::sync::Arc;

use locktoll_guard::Address;

pub use self::buffer::VulkanBuffer;
use self::core::Core;
pub use self::host_clock::HostMoment;
use self::lane::Lane;
pub use self::pipeline::VulkanPipeline;
pub(crate) use self::probe::{best_hardware, choose, known};
use self::recording::Recording;
pub use self::settings::VulkanSettings;
use self::timestamps::Clock;
use crate::busy::DeviceInterval;
use crate::lifecycle::EncoderSerial;
use crate::{
    Device, DeviceInfo, DeviceKind, Error, Kernel, Located, Perturbation, Scope, TimedWork,
};

/// A device with a Vulkan driver.
///
/// Objects of one device are refused by another. The device lives until its last object is
/// dropped, and then waits for all its work.
pub struct VulkanDevice {
    core: Arc<Core>,
    settings: VulkanSettings,
}

/// A lane of a [`VulkanDevice`]: one of its queues and a command pool.
pub struct VulkanQueue(Arc<Lane>);

/// A command buffer of a [`VulkanDevice`].
pub struct VulkanCommandBuffer(Arc<Recording>);

/// An encoder of a [`VulkanDevice`].
pub struct VulkanEncoder {
    recording: Arc<Recording>,
    serial: EncoderSerial,
}

impl VulkanDevice {
    /// A device with these settings.
    ///
    /// # Errors
    /// [`Error::NoVulkanLoader`], [`Error::NoVulkanDevice`], [`Error::NoSuchVulkanDevice`],
    /// [`Error::VulkanDeviceLacks`], [`Error::TooFewQueues`], and what the driver refuses.
    pub fn new(settings: &VulkanSettings) -> Result<Self, Error> {
        Self::perturbed(settings, Perturbation::default())
    }

    /// The same, with known times added to its work. What belongs to the soft device alone is left
    /// out.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn perturbed(settings: &VulkanSettings, perturbation: Perturbation) -> Result<Self, Error> {
        let core = Arc::new(Core::new(settings, perturbation)?);
        let device = Self {
            core,
            settings: settings.clone(),
        };
        device.start_clock()?;
        Ok(device)
    }

    /// Reads the device's clock once; from then on its time is counted.
    fn start_clock(&self) -> Result<(), Error> {
        let lane = Arc::new(Lane::new(&self.core, 0, true)?);
        // SAFETY: this thread alone has the lane.
        let empty = unsafe {
            let empty = Recording::begin(&lane)?;
            empty.commit()?;
            empty
        };
        let [_, now] = empty.wait_for_timestamps()?;
        let clock = Clock::new(&self.core.logical, now);
        // Nobody else has the device yet, so this cannot find an earlier clock.
        self.core.clock.get_or_init(|| clock);
        Ok(())
    }

    /// This moment on the device's clock and on the host's; `None` where the driver does not tell
    /// them together. A device clock that wraps round is followed from call to call, so ask at least
    /// once in half a turn (34 s for 36 bits of 1 ns).
    ///
    /// # Errors
    /// What the driver refuses.
    pub fn host_moment(&self) -> Result<Option<HostMoment>, Error> {
        let core = &self.core;
        match (&core.logical.host_clock, core.clock.get()) {
            (Some(host), Some(clock)) => host
                .now(clock)
                .map(Some)
                .map_err(refusal::refused("vkGetCalibratedTimestampsEXT")),
            _ => Ok(None),
        }
    }

    /// The work that was calibrated last.
    pub fn timed_work(&self) -> Option<TimedWork> {
        self.core.calibrations.last()
    }

    /// Device time of a command buffer with one dispatch of a [`Kernel::Timed`], measured now: the
    /// least of a few. Other work on the device would disturb it.
    ///
    /// # Errors
    /// The pipeline is of another device; what the driver refuses.
    pub fn time_ns(&self, pipeline: &VulkanPipeline) -> Result<u64, Error> {
        self.core.calibrations.time_ns(&self.core, &pipeline.object)
    }

    fn notes(&self) -> Vec<String> {
        let logical = &self.core.logical;
        let mut notes = vec![
            if logical.physical.has_synchronized_queues {
                "Submissions are not locked: the queues lock for themselves \
                 (VK_KHR_internally_synchronized_queues, which could not be tested when this was \
                 written, for want of a driver that has it)."
            } else {
                "Each VkQueue has a lock that is held during vkQueueSubmit under every strategy, \
                 `none` included, because Vulkan demands it; it takes less than 20 ns where no \
                 other lane uses the queue."
            }
            .to_owned(),
            "A barrier precedes each dispatch before which its lane has unfinished ones, so that it \
             sees what they wrote; it holds up the other lanes of the queue too."
                .to_owned(),
        ];
        if logical.physical.kind() == DeviceKind::SoftwareRasterizer {
            notes.push(
                "Results are for correctness only: the device computes on the CPU cores that \
                 encoding needs."
                    .to_owned(),
            );
        }
        notes.extend(self.core.calibrations.notes());
        notes
    }
}

impl VulkanCommandBuffer {
    /// When the command buffer occupied the device, by its timestamps; `None` before it has been
    /// waited for.
    pub fn device_interval(&self) -> Option<DeviceInterval> {
        self.0.interval()
    }
}

impl Located for VulkanQueue {
    fn address(&self) -> Address {
        self.0.address()
    }
}

impl Located for VulkanCommandBuffer {
    fn address(&self) -> Address {
        self.0.lane().address()
    }
}

impl Located for VulkanEncoder {
    fn address(&self) -> Address {
        self.recording.lane().address()
    }
}

impl Device for VulkanDevice {
    type Queue = VulkanQueue;
    type CommandBuffer = VulkanCommandBuffer;
    type Encoder = VulkanEncoder;
    type Buffer = VulkanBuffer;
    type Pipeline = VulkanPipeline;

    fn info(&self) -> DeviceInfo {
        let physical = &self.core.logical.physical;
        DeviceInfo {
            name: physical.name.clone(),
            driver: physical.driver.clone(),
            kind: physical.kind(),
            settings: self.settings.to_string(),
            requires: Some(Scope::Encoder),
            model_notes: self.notes(),
        }
    }

    fn queue(&self, index: usize) -> Result<VulkanQueue, Error> {
        Lane::new(&self.core, index, self.settings.timestamps)
            .map(Arc::new)
            .map(VulkanQueue)
    }

    /// Calibrates a [`Kernel::Timed`] the first time that it is asked for; other work on the
    /// device would disturb that. What takes the time asked for (100 µs for `None`) is a command
    /// buffer with one such dispatch: each further one adds that time less what a command buffer
    /// costs by itself.
    fn pipeline(&self, kernel: Kernel) -> Result<VulkanPipeline, Error> {
        let core = &self.core;
        let object = match (core.programs.find(kernel), kernel) {
            (Some(object), _) => object,
            (None, Kernel::Timed { duration_ns }) => {
                core.calibrations.calibrate(core, duration_ns)?
            }
            (None, Kernel::Axpy | Kernel::MlpLayer { .. }) => {
                let object = core.programs.make(kernel)?;
                object.program.set_ready();
                object
            }
        };
        Ok(VulkanPipeline {
            core: Arc::clone(core),
            object,
        })
    }

    fn buffer(&self, contents: &[f32]) -> Result<VulkanBuffer, Error> {
        VulkanBuffer::new(&self.core, contents)
    }

    fn read(&self, buffer: &VulkanBuffer) -> Vec<f32> {
        buffer.read()
    }

    unsafe fn command_buffer(&self, queue: &VulkanQueue) -> Result<VulkanCommandBuffer, Error> {
        // SAFETY: the caller's promise.
        let recording = unsafe { Recording::begin(&queue.0)? };
        Ok(VulkanCommandBuffer(Arc::new(recording)))
    }

    unsafe fn encoder(&self, commands: &VulkanCommandBuffer) -> Result<VulkanEncoder, Error> {
        let recording = &commands.0;
        Ok(VulkanEncoder {
            serial: recording.open_encoder()?,
            recording: Arc::clone(recording),
        })
    }

    unsafe fn set_pipeline(
        &self,
        encoder: &VulkanEncoder,
        pipeline: &VulkanPipeline,
    ) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { encoder.recording.set_pipeline(encoder.serial, pipeline) }
    }

    unsafe fn set_buffer(
        &self,
        encoder: &VulkanEncoder,
        index: usize,
        buffer: &VulkanBuffer,
    ) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { encoder.recording.set_buffer(encoder.serial, index, buffer) }
    }

    unsafe fn set_value(
        &self,
        encoder: &VulkanEncoder,
        index: usize,
        value: f32,
    ) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { encoder.recording.set_value(encoder.serial, index, value) }
    }

    unsafe fn dispatch(&self, encoder: &VulkanEncoder, threads: usize) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { encoder.recording.dispatch(encoder.serial, threads) }
    }

    unsafe fn end_encoding(&self, encoder: &VulkanEncoder) -> Result<(), Error> {
        encoder.recording.end_encoding(encoder.serial)
    }

    unsafe fn commit(&self, commands: &VulkanCommandBuffer) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { commands.0.commit() }
    }

    fn wait(&self, commands: &VulkanCommandBuffer) -> Result<(), Error> {
        commands.0.wait()
    }

    /// One engine; none without timestamps. What was committed counts from its wait, or from when it is found to have
    /// completed after having been dropped. So a reading is exact while nothing is in flight, as
    /// between two iterations of a trial. [`host_moment`](Self::host_moment) relates the device's
    /// clock to the host's for other uses.
    fn busy_ns(&self) -> Vec<u64> {
        if self.settings.timestamps {
            vec![self.core.busy.nanoseconds()]
        } else {
            Vec::new()
        }
    }
}
