//! From a handle to a record, read without a lock and without anything of the reading thread's own.
//!
//! Hooks are called from threads that are ending and after `main` has returned, when a thread's own
//! values are gone. A map that keeps something for each of its readers, as those that reclaim memory
//! do, panics there, which in a hook ends the program. So nothing here is ever given back: a table
//! that is too small gets a larger one before it, and records are used again.
//!
//! # Invariant
//!
//! A slot's `record` is stored before its `handle`. Who finds a handle that is live finds its
//! record, since handles are put in before the program has them, and taken out when it may not use
//! them any more. A program that breaks that rule gets some record or none, but no freed memory.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Handles are not 0 in Vulkan.
const EMPTY: usize = 0;
/// Not a handle: those are addresses or numbers of a driver's, never the last one.
const REMOVED: usize = usize::MAX;
/// Slots of the first table; a power of two.
const FIRST: usize = 256;

/// A map from handles to records that live as long as the process.
pub(crate) struct Handles<T: 'static> {
    /// The table that new handles go to, and behind it the older ones.
    newest: AtomicPtr<Table<T>>,
    /// Slots of the newest table that were ever used. Held by those who write.
    used: Mutex<usize>,
}

struct Table<T: 'static> {
    slots: Box<[Slot<T>]>,
    older: Option<&'static Table<T>>,
}

struct Slot<T> {
    handle: AtomicUsize,
    record: AtomicPtr<T>,
}

impl<T: Sync> Handles<T> {
    pub(crate) const fn new() -> Self {
        Handles {
            newest: AtomicPtr::new(ptr::null_mut()),
            used: Mutex::new(0),
        }
    }

    /// The record of a handle.
    #[inline]
    pub(crate) fn get(&self, handle: usize) -> Option<&'static T> {
        let mut table = self.newest();
        while let Some(each) = table {
            if let Some(slot) = each.find(handle) {
                // SAFETY: by the invariant, null or a record that lives as long as the process.
                return unsafe { slot.record.load(Ordering::Acquire).as_ref() };
            }
            table = each.older;
        }
        None
    }

    /// Puts a handle in, in place of what it stood for.
    pub(crate) fn insert(&self, handle: usize, record: &'static T) {
        let mut used = self.used.lock();
        self.take_out(handle);
        let room = self.newest().filter(|table| *used < table.slots.len() / 2);
        let table = room.unwrap_or_else(|| {
            *used = 0;
            self.grow()
        });
        let slot = table.free(handle);
        if slot.handle.load(Ordering::Relaxed) == EMPTY {
            *used += 1;
        }
        slot.record
            .store(ptr::from_ref(record).cast_mut(), Ordering::Release);
        slot.handle.store(handle, Ordering::Release);
    }

    /// Takes a handle out.
    pub(crate) fn remove(&self, handle: usize) -> Option<&'static T> {
        let _writer = self.used.lock();
        self.take_out(handle)
    }

    fn take_out(&self, handle: usize) -> Option<&'static T> {
        let mut table = self.newest();
        while let Some(each) = table {
            if let Some(slot) = each.find(handle) {
                slot.handle.store(REMOVED, Ordering::Release);
                // SAFETY: as in `get`.
                return unsafe { slot.record.load(Ordering::Acquire).as_ref() };
            }
            table = each.older;
        }
        None
    }

    #[inline]
    fn newest(&self) -> Option<&'static Table<T>> {
        // SAFETY: null, or a table that `grow` has leaked.
        unsafe { self.newest.load(Ordering::Acquire).as_ref() }
    }

    fn grow(&self) -> &'static Table<T> {
        let older = self.newest();
        let size = older.map_or(FIRST, |table| table.slots.len() * 2);
        let empty = || Slot {
            handle: AtomicUsize::new(EMPTY),
            record: AtomicPtr::new(ptr::null_mut()),
        };
        let table = Box::leak(Box::new(Table {
            slots: (0..size).map(|_| empty()).collect(),
            older,
        }));
        self.newest.store(table, Ordering::Release);
        table
    }
}

impl<T> Table<T> {
    /// Slots in the order in which a handle may be in them. At least half are empty, so that a
    /// search ends soon.
    #[inline]
    fn slots_of(&self, handle: usize) -> impl Iterator<Item = &Slot<T>> {
        // 2^64 divided by the golden ratio (Knuth, section 6.4); the good bits are the high ones.
        let mixed = (handle as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let start = (mixed >> 32) as usize;
        let mask = self.slots.len() - 1;
        (0..self.slots.len()).map(move |step| &self.slots[(start + step) & mask])
    }

    #[inline]
    fn find(&self, handle: usize) -> Option<&Slot<T>> {
        for slot in self.slots_of(handle) {
            match slot.handle.load(Ordering::Acquire) {
                EMPTY => return None,
                found if found == handle => return Some(slot),
                _ => {}
            }
        }
        None
    }

    /// The first slot in which the handle may be put. There is one, since half of them are empty.
    fn free(&self, handle: usize) -> &Slot<T> {
        self.slots_of(handle)
            .find(|slot| matches!(slot.handle.load(Ordering::Relaxed), EMPTY | REMOVED))
            .unwrap_or(&self.slots[0])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    static RECORDS: [u32; 4] = [0, 1, 2, 3];

    #[test]
    fn many_handles_are_found_across_tables() {
        let handles = Handles::new();
        for handle in 1..=5_000 {
            handles.insert(handle * 64, &RECORDS[handle % 4]);
        }
        for handle in 1..=5_000 {
            assert_eq!(handles.get(handle * 64), Some(&RECORDS[handle % 4]));
        }
        assert_eq!(handles.get(63), None);
    }

    #[test]
    fn a_handle_that_comes_and_goes_needs_no_new_table() {
        let handles = Handles::new();
        for round in 0..100_000 {
            handles.insert(8, &RECORDS[round % 4]);
            assert_eq!(handles.remove(8), Some(&RECORDS[round % 4]));
        }
        assert_eq!(handles.newest().map(|table| table.slots.len()), Some(FIRST));
    }

    #[test]
    fn a_handle_stays_found_while_others_come() {
        let handles = Handles::new();
        handles.insert(4, &RECORDS[1]);
        std::thread::scope(|scope| {
            scope.spawn(|| (5..20_000).for_each(|handle| handles.insert(handle, &RECORDS[2])));
            scope.spawn(|| {
                for _ in 0..100_000 {
                    assert_eq!(handles.get(4), Some(&RECORDS[1]));
                }
            });
        });
    }

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((1..40_usize, 0..5_usize), 0..400)) {
            let (handles, mut model) = (Handles::new(), HashMap::new());
            for (handle, what) in steps {
                if let Some(record) = RECORDS.get(what) {
                    handles.insert(handle, record);
                    model.insert(handle, record);
                } else {
                    prop_assert_eq!(handles.remove(handle), model.remove(&handle));
                }
                for handle in 1..40 {
                    prop_assert_eq!(handles.get(handle), model.get(&handle).copied());
                }
            }
        }
    }
}
