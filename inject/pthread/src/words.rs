//! Single words of the mapped file.

use core::sync::atomic::{AtomicU64, Ordering};

/// The word at a place in the mapping.
///
/// # Safety
///
/// `base + at` is a word of the mapping (invariant Mapping).
#[inline(always)]
pub(crate) unsafe fn word<'a>(base: *mut u8, at: usize) -> &'a AtomicU64 {
    // SAFETY: the caller's; by Mapping it stays, and only atomics access it.
    unsafe { AtomicU64::from_ptr(base.add(at).cast()) }
}

/// What a word holds.
///
/// # Safety
///
/// As [`word`].
#[inline(always)]
pub(crate) unsafe fn get(base: *mut u8, at: usize) -> u64 {
    // SAFETY: the caller's.
    unsafe { word(base, at) }.load(Ordering::Relaxed)
}

/// Stores a word.
///
/// # Safety
///
/// As [`word`].
#[inline(always)]
pub(crate) unsafe fn put(base: *mut u8, at: usize, value: u64) {
    // SAFETY: the caller's.
    unsafe { word(base, at) }.store(value, Ordering::Relaxed);
}

/// Adds to a word that only this thread stores to (invariant Own). No signal handler of the thread
/// can come in between.
///
/// # Safety
///
/// As [`word`].
#[inline(always)]
pub(crate) unsafe fn add_own(base: *mut u8, at: usize, value: u64) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's. One instruction, since a handler's locks add by the fast path.
    unsafe {
        core::arch::asm!(
            "add qword ptr [{0}], {1}",
            in(reg) base.add(at),
            in(reg) value,
            options(nostack),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: the caller's. There is no fast path: a handler's locks add to the points.
    unsafe {
        let word = word(base, at);
        let sum = word.load(Ordering::Relaxed).wrapping_add(value);
        word.store(sum, Ordering::Relaxed);
    }
}

/// Adds to a word that all threads add to.
///
/// # Safety
///
/// As [`word`].
#[inline(always)]
pub(crate) unsafe fn add_shared(base: *mut u8, at: usize, value: u64) {
    // SAFETY: the caller's.
    unsafe { word(base, at) }.fetch_add(value, Ordering::Relaxed);
}

/// Raises a word that all threads raise.
///
/// # Safety
///
/// As [`word`].
#[inline(always)]
pub(crate) unsafe fn raise(base: *mut u8, at: usize, value: u64) {
    // SAFETY: the caller's.
    let word = unsafe { word(base, at) };
    if word.load(Ordering::Relaxed) < value {
        word.fetch_max(value, Ordering::Relaxed);
    }
}
