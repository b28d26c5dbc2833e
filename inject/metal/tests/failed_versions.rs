//! The eight versions of the known implementation that failed, one test each: what each did wrong.

mod support;

use std::sync::{Barrier, Mutex, MutexGuard};

use locktoll_metal::{Installed, Options, install, stats};
use locktoll_objc_driver as driver;
use locktoll_objc_driver::{Group, Scope};
use objc2::msg_send;
use support::child;
use support::metal::{
    Id, Object, command_buffer, commit, compute, device, encode, end, pool, queue, set_bytes,
    signal, unretained_compute, wrapping_buffer, wrapping_is_guarded,
};

/// The guard is the process's, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    let turn = TURN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    driver::fault(Scope::Off);
    driver::race_window_ns(0);
    driver::recycle(false);
    driver::reset();
    turn
}

fn guard(strategy: &str) -> Installed {
    install(strategy.parse().expect("a strategy")).expect("installs")
}

/// An object that nobody but the guard keeps, for other threads.
#[derive(Clone, Copy)]
struct Unkept(Id);

// SAFETY: the driver's objects may be used by any thread, as long as they live.
unsafe impl Send for Unkept {}
// SAFETY: likewise.
unsafe impl Sync for Unkept {}

impl Unkept {
    fn set_bytes(self) {
        let bytes = [1_u8; 4];
        let first: *const core::ffi::c_void = bytes.as_ptr().cast();
        // SAFETY: an encoder that the guard keeps, which is what is tested.
        unsafe { msg_send![self.0, setBytes: first, length: 4_usize, atIndex: 0_usize] }
    }

    fn end(self) {
        // SAFETY: as above.
        unsafe { msg_send![self.0, endEncoding] }
    }
}

/// v1 remembered addresses of dead encoders, and left out the calls of those that got them next.
#[test]
fn v1_an_encoder_in_anothers_memory_loses_no_call() {
    const OPS: u64 = 5_000;
    let _turn = turn();
    for strategy in ["global", "per-encoder", "session"] {
        let guard = guard(strategy);
        let queue = queue(&device());
        driver::recycle(true);
        driver::reset();
        let refused = stats().refused;
        for _ in 0..OPS {
            let buffer = command_buffer(&queue);
            let encoder = compute(&buffer);
            encode(&encoder);
            end(&encoder);
            commit(&buffer);
        }
        let counts = driver::counts();
        assert!(
            counts.encoders_recycled >= OPS - 10,
            "{strategy}: {counts:?}"
        );
        assert_eq!(counts.of(Group::Compute), 3 * OPS, "{strategy}");
        assert_eq!((counts.encoders_live, stats().refused), (0, refused));
        driver::recycle(false);
        guard.uninstall();
    }
}

/// v2 kept an encoder from its first call on; it could be gone before that.
#[test]
fn v2_an_encoder_is_kept_before_anybody_calls_it() {
    let _turn = turn();
    for strategy in ["none", "global", "per-encoder", "session"] {
        let guard = guard(strategy);
        let buffer = command_buffer(&queue(&device()));
        // The pool has the program's only reference.
        let encoder = pool(|| Unkept(unretained_compute(&buffer)));
        assert_eq!(driver::counts().encoders_live, 1, "{strategy}");
        std::thread::scope(|scope| {
            scope.spawn(move || encoder.set_bytes());
        });
        encoder.end();
        assert_eq!(driver::counts().encoders_live, 0, "{strategy}");
        guard.uninstall();
    }
}

/// v2.2 kept encoders and took no lock.
#[test]
fn v2_2_calls_of_one_encoder_do_not_overlap() {
    let name = "v2_2_calls_of_one_encoder_do_not_overlap";
    // Without a lock the driver ends the process; otherwise nothing would be tested.
    for (strategy, survives) in [
        ("none", false),
        ("global", true),
        ("per-encoder", true),
        ("session", true),
        ("throttle:1", true),
    ] {
        child::run(
            name,
            strategy,
            || {
                let guard = guard(strategy);
                let queue = queue(&device());
                driver::fault(Scope::Encoder);
                driver::race_window_ns(50_000);
                for _ in 0..5 {
                    let encoder = compute(&command_buffer(&queue));
                    let start = Barrier::new(8);
                    std::thread::scope(|scope| {
                        for _ in 0..8 {
                            scope.spawn(|| {
                                start.wait();
                                (0..10).for_each(|_| encode(&encoder));
                            });
                        }
                    });
                    end(&encoder);
                }
                assert_eq!(driver::counts().encoders_live, 0);
                guard.uninstall();
            },
            |output| {
                assert_eq!(output.status.success(), survives, "{}", child::said(output));
            },
        );
    }
}

