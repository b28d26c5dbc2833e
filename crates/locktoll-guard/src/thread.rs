//! What this crate keeps for each thread.
//!
//! It is a constant without a destructor: foreign code calls in from threads that we did not
//! start, also while they end. A thread is therefore named by the address of this value, and the
//! name of an ended thread may return as that of a new one. That does no harm. The ended thread is
//! in no section (if it has leaked one, the new thread is in it), its counts only ever add up, and
//! whatever the system does to hand memory on orders the old thread's writes before the new one's
//! reads.
//!
//! [`Addresses`]: crate::addresses::Addresses
//! [`Blocks`]: crate::blocks::Blocks

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::blocks::Block;
use crate::sync::{self, per_thread};

/// The name of a live thread, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadId(usize);

/// The guards whose block a thread finds without searching. More guards than these, used in turn
/// by one thread, cost a search each time and nothing else.
const REMEMBERED: usize = 8;

/// A block of this thread, and the number of the [`Blocks`] that it is of.
type Remembered = Cell<(u64, *const Block)>;

struct Local {
    /// Sections of a lock that this thread has entered and not yet left, nested ones of the same
    /// lock left out.
    sections: Cell<usize>,
    /// The block used last.
    last: Remembered,
    /// Others, by their number.
    blocks: [Remembered; REMEMBERED],
    /// The entry used last, its address, and the number of its [`Addresses`].
    last_entry: Cell<(u64, usize, *const ())>,
}

per_thread! {
    static LOCAL: Local = Local {
        sections: Cell::new(0),
        last: Cell::new((0, ptr::null())),
        blocks: [const { Cell::new((0, ptr::null())) }; REMEMBERED],
        last_entry: Cell::new((0, 0, ptr::null())),
    };
}

impl ThreadId {
    /// The calling thread.
    #[inline]
    pub(crate) fn current() -> ThreadId {
        ThreadId(LOCAL.with(sync::thread_name))
    }

    pub(crate) fn as_usize(self) -> usize {
        self.0
    }
}

/// A number other than 0 that names the calling thread among the live ones: the name that this
/// crate's locks know it by. That of an ended thread may return as that of a new one.
#[inline]
pub fn thread_name() -> usize {
    ThreadId::current().as_usize()
}

/// Whether the calling thread is in a section of any lock of this crate's; permits are no locks.
pub fn is_in_a_section() -> bool {
    LOCAL.with(|local| local.sections.get() != 0)
}

/// Notes that the calling thread has entered a section.
#[inline]
pub(crate) fn enter() {
    LOCAL.with(|local| local.sections.set(local.sections.get().wrapping_add(1)));
}

/// Notes that the calling thread has left a section.
#[inline]
pub(crate) fn leave() {
    LOCAL.with(|local| local.sections.set(local.sections.get().wrapping_sub(1)));
}

/// The block that the calling thread used last, if it is that of `number`, which is never 0.
#[inline]
pub(crate) fn last_block(number: u64) -> Option<*const Block> {
    LOCAL.with(|local| {
        let (of, block) = local.last.get();
        (of == number).then_some(block)
    })
}

/// The block that the calling thread remembers for `number`, or else the one that `find` returns.
pub(crate) fn remembered_block(number: u64, find: impl FnOnce() -> *const Block) -> *const Block {
    LOCAL.with(|local| {
        // Any bits of the number do; the low ones tell guards made one after another apart.
        let place = &local.blocks[number.to_le_bytes()[0] as usize % REMEMBERED];
        if place.get().0 != number {
            place.set((number, find()));
        }
        local.last.set(place.get());
        place.get().1
    })
}

/// The entry that the calling thread used last, if it was for this address of this number.
#[inline]
pub(crate) fn last_entry(number: u64, address: usize) -> Option<*const ()> {
    LOCAL.with(|local| {
        let (of, last, entry) = local.last_entry.get();
        (of == number && last == address).then_some(entry)
    })
}

pub(crate) fn remember_entry(number: u64, address: usize, entry: *const ()) {
    LOCAL.with(|local| local.last_entry.set((number, address, entry)));
}

/// A number other than 0 that was never returned before: what is remembered under it cannot be
/// mistaken for that of something freed since.
pub(crate) fn unused_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn live_threads_have_different_names() {
        let mine = ThreadId::current();
        let other =
            std::thread::scope(|scope| scope.spawn(ThreadId::current).join().expect("no panic"));
        assert_ne!(mine, other);
        assert_eq!(mine, ThreadId::current());
        assert_ne!(mine.as_usize(), 0);
    }

    #[test]
    fn a_block_is_searched_when_another_took_its_place() {
        let block = |address| ptr::without_provenance::<Block>(address);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                assert_eq!(last_block(9), None);
                assert_eq!(remembered_block(9, || block(4)), block(4));
                assert_eq!(remembered_block(10, || block(5)), block(5));
                assert_eq!((last_block(9), last_block(10)), (None, Some(block(5))));
                assert_eq!(
                    remembered_block(9, || unreachable!("is remembered")),
                    block(4)
                );
                assert_eq!((last_block(9), last_block(10)), (Some(block(4)), None));
                assert_eq!(remembered_block(9 + 8, || block(6)), block(6));
                assert_eq!(remembered_block(9, || block(7)), block(7));
            });
        });
    }
}
