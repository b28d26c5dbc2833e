//! From an address to its lock.
//!
//! # The invariant
//!
//! *Of all entries, at most one carries a given address, and no entry is freed or moved while the
//! guard lives.* Addresses are written to entries under one mutex, which upholds the first half;
//! the [`Arena`] upholds the second.
//!
//! So an entry that carries the address is the right one, however it was found, and everything
//! else here is a hint. A look-up takes no lock: it reads the current table's few slots for that
//! address and checks the entry that a slot names. A miss, which may be due to a change just being
//! made, is settled under the mutex. After locking, the caller checks the entry again, since the
//! address may have been forgotten meanwhile.
//!
//! Tables double when an address finds no free slot near its place. Those that were outgrown stay
//! for threads that still read them; together they are smaller than the current one. Entries of
//! forgotten addresses are used again, so there are as many as there ever were live addresses at
//! once, plus those forgotten while a thread was inside.

use core::ptr;
use core::sync::atomic::Ordering;
use std::sync::OnceLock;

use crate::arena::Arena;
use crate::lock::OwnedLock;
use crate::objects::Record;
use crate::sync::{AtomicPtr, AtomicUsize, Mutex};
use crate::thread;

/// Slots near the place of an address in which it may lie: with 8, two cache lines.
const WINDOW: usize = if cfg!(loom) { 2 } else { 8 };

/// The first table has `2^FIRST_BITS` places.
const FIRST_BITS: usize = if cfg!(loom) { 1 } else { 6 };

/// The address of no object. It has an entry of its own, and marks what has no address.
const NULL: usize = 0;

/// The locks of one guard by address, and what else is kept for each.
pub(crate) struct Addresses<T = ()> {
    /// Never that of other `Addresses`.
    number: u64,
    entries: Arena<Entry<T>>,
    /// Table `b` has `2^b` places and the slots of the last place's window.
    tables: [OnceLock<Box<[Slot<T>]>>; usize::BITS as usize],
    /// Which table is current.
    bits: AtomicUsize,
    null: Entry<T>,
    /// Entries that carry no address. Held to change entries and tables.
    free: Mutex<Vec<Free<T>>>,
}

struct Free<T>(*mut Entry<T>);

// SAFETY: an `Entry` is `Sync` as `T` is, and by the invariant of `Addresses::at` this leads to one.
unsafe impl<T: Sync> Send for Free<T> {}

impl Record for () {
    fn is_idle(&self) -> bool {
        true
    }
}

/// The lock of one address and what else is kept for it; alone on its cache lines, since neighbours belong to other threads.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Entry<T = ()> {
    address: AtomicUsize,
    pub(crate) lock: OwnedLock,
    pub(crate) value: T,
}

/// A hint that this entry carries this address.
struct Slot<T> {
    address: AtomicUsize,
    entry: AtomicPtr<Entry<T>>,
}

impl<T: Record> Addresses<T> {
    pub(crate) fn new() -> Self {
        let addresses = Addresses {
            number: thread::unused_number(),
            entries: Arena::new(),
            tables: [const { OnceLock::new() }; usize::BITS as usize],
            bits: AtomicUsize::new(FIRST_BITS),
            null: Entry::default(),
            free: Mutex::new(Vec::new()),
        };
        addresses.table(FIRST_BITS);
        addresses
    }

    /// The entry that carries `address`. It may be forgotten at any time: lock it, and then check
    /// [`Entry::carries`].
    #[inline]
    pub(crate) fn entry(&self, address: usize) -> &Entry<T> {
        self.last(address).unwrap_or_else(|| self.look_up(address))
    }

    /// The entry that the calling thread used last, if it carries `address`: callers mostly stay
    /// with an encoder for many calls.
    #[inline]
    fn last(&self, address: usize) -> Option<&Entry<T>> {
        thread::last_entry(self.number, address)
            .and_then(|last| self.at(last.cast()))
            .filter(|last| last.carries(address))
    }

    /// The entry that carries `address`, if that can be seen without the mutex: a miss proves
    /// nothing.
    #[inline]
    pub(crate) fn glimpse(&self, address: usize) -> Option<&Entry<T>> {
        self.last(address).or_else(|| self.glimpse_table(address))
    }

