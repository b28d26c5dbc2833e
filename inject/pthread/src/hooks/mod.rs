//! What each interposed function does, but for the mutex's fast path.

pub(crate) mod condvar;
pub(crate) mod futex;
pub(crate) mod mutex;
pub(crate) mod rwlock;
pub(crate) mod spinlock;
pub(crate) mod waits;

use core::ffi::c_int;

/// What a call returns whose function this glibc does not have. No program can have been linked to
/// it then.
pub(crate) const ENOSYS: c_int = 38;
pub(crate) const EBUSY: c_int = 16;
