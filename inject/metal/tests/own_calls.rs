//! What a driver does of its own inside a call: it messages other encoders, takes long, throws, and calls
//! its own methods in the end of an object's memory. None of that is misuse, and none may hang.

mod support;

use core::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use locktoll_metal::{Installed, Options, stats};
use locktoll_objc_driver as driver;
use objc2::runtime::{AnyClass, AnyObject, Imp, Sel};
use objc2::{msg_send, sel};
use support::empty;
use support::metal::{Id, Object, compute, end};

/// The guard is the process's, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

const STRATEGIES: [&str; 5] = ["none", "global", "per-encoder", "throttle:1", "session"];

type Method = unsafe extern "C-unwind" fn(Id, Sel);
type Factory = unsafe extern "C-unwind" fn(Id, Sel) -> Id;

/// Calls of `dispatchWaitFlush` that came to the driver.
static CALLS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C-unwind" fn count(_this: Id, _selector: Sel) {
    CALLS.fetch_add(1, Ordering::SeqCst);
}

fn calls() -> u32 {
    CALLS.load(Ordering::SeqCst)
}

fn dispatch(encoder: Id) {
    // SAFETY: an encoder of this file's, which lives.
    unsafe { msg_send![encoder, dispatchWaitFlush] }
}

/// As `[super dealloc]`, in a class right below `NSObject`.
fn free(this: Id) {
    let above = AnyClass::get(c"NSObject")
        .and_then(|class| class.instance_method(sel!(dealloc)))
        .expect("every object has it");
    // SAFETY: the method of the class above, called in an object's own.
    unsafe {
        let above = core::mem::transmute::<Imp, Method>(above.implementation());
        above(this, sel!(dealloc));
    }
}

fn new(class: &AnyClass) -> Object {
    // SAFETY: a class.
    Object::owned(unsafe { msg_send![class, new] })
}

/// A guard of a driver that makes objects of these classes.
fn guard(strategy: &str, buffer: &'static AnyClass, encoder: &'static AnyClass) -> Installed {
    empty::make(buffer, encoder);
    let mut options = Options::new(strategy.parse().expect("a strategy"));
    options.timeout = Duration::from_millis(200);
    options.install_on(empty::create_device).expect("installs")
}

/// What a driver's method messages, where a test has set it.
static OTHER: AtomicPtr<AnyObject> = AtomicPtr::new(ptr::null_mut());

fn set_other(other: Option<&Object>) {
    OTHER.store(other.map_or(ptr::null_mut(), Object::id), Ordering::SeqCst);
}

/// Messages the other encoder, where there is one.
unsafe extern "C-unwind" fn dispatch_other(_this: Id, _selector: Sel, _argument: Id) {
    let other = OTHER.load(Ordering::SeqCst);
    if !other.is_null() {
        dispatch(other);
    }
}

/// A factory that first messages the other encoder, which may have ended.
unsafe extern "C-unwind" fn make_after_other(this: Id, selector: Sel) -> Id {
    // SAFETY: takes any arguments.
    unsafe { dispatch_other(this, selector, ptr::null_mut()) };
    // SAFETY: the driver without faults has this factory.
    unsafe { msg_send![&*new(empty::classes().buffer).id(), computeCommandEncoder] }
}

/// An encoder that counts one method and messages the other encoder in another.
fn messaging_encoder() -> &'static AnyClass {
    static CLASS: OnceLock<&AnyClass> = OnceLock::new();
    CLASS.get_or_init(|| {
        empty::class(c"MessagingEncoder", c"NSObject", |builder| {
            // SAFETY: the functions have the types of their selectors, here and below.
            unsafe {
                builder.add_method(sel!(endEncoding), empty::nothing as Method);
                builder.add_method(sel!(dispatchWaitFlush), count as Method);
                builder.add_method(
                    sel!(setComputePipelineState:),
                    dispatch_other as unsafe extern "C-unwind" fn(_, _, _),
                );
            }
        })
    })
}

