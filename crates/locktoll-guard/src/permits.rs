//! At most K sections at once.

use core::num::NonZeroU32;
use core::sync::atomic::Ordering;

use crate::sync::{AtomicU64, Condvar, Mutex};

/// A counting semaphore whose permits and waiters change in one word, so that a thread that gives
/// a permit back cannot miss one that is about to wait for it.
pub(crate) struct Permits {
    limit: NonZeroU32,
    /// Low 32 bits: permits taken. High 32 bits: threads that wait or are about to.
    state: AtomicU64,
    sleep: Mutex<()>,
    returned: Condvar,
}

const TAKEN: u64 = 1;
const WAITING: u64 = 1 << 32;

impl Permits {
    pub(crate) fn new(limit: NonZeroU32) -> Self {
        Permits {
            limit,
            state: AtomicU64::new(0),
            sleep: Mutex::new(()),
            returned: Condvar::new(),
        }
    }

    /// Takes a permit if there is one.
    #[inline]
    pub(crate) fn try_take(&self) -> bool {
        self.change(|state| self.has_one(state).then(|| state + TAKEN))
    }

    /// Waits for a permit.
    #[cold]
    pub(crate) fn take(&self) {
        let mut sleep = self.sleep.lock();
        // From its failed try on, a waiter stands in the same word as the permits, so whoever
        // returns one later sees it. To notify, that thread needs `sleep`, which is free only once
        // this one listens.
        if self.change(|state| Some(state + if self.has_one(state) { TAKEN } else { WAITING })) {
            return;
        }
        loop {
            self.returned.wait(&mut sleep);
            if self.change(|state| self.has_one(state).then(|| state + TAKEN - WAITING)) {
                return;
            }
        }
    }

    /// Returns a permit.
    #[inline]
    pub(crate) fn give_back(&self) {
        let before = self.state.fetch_sub(TAKEN, Ordering::Release);
        if before >= WAITING {
            self.wake_one();
        }
    }

    #[cold]
    fn wake_one(&self) {
        let sleep = self.sleep.lock();
        self.returned.notify_one();
        drop(sleep);
    }

    #[inline]
    fn has_one(&self, state: u64) -> bool {
        state % WAITING < u64::from(self.limit.get())
    }

    /// Changes the state as `to` says; returns whether there was a permit before.
    #[inline]
    fn change(&self, to: impl FnMut(u64) -> Option<u64>) -> bool {
        let (Ok(before) | Err(before)) =
            self.state
                .fetch_update(Ordering::Acquire, Ordering::Relaxed, to);
        self.has_one(before)
    }
}
