//! A command buffer and its encoders: the order of calls, which Metal would answer by ending the
//! process, and the messages.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use objc2::rc::{Retained, autoreleasepool};
use objc2_metal::{
    MTLCommandBuffer as _, MTLCommandBufferStatus, MTLCommandEncoder as _, MTLCommandQueue as _,
    MTLComputeCommandEncoder as _, MTLSize,
};

use super::busy;
use super::core::{Core, Lane, PipelineObject, nothing};
use super::held::{Commands, Encoder, Held};
use super::{MetalBuffer, MetalEncoder, MetalPipeline};
use crate::arguments::Arguments;
use crate::busy::DeviceInterval;
use crate::lifecycle::{EncoderSerial, Lifecycle};
use crate::program::{DIMENSIONS_OFFSET, Dimensions, SINK};
use crate::shaders::ARGUMENTS;
use crate::{Error, Kernel, SLOTS};

/// Bytes of the shaders' `Arguments`.
const ARGUMENTS_BYTES: usize = (DIMENSIONS_OFFSET + Dimensions::BYTES) as usize;

/// What one command buffer and its encoders share.
///
/// All of it may be used by several threads at once, even against the contract of
/// [`Device`](crate::Device): then the driver may end the process, but not by this.
pub(super) struct Recording {
    lane: Arc<Lane>,
    commands: Held<Commands>,
    lifecycle: Lifecycle,
    arguments: Arguments,
    /// The slots' numbers, as bits.
    values: [AtomicU32; SLOTS],
    /// Null, or an object that the device keeps; see [`Core`].
    pipeline: AtomicPtr<PipelineObject>,
    /// A reference to the encoder that is open, or null: Metal ends the process if one is released
    /// before it has ended.
    open: AtomicPtr<Encoder>,
    /// Known once it has been waited for, on a lane with timestamps.
    interval: OnceLock<Option<DeviceInterval>>,
}

impl Recording {
    /// # Safety
    /// The contract of [`Device`](crate::Device), for the lane.
    pub(super) unsafe fn begin(lane: &Arc<Lane>) -> Result<Self, Error> {
        let commands = autoreleasepool(|_| lane.queue().commandBuffer());
        Ok(Self {
            lane: Arc::clone(lane),
            commands: Held::new(commands.ok_or_else(|| nothing("commandBuffer"))?),
            lifecycle: Lifecycle::default(),
            arguments: Arguments::default(),
            values: Default::default(),
            pipeline: AtomicPtr::default(),
            open: AtomicPtr::default(),
            interval: OnceLock::new(),
        })
    }

    pub(super) fn lane(&self) -> &Lane {
        &self.lane
    }

    pub(super) fn commands(&self) -> &Commands {
        &self.commands
    }

    pub(super) fn interval(&self) -> Option<DeviceInterval> {
        self.interval.get().copied().flatten()
    }