    #[inline(never)]
    fn glimpse_table(&self, address: usize) -> Option<&Entry<T>> {
        let (_, entry) = self.find(address)?;
        thread::remember_entry(self.number, address, ptr::from_ref(entry).cast());
        Some(entry)
    }

    /// Does something with the entry of `address`, which is made if need be, while no other thread
    /// makes or forgets any; `then` is also told whether it was made.
    pub(crate) fn with<R>(
        &self,
        address: usize,
        then: impl FnOnce(&Entry<T>, bool) -> R,
    ) -> (&Entry<T>, R) {
        let mut free = self.free.lock();
        let known = self.find(address).map(|(_, entry)| entry);
        let entry = known.unwrap_or_else(|| self.insert(address, &mut free));
        (entry, then(entry, known.is_none()))
    }

    /// Every entry that was ever made, with the address it carries now.
    pub(crate) fn each(&self) -> impl Iterator<Item = (usize, &Entry<T>)> {
        let entries = self.entries.iter();
        entries.map(|entry| (entry.address.load(Ordering::Relaxed), entry))
    }

    #[inline(never)]
    fn look_up(&self, address: usize) -> &Entry<T> {
        if address == NULL {
            return &self.null;
        }
        let entry = match self.find(address) {
            Some((_, entry)) => entry,
            None => self.find_or_insert(address),
        };
        thread::remember_entry(self.number, address, ptr::from_ref(entry).cast());
        entry
    }

    /// Takes the address from its entry, if it has one.
    pub(crate) fn forget(&self, address: usize) {
        self.forget_if(address, |_| true);
    }

    /// Takes the address from its entry, if it has one of which `may` is true. Returns whether it
    /// did. No entry is made or forgotten between the question and the deed.
    pub(crate) fn forget_if(&self, address: usize, may: impl FnOnce(&T) -> bool) -> bool {
        if address == NULL {
            return false;
        }
        let mut free = self.free.lock();
        let found = self.find(address).filter(|(_, entry)| may(&entry.value));
        if let Some((slot, entry)) = found {
            // See `still_carries`.
            entry.address.store(NULL, Ordering::SeqCst);
            slot.address.store(NULL, Ordering::Relaxed);
            free.push(Free(slot.entry.load(Ordering::Relaxed)));
        }
        found.is_some()
    }

    /// The entry at a pointer that is not null.
    ///
    /// Invariant: all pointers in slots, in `free` and in what threads remember for `number` come
    /// from `entries`, which neither moves nor frees anything while `self` lives.
    #[inline]
    #[expect(clippy::unused_self, reason = "borrowing it keeps the entries")]
    fn at(&self, entry: *const Entry<T>) -> Option<&Entry<T>> {
        // SAFETY: by the invariant above.
        unsafe { entry.as_ref() }
    }

    /// Exact when called under the mutex; otherwise what it finds is right, and a miss may not be.
    #[inline]
    fn find(&self, address: usize) -> Option<(&Slot<T>, &Entry<T>)> {
        let bits = self.bits.load(Ordering::Acquire);
        window(self.table(bits), bits, address)
            .iter()
            .filter(|slot| slot.address.load(Ordering::Acquire) == address)
            .find_map(|slot| {
                let entry = self.at(slot.entry.load(Ordering::Acquire))?;
                entry.carries(address).then_some((slot, entry))
            })
    }

    #[inline]
    fn table(&self, bits: usize) -> &[Slot<T>] {
        self.tables[bits].get_or_init(|| empty_table(bits))
    }

    #[cold]
    fn find_or_insert(&self, address: usize) -> &Entry<T> {
        self.with(address, |_, _| ()).0
    }

    fn insert(&self, address: usize, free: &mut Vec<Free<T>>) -> &Entry<T> {
        let entry = self.take_free(free);
        entry.address.store(address, Ordering::Relaxed);
        let pointer = ptr::from_ref(entry).cast_mut();
        let bits = self.bits.load(Ordering::Relaxed);
        let table = self.table(bits);
        if !place(table, bits, address, pointer) {
            self.grow(bits, table, address, pointer);
        }
        entry
    }

