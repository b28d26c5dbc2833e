//! What a guard has counted.

use crate::timing::Timing;

/// Of how many acquisitions one hold is timed, on average.
///
/// To time a hold costs about twenty times as much as to take a free lock, so few are timed. Each
/// acquisition is chosen by chance and independently of the others: a fixed stride would fall in
/// step with programs that repeat the same few calls, and always choosing a thread's first
/// acquisition would favour cold caches.
pub const HOLD_SAMPLE_EVERY: u32 = 256;

/// What happened at the locks of a [`Guard`](crate::Guard), over all threads, ended ones too.
///
/// An acquisition is counted when it is asked for, all else when the section has ended and the
/// lock is free again. A section nested in one of the same lock by the same thread takes no lock
/// and is counted nowhere.
///
/// While other threads enter and leave, the figures may be apart by those few sections; when all
/// are quiet, `contentions == wait.count + lent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Locks and permits that were taken, borrowed or waited for.
    ///
    /// A section entered by address counts twice if the address is forgotten in between.
    pub acquisitions: u64,
    /// Acquisitions whose lock or permit was not free at the first try.
    pub contentions: u64,
    /// From the failed first try to having the lock, of every contention that waited.
    pub wait: Timing,
    /// From having the lock to releasing it, of a random sample of the acquisitions.
    pub hold: Timing,
    /// On average, one of this many acquisitions has its hold timed.
    pub hold_sample_every: u32,
    /// Acquisitions whose lock was borrowed, since waiting for it could never have ended: threads
    /// were in sections that each other wanted. The section then ran inside one of a thread that
    /// slept in this crate, so that the driver saw a call inside a call, and not two threads.
    pub lent: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Counts {
            acquisitions: 0,
            contentions: 0,
            wait: Timing::default(),
            hold: Timing::default(),
            hold_sample_every: HOLD_SAMPLE_EVERY,
            lent: 0,
        }
    }
}

impl Counts {
    /// Adds the figures of `other`, say of another guard.
    pub fn merge(&mut self, other: &Counts) {
        self.acquisitions += other.acquisitions;
        self.contentions += other.contentions;
        self.wait.merge(&other.wait);
        self.hold.merge(&other.hold);
        self.lent += other.lent;
    }
}
