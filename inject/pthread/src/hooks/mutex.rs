//! Mutexes, by their names of pthreads and of C11.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

use locktoll_trace::Kind;
use locktoll_trace::recording::LockBits;

use super::{EBUSY, ENOSYS};
use crate::acquire::{Found, Outcome, acquire, outcome, release};
use crate::points::Call;
use crate::real::{self, Object};
use crate::thread;

/// The beginning of glibc's `pthread_mutex_t` and `mtx_t`, the same on all 64-bit machines since
/// 2.4: `struct __pthread_mutex_s` in `bits/struct_mutex.h`.
#[repr(C)]
struct Mutex {
    /// 0: free. Else taken, with flags or the owner's number by kind.
    lock: AtomicU32,
    /// How often a recursive one is taken.
    count: AtomicU32,
    owner: AtomicU32,
    users: AtomicU32,
    kind: AtomicU32,
}

/// Bits of `kind`: `nptl/pthreadP.h` in glibc.
const TYPE: u32 = 3;
const RECURSIVE: u32 = 1;
const ERROR_CHECKING: u32 = 2;
const ADAPTIVE: u32 = 3;
const ROBUST: u32 = 16;
const INHERIT: u32 = 32;
const PROTECT: u32 = 64;
const SHARED: u32 = 128;
/// Bits of the lock word of robust and priority-inheritance mutexes: `linux/futex.h`.
const TID: u32 = 0x3fff_ffff;
const OWNER_DIED: u32 = 0x4000_0000;
/// Bits of the lock word of priority-protected ones that are the ceiling.
const CEILING: u32 = 0xfff8_0000;

/// A mutex as it was when a call began.
struct Seen {
    bits: LockBits,
    found: Found,
    simple: bool,
    /// The caller has it already, and will have it once more.
    again: bool,
}

impl Seen {
    /// # Safety
    ///
    /// `mutex` is one (invariant Caller's).
    #[inline(always)]
    unsafe fn of(mutex: Object) -> Seen {
        // SAFETY: the caller's; glibc too accesses these words by atomics.
        let mutex = unsafe { &*mutex.cast::<Mutex>() };
        let kind = mutex.kind.load(Ordering::Relaxed);
        let lock = mutex.lock.load(Ordering::Relaxed);
        let mut owner = mutex.owner.load(Ordering::Relaxed);
        let mut taken = lock != 0;
        if kind & (ROBUST | INHERIT | PROTECT) != 0 {
            if kind & PROTECT != 0 {
                taken = lock & !CEILING != 0;
            } else {
                owner = lock & TID;
                taken = owner != 0 && lock & OWNER_DIED == 0;
            }
        }
        let bits = if kind == 0 {
            LockBits::default()
        } else {
            bits_of(kind)
        };
        let mine = taken && kind & TYPE != 0 && kind & TYPE != ADAPTIVE && owner == thread::tid();
        let simple = kind & (ROBUST | PROTECT | INHERIT) == 0;
        Seen {
            bits,
            found: Found {
                taken: taken && !mine,
                owner,
                may_fail: !simple || mine,
            },
            simple,
            again: mine && kind & TYPE == RECURSIVE,
        }
    }
}

fn bits_of(kind: u32) -> LockBits {
    let mut bits = match kind & TYPE {
        RECURSIVE => LockBits::RECURSIVE,
        ERROR_CHECKING => LockBits::ERROR_CHECKING,
        ADAPTIVE => LockBits::ADAPTIVE,
        _ => LockBits::default(),
    };
    for (bit, told) in [
        (ROBUST, LockBits::ROBUST),
        (INHERIT, LockBits::PRIORITY_INHERIT),
        (PROTECT, LockBits::PRIORITY_PROTECT),
        (SHARED, LockBits::PROCESS_SHARED),
    ] {
        // glibc sets this bit of all robust ones.
        let told_by_another = bit == SHARED && kind & ROBUST != 0;
        if kind & bit != 0 && !told_by_another {
            bits = bits | told;
        }
    }
    bits
}

/// Where a call came from.
#[derive(Clone, Copy)]
struct From {
    site: usize,
    sp: usize,
    fp: usize,
}

/// # Safety
///
/// `mutex` is one (invariant Caller's).
#[inline(always)]
unsafe fn take(
    mutex: Object,
    from: From,
    name: LockBits,
    adjust: impl FnOnce(&mut Found),
    real: impl FnOnce() -> c_int,
    outcome: impl Fn(c_int) -> Outcome,
) -> c_int {
    // SAFETY: the caller's.
    let mut seen = unsafe { Seen::of(mutex) };
    if seen.again {
        return real();
    }
    adjust(&mut seen.found);
    let call = Call {
        lock: mutex.addr(),
        site: from.site,
        sp: from.sp,
        fp: from.fp,
        kind: Kind::MUTEX,
        bits: seen.bits | name,
        simple: seen.simple,
    };
    acquire(&call, seen.found, real, outcome)
}

