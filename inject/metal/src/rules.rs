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
//! | `retire` | `dealloc` of command buffers | none | its record is forgotten |
//! | `supply` | a queue makes a command buffer | none | guards its class |
//!
//! The section of an encoder is that of its command buffer (see `encoders`). Under `global`,
//! `throttle:K` and `none` it is the one of the process, for all rules that have one. A section lasts
//! until the original has returned, and everything that makes an encoder known happens inside it.
//!
//! A queue waits until there is room for one more command buffer, which there is when another thread has
//! committed one; and the end of a command buffer may wait for whatever it keeps. Neither does so under
//! a lock of ours.
//!
//! # Calls of the driver's own
//!
//! Drivers call their own methods inside others: those meet an encoder that this thread is in already,
//! and enter at once. What they call of an encoder that has ended, inside a factory or any other guarded
//! call, is no misuse (`within`), nor is what an encoder does to itself while it ends or is freed:
//! `ending` names the thread that it happens in.

use core::cell::Cell;
use core::sync::atomic::Ordering;
use std::time::Instant;

use locktoll_guard::{Section, thread_name};

use crate::buffers::{self, InsideBuffer, Known};
use crate::encoders::{self, Encoder, Encoders, Inside};
use crate::install;
use crate::life::{Moment, Phase};
use crate::misuse::{self, Verdict};
use crate::occupancy::{Gave, Place};
use crate::protection::Protection;
use crate::runtime;
use crate::signatures::Group;
use crate::signatures::types::{Id, Sel};
use crate::tally::{self, Event};
use crate::within;

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
    let inside = Inside::enter(protection, this);
    let turn = protection.enter_encoder(inside.lock());
    tally::add(Event::Call);
    if inside.encoder.life.now().phase() != Phase::Open {
        drop(turn);
        return of_ended(protection, &inside, call, || {
            refuses(protection, &inside, selector)
        });
    }
    call()
}

/// A call of an encoder that is not open. Whether it is refused is found out, and told, in no section.
#[cold]
fn of_ended<R: Nothing>(
    protection: &'static Protection,
    inside: &Inside,
    call: impl FnOnce() -> R,
    refuses: impl FnOnce() -> bool,
) -> R {
    if refuses() {
        return R::nothing();
    }
    let _turn = protection.enter_encoder(inside.lock());
    call()
}

