//! What the environment said, copied: programs that set their own title (`setproctitle` of Redis,
//! `PostgreSQL` and others) write over the strings that they were started with.

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// A folder, a lock and 32 call sites with the paths of their objects.
const SIZE: usize = 1 << 16;

struct Room(UnsafeCell<[u8; SIZE]>);

// SAFETY: invariant Kept.
unsafe impl Sync for Room {}

static ROOM: Room = Room(UnsafeCell::new([0; SIZE]));
static USED: AtomicUsize = AtomicUsize::new(0);

/// A copy that stays as long as the process; `None` where there is no room. A zero ends it.
pub(crate) fn copy(text: &[u8]) -> Option<&'static CStr> {
    let length = text.len() + 1;
    let from = USED
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(length).filter(|&end| end <= SIZE)
        })
        .ok()?;
    // SAFETY: invariant Kept: `from..from + length` was given to this call alone, and lies inside.
    let bytes: &'static [u8] = unsafe {
        let to = ROOM.0.get().cast::<u8>().add(from);
        to.copy_from_nonoverlapping(text.as_ptr(), text.len());
        core::slice::from_raw_parts(to, length)
    };
    CStr::from_bytes_with_nul(bytes).ok()
}