const PTHREAD: LockBits = LockBits(0);

fn waits(_: &mut Found) {}

fn waits_for_a_time(found: &mut Found) {
    found.may_fail = true;
}

fn tries(found: &mut Found) {
    found.taken = false;
    found.may_fail = true;
}

fn tried(result: c_int) -> Outcome {
    if result == EBUSY {
        Outcome::Refused
    } else {
        outcome(result)
    }
}

/// What a C11 function's result means: `thrd_success` is 0, `thrd_busy` 1.
fn c11_outcome(result: c_int) -> Outcome {
    match result {
        0 => Outcome::Had,
        1 => Outcome::Refused,
        _ => Outcome::Vain,
    }
}

pub(crate) unsafe extern "C-unwind" fn lock(m: Object, site: usize, sp: usize, fp: usize) -> c_int {
    let from = From { site, sp, fp };
    // SAFETY: Caller's.
    unsafe { take(m, from, PTHREAD, waits, || real::mutex_lock()(m), outcome) }
}

pub(crate) unsafe extern "C-unwind" fn trylock(
    m: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let from = From { site, sp, fp };
    // SAFETY: Caller's.
    unsafe { take(m, from, PTHREAD, tries, || real::mutex_trylock()(m), tried) }
}

pub(crate) unsafe extern "C-unwind" fn timedlock(
    m: Object,
    until: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::mutex_timedlock() else {
        return ENOSYS;
    };
    let from = From { site, sp, fp };
    // SAFETY: Caller's.
    unsafe {
        take(
            m,
            from,
            PTHREAD,
            waits_for_a_time,
            || real(m, until),
            outcome,
        )
    }
}

pub(crate) unsafe extern "C-unwind" fn clocklock(
    m: Object,
    clock: c_int,
    until: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::mutex_clocklock() else {
        return ENOSYS;
    };
    let from = From { site, sp, fp };
    // SAFETY: Caller's.
    unsafe {
        take(
            m,
            from,
            PTHREAD,
            waits_for_a_time,
            || real(m, clock, until),
            outcome,
        )
    }
}

/// # Safety
///
/// `mutex` is one (invariant Caller's).
#[inline(always)]
unsafe fn give(mutex: Object, real: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the caller's, as in `Seen::of`.
    let inner = unsafe { &*mutex.cast::<Mutex>() };
    let again = inner.kind.load(Ordering::Relaxed) & TYPE == RECURSIVE
        && inner.count.load(Ordering::Relaxed) > 1;
    if again {
        return real();
    }
    release(mutex.addr(), real)
}

pub(crate) unsafe extern "C-unwind" fn unlock(m: Object) -> c_int {
    // SAFETY: Caller's.
    unsafe { give(m, || real::mutex_unlock()(m)) }
}

/// `thrd_error`, which C11 functions return instead of an error number.
const THRD_ERROR: c_int = 2;

pub(crate) unsafe extern "C-unwind" fn mtx_lock(
    m: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::mtx_lock() else {
        return THRD_ERROR;
    };
    let from = From { site, sp, fp };
    // SAFETY: Caller's.
    unsafe { take(m, from, LockBits::C11, waits, || real(m), c11_outcome) }
}

pub(crate) unsafe extern "C-unwind" fn mtx_trylock(
    m: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::mtx_trylock() else {
        return THRD_ERROR;
    };
    let from = From { site, sp, fp };
    // SAFETY: Caller's.
    unsafe { take(m, from, LockBits::C11, tries, || real(m), c11_outcome) }
}

pub(crate) unsafe extern "C-unwind" fn mtx_timedlock(
    m: Object,
    until: Object,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let Some(real) = real::mtx_timedlock() else {
        return THRD_ERROR;
    };
    let from = From { site, sp, fp };
    // SAFETY: Caller's.
    unsafe {
        take(
            m,
            from,
            LockBits::C11,
            waits_for_a_time,
            || real(m, until),
            c11_outcome,
        )
    }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C-unwind" fn mtx_unlock(m: Object) -> c_int {
    let Some(real) = real::mtx_unlock() else {
        return THRD_ERROR;
    };
    // SAFETY: Caller's.
    unsafe { give(m, || real(m)) }
}