/// v2.3 let go of an encoder when it ended, though another thread was in a call of it.
#[test]
fn v2_3_an_encoder_lives_as_long_as_a_call_is_inside() {
    let _turn = turn();
    // Without a lock, so that the end does not wait for the call.
    let guard = waiting::install("none");
    let buffer = waiting::buffer();
    for round in 1..=20 {
        let encoder = pool(|| Unkept(unretained_compute(&buffer)));
        waiting::inside_a_call(encoder, || {
            encoder.end();
            assert_eq!(waiting::freed(), round - 1);
        });
        assert_eq!(waiting::freed(), round);
    }
    guard.uninstall();
}

/// v2.4 did not know the factories of command buffers that wrap others.
#[test]
fn v2_4_encoders_of_a_wrapping_command_buffer_are_known() {
    let _turn = turn();
    for classes in [vec!["LTMPSCommandBuffer".to_owned()], Vec::new()] {
        for strategy in ["global", "per-encoder", "session"] {
            let mut options = Options::new(strategy.parse().expect("a strategy"));
            options.classes.clone_from(&classes);
            let guard = options.install().expect("installs");
            if !classes.is_empty() {
                wrapping_is_guarded();
            }
            let before = stats();
            let queue = queue(&device());
            let buffer = wrapping_buffer(&queue);
            let encoder = pool(|| Unkept(unretained_compute(&buffer)));
            encoder.set_bytes();
            encoder.end();
            commit(&buffer);
            let after = stats();
            assert_eq!(after.encoders_made - before.encoders_made, 1, "{strategy}");
            assert_eq!(after.encoders_met, before.encoders_met, "{strategy}");
            assert_eq!(
                after.encoders_freed - before.encoders_freed,
                1,
                "{strategy}"
            );
            assert_eq!(driver::counts().encoders_live, 0, "{strategy}");
            guard.uninstall();
        }
    }
}

/// v2.5 committed while an encoder was open.
#[test]
fn v2_5_a_commit_waits_for_another_threads_encoder() {
    waits_for_the_encoder(
        "v2_5_a_commit_waits_for_another_threads_encoder",
        |buffer| {
            commit(buffer);
        },
    );
}

/// v2.7 did the same with events.
#[test]
fn v2_7_an_event_waits_for_another_threads_encoder() {
    waits_for_the_encoder(
        "v2_7_an_event_waits_for_another_threads_encoder",
        |buffer| {
            signal(buffer);
        },
    );
}

fn waits_for_the_encoder(name: &str, call: fn(&Object)) {
    for strategy in ["global", "per-encoder", "throttle:1", "session"] {
        for is_wrapped in [false, true] {
            child::run(
                name,
                &format!("{strategy} {is_wrapped}"),
                || {
                    let mut options = Options::new(strategy.parse().expect("a strategy"));
                    options.classes = vec!["LTMPSCommandBuffer".into()];
                    let guard = options.install().expect("installs");
                    wrapping_is_guarded();
                    let queue = queue(&device());
                    let buffer = if is_wrapped {
                        wrapping_buffer(&queue)
                    } else {
                        command_buffer(&queue)
                    };
                    let encoder = compute(&buffer);
                    std::thread::scope(|scope| {
                        let called = scope.spawn(|| call(&buffer));
                        while stats().encoder_waits == 0 && !called.is_finished() {
                            std::thread::yield_now();
                        }
                        set_bytes(&encoder);
                        end(&encoder);
                    });
                    assert_eq!((stats().encoder_waits, stats().time_outs), (1, 0));
                    guard.uninstall();
                },
                child::succeeds,
            );
        }
    }
}