    fn core(&self) -> &Arc<Core> {
        &self.lane.core
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for the command buffer.
    pub(super) unsafe fn open_encoder(&self) -> Result<(EncoderSerial, Held<Encoder>), Error> {
        let serial = self.lifecycle.open_encoder()?;
        self.arguments.clear();
        self.pipeline.store(ptr::null_mut(), Ordering::Release);
        let encoder = autoreleasepool(|_| self.commands.computeCommandEncoder());
        let Some(encoder) = encoder.map(Held::new) else {
            // There is none that could be ended.
            self.lifecycle.end_encoding(serial)?;
            return Err(nothing("computeCommandEncoder"));
        };
        self.open
            .store(encoder.clone().into_raw(), Ordering::Release);
        Ok((serial, encoder))
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn set_pipeline(
        &self,
        encoder: &MetalEncoder,
        pipeline: &MetalPipeline,
    ) -> Result<(), Error> {
        let call = "set_pipeline";
        self.lifecycle.check_open(encoder.serial, call)?;
        if !Arc::ptr_eq(self.core(), &pipeline.core) {
            return Err(Error::OtherDevice { call });
        }
        let object = &pipeline.object;
        let place = Arc::as_ptr(object).cast_mut();
        self.pipeline.store(place, Ordering::Release);
        encoder.object.setComputePipelineState(&object.state);
        for (index, bytes) in object.shared.iter().enumerate() {
            // SAFETY: the index is one of the function's, which has no more of them than the shader has
            // variables in this memory; the length is a multiple of 16 bytes, as Metal asks.
            unsafe {
                encoder
                    .object
                    .setThreadgroupMemoryLength_atIndex(*bytes, index);
            }
        }
        if matches!(object.program.kernel, Kernel::Timed { .. }) {
            let sink = &*self.lane.sink.object;
            // SAFETY: the offset is 0, the index below Metal's 31; the command buffer retains the sink.
            unsafe {
                encoder
                    .object
                    .setBuffer_offset_atIndex(Some(sink), 0, SINK as usize);
            }
        }
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn set_buffer(
        &self,
        encoder: &MetalEncoder,
        index: usize,
        buffer: &MetalBuffer,
    ) -> Result<(), Error> {
        let call = "set_buffer";
        self.lifecycle.check_open(encoder.serial, call)?;
        let slot = self.arguments.slot(index)?;
        if !Arc::ptr_eq(self.core(), &buffer.core) {
            return Err(Error::OtherDevice { call });
        }
        slot.holds_buffer(buffer.object.len);
        let buffer = &*buffer.object.object;
        // SAFETY: the offset is 0 and the slot exists, so its index is below Metal's 31; the command
        // buffer retains the buffer; what kernels touch of it is checked by `dispatch`.
        unsafe {
            encoder
                .object
                .setBuffer_offset_atIndex(Some(buffer), 0, index);
        }
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn set_value(
        &self,
        encoder: &MetalEncoder,
        index: usize,
        value: f32,
    ) -> Result<(), Error> {
        self.lifecycle.check_open(encoder.serial, "set_value")?;
        self.arguments.slot(index)?.holds_value();
        self.values[index].store(value.to_bits(), Ordering::Relaxed);
        self.tell(&encoder.object, Dimensions::default());
        Ok(())
    }

    /// Copies the shaders' `Arguments` into the command buffer.
    fn tell(&self, encoder: &Encoder, dimensions: Dimensions) {
        let mut arguments = [0_u8; ARGUMENTS_BYTES];
        let (values, rest) = arguments.split_at_mut(DIMENSIONS_OFFSET as usize);
        for (bytes, value) in values.chunks_exact_mut(4).zip(&self.values) {
            bytes.copy_from_slice(&value.load(Ordering::Relaxed).to_ne_bytes());
        }
        rest.copy_from_slice(&dimensions.bytes());
        let bytes = NonNull::from(&mut arguments).cast::<c_void>();
        // SAFETY: so many bytes live through the call, in which Metal copies them; the index is below
        // its 31.
        unsafe {
            encoder.setBytes_length_atIndex(bytes, ARGUMENTS_BYTES, ARGUMENTS as usize);
        }
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn dispatch(
        &self,
        encoder: &MetalEncoder,
        threads: usize,
    ) -> Result<(), Error> {
        self.lifecycle.check_open(encoder.serial, "dispatch")?;
        let pipeline = self.pipeline.load(Ordering::Acquire);
        // SAFETY: null, or an object that the device keeps by the invariant of `Core`, and the lane keeps
        // the device.
        let pipeline = unsafe { pipeline.as_ref() }.ok_or(Error::NoPipeline)?;
        let threads = self.arguments.check(pipeline.program.kernel, threads)?;
        let (groups, dimensions) = pipeline.program.shape(threads);
        self.tell(&encoder.object, dimensions);
        // A threadgroup more than there is work for finds nothing to do; Metal wants one at least.
        let groups = line(groups.max(1) as usize);
        encoder
            .object
            .dispatchThreadgroups_threadsPerThreadgroup(groups, line(pipeline.width));
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn end_encoding(&self, encoder: &MetalEncoder) -> Result<(), Error> {
        // By the lifecycle nobody ends it beside this.
        self.lifecycle.end_encoding(encoder.serial)?;
        encoder.object.endEncoding();
        drop(self.take_open());
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this command buffer.
    pub(super) unsafe fn commit(&self) -> Result<(), Error> {
        // By the lifecycle no encoder is open, and nobody commits beside this.
        self.lifecycle.begin_commit()?;
        let core = self.core();
        if core.perturbation.delays_submission() {
            let _turn = core.submitting.lock();
            core.perturbation.submit();
            self.commands.commit();
        } else {
            self.commands.commit();
        }
        self.lifecycle.commit_done();
        Ok(())
    }

    pub(super) fn wait(&self) -> Result<(), Error> {
        if !self.lifecycle.is_committed() {
            return Err(Error::NotCommitted);
        }
        self.commands.waitUntilCompleted();
        if self.commands.status() == MTLCommandBufferStatus::Error {
            let message = self.commands.error().map_or_else(
                || "no reason is known".to_owned(),
                |error| error.localizedDescription().to_string(),
            );
            return Err(Error::Metal {
                call: "waitUntilCompleted",
                message,
            });
        }
        if let Some(times) = &self.lane.times {
            self.interval.get_or_init(|| {
                let interval = busy::interval(&self.commands);
                if let Some(interval) = interval {
                    times.add(interval);
                }
                interval
            });
        }
        Ok(())
    }

    /// The reference to the open encoder, if there is one.
    fn take_open(&self) -> Option<Held<Encoder>> {
        let open = self.open.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: null, or the reference that `open_encoder` gave away, which nobody else can take.
        unsafe { Retained::from_raw(open) }.map(Held::new)
    }
}

/// So many in a line.
const fn line(width: usize) -> MTLSize {
    MTLSize {
        width,
        height: 1,
        depth: 1,
    }
}

impl Drop for Recording {
    /// The last who could use the encoder or the command buffer is gone, so no call can overlap.
    fn drop(&mut self) {
        if let Some(open) = self.take_open() {
            open.endEncoding();
        }
        if let Some(times) = &self.lane.times
            && self.lifecycle.is_committed()
            && self.interval.get().is_none()
        {
            times.abandon(self.commands.clone());
        }
    }
}
