//! References to the driver's objects, and its messages.
//!
//! # Invariant
//!
//! An [`Object`] holds one reference to a live object of the driver. Messages to it are those that its
//! class has, with the arguments that they take; which calls may overlap is the contract of
//! [`Device`](crate::Device).

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use objc2::runtime::AnyObject;
use objc2::{Encode, Encoding, msg_send};

use crate::Error;

/// One reference to an object of the driver.
#[derive(Debug)]
pub(super) struct Object(NonNull<AnyObject>);

// SAFETY: reference counts are atomic, and any thread may send messages; see the module's invariant.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

impl Object {
    /// Takes over a reference; `call` is what returned it.
    ///
    /// # Safety
    /// Null, or a live object of which the caller gives one reference away.
    pub(super) unsafe fn owned(object: *mut AnyObject, call: &'static str) -> Result<Self, Error> {
        let refused = Error::Objc { call };
        NonNull::new(object).map(Self).ok_or(refused)
    }

    /// Takes a reference to an object that an autorelease pool holds; `call` is what returned it.
    ///
    /// # Safety
    /// Null, or a live object.
    pub(super) unsafe fn retained(
        object: *mut AnyObject,
        call: &'static str,
    ) -> Result<Self, Error> {
        if !object.is_null() {
            // SAFETY: the caller's promise.
            let _: *mut AnyObject = unsafe { msg_send![object, retain] };
        }
        // SAFETY: the reference that was just taken.
        unsafe { Self::owned(object, call) }
    }

    pub(super) fn as_ptr(&self) -> *mut AnyObject {
        self.0.as_ptr()
    }

    pub(super) fn as_void(&self) -> *mut c_void {
        self.0.as_ptr().cast()
    }

    /// Where the object lies: its identity while it lives.
    pub(super) fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Gives the reference away.
    pub(super) fn into_ptr(self) -> *mut AnyObject {
        let object = self.as_ptr();
        std::mem::forget(self);
        object
    }
}

impl Clone for Object {
    fn clone(&self) -> Self {
        // SAFETY: a live object.
        let _: *mut AnyObject = unsafe { msg_send![self.as_ptr(), retain] };
        Self(self.0)
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: a live object, and a reference of ours.
        unsafe { msg_send![self.as_ptr(), release] }
    }
}

/// `MTLSize`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Size {
    width: usize,
    height: usize,
    depth: usize,
}

impl Size {
    /// So many in a line.
    pub(super) const fn line(width: usize) -> Self {
        Self {
            width,
            height: 1,
            depth: 1,
        }
    }
}

// SAFETY: Metal's structure: three unsigned words, without a name.
unsafe impl Encode for Size {
    const ENCODING: Encoding =
        Encoding::Struct("?", &[usize::ENCODING, usize::ENCODING, usize::ENCODING]);
}

/// A copy of numbers in a buffer of the driver.
pub(super) fn new_buffer(device: &Object, contents: &[f32]) -> Result<Object, Error> {
    let bytes: *const c_void = contents.as_ptr().cast();
    let length = size_of_val(contents);
    // SAFETY: a live device, which copies so many bytes.
    unsafe {
        let buffer: *mut AnyObject = msg_send![
            device.as_ptr(), newBufferWithBytes: bytes, length: length, options: 0_usize
        ];
        Object::owned(buffer, "newBufferWithBytes:length:options:")
    }
}

/// Binds a number, which the driver copies.
///
/// # Safety
/// An open encoder, and the contract of [`Device`](crate::Device) for it.
pub(super) unsafe fn set_value(encoder: &Object, index: usize, value: f32) {
    let bytes: *const c_void = ptr::from_ref(&value).cast();
    // SAFETY: the caller's promise; four bytes.
    unsafe { msg_send![encoder.as_ptr(), setBytes: bytes, length: 4_usize, atIndex: index] }
}
