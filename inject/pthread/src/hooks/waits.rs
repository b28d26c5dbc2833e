//! Semaphores and barriers: waits without an owner and without a hold.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

use locktoll_trace::Kind;
use locktoll_trace::recording::LockBits;

use super::ENOSYS;
use crate::acquire::{Found, Outcome, acquire, outcome};
use crate::points::Call;
use crate::real::{self, Object};

#[inline(always)]
fn wait(
    object: Object,
    kind: Kind,
    waits: bool,
    [site, sp, fp]: [usize; 3],
    real: impl FnOnce() -> c_int,
    outcome: impl Fn(c_int) -> Outcome,
) -> c_int {
    let call = Call {
        lock: object.addr(),
        site,
        sp,
        fp,
        kind,
        bits: LockBits::default(),
        simple: false,
    };
    let found = Found {
        taken: waits,
        owner: 0,
        may_fail: true,
    };
    acquire(&call, found, real, outcome)
}

/// Whether a semaphore's value is 0. It is in the lower half of the first word on 64-bit machines:
/// `struct new_sem` in glibc's `nptl/semaphoreP.h`.
///
/// # Safety
///
/// `semaphore` is one (invariant Caller's).
#[inline(always)]
unsafe fn empty(semaphore: Object) -> bool {
    let half = usize::from(cfg!(target_endian = "big"));
    // SAFETY: the caller's; glibc too accesses this word by atomics.
    unsafe { &*semaphore.cast::<AtomicU32>().add(half) }.load(Ordering::Relaxed) == 0
}

pub(crate) unsafe extern "C-unwind" fn sem_wait(
    s: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::sem_wait() else {
        return ENOSYS;
    };
    // SAFETY: Caller's.
    let (empty, real) = unsafe { (empty(s), || real(s)) };
    wait(s, Kind::SEMAPHORE, empty, [site, sp, fp], real, outcome)
}

pub(crate) unsafe extern "C-unwind" fn sem_timedwait(
    s: Object,
    until: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::sem_timedwait() else {
        return ENOSYS;
    };
    // SAFETY: Caller's.
    let (empty, real) = unsafe { (empty(s), || real(s, until)) };
    wait(s, Kind::SEMAPHORE, empty, [site, sp, fp], real, outcome)
}

pub(crate) unsafe extern "C-unwind" fn sem_clockwait(
    s: Object,
    clock: c_int,
    until: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::sem_clockwait() else {
        return ENOSYS;
    };
    // SAFETY: Caller's.
    let (empty, real) = unsafe { (empty(s), || real(s, clock, until)) };
    wait(s, Kind::SEMAPHORE, empty, [site, sp, fp], real, outcome)
}

/// Of the threads that meet, the last does not wait; it cannot be told beforehand.
pub(crate) unsafe extern "C-unwind" fn barrier_wait(
    b: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    const SERIAL_THREAD: c_int = -1;
    let Some(real) = real::barrier_wait() else {
        return ENOSYS;
    };
    let outcome = |result| match result {
        SERIAL_THREAD => Outcome::Had,
        _ => outcome(result),
    };
    // SAFETY: Caller's.
    let real = || unsafe { real(b) };
    wait(b, Kind::BARRIER, true, [site, sp, fp], real, outcome)
}
