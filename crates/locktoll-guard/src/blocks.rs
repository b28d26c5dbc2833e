//! Counters of each thread, summed when they are read.
//!
//! A counter shared by all threads would itself be the contention that it counts. So each thread
//! has its own block for each guard, and writes no line that another thread writes.
//!
//! A block belongs to a [`ThreadId`]. When its thread ends it stays, with its counts, for the next
//! thread of that name; so the memory is bounded by the number of different names, which follow
//! the stacks that the system hands out again and again.

use core::sync::atomic::{AtomicBool, AtomicU64 as CounterU64, Ordering};

use crate::arena::Arena;
use crate::counts::{Counts, HOLD_SAMPLE_EVERY};
use crate::sync::{AtomicUsize, Mutex};
use crate::thread::{self, ThreadId};
use crate::timing::{self, BUCKETS, Timing};

/// The blocks of one guard.
pub(crate) struct Blocks {
    /// Changes with each reset, and is never 0 and never that of other `Blocks`. A block of another
    /// number counts for nothing, and its thread clears it when it next writes: only the thread
    /// itself can do so without losing a count.
    number: CounterU64,
    all: Arena<Block>,
    /// Held to append a block, to reset and to sum.
    changes: Mutex<()>,
}

/// The counters of one thread. Only that thread writes, with plain loads and stores.
#[repr(align(128))]
pub(crate) struct Block {
    thread: AtomicUsize,
    number: CounterU64,
    permit: Permit,
    acquisitions: CounterU64,
    /// The acquisition whose hold is timed next.
    next_sample: CounterU64,
    random: CounterU64,
    contentions: CounterU64,
    lent: CounterU64,
    wait: TimingCells,
    hold: TimingCells,
}

/// Whether the thread has a permit of a throttling guard.
pub(crate) struct Permit(AtomicBool);

struct TimingCells {
    total_ns: CounterU64,
    max_ns: CounterU64,
    histogram: [CounterU64; BUCKETS],
}

impl Blocks {
    pub(crate) fn new() -> Self {
        Blocks {
            number: CounterU64::new(thread::unused_number()),
            all: Arena::new(),
            changes: Mutex::new(()),
        }
    }

    /// The block of the calling thread.
    #[inline]
    pub(crate) fn mine(&self) -> &Block {
        let number = self.number.load(Ordering::Relaxed);
        let block = thread::last_block(number).unwrap_or_else(|| self.remembered(number));
        // SAFETY: under `number`, which no other `Blocks` ever has, threads remember what
        // `find_or_append` returned, and that lies in `self.all`, which neither moves nor frees
        // anything while `self` lives.
        unsafe { &*block }
    }

    #[cold]
    fn remembered(&self, number: u64) -> *const Block {
        thread::remembered_block(number, || self.find_or_append(number))
    }

    fn find_or_append(&self, number: u64) -> &Block {
        let me = ThreadId::current();
        // Nobody else appends a block of this name, so the search needs no lock.
        let mine = self
            .all
            .iter()
            .find(|block| block.is_of(me))
            .unwrap_or_else(|| {
                let _changes = self.changes.lock();
                self.all
                    .append(|block| block.thread.store(me.as_usize(), Ordering::Relaxed))
            });
        mine.begin(number);
        mine
    }

    /// Counts an acquisition by the calling thread. Returns the thread's block and whether to time
    /// the hold.
    #[inline]
    pub(crate) fn count(&self) -> (&Block, bool) {
        let block = self.mine();
        let acquisitions = add(&block.acquisitions, 1);
        let sampled = acquisitions == block.next_sample.load(Ordering::Relaxed);
        if sampled {
            block.draw_next_sample();
        }
        (block, sampled)
    }

    pub(crate) fn sum(&self) -> Counts {
        let _changes = self.changes.lock();
        let number = self.number.load(Ordering::Relaxed);
        let mut counts = Counts::default();
        for block in self.all.iter() {
            if block.number.load(Ordering::Acquire) == number {
                counts.merge(&block.counts());
            }
        }
        counts
    }

