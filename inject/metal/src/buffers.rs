//! What is known of each command buffer: which encoders are open in it, and how to wait for them.
//!
//! Metal ends the process when an encoder is made, or an event encoded, or the buffer committed, while
//! an encoder is open in it. Where that encoder is another thread's, which is going to end it, the
//! caller can wait instead. The rules of waiting:
//!
//! - **Never for one's own encoder.** It is the calling thread that would have to end it. An encoder
//!   is the thread's that made it. Another thread may call and end it, to which nobody objects; only if
//!   a thread that was given an encoder goes on with the command buffer without ending it does it wait
//!   in vain, for as long as the last rule says.
//! - **Never in a circle.** Before a thread sleeps it looks who waits for whom; the owner of an open
//!   encoder may itself wait, for another buffer. If that leads back, it goes on at once and says so.
//! - **Never for ever.** After a time (`LOCKTOLL_METAL_TIMEOUT_MS`) it goes on and says so. A thread
//!   may have made an encoder and be asleep until this one has done something else.
//! - **Never under a lock of ours**, which the thread that ends the encoder may need. A call inside
//!   another call of a command buffer does not wait: the outer one has.
//!
//! Who goes on calls the driver as it would have been called without us.
//!
//! # Command buffers that wrap others
//!
//! `MPSCommandBuffer` hands its calls to a command buffer of the driver's. The two are one as far as
//! overlaps go, so they use one lock and one list of open encoders, those of the inner one, its
//! [root](Buffer::root). That a command buffer wraps another is seen when its factory returns what
//! the factory of another one has made inside.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use locktoll_guard::{Object, Objects, Record, thread_name};
use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;

use crate::encoders::Encoder;
use crate::life::{Life, Phase};
use crate::signatures::types::Id;

/// How long a thread sleeps before it looks again who waits for whom.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Wraps round one command buffer that are looked through.
const MOST_WRAPS: usize = 4;

/// What is known of a command buffer.
#[derive(Default)]
pub(crate) struct Buffer {
    inside: AtomicU32,
    pub(crate) life: Life,
    open: Mutex<SmallVec<[&'static Encoder; 2]>>,
    changed: Condvar,
    /// The command buffer that this one wraps, as far as is known.
    wrapped: Mutex<Option<Known>>,
}

/// A command buffer and its lock.
pub(crate) type Known = Object<'static, Buffer>;

impl Record for Buffer {
    fn is_idle(&self) -> bool {
        self.inside.load(Ordering::SeqCst) == 0
    }
}

/// All command buffers of the process.
pub(crate) type Buffers = Objects<Buffer>;

/// Why a thread did not wait until all encoders of others had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gave {
    /// It had waited for the longest time allowed.
    TimeOut,
    /// Waiting would have closed a circle.
    Circle,
}

