//! The buffers that a command buffer keeps alive.
//!
//! They stay kept when the command buffer is recycled, so that an op that binds what the last one
//! bound changes no reference count: counts of buffers that many threads read would be cache lines
//! that all of them write, a contention of our own in the middle of the measurement. What its user
//! has dropped is let go at the next use.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use parking_lot::Mutex;

use super::buffer::BufferObject;

/// Buffers kept without a lock.
const FIRST: usize = 16;
/// Buffers beyond these that are kept from one use to the next.
const MOST_IDLE: usize = 64;

/// # Invariant
///
/// Each pointer of `first` is null or owns one count of an `Arc`. A pointer that is not null
/// changes only under `&mut self`.
#[derive(Default)]
pub(super) struct Retained {
    first: [AtomicPtr<BufferObject>; FIRST],
    more: Mutex<Vec<Arc<BufferObject>>>,
}

impl Retained {
    /// Keeps `buffer` until it is let go.
    pub(super) fn keep(&self, buffer: &Arc<BufferObject>) {
        let wanted = Arc::as_ptr(buffer).cast_mut();
        for entry in &self.first {
            let mut found = entry.load(Ordering::Acquire);
            if found.is_null() {
                let counted = Arc::into_raw(Arc::clone(buffer)).cast_mut();
                match entry.compare_exchange(found, counted, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return,
                    Err(other) => {
                        // SAFETY: `into_raw` of just now, whose count nobody else got.
                        drop(unsafe { Arc::from_raw(counted) });
                        found = other;
                    }
                }
            }
            if found == wanted {
                return;
            }
        }
        let mut more = self.more.lock();
        if !more.iter().any(|kept| Arc::ptr_eq(kept, buffer)) {
            more.push(Arc::clone(buffer));
        }
    }

    /// Lets go of what users have dropped. The device must have completed all that used it.
    pub(super) fn release_orphans(&mut self) {
        let mut free = 0;
        for index in 0..FIRST {
            let kept = std::mem::replace(self.first[index].get_mut(), ptr::null_mut());
            if kept.is_null() {
                break;
            }
            // SAFETY: by the invariant the pointer owns a count, which it has just given up.
            let buffer = unsafe { Arc::from_raw(kept) };
            if !buffer.is_orphan() {
                *self.first[free].get_mut() = Arc::into_raw(buffer).cast_mut();
                free += 1;
            }
        }
        let more = self.more.get_mut();
        more.retain(|buffer| !buffer.is_orphan());
        if more.len() > MOST_IDLE {
            more.clear();
        }
    }
}

impl Drop for Retained {
    fn drop(&mut self) {
        for entry in &mut self.first {
            let kept = *entry.get_mut();
            if !kept.is_null() {
                // SAFETY: by the invariant the pointer owns a count, which nobody uses after this.
                drop(unsafe { Arc::from_raw(kept) });
            }
        }
    }
}
