//! Apple GPUs, through Metal.
//!
//! **Type-checked for Apple's target, never linked or run**: no such machine was at hand. What does not
//! need one (the shaders' text, the busy time, what a dispatch tells its shader, the order of calls, the
//! calibration) is shared with other devices or tested without.
//!
//! | [`Device`] | Metal |
//! |---|---|
//! | lane | one of the device's `MTLCommandQueue`s: number *i* mod the number of queues |
//! | command buffer | a `commandBuffer` of the queue, which retains what it uses |
//! | encoder | a `computeCommandEncoder`, which runs its dispatches one after another |
//! | `set_pipeline` | `setComputePipelineState:`, and what the kernel needs beside the slots |
//! | `set_buffer` | `setBuffer:offset:atIndex:` |
//! | `set_value` | `setBytes:length:atIndex:` of the shaders' `Arguments`, as far as they are known |
//! | `dispatch` | the same once more, now complete, `dispatchThreadgroups:threadsPerThreadgroup:` |
//! | `wait` | `waitUntilCompleted`, then `GPUStartTime` and `GPUEndTime` |
//!
//! Metal's own hazard tracking orders a dispatch after the earlier ones of its queue whose buffers it
//! uses. Nothing of ours locks between the caller and the driver.
//!
//! # Autorelease pools
//!
//! Calls may leave objects in the thread's pool. An op has one ([`Device::op`]), and so has each call that is
//! made outside of ops. The factories have one more each: what they return would otherwise have a
//! reference in the op's pool, and might be freed at the op's end, under no lock of the caller's.
//!
//! # Invariant
//!
//! A *message rule* stands behind every message here: its receiver is a live object of a class that
//! implements the protocol that it is typed by, which `objc2-metal` and a reference count see to; and
//! messages that Metal wants kept apart are kept apart by the caller's contract of [`Device`].

mod busy;
mod calibrated;
mod core;
mod held;
mod recording;
mod settings;

use std::sync::Arc;

use locktoll_guard::Address;
use objc2::rc::autoreleasepool;
use objc2_foundation::NSProcessInfo;
use objc2_metal::MTLDevice as _;

use self::core::{Buffer, Core, Lane, PipelineObject};
use self::held::{Encoder, Held, address};
use self::recording::Recording;
pub use self::settings::MetalSettings;
use crate::busy::DeviceInterval;
use crate::choice::{Availability, DeviceChoice, KnownDevice};
use crate::lifecycle::EncoderSerial;
use crate::{
    Device, DeviceInfo, DeviceKind, Error, Kernel, Located, Perturbation, Scope, TimedWork,
};

/// The system's default GPU.
///
/// Objects of one device are refused by another. **Type-checked, never linked or run.**
pub struct MetalDevice {
    core: Arc<Core>,
    settings: MetalSettings,
}

/// A lane of a [`MetalDevice`] to one of its command queues.
pub struct MetalQueue(Arc<Lane>);

/// A command buffer of a [`MetalDevice`].
pub struct MetalCommandBuffer(Arc<Recording>);

/// An encoder of a [`MetalDevice`].
pub struct MetalEncoder {
    recording: Arc<Recording>,
    serial: EncoderSerial,
    object: Held<Encoder>,
}

/// A buffer of a [`MetalDevice`], in memory that it shares with the host.
pub struct MetalBuffer {
    core: Arc<Core>,
    object: Buffer,
}

/// A kernel of a [`MetalDevice`].
pub struct MetalPipeline {
    core: Arc<Core>,
    object: Arc<PipelineObject>,
}

impl MetalDevice {
    /// A device with these settings.
    ///
    /// # Errors
    /// [`Error::NoMetalDevice`], and what the driver refuses.
    pub fn new(settings: &MetalSettings) -> Result<Self, Error> {
        Self::perturbed(settings, Perturbation::default())
    }

    /// The same, with known times added to its work. What belongs to the soft device alone is left
    /// out.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn perturbed(settings: &MetalSettings, perturbation: Perturbation) -> Result<Self, Error> {
        let core = autoreleasepool(|_| Core::new(settings, perturbation))?;
        Ok(Self {
            core: Arc::new(core),
            settings: settings.clone(),
        })
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
    pub fn time_ns(&self, pipeline: &MetalPipeline) -> Result<u64, Error> {
        self.core.calibrations.time_ns(&self.core, &pipeline.object)
    }
}

/// The device as [`devices`](crate::devices) lists it.
pub(crate) fn known() -> KnownDevice {
    let name = DeviceChoice::Metal.to_string();
    let summary =
        autoreleasepool(|_| core::system_default().map(|device| device.name().to_string()));
    match summary {
        Ok(summary) => KnownDevice {
            name,
            summary,
            availability: Availability::Available,
        },
        Err(error) => KnownDevice {
            name,
            summary: "Apple GPUs".to_owned(),
            availability: Availability::Missing {
                what: error.to_string(),
                remedy: "run it in a session that may use the GPU, on a Mac that has one"
                    .to_owned(),
            },
        },
    }
}

/// Whether there is a device.
pub(crate) fn is_there() -> bool {
    autoreleasepool(|_| core::system_default().is_ok())
}

impl MetalCommandBuffer {
    /// When the command buffer occupied the device; `None` before it has been waited for, and on a
    /// device without timestamps.
    pub fn device_interval(&self) -> Option<DeviceInterval> {
        self.0.interval()
    }
}

impl Device for MetalDevice {
    type Queue = MetalQueue;
    type CommandBuffer = MetalCommandBuffer;
    type Encoder = MetalEncoder;
    type Buffer = MetalBuffer;
    type Pipeline = MetalPipeline;

