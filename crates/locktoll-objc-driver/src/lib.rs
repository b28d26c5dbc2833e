//! A stand-in for a Metal driver, written in Objective-C on purpose.
//!
//! Metal itself cannot be had on most machines, and where it can, it fails only now and then. This
//! driver has the shapes that matter to a library which is slipped under Metal programs: its classes
//! and selectors, encoders that inherit and override, calls that call others of its own methods,
//! arguments that are structures, assertions on the order of calls, the race of `destroyImpl`, memory
//! that is reused at once. Where calls of threads overlap that must not, it ends the process as the
//! real driver does. Every call that took effect is counted.
//!
//! It is used as Metal is: [`MTLCreateSystemDefaultDevice`], then messages. What tests set and read
//! beside that is `objc/locktoll_driver.h`, which says what each function does, and of which this is
//! the Rust side.
//!
//! The classes: `LTDevice`, `LTCommandQueue`, `LTCommandBuffer`, `LTWrappingCommandBuffer` with
//! its subclass `LTMPSCommandBuffer`, and the encoders `LTComputeContext`, `LTComputeContextDebug`,
//! `LTBlitContext`, `LTRenderContext`, `LTParallelRenderContext`, `LTResourceStateContext`, `LTAccelerationStructureContext`, all
//! subclasses of `LTContext`.

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;

/// Within what two calls of two threads must not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Scope {
    /// Any overlap is accepted.
    Off = 0,
    /// A command buffer with the encoders opened on it; an encoder of a parallel one by itself.
    Encoder = 1,
    /// What all command buffers of one queue share.
    Context = 2,
    /// The driver as it is loaded into the process.
    Process = 3,
}

/// A group of calls, as an index into [`Counts::calls`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Group {
    /// Calls on compute encoders.
    Compute,
    /// Calls on blit encoders.
    Blit,
    /// Calls on render encoders.
    Render,
    /// Calls on parallel render encoders.
    Parallel,
    /// Calls on resource state encoders.
    ResourceState,
    /// Calls on acceleration structure encoders.
    Acceleration,
    /// Calls that make encoders.
    Factory,
    /// Commits.
    Commit,
    /// Event signals and waits.
    Event,
    /// `endEncoding` and `deferredEndEncoding`, of any encoder.
    End,
    /// `destroyImpl`, of any encoder, most of them by a `dealloc`.
    Destroy,
    /// Calls that make command buffers.
    Queue,
}

/// Groups that there are.
pub const GROUPS: usize = 12;

/// Calls that took effect, and objects: `struct ltd_counts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counts {
    /// Calls from outside the driver, by [`Group`].
    pub calls: [u64; GROUPS],
    /// Calls that the driver made itself, inside others.
    pub nested: u64,
    /// Encoders made since the last reset.
    pub encoders_created: u64,
    /// Encoders ended since the last reset.
    pub encoders_ended: u64,
    /// Encoders that are alive, whenever they were made.
    pub encoders_live: u64,
    /// Command buffers made since the last reset.
    pub command_buffers_created: u64,
    /// Command buffers that are alive, whenever they were made.
    pub command_buffers_live: u64,
    /// Encoders made in another's memory since the last reset.
    pub encoders_recycled: u64,
}

impl Counts {
    /// The calls of one group.
    pub fn of(&self, group: Group) -> u64 {
        self.calls[group as usize]
    }
}

/// Times and sizes of a device: `struct ltd_settings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Settings {
    /// Least time for which a command buffer occupies its engine.
    pub service_ns: u64,
    /// Further time of each `endEncoding`, on no core.
    pub hold_ns: u64,
    /// Engines; 0 is 1.
    pub engines: u32,
}

/// Known times added to each command buffer: `struct ltd_added`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Added {
    /// CPU time in each `endEncoding`.
    pub encoding_ns: u64,
    /// CPU time in each commit, while the engine takes no other.
    pub submission_ns: u64,
    /// Time on the engine.
    pub execution_ns: u64,
}

