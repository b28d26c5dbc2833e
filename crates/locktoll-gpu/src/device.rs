//! The one trait behind which every driver stands, and what a device says of itself.

use locktoll_guard::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Kernel, Scope};

/// A driver object at which a lock can be taken.
///
/// The address is the object's identity while it lives; afterwards another object may get it.
pub trait Located {
    /// Where to lock so that a call on this object is safe.
    ///
    /// `encoder` is the address of the *encoding context*: the command buffer together with the
    /// encoders opened on it, since committing or opening touches the same state as recording
    /// does (in Vulkan it is the command pool, for the same reason). For a queue, which has no
    /// encoder yet, it is the queue's own address; or, where making a command buffer touches the
    /// context of those made before, that context's: Vulkan's command pool again.
    fn address(&self) -> Address;
}

/// A GPU, or a model of one.
///
/// An op goes queue → command buffer → encoder → set, dispatch → end → commit → wait. Slots are
/// one index space for buffers and values, as in Metal; [`Kernel`] says what each kernel expects.
///
/// # Contract
///
/// The `unsafe` calls are those that a driver may require its callers to keep apart.
/// [`DeviceInfo::requires`] names the scope. Where it is `Some`, no two such calls of one scope
/// may overlap in time unless they are made by the same thread: breaking this is undefined
/// behaviour in a real driver. Where it is `None`, the implementation accepts any overlap.
///
/// Only overlap is the caller's duty. Calls in a wrong order (on an ended encoder, a second
/// commit, …) are answered with an [`Error`] and change nothing.
///
/// All other calls, [`wait`](Self::wait) among them, are safe from any thread at any time.
///
/// The soft device has no undefined behaviour: it either accepts overlap or, under a
/// [`FaultModel`](crate::FaultModel), ends the process.
pub trait Device: Sync {
    /// What one encoding thread commits to.
    type Queue: Located + Send + Sync;
    /// Work that is committed as one.
    type CommandBuffer: Located + Send + Sync;
    /// What records into a command buffer.
    type Encoder: Located + Send + Sync;
    /// Numbers that kernels read and write.
    type Buffer: Send + Sync;
    /// A kernel made ready for dispatch.
    type Pipeline: Send + Sync;

    /// What the device is.
    fn info(&self) -> DeviceInfo;

    /// The queue of lane `index`. There are as many lanes as callers want; several may share one
    /// hardware queue, and then have the same `queue` in [`Located::address`].
    ///
    /// # Errors
    /// When the driver refuses.
    fn queue(&self, index: usize) -> Result<Self::Queue, Error>;

    /// Makes a kernel ready.
    ///
    /// # Errors
    /// When the driver refuses.
    fn pipeline(&self, kernel: Kernel) -> Result<Self::Pipeline, Error>;

    /// A buffer that holds a copy of `contents`.
    ///
    /// # Errors
    /// When the driver refuses.
    fn buffer(&self, contents: &[f32]) -> Result<Self::Buffer, Error>;

    /// A copy of the buffer's contents. Of work that was not waited for, it may show any part.
    fn read(&self, buffer: &Self::Buffer) -> Vec<f32>;

    /// Does what a thread has to do for one op, its wait included, and then lets go of what the driver has
    /// lent the thread meanwhile. A thread that makes many ops makes each of them in here.
    ///
    /// Where the driver is Objective-C this is an [autorelease pool]: calls may leave objects in the
    /// thread's pool, and a thread of ours has none of its own, so that they would stay until it ends.
    ///
    /// [autorelease pool]: https://developer.apple.com/library/archive/documentation/Cocoa/Conceptual/MemoryMgmt/Articles/mmAutoreleasePools.html
    fn op<R>(&self, body: impl FnOnce() -> R) -> R {
        body()
    }

    /// A new, empty command buffer.
    ///
    /// # Safety
    /// The [contract](Device#contract), for the queue.
    ///
    /// # Errors
    /// When the driver refuses.
    unsafe fn command_buffer(&self, queue: &Self::Queue) -> Result<Self::CommandBuffer, Error>;

