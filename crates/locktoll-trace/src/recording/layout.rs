//! Where each field of a recording lies, for its reader and for the libraries that write one.
//!
//! ```text
//! header    its last 32 words describe the recording
//! …         rows and counters, as in every trace
//! threads   one block for each thread: head, held entries, table of (lock, call site)
//! points    index, then one record for each lock at each call site
//! locks     index, then one record for each lock
//! blames    index, then one record for each (lock, waiter's site, owner's site)
//! stacks    samples of stacks, a ring
//! events    one ring for each thread
//! ```
//!
//! Every section begins at a multiple of 64 bytes, and all fields are words of 8 bytes. Durations
//! and times are in nanoseconds; times are those of the monotonic clock.
//!
//! Points, locks and blames lie one behind another in the order in which they were found, so that
//! what is used is a beginning of the section. Their index is a hash table for the writer, of words
//! that are 0 or a record's number plus one; a reader does not need it. A record whose state is not
//! [`READY`] is to be skipped: two threads found the same at once, or the process died meanwhile.

use crate::durations::FINE_BUCKETS;
use crate::layout::{self, WORD};

/// Offsets in the file of the words of the header that describe the recording.
pub mod header {
    use crate::layout::{WORD, header::RECORDING};

    const fn word(index: usize) -> usize {
        RECORDING + index * WORD
    }

    /// Capacity: thread blocks. No section exists where the capacity is 0.
    pub const THREADS: usize = word(0);
    /// Capacity: points.
    pub const POINTS: usize = word(1);
    /// Capacity: locks.
    pub const LOCKS: usize = word(2);
    /// Capacity: blames.
    pub const BLAMES: usize = word(3);
    /// Capacity: stack samples.
    pub const STACKS: usize = word(4);
    /// Capacity: events of each thread.
    pub const EVENTS: usize = word(5);
    /// Thread blocks that were ever taken; may exceed the capacity, as all words of use may.
    pub const THREADS_USED: usize = word(6);
    /// Points that were ever made.
    pub const POINTS_USED: usize = word(7);
    /// Locks that were ever made.
    pub const LOCKS_USED: usize = word(8);
    /// Blames that were ever made.
    pub const BLAMES_USED: usize = word(9);
    /// Stack samples that were ever taken. Beyond the capacity the oldest are overwritten.
    pub const STACKS_USED: usize = word(10);
    /// See [`Mode`](crate::recording::Mode).
    pub const MODE: usize = word(11);
    /// One hold of this many is timed, on average.
    pub const HOLD_EVERY: usize = word(12);
    /// Time at which the recording began.
    pub const BEGAN_NS: usize = word(13);
    /// Time at which the process ended in order; 0 if it did not.
    pub const ENDED_NS: usize = word(14);
    /// See [`Clock`](crate::recording::Clock).
    pub const CLOCK: usize = word(15);
    /// Nanoseconds a tick of the clock, as the bits of an `f64`.
    pub const NS_PER_TICK: usize = word(16);
    /// Acquisitions and waits whose point found no room, and that are told of a coarser one.
    pub const COARSENED: usize = word(17);
    /// Waits whose blame found no room.
    pub const BLAMES_LOST: usize = word(18);
    /// Events of threads without a block, which had no ring to go to.
    pub const EVENTS_LOST: usize = word(19);
    /// What-if: nanoseconds added inside the hold.
    pub const DELAY_INSIDE_NS: usize = word(22);
    /// What-if: nanoseconds added after the hold.
    pub const DELAY_OUTSIDE_NS: usize = word(23);
    /// Unix time at which the recording began.
    pub const BEGAN_UNIX_NS: usize = word(24);
    /// The parent process at that time.
    pub const PARENT: usize = word(25);
    /// Thread blocks of dead threads that were taken over by others.
    pub const THREADS_REUSED: usize = word(26);
    /// Threads that found no block, as often as they asked.
    pub const THREADS_REFUSED: usize = word(27);
}

/// Offsets within the block of a thread.
pub mod thread {
    use super::{TABLE, WORD, entry};

