//! One re-entrant lock, whose sections can be lent.

use core::sync::atomic::Ordering;

use crate::sync::{AtomicUsize, RawGuard, RawLock, const_unless_modelled};
use crate::thread::{self, ThreadId};
use crate::waits::{self, Outlook};

/// A lock that lies in its user's own encoder or queue state.
///
/// It protects nothing by itself: a [`Guard`](crate::Guard) takes it where its strategy says so.
///
/// ```
/// use locktoll_guard::OwnedLock;
///
/// static QUEUE: OwnedLock = OwnedLock::new();
/// ```
pub struct OwnedLock {
    /// Held from the outermost section's beginning to its end by the thread that took it, also
    /// while the section is lent.
    raw: RawLock,
    /// The thread in the section: the holder of `raw`, or the last thread that the section was
    /// lent to; 0 while nobody is, and for a moment after `raw` is taken or before it is released.
    ///
    /// A thread stores its own name only, or, ending a loan, the name it found. So each thread
    /// knows for certain whether the name here is its own, without ordering; what else may be
    /// concluded from it is said in [`waits`].
    occupant: AtomicUsize,
}

const NOBODY: usize = 0;

/// A lock that this thread has taken.
///
/// Invariant: `raw` comes from locking `lock.raw`.
pub(crate) struct Taken<'a> {
    lock: &'a OwnedLock,
    raw: RawGuard<'a>,
}

/// A lock whose section this thread has borrowed.
pub(crate) struct Borrowed<'a> {
    lock: &'a OwnedLock,
    me: ThreadId,
    from: usize,
}

impl OwnedLock {
    const_unless_modelled! {
        /// A free lock.
        pub fn new() -> OwnedLock {
            OwnedLock { raw: RawLock::new(), occupant: AtomicUsize::new(NOBODY) }
        }
    }

    /// Whether nobody is in a section of this lock, at this moment.
    pub(crate) fn is_free(&self) -> bool {
        !self.raw.is_locked()
    }

    #[inline]
    pub(crate) fn occupant(&self) -> usize {
        self.occupant.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn occupy(&self, occupant: usize) {
        self.occupant.store(occupant, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_occupied_by(&self, me: ThreadId) -> bool {
        self.occupant() == me.as_usize()
    }

    /// Takes the lock if it is free.
    #[inline]
    pub(crate) fn try_take(&self, me: ThreadId) -> Option<Taken<'_>> {
        self.raw.try_lock().map(|raw| self.taken(me, raw))
    }

    /// Waits for the lock, or borrows it where waiting could never end.
    pub(crate) fn take_or_borrow(&self, me: ThreadId) -> Result<Taken<'_>, Borrowed<'_>> {
        // Nobody can be waiting for a thread that holds nothing.
        if !thread::is_in_a_section() {
            return Ok(self.taken(me, self.raw.lock()));
        }
        match waits::announce(me, self) {
            Outlook::Wait => {
                let taken = self.taken(me, self.raw.lock());
                waits::withdraw(me);
                Ok(taken)
            }
            Outlook::Borrow { from } => {
                thread::enter();
                Err(Borrowed {
                    lock: self,
                    me,
                    from,
                })
            }
        }
    }

    #[inline]
    fn taken<'a>(&'a self, me: ThreadId, raw: RawGuard<'a>) -> Taken<'a> {
        self.occupy(me.as_usize());
        thread::enter();
        Taken { lock: self, raw }
    }
}

impl Taken<'_> {
    #[inline]
    pub(crate) fn release(self) {
        self.lock.occupy(NOBODY);
        // SAFETY: by the invariant of `Taken`.
        unsafe { self.lock.raw.unlock(self.raw) };
        thread::leave();
    }
}

impl Borrowed<'_> {
    /// Ends the loan.
    pub(crate) fn give_back(self) {
        // Another name than ours means that sections did not end in order and that the lender has
        // already left; its name must not come back.
        if self.lock.is_occupied_by(self.me) {
            self.lock.occupy(self.from);
        }
        thread::leave();
    }
}

impl Default for OwnedLock {
    fn default() -> Self {
        OwnedLock::new()
    }
}

impl core::fmt::Debug for OwnedLock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OwnedLock")
            .field("free", &self.is_free())
            .finish()
    }
}
