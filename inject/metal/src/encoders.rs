//! What is known of each encoder.
//!
//! # Keeping encoders
//!
//! A factory returns an encoder that the program may let go of while another thread is about to call
//! it. So each encoder is given one reference of ours when it is made, before the program has it, and
//! loses it when it has ended and no call is inside any more, whichever comes last. The call that
//! makes it so releases it, outside of every lock, since that may free the encoder and call the
//! driver.
//!
//! *The invariant*: an encoder that is open, or that has a call inside which began while it was open,
//! has our reference. Each call counts itself in before it looks at the phase, and an end sets the
//! phase before it looks at the count, both in one order; so either the call sees the end, or the
//! end sees the call.
//!
//! # Its lock
//!
//! A command buffer has one encoder open at a time, so a lock for each encoder is one for each command
//! buffer; and as that is what an encoder writes into, its calls and those of the buffer itself, and
//! the end of an older encoder's memory, must not overlap either. So an encoder uses the lock of the
//! command buffer that made it. Encoders of a parallel one, of which several are open at once, have
//! locks of their own, and so have those that nobody has seen being made.
//!
//! # Addresses that return
//!
//! A record is found by the encoder's address. It is forgotten in `dealloc`, and a factory begins a
//! new life for what it returns, whatever is known of the address. Nothing else is ever concluded
//! from an address that was in use before.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use locktoll_guard::{Object, Objects, OwnedLock, Record};
use objc2::runtime::AnyObject;
use parking_lot::Mutex;

use crate::buffers::{Buffer, Known};
use crate::life::{Life, Moment, Phase};
use crate::protection::Protection;
use crate::runtime;
use crate::signatures::types::Id;
use crate::tally::{self, Event};

/// What is known of an encoder.
#[derive(Default)]
pub(crate) struct Encoder {
    /// Calls that are inside.
    inside: AtomicU32,
    pub(crate) life: Life,
    /// The encoder, whose life it is.
    object: AtomicPtr<AnyObject>,
    /// The thread that made it.
    pub(crate) owner: AtomicUsize,
    /// The thread in whose `endEncoding` or `dealloc` it is now, or 0: its own calls in there are
    /// the driver's.
    pub(crate) ending: AtomicUsize,
    /// The lock of the command buffer that made it, or null. That buffer's record, and with it the
    /// lock, lives as long as the process.
    shared_lock: AtomicPtr<OwnedLock>,
    /// The command buffer that made it, while it is open.
    maker: Mutex<Option<Known>>,
}

impl Record for Encoder {
    fn is_idle(&self) -> bool {
        self.inside.load(Ordering::SeqCst) == 0 && !self.life.now().is_kept()
    }
}

/// All encoders of the process.
pub(crate) type Encoders = Objects<Encoder>;

/// A call that is inside an encoder, counted.
pub(crate) struct Inside {
    pub(crate) encoder: Object<'static, Encoder>,
    this: Id,
}

