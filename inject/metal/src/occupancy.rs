//! Who has an encoder open in a command buffer, who waits for it, and in which order. The rules of
//! waiting:
//!
//! - **Never for one's own encoder.** It is the calling thread that would have to end it. An encoder
//!   is the thread's that made it. Another thread may call and end it, to which nobody objects; only if
//!   a thread that was given an encoder goes on with the command buffer without ending it does it wait
//!   in vain, for as long as the last rule but one says.
//! - **In line.** Who comes while others wait waits for those too, or else a thread that makes one encoder
//!   after another would keep them out for ever. Only the one whose encoder is open goes ahead: the
//!   others wait for that.
//! - **Never in a circle.** Before a thread sleeps it looks who waits for whom; the owner of an open
//!   encoder may itself wait, for another buffer. If that leads back, it goes on at once and says so.
//! - **Never for ever.** After a time (`LOCKTOLL_METAL_TIMEOUT_MS`) it goes on and says so. A thread
//!   may have made an encoder and be asleep until this one has done something else.
//! - **Never under a lock of ours**, which the thread that ends the encoder may need. A call inside
//!   any other guarded call does not wait.
//!
//! Who goes on calls the driver as it would have been called without us.

use core::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;

use crate::encoders::Encoder;

/// How long a thread sleeps before it looks again who waits for whom.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

type Threads = SmallVec<[usize; 4]>;

/// The open encoders of a command buffer, and the threads that wait for them.
#[derive(Default)]
pub(crate) struct Occupancy {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: SmallVec<[&'static Encoder; 2]>,
    /// In the order in which they came.
    line: Threads,
}

/// Why a thread did not wait for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gave {
    /// It had waited for the longest time allowed.
    TimeOut,
    /// Waiting would have closed a circle.
    Circle,
    /// No encoder is open, but others came first, for whom one of the above holds.
    Line,
}

/// Threads that wait, and for what.
static WAITING: Mutex<Vec<(usize, &'static Occupancy)>> = Mutex::new(Vec::new());

/// A thread's place in a line, until it is dropped.
pub(crate) struct Place {
    occupancy: &'static Occupancy,
    thread: usize,
}

impl Place {
    pub(crate) fn is_in(&self, occupancy: &Occupancy) -> bool {
        core::ptr::eq(self.occupancy, occupancy)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.occupancy.state.lock();
        if let Some(at) = state.line.iter().position(|&each| each == self.thread) {
            state.line.remove(at);
        }
        drop(state);
        self.occupancy.changed.notify_all();
    }
}

impl State {
    fn has_open_of(&self, thread: usize) -> bool {
        self.owners().any(|owner| owner == thread)
    }

    fn has_open_of_others(&self, thread: usize) -> bool {
        self.owners().any(|owner| owner != thread)
    }

    fn owners(&self) -> impl Iterator<Item = usize> {
        self.open
            .iter()
            .map(|encoder| encoder.owner.load(Ordering::Relaxed))
    }

    /// Those in line before a thread, or before it would be if it stood in line now.
    fn ahead_of(&self, thread: usize) -> &[usize] {
        if self.has_open_of(thread) {
            return &[];
        }
        let at = self.line.iter().position(|&each| each == thread);
        &self.line[..at.unwrap_or(self.line.len())]
    }

    /// The threads that a thread would have to wait for.
    fn before(&self, thread: usize) -> Threads {
        let owners = self.owners().filter(|&owner| owner != thread);
        owners
            .chain(self.ahead_of(thread).iter().copied())
            .collect()
    }
}

impl Occupancy {
    pub(crate) fn opened(&self, encoder: &'static Encoder) {
        self.state.lock().open.push(encoder);
    }

    pub(crate) fn closed(&self, encoder: &Encoder) {
        let mut state = self.state.lock();
        state.open.retain(|each| !core::ptr::eq(*each, encoder));
        drop(state);
        self.changed.notify_all();
    }

    /// Takes out what is open.
    pub(crate) fn take(&self) -> impl Iterator<Item = &'static Encoder> + use<> {
        let open = core::mem::take(&mut self.state.lock().open);
        self.changed.notify_all();
        open.into_iter()
    }

    /// Whether an encoder of this thread is open.
    pub(crate) fn has_open_of(&self, thread: usize) -> bool {
        self.state.lock().has_open_of(thread)
    }

    /// Whether a thread may go on: no other one's encoder is open and, unless it passes the line, nobody
    /// came first.
    pub(crate) fn is_clear_for(&self, thread: usize, passes_line: bool) -> bool {
        let state = self.state.lock();
        !state.has_open_of_others(thread) && (passes_line || state.ahead_of(thread).is_empty())
    }

    /// Stands in line.
    pub(crate) fn line_up(&'static self, thread: usize) -> Place {
        self.state.lock().line.push(thread);
        Place {
            occupancy: self,
            thread,
        }
    }

    /// Waits until it is clear for a thread, by the rules of this module.
    pub(crate) fn wait(
        &'static self,
        thread: usize,
        passes_line: bool,
        started: Instant,
        limit: Duration,
    ) -> Result<(), Gave> {
        while !self.is_clear_for(thread, passes_line) {
            if started.elapsed() >= limit {
                return Err(self.gave(thread, Gave::TimeOut));
            }
            {
                let mut waiting = WAITING.lock();
                if self.leads_to(thread, &waiting) {
                    drop(waiting);
                    return Err(self.gave(thread, Gave::Circle));
                }
                waiting.push((thread, self));
            }
            self.sleep(thread, limit.saturating_sub(started.elapsed()));
            WAITING.lock().retain(|&(each, _)| each != thread);
        }
        Ok(())
    }

    /// Why a thread goes on, which is of no consequence where nothing is open.
    fn gave(&self, thread: usize, why: Gave) -> Gave {
        if self.state.lock().has_open_of_others(thread) {
            why
        } else {
            Gave::Line
        }
    }

    fn sleep(&self, thread: usize, longest: Duration) {
        let mut state = self.state.lock();
        if !state.before(thread).is_empty() {
            self.changed.wait_for(&mut state, longest.min(LOOK_AGAIN));
        }
    }

    /// Whether somebody that `thread` would wait for here, directly or through others, waits for it.
    fn leads_to(&self, thread: usize, waiting: &[(usize, &'static Occupancy)]) -> bool {
        let mut seen: SmallVec<[usize; 8]> = SmallVec::new();
        let mut ahead = self.state.lock().before(thread);
        while let Some(other) = ahead.pop() {
            if other == thread {
                return true;
            }
            if seen.contains(&other) {
                continue;
            }
            seen.push(other);
            let waits = waiting.iter().find(|&&(each, _)| each == other);
            if let Some((_, occupancy)) = waits {
                ahead.extend(occupancy.state.lock().before(other));
            }
        }
        false
    }
}
