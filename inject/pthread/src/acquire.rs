//! What is done round a call that takes a lock or waits.

use core::ffi::c_int;
use core::sync::atomic::Ordering;

use locktoll_trace::Kind;
use locktoll_trace::recording::layout::{entry, lock, point, thread as block};
use locktoll_trace::recording::{Mode, Why};

use crate::points::{self, Call, Place};
use crate::settle::settle;
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
#[derive(Clone, Copy)]
struct Before {
    place: Place,
    /// When the wait began, in ticks, if it is timed.
    asked: u64,
    wait: Wait,
    /// How many holds this one stands for; 0 if it is not timed.
    hold_weight: u32,
    /// Number of the stack sample plus one.
    stack: u32,
    /// See [`prepare_nested`].
    nested: bool,
    /// Whether it is the lock whose holds are lengthened.
    chosen: bool,
    nothing_to_do: bool,
}

/// What is known of a wait before it.
#[derive(Clone, Copy)]
struct Wait {
    /// How many waits this one stands for; 0 if it is not timed.
    weight: u32,
    /// Number of the stack sample plus one.
    stack: u32,
    /// Call site of the owner.
    owner_site: usize,
    /// Where the lock's record is, if this wait is counted there; else 0.
    counted_at: usize,
    /// Whether the thread's block tells of it.
    told: bool,
}

impl Wait {
    const NONE: Wait = Wait {
        weight: 0,
        stack: 0,
        owner_site: 0,
        counted_at: 0,
        told: false,
    };
}

#[inline(always)]
fn prepare(call: &Call, found: Found) -> Option<Before> {
    let mode = session::mode();
    if mode == Mode::CONTENTIONS && !found.taken || !session::recording() {
        return None;
    }
    let Some(thread) = thread::enter() else {
        return prepare_nested(call, found);
    };
    let Some(place) = points::place(thread, call) else {
        thread.leave();
        return None;
    };
    let mut hold_weight = 0;
    let mut stack = 0;
    let chosen = is_held(call.kind) && delay::is_chosen(call.lock, call.site);
    if chosen {
        delay::asks(thread);
    }
    if is_held(call.kind) && mode != Mode::CONTENTIONS {
        let all = place.times_all_holds();
        place.cache(call, !all && !chosen);
        hold_weight = if all { 1 } else { thread.hold_weight() };
        if hold_weight > 0 && !found.taken {
            stack = stacks::sample(thread, call, place.point, Why::HOLD);
        }
    }
    let mut wait = Wait::NONE;
    if found.taken {
        wait = contend(thread, call, found, place);
        stack = wait.stack;
    }
    if !found.may_fail {
        place.count(entry::ACQUISITIONS, point::ACQUISITIONS);
        place.note_held(call.lock);
    }
    let timed = chosen || wait.weight > 0 || hold_weight > 0 || mode == Mode::EVENTS;
    let asked = if wait.weight > 0 { clock::ticks() } else { 0 };
    if wait.told {
        tell_waiting(place, asked, wait.owner_site);
    }
    thread.leave();
    Some(Before {
        place,
        asked,
        wait,
        hold_weight,
        stack,
        nested: false,
        chosen,
        nothing_to_do: !timed && !found.may_fail,
    })
}

/// The lock is taken: counts that, and decides what to measure of the wait.
#[inline(never)]
fn contend(thread: &mut Thread, call: &Call, found: Found, place: Place) -> Wait {
    place.count(entry::CONTENTIONS, point::CONTENTIONS);
    let mut wait = Wait {
        weight: wait_weight(thread, place),
        ..Wait::NONE
    };
    if wait.weight > 0 {
        if found.owner != 0 {
            wait.owner_site = points::site_of_owner(found.owner, call.lock);
        }
        wait.stack = stacks::sample(thread, call, place.point, Why::WAIT);
    }
    if wait.weight == 1 {
        wait.counted_at = begin_waiting(call).unwrap_or(0);
        // Other waits may end with the thread, by its cancellation.
        wait.told = is_held(call.kind) || call.kind == Kind::FUTEX;
    }
    wait
}

/// In a signal handler that interrupted this library: only counts, and only what all threads share,
/// since the thread's own figures may be half changed.
#[cold]
fn prepare_nested(call: &Call, found: Found) -> Option<Before> {
    let base = session::base();
    if base.is_null() {
        session::lose_event();
        return None;
    }
    let place = Place::shared(base, call);
    if found.taken {
        place.count(entry::CONTENTIONS, point::CONTENTIONS);
    }
    if !found.may_fail {
        place.count(entry::ACQUISITIONS, point::ACQUISITIONS);
    }
    Some(Before {
        place,
        asked: 0,
        wait: Wait::NONE,
        hold_weight: 0,
        stack: 0,
        nested: true,
        chosen: false,
        nothing_to_do: !found.may_fail,
    })
}

