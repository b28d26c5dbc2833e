//! What each lock of a program cost at each of its call sites.
//!
//! A *point* is one lock at one call site: the address to which the call that takes the lock
//! returns. Everything is kept for points; locks, threads, blames and stacks refer to them.

pub mod layout;
mod parse;
mod writer;

use core::fmt;

pub(crate) use self::parse::{Place, parse, shape};
pub use self::writer::{Began, begin, end};
use crate::durations::FineDurations;
use crate::trace::Kind;

/// What one process has recorded of its locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// What was recorded.
    pub mode: Mode,
    /// What times were read from.
    pub clock: Clock,
    /// Time at which it began, in nanoseconds of the monotonic clock, as all times here.
    pub began_ns: u64,
    /// The same in Unix time.
    pub began_unix_ns: u64,
    /// Time at which the process ended, if it did so in order.
    pub ended_ns: Option<u64>,
    /// The parent process when it began.
    pub parent: u32,
    /// One hold of this many is timed, on average, at points whose holds are short and frequent;
    /// elsewhere all are.
    pub hold_every: u64,
    /// Threads, in the order of their first event.
    pub threads: Vec<RecordedThread>,
    /// Locks at call sites. The counts are those of all threads together.
    pub points: Vec<Point>,
    /// What each thread did at each point. Those of [reused](Self::threads_reused) threads are only
    /// in the points.
    pub shares: Vec<ThreadShare>,
    /// Locks.
    pub locks: Vec<RecordedLock>,
    /// Who was waited for.
    pub blames: Vec<Blame>,
    /// Samples of stacks, the latest of them.
    pub stacks: Vec<StackSample>,
    /// The latest events of each thread, oldest first; empty unless the mode is [`Mode::EVENTS`].
    pub events: Vec<Event>,
    /// Events that were overwritten by later ones, or had no ring to go to.
    pub events_lost: u64,
    /// Acquisitions and waits whose point found no room. They are told of a point without a site,
    /// or of one without site and lock.
    pub coarsened: u64,
    /// Waits whose blame found no room.
    pub blames_lost: u64,
    /// Stack samples that were overwritten by later ones.
    pub stacks_lost: u64,
    /// Threads that are no longer told of, since another has their block.
    pub threads_reused: u64,
    /// How often a thread found no block; its figures are only in the points.
    pub threads_refused: u64,
    /// The time that was added to the holds of a chosen lock, and between them.
    pub delays: Delays,
}

/// Time that was added to find out what it does. All is 0 where none was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// What was to be added to each hold, as it was set last.
    pub inside_ns: u64,
    /// What was to be added after each hold, as it was set last.
    pub outside_ns: u64,
    /// What was really added to holds.
    pub inside: Sum,
    /// What was really added after holds.
    pub outside: Sum,
    /// How long threads were without the lock, from a release and what was added after it to their
    /// next asking. Their own time, but for what this library needs.
    pub apart: Sum,
    /// Holds of the chosen lock, with what was added to them.
    pub holds: Sum,
}

/// A number of durations and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Together.
    pub total_ns: u64,
}

/// How much was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mode(pub u32);

impl Mode {
    /// Every acquisition is counted at its call site; contentions and holds are timed, a sample of
    /// them where they are short and frequent.
    pub const AGGREGATE: Mode = Mode(1);
    /// Only contentions: an acquisition of a free lock is not counted, and no hold is timed.
    pub const CONTENTIONS: Mode = Mode(2);
    /// As aggregate, and every acquisition is written to a ring with its wait and hold.
    pub const EVENTS: Mode = Mode(3);
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Mode::AGGREGATE => f.write_str("aggregate"),
            Mode::CONTENTIONS => f.write_str("contentions"),
            Mode::EVENTS => f.write_str("events"),
            Mode(other) => write!(f, "mode {other}"),
        }
    }
}

/// What times were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clock(pub u32);

impl Clock {
    /// The processor's time stamp counter, which is invariant here.
    pub const COUNTER: Clock = Clock(1);
    /// The kernel's monotonic clock.
    pub const MONOTONIC: Clock = Clock(2);
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedThread {
    /// The kernel's number of it.
    pub tid: u32,
    /// Its name when it was first seen; invalid UTF-8 is replaced.
    pub name: String,
    /// Time of its first event.
    pub began_ns: u64,
    /// Time of its last release that was timed, or of its first event.
    pub last_ns: u64,
    /// The wait that it is in, or was in when the process ended.
    pub waiting: Option<Waiting>,
    /// Events that it wrote and that were overwritten since.
    pub events_lost: u64,
}

/// A wait for a lock or at a futex that is not over. Its point counts it, and has not its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The point, by its place in [`Recording::points`].
    pub point: usize,
    /// Time at which it began.
    pub since_ns: u64,
    /// Call site by which the owner had taken the lock then; 0 if not known.
    pub owner_site: u64,
}

/// What a lock is set to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LockBits(pub u32);

