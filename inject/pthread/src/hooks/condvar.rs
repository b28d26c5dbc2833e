//! Condition variables.
//!
//! A wait gives the mutex back and takes it again inside glibc, where nothing is interposed. So the
//! hold of the mutex ends before and begins anew after. What passed between is idle time and waiting
//! for the mutex together, which cannot be told apart; it is told of the condition variable.

use core::ffi::c_int;

use locktoll_trace::Kind;
use locktoll_trace::recording::LockBits;

use super::ENOSYS;
use crate::acquire::{Found, acquire, outcome};
use crate::clock;
use crate::points::Call;
use crate::real::{self, Object};
use crate::settle::settle;
use crate::thread::{self, Open};

#[inline(always)]
fn idle(
    cond: Object,
    mutex: Object,
    [site, sp, fp]: [usize; 3],
    bits: LockBits,
    real: impl FnOnce() -> c_int,
) -> c_int {
    let open = interrupt(mutex.addr());
    let call = Call {
        lock: cond.addr(),
        site,
        sp,
        fp,
        kind: Kind::CONDVAR,
        bits,
        simple: false,
    };
    let found = Found {
        taken: true,
        owner: 0,
        may_fail: true,
    };
    let result = acquire(&call, found, real, outcome);
    if let Some(open) = open {
        resume(open);
    }
    result
}

/// Ends the hold of a mutex, if it is timed.
fn interrupt(mutex: usize) -> Option<Open> {
    // SAFETY: Own.
    unsafe { (*thread::own()).find(mutex) }?;
    let end = clock::ticks();
    let thread = thread::enter()?;
    let open = thread.find(mutex).map(|index| thread.take(index));
    if let Some(open) = &open {
        settle(thread, open, Some(end));
    }
    thread.leave();
    open
}

/// Begins the hold anew, after a wait.
fn resume(before: Open) {
    if let Some(thread) = thread::enter() {
        if !thread.is_full() {
            thread.push(Open {
                since: clock::ticks(),
                wait: 0,
                wait_weight: 0,
                stack: 0,
                resumed: true,
                ..before
            });
        }
        thread.leave();
    }
}

pub(crate) unsafe extern "C-unwind" fn wait(
    cond: Object,
    mutex: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::cond_wait() else {
        return ENOSYS;
    };
    // SAFETY: Caller's.
    idle(
        cond,
        mutex,
        [site, sp, fp],
        LockBits::default(),
        || unsafe { real(cond, mutex) },
    )
}

pub(crate) unsafe extern "C-unwind" fn timedwait(
    cond: Object,
    mutex: Object,
    until: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::cond_timedwait() else {
        return ENOSYS;
    };
    // SAFETY: Caller's.
    let real = || unsafe { real(cond, mutex, until) };
    idle(cond, mutex, [site, sp, fp], LockBits::default(), real)
}

/// There is no register for the frame pointer here.
pub(crate) unsafe extern "C-unwind" fn clockwait(
    cond: Object,
    mutex: Object,
    clock: c_int,
    until: Object,
    site: usize,
    sp: usize,
) -> c_int {
    let Some(real) = real::cond_clockwait() else {
        return ENOSYS;
    };
    // SAFETY: Caller's.
    let real = || unsafe { real(cond, mutex, clock, until) };
    idle(cond, mutex, [site, sp, 0], LockBits::default(), real)
}

/// `thrd_error`.
const THRD_ERROR: c_int = 2;

pub(crate) unsafe extern "C-unwind" fn cnd_wait(
    cond: Object,
    mutex: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::cnd_wait() else {
        return THRD_ERROR;
    };
    // SAFETY: Caller's.
    idle(cond, mutex, [site, sp, fp], LockBits::C11, || unsafe {
        real(cond, mutex)
    })
}

pub(crate) unsafe extern "C-unwind" fn cnd_timedwait(
    cond: Object,
    mutex: Object,
    until: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::cnd_timedwait() else {
        return THRD_ERROR;
    };
    // SAFETY: Caller's.
    let real = || unsafe { real(cond, mutex, until) };
    idle(cond, mutex, [site, sp, fp], LockBits::C11, real)
}
