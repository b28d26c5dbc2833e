//! The kernels as the driver runs them: functions that it calls on an engine's thread.
//!
//! A dispatch was checked before it was recorded, so every slot that its kernel reads is there and long
//! enough. The driver runs one kernel of a device at a time, and lets nobody read a buffer meanwhile;
//! but two slots may be one buffer, so what is read is copied out of the way of what is written.

use std::borrow::Cow;
use std::ffi::c_void;
use std::slice;

use locktoll_objc_driver::{Arguments, Kernel as Function};

use crate::Kernel;
use crate::kernels::compute;

/// What the driver makes a pipeline of: a function, its constants, and how long the work takes beside.
pub(super) fn of(kernel: Kernel) -> (Option<Function>, [u32; 4], u64) {
    match kernel {
        Kernel::Axpy => (Some(axpy), [0; 4], 0),
        Kernel::MlpLayer {
            inputs,
            outputs,
            relu,
        } => (Some(mlp_layer), [inputs, outputs, u32::from(relu), 0], 0),
        Kernel::Timed { duration_ns } => (None, [0; 4], duration_ns.unwrap_or(0)),
    }
}

/// `count` numbers that a slot begins with, apart from what `written` points to.
///
/// # Safety
/// The slot has so many numbers, or `count` is 0, and nobody writes them now.
unsafe fn numbers<'a>(
    arguments: &Arguments,
    slot: usize,
    count: usize,
    written: *mut c_void,
) -> Cow<'a, [f32]> {
    let place = arguments.slots[slot];
    if count == 0 {
        return Cow::Borrowed(&[]);
    }
    debug_assert!(count * size_of::<f32>() <= arguments.lengths[slot]);
    // SAFETY: the caller's promise; the driver aligns buffers, and copies of values, for any type.
    let numbers = unsafe { slice::from_raw_parts(place.cast::<f32>(), count) };
    if place == written {
        Cow::Owned(numbers.to_vec())
    } else {
        Cow::Borrowed(numbers)
    }
}

/// `count` numbers that a slot begins with, for writing.
///
/// # Safety
/// The slot has so many numbers, or `count` is 0, and they are used by nobody else now.
unsafe fn numbers_mut<'a>(arguments: &Arguments, slot: usize, count: usize) -> &'a mut [f32] {
    if count == 0 {
        return &mut [];
    }
    debug_assert!(count * size_of::<f32>() <= arguments.lengths[slot]);
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts_mut(arguments.slots[slot].cast(), count) }
}

unsafe extern "C" fn axpy(arguments: &Arguments) {
    let (count, written) = (arguments.threads, arguments.slots[1]);
    // SAFETY: the module's contract; `x` is a copy where it is `y`.
    let (x, a, y) = unsafe {
        (
            numbers(arguments, 0, count, written),
            numbers(arguments, 2, 1, written),
            numbers_mut(arguments, 1, count),
        )
    };
    compute::axpy(a[0], &x, y);
}

unsafe extern "C" fn mlp_layer(arguments: &Arguments) {
    let [inputs, _, relu, _] = arguments.constants;
    let (inputs, outputs, written) = (inputs as usize, arguments.threads, arguments.slots[3]);
    // SAFETY: as above.
    let (weights, bias, x, y) = unsafe {
        (
            numbers(arguments, 0, inputs * outputs, written),
            numbers(arguments, 1, outputs, written),
            numbers(arguments, 2, inputs, written),
            numbers_mut(arguments, 3, outputs),
        )
    };
    compute::mlp_layer(&weights, &bias, &x, relu != 0, y);
}
