//! Stacks, copied as they are: registers, and the memory from the stack pointer upwards.
//!
//! A copy costs about a microsecond, so a point's first call is sampled, then its 2nd, 4th, 8th, …,
//! and none within a millisecond of another of the process.
//!
//! A fault must be impossible. A thread's stack lies below its thread control block, in one mapping
//! with it; the main thread's lies below `__libc_stack_end`. What is read ends there, and the kernel
//! is asked for each page, since a program may have moved to a stack of its own.

use core::sync::atomic::{AtomicU64, Ordering, fence};

use locktoll_trace::recording::Why;
use locktoll_trace::recording::layout::{header, point, stack};

use crate::points::Call;
use crate::thread::Thread;
use crate::words::{put, word};
use crate::{clock, kernel, real, session};

const PAGE: usize = 4096;
/// Least time between two samples.
const PAUSE_NS: u64 = 1_000_000;

static LAST_NS: AtomicU64 = AtomicU64::new(0);

/// Samples the stack of a call, if one is due. Gives the sample's number plus one, or 0.
#[inline]
pub(crate) fn sample(thread: &Thread, call: &Call, number: usize, why: Why) -> u32 {
    let base = session::base();
    if base.is_null() {
        return 0;
    }
    // SAFETY: Mapping: a point's word.
    let seen = unsafe { word(base, session::shape().point(number) + point::STACKS) };
    let count = seen.load(Ordering::Relaxed).wrapping_add(1);
    seen.store(count, Ordering::Relaxed);
    if !count.is_power_of_two() {
        return 0;
    }
    take(base, thread, call, number, why)
}

#[cold]
fn take(base: *mut u8, thread: &Thread, call: &Call, number: usize, why: Why) -> u32 {
    let now = clock::at_ns(clock::ticks());
    let last = LAST_NS.load(Ordering::Relaxed);
    let due = now.saturating_sub(last) >= PAUSE_NS
        && LAST_NS
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
    if !due {
        // SAFETY: Mapping: the next call is due again.
        unsafe { word(base, session::shape().point(number) + point::STACKS) }
            .fetch_sub(1, Ordering::Relaxed);
        return 0;
    }
    let shape = session::shape();
    // SAFETY: Mapping.
    let taken = unsafe { word(base, header::STACKS_USED) }.fetch_add(1, Ordering::Relaxed);
    #[expect(clippy::cast_possible_truncation, reason = "below the capacity")]
    let slot = (taken % shape.stacks as u64) as usize;
    // SAFETY: Mapping: a sample. Its sequence number is odd until `finish`.
    unsafe {
        let to = base.add(shape.stack(slot));
        let sequence = word(to, stack::SEQUENCE);
        sequence.store(sequence.load(Ordering::Relaxed) | 1, Ordering::Relaxed);
        fence(Ordering::Release);
        for (at, value) in [
            (stack::POINT, number + 1),
            (stack::TID, thread.tid as usize),
            (stack::WHY, why.0 as usize),
            (stack::PC, call.site),
            (stack::SP, call.sp),
            (stack::FP, call.fp),
            (stack::LENGTH, copy(to, call.sp)),
        ] {
            put(to, at, value as u64);
        }
    }
    u32::try_from(slot + 1).unwrap_or(0)
}

/// Copies the stack from `sp` upwards into a sample; gives the number of bytes.
///
/// # Safety
///
/// `to` is a sample of the mapping that this thread writes.
unsafe fn copy(to: *mut u8, sp: usize) -> usize {
    let sp = sp & !7;
    let last = sp.saturating_add(stack::CAPACITY).min(stack_end(sp));
    let mut from = sp;
    while from < last {
        if !kernel::readable(from) {
            break;
        }
        let page = (from / PAGE + 1) * PAGE;
        while from < last.min(page) {
            // SAFETY: the kernel has just read this page, which is of the thread's own stack; the
            // sample has room for `CAPACITY` bytes. Volatile, since frames belong to other code.
            unsafe {
                let value = core::ptr::with_exposed_provenance::<u64>(from).read_volatile();
                put(to, stack::BYTES + (from - sp), value);
            }
            from += 8;
        }
    }
    from - sp
}

/// Where the stack that `sp` is on ends, as far as can be told.
fn stack_end(sp: usize) -> usize {
    /// Stacks that are larger are not looked for: the distance shows which one it is.
    const LARGEST: usize = 1 << 30;
    let ends = [real::thread_pointer(), real::main_stack_end()];
    ends.into_iter()
        .filter(|&end| end > sp && end - sp <= LARGEST)
        .min()
        .unwrap_or(sp)
        & !7
}

/// Completes a sample.
pub(crate) fn finish(base: *mut u8, slot: usize, ns: u64) {
    // SAFETY: Mapping: a sample that `sample` began.
    unsafe {
        let to = base.add(session::shape().stack(slot));
        put(to, stack::NS, ns);
        let sequence = word(to, stack::SEQUENCE);
        let after = (sequence.load(Ordering::Relaxed) | 1).wrapping_add(1);
        sequence.store(after, Ordering::Release);
    }
}