    fn info(&self) -> DeviceInfo {
        let (name, system) = autoreleasepool(|_| {
            let system = NSProcessInfo::processInfo().operatingSystemVersionString();
            (self.core.device.name().to_string(), system.to_string())
        });
        let mut model_notes = vec![
            "The metal device was type-checked, but never linked or run, when it was written: no such \
             machine was at hand."
                .to_owned(),
            "Metal orders a dispatch after earlier ones of its queue that use the same buffers."
                .to_owned(),
        ];
        model_notes.extend(self.core.calibrations.notes());
        DeviceInfo {
            name,
            driver: format!("Metal of macOS {system}"),
            kind: DeviceKind::Hardware,
            settings: self.settings.to_string(),
            requires: Some(Scope::Encoder),
            model_notes,
        }
    }

    fn queue(&self, index: usize) -> Result<MetalQueue, Error> {
        Lane::new(&self.core, index, self.settings.timestamps)
            .map(Arc::new)
            .map(MetalQueue)
    }

    /// Calibrates a [`Kernel::Timed`] the first time that it is asked for; other work on the device
    /// would disturb that. What takes the time asked for is a command buffer with one such dispatch.
    fn pipeline(&self, kernel: Kernel) -> Result<MetalPipeline, Error> {
        let core = &self.core;
        let object = match (core.find(kernel), kernel) {
            (Some(object), _) => object,
            (None, Kernel::Timed { duration_ns }) => {
                core.calibrations.calibrate(core, duration_ns)?
            }
            (None, Kernel::Axpy | Kernel::MlpLayer { .. }) => {
                let object = core.make(kernel)?;
                object.program.set_ready();
                object
            }
        };
        Ok(MetalPipeline {
            core: Arc::clone(core),
            object,
        })
    }

    fn buffer(&self, contents: &[f32]) -> Result<MetalBuffer, Error> {
        Ok(MetalBuffer {
            core: Arc::clone(&self.core),
            object: self.core.buffer(contents)?,
        })
    }

    fn read(&self, buffer: &MetalBuffer) -> Vec<f32> {
        buffer.object.read()
    }

    fn op<R>(&self, body: impl FnOnce() -> R) -> R {
        autoreleasepool(|_| body())
    }

    unsafe fn command_buffer(&self, queue: &MetalQueue) -> Result<MetalCommandBuffer, Error> {
        // SAFETY: the caller's contract for the queue is the recording's.
        let recording = unsafe { Recording::begin(&queue.0)? };
        Ok(MetalCommandBuffer(Arc::new(recording)))
    }

    unsafe fn encoder(&self, commands: &MetalCommandBuffer) -> Result<MetalEncoder, Error> {
        let recording = &commands.0;
        // SAFETY: the caller's contract for the command buffer is the recording's.
        let (serial, object) = unsafe { recording.open_encoder()? };
        Ok(MetalEncoder {
            recording: Arc::clone(recording),
            serial,
            object,
        })
    }

    unsafe fn set_pipeline(
        &self,
        encoder: &MetalEncoder,
        pipeline: &MetalPipeline,
    ) -> Result<(), Error> {
        // SAFETY: the caller's contract for the encoder is the recording's.
        unsafe { encoder.recording.set_pipeline(encoder, pipeline) }
    }

    unsafe fn set_buffer(
        &self,
        encoder: &MetalEncoder,
        index: usize,
        buffer: &MetalBuffer,
    ) -> Result<(), Error> {
        // SAFETY: the caller's contract for the encoder is the recording's.
        unsafe { encoder.recording.set_buffer(encoder, index, buffer) }
    }

    unsafe fn set_value(
        &self,
        encoder: &MetalEncoder,
        index: usize,
        value: f32,
    ) -> Result<(), Error> {
        // SAFETY: the caller's contract for the encoder is the recording's.
        unsafe { encoder.recording.set_value(encoder, index, value) }
    }

    unsafe fn dispatch(&self, encoder: &MetalEncoder, threads: usize) -> Result<(), Error> {
        // SAFETY: the caller's contract for the encoder is the recording's.
        unsafe { encoder.recording.dispatch(encoder, threads) }
    }

    unsafe fn end_encoding(&self, encoder: &MetalEncoder) -> Result<(), Error> {
        // SAFETY: the caller's contract for the encoder is the recording's.
        unsafe { encoder.recording.end_encoding(encoder) }
    }

    unsafe fn commit(&self, commands: &MetalCommandBuffer) -> Result<(), Error> {
        // SAFETY: the caller's contract for the command buffer is the recording's.
        unsafe { commands.0.commit() }
    }

    fn wait(&self, commands: &MetalCommandBuffer) -> Result<(), Error> {
        commands.0.wait()
    }

    /// One engine; none without timestamps. What was committed counts from its wait, or, where it was
    /// dropped before, from the first reading after its end.
    fn busy_ns(&self) -> Vec<u64> {
        if self.settings.timestamps {
            vec![autoreleasepool(|_| self.core.busy.nanoseconds())]
        } else {
            Vec::new()
        }
    }
}

impl Located for MetalQueue {
    fn address(&self) -> Address {
        let queue = self.0.queue_address();
        Address {
            queue,
            encoder: queue,
        }
    }
}

impl Located for Recording {
    fn address(&self) -> Address {
        Address {
            queue: self.lane().queue_address(),
            encoder: address(self.commands()),
        }
    }
}

impl Located for MetalCommandBuffer {
    fn address(&self) -> Address {
        Located::address(&*self.0)
    }
}

impl Located for MetalEncoder {
    fn address(&self) -> Address {
        Located::address(&*self.recording)
    }
}
