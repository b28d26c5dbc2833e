//! Metal as a caller has it: its value types, and messages.

use std::ffi::c_void;
use std::ptr;

use locktoll_objc_driver::MTLCreateSystemDefaultDevice;
use objc2::msg_send;
use objc2::runtime::{AnyClass, AnyObject};
use objc2::{Encode, Encoding};

/// `MTLSize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Size {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) depth: usize,
}

impl Size {
    pub(crate) const fn line(width: usize) -> Self {
        Self {
            width,
            height: 1,
            depth: 1,
        }
    }
}

// SAFETY: the same three words as Metal's structure.
unsafe impl Encode for Size {
    const ENCODING: Encoding =
        Encoding::Struct("?", &[usize::ENCODING, usize::ENCODING, usize::ENCODING]);
}

/// An object with one reference of ours.
#[derive(Debug)]
pub(crate) struct Object(pub(crate) *mut AnyObject);

// SAFETY: the driver's objects may be used from any thread; tests that break the order of calls do it
// in a child process.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

impl Object {
    /// Takes over a reference that the caller has.
    pub(crate) fn owned(object: *mut AnyObject) -> Self {
        assert!(!object.is_null());
        Self(object)
    }

    /// Takes a reference of its own.
    pub(crate) fn retained(object: *mut AnyObject) -> Self {
        assert!(!object.is_null());
        // SAFETY: a live object.
        let object: *mut AnyObject = unsafe { msg_send![object, retain] };
        Self(object)
    }

    pub(crate) fn class(&self) -> &'static str {
        // SAFETY: a live object.
        unsafe { &*self.0 }.class().name().to_str().unwrap()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: a live object with one reference of ours.
        unsafe { msg_send![self.0, release] }
    }
}

pub(crate) fn device() -> Object {
    Object::owned(MTLCreateSystemDefaultDevice().cast())
}

pub(crate) fn queue(device: &Object) -> Object {
    // SAFETY: a live device.
    Object::owned(unsafe { msg_send![device.0, newCommandQueue] })
}

pub(crate) fn command_buffer(queue: &Object) -> Object {
    // SAFETY: a live queue.
    Object::retained(unsafe { msg_send![queue.0, commandBuffer] })
}

pub(crate) fn mps_command_buffer(queue: &Object) -> Object {
    let class = AnyClass::get(c"LTMPSCommandBuffer").unwrap();
    // SAFETY: a live queue.
    Object::retained(unsafe { msg_send![class, commandBufferFromCommandQueue: queue.0] })
}

pub(crate) fn compute(commands: &Object) -> Object {
    // SAFETY: a live command buffer.
    Object::retained(unsafe { msg_send![commands.0, computeCommandEncoder] })
}

/// The calls of a small op on an encoder, and its end.
pub(crate) fn encode(encoder: &Object) {
    let number = 0.5_f32;
    let bytes: *const c_void = ptr::from_ref(&number).cast();
    let nothing = ptr::null_mut::<AnyObject>();
    // SAFETY: a live encoder; the arguments are those that the selectors have.
    unsafe {
        let () = msg_send![encoder.0, setBuffer: nothing, offset: 0_usize, atIndex: 0_usize];
        let () = msg_send![encoder.0, setBytes: bytes, length: 4_usize, atIndex: 1_usize];
    }
    dispatch(encoder, 8);
    end(encoder);
}

pub(crate) fn dispatch(encoder: &Object, threads: usize) {
    let (threads, group) = (Size::line(threads), Size::line(4));
    // SAFETY: a live encoder; the arguments are those that the selector has.
    unsafe { msg_send![encoder.0, dispatchThreads: threads, threadsPerThreadgroup: group] }
}

pub(crate) fn end(encoder: &Object) {
    // SAFETY: a live encoder.
    unsafe { msg_send![encoder.0, endEncoding] }
}

pub(crate) fn commit(commands: &Object) {
    // SAFETY: a live command buffer.
    unsafe { msg_send![commands.0, commit] }
}

pub(crate) fn wait(commands: &Object) {
    // SAFETY: a live command buffer.
    unsafe { msg_send![commands.0, waitUntilCompleted] }
}
