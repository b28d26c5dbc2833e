//! Finding and making points, locks and blames: hash tables in the file, by open addressing, without
//! a lock. A record is filled before its number is published in the index; of two threads that make
//! the same at once, one wins, and the other's record is left unused.

use core::sync::atomic::Ordering;

use locktoll_trace::Kind;
use locktoll_trace::recording::layout::{
    READY, Shape, TABLE, blame, entry, header, lock, point, thread as block,
};
use locktoll_trace::recording::{LockBits, Mode};

use crate::thread::Thread;
use crate::words::{add_own, add_shared, get, put, word};
use crate::{blocks, delay, maps, session};

/// Fibonacci hashing: 2^64 divided by the golden ratio.
pub(crate) const PHI: u64 = 0x9e37_79b9_7f4a_7c15;

/// A call of the program that takes a lock or waits.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) lock: usize,
    /// Address to which it returns.
    pub(crate) site: usize,
    /// Stack pointer after the return.
    pub(crate) sp: usize,
    /// Frame pointer of the caller.
    pub(crate) fp: usize,
    pub(crate) kind: Kind,
    pub(crate) bits: LockBits,
    /// Whether the fast path may count it.
    pub(crate) simple: bool,
}

/// Where the figures of a call go.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// The thread's block; null if it has none.
    block: *mut u8,
    /// The thread's entry; null if it has no block.
    pub(crate) entry: *mut u8,
    /// Number of the point.
    pub(crate) point: usize,
}

/// Slots of a thread's table in which a point may be: two neighbours. `entry` does the same.
#[inline(always)]
fn slot(lock: usize, site: usize) -> usize {
    let hash = (lock as u64).wrapping_mul(PHI) >> 40;
    (hash as usize).wrapping_add(site) % TABLE
}

/// Where the thread notes by which entry it has taken this lock. `entry` does the same.
#[inline(always)]
pub(crate) fn held(lock: usize) -> usize {
    const { assert!(block::HELD_WORDS == 128) };
    block::HELD + ((lock as u64).wrapping_mul(PHI) >> 57) as usize * 8
}

/// Where the figures of this call go. `None` if there is no mapping.
#[inline]
pub(crate) fn place(thread: &mut Thread, call: &Call) -> Option<Place> {
    if thread.block.is_null() {
        blocks::attach(thread);
    }
    // Read once: a signal handler that forks takes it away.
    let block = thread.block;
    if block.is_null() {
        let base = session::mapped();
        return (!base.is_null()).then(|| Place::shared(base, call));
    }
    let slot = slot(call.lock, call.site);
    let at = |slot: usize| {
        // SAFETY: Mapping: inside the thread's block.
        unsafe { block.add(block::ENTRIES + slot * entry::SIZE) }
    };
    let (home, other) = (at(slot), at(slot ^ 1));
    for own in [home, other] {
        // SAFETY: Mapping.
        let (lock, site) = unsafe { (get(own, entry::LOCK), get(own, entry::SITE)) };
        if lock & !entry::UNCACHED == call.lock as u64 && site == call.site as u64 {
            // SAFETY: Mapping.
            let number = unsafe { get(own, entry::POINT) };
            #[expect(clippy::cast_possible_truncation, reason = "stored below")]
            let point = number.wrapping_sub(1) as usize;
            return Some(Place {
                block,
                entry: own,
                point,
            });
        }
    }
    Some(make_entry(block, home, other, call))
}

#[cold]
fn make_entry(block: *mut u8, home: *mut u8, other: *mut u8, call: &Call) -> Place {
    let base = session::base();
    if base.is_null() {
        // A signal handler has forked, and this is the child.
        return Place {
            block,
            entry: home,
            point: 0,
        };
    }
    // SAFETY: Mapping, Own: both are entries of the calling thread.
    unsafe {
        let free = |own| get(own, entry::SITE) == 0;
        let own = if !free(home) && free(other) {
            other
        } else {
            home
        };
        if !free(own) {
            blocks::evict(base, &session::shape(), own);
        }
        let point = point_of(base, call);
        put(own, entry::POINT, point as u64 + 1);
        put(own, entry::SITE, call.site as u64);
        put(own, entry::LOCK, call.lock as u64 | entry::UNCACHED);
        Place {
            block,
            entry: own,
            point,
        }
    }
}

impl Place {
    /// A place that all threads share.
    pub(crate) fn shared(base: *mut u8, call: &Call) -> Place {
        Place {
            block: core::ptr::null_mut(),
            entry: core::ptr::null_mut(),
            point: point_of(base, call),
        }
    }

