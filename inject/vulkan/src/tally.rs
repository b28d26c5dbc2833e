//! Counters of each thread: what the program did, whatever the locks were.
//!
//! Each thread adds to a block of its own, so that counting makes no thread wait for another. A block
//! belongs to the address of its thread's variable and stays when the thread ends, for the next one
//! of that address; so there are as many as there were threads at once, about.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    /// A recorded command that is none of the next two.
    Command,
    Dispatch,
    Draw,
    /// A call that submits.
    Submission,
    /// A batch in such a call.
    Batch,
    /// A command buffer that was allocated.
    Buffer,
}

const EVENTS: usize = 6;

/// How often each thing happened.
pub(crate) type Sums = [u64; EVENTS];

/// The counters of one thread. Only that thread writes.
#[repr(align(128))]
struct Block {
    thread: usize,
    counters: [AtomicU64; EVENTS],
}

/// All blocks; they are never freed.
static BLOCKS: Mutex<Vec<&'static Block>> = Mutex::new(Vec::new());

std::thread_local! {
    /// Null until the thread first counts. Without a destructor, so that it can be reached while
    /// the thread ends.
    static MINE: Cell<*const Block> = const { Cell::new(ptr::null()) };
}

/// Counts `number` events in the calling thread.
#[inline]
pub(crate) fn add(event: Event, number: u64) {
    MINE.with(|mine| {
        // SAFETY: null, or from a reference to a block, and blocks are never freed.
        let block = unsafe { mine.get().as_ref() }.unwrap_or_else(|| begin(mine));
        let counter = &block.counters[event as usize];
        // One writer needs no locked instruction.
        let sum = counter.load(Ordering::Relaxed).wrapping_add(number);
        counter.store(sum, Ordering::Relaxed);
    });
}

/// Finds or makes the block of the calling thread.
#[cold]
#[inline(never)]
fn begin(mine: &Cell<*const Block>) -> &'static Block {
    let thread = ptr::from_ref(mine).addr();
    let mut blocks = BLOCKS.lock();
    let known = blocks.iter().copied().find(|block| block.thread == thread);
    let block = known.unwrap_or_else(|| {
        let block: &'static Block = Box::leak(Box::new(Block {
            thread,
            counters: [const { AtomicU64::new(0) }; EVENTS],
        }));
        blocks.push(block);
        block
    });
    mine.set(block);
    block
}

/// The sums over all threads, ended ones too.
pub(crate) fn sums() -> Sums {
    let mut sums = Sums::default();
    for block in BLOCKS.lock().iter() {
        for (sum, counter) in sums.iter_mut().zip(&block.counters) {
            *sum = sum.wrapping_add(counter.load(Ordering::Relaxed));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_summed_and_ended_ones_stay() {
        let before = sums();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    add(Event::Dispatch, 1);
                    add(Event::Batch, 10);
                });
            }
        });
        add(Event::Dispatch, 1);
        let after = sums();
        let counted = |event: Event| after[event as usize] - before[event as usize];
        assert_eq!((counted(Event::Dispatch), counted(Event::Batch)), (5, 40));
        assert_eq!(counted(Event::Draw), 0);
    }
}