/// Argument slots of a compute encoder that a kernel can see.
pub const SLOTS: usize = 8;

/// A dispatch's arguments, for its kernel: `struct ltd_arguments`.
#[derive(Debug)]
#[repr(C)]
pub struct Arguments {
    /// What is in each slot: a buffer's contents from its offset on, or a copy of bytes.
    pub slots: [*mut c_void; SLOTS],
    /// Its length in bytes, 0 for a slot without anything.
    pub lengths: [usize; SLOTS],
    /// GPU threads dispatched.
    pub threads: usize,
    /// The pipeline's constants.
    pub constants: [u32; 4],
}

/// A kernel: called on an engine's thread, one of a device at a time. What its slots point to is its
/// own while it runs, but two slots may be the same buffer.
pub type Kernel = unsafe extern "C" fn(&Arguments);

#[repr(C)]
#[derive(Clone, Copy)]
struct LastCall {
    selector: *const c_char,
    arguments: u64,
}

mod ffi {
    use super::{Added, Counts, Kernel, LastCall, Scope, Settings, c_void};

    unsafe extern "C" {
        pub(super) safe fn MTLCreateSystemDefaultDevice() -> *mut c_void;
        pub(super) safe fn ltd_fault(scope: Scope);
        pub(super) safe fn ltd_fault_covers_destroy(covers: bool);
        pub(super) safe fn ltd_race_window_ns(ns: u64);
        pub(super) safe fn ltd_recycle(recycles: bool);
        pub(super) safe fn ltd_lends(lends: bool);
        pub(super) safe fn ltd_counts(counts: &mut Counts);
        pub(super) safe fn ltd_reset();
        pub(super) safe fn ltd_last_call(call: &mut LastCall);
        pub(super) safe fn ltd_waiting_for_room() -> u32;
        pub(super) fn ltd_catches(
            call: extern "C-unwind" fn(*mut c_void),
            argument: *mut c_void,
        ) -> bool;
        pub(super) safe fn ltd_pool_push() -> *mut c_void;
        pub(super) fn ltd_pool_pop(pool: *mut c_void);
        pub(super) safe fn ltd_configure(settings: &Settings);
        pub(super) safe fn ltd_add(added: &Added);
        pub(super) safe fn ltd_added_spent_ns() -> u64;
        pub(super) fn ltd_busy_ns(device: *mut c_void, engine: u32) -> u64;
        pub(super) fn ltd_new_pipeline(
            device: *mut c_void,
            kernel: Option<Kernel>,
            constants: &[u32; 4],
            duration_ns: u64,
        ) -> *mut c_void;
        pub(super) fn ltd_read(buffer: *mut c_void, to: *mut c_void, length: usize);
    }
}

/// A new device, with one reference for the caller: an `LTDevice`.
#[allow(non_snake_case)] // Metal's name
pub fn MTLCreateSystemDefaultDevice() -> *mut c_void {
    ffi::MTLCreateSystemDefaultDevice()
}

/// Sets within what calls must not overlap.
pub fn fault(scope: Scope) {
    ffi::ltd_fault(scope);
}

/// Sets whether `destroyImpl` is inside that scope; it is, unless told otherwise.
pub fn fault_covers_destroy(covers: bool) {
    ffi::ltd_fault_covers_destroy(covers);
}

/// Sets the CPU time that every call spends in the driver.
pub fn race_window_ns(ns: u64) {
    ffi::ltd_race_window_ns(ns);
}

/// Sets whether a deallocated encoder's memory is the next encoder's.
pub fn recycle(recycles: bool) {
    ffi::ltd_recycle(recycles);
}

/// Sets whether each commit leaves a reference to its command buffer in the calling thread's pool.
pub fn lends(lends: bool) {
    ffi::ltd_lends(lends);
}

