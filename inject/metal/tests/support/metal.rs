//! Metal as a program has it: objects and messages.

use core::ffi::{CStr, c_void};
use core::ptr;

use objc2::encode::{Encode, Encoding};
use objc2::msg_send;
use objc2::runtime::{AnyClass, AnyObject};

/// An object, or null.
pub(crate) type Id = *mut AnyObject;

/// `MTLSize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Size(pub(crate) usize, pub(crate) usize, pub(crate) usize);

// SAFETY: the three words of Metal's structure.
unsafe impl Encode for Size {
    const ENCODING: Encoding = Encoding::Struct("?", &[usize::ENCODING; 3]);
}

/// `NSRange`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Range(pub(crate) usize, pub(crate) usize);

// SAFETY: the two words of Foundation's structure.
unsafe impl Encode for Range {
    const ENCODING: Encoding = Encoding::Struct("_NSRange", &[usize::ENCODING; 2]);
}

/// An object that this holds a reference to.
#[derive(Debug)]
pub(crate) struct Object(Id);

// SAFETY: the driver's objects may be used by any thread. Tests that use them as they must not be used do
// it in a process of their own.
unsafe impl Send for Object {}
// SAFETY: likewise.
unsafe impl Sync for Object {}

impl Object {
    /// Takes over a reference.
    pub(crate) fn owned(object: Id) -> Self {
        assert!(!object.is_null(), "an object was expected");
        Object(object)
    }

    /// Takes a reference of its own.
    pub(crate) fn retained(object: Id) -> Self {
        assert!(!object.is_null(), "an object was expected");
        // SAFETY: a live object.
        let object: Id = unsafe { msg_send![object, retain] };
        Object(object)
    }

    pub(crate) fn id(&self) -> Id {
        self.0
    }

    pub(crate) fn class(&self) -> &'static AnyClass {
        // SAFETY: a live object, whose first word is its class on GCC's runtime.
        unsafe { &**self.0.cast::<*const AnyClass>() }
    }

    pub(crate) fn references(&self) -> usize {
        // SAFETY: a live object.
        unsafe { msg_send![self.0, retainCount] }
    }
}

impl Clone for Object {
    fn clone(&self) -> Self {
        Object::retained(self.0)
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: this holds a reference.
        let () = unsafe { msg_send![self.0, release] };
    }
}

/// Runs `body` with a pool of its own, as a program's thread has.
pub(crate) fn pool<R>(body: impl FnOnce() -> R) -> R {
    let pool = locktoll_objc_driver::Pool::new();
    let result = body();
    drop(pool);
    result
}

pub(crate) fn device() -> Object {
    Object::owned(locktoll_objc_driver::MTLCreateSystemDefaultDevice().cast())
}

pub(crate) fn queue(device: &Object) -> Object {
    // SAFETY: a device.
    Object::owned(unsafe { msg_send![device.id(), newCommandQueue] })
}

/// A queue of which no more than two command buffers can be uncommitted at once.
pub(crate) fn queue_of_two(device: &Object) -> Object {
    // SAFETY: a device.
    Object::owned(unsafe {
        msg_send![device.id(), newCommandQueueWithMaxCommandBufferCount: 2_usize]
    })
}

pub(crate) fn command_buffer(queue: &Object) -> Object {
    // SAFETY: a queue.
    pool(|| Object::retained(unsafe { msg_send![queue.id(), commandBuffer] }))
}

/// A command buffer that wraps one of the driver's.
pub(crate) fn wrapping_buffer(queue: &Object) -> Object {
    wrapping_buffer_of(c"LTMPSCommandBuffer", queue)
}

/// A command buffer of a class whose objects wrap one of the driver's.
pub(crate) fn wrapping_buffer_of(class: &CStr, queue: &Object) -> Object {
    let class = AnyClass::get(class).expect("the driver has it");
    pool(|| {
        // SAFETY: the class method takes a queue.
        Object::retained(unsafe { msg_send![class, commandBufferFromCommandQueue: queue.id()] })
    })
}

/// Fails unless the methods of the wrapping class are guarded: what is seen of its command buffers is
/// otherwise that of those that they wrap.
pub(crate) fn wrapping_is_guarded() {
    let coverage = locktoll_metal::coverage();
    let class = coverage
        .iter()
        .find(|class| class.class == "LTMPSCommandBuffer");
    let class = class.expect("the wrapping class is guarded");
    for selector in [
        "computeCommandEncoder",
        "commit",
        "encodeSignalEvent:value:",
        "dealloc",
    ] {
        assert!(
            class.guarded.iter().any(|each| each == selector),
            "{class:#?}"
        );
    }
}

/// A compute encoder, with a reference of the caller's.
pub(crate) fn compute(buffer: &Object) -> Object {
    pool(|| Object::retained(unretained_compute(buffer)))
}

/// A compute encoder that lives as long as the calling thread's pool does.
pub(crate) fn unretained_compute(buffer: &Object) -> Id {
    // SAFETY: a command buffer.
    unsafe { msg_send![buffer.id(), computeCommandEncoder] }
}

pub(crate) fn blit(buffer: &Object) -> Object {
    // SAFETY: a command buffer.
    pool(|| Object::retained(unsafe { msg_send![buffer.id(), blitCommandEncoder] }))
}

pub(crate) fn end(encoder: &Object) {
    // SAFETY: an encoder.
    unsafe { msg_send![encoder.id(), endEncoding] }
}

pub(crate) fn commit(buffer: &Object) {
    // SAFETY: a command buffer.
    unsafe { msg_send![buffer.id(), commit] }
}

pub(crate) fn signal(buffer: &Object) {
    // SAFETY: a command buffer; the event may be null.
    unsafe { msg_send![buffer.id(), encodeSignalEvent: ptr::null::<AnyObject>(), value: 1_u64] }
}

pub(crate) fn update_fence(encoder: &Object) {
    // SAFETY: a compute or blit encoder; the fence may be null.
    unsafe { msg_send![encoder.id(), updateFence: ptr::null::<AnyObject>()] }
}

pub(crate) fn set_buffer(encoder: &Object) {
    // SAFETY: a compute encoder; the buffer may be null.
    unsafe {
        let () = msg_send![encoder.id(), setBuffer: ptr::null::<AnyObject>(), offset: 0_usize, atIndex: 1_usize];
    }
}

pub(crate) fn set_bytes(encoder: &Object) {
    let bytes = [7_u8; 16];
    let first: *const c_void = bytes.as_ptr().cast();
    // SAFETY: a compute encoder, and 16 bytes.
    unsafe { msg_send![encoder.id(), setBytes: first, length: 16_usize, atIndex: 2_usize] }
}

pub(crate) fn dispatch(encoder: &Object) {
    // SAFETY: a compute encoder.
    unsafe {
        let () = msg_send![
            encoder.id(),
            dispatchThreads: Size(64, 1, 1),
            threadsPerThreadgroup: Size(32, 1, 1)
        ];
    }
}

/// Three calls of a compute encoder that nest further ones.
pub(crate) fn encode(encoder: &Object) {
    set_buffer(encoder);
    set_bytes(encoder);
    dispatch(encoder);
}