    /// One of the states below.
    pub const STATE: usize = 0;
    /// The kernel's number of the thread.
    pub const TID: usize = WORD;
    /// Time of its first event.
    pub const BEGAN_NS: usize = 2 * WORD;
    /// Events that it has written, also those that were overwritten since.
    pub const EVENTS_HEAD: usize = 4 * WORD;
    /// Name: 16 bytes, ended by a zero if shorter.
    pub const NAME: usize = 6 * WORD;
    /// What-if: times that time was added inside a hold. This and the next seven are sums over all
    /// threads that had the block.
    pub const INSIDE: usize = 8 * WORD;
    /// What-if: the time that was added inside holds.
    pub const INSIDE_NS: usize = 9 * WORD;
    /// What-if: times that time was added after a hold.
    pub const OUTSIDE: usize = 10 * WORD;
    /// What-if: the time that was added after holds.
    pub const OUTSIDE_NS: usize = 11 * WORD;
    /// What-if: returns to the delayed lock.
    pub const APART: usize = 12 * WORD;
    /// What-if: the time from a release, and what was added after it, to the next asking by the same
    /// thread.
    pub const APART_NS: usize = 13 * WORD;
    /// What-if: holds of the delayed lock.
    pub const HOLDS: usize = 14 * WORD;
    /// What-if: their time, with what was added to them.
    pub const HOLDS_NS: usize = 15 * WORD;
    /// Time of the last release that was timed, or of the first event: the thread lived until then.
    pub const LAST_NS: usize = 16 * WORD;
    /// The point that the thread waits at now, plus one; 0 if it does not, or is not timed. Of locks and futexes
    /// only, since a thread may be cancelled in other waits.
    pub const WAITING: usize = 17 * WORD;
    /// Time since when it waits there.
    pub const WAITING_SINCE_NS: usize = 18 * WORD;
    /// Call site by which the lock was had then; 0 if not known.
    pub const WAITING_FOR: usize = 19 * WORD;
    /// The writer's: by a lock's hash, the entry by which the lock was last taken.
    pub const HELD: usize = 24 * WORD;
    /// Words of [`HELD`].
    pub const HELD_WORDS: usize = 128;
    /// Entries by (lock, call site).
    pub const ENTRIES: usize = HELD + HELD_WORDS * WORD;
    /// Size of a block.
    pub const SIZE: usize = ENTRIES + TABLE * entry::SIZE;

    /// No thread has it.
    pub const FREE: u64 = 0;
    /// A thread is taking it.
    pub const CLAIMED: u64 = 1;
    /// A thread has it.
    pub const LIVE: u64 = 2;
}

/// Entries of the table of a thread.
pub const TABLE: usize = 512;

/// Offsets within an entry of a thread's table: what this thread did at one point, since the entry
/// was made. What was evicted is in the point itself.
pub mod entry {
    use super::WORD;

    /// The lock, with [`UNCACHED`] set if the fast path is not to find it.
    pub const LOCK: usize = 0;
    /// The call site; 0 in an entry that is not used.
    pub const SITE: usize = WORD;
    /// Locks taken.
    pub const ACQUISITIONS: usize = 2 * WORD;
    /// Calls that found the lock taken.
    pub const CONTENTIONS: usize = 3 * WORD;
    /// Time waited, each timed wait times its weight.
    pub const WAIT_NS: usize = 4 * WORD;
    /// Time held, each timed hold times its weight.
    pub const HOLD_NS: usize = 5 * WORD;
    /// Number of the point, plus one.
    pub const POINT: usize = 6 * WORD;
    /// Trylocks that were refused.
    pub const REFUSED: usize = 7 * WORD;
    /// Size of an entry: one cache line.
    pub const SIZE: usize = 8 * WORD;

    /// Set in [`LOCK`].
    pub const UNCACHED: u64 = 1;
}

/// The state of a record that is whole.
pub const READY: u64 = 1;

/// Offsets within a point.
pub mod point {
    use super::{FINE_BUCKETS, WORD};