#[test]
fn a_call_of_the_drivers_own_on_an_ended_encoder_is_no_misuse() {
    let _turn = turn();
    let buffer = empty::class(c"MessagingBuffer", c"NSObject", |builder| {
        // SAFETY: as above.
        unsafe {
            builder.add_method(sel!(computeCommandEncoder), make_after_other as Factory);
            builder.add_method(sel!(commit), empty::nothing as Method);
        }
    });
    for strategy in STRATEGIES {
        set_other(None);
        let guard = guard(strategy, buffer, messaging_encoder());
        let buffer = new(buffer);
        let before = (stats(), calls());
        let ended = compute(&buffer);
        end(&ended);
        set_other(Some(&ended));
        // In a factory, and in a call of another encoder.
        let next = compute(&buffer);
        assert_eq!(calls() - before.1, 1, "{strategy}: in a factory");
        let nothing: Id = ptr::null_mut();
        // SAFETY: an encoder with this method.
        let () = unsafe { msg_send![next.id(), setComputePipelineState: nothing] };
        assert_eq!(calls() - before.1, 2, "{strategy}: in a call");
        set_other(None);
        end(&next);
        let after = stats();
        assert_eq!(after.misuse, before.0.misuse, "{strategy}");
        // The program's own is.
        dispatch(ended.id());
        assert_eq!(stats().refused, before.0.refused + 1, "{strategy}");
        assert_eq!(calls() - before.1, 2, "{strategy}");
        guard.uninstall();
    }
}

/// Encodes an event into the command buffer that a test has set.
unsafe extern "C-unwind" fn signal_other(_this: Id, _selector: Sel) {
    let other = OTHER.load(Ordering::SeqCst);
    if !other.is_null() {
        let nothing: Id = ptr::null_mut();
        // SAFETY: a command buffer with this method.
        let () = unsafe { msg_send![other, encodeSignalEvent: nothing, value: 1_u64] };
    }
}

unsafe extern "C-unwind" fn take_event(_this: Id, _selector: Sel, _event: Id, _value: u64) {}

#[test]
fn a_call_of_a_command_buffer_inside_one_of_an_encoder_does_not_wait_under_its_lock() {
    let _turn = turn();
    empty::classes();
    let buffer = empty::class(c"EventBuffer", c"EmptyBuffer", |builder| {
        // SAFETY: as above.
        unsafe {
            builder.add_method(
                sel!(encodeSignalEvent:value:),
                take_event as unsafe extern "C-unwind" fn(_, _, _, _),
            );
        }
    });
    let encoder = empty::class(c"SignallingEncoder", c"NSObject", |builder| {
        // SAFETY: as above.
        unsafe {
            builder.add_method(sel!(endEncoding), empty::nothing as Method);
            builder.add_method(sel!(dispatchWaitFlush), signal_other as Method);
        }
    });
    for strategy in STRATEGIES {
        let guard = guard(strategy, buffer, encoder);
        let (own, others) = (new(buffer), new(buffer));
        let before = stats();
        let open = std::thread::scope(|scope| {
            let made = scope.spawn(|| compute(&others));
            made.join().expect("no panic")
        });
        let encoder = compute(&own);
        set_other(Some(&others));
        dispatch(encoder.id());
        set_other(None);
        let after = stats();
        assert_eq!(
            (after.encoder_waits, after.time_outs),
            (before.encoder_waits, before.time_outs),
            "{strategy}"
        );
        end(&encoder);
        end(&open);
        guard.uninstall();
    }
}

static IS_FREEING: AtomicBool = AtomicBool::new(false);
static WAS_CALLED: AtomicBool = AtomicBool::new(false);

/// The end of a command buffer's memory, which lasts until another thread has made a call, if it can.
unsafe extern "C-unwind" fn free_slowly(this: Id, _selector: Sel) {
    let since = Instant::now();
    IS_FREEING.store(true, Ordering::SeqCst);
    while !WAS_CALLED.load(Ordering::SeqCst) && since.elapsed() < Duration::from_secs(20) {
        std::thread::yield_now();
    }
    free(this);
}