/// Whether a call on an encoder that is not open is kept from the driver.
#[cold]
#[inline(never)]
fn refuses(protection: &Protection, inside: &Inside, selector: Sel) -> bool {
    // The driver's own, inside its end or dealloc or inside another call.
    if inside.encoder.ending.load(Ordering::Relaxed) == thread_name() || within::is_in_a_call() {
        return false;
    }
    // The guard was taken away after this call began, and that was what ended its life for us.
    if !inside.is_known() || !protection.is_current() {
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
    let inside = Inside::enter(protection, this);
    end_inside(protection, &inside, call, || {
        refuses(protection, &inside, selector)
    })
}

/// The driver's own end of an encoder, which it may also call after the program's.
pub(crate) fn end_late<R: Nothing>(
    protection: &'static Protection,
    this: Id,
    _selector: Sel,
    call: impl FnOnce() -> R,
) -> R {
    let inside = Inside::enter(protection, this);
    end_inside(protection, &inside, call, || false)
}

fn end_inside<R: Nothing>(
    protection: &'static Protection,
    inside: &Inside,
    call: impl FnOnce() -> R,
    refuses: impl FnOnce() -> bool,
) -> R {
    let encoder = inside.encoder.record();
    let turn = protection.enter_encoder(inside.lock());
    let moment = encoder.life.now();
    // Before the original, so that where sections do not exclude each other a second end finds it.
    let is_first = moment.phase() == Phase::Open && encoder.life.pass(moment, Phase::Ended).is_ok();
    if !is_first {
        drop(turn);
        return of_ended(protection, inside, call, refuses);
    }
    let _ending = Ending::of(encoder);
    call()
}

/// An end that is under way. Dropped inside the section, also where the original throws.
struct Ending(&'static Encoder);

impl Ending {
    fn of(encoder: &'static Encoder) -> Self {
        encoder.ending.store(thread_name(), Ordering::Relaxed);
        Ending(encoder)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ending.store(0, Ordering::Relaxed);
        tally::add(Event::Ended);
        // Only now may others go on with the command buffer.
        self.0.close();
    }
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
    _selector: Sel,
    call: impl FnOnce() -> R,
) -> R {
    let encoders = protection.known_encoders;
    let inside = Inside::enter_dealloc(encoders, this);
    let encoder = inside.encoder.record();
    let before = encoder.life.now();
    let dying = (before.phase() != Phase::Dying)
        .then(|| encoder.life.pass(before, Phase::Dying).ok())
        .flatten();
    // Otherwise that of a class above, which the outer one has called.
    let _freeing = dying.map(|moment| {
        encoder.ending.store(thread_name(), Ordering::Relaxed);
        // One that was never ended.
        encoder.close();
        Freeing {
            encoders,
            address: this.addr(),
            moment,
        }
    });
    let _turn = protection.enter_encoder(inside.lock());
    call()
}

/// The end of an encoder's memory that is under way; dropped when the section has been left.
struct Freeing {
    encoders: &'static Encoders,
    address: usize,
    moment: Moment,
}

impl Drop for Freeing {
    fn drop(&mut self) {
        tally::add(Event::Freed);
        // Unless the address is another encoder's by now.
        self.encoders
            .forget_if(self.address, |each| each.life.now() == self.moment);
    }
}

/// A command buffer makes an encoder.
pub(crate) fn factory(
    makes: Group,
    protection: &'static Protection,
    this: Id,
    selector: Sel,
    call: impl FnOnce() -> Id,
) -> Id {
    let encoder = {
        let inside = InsideBuffer::enter(protection, this);
        let waits = protection.options.strategy == crate::Strategy::Session;
        tell_own_open(protection, &inside, selector);
        let _section = enter_buffer(protection, &inside, waits);
        hand_out(makes, protection, Some(inside.buffer), call)
    };
    protection.tell_pending();
    encoder
}

/// A parallel encoder makes one of its encoders.
pub(crate) fn split(
    makes: Group,
    protection: &'static Protection,
    this: Id,
    selector: Sel,
    call: impl FnOnce() -> Id,
) -> Id {
    let encoder = encode(protection, this, selector, || {
        // It does not stand in the way of the command buffer: the parallel one does.
        hand_out(makes, protection, None, call)
    });
    protection.tell_pending();
    encoder
}

std::thread_local! {
    /// The address of what the last factory in this thread has handed out.
    static HANDED_OUT: Cell<usize> = const { Cell::new(0) };
}

/// Makes an encoder and makes it known, before anybody has it.
fn hand_out(
    makes: Group,
    protection: &'static Protection,
    buffer: Option<Known>,
    call: impl FnOnce() -> Id,
) -> Id {
    HANDED_OUT.set(0);
    let encoder = call();
    // By a factory that this one has called.
    let is_nested = HANDED_OUT.replace(encoder.addr()) == encoder.addr();
    if encoder.is_null() {
        return encoder;
    }
    // SAFETY: the factory has just returned it.
    if !install::guard_class_of(unsafe { runtime::class_of(encoder) }, makes) {
        // Its end would not be seen.
        return encoder;
    }
    let known = protection.known_encoders;
    if encoders::made(known, encoder, buffer, thread_name(), is_nested) {
        tally::add(Event::Made);
    }
    if !protection.is_current()
        && let Some(found) = known.find(encoder.addr())
    {
        // The guard was taken away meanwhile, and its end will not be seen.
        encoders::abandon_one(known, encoder.addr(), found);
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
        let inside = InsideBuffer::enter(protection, this);
        tell_own_open(protection, &inside, selector);
        let _section = enter_buffer(protection, &inside, true);
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
    let inside = InsideBuffer::enter(protection, this);
    tell_own_open(protection, &inside, selector);
    let _section = enter_buffer(protection, &inside, true);
    if !inside.is_nested {
        tally::add(Event::Signal);
    }
    call()
}

/// Enters a command buffer's section; where asked, at a moment when no other thread has an encoder
/// open in it or came first, if that can be waited for.
fn enter_buffer(
    protection: &'static Protection,
    inside: &InsideBuffer,
    waits: bool,
) -> Section<'static> {
    let buffers = protection.known_buffers;
    let waits = waits && inside.may_wait;
    let thread = thread_name();
    let (mut passes_line, mut gave_up) = (false, false);
    // Kept until the section is entered, or somebody who comes then could be faster.
    let mut place: Option<Place> = None;
    let mut started = None;
    loop {
        let root = inside.root(buffers);
        let occupancy = &root.record().occupancy;
        let is_clear = || !waits || gave_up || occupancy.is_clear_for(thread, passes_line);
        if is_clear() {
            let section = protection.enter_buffer(root.lock());
            // While this thread came in, an encoder may have been made, or another command buffer have
            // been found inside this one.
            if is_clear() && buffers::is_same(root, inside.root(buffers)) {
                return section;
            }
            continue;
        }
        if place.as_ref().is_none_or(|place| !place.is_in(occupancy)) {
            place = Some(occupancy.line_up(thread));
        }
        let started = *started.get_or_insert_with(|| {
            tally::add(Event::Waited);
            Instant::now()
        });
        match occupancy.wait(thread, passes_line, started, protection.options.timeout) {
            Ok(()) => {}
            Err(Gave::Line) => passes_line = true,
            Err(gave) => {
                tell_gave(protection, gave);
                gave_up = true;
            }
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
        Gave::Line => {}
    }
}

fn tell_own_open(protection: &Protection, inside: &InsideBuffer, selector: Sel) {
    // What a call inside another one of the same driver does is the driver's business.
    if inside.may_wait {
        let root = inside.root(protection.known_buffers);
        if root.record().occupancy.has_open_of(thread_name()) {
            misuse::own_open(protection, selector);
        }
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
        return call();
    };
    let moment = buffer.life.now();
    let dying = (moment.phase() == Phase::Open)
        .then(|| buffer.life.pass(moment, Phase::Dying).ok())
        .flatten();
    if dying.is_some() {
        buffer.clear();
    }
    let result = call();
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
    let buffer = call();
    install::look_for_late_classes();
    if !buffer.is_null() {
        // SAFETY: the queue has just returned it.
        install::guard_class_of(unsafe { runtime::class_of(buffer) }, makes);
    }
    protection.tell_pending();
    buffer
}