    /// An entry without address and without a thread that is still inside, for which the new
    /// address's threads would wait in vain.
    fn take_free(&self, free: &mut Vec<Free<T>>) -> &Entry<T> {
        let idle = |entry: &Entry<T>| entry.lock.is_free() && entry.value.is_idle();
        let unused = |each: &Free<T>| self.at(each.0).is_some_and(idle);
        free.iter()
            .rposition(unused)
            .and_then(|position| self.at(free.swap_remove(position).0))
            .unwrap_or_else(|| self.entries.append(|_| ()))
    }

    /// Makes the first larger table current in which everything and `address` find a place.
    fn grow(&self, bits: usize, from: &[Slot<T>], address: usize, entry: *mut Entry<T>) {
        // Ends long before the bits do: distinct addresses have distinct hashes.
        for bits in bits + 1.. {
            let table = empty_table(bits);
            let hints = from
                .iter()
                .map(Slot::hint)
                .filter(|&(address, _)| address != NULL);
            if hints
                .chain([(address, entry)])
                .all(|(address, entry)| place(&table, bits, address, entry))
            {
                self.tables[bits].get_or_init(|| table);
                self.bits.store(bits, Ordering::Release);
                return;
            }
        }
    }
}

impl<T> Slot<T> {
    fn empty() -> Self {
        Slot {
            address: AtomicUsize::new(NULL),
            entry: AtomicPtr::new(ptr::null_mut()),
        }
    }

    fn hint(&self) -> (usize, *mut Entry<T>) {
        (
            self.address.load(Ordering::Relaxed),
            self.entry.load(Ordering::Relaxed),
        )
    }
}

impl<T> Entry<T> {
    /// Whether this is `address`'s entry now.
    #[inline]
    pub(crate) fn carries(&self, address: usize) -> bool {
        self.address.load(Ordering::Relaxed) == address
    }

    /// As [`carries`](Self::carries), for one who has just said, in the one order of sequentially
    /// consistent accesses, that a thread is inside: either whoever takes the address away sees that
    /// ([`Record::is_idle`]), or this sees that it is gone.
    #[inline]
    pub(crate) fn still_carries(&self, address: usize) -> bool {
        self.address.load(Ordering::SeqCst) == address
    }
}

fn empty_table<T>(bits: usize) -> Box<[Slot<T>]> {
    (0..(1 << bits) + WINDOW - 1)
        .map(|_| Slot::empty())
        .collect()
}

/// Writes a hint into the first free slot near the place of `address`, if there is one.
fn place<T>(table: &[Slot<T>], bits: usize, address: usize, entry: *mut Entry<T>) -> bool {
    let slots = window(table, bits, address);
    let free = slots
        .iter()
        .find(|slot| slot.address.load(Ordering::Relaxed) == NULL);
    free.inspect(|slot| {
        slot.entry.store(entry, Ordering::Release);
        slot.address.store(address, Ordering::Release);
    })
    .is_some()
}

