//! Writing out what was measured of an acquisition, after its release.

use locktoll_trace::FineDurations;
use locktoll_trace::recording::Mode;
use locktoll_trace::recording::layout::{blame, entry, event, point, thread as block};

use crate::points;
use crate::thread::{Open, Thread};
use crate::words::{add_own, add_shared, get, put, raise};
use crate::{clock, session, stacks};

/// Writes an acquisition out. `end` is the time of the release, if that is known.
#[inline(always)]
pub(crate) fn settle(thread: &Thread, open: &Open, end: Option<u64>) {
    let base = session::base();
    if base.is_null() {
        return;
    }
    let wait_ns = clock::ns(open.wait);
    let hold_ns = end.map(|end| clock::ns(end.saturating_sub(open.since)));
    if open.wait_weight | open.hold_weight | open.stack != 0 {
        settle_timed(base, open, wait_ns, hold_ns);
        tell_alive(thread, end.unwrap_or(open.since));
    }
    if session::mode() == Mode::EVENTS {
        let time = clock::ns(open.since.wrapping_sub(session::began_ticks()));
        let kind = u64::from(open.kind) << event::KIND_SHIFT;
        let time = time & ((1 << event::KIND_SHIFT) - 1) | kind;
        let both = event::short(wait_ns) | event::short(hold_ns.unwrap_or(0)) << 32;
        session::ring(thread, [time, open.lock as u64, open.site as u64, both]);
    }
}

/// Tells that the thread lived then: a process that is killed does not say when it ended.
#[inline]
fn tell_alive(thread: &Thread, ticks: u64) {
    if !thread.block.is_null() {
        // SAFETY: Mapping, Own.
        unsafe { put(thread.block, block::LAST_NS, clock::at_ns(ticks)) };
    }
}

/// Writes out what goes to the point, the thread's entry, the blame and the stack sample.
#[inline(never)]
fn settle_timed(base: *mut u8, open: &Open, wait_ns: u64, hold_ns: Option<u64>) {
    // SAFETY: Mapping: the number is one of `points`.
    let to = unsafe { base.add(session::shape().point(open.point)) };
    if open.wait_weight > 0 {
        let weight = u64::from(open.wait_weight);
        // SAFETY: Mapping.
        unsafe {
            add_shared(to, point::WAITS_TIMED, 1);
            record(to, point::WAIT, wait_ns, weight);
        }
        share(open, entry::WAIT_NS, wait_ns.saturating_mul(weight));
        if let Some(at) = blamed(base, open) {
            // SAFETY: Mapping: a blame.
            unsafe {
                let to = base.add(at);
                add_shared(to, blame::COUNT, weight);
                add_shared(to, blame::WAIT_NS, wait_ns.saturating_mul(weight));
                raise(to, blame::MAX_NS, wait_ns);
            }
        }
    }
    if let Some(ns) = hold_ns.filter(|_| open.hold_weight > 0) {
        let weight = u64::from(open.hold_weight);
        // SAFETY: Mapping.
        unsafe {
            add_shared(to, point::HOLDS_TIMED, 1);
            record(to, point::HOLD, ns, weight);
            if open.resumed {
                add_shared(to, point::HOLDS_RESUMED, weight);
            }
        }
        share(open, entry::HOLD_NS, ns.saturating_mul(weight));
    }
    if open.stack > 0 {
        let ns = if open.wait_weight > 0 {
            wait_ns
        } else {
            hold_ns.unwrap_or(0)
        };
        stacks::finish(base, open.stack as usize - 1, ns);
    }
}

/// Whom a wait is blamed on. Only of kinds that have an owner.
fn blamed(base: *mut u8, open: &Open) -> Option<usize> {
    open.has_owner()
        .then(|| points::blame_of(base, open.lock, open.site, open.owner_site))?
}

/// Adds to the thread's entry, if it is still the point's.
fn share(open: &Open, at: usize, ns: u64) {
    if !open.entry.is_null() {
        // SAFETY: Mapping, Own.
        unsafe {
            if get(open.entry, entry::POINT) == open.point as u64 + 1 {
                add_own(open.entry, at, ns);
            }
        }
    }
}

/// Adds a duration that stands for `weight` of them to a distribution.
///
/// # Safety
///
/// `to + at` is a distribution of the mapping.
unsafe fn record(to: *mut u8, at: usize, ns: u64, weight: u64) {
    // SAFETY: the caller's; the bucket is below the number of buckets.
    unsafe {
        add_shared(to, at, weight);
        add_shared(to, at + 8, ns.saturating_mul(weight));
        raise(to, at + 16, ns);
        add_shared(to, at + 24 + FineDurations::bucket_of(ns) * 8, weight);
    }
}
