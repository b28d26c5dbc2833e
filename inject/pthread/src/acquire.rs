//! What is done round a call that takes a lock or waits.

use core::ffi::c_int;
use core::sync::atomic::Ordering;

use locktoll_trace::Kind;
use locktoll_trace::recording::layout::{entry, lock, point};
use locktoll_trace::recording::{Mode, Why};

use crate::points::{self, Call, Place};
use crate::settle::{settle, settle_vain};
use crate::thread::{self, Open, Thread};
use crate::words::{get, raise, word};
use crate::{clock, delay, session, stacks};

/// The owner has died; the lock is had.
pub(crate) const EOWNERDEAD: c_int = 130;

/// What a call's result means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The lock is had, or the wait is over.
    Had,
    /// It was taken, and the call does not wait.
    Refused,
    /// The wait was given up, or the call was wrong.
    Vain,
}

/// What a result of `pthread_mutex_lock` and its like means.
#[inline(always)]
pub(crate) fn outcome(result: c_int) -> Outcome {
    match result {
        0 | EOWNERDEAD => Outcome::Had,
        _ => Outcome::Vain,
    }
}

/// How a call found its lock.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    /// Taken by another, so that the call will wait.
    pub(crate) taken: bool,
    /// The thread that has it; 0 if that is not known.
    pub(crate) owner: u32,
    /// Whether the call may end without the lock.
    pub(crate) may_fail: bool,
}

impl Open {
    /// Whether such a lock belongs to whoever took it last, so that a wait is somebody's fault.
    pub(crate) fn has_owner(&self) -> bool {
        is_held(Kind(self.kind))
    }
}

fn is_held(kind: Kind) -> bool {
    matches!(kind, Kind::MUTEX | Kind::RWLOCK | Kind::SPINLOCK)
}

/// Calls `real` and records what came of it. The result is `real`'s.
///
/// Of what happens between the call's return and the release, all but reading the time and storing
/// it into the thread's own state is left for later.
#[inline(always)]
pub(crate) fn acquire(
    call: &Call,
    found: Found,
    real: impl FnOnce() -> c_int,
    outcome: impl Fn(c_int) -> Outcome,
) -> c_int {
    let Some(before) = prepare(call, found) else {
        return real();
    };
    let result = real();
    if before.nothing_to_do {
        return result;
    }
    finish(call, found, &before, outcome(result));
    result
}

/// What is known before the call.
struct Before {
    place: Place,
    open: Open,
    /// When the wait began, in ticks, if it is timed.
    asked: u64,
    /// The lock's record, if this wait is counted there.
    waiting: Option<usize>,
    /// Whether it is the lock whose holds are lengthened.
    chosen: bool,
    nothing_to_do: bool,
}

#[inline]
fn prepare(call: &Call, found: Found) -> Option<Before> {
    let mode = session::mode();
    if mode == Mode::CONTENTIONS && !found.taken {
        return None;
    }
    let thread = thread::enter()?;
    let Some(place) = points::place(thread, call) else {
        thread.leave();
        return None;
    };
    let mut open = Open {
        lock: call.lock,
        site: call.site,
        point: place.point,
        entry: place.entry,
        kind: call.kind.0,
        ..Open::NONE
    };
    let chosen = is_held(call.kind) && delay::is_chosen(call.lock, call.site);
    if chosen {
        delay::asks(thread);
    }
    if is_held(call.kind) && mode != Mode::CONTENTIONS {
        let all = chosen || place.times_all_holds();
        place.cache(call, !all);
        open.hold_weight = if all { 1 } else { hold_weight(thread) };
        if open.hold_weight > 0 && !found.taken {
            open.stack = stacks::sample(thread, call, place.point, Why::HOLD);
        }
    }
    let mut waiting = None;
    if found.taken {
        place.count(entry::CONTENTIONS, point::CONTENTIONS);
        open.wait_weight = wait_weight(thread, place);
        if open.wait_weight > 0 {
            if found.owner != 0 {
                open.owner_site = points::site_of_owner(found.owner, call.lock);
            }
            open.stack = stacks::sample(thread, call, place.point, Why::WAIT);
        }
        if open.wait_weight == 1 {
            waiting = begin_waiting(call);
        }
    }
    if !found.may_fail {
        place.count(entry::ACQUISITIONS, point::ACQUISITIONS);
        place.note_held(thread, call.lock);
    }
    let timed = open.wait_weight > 0 || open.hold_weight > 0 || mode == Mode::EVENTS;
    let asked = if open.wait_weight > 0 {
        clock::ticks()
    } else {
        0
    };
    thread.leave();
    Some(Before {
        place,
        open,
        asked,
        waiting,
        chosen,
        nothing_to_do: !timed && !found.may_fail,
    })
}