impl LockBits {
    /// The owner may take it again.
    pub const RECURSIVE: LockBits = LockBits(1);
    /// Taking it again is an error that is told.
    pub const ERROR_CHECKING: LockBits = LockBits(2);
    /// It outlives the death of its owner.
    pub const ROBUST: LockBits = LockBits(4);
    /// Its owner inherits the waiters' priority.
    pub const PRIORITY_INHERIT: LockBits = LockBits(8);
    /// Its owner has a priority of its own.
    pub const PRIORITY_PROTECT: LockBits = LockBits(16);
    /// Shared between processes.
    pub const PROCESS_SHARED: LockBits = LockBits(32);
    /// It spins before it waits.
    pub const ADAPTIVE: LockBits = LockBits(64);
    /// Taken for reading, beside other readers.
    pub const READ: LockBits = LockBits(128);
    /// Called by its C11 name.
    pub const C11: LockBits = LockBits(256);

    /// Whether all of `other` are set.
    pub const fn contains(self, other: LockBits) -> bool {
        self.0 & other.0 == other.0
    }
}

impl core::ops::BitOr for LockBits {
    type Output = LockBits;

    fn bitor(self, other: LockBits) -> LockBits {
        LockBits(self.0 | other.0)
    }
}

/// One lock at one call site.
///
/// A wait is the time from asking to having, for calls that found the lock taken; a hold is the time
/// from having to releasing. Both distributions are weighted: where one of 64 is timed, it counts
/// 64 times, so their counts and sums estimate those of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Address of the lock; 0 for locks that found no room.
    pub lock: u64,
    /// Address to which the call returns; 0 for calls that found no room.
    pub site: u64,
    /// What the lock is.
    pub kind: Kind,
    /// What it is set to be.
    pub bits: LockBits,
    /// Locks taken. In [`Mode::CONTENTIONS`] only those that had to be waited for.
    pub acquisitions: u64,
    /// Calls that found the lock taken; of kinds that are no locks, calls that had to wait.
    pub contentions: u64,
    /// Trylocks that were refused.
    pub refused: u64,
    /// Waits that were given up at their time limit.
    pub timed_out: u64,
    /// How many waits were timed.
    pub waits_timed: u64,
    /// How many holds were timed.
    pub holds_timed: u64,
    /// Waits, weighted.
    pub wait: Box<FineDurations>,
    /// Holds, weighted. A wait for a condition ends one and begins another, so there may be more than
    /// acquisitions.
    pub hold: Box<FineDurations>,
    /// Of the weights of `hold`, those of holds that such a wait has begun.
    pub holds_resumed: u64,
}

/// What one thread did at one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadShare {
    /// The thread, by its place in [`Recording::threads`].
    pub thread: usize,
    /// The point, by its place in [`Recording::points`].
    pub point: usize,
    /// Locks taken.
    pub acquisitions: u64,
    /// Calls that found the lock taken.
    pub contentions: u64,
    /// Trylocks that were refused.
    pub refused: u64,
    /// Time waited, weighted.
    pub wait_ns: u64,
    /// Time held, weighted.
    pub hold_ns: u64,
}

/// One lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedLock {
    /// Its address.
    pub address: u64,
    /// What it is.
    pub kind: Kind,
    /// The most threads that waited for it at once, of those whose wait was timed.
    pub waiting_max: u64,
}

/// Who was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blame {
    /// Address of the lock.
    pub lock: u64,
    /// Call site of who waited.
    pub waiter_site: u64,
    /// Call site by which the owner had taken the lock when the wait began; 0 if not known.
    pub owner_site: u64,
    /// Waits, weighted.
    pub count: u64,
    /// Time waited, weighted.
    pub wait_ns: u64,
    /// The longest wait.
    pub max_ns: u64,
}

/// A stack as it was, to be unwound later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackSample {
    /// The point, by its place in [`Recording::points`].
    pub point: usize,
    /// The kernel's number of the thread.
    pub tid: u32,
    /// What the sample is of.
    pub why: Why,
    /// How long the wait or the hold was.
    pub ns: u64,
    /// Address to which the call returns.
    pub pc: u64,
    /// Stack pointer after the return.
    pub sp: u64,
    /// Frame pointer in the caller.
    pub fp: u64,
    /// Memory from the stack pointer upwards.
    pub bytes: Vec<u8>,
}

/// What a stack was sampled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Why(pub u32);

impl Why {
    /// A wait.
    pub const WAIT: Why = Why(1);
    /// A hold.
    pub const HOLD: Why = Why(2);
}

/// One lock taken and released, or one wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The thread, by its place in [`Recording::threads`].
    pub thread: usize,
    /// Time at which the lock was had.
    pub at_ns: u64,
    /// Address of the lock.
    pub lock: u64,
    /// Call site.
    pub site: u64,
    /// What the lock is.
    pub kind: Kind,
    /// Time waited for it; 0 where it was free.
    pub wait_ns: u64,
    /// Time held.
    pub hold_ns: u64,
}
