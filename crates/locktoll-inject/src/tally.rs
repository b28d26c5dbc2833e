//! Counters of each thread: what the program did, whatever the locks were.
//!
//! Each thread adds to a block of its own, so that counting makes no thread wait for another. A block
//! belongs to the name of its thread and stays when the thread ends, for the next one of that name;
//! so there are as many as there were threads at once, about.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Counters of `EVENTS` kinds of events.
///
/// It is meant to be a `static`: what it allocates is never freed.
pub struct Tally<const EVENTS: usize> {
    blocks: Mutex<Vec<&'static Block<EVENTS>>>,
}

/// The counters of one thread. Only that thread writes.
#[repr(align(128))]
struct Block<const EVENTS: usize> {
    thread: usize,
    counters: [AtomicU64; EVENTS],
}

std::thread_local! {
    /// The tally that the thread used last, and its block there. Without a destructor, so that it
    /// can be reached while the thread ends.
    ///
    /// Invariant: null, or a tally that lives as long as the process, and a block of its type.
    static LAST: Cell<(*const (), *const ())> = const { Cell::new((ptr::null(), ptr::null())) };
}

impl<const EVENTS: usize> Tally<EVENTS> {
    /// Nothing counted.
    pub const fn new() -> Self {
        Tally {
            blocks: Mutex::new(Vec::new()),
        }
    }

    /// Counts `number` events of one kind in the calling thread; nothing if there is no such kind.
    #[inline]
    pub fn add(&'static self, event: usize, number: u64) {
        LAST.with(|last| {
            let (tally, block) = last.get();
            let block = if ptr::eq(tally, ptr::from_ref(self).cast()) {
                block.cast::<Block<EVENTS>>()
            } else {
                self.begin(last)
            };
            // SAFETY: by the invariant of `LAST`, since the tally is this one; blocks are never
            // freed.
            let block = unsafe { &*block };
            if let Some(counter) = block.counters.get(event) {
                // One writer needs no locked instruction.
                let sum = counter.load(Ordering::Relaxed).wrapping_add(number);
                counter.store(sum, Ordering::Relaxed);
            }
        });
    }

    /// Finds or makes the block of the calling thread.
    #[cold]
    #[inline(never)]
    fn begin(&'static self, last: &Cell<(*const (), *const ())>) -> *const Block<EVENTS> {
        let thread = ptr::from_ref(last).addr();
        let mut blocks = self.blocks.lock();
        let known = blocks.iter().copied().find(|block| block.thread == thread);
        let block = known.unwrap_or_else(|| {
            let block: &'static Block<EVENTS> = Box::leak(Box::new(Block {
                thread,
                counters: [const { AtomicU64::new(0) }; EVENTS],
            }));
            blocks.push(block);
            block
        });
        last.set((ptr::from_ref(self).cast(), ptr::from_ref(block).cast()));
        block
    }

    /// The sums over all threads, ended ones too.
    pub fn sums(&self) -> [u64; EVENTS] {
        let mut sums = [0; EVENTS];
        for block in self.blocks.lock().iter() {
            for (sum, counter) in sums.iter_mut().zip(&block.counters) {
                *sum = u64::wrapping_add(*sum, counter.load(Ordering::Relaxed));
            }
        }
        sums
    }
}

impl<const EVENTS: usize> Default for Tally<EVENTS> {
    fn default() -> Self {
        Tally::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TALLY: Tally<3> = Tally::new();
    static OTHER: Tally<1> = Tally::new();

    #[test]
    fn threads_are_summed_and_ended_ones_stay() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    TALLY.add(0, 1);
                    OTHER.add(0, 100);
                    TALLY.add(2, 10);
                });
            }
        });
        TALLY.add(0, 1);
        TALLY.add(3, 1);
        assert_eq!(TALLY.sums(), [5, 0, 40]);
        assert_eq!(OTHER.sums(), [400]);
    }

    /// No two threads write to one cache line, or to the neighbour that is fetched with it.
    #[test]
    fn each_thread_counts_in_a_block_of_its_own() {
        static ALONE: Tally<2> = Tally::new();
        const COUNTS: [u64; 4] = [1, 2, 3, 4];
        let all_there = std::sync::Barrier::new(COUNTS.len());
        std::thread::scope(|scope| {
            for count in COUNTS {
                let all_there = &all_there;
                scope.spawn(move || {
                    ALONE.add(1, count);
                    all_there.wait();
                });
            }
        });
        let blocks = ALONE.blocks.lock();
        let mut counts: Vec<_> = blocks
            .iter()
            .map(|block| block.counters[1].load(Ordering::Relaxed))
            .collect();
        counts.sort_unstable();
        assert_eq!(counts, COUNTS);
        let lines: std::collections::BTreeSet<_> = blocks
            .iter()
            .flat_map(|block| {
                let first = ptr::from_ref(*block).addr();
                [first / 128, (first + size_of_val(*block) - 1) / 128]
            })
            .collect();
        assert_eq!(lines.len(), COUNTS.len());
    }
}
