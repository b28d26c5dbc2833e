//! What is known of each command buffer: which encoders are open in it, and how to wait for them.
//!
//! Metal ends the process when an encoder is made, or an event encoded, or the buffer committed, while
//! an encoder is open in it. Where that encoder is another thread's, which is going to end it, the
//! caller can wait instead (see `occupancy`).
//!
//! # Command buffers that wrap others
//!
//! `MPSCommandBuffer` hands its calls to a command buffer of the driver's. The two are one as far as
//! overlaps go, so they use one lock and one list of open encoders, those of the inner one, its
//! [root](InsideBuffer::root). It can get another root at any time (`commitAndContinue`), so it is asked for its
//! `rootCommandBuffer` in each call. Of a class that does not answer that, the root is what has made an
//! encoder inside its factory, for as long as that lives.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use locktoll_guard::{Object, Objects, Record};
use objc2::runtime::AnyClass;
use objc2::sel;
use parking_lot::Mutex;

use crate::life::{Life, Moment, Phase};
use crate::occupancy::Occupancy;
use crate::protection::Protection;
use crate::runtime;
use crate::signatures::types::Id;
use crate::within::{self, Within};

/// Wraps round one command buffer that are looked through.
const MOST_WRAPS: usize = 4;

/// What is known of a command buffer.
#[derive(Default)]
pub(crate) struct Buffer {
    inside: AtomicU32,
    pub(crate) life: Life,
    pub(crate) occupancy: Occupancy,
    /// Whether it answers `rootCommandBuffer`.
    tells_root: AtomicBool,
    /// The command buffer that this one was seen to wrap, and in which life of that.
    wrapped: Mutex<Option<(Known, Moment)>>,
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

/// A call that is inside a command buffer.
pub(crate) struct InsideBuffer {
    pub(crate) buffer: Known,
    this: Id,
    /// In another call of a command buffer.
    pub(crate) is_nested: bool,
    /// In no other call, so that no lock of ours is held.
    pub(crate) may_wait: bool,
    _within: Within,
}

impl InsideBuffer {
    /// Counts a call in; the buffer is known, or is met now.
    pub(crate) fn enter(protection: &'static Protection, this: Id) -> Self {
        let buffers = protection.known_buffers;
        loop {
            let found = buffers.find(this.addr());
            let found = found.filter(|buffer| buffer.life.now().phase() == Phase::Open);
            let buffer = found.unwrap_or_else(|| meet(buffers, this));
            // By one order of these accesses and of those that make a record serve another: either this
            // is seen to be inside, or the change of address is seen here.
            buffer.inside.fetch_add(1, Ordering::SeqCst);
            if buffer.is_of(this.addr()) {
                if found.is_none() && !protection.is_current() {
                    // The guard was taken away meanwhile, and its dealloc will not be seen.
                    forget(buffers, this.addr());
                }
                return InsideBuffer {
                    buffer,
                    this,
                    is_nested: within::is_in_a_buffer(),
                    may_wait: !within::is_in_a_call(),
                    _within: Within::a_buffer(),
                };
            }
            buffer.inside.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// The command buffer whose lock and list are used for this one: itself, or what it wraps.
    pub(crate) fn root(&self, buffers: &'static Buffers) -> Known {
        let (mut root, mut this) = (self.buffer, self.this);
        // Wraps of wraps are not known; a circle is a mistake that must not hang.
        for _ in 0..MOST_WRAPS {
            if root.tells_root.load(Ordering::Relaxed) {
                // SAFETY: the program calls a method of it, or has just been told of it by the one that
                // wraps it; its class answers this with an object or null.
                let inner: Id = unsafe { runtime::send(this, sel!(rootCommandBuffer)) };
                if inner.is_null() || inner == this {
                    break;
                }
                this = inner;
                root = known(buffers, inner);
            } else {
                let Some(wrapped) = root.wrapped() else { break };
                // What has made encoders wraps nothing.
                return wrapped;
            }
        }
        root
    }
}

/// Whether two are the same.
pub(crate) fn is_same(one: Known, other: Known) -> bool {
    core::ptr::eq(one.record(), other.record())
}

impl Drop for InsideBuffer {
    fn drop(&mut self) {
        self.buffer.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

fn known(buffers: &'static Buffers, this: Id) -> Known {
    let found = buffers.find(this.addr());
    let found = found.filter(|buffer| buffer.life.now().phase() == Phase::Open);
    found.unwrap_or_else(|| meet(buffers, this))
}

#[cold]
fn meet(buffers: &'static Buffers, this: Id) -> Known {
    // SAFETY: the program calls a method of it, so it is alive.
    let tells_root = tells_root(unsafe { runtime::class_of(this) });
    let (buffer, ()) = buffers.with(this.addr(), |buffer, is_new| {
        // One that is dying has given its address to this one.
        if is_new || buffer.life.now().phase() != Phase::Open {
            buffer.clear();
            buffer.tells_root.store(tells_root, Ordering::Relaxed);
            buffer.life.begin(false);
        }
    });
    buffer
}

/// Forgets a command buffer and what is open in it.
pub(crate) fn forget(buffers: &Buffers, address: usize) {
    buffers.forget_if(address, |each| {
        each.clear();
        true
    });
}

/// Whether the objects of a class answer `rootCommandBuffer`.
fn tells_root(class: &'static AnyClass) -> bool {
    /// Classes that were asked about; the last bit, which no class has, is the answer.
    static ASKED: [AtomicUsize; 16] = [const { AtomicUsize::new(0) }; 16];
    const TELLS: usize = 1;

    let address = core::ptr::from_ref(class).addr();
    for asked in &ASKED {
        match asked.load(Ordering::Relaxed) {
            0 => break,
            found if found & !TELLS == address => return found & TELLS != 0,
            _ => {}
        }
    }
    let tells = runtime::answers(class, sel!(rootCommandBuffer), "@@:");
    let answer = address | if tells { TELLS } else { 0 };
    for asked in &ASKED {
        let free = asked.compare_exchange(0, answer, Ordering::Relaxed, Ordering::Relaxed);
        if free.is_ok() || free == Err(answer) {
            break;
        }
    }
    tells
}

impl Buffer {
    /// Notes that this one wraps another.
    pub(crate) fn wraps(&self, inner: Known) {
        if !core::ptr::eq(self, inner.record()) {
            *self.wrapped.lock() = Some((inner, inner.life.now()));
        }
    }

    /// What it was seen to wrap, unless that has gone.
    fn wrapped(&self) -> Option<Known> {
        let wrapped = *self.wrapped.lock();
        wrapped
            .filter(|(inner, moment)| inner.life.now() == *moment)
            .map(|(inner, _)| inner)
    }

    /// Forgets what was open in it, when it goes away.
    pub(crate) fn clear(&self) {
        for encoder in self.occupancy.take() {
            encoder.leave(self);
        }
        *self.wrapped.lock() = None;
    }
}
