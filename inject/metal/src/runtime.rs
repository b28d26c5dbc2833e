//! The few things of the Objective-C runtime that are needed, the same on Apple's and on GCC's.

use core::ffi::{CStr, c_char, c_void};
use std::ffi::CString;

use objc2::runtime::{AnyClass, Imp, Method, Sel};
use objc2::{ffi, sel};

use crate::signatures::types::Id;

/// Sends a message without arguments.
///
/// Not by `msg_send!`, which in a debug build checks it by functions that GCC's runtime does not have.
///
/// # Safety
///
/// `object` is alive, and answers `selector` with an `R`, which is nothing, a number or a pointer.
pub(crate) unsafe fn send<R>(object: Id, selector: Sel) -> R {
    type Method<R> = unsafe extern "C-unwind" fn(Id, Sel) -> R;

    // As compilers have it: one function that calls the method, or one that finds it.
    #[cfg(target_vendor = "apple")]
    // SAFETY: this function calls the method with what it was called with.
    let method = unsafe {
        core::mem::transmute::<unsafe extern "C-unwind" fn(), Method<R>>(ffi::objc_msgSend)
    };
    #[cfg(not(target_vendor = "apple"))]
    // SAFETY: a live object answers with a method; one that has none gets the runtime's own, which
    // says so and ends the process.
    let method = unsafe {
        core::mem::transmute::<Option<Imp>, Method<R>>(ffi::objc_msg_lookup(object, selector))
    };
    // SAFETY: as the caller promises, and the method has these types.
    unsafe { method(object, selector) }
}

/// Takes a reference.
///
/// # Safety
///
/// `object` is alive.
pub(crate) unsafe fn retain(object: Id) {
    // SAFETY: as the caller promises.
    let _: Id = unsafe { send(object, sel!(retain)) };
}

/// Gives a reference back.
///
/// # Safety
///
/// The caller has a reference.
pub(crate) unsafe fn release(object: Id) {
    // SAFETY: as the caller promises.
    unsafe { send(object, sel!(release)) }
}

/// The class that an object's messages go to.
///
/// # Safety
///
/// `object` is alive.
pub(crate) unsafe fn class_of(object: Id) -> &'static AnyClass {
    #[cfg(target_vendor = "apple")]
    // SAFETY: as the caller promises; every object has a class, and classes of a driver are never
    // unloaded.
    unsafe {
        &*ffi::object_getClass(object)
    }
    // GCC's runtime has this as an inline function of its header: the first word of each object.
    #[cfg(not(target_vendor = "apple"))]
    // SAFETY: likewise.
    unsafe {
        &**object.cast::<*const AnyClass>()
    }
}

/// A class by its name, if there is one now.
pub(crate) fn class_named(name: &CStr) -> Option<&'static AnyClass> {
    AnyClass::get(name)
}

/// The class's own and inherited ways to answer a selector.
pub(crate) struct Found {
    pub(crate) method: &'static Method,
    pub(crate) imp: Imp,
    pub(crate) encoding: String,
    encoding_c: CString,
    /// Whether the class itself has it, and not one above.
    pub(crate) is_own: bool,
}

/// What a class answers a selector with, if it answers it at all.
pub(crate) fn find(class: &'static AnyClass, selector: &CStr) -> Option<Found> {
    let method = class.instance_method(Sel::register(selector))?;
    // SAFETY: `method` is one of a class, and its encoding lives as long.
    let text = unsafe { ffi::method_getTypeEncoding(method) };
    let encoding_c = if text.is_null() {
        CString::default()
    } else {
        // SAFETY: a string of the runtime's.
        unsafe { CStr::from_ptr(text) }.to_owned()
    };
    Some(Found {
        method,
        imp: method.implementation(),
        encoding: encoding_c.to_string_lossy().into_owned(),
        encoding_c,
        is_own: own_selectors(class).iter().any(|own| own == selector),
    })
}

/// Whether a class, or one above it, answers a selector by a method of this encoding, in canonical form.
pub(crate) fn answers(class: &AnyClass, selector: Sel, encoding: &str) -> bool {
    let Some(method) = class.instance_method(selector) else {
        return false;
    };
    // SAFETY: `method` is one of a class, and its encoding, if there is one, lives as long.
    let text = unsafe {
        let text = ffi::method_getTypeEncoding(method);
        (!text.is_null()).then(|| CStr::from_ptr(text))
    };
    let canonical = text.and_then(|text| crate::encoding::canonical(&text.to_string_lossy()));
    canonical.as_deref() == Some(encoding)
}

/// The selectors of the methods that the class itself has.
pub(crate) fn own_selectors(class: &AnyClass) -> Vec<CString> {
    let mut count = 0;
    // SAFETY: `class` is a class; the runtime returns an array of `count` methods, or null.
    let methods = unsafe { ffi::class_copyMethodList(class, &raw mut count) };
    if methods.is_null() {
        return Vec::new();
    }
    let mut selectors = Vec::new();
    for index in 0..count as usize {
        // SAFETY: the array has `count` entries, which are methods of a class.
        let method = unsafe { &**methods.add(index) };
        selectors.push(method.name().name().to_owned());
    }
    // SAFETY: the array is the caller's, from `malloc`.
    unsafe { libc::free(methods.cast::<c_void>()) };
    selectors
}

/// Has the class answer a selector with `imp`, in its own method table: what its ancestors have is
/// left alone. Returns whether it now does.
pub(crate) fn put(class: &'static AnyClass, selector: &CStr, found: &Found, imp: Imp) -> bool {
    let selector = Sel::register(selector);
    if found.is_own {
        // SAFETY: the method is the class's own, and `imp` has its types, which the caller has
        // compared.
        unsafe { ffi::method_setImplementation(found.method, imp) };
        return true;
    }
    // The runtime keeps the pointer: on Apple's it copies the text, on GCC's it does not.
    let types: *const c_char = found.encoding_c.clone().into_raw();
    // SAFETY: `imp` has these types; they are never freed.
    unsafe { ffi::class_addMethod(ptr_mut(class), selector, imp, types) }.as_bool()
}

/// Puts another function into a method that the class itself has.
pub(crate) fn replace(class: &'static AnyClass, selector: &CStr, imp: Imp) {
    if let Some(found) = find(class, selector).filter(|found| found.is_own) {
        // SAFETY: as in `put`.
        unsafe { ffi::method_setImplementation(found.method, imp) };
    }
}

fn ptr_mut(class: &'static AnyClass) -> *mut AnyClass {
    core::ptr::from_ref(class).cast_mut()
}

/// Runs `body` with a pool for what it makes, as every thread needs that is not the program's.
pub(crate) fn with_pool<R>(body: impl FnOnce() -> R) -> R {
    let pool = class_named(c"NSAutoreleasePool").map(|class| {
        // SAFETY: `+new` of this class takes nothing and returns a pool.
        let pool: Id = unsafe { send(ptr_mut(class).cast(), sel!(new)) };
        pool
    });
    let result = body();
    if let Some(pool) = pool {
        // SAFETY: the pool that was made above, in this thread.
        unsafe { send::<()>(pool, sel!(drain)) };
    }
    result
}