    /// Adds to a count of the thread's; to the point's if the thread has no block, or if a signal
    /// handler's locks have taken the entry meanwhile.
    #[inline(always)]
    pub(crate) fn count(self, in_entry: usize, in_point: usize) {
        // SAFETY: Mapping, Own.
        unsafe {
            if self.has_entry() {
                add_own(self.entry, in_entry, 1);
            } else {
                self.count_in_point(in_point, 1);
            }
        }
    }

    /// Whether the thread's entry is the point's.
    #[inline(always)]
    fn has_entry(self) -> bool {
        // The point of an entry that a fork in a signal handler has emptied is one below 0.
        let kept = (self.point as u64).wrapping_add(1);
        // SAFETY: Mapping, Own.
        !self.entry.is_null() && unsafe { get(self.entry, entry::POINT) } == kept
    }

    pub(crate) fn count_in_point(self, at: usize, count: u64) {
        let base = session::base();
        if !base.is_null() {
            // SAFETY: Mapping: `point_of` gives numbers below the capacity.
            unsafe { add_shared(base, session::shape().point(self.point) + at, count) };
        }
    }

    /// Notes that the thread is about to have the lock by this entry, for those who wait for it.
    #[inline(always)]
    pub(crate) fn note_held(self, lock: usize) {
        if !self.block.is_null() {
            // SAFETY: Mapping, Own.
            unsafe { put(self.block, held(lock), self.entry as u64) };
        }
    }

    /// Stores a word of the thread's block, if it has one.
    #[inline(always)]
    pub(crate) fn put_in_block(self, at: usize, value: u64) {
        if !self.block.is_null() {
            // SAFETY: Mapping, Own.
            unsafe { put(self.block, at, value) };
        }
    }

    /// Whether all of the thread's holds here are to be timed: while they are few, and where they
    /// are so long that the time for it does not matter.
    #[inline]
    pub(crate) fn times_all_holds(self) -> bool {
        const FEW: u64 = 64;
        const LONG_NS: u64 = 5_000;
        if self.entry.is_null() {
            return true;
        }
        // SAFETY: Mapping, Own.
        unsafe {
            let count = get(self.entry, entry::ACQUISITIONS);
            count < FEW || get(self.entry, entry::HOLD_NS) >= count.saturating_mul(LONG_NS)
        }
    }

    /// Lets the fast path find the entry, or not.
    #[inline]
    pub(crate) fn cache(self, call: &Call, cached: bool) {
        if self.has_entry() {
            let cached = cached && call.simple && session::mode() == Mode::AGGREGATE;
            let flag = if cached { 0 } else { entry::UNCACHED };
            // SAFETY: Mapping, Own.
            unsafe { put(self.entry, entry::LOCK, call.lock as u64 | flag) };
        }
    }
}

/// Call site by which a thread has the lock; 0 if that is not known.
#[inline]
pub(crate) fn site_of_owner(owner: u32, lock: usize) -> usize {
    let own = blocks::block_of(owner);
    if own.is_null() {
        return 0;
    }
    // SAFETY: Mapping: a word of a block.
    let entry_at = unsafe { get(own, held(lock)) };
    let first = own as u64 + block::ENTRIES as u64;
    let offset = entry_at.wrapping_sub(first);
    if offset >= (TABLE * entry::SIZE) as u64 {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "inside the block")]
    // SAFETY: Mapping: just seen to lie in the block's table. The owner may meanwhile use the entry
    // for another point; then the lock is another, or the site is wrong once.
    unsafe {
        let entry = own.add(block::ENTRIES + offset as usize / entry::SIZE * entry::SIZE);
        if get(entry, entry::LOCK) & !entry::UNCACHED == lock as u64 {
            get(entry, entry::SITE) as usize
        } else {
            0
        }
    }
}

/// A hash table of the file: where its index, its use and its records are.
struct Table {
    index: usize,
    used: usize,
    capacity: usize,
    first: usize,
    size: usize,
    keys: usize,
}

/// Slots of an index that are looked at before a table counts as full.
const PROBES: usize = 64;