#[inline]
fn finish(call: &Call, found: Found, before: &Before, outcome: Outcome) {
    let mut open = before.open;
    open.since = clock::ticks();
    if open.wait_weight > 0 {
        open.wait = open.since.saturating_sub(before.asked);
    }
    let thread = thread::resume();
    if let Some(at) = before.waiting {
        end_waiting(at);
    }
    match outcome {
        Outcome::Had => {
            if found.may_fail {
                before.place.count(entry::ACQUISITIONS, point::ACQUISITIONS);
                before.place.note_held(thread, call.lock);
            }
            if !is_held(call.kind) {
                // Nobody releases it.
                settle(thread, &open, None);
            } else if open.wait_weight > 0
                || open.hold_weight > 0
                || session::mode() == Mode::EVENTS
            {
                if let Some(oldest) = thread.push(open) {
                    settle(thread, &oldest, None);
                }
            }
        }
        Outcome::Refused => before.place.count(entry::REFUSED, point::REFUSED),
        Outcome::Vain if found.taken => settle_vain(thread, before.place, &open),
        Outcome::Vain => {}
    }
    if before.chosen && outcome == Outcome::Had {
        delay::inside(thread);
    }
    thread.leave();
}

/// How many holds the next one stands for: 0 for most, `hold_every` for one of so many.
#[inline(always)]
fn hold_weight(thread: &mut Thread) -> u32 {
    thread.countdown -= 1;
    if thread.countdown >= 0 {
        return 0;
    }
    // Any gap from 0 to twice the mean, so that a program with a period is not always met at the
    // same place of it.
    let every = session::hold_every();
    let gaps = u64::from(every) * 2 - 1;
    #[expect(clippy::cast_possible_wrap, reason = "under 2^21")]
    let gap = (thread.random() % gaps) as i64;
    thread.countdown = gap;
    every
}

/// How many waits the next one stands for; 0 if it is not to be timed. All are timed while they are
/// few, or so long that timing them does not matter.
#[inline(always)]
fn wait_weight(thread: &mut Thread, place: Place) -> u32 {
    const FEW: u64 = 256;
    if place.entry.is_null() {
        return 1;
    }
    // SAFETY: Mapping, Own.
    let (count, wait_ns) = unsafe {
        (
            get(place.entry, entry::CONTENTIONS),
            get(place.entry, entry::WAIT_NS),
        )
    };
    let one_of = if count <= FEW || wait_ns >= count.saturating_mul(2_000) {
        1
    } else if wait_ns >= count.saturating_mul(1_000) {
        4
    } else {
        16
    };
    if one_of == 1 || thread.random() % u64::from(one_of) == 0 {
        one_of
    } else {
        0
    }
}

#[cold]
fn begin_waiting(call: &Call) -> Option<usize> {
    let at = points::lock_of(call)?;
    let base = session::base();
    // SAFETY: Mapping: a lock's record.
    unsafe {
        let now = word(base, at + lock::WAITING).fetch_add(1, Ordering::Relaxed);
        raise(base, at + lock::WAITING_MAX, now.wrapping_add(1));
    }
    Some(at)
}

fn end_waiting(at: usize) {
    let base = session::base();
    if !base.is_null() {
        // SAFETY: Mapping: a lock's record.
        unsafe { word(base, at + lock::WAITING) }.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls `real`, which releases a lock, and writes out what was open of it.
#[inline(always)]
pub(crate) fn release(lock: usize, real: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: Own.
    if unsafe { (*thread::own()).open_count } == 0 {
        return real();
    }
    let Some(open) = close(lock) else {
        return real();
    };
    let end = clock::ticks();
    let result = real();
    let thread = thread::resume();
    settle(thread, &open, Some(end));
    if delay::is_chosen(open.lock, open.site) {
        delay::outside(thread);
    }
    thread.leave();
    result
}

/// Takes what is open of a lock out.
#[inline]
pub(crate) fn close(lock: usize) -> Option<Open> {
    let thread = thread::enter()?;
    let open = thread.close(lock);
    thread.leave();
    open
}