    /// [`READY`](super::READY), or skip it.
    pub const STATE: usize = 0;
    /// Address of the lock; 0 for all locks that found no room.
    pub const LOCK: usize = WORD;
    /// Address to which the call returns; 0 for all calls that found no room.
    pub const SITE: usize = 2 * WORD;
    /// See [`Kind`](crate::Kind).
    pub const KIND: usize = 3 * WORD;
    /// See [`LockBits`](crate::recording::LockBits).
    pub const BITS: usize = 4 * WORD;
    /// Locks taken that no thread's table tells of.
    pub const ACQUISITIONS: usize = 5 * WORD;
    /// Contentions that no thread's table tells of.
    pub const CONTENTIONS: usize = 6 * WORD;
    /// Refused trylocks that no thread's table tells of.
    pub const REFUSED: usize = 7 * WORD;
    /// Waits that were given up at their time limit.
    pub const TIMED_OUT: usize = 8 * WORD;
    /// Waits that were timed.
    pub const WAITS_TIMED: usize = 9 * WORD;
    /// Holds that were timed.
    pub const HOLDS_TIMED: usize = 10 * WORD;
    /// The writer's: stacks sampled of it, and when the next is due.
    pub const STACKS: usize = 11 * WORD;
    /// Of the weights of all holds, those of holds that began in an acquisition before them, when a wait for a
    /// condition was over.
    pub const HOLDS_RESUMED: usize = 12 * WORD;
    /// Distribution of the waits.
    pub const WAIT: usize = 16 * WORD;
    /// Distribution of the holds.
    pub const HOLD: usize = WAIT + DISTRIBUTION;
    /// Size of a point.
    pub const SIZE: usize = (HOLD + DISTRIBUTION).next_multiple_of(64);

    /// Size of a distribution: count, sum, maximum, then the histogram. All are weighted by how
    /// many were not timed for each that was.
    pub const DISTRIBUTION: usize = (3 + FINE_BUCKETS) * WORD;
}

/// Offsets within a lock.
pub mod lock {
    use super::WORD;

    /// [`READY`](super::READY), or skip it.
    pub const STATE: usize = 0;
    /// Address.
    pub const ADDRESS: usize = WORD;
    /// See [`Kind`](crate::Kind).
    pub const KIND: usize = 2 * WORD;
    /// Threads that wait for it now, of those whose wait is timed.
    pub const WAITING: usize = 3 * WORD;
    /// The most that ever waited at once, of those whose wait was timed.
    pub const WAITING_MAX: usize = 4 * WORD;
    /// Size of a lock.
    pub const SIZE: usize = 8 * WORD;
}

/// Offsets within a blame: who was waited for.
pub mod blame {
    use super::WORD;

    /// [`READY`](super::READY), or skip it.
    pub const STATE: usize = 0;
    /// Address of the lock.
    pub const LOCK: usize = WORD;
    /// Call site of who waited.
    pub const WAITER_SITE: usize = 2 * WORD;
    /// Call site by which the owner had taken the lock; 0 if that is not known.
    pub const OWNER_SITE: usize = 3 * WORD;
    /// Waits, weighted.
    pub const COUNT: usize = 4 * WORD;
    /// Time waited, weighted.
    pub const WAIT_NS: usize = 5 * WORD;
    /// The longest wait.
    pub const MAX_NS: usize = 6 * WORD;
    /// Size of a blame.
    pub const SIZE: usize = 8 * WORD;
}

/// Offsets within a stack sample.
pub mod stack {
    use super::WORD;

    /// Odd while it is written, and different after.
    pub const SEQUENCE: usize = 0;
    /// Number of the point, plus one.
    pub const POINT: usize = WORD;
    /// The thread.
    pub const TID: usize = 2 * WORD;
    /// See [`Why`](crate::recording::Why).
    pub const WHY: usize = 3 * WORD;
    /// How long the wait or the hold was.
    pub const NS: usize = 4 * WORD;
    /// The call site.
    pub const PC: usize = 5 * WORD;
    /// Stack pointer after the return.
    pub const SP: usize = 6 * WORD;
    /// Frame pointer.
    pub const FP: usize = 7 * WORD;
    /// Bytes that were copied.
    pub const LENGTH: usize = 8 * WORD;
    /// The bytes from the stack pointer upwards.
    pub const BYTES: usize = 16 * WORD;
    /// The most bytes of a sample.
    pub const CAPACITY: usize = 8192;
    /// Size of a sample.
    pub const SIZE: usize = BYTES + CAPACITY;
}

/// Offsets within an event.
pub mod event {
    use super::WORD;