/// v2.6 made `destroyImpl` wait for calls, inside the end of the object's memory.
#[test]
fn v2_6_letting_go_of_an_encoder_waits_for_no_call() {
    let _turn = turn();
    for strategy in ["none", "global", "per-encoder", "throttle:1", "session"] {
        let guard = waiting::install(strategy);
        let buffer = waiting::buffer();
        let before = (waiting::freed(), waiting::destroyed());
        let encoder = compute(&buffer);
        let unkept = Unkept(encoder.id());
        // Where there is a lock, the end waits for the call; letting go of it never does.
        let ends_inside = strategy == "none";
        waiting::inside_a_call(unkept, || {
            if ends_inside {
                end(&encoder);
            }
            // The program's last reference, in the middle of the other thread's call; this returns.
            drop(encoder);
            assert_eq!(
                (waiting::freed(), waiting::destroyed()),
                before,
                "{strategy}"
            );
        });
        if !ends_inside {
            unkept.end();
        }
        let now = (waiting::freed(), waiting::destroyed());
        assert_eq!(now, (before.0 + 1, before.1 + 1), "{strategy}");
        guard.uninstall();
    }
}

/// A driver whose encoders stay inside a call until they are told to go on.
mod waiting {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use locktoll_metal::{Installed, Options};
    use objc2::runtime::{AnyClass, Imp, Sel};
    use objc2::{msg_send, sel};

    use super::Unkept;
    use crate::support::empty;
    use crate::support::metal::{Id, Object};

    static IS_INSIDE: AtomicBool = AtomicBool::new(false);
    static MAY_GO: AtomicBool = AtomicBool::new(false);
    static FREED: AtomicU32 = AtomicU32::new(0);
    static DESTROYED: AtomicU32 = AtomicU32::new(0);

    unsafe extern "C-unwind" fn wait(_this: Id, _selector: Sel) {
        IS_INSIDE.store(true, Ordering::SeqCst);
        while !MAY_GO.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    unsafe extern "C-unwind" fn destroy(_this: Id, _selector: Sel) {
        DESTROYED.fetch_add(1, Ordering::SeqCst);
    }

    unsafe extern "C-unwind" fn dealloc(this: Id, selector: Sel) {
        FREED.fetch_add(1, Ordering::SeqCst);
        let above = AnyClass::get(c"NSObject")
            .and_then(|class| class.instance_method(sel!(dealloc)))
            .expect("every object has it");
        // SAFETY: the method of the class above, as `[super dealloc]` calls it.
        unsafe {
            let () = msg_send![this, destroyImpl];
            let above = core::mem::transmute::<Imp, unsafe extern "C-unwind" fn(Id, Sel)>(
                above.implementation(),
            );
            above(this, selector);
        }
    }

    pub(super) fn install(strategy: &str) -> Installed {
        static ENCODER: OnceLock<&AnyClass> = OnceLock::new();
        let encoder = ENCODER.get_or_init(|| {
            empty::class(c"WaitingEncoder", c"NSObject", |builder| {
                // SAFETY: the functions have the types of their selectors.
                unsafe {
                    type Method = unsafe extern "C-unwind" fn(Id, Sel);
                    builder.add_method(sel!(endEncoding), empty::nothing as Method);
                    builder.add_method(sel!(dispatchWaitFlush), wait as Method);
                    builder.add_method(sel!(destroyImpl), destroy as Method);
                    builder.add_method(sel!(dealloc), dealloc as Method);
                }
            })
        });
        empty::make(empty::classes().buffer, encoder);
        let installed = Options::new(strategy.parse().expect("a strategy"))
            .install_on(empty::create_device)
            .expect("installs");
        FREED.store(0, Ordering::SeqCst);
        installed
    }

    pub(super) fn buffer() -> Object {
        // SAFETY: a class.
        Object::owned(unsafe { msg_send![empty::classes().buffer, new] })
    }

    pub(super) fn freed() -> u32 {
        FREED.load(Ordering::SeqCst)
    }

    pub(super) fn destroyed() -> u32 {
        DESTROYED.load(Ordering::SeqCst)
    }

    /// Lets the waiting thread go, also where a test fails.
    struct Go;

    impl Drop for Go {
        fn drop(&mut self) {
            MAY_GO.store(true, Ordering::SeqCst);
        }
    }

    /// Runs `body` while another thread is in a call of the encoder, in the driver.
    pub(super) fn inside_a_call(encoder: Unkept, body: impl FnOnce()) {
        IS_INSIDE.store(false, Ordering::SeqCst);
        MAY_GO.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let encoder = encoder;
                // SAFETY: an encoder that the guard keeps, which is what is tested.
                let () = unsafe { msg_send![encoder.0, dispatchWaitFlush] };
            });
            while !IS_INSIDE.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let _go = Go;
            body();
        });
    }
}