/// Threads that wait, and for which buffer's encoders.
static WAITING: Mutex<Vec<(usize, &'static Buffer)>> = Mutex::new(Vec::new());

std::thread_local! {
    /// Calls of command buffers that the thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// A call that is inside a command buffer.
pub(crate) struct InsideBuffer {
    pub(crate) buffer: Known,
    pub(crate) is_nested: bool,
}

impl InsideBuffer {
    /// Counts a call in; the buffer is known, or is met now.
    pub(crate) fn enter(buffers: &'static Buffers, this: Id) -> Self {
        loop {
            let found = buffers.find(this.addr());
            let buffer = found.filter(|buffer| buffer.life.now().phase() == Phase::Open);
            let buffer = buffer.unwrap_or_else(|| meet(buffers, this));
            buffer.inside.fetch_add(1, Ordering::SeqCst);
            if buffer.is_of(this.addr()) {
                let is_nested = DEPTH.with(|depth| depth.replace(depth.get() + 1)) > 0;
                return InsideBuffer { buffer, is_nested };
            }
            buffer.inside.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// The command buffer whose lock and list are used for this one: itself, or what it wraps.
pub(crate) fn root(buffer: Known) -> Known {
    let mut root = buffer;
    // Wraps of wraps are not known; a circle is a mistake that must not hang.
    for _ in 0..MOST_WRAPS {
        let wrapped = *root.wrapped.lock();
        match wrapped {
            Some(wrapped) => root = wrapped,
            None => break,
        }
    }
    root
}

/// Whether two are the same.
pub(crate) fn is_same(one: Known, other: Known) -> bool {
    core::ptr::eq(one.record(), other.record())
}

impl Drop for InsideBuffer {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
        self.buffer.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cold]
fn meet(buffers: &'static Buffers, this: Id) -> Known {
    let (buffer, ()) = buffers.with(this.addr(), |buffer, is_new| {
        // One that is dying has given its address to this one.
        if is_new || buffer.life.now().phase() != Phase::Open {
            buffer.clear();
            buffer.life.begin(false);
        }
    });
    buffer
}

impl Buffer {
    /// Notes that this one wraps another.
    pub(crate) fn wraps(&self, inner: Known) {
        if !core::ptr::eq(self, inner.record()) {
            *self.wrapped.lock() = Some(inner);
        }
    }

    pub(crate) fn opened(&self, encoder: &'static Encoder) {
        self.open.lock().push(encoder);
    }

    pub(crate) fn closed(&self, encoder: &Encoder) {
        self.open
            .lock()
            .retain(|each| !core::ptr::eq(*each, encoder));
        self.changed.notify_all();
    }

    /// Forgets what was open in it, when it goes away.
    pub(crate) fn clear(&self) {
        let open = core::mem::take(&mut *self.open.lock());
        for encoder in open {
            encoder.leave(self);
        }
        *self.wrapped.lock() = None;
        self.changed.notify_all();
    }

    /// Whether an encoder of this thread is open in it.
    pub(crate) fn has_open_of(&self, thread: usize) -> bool {
        let open = self.open.lock();
        open.iter()
            .any(|encoder| encoder.owner.load(Ordering::Relaxed) == thread)
    }

    /// Whether an encoder of another thread is open in it.
    pub(crate) fn has_open_of_others(&self, thread: usize) -> bool {
        !self.others(thread).is_empty()
    }

    /// The threads, other than this one, that have an encoder open in it.
    fn others(&self, thread: usize) -> SmallVec<[usize; 2]> {
        let open = self.open.lock();
        open.iter()
            .map(|encoder| encoder.owner.load(Ordering::Relaxed))
            .filter(|&owner| owner != thread)
            .collect()
    }

    /// Waits until no encoder of another thread is open in it, by the rules of this module.
    pub(crate) fn wait_for_others(
        &'static self,
        started: Instant,
        limit: Duration,
    ) -> Result<(), Gave> {
        let thread = thread_name();
        while self.has_open_of_others(thread) {
            if started.elapsed() >= limit {
                return Err(Gave::TimeOut);
            }
            {
                let mut waiting = WAITING.lock();
                if self.leads_to(thread, &waiting) {
                    return Err(Gave::Circle);
                }
                waiting.push((thread, self));
            }
            self.sleep(thread, limit.saturating_sub(started.elapsed()));
            WAITING.lock().retain(|&(each, _)| each != thread);
        }
        Ok(())
    }

    fn sleep(&self, thread: usize, longest: Duration) {
        let mut open = self.open.lock();
        let others = open
            .iter()
            .any(|encoder| encoder.owner.load(Ordering::Relaxed) != thread);
        if others {
            self.changed.wait_for(&mut open, longest.min(LOOK_AGAIN));
        }
    }

    /// Whether somebody that this buffer waits for, directly or through others, waits for `thread`.
    fn leads_to(&self, thread: usize, waiting: &[(usize, &'static Buffer)]) -> bool {
        let mut seen: SmallVec<[usize; 8]> = SmallVec::new();
        let mut ahead = self.others(thread);
        while let Some(other) = ahead.pop() {
            if seen.contains(&other) {
                continue;
            }
            seen.push(other);
            let waits = waiting.iter().find(|&&(each, _)| each == other);
            if let Some((_, buffer)) = waits {
                if buffer.has_open_of(thread) {
                    return true;
                }
                ahead.extend(buffer.others(thread));
            }
        }
        false
    }
}