/// What has been counted.
pub fn counts() -> Counts {
    let mut counts = Counts::default();
    ffi::ltd_counts(&mut counts);
    counts
}

/// Counts anew from now on; what is live stays so.
pub fn reset() {
    ffi::ltd_reset();
}

/// This thread's last call from outside the driver since it was asked last: its selector, if there was
/// one, and a digest of its arguments.
pub fn last_call() -> (Option<&'static CStr>, u64) {
    let mut call = LastCall {
        selector: std::ptr::null(),
        arguments: 0,
    };
    ffi::ltd_last_call(&mut call);
    let selector = (!call.selector.is_null()).then(|| {
        // SAFETY: a selector's name, which the runtime never frees.
        unsafe { CStr::from_ptr(call.selector) }
    });
    (selector, call.arguments)
}

/// Threads that wait now, in `commandBuffer`, for a queue to have room.
pub fn waiting_for_room() -> u32 {
    ffi::ltd_waiting_for_room()
}

/// Runs `body`; whether it was left by an Objective-C exception, which ends here.
pub fn catches(mut body: impl FnMut()) -> bool {
    extern "C-unwind" fn call<F: FnMut()>(body: *mut c_void) {
        // SAFETY: the closure below, which nobody else uses meanwhile.
        let body = unsafe { &mut *body.cast::<F>() };
        body();
    }

    fn catch<F: FnMut()>(body: &mut F) -> bool {
        // SAFETY: the function takes what it is given here.
        unsafe { ffi::ltd_catches(call::<F>, std::ptr::from_mut(body).cast()) }
    }

    catch(&mut body)
}

/// An autorelease pool of this thread, from now until it is dropped.
#[derive(Debug)]
pub struct Pool {
    pool: *mut c_void,
    of_this_thread: PhantomData<*mut ()>,
}

impl Pool {
    /// A new pool.
    #[allow(clippy::new_without_default)] // a pool is an act, not a value
    pub fn new() -> Self {
        Self {
            pool: ffi::ltd_pool_push(),
            of_this_thread: PhantomData,
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: a pool of this thread, which it cannot leave, popped once.
        unsafe { ffi::ltd_pool_pop(self.pool) };
    }
}

/// Sets times and sizes of the devices made from now on.
pub fn configure(settings: &Settings) {
    ffi::ltd_configure(settings);
}

/// Sets the times added to each command buffer from now on.
pub fn add(added: &Added) {
    ffi::ltd_add(added);
}

/// How much added time has been spent, by all threads.
pub fn added_spent_ns() -> u64 {
    ffi::ltd_added_spent_ns()
}

/// For how long an engine has been busy; 0 for one that is not there.
///
/// # Safety
/// `device` is a live `LTDevice`.
pub unsafe fn busy_ns(device: *mut c_void, engine: u32) -> u64 {
    // SAFETY: the caller's duty.
    unsafe { ffi::ltd_busy_ns(device, engine) }
}

/// A pipeline with one reference for the caller: of a kernel that computes, or of none, for one that
/// only takes `duration_ns`.
///
/// # Safety
/// `device` is a live `LTDevice`. Whoever dispatches the pipeline keeps to what `kernel` asks of its
/// arguments.
pub unsafe fn new_pipeline(
    device: *mut c_void,
    kernel: Option<Kernel>,
    constants: [u32; 4],
    duration_ns: u64,
) -> *mut c_void {
    // SAFETY: the caller's duty.
    unsafe { ffi::ltd_new_pipeline(device, kernel, &constants, duration_ns) }
}

/// Copies the beginning of a buffer while no kernel runs.
///
/// # Safety
/// `buffer` is a live `LTBuffer`, at least as long as `to`.
pub unsafe fn read(buffer: *mut c_void, to: &mut [f32]) {
    // SAFETY: the caller's duty; any bytes are numbers.
    unsafe { ffi::ltd_read(buffer, to.as_mut_ptr().cast(), size_of_val(to)) };
}
