//! The time between taking a lock and releasing it.

use core::marker::PhantomData;
use std::time::Instant;

use crate::blocks::{Block, Permit};
use crate::lock::{Borrowed, Taken};
use crate::permits::Permits;

/// A section under a [`Guard`](crate::Guard)'s lock, from its making until it is dropped.
///
/// It stays with the thread that entered it. A panic inside releases it and leaves nothing
/// poisoned.
///
/// # Order
///
/// The sections of one thread must end in the reverse order of their beginning, as nested calls
/// do by themselves. Otherwise:
///
/// - A section nested in one of the same lock is only as long as the outer one: once that has
///   ended, other threads may enter.
/// - A borrowed section (see [`Counts::lent`](crate::Counts::lent)) that outlives the section in
///   which it was entered may run while its lender runs.
///
/// A section that is leaked is never left: other threads that want its lock wait forever, unless
/// they are in a cycle with it.
///
/// ```compile_fail
/// use locktoll_guard::{Address, Guard, Instrument, Strategy};
///
/// let guard = Guard::new(Strategy::Global, Instrument::Bare);
/// let section = guard.enter_at(Address { queue: 1, encoder: 2 });
/// std::thread::scope(|scope| scope.spawn(|| drop(section)));
/// ```
#[must_use = "the section ends when this is dropped"]
pub struct Section<'a> {
    held: Held<'a>,
    /// Locks and permits are a thread's.
    not_send: PhantomData<*const ()>,
}

pub(crate) enum Held<'a> {
    /// No lock is asked for, or an outer section has it.
    Nothing,
    /// A lock that was free, and whose hold is not timed: nothing is to be recorded at the end.
    Lock(Taken<'a>),
    /// Anything else.
    Other(Hold<'a>, Watch<'a>),
}

/// What a watched section holds.
pub(crate) enum Hold<'a> {
    Lock(Taken<'a>),
    Loan(Borrowed<'a>),
    Permit(&'a Permits, &'a Permit),
}

/// What is to be counted at the end.
pub(crate) struct Watch<'a> {
    /// Where, if sections are counted.
    pub(crate) block: Option<&'a Block>,
    pub(crate) wait_ns: Option<u64>,
    /// When the lock was got, if this hold is timed.
    pub(crate) since: Option<Instant>,
}

impl<'a> Section<'a> {
    #[inline]
    pub(crate) fn new(held: Held<'a>) -> Self {
        Section {
            held,
            not_send: PhantomData,
        }
    }
}

impl Drop for Section<'_> {
    #[inline]
    fn drop(&mut self) {
        match core::mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => {}
            Held::Lock(taken) => taken.release(),
            Held::Other(hold, watch) => end_other(hold, &watch),
        }
    }
}

impl Hold<'_> {
    /// Returns whether it was a loan.
    pub(crate) fn end(self) -> bool {
        match self {
            Hold::Lock(taken) => taken.release(),
            Hold::Loan(borrowed) => {
                borrowed.give_back();
                return true;
            }
            Hold::Permit(permits, permit) => {
                permit.set(false);
                permits.give_back();
            }
        }
        false
    }
}

/// Releases first and counts then, so that nobody waits for the counting.
#[cold]
#[inline(never)]
fn end_other(hold: Hold<'_>, watch: &Watch<'_>) {
    let hold_ns = watch.since.map(elapsed_ns);
    let lent = hold.end();
    if let Some(block) = watch.block {
        block.record(lent, watch.wait_ns, hold_ns);
    }
}

/// Nanoseconds since `start`.
pub(crate) fn elapsed_ns(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl core::fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Section").finish_non_exhaustive()
    }
}
