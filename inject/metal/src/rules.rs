//! What is done round each original method.
//!
//! | rule | methods | section of | besides |
//! |---|---|---|---|
//! | `encode` | every call of an encoder | the encoder | refused or passed on if it has ended |
//! | `end` | `endEncoding` | the encoder | ends its life, once |
//! | `end_late` | `deferredEndEncoding` | the encoder | the same; the driver's own, and never misuse |
//! | `destroy` | `destroyImpl` | the encoder | |
//! | `dealloc` | `dealloc` of encoders | the encoder | its record is forgotten |
//! | `factory` | whatever makes an encoder | the command buffer | keeps it; guards its class |
//! | `split` | `renderCommandEncoder` | the parallel encoder | the same |
//! | `commit`, `event` | `commit`, event encodes | the command buffer | waits for others' encoders first |
//! | `retire` | `dealloc` of command buffers | the command buffer | its record is forgotten |
//! | `supply` | a queue makes a command buffer | none under `per-encoder` and `session` | guards its class |
//!
//! The section of an encoder is that of its command buffer (see `encoders`). Under `global`,
//! `throttle:K` and `none` it is the one of the process, for all rules. A section lasts until the
//! original has returned, and everything that makes an encoder known happens inside it.
//!
//! # Calls of the driver's own
//!
//! Drivers call their own methods inside others: those meet an encoder that this thread is in already,
//! and enter at once. What an encoder does to itself while it ends or is freed is no misuse: `ending`
//! names the thread that it happens in.

use core::sync::atomic::Ordering;
use std::time::Instant;

use locktoll_guard::{Section, thread_name};

use crate::buffers::{self, Gave, InsideBuffer, Known};
use crate::encoders::{self, Encoder, Inside};
use crate::install;
use crate::life::Phase;
use crate::misuse::{self, Verdict};
use crate::protection::Protection;
use crate::runtime;
use crate::signatures::Group;
use crate::signatures::types::{Id, Sel};
use crate::tally::{self, Event};

/// What a method returns that is not called.
pub(crate) trait Nothing {
    fn nothing() -> Self;
}

impl Nothing for () {
    fn nothing() {}
}

impl Nothing for Id {
    fn nothing() -> Id {
        core::ptr::null_mut()
    }
}

/// A call of an encoder.
#[inline]
pub(crate) fn encode<R: Nothing>(
    protection: &'static Protection,
    this: Id,
    selector: Sel,
    call: impl FnOnce() -> R,
) -> R {
    let inside = Inside::enter(protection.known_encoders, this, || tally::add(Event::Met));
    let _section = protection.enter_encoder(inside.lock());
    tally::add(Event::Call);
    if inside.encoder.life.now().phase() != Phase::Open
        && refuses(protection, inside.encoder.record(), selector)
    {
        return R::nothing();
    }
    call()
}

/// Whether a call on an encoder that is not open is kept from the driver.
#[cold]
#[inline(never)]
fn refuses(protection: &Protection, encoder: &Encoder, selector: Sel) -> bool {
    // The driver's own, inside its end or dealloc.
    if encoder.ending.load(Ordering::Relaxed) == thread_name() {
        return false;
    }
    misuse::of_ended(protection, selector) == Verdict::Refuse
}

/// The program's end of an encoder.
pub(crate) fn end<R: Nothing>(
    protection: &'static Protection,
    this: Id,
    selector: Sel,
    call: impl FnOnce() -> R,
) -> R {
    let inside = Inside::enter(protection.known_encoders, this, || tally::add(Event::Met));
    end_inside(protection, &inside, call, |encoder| {
        refuses(protection, encoder, selector)
    })
}

/// The driver's own end of an encoder, which it may also call after the program's.
pub(crate) fn end_late<R: Nothing>(
    protection: &'static Protection,
    this: Id,
    _selector: Sel,
    call: impl FnOnce() -> R,
) -> R {
    let inside = Inside::enter(protection.known_encoders, this, || tally::add(Event::Met));
    end_inside(protection, &inside, call, |_| false)
}

