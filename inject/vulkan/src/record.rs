//! What goes to the trace, and that it is complete when the process ends.

use core::sync::atomic::{AtomicU64, Ordering};

use locktoll_guard::Counts;
use locktoll_inject::Figured;

use crate::locks::Locks;
use crate::process::Process;
use crate::tally;

/// As it stands in the trace.
pub(crate) const PRODUCER: &str = "vulkan layer";

static DEVICES: AtomicU64 = AtomicU64::new(0);

/// Counts a device, in every mode: this is how one sees that the layer was there.
pub(crate) fn count_device() {
    DEVICES.fetch_add(1, Ordering::Relaxed);
}

impl Figured for Locks {
    fn classes(&self) -> Vec<(&'static str, Counts)> {
        self.counts()
    }

    fn reset(&self) {
        Locks::reset(self);
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        tally::counters()
    }

    fn standing(&self) -> Vec<(&'static str, u64)> {
        vec![("devices", DEVICES.load(Ordering::Relaxed))]
    }
}

/// Sees to it that the record is complete when the process ends by `exit`.
pub(crate) fn flush_at_exit() {
    // SAFETY: the function lives as long as the library, which is never unloaded (`build.rs`). A
    // failure means that only the regular writes are kept, which is what a crash leaves as well.
    let _ = unsafe { libc::atexit(at_exit) };
}

extern "C" fn at_exit() {
    if let Some(process) = Process::existing()
        && let Some(record) = &process.record
    {
        record.end(&process.locks);
    }
}
