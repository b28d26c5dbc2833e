//! Command buffers and encoders: one recording, and the driver calls that make it.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

use ash::vk;

use super::buffer::VulkanBuffer;
use super::core;
use super::lane::{Handles, Lane, Past, Slot};
use super::pipeline::{PipelineObject, VulkanPipeline};
use super::refusal::refused;
use super::retained::Retained;
use crate::arguments::Arguments;
use crate::busy::DeviceInterval;
use crate::lifecycle::{EncoderSerial, Lifecycle};
use crate::program::{DIMENSIONS_OFFSET, SINK, value_offset};
use crate::{Error, Kernel};

/// What one command buffer and its encoders share.
///
/// All of it may be used by several threads at once, even against the contract of
/// [`Device`](crate::Device): then the driver's state is undefined, but not this.
pub(super) struct Recording {
    lane: Arc<Lane>,
    handles: Handles,
    retained: Retained,
    lifecycle: Lifecycle,
    arguments: Arguments,
    /// Null, or an object that the device keeps: see [`Programs`](super::pipeline::Programs).
    pipeline: AtomicPtr<PipelineObject>,
    /// Whether it has a dispatch that a further one must come after.
    has_dispatch: AtomicBool,
    /// Set by the first who has waited for it.
    waited: AtomicBool,
    /// Known once it has been waited for, on a lane with timestamps.
    interval: OnceLock<DeviceInterval>,
}

impl Recording {
    /// # Safety
    /// The contract of [`Device`](crate::Device), for the lane.
    pub(super) unsafe fn begin(lane: &Arc<Lane>) -> Result<Self, Error> {
        // SAFETY: the caller's promise.
        let slot = unsafe { lane.begin()? };
        Ok(Self {
            lane: Arc::clone(lane),
            handles: slot.handles,
            retained: slot.retained,
            lifecycle: Lifecycle::default(),
            arguments: Arguments::default(),
            pipeline: AtomicPtr::default(),
            has_dispatch: AtomicBool::new(false),
            waited: AtomicBool::new(false),
            interval: OnceLock::new(),
        })
    }

    pub(super) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    pub(super) fn interval(&self) -> Option<DeviceInterval> {
        self.interval.get().copied()
    }

    fn device(&self) -> &ash::Device {
        self.lane.core.device()
    }

    /// No call of the driver: Vulkan has no encoders.
    pub(super) fn open_encoder(&self) -> Result<EncoderSerial, Error> {
        let serial = self.lifecycle.open_encoder()?;
        self.arguments.clear();
        self.pipeline.store(ptr::null_mut(), Ordering::Release);
        Ok(serial)
    }