    /// Opens the command buffer's encoder. One may be open at a time.
    ///
    /// # Safety
    /// The [contract](Device#contract), for the command buffer.
    ///
    /// # Errors
    /// [`Error::EncoderOpen`], [`Error::Committed`].
    unsafe fn encoder(&self, commands: &Self::CommandBuffer) -> Result<Self::Encoder, Error>;

    /// Sets the kernel of the dispatches that follow.
    ///
    /// # Safety
    /// The [contract](Device#contract), for the encoder.
    ///
    /// # Errors
    /// [`Error::EncoderEnded`], [`Error::Committed`], [`Error::OtherDevice`].
    unsafe fn set_pipeline(
        &self,
        encoder: &Self::Encoder,
        pipeline: &Self::Pipeline,
    ) -> Result<(), Error>;

    /// Puts a buffer into an argument slot.
    ///
    /// # Safety
    /// The [contract](Device#contract), for the encoder.
    ///
    /// # Errors
    /// [`Error::EncoderEnded`], [`Error::Committed`], [`Error::NoSuchSlot`],
    /// [`Error::OtherDevice`].
    unsafe fn set_buffer(
        &self,
        encoder: &Self::Encoder,
        index: usize,
        buffer: &Self::Buffer,
    ) -> Result<(), Error>;

    /// Puts a number into an argument slot.
    ///
    /// # Safety
    /// The [contract](Device#contract), for the encoder.
    ///
    /// # Errors
    /// [`Error::EncoderEnded`], [`Error::Committed`], [`Error::NoSuchSlot`].
    unsafe fn set_value(
        &self,
        encoder: &Self::Encoder,
        index: usize,
        value: f32,
    ) -> Result<(), Error>;

    /// Records one run of the kernel by `threads` GPU threads, one output element each.
    ///
    /// # Safety
    /// The [contract](Device#contract), for the encoder.
    ///
    /// # Errors
    /// [`Error::EncoderEnded`], [`Error::Committed`], [`Error::NoPipeline`], [`Error::Unbound`],
    /// [`Error::BufferTooShort`], [`Error::TooManyThreads`].
    unsafe fn dispatch(&self, encoder: &Self::Encoder, threads: usize) -> Result<(), Error>;

    /// Ends the encoder. It takes no further calls.
    ///
    /// # Safety
    /// The [contract](Device#contract), for the encoder.
    ///
    /// # Errors
    /// [`Error::EncoderEnded`], [`Error::Committed`].
    unsafe fn end_encoding(&self, encoder: &Self::Encoder) -> Result<(), Error>;

    /// Hands the command buffer to its queue.
    ///
    /// # Safety
    /// The [contract](Device#contract), for the command buffer.
    ///
    /// # Errors
    /// [`Error::EncoderOpen`], [`Error::Committed`], [`Error::Host`].
    unsafe fn commit(&self, commands: &Self::CommandBuffer) -> Result<(), Error>;

    /// Returns once the device has completed the command buffer.
    ///
    /// # Errors
    /// [`Error::NotCommitted`].
    fn wait(&self, commands: &Self::CommandBuffer) -> Result<(), Error>;

    /// For each engine, the nanoseconds since the device was made during which it was busy: the
    /// length of the union of its commands' intervals up to now, so that overlapping commands are
    /// not counted twice. Never decreases.
    ///
    /// Utilisation between two readings is the sum of the differences ÷ (engines × time between).
    fn busy_ns(&self) -> Vec<u64>;
}

/// What a device is, for reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceInfo {
    /// The device's name.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// Whether there is hardware behind it.
    pub kind: DeviceKind,
    /// The device's settings, in the form in which they can be given again; empty if it has none.
    pub settings: String,
    /// The scope within which `unsafe` calls must not overlap; `None` where overlap is accepted.
    pub requires: Option<Scope>,
    /// What a reader must know where figures of this device are shown, one sentence each.
    pub model_notes: Vec<String>,
}

/// Whether there is hardware behind a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A timing model: its times are settings.
    Model,
    /// A GPU.
    Hardware,
    /// A driver that computes on the CPU cores that encoding also needs.
    SoftwareRasterizer,
}
