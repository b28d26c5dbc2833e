//! A child that the process forks.
//!
//! Of its parent's threads a child has one, and the locks that the others held stay locked in it for
//! ever: sections, lists, and the tables of the lock library itself, which no child can put right. So a
//! child is not guarded. Its calls go to the driver as they would without this library, it counts
//! nothing and writes no trace, and whoever asks is told so without a lock.
//!
//! A thread that forks inside a guarded call, which only a driver could do, leaves that call's section in
//! the child too, and may wait there for a thread that it has not.

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Once;

use crate::protection::Protection;

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

static IS_CHILD: AtomicBool = AtomicBool::new(false);

/// Has children that are forked from now on do without the guard.
pub(crate) fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        // SAFETY: the function stays, since the library is never unloaded (`build.rs`), and only stores. That
        // there is no memory for it is no reason to guard nothing.
        let _ = unsafe { pthread_atfork(None, None, Some(forked)) };
    });
}

extern "C" fn forked() {
    IS_CHILD.store(true, Ordering::Relaxed);
    Protection::set(None);
}

/// Whether this process was forked off one that was guarded.
#[inline]
pub(crate) fn is_child() -> bool {
    IS_CHILD.load(Ordering::Relaxed)
}
