//! References to Metal's objects that several threads may have.
//!
//! Devices, queues, libraries and pipelines may be used by any thread at any time, and `objc2-metal` says
//! so. Command buffers, encoders and buffers may be used by any thread too, but not always at the same
//! time; of that, the contract of [`Device`](crate::Device) takes care.

use std::ops::Deref;

use objc2::Message;
use objc2::rc::Retained;
use objc2::runtime::ProtocolObject;
use objc2_metal::{MTLBuffer, MTLCommandBuffer, MTLComputeCommandEncoder};

/// A command buffer of the driver.
pub(super) type Commands = ProtocolObject<dyn MTLCommandBuffer>;
/// An encoder of the driver.
pub(super) type Encoder = ProtocolObject<dyn MTLComputeCommandEncoder>;

/// One reference to an object that is bound to no thread, but must not always be used by two.
pub(super) struct Held<T>(Retained<T>);

/// A class of Metal's whose objects any thread may use.
///
/// # Safety
/// Any thread may use them, and count their references; overlap of messages is for the sender to keep
/// apart.
pub(super) unsafe trait Unbound: Message {}

// SAFETY: Metal binds no command buffer to a thread: it is passed to its completion handlers, on others.
unsafe impl Unbound for Commands {}
// SAFETY: Metal binds no encoder to a thread; it asks that one at a time uses it.
unsafe impl Unbound for Encoder {}
// SAFETY: Metal's resources may be bound and read by any thread.
unsafe impl Unbound for ProtocolObject<dyn MTLBuffer> {}

// SAFETY: by `Unbound`; reference counts are atomic.
unsafe impl<T: Unbound> Send for Held<T> {}
// SAFETY: by `Unbound`; overlap is kept apart by the contract of `Device`, whose calls are the only ones
// that send messages to what is shared, except `waitUntilCompleted` and what is read of a completed
// command buffer, which Metal lets overlap.
unsafe impl<T: Unbound> Sync for Held<T> {}

impl<T: Message> Held<T> {
    pub(super) fn new(object: Retained<T>) -> Self {
        Self(object)
    }

    /// Gives the reference away.
    pub(super) fn into_raw(self) -> *mut T {
        Retained::into_raw(self.0)
    }
}

impl<T: Message> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Where an object lies: its identity while it lives.
pub(super) fn address<T>(object: &T) -> usize {
    std::ptr::from_ref(object).addr()
}
