//! A command buffer and its encoders: the order of calls, which the driver would answer by ending the
//! process, and the messages.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use locktoll_objc_driver::Pool;
use objc2::msg_send;
use objc2::runtime::AnyObject;

use super::object::{self, Object, Size};
use super::{Core, Lane, PipelineObject};
use crate::arguments::Arguments;
use crate::lifecycle::{EncoderSerial, Lifecycle};
use crate::{Error, Kernel};

/// GPU threads of a threadgroup.
const THREADGROUP: usize = 128;

/// What one command buffer and its encoders share.
///
/// All of it may be used by several threads at once, even against the contract of
/// [`Device`](crate::Device): then the driver may end the process, but not by this.
#[derive(Debug)]
pub(super) struct Recording {
    lane: Arc<Lane>,
    commands: Object,
    lifecycle: Lifecycle,
    arguments: Arguments,
    /// Null, or an object that the device keeps; see [`Core::pipeline`].
    pipeline: AtomicPtr<PipelineObject>,
    /// A reference to the encoder that is open, or null: one that is dropped open must not be released
    /// before it has ended.
    open: AtomicPtr<AnyObject>,
}

impl Recording {
    /// # Safety
    /// The contract of [`Device`](crate::Device), for the lane.
    pub(super) unsafe fn begin(lane: &Arc<Lane>) -> Result<Self, Error> {
        let _pool = Pool::new();
        // SAFETY: a live queue; else the caller's promise.
        let commands = unsafe {
            let commands: *mut AnyObject = msg_send![lane.queue().as_ptr(), commandBuffer];
            Object::retained(commands, "commandBuffer")?
        };
        Ok(Self {
            lane: Arc::clone(lane),
            commands,
            lifecycle: Lifecycle::default(),
            arguments: Arguments::default(),
            pipeline: AtomicPtr::default(),
            open: AtomicPtr::default(),
        })
    }

    pub(super) fn lane(&self) -> &Lane {
        &self.lane
    }

    pub(super) fn commands_address(&self) -> usize {
        self.commands.address()
    }

    fn core(&self) -> &Arc<Core> {
        &self.lane.core
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for the command buffer.
    pub(super) unsafe fn open_encoder(&self) -> Result<(EncoderSerial, Object), Error> {
        let serial = self.lifecycle.open_encoder()?;
        self.arguments.clear();
        self.pipeline.store(ptr::null_mut(), Ordering::Release);
        let _pool = Pool::new();
        // SAFETY: a live command buffer that is not committed and has no open encoder; else the
        // caller's promise.
        let encoder = unsafe {
            let encoder: *mut AnyObject = msg_send![self.commands.as_ptr(), computeCommandEncoder];
            Object::retained(encoder, "computeCommandEncoder")?
        };
        self.open
            .store(encoder.clone().into_ptr(), Ordering::Release);
        Ok((serial, encoder))
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn set_pipeline(
        &self,
        serial: EncoderSerial,
        encoder: &Object,
        pipeline: &Arc<PipelineObject>,
    ) -> Result<(), Error> {
        let call = "set_pipeline";
        self.lifecycle.check_open(serial, call)?;
        if !self.core().is_device(pipeline.device) {
            return Err(Error::OtherDevice { call });
        }
        let place = Arc::as_ptr(pipeline).cast_mut();
        self.pipeline.store(place, Ordering::Release);
        let state = pipeline.state.as_ptr();
        // SAFETY: live objects of one device; else the caller's promise.
        unsafe { msg_send![encoder.as_ptr(), setComputePipelineState: state] }
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn set_buffer(
        &self,
        serial: EncoderSerial,
        encoder: &Object,
        index: usize,
        buffer: &super::ObjcBuffer,
    ) -> Result<(), Error> {
        let call = "set_buffer";
        self.lifecycle.check_open(serial, call)?;
        let slot = self.arguments.slot(index)?;
        if !Arc::ptr_eq(self.core(), &buffer.core) {
            return Err(Error::OtherDevice { call });
        }
        slot.holds_buffer(buffer.len);
        let buffer = buffer.object.as_ptr();
        // SAFETY: live objects of one device; else the caller's promise.
        unsafe { msg_send![encoder.as_ptr(), setBuffer: buffer, offset: 0_usize, atIndex: index] }
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn set_value(
        &self,
        serial: EncoderSerial,
        encoder: &Object,
        index: usize,
        value: f32,
    ) -> Result<(), Error> {
        self.lifecycle.check_open(serial, "set_value")?;
        self.arguments.slot(index)?.holds_value();
        // SAFETY: the caller's promise.
        unsafe { object::set_value(encoder, index, value) };
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn dispatch(
        &self,
        serial: EncoderSerial,
        encoder: &Object,
        threads: usize,
    ) -> Result<(), Error> {
        self.lifecycle.check_open(serial, "dispatch")?;
        let pipeline = self.pipeline.load(Ordering::Acquire);
        // SAFETY: the device keeps what the pointer may point to, and the lane the device.
        let pipeline = unsafe { pipeline.as_ref() }.ok_or(Error::NoPipeline)?;
        self.arguments.check(pipeline.kernel, threads)?;
        let threads = match pipeline.kernel {
            Kernel::Timed { .. } => 1,
            Kernel::Axpy | Kernel::MlpLayer { .. } => threads,
        };
        let (threads, group) = (Size::line(threads), Size::line(THREADGROUP));
        // SAFETY: the slots hold what the kernel touches; else the caller's promise.
        unsafe {
            let () =
                msg_send![encoder.as_ptr(), dispatchThreads: threads, threadsPerThreadgroup: group];
        }
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this encoder.
    pub(super) unsafe fn end_encoding(
        &self,
        serial: EncoderSerial,
        encoder: &Object,
    ) -> Result<(), Error> {
        self.lifecycle.end_encoding(serial)?;
        // SAFETY: the encoder was open until now, and by the lifecycle nobody ends it beside this;
        // else the caller's promise.
        unsafe { msg_send![encoder.as_ptr(), endEncoding] }
        drop(self.take_open());
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this command buffer.
    pub(super) unsafe fn commit(&self) -> Result<(), Error> {
        self.lifecycle.begin_commit()?;
        // SAFETY: no encoder is open, and by the lifecycle nobody commits beside this; else the
        // caller's promise.
        unsafe { msg_send![self.commands.as_ptr(), commit] }
        self.lifecycle.commit_done();
        Ok(())
    }

    pub(super) fn wait(&self) -> Result<(), Error> {
        if !self.lifecycle.is_committed() {
            return Err(Error::NotCommitted);
        }
        // SAFETY: a live command buffer that is committed.
        unsafe { msg_send![self.commands.as_ptr(), waitUntilCompleted] }
        Ok(())
    }

    /// The reference to the open encoder, if there is one.
    fn take_open(&self) -> Option<Object> {
        let open = self.open.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: null, or the reference that `open_encoder` gave away.
        unsafe { Object::owned(open, "computeCommandEncoder") }.ok()
    }
}

impl Drop for Recording {
    /// The last who could use the encoder is gone, so no call can overlap.
    fn drop(&mut self) {
        if let Some(open) = self.take_open() {
            // SAFETY: a live encoder that is open.
            unsafe { msg_send![open.as_ptr(), endEncoding] }
        }
    }
}
