//! Who has which block of the file. A thread's first event takes one; when none is left, that of a
//! dead thread is taken over, and what it counted goes to the points.

use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use locktoll_trace::recording::layout::{self, Shape, entry, header, point, thread as block};
use rustix::thread::gettid;

use crate::thread::Thread;
use crate::words::{add_shared, get, put, word};
use crate::{clock, kernel, session};

static SEARCH: AtomicUsize = AtomicUsize::new(0);

/// By thread number, the block of the thread that was last seen with it.
static BLOCKS: [AtomicPtr<u8>; 4096] = [const { AtomicPtr::new(core::ptr::null_mut()) }; 4096];

/// In the child of a fork: forgets the parent's.
pub(crate) fn forget() {
    for block in &BLOCKS {
        block.store(core::ptr::null_mut(), Ordering::Relaxed);
    }
}

/// Events that a thread without a block lets pass until it asks again.
const PATIENCE: u32 = 1024;

/// Gives the thread a block, if there is one.
#[cold]
pub(crate) fn attach(thread: &mut Thread) {
    if thread.patience > 0 {
        thread.patience -= 1;
        return;
    }
    let base = session::mapped();
    if base.is_null() || !session::is_this_process() {
        return;
    }
    let tid = gettid().as_raw_nonzero().get().cast_unsigned();
    let number = free_block(base).or_else(|| dead_block(base, tid));
    let Some(number) = number else {
        thread.patience = PATIENCE;
        // SAFETY: Mapping.
        unsafe { add_shared(base, header::THREADS_REFUSED, 1) };
        return;
    };
    // SAFETY: Mapping: the number is below the shape's capacity.
    let own = unsafe { base.add(session::shape().thread(number)) };
    let name = kernel::thread_name();
    // SAFETY: Mapping, and Own: `free_block` or `dead_block` claimed it.
    unsafe {
        put(own, block::TID, u64::from(tid));
        let now = clock::at_ns(clock::ticks());
        put(own, block::BEGAN_NS, now);
        put(own, block::LAST_NS, now);
        put(own, block::WAITING, 0);
        put(own, block::NAME, name[0]);
        put(own, block::NAME + 8, name[1]);
        word(own, block::STATE).store(block::LIVE, Ordering::Release);
    }
    thread.tid = tid;
    thread.ring = session::ring_of(base, number);
    thread.seed(u64::from(tid) ^ clock::ticks() << 20);
    thread.draw_countdown();
    BLOCKS[tid as usize % BLOCKS.len()].store(own, Ordering::Release);
    thread.block = own;
}

fn free_block(base: *mut u8) -> Option<usize> {
    let capacity = session::shape().threads;
    // SAFETY: Mapping.
    let used = unsafe { word(base, header::THREADS_USED) };
    if used.load(Ordering::Relaxed) >= capacity as u64 {
        return None;
    }
    let number = usize::try_from(used.fetch_add(1, Ordering::Relaxed)).ok()?;
    (number < capacity).then_some(number)
}

/// Takes over the block of a thread that is dead. What it counted goes to the points.
fn dead_block(base: *mut u8, tid: u32) -> Option<usize> {
    let shape = session::shape();
    for _ in 0..shape.threads {
        let number = SEARCH.fetch_add(1, Ordering::Relaxed) % shape.threads;
        // SAFETY: Mapping: the number is below the capacity.
        let own = unsafe { base.add(shape.thread(number)) };
        // SAFETY: Mapping.
        let (state, owner) = unsafe { (word(own, block::STATE), get(own, block::TID)) };
        if state.load(Ordering::Acquire) != block::LIVE {
            continue;
        }
        // The kernel gives numbers anew: an owner of this thread's own number is dead.
        let dead = owner == u64::from(tid) || !session::has_thread(owner);
        let claim = || {
            let (live, claimed) = (block::LIVE, block::CLAIMED);
            state.compare_exchange(live, claimed, Ordering::AcqRel, Ordering::Relaxed)
        };
        if dead && claim().is_ok() {
            // SAFETY: Mapping, and Own: it is claimed now, and its owner is dead.
            unsafe {
                add_shared(base, header::THREADS_REUSED, 1);
                write_back(base, &shape, own);
            }
            return Some(number);
        }
    }
    None
}

/// Adds all entries of a block to their points, and empties the block.
///
/// # Safety
///
/// The block is the caller's (Own).
unsafe fn write_back(base: *mut u8, shape: &Shape, own: *mut u8) {
    for index in 0..layout::TABLE {
        // SAFETY: Mapping: inside the block.
        unsafe {
            let entry = own.add(block::ENTRIES + index * entry::SIZE);
            if get(entry, entry::SITE) != 0 {
                evict(base, shape, entry);
            }
        }
    }
    for index in 0..block::HELD_WORDS {
        // SAFETY: as above.
        unsafe { put(own, block::HELD + index * 8, 0) };
    }
    // SAFETY: as above.
    unsafe {
        let lost = get(own, block::EVENTS_HEAD);
        add_shared(base, header::EVENTS_LOST, lost);
        put(own, block::EVENTS_HEAD, 0);
    }
}

/// Adds an entry to its point, and empties it.
///
/// # Safety
///
/// The entry is the caller's (Own).
pub(crate) unsafe fn evict(base: *mut u8, shape: &Shape, own: *mut u8) {
    // SAFETY: Mapping: numbers of points are stored by `points`, below the capacity.
    unsafe {
        put(own, entry::LOCK, 0);
        put(own, entry::SITE, 0);
        let number = get(own, entry::POINT).saturating_sub(1);
        let number = usize::try_from(number).unwrap_or(0).min(shape.points - 1);
        let to = base.add(shape.point(number));
        for (from, at) in [
            (entry::ACQUISITIONS, point::ACQUISITIONS),
            (entry::CONTENTIONS, point::CONTENTIONS),
            (entry::REFUSED, point::REFUSED),
        ] {
            let count = get(own, from);
            put(own, from, 0);
            if count > 0 {
                add_shared(to, at, count);
            }
        }
        put(own, entry::WAIT_NS, 0);
        put(own, entry::HOLD_NS, 0);
        put(own, entry::POINT, 0);
    }
}

/// The block of the live thread with this number; null if it has none.
#[inline]
pub(crate) fn block_of(tid: u32) -> *mut u8 {
    let own = BLOCKS[tid as usize % BLOCKS.len()].load(Ordering::Acquire);
    // SAFETY: Mapping: only blocks are stored there.
    if own.is_null() || unsafe { get(own, block::TID) } != u64::from(tid) {
        return core::ptr::null_mut();
    }
    own
}