/// The slots in which `address` may lie in the table of `2^bits` places.
#[inline]
fn window<T>(table: &[Slot<T>], bits: usize, address: usize) -> &[Slot<T>] {
    // Multiplicative hashing (Knuth, volume 3, 6.4): addresses differ by multiples of their size,
    // which the golden ratio spreads evenly over the upper bits.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "shifted to the width of `usize`"
    )]
    const GOLDEN: usize = (0x9E37_79B9_7F4A_7C15_u64 >> (u64::BITS - usize::BITS)) as usize | 1;
    let start = address.wrapping_mul(GOLDEN) >> (usize::BITS as usize - bits);
    &table[start..start + WINDOW]
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::ptr;
    use std::collections::HashMap;
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::*;

    impl Addresses {
        fn entries_made(&self) -> usize {
            self.entries.iter().count()
        }

        fn places(&self) -> usize {
            1 << self.bits.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn an_address_keeps_its_entry_until_forgotten() {
        let addresses = Addresses::<()>::new();
        let first = addresses.entry(0x1000);
        assert!(first.carries(0x1000));
        assert!(ptr::eq(first, addresses.entry(0x1000)));
        assert!(!ptr::eq(first, addresses.entry(0x2000)));
        addresses.forget(0x1000);
        assert!(!first.carries(0x1000));
    }

    #[test]
    fn null_is_an_address_that_is_never_forgotten() {
        let addresses = Addresses::<()>::new();
        let null = addresses.entry(0);
        addresses.forget(0);
        assert!(null.carries(0));
        assert!(ptr::eq(null, addresses.entry(0)));
        assert_eq!(addresses.entries_made(), 0);
    }

    #[test]
    fn a_forgotten_entry_is_used_again_once_nobody_is_inside() {
        let addresses = Addresses::<()>::new();
        let first = addresses.entry(0x1000);
        let inside = first
            .lock
            .try_take(thread::ThreadId::current())
            .expect("is free");
        addresses.forget(0x1000);
        let second = addresses.entry(0x2000);
        assert!(!ptr::eq(first, second), "somebody is inside");
        inside.release();
        assert!(ptr::eq(first, addresses.entry(0x3000)));
        assert_eq!(addresses.entries_made(), 2);
    }

    #[test]
    fn memory_is_bounded_by_the_peak_of_live_addresses() {
        let addresses = Addresses::<()>::new();
        let peak = 100;
        for round in 0..1000 {
            let at = |index: usize| 0x7f00_0000_0000 + (round * peak + index) * 0x40;
            for index in 0..peak {
                addresses.entry(at(index));
            }
            for index in 0..peak {
                addresses.forget(at(index));
            }
        }
        assert_eq!(addresses.entries_made(), peak);
        assert!(
            addresses.places() <= 16 * peak,
            "{} places",
            addresses.places()
        );
    }

    #[test]
    fn growth_keeps_every_address() {
        let addresses = Addresses::<()>::new();
        let at = |index: usize| 0x5555_0000_0000 + index * 16;
        let entries: Vec<_> = (0..20_000)
            .map(|index| ptr::from_ref(addresses.entry(at(index))))
            .collect();
        for (index, &entry) in entries.iter().enumerate() {
            assert!(
                ptr::eq(entry, addresses.entry(at(index))),
                "address {index}"
            );
        }
        assert_eq!(addresses.entries_made(), 20_000);
        assert!(
            addresses.places() <= 16 * 20_000,
            "{} places",
            addresses.places()
        );
    }

    #[test]
    fn look_ups_find_what_is_there_while_the_table_grows() {
        let addresses = Addresses::<()>::new();
        let known: Vec<usize> = (1..=64).map(|index| index * 0x100).collect();
        let entries: Vec<_> = known
            .iter()
            .map(|&address| addresses.entry(address))
            .collect();
        let growing = AtomicBool::new(true);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for index in 0..30_000 {
                    addresses.entry(0x7f00_0000_0000 + index * 0x30);
                }
                growing.store(false, Ordering::Relaxed);
            });
            while growing.load(Ordering::Relaxed) {
                for (&address, &entry) in known.iter().zip(&entries) {
                    let (_, found) = addresses.find(address).expect("never moved out of a table");
                    assert!(ptr::eq(found, entry));
                }
            }
        });
    }

    proptest! {
        /// Against a map: an entry stays an address's own from its first use to its forgetting,
        /// and no two live addresses share one.
        #[test]
        fn behaves_as_a_map(
            steps in prop::collection::vec((0..300_usize, 0..4_usize), 1..600),
            stride in prop::sample::select(vec![1_usize, 8, 64, 4096, 1 << 20, 1 << 40]),
        ) {
            let addresses = Addresses::<()>::new();
            let mut model: HashMap<usize, *const Entry<()>> = HashMap::new();
            for (index, action) in steps {
                let address = (index + 1) * stride;
                if action == 0 {
                    addresses.forget(address);
                    model.remove(&address);
                    continue;
                }
                let entry = ptr::from_ref(addresses.entry(address));
                if let Some(&known) = model.get(&address) {
                    prop_assert!(ptr::eq(known, entry));
                } else {
                    prop_assert!(model.values().all(|&other| !ptr::eq(other, entry)));
                    model.insert(address, entry);
                }
            }
        }
    }
}