/// The record with these keys, which lie one behind another from the record's second word on; made
/// by `fill` if there is none and no more than `limit` records exist.
///
/// # Safety
///
/// `base` is the mapping, and the table is one of its.
unsafe fn find(
    base: *mut u8,
    table: &Table,
    keys: &[u64],
    limit: usize,
    fill: impl Fn(*mut u8),
) -> Option<usize> {
    let hash = keys.iter().fold(0, |hash: u64, key| {
        (hash.rotate_left(23) ^ key).wrapping_mul(PHI)
    });
    let mask = Shape::index_words(table.capacity) - 1;
    let mut made = None;
    for probe in 0..PROBES {
        let at = table.index + (((hash >> 20) as usize).wrapping_add(probe) & mask) * 8;
        // SAFETY: Mapping: inside the index.
        let index = unsafe { word(base, at) };
        let mut number = index.load(Ordering::Acquire);
        if number == 0 {
            let mine = if let Some(mine) = made {
                mine
            } else {
                // SAFETY: Mapping.
                unsafe {
                    let used = word(base, table.used);
                    if used.load(Ordering::Relaxed) >= limit as u64 {
                        return None;
                    }
                    let mine = usize::try_from(used.fetch_add(1, Ordering::Relaxed)).ok()?;
                    if mine >= table.capacity {
                        return None;
                    }
                    let record = base.add(table.first + mine * table.size);
                    for (place, &key) in keys.iter().enumerate() {
                        put(record, table.keys + place * 8, key);
                    }
                    fill(record);
                    mine
                }
            };
            made = Some(mine);
            let published = mine as u64 + 1;
            match index.compare_exchange(0, published, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    // SAFETY: Mapping. Last, so that a reader sees whole records only.
                    unsafe { word(base, table.first + mine * table.size) }
                        .store(READY, Ordering::Release);
                    return Some(mine);
                }
                Err(other) => number = other,
            }
        }
        let number = usize::try_from(number - 1)
            .ok()
            .filter(|&n| n < table.capacity)?;
        let same = keys.iter().enumerate().all(|(place, &key)| {
            // SAFETY: Mapping: a record below the capacity.
            unsafe {
                get(
                    base,
                    table.first + number * table.size + table.keys + place * 8,
                ) == key
            }
        });
        if same {
            return Some(number);
        }
    }
    None
}

/// The point of a call. If there is no room for it, that of the call site, or the one for all.
fn point_of(base: *mut u8, call: &Call) -> usize {
    let shape = session::shape();
    let table = Table {
        index: shape.point_index(),
        used: header::POINTS_USED,
        capacity: shape.points,
        first: shape.point(0),
        size: point::SIZE,
        keys: point::LOCK,
    };
    let fill = |record| {
        // SAFETY: Mapping: a record that no other thread uses yet.
        unsafe {
            put(record, point::KIND, u64::from(call.kind.0));
            put(record, point::BITS, u64::from(call.bits.0));
        }
        maps::see(call.site);
        delay::look();
    };
    // Of the points, an eighth is kept for those without a lock.
    let room = shape.points / 8 * 7;
    let (lock, site) = (call.lock as u64, call.site as u64);
    // SAFETY: Mapping.
    unsafe {
        if let Some(number) = find(base, &table, &[lock, site], room, fill) {
            lock_of(call);
            return number;
        }
        add_shared(base, header::COARSENED, 1);
        find(base, &table, &[0, site], shape.points - 1, fill)
            .or_else(|| find(base, &table, &[0, 0], shape.points, fill))
            .unwrap_or(0)
    }
}

/// Where the record of a call's lock begins; made if there is none and there is room.
pub(crate) fn lock_of(call: &Call) -> Option<usize> {
    let base = session::base();
    let shape = session::shape();
    let table = Table {
        index: shape.lock_index(),
        used: header::LOCKS_USED,
        capacity: shape.locks,
        first: shape.lock(0),
        size: lock::SIZE,
        keys: lock::ADDRESS,
    };
    if base.is_null() {
        return None;
    }
    // SAFETY: Mapping: a record that no other thread uses yet.
    let fill = |record| unsafe { put(record, lock::KIND, u64::from(call.kind.0)) };
    // SAFETY: Mapping.
    let number = unsafe { find(base, &table, &[call.lock as u64], shape.locks, fill) };
    number.map(|number| shape.lock(number))
}

/// Where the record of a blame begins; made if there is none and there is room.
pub(crate) fn blame_of(base: *mut u8, lock: usize, waiter: usize, owner: usize) -> Option<usize> {
    let shape = session::shape();
    let table = Table {
        index: shape.blame_index(),
        used: header::BLAMES_USED,
        capacity: shape.blames,
        first: shape.blame(0),
        size: blame::SIZE,
        keys: blame::LOCK,
    };
    let keys = [lock as u64, waiter as u64, owner as u64];
    // SAFETY: Mapping.
    let number = unsafe { find(base, &table, &keys, shape.blames, |_| {}) };
    if number.is_none() {
        // SAFETY: Mapping.
        unsafe { add_shared(base, header::BLAMES_LOST, 1) };
    }
    number.map(|number| shape.blame(number))
}
