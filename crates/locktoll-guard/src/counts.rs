//! What a guard has counted.

use crate::timing::Timing;

/// Of how many acquisitions one hold is timed, on average.
///
/// Reading the clock twice costs more than taking a free lock, so not every hold is timed. Each
/// acquisition is chosen by chance and independently of the others: a fixed stride would fall in
/// step with programs that repeat the same few calls, and always choosing a thread's first
/// acquisition would favour cold caches.
pub const HOLD_SAMPLE_EVERY: u32 = 64;

/// What happened at the locks of a [`Guard`](crate::Guard), over all threads, ended ones too.
///
/// A section is counted when it ends. A section nested in one of the same lock by the same thread
/// takes no lock and is counted nowhere.
///
/// While sections end in other threads the figures may be apart by those few; once they are quiet,
/// `contentions == wait.count + lent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Sections for which a lock or permit was taken or borrowed.
    pub acquisitions: u64,
    /// Acquisitions whose lock or permit was not free at the first try.
    pub contentions: u64,
    /// From the failed first try to having the lock, of every contention that waited.
    pub wait: Timing,
    /// From having the lock to releasing it, of a random sample of the acquisitions.
    pub hold: Timing,
    /// On average, one of this many acquisitions has its hold timed.
    pub hold_sample_every: u32,
    /// Acquisitions whose lock was borrowed, since waiting for it could never have ended.
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