impl Inside {
    /// Counts a call in, of an encoder that is known or is met now. An encoder from before the
    /// guard was installed gets a life and a reference of ours with its first call.
    #[inline]
    pub(crate) fn enter(protection: &'static Protection, this: Id) -> Self {
        let encoders = protection.known_encoders;
        loop {
            let inside = match encoders.find(this.addr()) {
                Some(encoder) => Self::count(encoder, this),
                None => Self::meet(protection, this),
            };
            if let Some(inside) = inside {
                return inside;
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn meet(protection: &'static Protection, this: Id) -> Option<Self> {
        let encoders = protection.known_encoders;
        let inside = Self::count(meet(encoders, this), this)?;
        if !protection.is_current() {
            // The guard was taken away meanwhile: this call's end lets go of it.
            abandon_one(encoders, this.addr(), inside.encoder);
        }
        Some(inside)
    }

    /// Counts the call in that ends the encoder's memory. One that nobody has met gets a record for as
    /// long as that takes, and no reference, so that what the driver calls of it inside finds it dying.
    pub(crate) fn enter_dealloc(encoders: &'static Encoders, this: Id) -> Self {
        loop {
            if let Some(inside) = Self::enter_known(encoders, this) {
                return inside;
            }
            let (encoder, ()) = encoders.with(this.addr(), |encoder, is_new| {
                if is_new {
                    encoder.renew(this, 0, false);
                }
            });
            if let Some(inside) = Self::count(encoder, this) {
                return inside;
            }
        }
    }

    /// Whether the record is this encoder's yet: it is forgotten when the guard is taken away.
    pub(crate) fn is_known(&self) -> bool {
        self.encoder.is_of(self.this.addr())
    }

    /// Counts a call in, if the encoder is known.
    pub(crate) fn enter_known(encoders: &'static Encoders, this: Id) -> Option<Self> {
        Self::count(encoders.find(this.addr())?, this)
    }

    /// The lock of its section.
    #[inline]
    pub(crate) fn lock(&self) -> &'static OwnedLock {
        let shared = self.encoder.shared_lock.load(Ordering::Relaxed);
        // SAFETY: null, or the lock of a buffer's record, which lives as long as the process.
        unsafe { shared.as_ref() }.unwrap_or(self.encoder.lock())
    }

    /// Counts a call in, if the record is still this encoder's: it cannot become another's while
    /// somebody is counted in.
    #[inline]
    fn count(encoder: Object<'static, Encoder>, this: Id) -> Option<Self> {
        encoder.inside.fetch_add(1, Ordering::SeqCst);
        if encoder.is_of(this.addr()) {
            return Some(Inside { encoder, this });
        }
        encoder.record().count_out();
        None
    }
}

impl Drop for Inside {
    /// Counts the call out, and lets go of the encoder if it was the last one.
    #[inline]
    fn drop(&mut self) {
        self.encoder.record().count_out();
    }
}

/// Releases an encoder that has ended, unless a call is inside or it was released before.
#[cold]
#[inline(never)]
fn let_go(encoder: &Encoder) {
    let moment = encoder.life.now();
    // Of this life, if the reference turns out to be.
    let this = encoder.object.load(Ordering::Relaxed);
    if moment.phase() == Phase::Ended
        && encoder.inside.load(Ordering::SeqCst) == 0
        && encoder.life.take_kept(moment)
    {
        // SAFETY: by the invariant of this module the reference that was just taken out of the
        // record kept the encoder until now.
        unsafe { runtime::release(this) };
    }
}

/// A record for an encoder that no factory of ours has made.
#[cold]
#[inline(never)]
fn meet(encoders: &'static Encoders, this: Id) -> Object<'static, Encoder> {
    // SAFETY: the program calls a method of it, so it is alive.
    unsafe { runtime::retain(this) };
    let (encoder, is_new) = encoders.with(this.addr(), |encoder, is_new| {
        if is_new {
            encoder.renew(this, 0, true);
        }
        is_new
    });
    if is_new {
        tally::add(Event::Met);
    } else {
        // Another thread was faster.
        // SAFETY: it was retained above.
        unsafe { runtime::release(this) };
    }
    encoder
}

/// Notes that a factory has returned an encoder, which is open from now on. `is_nested` says that a
/// factory inside this one has returned it. Returns whether it is a new one.
pub(crate) fn made(
    encoders: &'static Encoders,
    this: Id,
    buffer: Option<Known>,
    thread: usize,
    is_nested: bool,
) -> bool {
    // SAFETY: a factory has just returned it.
    unsafe { runtime::retain(this) };
    let (encoder, (is_new, was_kept)) = encoders.with(this.addr(), |encoder, made| {
        let before = encoder.life.now();
        // A factory that calls another one returns what that one has made.
        if is_nested && !made && before.phase() == Phase::Open {
            return (false, before.is_kept());
        }
        encoder.renew(this, thread, true);
        if let Some(buffer) = buffer {
            let lock = ptr::from_ref(buffer.lock()).cast_mut();
            encoder.shared_lock.store(lock, Ordering::Relaxed);
        }
        // An ended encoder may be taken up again while a call is inside. Of any other one the end of its
        // memory was not seen, and with it our reference is gone.
        (
            true,
            before.phase() == Phase::Ended && before.is_kept() && !made,
        )
    });
    if was_kept {
        // SAFETY: it was retained above; the reference from before goes on.
        unsafe { runtime::release(this) };
    }
    if is_new {
        encoder.close();
    }
    if let Some(buffer) = buffer {
        encoder.record().made_by(buffer);
    }
    is_new
}

impl Encoder {
    /// Counts a call out, and lets go of the encoder if it was the last one; also one that has come in
    /// too late, for which whoever ended it has then waited.
    #[inline]
    fn count_out(&self) {
        let before = self.inside.fetch_sub(1, Ordering::SeqCst);
        if before == 1 && self.life.now().phase() == Phase::Ended {
            let_go(self);
        }
    }

    /// Begins a life, which a reference keeps that the caller has taken, if it has. To be called while no
    /// other thread makes or forgets records.
    fn renew(&self, this: Id, thread: usize, is_kept: bool) -> Moment {
        self.object.store(this, Ordering::Relaxed);
        self.owner.store(thread, Ordering::Relaxed);
        self.ending.store(0, Ordering::Relaxed);
        self.shared_lock.store(ptr::null_mut(), Ordering::Relaxed);
        self.life.begin(is_kept)
    }

    fn made_by(&'static self, buffer: Known) {
        let mut maker = self.maker.lock();
        if let Some(inner) = *maker {
            // The inner one has made it.
            buffer.wraps(inner);
        } else {
            *maker = Some(buffer);
            buffer.occupancy.opened(self);
        }
    }

    /// Says in its command buffer that it is open no more.
    pub(crate) fn close(&self) {
        let maker = self.maker.lock().take();
        if let Some(buffer) = maker {
            buffer.occupancy.closed(self);
        }
    }

    /// Takes its command buffer out, which is going away.
    pub(crate) fn leave(&self, buffer: &Buffer) {
        let mut maker = self.maker.lock();
        if maker.is_some_and(|maker| ptr::eq(maker.record(), buffer)) {
            *maker = None;
        }
    }
}

/// How many encoders are open now.
pub(crate) fn open(encoders: &Encoders) -> u64 {
    let known = encoders.each();
    let open = known.filter(|(_, each)| each.life.now().phase() == Phase::Open);
    open.count() as u64
}

/// Lets go of every encoder and forgets it, when the guard is taken away. Encoders that a call is
/// inside of are released by that call.
pub(crate) fn abandon(encoders: &'static Encoders) {
    let known: Vec<_> = encoders.each().collect();
    for (address, encoder) in known {
        abandon_one(encoders, address, encoder);
    }
}

/// As [`abandon`], for one.
pub(crate) fn abandon_one(
    encoders: &'static Encoders,
    address: usize,
    encoder: Object<'static, Encoder>,
) {
    encoder.close();
    // Forgotten first, so that whoever finds it ended can see that this is why. It cannot serve another
    // before we have let go of it.
    encoders.forget_if(address, |each| ptr::eq(each, encoder.record()));
    let moment = encoder.life.now();
    if moment.phase() == Phase::Open {
        // Failing, somebody else has just ended it.
        let _ = encoder.life.pass(moment, Phase::Ended);
    }
    let_go(encoder.record());
}