#[cold]
fn finish_nested(found: Found, place: Place, outcome: Outcome) {
    match outcome {
        Outcome::Had => place.count(entry::ACQUISITIONS, point::ACQUISITIONS),
        Outcome::Refused => place.count(entry::REFUSED, point::REFUSED),
        Outcome::Vain if found.taken => place.count_in_point(point::TIMED_OUT, 1),
        Outcome::Vain => {}
    }
}

#[inline(always)]
fn finish(call: &Call, found: Found, before: &Before, outcome: Outcome) {
    if before.nested {
        return finish_nested(found, before.place, outcome);
    }
    let since = clock::ticks();
    let thread = thread::resume();
    let open = Open {
        lock: call.lock,
        site: call.site,
        point: before.place.point,
        entry: before.place.entry,
        since,
        wait: if before.wait.weight > 0 {
            since.saturating_sub(before.asked)
        } else {
            0
        },
        wait_weight: before.wait.weight,
        hold_weight: before.hold_weight,
        owner_site: before.wait.owner_site,
        stack: before.stack,
        kind: call.kind.0,
        resumed: false,
    };
    if before.wait.counted_at > 0 {
        end_waiting(before.wait.counted_at);
    }
    if before.wait.told {
        before.place.put_in_block(block::WAITING, 0);
    }
    match outcome {
        Outcome::Had => {
            if found.may_fail {
                before.place.count(entry::ACQUISITIONS, point::ACQUISITIONS);
                before.place.note_held(call.lock);
            }
            if !is_held(call.kind) {
                // Nobody releases it.
                settle(thread, &open, None);
            } else if before.wait.weight | before.hold_weight != 0
                || before.chosen
                || session::mode() == Mode::EVENTS
            {
                if thread.is_full() {
                    settle_oldest(thread);
                }
                thread.push(open);
                if before.hold_weight > 0 && before.wait.weight == 0 {
                    // One of many: what was touched up to here is in no cache, which is not the program's
                    // hold.
                    thread.restart(clock::ticks());
                }
            }
        }
        Outcome::Refused => before.place.count(entry::REFUSED, point::REFUSED),
        Outcome::Vain if found.taken => {
            before.place.count_in_point(point::TIMED_OUT, 1);
            settle(thread, &open, None);
        }
        Outcome::Vain => {}
    }
    if before.chosen && outcome == Outcome::Had {
        delay::inside(thread);
    }
    thread.leave();
}

/// Makes room for an open acquisition, of which the hold is not known then.
#[cold]
fn settle_oldest(thread: &mut Thread) {
    let oldest = thread.take(0);
    settle(thread, &oldest, None);
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
    if one_of == 1 || thread.random().is_multiple_of(u64::from(one_of)) {
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

/// Tells in the thread's block what it waits for from now on, for the case that it does so until the end.
fn tell_waiting(place: Place, asked: u64, owner_site: usize) {
    place.put_in_block(block::WAITING_SINCE_NS, clock::at_ns(asked));
    place.put_in_block(block::WAITING_FOR, owner_site as u64);
    place.put_in_block(block::WAITING, place.point as u64 + 1);
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
    if unsafe { (*thread::own()).find(lock) }.is_none() {
        return real();
    }
    let end = clock::ticks();
    let result = real();
    if write_out(lock, end) {
        after_chosen();
    }
    result
}

/// Writes out what is open of a lock, which was released then. Whether its holds are those that are
/// lengthened.
#[inline(always)]
pub(crate) fn write_out(lock: usize, end: u64) -> bool {
    let Some(thread) = thread::enter() else {
        return false;
    };
    let mut chosen = false;
    // Once more, since a signal handler's locks may have moved it.
    if let Some(index) = thread.find(lock) {
        let open = &thread.open[index];
        let (site, since) = (open.site, open.since);
        settle(thread, open, Some(end));
        thread.remove(index);
        chosen = delay::is_chosen(lock, site);
        if chosen {
            delay::held(thread, end.saturating_sub(since));
        }
    }
    thread.leave();
    chosen
}

#[cold]
fn after_chosen() {
    if let Some(thread) = thread::enter() {
        delay::outside(thread);
        thread.leave();
    }
}