fn end_inside<R: Nothing>(
    protection: &'static Protection,
    inside: &Inside,
    call: impl FnOnce() -> R,
    refuses: impl FnOnce(&Encoder) -> bool,
) -> R {
    let encoder = inside.encoder.record();
    let _section = protection.enter_encoder(inside.lock());
    let moment = encoder.life.now();
    // Before the original, so that where sections do not exclude each other a second end finds it.
    let is_first = moment.phase() == Phase::Open && encoder.life.pass(moment, Phase::Ended).is_ok();
    if !is_first {
        if refuses(encoder) {
            return R::nothing();
        }
        return call();
    }
    encoder.ending.store(thread_name(), Ordering::Relaxed);
    let result = call();
    encoder.ending.store(0, Ordering::Relaxed);
    tally::add(Event::Ended);
    // Only now may others go on with the command buffer.
    encoder.close();
    result
}

/// An encoder's inner end, in the driver's `dealloc` or end. It may be gone as far as its references
/// tell, so it is neither counted nor kept.
pub(crate) fn destroy<R: Nothing>(
    protection: &'static Protection,
    this: Id,
    _selector: Sel,
    call: impl FnOnce() -> R,
) -> R {
    let inside = Inside::enter_known(protection.known_encoders, this);
    let _section = match &inside {
        Some(inside) => protection.enter_encoder(inside.lock()),
        None => protection.enter_spare(),
    };
    call()
}

/// The end of an encoder's memory.
pub(crate) fn dealloc<R: Nothing>(
    protection: &'static Protection,
    this: Id,
    selector: Sel,
    call: impl FnOnce() -> R,
) -> R {
    let Some(inside) = Inside::enter_known(protection.known_encoders, this) else {
        return destroy(protection, this, selector, call);
    };
    let encoder = inside.encoder.record();
    let moment = encoder.life.now();
    let Some(dying) = (moment.phase() != Phase::Dying)
        .then(|| encoder.life.pass(moment, Phase::Dying).ok())
        .flatten()
    else {
        // That of a class above, which the outer one has called.
        let _section = protection.enter_encoder(inside.lock());
        return call();
    };
    encoder.ending.store(thread_name(), Ordering::Relaxed);
    // One that was never ended.
    encoder.close();
    let result = {
        let _section = protection.enter_encoder(inside.lock());
        call()
    };
    tally::add(Event::Freed);
    // Unless the address is another encoder's by now.
    protection
        .known_encoders
        .forget_if(this.addr(), |each| each.life.now() == dying);
    result
}

/// A command buffer makes an encoder.
pub(crate) fn factory(
    makes: Group,
    protection: &'static Protection,
    this: Id,
    selector: Sel,
    call: impl FnOnce() -> Id,
) -> Id {
    let inside = InsideBuffer::enter(protection.known_buffers, this);
    let waits = protection.options.strategy == crate::Strategy::Session;
    let _section = enter_buffer(protection, &inside, waits);
    tell_own_open(protection, &inside, selector);
    hand_out(makes, protection, Some(inside.buffer), call)
}

/// A parallel encoder makes one of its encoders.
pub(crate) fn split(
    makes: Group,
    protection: &'static Protection,
    this: Id,
    selector: Sel,
    call: impl FnOnce() -> Id,
) -> Id {
    encode(protection, this, selector, || {
        // It does not stand in the way of the command buffer: the parallel one does.
        hand_out(makes, protection, None, call)
    })
}

/// Makes an encoder and makes it known, before anybody has it.
fn hand_out(
    makes: Group,
    protection: &'static Protection,
    buffer: Option<Known>,
    call: impl FnOnce() -> Id,
) -> Id {
    let encoder = call();
    if encoder.is_null() {
        return encoder;
    }
    // SAFETY: the factory has just returned it.
    if !install::guard_class_of(unsafe { runtime::class_of(encoder) }, makes) {
        // Its end would not be seen.
        return encoder;
    }
    if encoders::made(protection.known_encoders, encoder, buffer, thread_name()) {
        tally::add(Event::Made);
    }
    if !protection.is_current()
        && let Some(known) = protection.known_encoders.find(encoder.addr())
    {
        // The guard was taken away meanwhile, and its end will not be seen.
        encoders::abandon_one(protection.known_encoders, encoder.addr(), known);
    }
    encoder
}

