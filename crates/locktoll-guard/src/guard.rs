//! One protected domain: its locks under one strategy, and its counters.
//!
//! The way to a free lock is inlined into the caller: a section then lives in registers, and costs
//! what its lock costs. Whatever else happens is out of line and returns plain values, since one
//! call that returned a whole section would force all of them into memory.

#![expect(
    clippy::inline_always,
    reason = "measured by the benchmark: out of line costs twice"
)]

use core::num::NonZeroU32;
use std::time::Instant;

use crate::addresses::Addresses;
use crate::blocks::{Block, Blocks, Permit};
use crate::counts::Counts;
use crate::lock::OwnedLock;
use crate::permits::Permits;
use crate::section::{Held, Hold, Section, Watch, elapsed_ns};
use crate::strategy::{Instrument, Strategy};
use crate::thread::ThreadId;

/// The locks round the encoders of one device, under one [`Strategy`], with their counters.
///
/// A thread enters a section before it calls the driver and drops it after. Sections may be
/// nested: a thread that is in a section of a lock enters further ones of the same lock at once,
/// and sections of different locks never deadlock, in whatever order they nest
/// (see [`Counts::lent`]). With [`Strategy::Throttle`] a thread that has a permit needs no second
/// one. The one nesting that can deadlock is that of a throttling guard and another guard, in
/// different orders by different threads.
///
/// Nothing here panics. Memory is allocated when a thread first enters a guard, when an address
/// is first seen, and when a thread that is in one section has to wait for another; never by an
/// ordinary section.
///
/// ```
/// use locktoll_guard::{Address, Guard, Instrument, Strategy};
///
/// let guard = Guard::new(Strategy::PerEncoder, Instrument::Counted);
/// let (queue, encoder) = (0x1000, 0x2000);
/// {
///     let _section = guard.enter_at(Address { queue, encoder });
///     // Call the driver.
/// }
/// guard.forget(encoder);
/// assert_eq!(guard.counts().acquisitions, 1);
/// ```
pub struct Guard {
    /// Whether the strategy is `none`, apart from it, so that what all others are compared with
    /// costs one test and no table of strategies.
    is_none: bool,
    strategy: Strategy,
    instrument: Instrument,
    /// Told of waits; looked at only by threads that have to wait.
    observer: Option<&'static dyn WaitObserver>,
    blocks: Blocks,
    /// Of these three, a strategy uses one at most.
    global: Alone<OwnedLock>,
    permits: Alone<Permits>,
    addresses: Alone<Addresses>,
}

/// Somebody who wants to know of threads that wait, say to warn of long waits.
///
/// Both are called by the waiting thread, which may be any of the program's. They must not enter a
/// section or panic.
pub trait WaitObserver: Sync {
    /// The calling thread has found a lock or permit taken and is going to wait.
    fn waits(&self);
    /// The wait that was told of last in this thread has ended.
    fn waited(&self);
}

/// A value that shares its cache lines with no other, since every thread writes it and only reads
/// what would lie beside it.
#[repr(align(128))]
struct Alone<T>(T);

/// Where a section is, when its caller keeps the locks in its own encoder and queue state.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The lock of the queue that the encoder belongs to.
    pub queue: &'a OwnedLock,
    /// The lock of the encoder.
    pub encoder: &'a OwnedLock,
}

/// Where a section is, when only addresses are known. Any numbers that name an object for as long
/// as it lives will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The address of the queue that the encoder belongs to.
    pub queue: usize,
    /// The address of the encoder.
    pub encoder: usize,
}

impl Guard {
    /// A guard with no thread inside and nothing counted.
    pub fn new(strategy: Strategy, instrument: Instrument) -> Guard {
        Guard::observed(strategy, instrument, None)
    }

    /// As [`new`](Self::new), and somebody is told of waits. A free lock costs no more by it.
    pub fn observed(
        strategy: Strategy,
        instrument: Instrument,
        observer: Option<&'static dyn WaitObserver>,
    ) -> Guard {
        let permits = match strategy {
            Strategy::Throttle(permits) => permits,
            _ => NonZeroU32::MIN,
        };
        Guard {
            is_none: strategy == Strategy::None,
            strategy,
            instrument,
            observer,
            blocks: Blocks::new(),
            global: Alone(OwnedLock::new()),
            permits: Alone(Permits::new(permits)),
            addresses: Alone(Addresses::new()),
        }
    }

    /// The strategy it was made with.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// The instrument it was made with.
    pub fn instrument(&self) -> Instrument {
        self.instrument
    }

    /// Enters a section of a queue and an encoder whose locks the caller owns.
    #[inline(always)]
    pub fn enter<'a>(&'a self, site: Site<'a>) -> Section<'a> {
        if self.is_none {
            return Section::new(Held::Nothing);
        }
        let lock = match self.strategy {
            Strategy::None => return Section::new(Held::Nothing),
            Strategy::Global => &self.global.0,
            Strategy::PerEncoder => site.encoder,
            Strategy::PerQueue => site.queue,
            Strategy::Throttle(_) => return self.enter_permit(),
        };
        self.enter_lock(lock)
    }

