//! Reader-writer locks.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

use locktoll_trace::Kind;
use locktoll_trace::recording::LockBits;

use super::{EBUSY, ENOSYS};
use crate::acquire::{Found, Outcome, acquire, outcome, release};
use crate::points::Call;
use crate::real::{self, Object};

/// The beginning of glibc's `pthread_rwlock_t` on 64-bit machines since 2.30: `struct
/// __pthread_rwlock_arch_t` in `bits/struct_rwlock.h`.
#[repr(C)]
struct RwLock {
    /// The bits below, and the number of readers above them.
    readers: AtomicU32,
    writers: AtomicU32,
    phase: AtomicU32,
    waiters: AtomicU32,
    unused: [u32; 2],
    /// The thread that writes.
    writer: AtomicU32,
    shared: u32,
    /// Of lock elision, on some machines.
    elision: [u64; 2],
    /// Who goes first.
    flags: AtomicU32,
}

const _: () = assert!(core::mem::offset_of!(RwLock, flags) == 48);

/// Bits of `readers`: `nptl/pthread_rwlock_common.c` in glibc, which tells the states at length.
const WRITE_PHASE: u32 = 1;
const WRITE_LOCKED: u32 = 2;
const READERS_SHIFT: u32 = 3;
/// `PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP`: readers let a writer that waits go first.
const PREFER_WRITERS: u32 = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Read,
    Write,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Waits,
    WaitsForATime,
    Tries,
}

/// # Safety
///
/// `lock` is one (invariant Caller's).
#[inline(always)]
unsafe fn take(
    lock: Object,
    to: To,
    how: How,
    [site, sp, fp]: [usize; 3],
    real: impl FnOnce() -> c_int,
) -> c_int {
    // SAFETY: the caller's; glibc too accesses these words by atomics.
    let seen = unsafe { &*lock.cast::<RwLock>() };
    let readers = seen.readers.load(Ordering::Relaxed);
    let written = readers & WRITE_LOCKED != 0;
    let blocked = match to {
        To::Read if readers & WRITE_PHASE != 0 => written,
        To::Read => {
            written
                && readers >> READERS_SHIFT != 0
                && seen.flags.load(Ordering::Relaxed) == PREFER_WRITERS
        }
        To::Write => written || readers >> READERS_SHIFT != 0,
    };
    let found = Found {
        taken: blocked && how != How::Tries,
        owner: seen.writer.load(Ordering::Relaxed),
        may_fail: true,
    };
    let call = Call {
        lock: lock.addr(),
        site,
        sp,
        fp,
        kind: Kind::RWLOCK,
        bits: if to == To::Read {
            LockBits::READ
        } else {
            LockBits::default()
        },
        simple: false,
    };
    acquire(&call, found, real, |result| {
        if how == How::Tries && result == EBUSY {
            Outcome::Refused
        } else {
            outcome(result)
        }
    })
}

macro_rules! simple {
    ($($name:ident = $real:ident $to:ident $how:ident;)*) => {
        $(
            pub(crate) unsafe extern "C-unwind" fn $name(
                lock: Object,
                site: usize,
                sp: usize,
                fp: usize,
            ) -> c_int {
                // SAFETY: Caller's.
                unsafe { take(lock, To::$to, How::$how, [site, sp, fp], || real::$real()(lock)) }
            }
        )*
    };
}

simple! {
    rdlock = rdlock Read Waits;
    tryrdlock = tryrdlock Read Tries;
    wrlock = wrlock Write Waits;
    trywrlock = trywrlock Write Tries;
}

macro_rules! limited {
    ($($timed:ident $clocked:ident $to:ident;)*) => {
        $(
            pub(crate) unsafe extern "C-unwind" fn $timed(
                lock: Object,
                until: Object,
                site: usize,
                sp: usize,
                fp: usize,
            ) -> c_int {
                let Some(real) = real::$timed() else {
                    return ENOSYS;
                };
                let from = [site, sp, fp];
                // SAFETY: Caller's.
                unsafe { take(lock, To::$to, How::WaitsForATime, from, || real(lock, until)) }
            }

            pub(crate) unsafe extern "C-unwind" fn $clocked(
                lock: Object,
                clock: c_int,
                until: Object,
                site: usize,
                sp: usize,
                fp: usize,
            ) -> c_int {
                let Some(real) = real::$clocked() else {
                    return ENOSYS;
                };
                let from = [site, sp, fp];
                // SAFETY: Caller's.
                unsafe { take(lock, To::$to, How::WaitsForATime, from, || real(lock, clock, until)) }
            }
        )*
    };
}

limited! {
    timedrdlock clockrdlock Read;
    timedwrlock clockwrlock Write;
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C-unwind" fn pthread_rwlock_unlock(lock: Object) -> c_int {
    // SAFETY: Caller's.
    release(lock.addr(), || unsafe { real::rwlock_unlock()(lock) })
}