/// The end of recording into a command buffer.
pub(crate) fn commit<R: Nothing>(
    protection: &'static Protection,
    this: Id,
    selector: Sel,
    call: impl FnOnce() -> R,
) -> R {
    let result = {
        let inside = InsideBuffer::enter(protection.known_buffers, this);
        let _section = enter_buffer(protection, &inside, true);
        tell_own_open(protection, &inside, selector);
        if !inside.is_nested {
            tally::add(Event::Commit);
        }
        call()
    };
    if let Some(record) = protection.record {
        record.on_submission(protection);
    }
    result
}

/// An event is encoded into a command buffer.
pub(crate) fn event<R: Nothing>(
    protection: &'static Protection,
    this: Id,
    selector: Sel,
    call: impl FnOnce() -> R,
) -> R {
    let inside = InsideBuffer::enter(protection.known_buffers, this);
    let _section = enter_buffer(protection, &inside, true);
    tell_own_open(protection, &inside, selector);
    if !inside.is_nested {
        tally::add(Event::Signal);
    }
    call()
}

/// Enters a command buffer's section; where asked, at a moment when no other thread has an encoder
/// open in it, if that can be waited for.
fn enter_buffer(
    protection: &'static Protection,
    inside: &InsideBuffer,
    waits: bool,
) -> Section<'static> {
    let waits = waits && !inside.is_nested;
    let (started, thread) = (Instant::now(), thread_name());
    let (mut has_waited, mut gave_up) = (false, false);
    loop {
        let root = buffers::root(inside.buffer);
        let is_clear = || !waits || gave_up || !root.has_open_of_others(thread);
        if !is_clear() {
            if !has_waited {
                tally::add(Event::Waited);
                has_waited = true;
            }
            let limit = protection.options.timeout;
            if let Err(gave) = root.record().wait_for_others(started, limit) {
                tell_gave(protection, gave);
                gave_up = true;
            }
            continue;
        }
        let section = protection.enter_buffer(root.lock());
        // While this thread came in, an encoder may have been made, or another command buffer have
        // been found inside this one.
        if is_clear() && buffers::is_same(root, buffers::root(inside.buffer)) {
            return section;
        }
    }
}

#[cold]
fn tell_gave(protection: &Protection, gave: Gave) {
    match gave {
        Gave::TimeOut => {
            tally::add(Event::TimeOut);
            protection.report(
                &format!(
                    "another thread's encoder was open in a command buffer for {} ms; going on \
                     without waiting longer",
                    protection.options.timeout.as_millis()
                ),
                protection.options.abort_on_timeout,
            );
        }
        Gave::Circle => {
            tally::add(Event::Circle);
            protection.report(
                "threads wait for each other's encoders in several command buffers; one goes on \
                 without waiting",
                false,
            );
        }
    }
}

fn tell_own_open(protection: &Protection, inside: &InsideBuffer, selector: Sel) {
    // What a call inside another one of the same driver does is the driver's business.
    if !inside.is_nested && buffers::root(inside.buffer).has_open_of(thread_name()) {
        misuse::own_open(protection, selector);
    }
}

/// The end of a command buffer's memory.
pub(crate) fn retire<R: Nothing>(
    protection: &'static Protection,
    this: Id,
    _selector: Sel,
    call: impl FnOnce() -> R,
) -> R {
    let Some(buffer) = protection.known_buffers.find(this.addr()) else {
        let _section = protection.enter_spare();
        return call();
    };
    let moment = buffer.life.now();
    let dying = (moment.phase() == Phase::Open)
        .then(|| buffer.life.pass(moment, Phase::Dying).ok())
        .flatten();
    if dying.is_some() {
        buffer.clear();
    }
    let result = {
        let _section = protection.enter_buffer(buffers::root(buffer).lock());
        call()
    };
    if let Some(dying) = dying {
        protection
            .known_buffers
            .forget_if(this.addr(), |each| each.life.now() == dying);
    }
    result
}

/// A queue makes a command buffer.
pub(crate) fn supply(
    makes: Group,
    protection: &'static Protection,
    _this: Id,
    _selector: Sel,
    call: impl FnOnce() -> Id,
) -> Id {
    let _section = protection.enter_queue();
    let buffer = call();
    install::look_for_late_classes();
    if !buffer.is_null() {
        // SAFETY: the queue has just returned it.
        install::guard_class_of(unsafe { runtime::class_of(buffer) }, makes);
    }
    buffer
}