#[test]
fn the_end_of_a_command_buffers_memory_keeps_no_call_out() {
    let _turn = turn();
    empty::classes();
    let class = empty::class(c"SlowlyFreedBuffer", c"EmptyBuffer", |builder| {
        // SAFETY: as above.
        unsafe { builder.add_method(sel!(dealloc), free_slowly as Method) };
    });
    for strategy in STRATEGIES {
        WAS_CALLED.store(true, Ordering::SeqCst);
        let guard = guard(strategy, class, messaging_encoder());
        let buffer = new(class);
        let encoder = compute(&new(empty::classes().buffer));
        end(&compute(&buffer));
        WAS_CALLED.store(false, Ordering::SeqCst);
        IS_FREEING.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            let freeing = scope.spawn(move || drop(buffer));
            while !IS_FREEING.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            dispatch(encoder.id());
            assert!(!freeing.is_finished(), "{strategy}: the call came after");
            WAS_CALLED.store(true, Ordering::SeqCst);
        });
        end(&encoder);
        guard.uninstall();
    }
}

/// The end of an encoder's memory, in which it is called.
unsafe extern "C-unwind" fn free_with_a_call(this: Id, _selector: Sel) {
    dispatch(this);
    free(this);
}

#[test]
fn an_encoder_that_is_first_seen_in_its_dealloc_gets_no_life() {
    let _turn = turn();
    let class = empty::class(c"LateFreedEncoder", c"NSObject", |builder| {
        // SAFETY: as above.
        unsafe {
            builder.add_method(sel!(endEncoding), empty::nothing as Method);
            builder.add_method(sel!(dispatchWaitFlush), count as Method);
            builder.add_method(sel!(dealloc), free_with_a_call as Method);
        }
    });
    for strategy in STRATEGIES {
        // From before the guard, which never hears of it until it goes.
        let encoders: Vec<Object> = (0..20).map(|_| new(class)).collect();
        let guard = guard(strategy, empty::classes().buffer, class);
        let before = (stats(), calls());
        drop(encoders);
        assert_eq!(calls() - before.1, 20, "{strategy}");
        let after = stats();
        assert_eq!(
            (after.encoders_met, after.refused),
            (before.0.encoders_met, before.0.refused),
            "{strategy}"
        );
        // Encoders at the same addresses are new ones.
        let buffer = new(empty::classes().buffer);
        for _ in 0..20 {
            let encoder = compute(&buffer);
            assert_eq!(
                encoder.references(),
                2,
                "{strategy}: the program's, and the guard's"
            );
            end(&encoder);
            assert_eq!(encoder.references(), 1, "{strategy}");
        }
        guard.uninstall();
    }
}

/// Ends by an exception.
unsafe extern "C-unwind" fn throw(_this: Id, _selector: Sel) {
    let thrown = new(AnyClass::get(c"NSObject").expect("is there"));
    // SAFETY: an object, which whoever catches it does not release.
    unsafe { objc2::ffi::objc_exception_throw(thrown.id()) }
}

#[test]
fn an_exception_out_of_an_end_leaves_an_encoder_that_has_ended() {
    let _turn = turn();
    let encoder = empty::class(c"ThrowingEncoder", c"NSObject", |builder| {
        // SAFETY: as above.
        unsafe {
            builder.add_method(sel!(endEncoding), throw as Method);
            builder.add_method(sel!(dispatchWaitFlush), count as Method);
        }
    });
    let quiet = messaging_encoder();
    for strategy in STRATEGIES {
        // Probing ends an encoder of each kind, so that it must be one that does not throw.
        let guard = guard(strategy, empty::classes().buffer, quiet);
        empty::make(empty::classes().buffer, encoder);
        let buffer = new(empty::classes().buffer);
        let before = stats();
        let thrown = compute(&buffer);
        assert!(driver::catches(|| end(&thrown)), "{strategy}");
        std::thread::scope(|scope| {
            // Nothing is open in the command buffer, and no lock is held.
            scope.spawn(|| support::metal::commit(&buffer));
        });
        let after = stats();
        assert_eq!(
            after.encoders_ended - before.encoders_ended,
            1,
            "{strategy}"
        );
        assert_eq!(after.encoder_waits, before.encoder_waits, "{strategy}");
        // And what the program sends it now is misuse.
        dispatch(thrown.id());
        assert_eq!(stats().refused - before.refused, 1, "{strategy}");
        assert_eq!(thrown.references(), 1, "{strategy}");
        guard.uninstall();
    }
}