    /// Enters a section of a queue and an encoder that are known by their addresses alone.
    ///
    /// All threads that name one address get one lock, from the first of them until
    /// [`forget`](Self::forget). Address 0 is the address of no object; it has a lock as well.
    #[inline(always)]
    pub fn enter_at(&self, at: Address) -> Section<'_> {
        if self.is_none {
            return Section::new(Held::Nothing);
        }
        let address = match self.strategy {
            Strategy::None => return Section::new(Held::Nothing),
            Strategy::Global => return self.enter_lock(&self.global.0),
            Strategy::PerEncoder => at.encoder,
            Strategy::PerQueue => at.queue,
            Strategy::Throttle(_) => return self.enter_permit(),
        };
        loop {
            let entry = self.addresses.0.entry(address);
            // Between look-up and lock it may have been forgotten.
            if let Some(section) = self.enter_if(&entry.lock, || entry.carries(address)) {
                return section;
            }
        }
    }

    /// Says that the object at an address is going away, so that its lock can serve another; under
    /// [`Strategy::PerQueue`] the address is a queue's.
    ///
    /// Call it before the address can be given to a new object, as the first thing in the method
    /// that destroys the old one. Threads may be inside or waiting, the calling one too: those
    /// inside keep their lock until they leave, those waiting go on as if they had come later.
    /// Does nothing under the other strategies or if the address was never entered.
    pub fn forget(&self, encoder: usize) {
        self.addresses.0.forget(encoder);
    }

    /// What was counted since the guard was made or [`reset`](Self::reset); nothing with
    /// [`Instrument::Bare`] or [`Strategy::None`].
    pub fn counts(&self) -> Counts {
        let mut counts = self.blocks.sum();
        if self.instrument == Instrument::Timed {
            counts.hold_sample_every = 1;
        }
        counts
    }

    /// Begins counting anew. Of sections that are under way, part may be counted and part not.
    pub fn reset(&self) {
        self.blocks.reset();
    }

    #[inline(always)]
    fn enter_lock<'a>(&'a self, lock: &'a OwnedLock) -> Section<'a> {
        loop {
            // Returns at once, since the lock is right whatever happens.
            if let Some(section) = self.enter_if(lock, || true) {
                return section;
            }
        }
    }

    /// Enters a section of `lock`, unless, once it is locked, it turns out not to be the right one.
    #[inline(always)]
    fn enter_if<'a>(
        &'a self,
        lock: &'a OwnedLock,
        is_right: impl Fn() -> bool,
    ) -> Option<Section<'a>> {
        let me = ThreadId::current();
        if lock.is_occupied_by(me) {
            return is_right().then(|| Section::new(Held::Nothing));
        }
        let (block, sampled) = self.count();
        let (hold, wait_ns) = match lock.try_take(me) {
            Some(taken) if !is_right() => {
                taken.release();
                return None;
            }
            Some(taken) if !sampled => return Some(Section::new(Held::Lock(taken))),
            Some(taken) => (Hold::Lock(taken), None),
            None => contend(lock, me, block.is_some(), self.observer),
        };
        if !is_right() {
            hold.end();
            return None;
        }
        let since = sampled.then(Instant::now);
        Some(Section::new(Held::Other(
            hold,
            Watch {
                block,
                wait_ns,
                since,
            },
        )))
    }

    #[inline(always)]
    fn enter_permit(&self) -> Section<'_> {
        Section::new(match self.take_permit() {
            None => Held::Nothing,
            Some((permit, watch)) => Held::Other(Hold::Permit(&self.permits.0, permit), watch),
        })
    }

    /// A permit, unless the thread has one already.
    #[inline(never)]
    fn take_permit(&self) -> Option<(&Permit, Watch<'_>)> {
        let permits = &self.permits.0;
        let permit = self.blocks.mine().permit();
        if permit.get() {
            return None;
        }
        let (block, sampled) = self.count();
        let mut wait_ns = None;
        if !permits.try_take() {
            let asked = block.map(|_| Instant::now());
            observed(self.observer, || permits.take());
            wait_ns = asked.map(elapsed_ns);
        }
        permit.set(true);
        Some((
            permit,
            Watch {
                block,
                wait_ns,
                since: sampled.then(Instant::now),
            },
        ))
    }

    /// Counts an acquisition if they are counted: where, and whether to time its hold.
    #[inline(always)]
    fn count(&self) -> (Option<&Block>, bool) {
        match self.instrument {
            Instrument::Bare => (None, false),
            Instrument::Counted => {
                let (block, sampled) = self.blocks.count();
                (Some(block), sampled)
            }
            Instrument::Timed => (Some(self.blocks.count().0), true),
        }
    }
}

/// Gets a lock that was not free, and how long that took if it is to be timed.
#[cold]
#[inline(never)]
fn contend<'a>(
    lock: &'a OwnedLock,
    me: ThreadId,
    timed: bool,
    observer: Option<&'static dyn WaitObserver>,
) -> (Hold<'a>, Option<u64>) {
    let asked = timed.then(Instant::now);
    match observed(observer, || lock.take_or_borrow(me)) {
        Ok(taken) => (Hold::Lock(taken), asked.map(elapsed_ns)),
        Err(borrowed) => (Hold::Loan(borrowed), None),
    }
}

/// Waits, and tells whom it concerns.
fn observed<R>(observer: Option<&'static dyn WaitObserver>, wait: impl FnOnce() -> R) -> R {
    let Some(observer) = observer else {
        return wait();
    };
    observer.waits();
    let result = wait();
    observer.waited();
    result
}

impl core::fmt::Debug for Guard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Guard")
            .field("strategy", &self.strategy)
            .field("instrument", &self.instrument)
            .finish_non_exhaustive()
    }
}