    /// Time of the acquisition since [`BEGAN_NS`](super::header::BEGAN_NS), the kind in the topmost
    /// byte.
    pub const TIME: usize = 0;
    /// Address of the lock.
    pub const LOCK: usize = WORD;
    /// Call site.
    pub const SITE: usize = 2 * WORD;
    /// Wait in the lower half, hold in the upper, each as [`short`].
    pub const WAIT_HOLD: usize = 3 * WORD;
    /// Size of an event.
    pub const SIZE: usize = 4 * WORD;

    /// Bits of the kind, above those of the time.
    pub const KIND_SHIFT: u32 = 56;

    const COARSE: u64 = 1 << 31;

    /// A duration in 32 bits: exact below 2.1 s, else in units of 1,024 ns, at most 36 minutes.
    #[inline]
    pub const fn short(ns: u64) -> u64 {
        if ns < COARSE {
            ns
        } else if ns >> 10 < COARSE {
            COARSE | ns >> 10
        } else {
            2 * COARSE - 1
        }
    }

    /// The duration that [`short`] was made of.
    pub const fn long(short: u64) -> u64 {
        let short = short & (2 * COARSE - 1);
        if short < COARSE {
            short
        } else {
            (short - COARSE) << 10
        }
    }
}

/// How many of each a recording has room for, and so where everything lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Blocks of threads.
    pub threads: usize,
    /// Locks at call sites.
    pub points: usize,
    /// Locks.
    pub locks: usize,
    /// Blames.
    pub blames: usize,
    /// Stack samples.
    pub stacks: usize,
    /// Events of each thread.
    pub events: usize,
}

impl Shape {
    /// No recording.
    pub const NONE: Shape = Shape {
        threads: 0,
        points: 0,
        locks: 0,
        blames: 0,
        stacks: 0,
        events: 0,
    };

    /// More than any writer needs, and few enough that sizes cannot overflow.
    pub const MAX: Shape = Shape {
        threads: 1 << 12,
        points: 1 << 16,
        locks: 1 << 16,
        blames: 1 << 16,
        stacks: 1 << 12,
        events: 1 << 20,
    };

    /// Where the block of a thread begins, in a file without rows.
    #[inline]
    pub const fn thread(&self, index: usize) -> usize {
        Shape::thread_after(0, index)
    }

    #[inline]
    pub(crate) const fn thread_after(rows: usize, index: usize) -> usize {
        layout::rows_and_counters(rows).next_multiple_of(64) + index * thread::SIZE
    }

    /// Where the index of the points begins, in a file without rows.
    #[inline]
    pub const fn point_index(&self) -> usize {
        self.thread(self.threads)
    }

    /// Where a point begins, in a file without rows.
    #[inline]
    pub const fn point(&self, index: usize) -> usize {
        self.point_index() + index_size(self.points) + index * point::SIZE
    }

    /// Where the index of the locks begins, in a file without rows.
    #[inline]
    pub const fn lock_index(&self) -> usize {
        self.point(self.points)
    }

    /// Where a lock begins, in a file without rows.
    #[inline]
    pub const fn lock(&self, index: usize) -> usize {
        self.lock_index() + index_size(self.locks) + index * lock::SIZE
    }

    /// Where the index of the blames begins, in a file without rows.
    #[inline]
    pub const fn blame_index(&self) -> usize {
        self.lock(self.locks)
    }

    /// Where a blame begins, in a file without rows.
    #[inline]
    pub const fn blame(&self, index: usize) -> usize {
        self.blame_index() + index_size(self.blames) + index * blame::SIZE
    }

    /// Where a stack sample begins, in a file without rows.
    #[inline]
    pub const fn stack(&self, index: usize) -> usize {
        self.blame(self.blames) + index * stack::SIZE
    }

    /// Where an event of a thread begins, in a file without rows.
    #[inline]
    pub const fn event(&self, thread: usize, index: usize) -> usize {
        self.stack(self.stacks) + (thread * self.events + index) * event::SIZE
    }

    /// Bytes of a file with this recording and no rows.
    pub const fn file_size(&self) -> usize {
        self.event(self.threads, 0)
    }

    /// Words of an index: a power of two, so that hashes are cut by a mask, and at most half full.
    #[inline]
    pub const fn index_words(capacity: usize) -> usize {
        if capacity == 0 {
            0
        } else {
            (2 * capacity).next_power_of_two()
        }
    }
}

#[inline]
const fn index_size(capacity: usize) -> usize {
    (Shape::index_words(capacity) * WORD).next_multiple_of(64)
}
