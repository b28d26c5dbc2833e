//! Waits at a futex that a program asks for by `syscall`: those of the locks of Rust's standard
//! library and of `parking_lot`, whose fast path is in the program itself.

use core::ffi::{c_int, c_long, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};

use locktoll_trace::Kind;
use locktoll_trace::recording::LockBits;

use crate::acquire::{Found, Outcome, acquire};
use crate::points::Call;
use crate::{entry, kernel, real};

/// Where calls of `syscall` go on that are no such wait: to glibc's.
pub(crate) static OTHER_CALLS: AtomicPtr<c_void> =
    AtomicPtr::new(entry::plain_syscall as unsafe extern "C" fn() as *mut c_void);

unsafe extern "C" {
    fn __errno_location() -> *mut c_int;
}

/// Sends other calls to glibc's function.
pub(crate) fn find() {
    if let Some(syscall) = real::syscall() {
        OTHER_CALLS.store(syscall as *mut c_void, Ordering::Release);
    }
}

/// What `syscall` does with an error number that the kernel gave back as a negative result.
pub(crate) unsafe extern "C" fn failed(result: c_long) -> c_long {
    let number = c_int::try_from(result.wrapping_neg()).unwrap_or(0);
    // SAFETY: the calling thread's `errno`.
    unsafe { *__errno_location() = number };
    -1
}

pub(crate) unsafe extern "C-unwind" fn wait(
    futex: usize,
    operation: usize,
    value: usize,
    until: usize,
    second: usize,
    mask: usize,
    site: usize,
    sp: usize,
    fp: usize,
) -> c_long {
    const EINTR: c_int = -4;
    const EAGAIN: c_int = -11;
    let call = Call {
        lock: futex,
        site,
        sp,
        fp,
        kind: Kind::FUTEX,
        bits: LockBits::default(),
        simple: false,
    };
    let found = Found {
        taken: true,
        owner: 0,
        may_fail: true,
    };
    let real = || {
        // SAFETY: the program's own call.
        let result = unsafe { kernel::futex([futex, operation, value, until, second, mask]) };
        c_int::try_from(result).unwrap_or(0)
    };
    let result = acquire(&call, found, real, |result| match result {
        // The word had changed, so there was no wait.
        EAGAIN => Outcome::Refused,
        0.. | EINTR => Outcome::Had,
        _ => Outcome::Vain,
    });
    if result < 0 {
        // SAFETY: as its contract.
        unsafe { failed(c_long::from(result)) }
    } else {
        c_long::from(result)
    }
}
