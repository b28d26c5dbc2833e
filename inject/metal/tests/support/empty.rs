//! A driver whose methods do nothing, made when the process runs: for what a call costs, and for
//! classes that are not as the table has them.

use core::ffi::CStr;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::OnceLock;

use objc2::msg_send;
use objc2::runtime::{AnyClass, AnyObject, ClassBuilder, Sel};
use objc2::sel;

use super::metal::Id;

/// What each of its factories makes one of.
static BUFFER: AtomicPtr<AnyClass> = AtomicPtr::new(ptr::null_mut());
static ENCODER: AtomicPtr<AnyClass> = AtomicPtr::new(ptr::null_mut());

/// The classes of a driver.
pub(crate) struct Classes {
    pub(crate) device: &'static AnyClass,
    pub(crate) queue: &'static AnyClass,
    pub(crate) buffer: &'static AnyClass,
    pub(crate) encoder: &'static AnyClass,
}

/// The driver that nothing is wrong with.
pub(crate) fn classes() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let queue = class(c"EmptyQueue", c"NSObject", |builder| {
            // SAFETY: the function has the types of its selector, here and below.
            unsafe {
                builder.add_method(
                    sel!(commandBuffer),
                    make_buffer as unsafe extern "C-unwind" fn(_, _) -> _,
                );
            }
        });
        let device = class(c"EmptyDevice", c"NSObject", |builder| {
            // SAFETY: as above.
            unsafe {
                builder.add_method(
                    sel!(newCommandQueue),
                    make_queue as unsafe extern "C-unwind" fn(_, _) -> _,
                );
            }
        });
        let buffer = class(c"EmptyBuffer", c"NSObject", |builder| {
            // SAFETY: as above.
            unsafe {
                builder.add_method(
                    sel!(computeCommandEncoder),
                    make_encoder as unsafe extern "C-unwind" fn(_, _) -> _,
                );
                builder.add_method(sel!(commit), nothing as unsafe extern "C-unwind" fn(_, _));
            }
        });
        let encoder = encoder_class(c"EmptyEncoder", c"NSObject");
        Classes {
            device,
            queue,
            buffer,
            encoder,
        }
    })
}

/// A class of encoders with nothing but three empty methods of its own.
pub(crate) fn encoder_class(name: &CStr, parent: &CStr) -> &'static AnyClass {
    class(name, parent, |builder| {
        // SAFETY: as above.
        unsafe {
            builder.add_method(
                sel!(endEncoding),
                nothing as unsafe extern "C-unwind" fn(_, _),
            );
            builder.add_method(
                sel!(dispatchWaitFlush),
                nothing as unsafe extern "C-unwind" fn(_, _),
            );
            builder.add_method(
                sel!(setComputePipelineState:),
                take as unsafe extern "C-unwind" fn(_, _, _),
            );
        }
    })
}

/// A new class.
pub(crate) fn class(
    name: &CStr,
    parent: &CStr,
    methods: impl FnOnce(&mut ClassBuilder),
) -> &'static AnyClass {
    let parent = AnyClass::get(parent).expect("the parent is there");
    let mut builder = ClassBuilder::new(name, parent).expect("the name is free");
    methods(&mut builder);
    builder.register()
}

/// Has the factories make objects of these classes from now on.
pub(crate) fn make(buffer: &'static AnyClass, encoder: &'static AnyClass) {
    BUFFER.store(ptr::from_ref(buffer).cast_mut(), Ordering::SeqCst);
    ENCODER.store(ptr::from_ref(encoder).cast_mut(), Ordering::SeqCst);
}

/// As `MTLCreateSystemDefaultDevice`.
pub(crate) unsafe extern "C-unwind" fn create_device() -> *mut AnyObject {
    // SAFETY: a class.
    unsafe { msg_send![classes().device, new] }
}

/// As that of a machine without a GPU.
pub(crate) unsafe extern "C-unwind" fn create_nothing() -> *mut AnyObject {
    ptr::null_mut()
}

unsafe extern "C-unwind" fn make_queue(_this: Id, _selector: Sel) -> Id {
    // SAFETY: a class.
    unsafe { msg_send![classes().queue, new] }
}

unsafe extern "C-unwind" fn make_buffer(_this: Id, _selector: Sel) -> Id {
    autoreleased(&BUFFER)
}

unsafe extern "C-unwind" fn make_encoder(_this: Id, _selector: Sel) -> Id {
    autoreleased(&ENCODER)
}

fn autoreleased(class: &AtomicPtr<AnyClass>) -> Id {
    // SAFETY: `make` was called with a class.
    unsafe {
        let object: Id = msg_send![&*class.load(Ordering::SeqCst), new];
        msg_send![object, autorelease]
    }
}

pub(crate) unsafe extern "C-unwind" fn nothing(_this: Id, _selector: Sel) {}

pub(crate) unsafe extern "C-unwind" fn take(_this: Id, _selector: Sel, _argument: Id) {}