    /// No call of the driver, as above.
    pub(super) fn end_encoding(&self, encoder: EncoderSerial) -> Result<(), Error> {
        self.lifecycle.end_encoding(encoder)
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn set_pipeline(
        &self,
        encoder: EncoderSerial,
        pipeline: &VulkanPipeline,
    ) -> Result<(), Error> {
        let call = "set_pipeline";
        self.lifecycle.check_open(encoder, call)?;
        if !core::same(&pipeline.core, &self.lane.core) {
            return Err(Error::OtherDevice { call });
        }
        let object = Arc::as_ptr(&pipeline.object).cast_mut();
        self.pipeline.store(object, Ordering::Release);
        // SAFETY: the command buffer is recording, and the pipeline is of its device; else the
        // caller's promise.
        unsafe {
            self.device().cmd_bind_pipeline(
                self.handles.commands,
                vk::PipelineBindPoint::COMPUTE,
                pipeline.object.handle,
            );
        }
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn set_buffer(
        &self,
        encoder: EncoderSerial,
        index: usize,
        buffer: &VulkanBuffer,
    ) -> Result<(), Error> {
        let call = "set_buffer";
        self.lifecycle.check_open(encoder, call)?;
        let slot = self.arguments.slot(index)?;
        if !core::same(&buffer.0.core, &self.lane.core) {
            return Err(Error::OtherDevice { call });
        }
        self.retained.keep(&buffer.0);
        slot.holds_buffer(buffer.0.len);
        // SAFETY: the buffer is of this device and was just kept; else the caller's promise.
        unsafe { self.bind(slot.index, buffer.0.memory.handle) };
        Ok(())
    }

    /// # Safety
    /// The buffer is of this device and outlives the command buffer's execution. The contract of
    /// [`Device`](crate::Device), for this encoder.
    unsafe fn bind(&self, binding: u32, buffer: vk::Buffer) {
        let core = &self.lane.core;
        let whole = [vk::DescriptorBufferInfo::default()
            .buffer(buffer)
            .range(vk::WHOLE_SIZE)];
        let write = [vk::WriteDescriptorSet::default()
            .dst_binding(binding)
            .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
            .buffer_info(&whole)];
        // SAFETY: the caller's promise; the layout has this binding in its set 0.
        unsafe {
            core.logical.push.cmd_push_descriptor_set(
                self.handles.commands,
                vk::PipelineBindPoint::COMPUTE,
                core.programs.layout,
                0,
                &write,
            );
        }
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn set_value(
        &self,
        encoder: EncoderSerial,
        index: usize,
        value: f32,
    ) -> Result<(), Error> {
        self.lifecycle.check_open(encoder, "set_value")?;
        let slot = self.arguments.slot(index)?;
        slot.holds_value();
        // SAFETY: the caller's promise.
        unsafe { self.push(value_offset(slot.index), &value.to_ne_bytes()) };
        Ok(())
    }

    /// # Safety
    /// `bytes` fit into the layout's push constants at `offset`. The contract of
    /// [`Device`](crate::Device), for this encoder.
    unsafe fn push(&self, offset: u32, bytes: &[u8]) {
        // SAFETY: the caller's promise.
        unsafe {
            self.device().cmd_push_constants(
                self.handles.commands,
                self.lane.core.programs.layout,
                vk::ShaderStageFlags::COMPUTE,
                offset,
                bytes,
            );
        }
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn dispatch(
        &self,
        encoder: EncoderSerial,
        threads: usize,
    ) -> Result<(), Error> {
        self.lifecycle.check_open(encoder, "dispatch")?;
        let pipeline = self.pipeline.load(Ordering::Acquire);
        // SAFETY: the device keeps what the pointer may point to, and the lane the device.
        let program = &unsafe { pipeline.as_ref() }
            .ok_or(Error::NoPipeline)?
            .program;
        let threads = self.arguments.check(program.kernel, threads)?;
        let (wanted, dimensions) = program.shape(threads);
        let [most, ..] = self
            .lane
            .core
            .logical
            .physical
            .limits
            .max_compute_work_group_count;
        // SAFETY: the caller's promise. The slots hold what the kernel touches, and the sink lives
        // as long as the device.
        unsafe {
            if matches!(program.kernel, Kernel::Timed { .. }) {
                self.bind(SINK, self.lane.core.programs.sink.handle);
            }
            self.push(DIMENSIONS_OFFSET, &dimensions.bytes());
            // What was waited for is over, and visible.
            if self.has_dispatch.swap(true, Ordering::AcqRel) || !self.lane.is_settled() {
                self.see_earlier_writes();
            }
            self.device()
                .cmd_dispatch(self.handles.commands, wanted.min(most), 1, 1);
        }
        Ok(())
    }

    /// Orders what follows after all earlier dispatches of the queue, those of other command
    /// buffers included, so that it sees what they wrote. Metal does the same for what its hazard
    /// tracking finds. Only for what this lane has in flight: a barrier holds the whole queue up,
    /// and lanes do not read what others write without a wait between.
    ///
    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    unsafe fn see_earlier_writes(&self) {
        let after = vk::AccessFlags::SHADER_READ | vk::AccessFlags::SHADER_WRITE;
        // SAFETY: the caller's promise.
        unsafe { self.barrier(vk::PipelineStageFlags::COMPUTE_SHADER, after) };
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this command buffer.
    unsafe fn barrier(&self, stage: vk::PipelineStageFlags, access: vk::AccessFlags) {
        let writes = [vk::MemoryBarrier::default()
            .src_access_mask(vk::AccessFlags::SHADER_WRITE)
            .dst_access_mask(access)];
        // SAFETY: the caller's promise.
        unsafe {
            self.device().cmd_pipeline_barrier(
                self.handles.commands,
                vk::PipelineStageFlags::COMPUTE_SHADER,
                stage,
                vk::DependencyFlags::empty(),
                &writes,
                &[],
                &[],
            );
        }
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this command buffer.
    pub(super) unsafe fn commit(&self) -> Result<(), Error> {
        let was_ended = self.lifecycle.begin_commit()?;
        if !was_ended {
            // A command buffer that cannot be ended is lost; it stays as if the commit went on.
            // SAFETY: the caller's promise, and by the lifecycle nobody commits beside this.
            unsafe { self.end()? };
        }
        let Handles {
            commands, fence, ..
        } = self.handles;
        // SAFETY: as above. The recording is ended, and its fence was reset when it began.
        let submitted = unsafe { self.lane.queue().submit(&self.lane.core, commands, fence) };
        match submitted {
            Ok(()) => {
                self.lane.committed();
                self.lifecycle.commit_done();
            }
            Err(_) => self.lifecycle.commit_failed(true),
        }
        submitted
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this command buffer.
    unsafe fn end(&self) -> Result<(), Error> {
        let Handles {
            commands, queries, ..
        } = self.handles;
        // SAFETY: the caller's promise.
        unsafe {
            self.barrier(vk::PipelineStageFlags::HOST, vk::AccessFlags::HOST_READ);
            if self.lane.takes_timestamps {
                let stage = vk::PipelineStageFlags::BOTTOM_OF_PIPE;
                self.device()
                    .cmd_write_timestamp(commands, stage, queries, 1);
            }
            self.device()
                .end_command_buffer(commands)
                .map_err(refused("vkEndCommandBuffer"))
        }
    }

    pub(super) fn wait(&self) -> Result<(), Error> {
        if !self.lifecycle.is_committed() {
            return Err(Error::NotCommitted);
        }
        if !self.waited.load(Ordering::Acquire) {
            self.lane.wait(&self.handles)?;
            self.lane.collect_once(&self.handles, &self.interval)?;
            if !self.waited.swap(true, Ordering::AcqRel) {
                self.lane.finished();
            }
        }
        Ok(())
    }

    /// The raw timestamps, once the device has completed it.
    pub(super) fn wait_for_timestamps(&self) -> Result<[u64; 2], Error> {
        self.lane.wait(&self.handles)?;
        self.lane.timestamps(&self.handles)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let slot = Slot {
            handles: self.handles,
            retained: std::mem::take(&mut self.retained),
            past: if self.lifecycle.is_recording() {
                Past::Unfinished
            } else {
                Past::Ended
            },
        };
        if self.lifecycle.is_committed() && !self.waited.load(Ordering::Acquire) {
            self.lane.abandon(slot);
        } else {
            self.lane.give_back(slot);
        }
    }
}