    pub(crate) fn reset(&self) {
        let _changes = self.changes.lock();
        self.number
            .store(thread::unused_number(), Ordering::Relaxed);
    }
}

impl Default for Block {
    fn default() -> Self {
        Block {
            thread: AtomicUsize::new(0),
            permit: Permit(AtomicBool::new(false)),
            number: CounterU64::new(0),
            acquisitions: CounterU64::new(0),
            next_sample: CounterU64::new(0),
            random: CounterU64::new(0),
            contentions: CounterU64::new(0),
            lent: CounterU64::new(0),
            wait: TimingCells::default(),
            hold: TimingCells::default(),
        }
    }
}

impl Block {
    fn is_of(&self, thread: ThreadId) -> bool {
        self.thread.load(Ordering::Relaxed) == thread.as_usize()
    }

    /// Begins counting under `number`, unless the block has already.
    fn begin(&self, number: u64) {
        if self.number.load(Ordering::Relaxed) == number {
            return;
        }
        for counter in [&self.acquisitions, &self.contentions, &self.lent] {
            counter.store(0, Ordering::Relaxed);
        }
        self.wait.clear();
        self.hold.clear();
        // Different for each thread and guard, so that they sample independently.
        let seed = number ^ (self.thread.load(Ordering::Relaxed) as u64).rotate_left(32);
        self.random.store(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            Ordering::Relaxed,
        );
        self.draw_next_sample();
        self.number.store(number, Ordering::Release);
    }

    /// The thread's permit.
    #[inline]
    pub(crate) fn permit(&self) -> &Permit {
        &self.permit
    }

    /// Chooses the next acquisition to sample. The gap is geometric, so that each one has the same
    /// chance whatever came before it; by inversion (Devroye 1986, X.2).
    #[cold]
    fn draw_next_sample(&self) {
        // xorshift64 (Marsaglia 2003); the state is never 0.
        let mut random = self.random.load(Ordering::Relaxed);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.store(random, Ordering::Relaxed);
        let uniform = ((random >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        let gap = uniform.ln() / (1.0 - f64::from(HOLD_SAMPLE_EVERY).recip()).ln();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and ln(2^-54) / ln(255 / 256) = 9564"
        )]
        let gap = (gap.ceil() as u64).max(1);
        let next = self.acquisitions.load(Ordering::Relaxed).wrapping_add(gap);
        self.next_sample.store(next, Ordering::Relaxed);
    }

    /// Records what was not usual about an acquisition.
    pub(crate) fn record(&self, lent: bool, wait_ns: Option<u64>, hold_ns: Option<u64>) {
        if lent || wait_ns.is_some() {
            add(&self.contentions, 1);
        }
        if lent {
            add(&self.lent, 1);
        }
        if let Some(ns) = wait_ns {
            self.wait.record(ns);
        }
        if let Some(ns) = hold_ns {
            self.hold.record(ns);
        }
    }

    fn counts(&self) -> Counts {
        Counts {
            acquisitions: self.acquisitions.load(Ordering::Relaxed),
            contentions: self.contentions.load(Ordering::Relaxed),
            wait: self.wait.timing(),
            hold: self.hold.timing(),
            lent: self.lent.load(Ordering::Relaxed),
            ..Counts::default()
        }
    }
}

impl Permit {
    #[inline]
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set(&self, has: bool) {
        self.0.store(has, Ordering::Relaxed);
    }
}

impl Default for TimingCells {
    fn default() -> Self {
        TimingCells {
            total_ns: CounterU64::new(0),
            max_ns: CounterU64::new(0),
            histogram: [const { CounterU64::new(0) }; BUCKETS],
        }
    }
}

impl TimingCells {
    fn record(&self, ns: u64) {
        add(&self.total_ns, ns);
        self.max_ns.store(
            self.max_ns.load(Ordering::Relaxed).max(ns),
            Ordering::Relaxed,
        );
        add(&self.histogram[timing::bucket_of(ns)], 1);
    }

