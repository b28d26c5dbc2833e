//! Spinlocks.

use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, Ordering};

use locktoll_trace::Kind;
use locktoll_trace::recording::LockBits;

use super::{EBUSY, ENOSYS};
use crate::acquire::{Found, Outcome, acquire, outcome, release};
use crate::points::Call;
use crate::real::{self, Object};

/// What a free one holds: `pthread_spin_unlock` of each architecture in glibc.
#[cfg(target_arch = "x86_64")]
const FREE: i32 = 1;
#[cfg(target_arch = "aarch64")]
const FREE: i32 = 0;

fn call(lock: Object, [site, sp, fp]: [usize; 3]) -> Call {
    Call {
        lock: lock.addr(),
        site,
        sp,
        fp,
        kind: Kind::SPINLOCK,
        bits: LockBits::default(),
        simple: false,
    }
}

pub(crate) unsafe extern "C-unwind" fn lock(l: Object, site: usize, sp: usize, fp: usize) -> c_int {
    let Some(real) = real::spin_lock() else {
        return ENOSYS;
    };
    // SAFETY: Caller's: the lock is one `int`.
    let word = unsafe { &*l.cast::<AtomicI32>() };
    let found = Found {
        taken: word.load(Ordering::Relaxed) != FREE,
        owner: 0,
        may_fail: false,
    };
    // SAFETY: Caller's.
    acquire(
        &call(l, [site, sp, fp]),
        found,
        || unsafe { real(l) },
        outcome,
    )
}

pub(crate) unsafe extern "C-unwind" fn trylock(
    l: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::spin_trylock() else {
        return ENOSYS;
    };
    let found = Found {
        taken: false,
        owner: 0,
        may_fail: true,
    };
    let outcome = |result| match result {
        EBUSY => Outcome::Refused,
        _ => outcome(result),
    };
    // SAFETY: Caller's.
    acquire(
        &call(l, [site, sp, fp]),
        found,
        || unsafe { real(l) },
        outcome,
    )
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C-unwind" fn pthread_spin_unlock(l: Object) -> c_int {
    let Some(real) = real::spin_unlock() else {
        return ENOSYS;
    };
    // SAFETY: Caller's.
    release(l.addr(), || unsafe { real(l) })
}