    fn timing(&self) -> Timing {
        let histogram = self
            .histogram
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed));
        Timing::from_parts(
            self.total_ns.load(Ordering::Relaxed),
            self.max_ns.load(Ordering::Relaxed),
            histogram.collect(),
        )
    }

    fn clear(&self) {
        self.total_ns.store(0, Ordering::Relaxed);
        self.max_ns.store(0, Ordering::Relaxed);
        for bucket in &self.histogram {
            bucket.store(0, Ordering::Relaxed);
        }
    }
}

/// Adds without a locked instruction, which one writer does not need. Returns the sum.
#[inline]
fn add(counter: &CounterU64, value: u64) -> u64 {
    let sum = counter.load(Ordering::Relaxed).wrapping_add(value);
    counter.store(sum, Ordering::Relaxed);
    sum
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn each_acquisition_is_sampled_with_the_stated_chance() {
        let blocks = Blocks::new();
        let trials = 640_000_u32;
        let sampled = (0..trials).filter(|_| blocks.count().1).count() as f64;
        // Binomial; six standard deviations are passed by chance once in 10^9 runs.
        let chance = f64::from(HOLD_SAMPLE_EVERY).recip();
        let mean = f64::from(trials) * chance;
        let deviation = (mean * (1.0 - chance)).sqrt();
        assert!(
            (sampled - mean).abs() < 6.0 * deviation,
            "{sampled} of {trials}"
        );
    }

    #[test]
    fn the_first_acquisitions_are_sampled_like_all_others() {
        let blocks = Blocks::new();
        let trials = 64_000_u32;
        let mut sampled = [0_u32; 2];
        for _ in 0..trials {
            blocks.reset();
            for count in &mut sampled {
                *count += u32::from(blocks.count().1);
            }
        }
        let chance = f64::from(HOLD_SAMPLE_EVERY).recip();
        let mean = f64::from(trials) * chance;
        let deviation = (mean * (1.0 - chance)).sqrt();
        for sampled in sampled.map(f64::from) {
            assert!(
                (sampled - mean).abs() < 6.0 * deviation,
                "{sampled} of {trials}"
            );
        }
    }

    #[test]
    fn blocks_of_ended_threads_are_used_again() {
        let blocks = Blocks::new();
        for _ in 0..400 {
            thread::scope(|scope| {
                scope.spawn(|| {
                    for _ in 0..5 {
                        blocks.count();
                    }
                });
            });
        }
        assert_eq!(blocks.sum().acquisitions, 400 * 5);
        let made = blocks.all.iter().count();
        assert!(made < 100, "{made} blocks for one thread at a time");
    }

    #[test]
    fn a_threads_block_is_found_again_among_those_of_many_guards() {
        let all: Vec<Blocks> = (0..50).map(|_| Blocks::new()).collect();
        for _ in 0..3 {
            for blocks in &all {
                blocks.count();
            }
        }
        for blocks in &all {
            assert_eq!(
                (blocks.all.iter().count(), blocks.sum().acquisitions),
                (1, 3)
            );
        }
    }

    #[test]
    fn what_is_recorded_is_summed() {
        let blocks = Blocks::new();
        let (block, _) = blocks.count();
        block.record(false, Some(100), Some(7));
        block.record(true, None, None);
        block.record(false, None, Some(9));
        let counts = blocks.sum();
        assert_eq!((counts.contentions, counts.lent), (2, 1));
        assert_eq!(
            (counts.wait.count, counts.wait.total_ns, counts.wait.max_ns),
            (1, 100, 100)
        );
        assert_eq!(
            (counts.hold.count, counts.hold.total_ns, counts.hold.max_ns),
            (2, 16, 9)
        );
        assert_eq!(counts.hold.quantile_ns(0.5), Some(7));
        blocks.reset();
        assert_eq!(blocks.sum(), Counts::default());
    }
}
