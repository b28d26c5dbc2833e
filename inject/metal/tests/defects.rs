//! The eleven defects of the known implementation, one test each: none of them is in this one.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard};
use std::time::Duration;

use locktoll_metal::{Installed, OnMisuse, Options, Stats, coverage, install, stats};
use locktoll_objc_driver as driver;
use locktoll_objc_driver::{Group, Scope};
use objc2::runtime::{AnyClass, AnyObject, Sel};
use objc2::{msg_send, sel};
use support::child;
use support::empty;
use support::metal::{
    Object, blit, command_buffer, commit, compute, device, dispatch, encode, end, pool, queue,
    set_bytes, signal,
};

/// The guard is the process's, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    let turn = TURN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    driver::fault(Scope::Off);
    driver::race_window_ns(0);
    driver::reset();
    turn
}

fn guard(strategy: &str) -> Installed {
    install(strategy.parse().expect("a strategy")).expect("installs")
}

/// What was counted by the guard meanwhile.
fn meanwhile(body: impl FnOnce()) -> Stats {
    let before = stats();
    body();
    let mut after = stats();
    after.calls -= before.calls;
    after.encoders_made -= before.encoders_made;
    after.encoders_met -= before.encoders_met;
    after.encoders_ended -= before.encoders_ended;
    after.encoders_freed -= before.encoders_freed;
    after.misuse -= before.misuse;
    after.refused -= before.refused;
    after.encoder_waits -= before.encoder_waits;
    after.time_outs -= before.time_outs;
    after
}

/// Defect 1: the state of an encoder was made by whoever came first, twice if two came at once; then
/// they held different locks.
#[test]
fn defect_1_an_encoder_that_many_threads_meet_at_once_has_one_lock() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 40;
    child::run(
        "defect_1_an_encoder_that_many_threads_meet_at_once_has_one_lock",
        "meet",
        || {
            let queue = queue(&device());
            let encoders: Vec<Object> = (0..ROUNDS)
                .map(|_| compute(&command_buffer(&queue)))
                .collect();
            // Only now, so that no factory makes them known.
            let guard = guard("per-encoder");
            driver::fault(Scope::Encoder);
            driver::race_window_ns(30_000);
            let counted = meanwhile(|| {
                for encoder in &encoders {
                    let start = Barrier::new(THREADS);
                    std::thread::scope(|scope| {
                        for _ in 0..THREADS {
                            scope.spawn(|| {
                                start.wait();
                                set_bytes(encoder);
                            });
                        }
                    });
                    end(encoder);
                }
            });
            assert_eq!(counted.encoders_met, ROUNDS as u64);
            drop(encoders);
            assert_eq!(driver::counts().encoders_live, 0);
            guard.uninstall();
        },
        child::succeeds,
    );
}

/// Methods of the driver that encode nothing.
const HARMLESS: [&str; 7] = [
    "GPUEndTime",
    "GPUStartTime",
    "commandQueue",
    "device",
    "initWithCommandBuffer:",
    "initWithQueue:",
    "waitUntilCompleted",
];

/// Defect 2: the per-encoder variant had four selectors, so that no contention was possible by its
/// making.
#[test]
fn defect_2_every_listed_method_that_the_driver_has_is_guarded_and_contention_is_seen() {
    let _turn = turn();
    let guard = guard("per-encoder");
    let queue = queue(&device());
    let buffer = command_buffer(&queue);
    for make in [
        sel!(renderCommandEncoderWithDescriptor:),
        sel!(parallelRenderCommandEncoderWithDescriptor:),
    ] {
        pool(|| {
            let nothing: *mut AnyObject = core::ptr::null_mut();
            // SAFETY: a factory that takes an object or null; its encoder is ended.
            unsafe {
                let encoder: *mut AnyObject =
                    objc2::runtime::MessageReceiver::send_message(&*buffer.id(), make, (nothing,));
                let () = msg_send![encoder, endEncoding];
            }
        });
    }
    let coverage = coverage();
    for name in [
        "LTCommandBuffer",
        "LTComputeContext",
        "LTBlitContext",
        "LTRenderContext",
        "LTParallelRenderContext",
        "LTResourceStateContext",
        "LTAccelerationStructureContext",
    ] {
        let class = coverage.iter().find(|class| class.class == name);
        let class = class.unwrap_or_else(|| panic!("{name} is not guarded"));
        assert!(class.refused.is_empty(), "{class:#?}");
        let unlisted = class.unlisted.iter().map(String::as_str);
        let unlisted: Vec<_> = unlisted.filter(|name| !HARMLESS.contains(name)).collect();
        assert!(unlisted.is_empty(), "{name}: {unlisted:?}");
        assert!(class.guarded.len() >= 5, "{class:#?}");
    }
    drop(buffer);

    let encoder = compute(&command_buffer(&queue));
    driver::race_window_ns(100_000);
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..100 {
                    dispatch(&encoder);
                }
            });
        }
    });
    driver::race_window_ns(0);
    end(&encoder);
    let contentions: u64 = stats().locks.iter().map(|(_, lock)| lock.contentions).sum();
    assert!(contentions > 0);
    drop(encoder);
    guard.uninstall();
}

/// Defect 3: originals were found by selector alone, so a blit encoder's fence called compute's.
#[test]
fn defect_3_a_selector_of_several_classes_calls_each_ones_own_method() {
    let _turn = turn();
    let guard = guard("global");
    let queue = queue(&device());
    // Compute first, so that its original would be the one that is found.
    for group in [Group::Compute, Group::Blit] {
        let buffer = command_buffer(&queue);
        let encoder = if group == Group::Blit {
            blit(&buffer)
        } else {
            compute(&buffer)
        };
        driver::reset();
        let nothing: *mut AnyObject = core::ptr::null_mut();
        let this = encoder.id();
        // SAFETY: both have these methods, which take an object or null.
        unsafe {
            let () = msg_send![this, updateFence: nothing];
            let () = msg_send![this, waitForFence: nothing];
            let () = msg_send![
                this,
                sampleCountersInBuffer: nothing,
                atSampleIndex: 0_usize,
                withBarrier: objc2::runtime::Bool::YES
            ];
        }
        let counts = driver::counts();
        for other in [Group::Compute, Group::Blit] {
            let expected = if other == group { 3 } else { 0 };
            assert_eq!(counts.of(other), expected, "{other:?} by {group:?}");
        }
        end(&encoder);
    }
    guard.uninstall();
    // A class and the one above it, whose methods it calls.
    let program = || {
        let queue = support::metal::queue(&device());
        // SAFETY: the driver's switch for encoders of a subclass.
        let () = unsafe { msg_send![queue.id(), setDebugEncoders: objc2::runtime::Bool::YES] };
        driver::reset();
        let encoder = compute(&command_buffer(&queue));
        encode(&encoder);
        end(&encoder);
        drop(encoder);
        (driver::counts().calls, driver::counts().nested)
    };
    let plain = program();
    for strategy in ["off", "global", "per-encoder"] {
        let guard = self::guard(strategy);
        assert_eq!(program(), plain, "{strategy}");
        guard.uninstall();
    }
}

/// Defect 4: a field of compute encoders was read in every object.
#[test]
fn defect_4_nothing_is_read_in_an_encoder() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);

    unsafe extern "C-unwind" fn count(_this: *mut AnyObject, _selector: Sel) {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }

    let _turn = turn();
    // Wherever a field is read, it is null.
    let encoder = empty::class(c"BlankEncoder", c"NSObject", |builder| {
        builder.add_ivar::<[u64; 512]>(c"blank");
        // SAFETY: the functions have the types of their selectors.
        unsafe {
            builder.add_method(
                sel!(endEncoding),
                empty::nothing as unsafe extern "C-unwind" fn(_, _),
            );
            builder.add_method(
                sel!(dispatchWaitFlush),
                count as unsafe extern "C-unwind" fn(_, _),
            );
        }
    });
    empty::make(empty::classes().buffer, encoder);
    let guard = Options::new("per-encoder".parse().expect("a strategy"))
        .install_on(empty::create_device)
        .expect("installs");
    let counted = meanwhile(|| {
        // SAFETY: a class, and the methods that were given to it.
        let buffer = Object::owned(unsafe { msg_send![empty::classes().buffer, new] });
        let encoder = compute(&buffer);
        for _ in 0..100 {
            // SAFETY: as above.
            let () = unsafe { msg_send![encoder.id(), dispatchWaitFlush] };
        }
        end(&encoder);
    });
    assert_eq!(CALLS.load(Ordering::Relaxed), 100);
    assert_eq!((counted.calls, counted.refused), (100, 0));
    guard.uninstall();
}

/// Defect 5: calls on encoders that had ended were left out without a word.
#[test]
fn defect_5_no_call_is_dropped_unseen() {
    for (on_misuse, reaches_driver) in [
        (OnMisuse::Refuse, false),
        (OnMisuse::Warn, true),
        (OnMisuse::Pass, true),
        (OnMisuse::Abort, false),
    ] {
        child::run(
            "defect_5_no_call_is_dropped_unseen",
            &format!("{on_misuse:?}"),
            || {
                let mut options = Options::new("global".parse().expect("a strategy"));
                options.on_misuse = on_misuse;
                let guard = options.install().expect("installs");
                let encoder = compute(&command_buffer(&queue(&device())));
                driver::reset();
                encode(&encoder);
                end(&encoder);
                set_bytes(&encoder);
                // Only the first comes as far as this.
                let effects = driver::counts().of(Group::Compute);
                let counted = stats();
                assert_eq!((effects, counted.misuse, counted.refused), (3, 1, 1));
                drop(encoder);
                assert_eq!(driver::counts().encoders_live, 0);
                guard.uninstall();
            },
            |output| {
                let said = child::said(output);
                let told = "setBytes:length:atIndex: was called on an encoder that has ended";
                assert_eq!(said.contains(told), on_misuse != OnMisuse::Pass, "{said}");
                assert_eq!(
                    output.status.success(),
                    on_misuse == OnMisuse::Refuse,
                    "{said}"
                );
                assert_eq!(
                    said.contains("already ended encoding"),
                    reaches_driver,
                    "{said}"
                );
            },
        );
    }
}

/// Defect 6: factories and `destroyImpl` were called outside of the lock.
#[test]
fn defect_6_factories_commits_and_ends_of_memory_are_under_the_lock() {
    const THREADS: usize = 4;
    const OPS: usize = 100;
    child::run(
        "defect_6_factories_commits_and_ends_of_memory_are_under_the_lock",
        "all",
        || {
            let guard = guard("global");
            let queue = queue(&device());
            driver::fault(Scope::Process);
            driver::race_window_ns(30_000);
            driver::reset();
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        for _ in 0..OPS {
                            let buffer = command_buffer(&queue);
                            let encoder = compute(&buffer);
                            end(&encoder);
                            signal(&buffer);
                            commit(&buffer);
                        }
                    });
                }
            });
            let counts = driver::counts();
            let ops = (THREADS * OPS) as u64;
            for group in [
                Group::Factory,
                Group::End,
                Group::Destroy,
                Group::Commit,
                Group::Event,
                Group::Queue,
            ] {
                assert_eq!(counts.of(group), ops, "{group:?}");
            }
            assert_eq!(counts.encoders_live, 0);
            guard.uninstall();
        },
        child::succeeds,
    );
}

/// Defect 7: an event waited for the calling thread's own encoder, for ever; and the lock was free
/// again before the event was encoded.
#[test]
fn defect_7_an_event_waits_for_others_and_never_for_its_own_encoder() {
    let name = "defect_7_an_event_waits_for_others_and_never_for_its_own_encoder";
    // The driver says what it thinks of it; a guard that waited would say so, after the time-out.
    for strategy in ["none", "global", "per-encoder", "throttle:1", "session"] {
        child::run(
            name,
            &format!("own, {strategy}"),
            || {
                let mut options = Options::new(strategy.parse().expect("a strategy"));
                options.timeout = Duration::from_secs(10);
                let _guard = options.install().expect("installs");
                let buffer = command_buffer(&queue(&device()));
                let _encoder = compute(&buffer);
                signal(&buffer);
            },
            |output| {
                let said = child::said(output);
                for part in [
                    "encodeSignalEvent:value: with uncommitted encoder",
                    "encoder of the same thread open",
                ] {
                    assert!(said.contains(part), "{strategy}: {said}");
                }
                assert!(!said.contains("without waiting longer"), "{said}");
            },
        );
    }

    child::run(
        name,
        "others",
        || {
            let guard = guard("session");
            let buffer = command_buffer(&queue(&device()));
            driver::fault(Scope::Encoder);
            driver::race_window_ns(20_000);
            std::thread::scope(|scope| {
                let maker = scope.spawn(|| {
                    for _ in 0..300 {
                        let encoder = compute(&buffer);
                        set_bytes(&encoder);
                        end(&encoder);
                    }
                });
                while !maker.is_finished() {
                    signal(&buffer);
                }
            });
            assert_eq!(stats().time_outs, 0);
            guard.uninstall();
        },
        child::succeeds,
    );
}

/// Defect 8: a commit ended encoders by force; then the program ended them again, or never.
#[test]
fn defect_8_a_commit_ends_no_encoder() {
    child::run(
        "defect_8_a_commit_ends_no_encoder",
        "commit",
        || {
            let guard = guard("per-encoder");
            let buffer = command_buffer(&queue(&device()));
            driver::reset();
            let counted = meanwhile(|| {
                let encoder = compute(&buffer);
                std::thread::scope(|scope| {
                    let committed = scope.spawn(|| commit(&buffer));
                    while stats().encoder_waits == 0 && !committed.is_finished() {
                        std::thread::yield_now();
                    }
                    // The commit waits, and has not ended it.
                    assert_eq!(driver::counts().encoders_ended, 0);
                    set_bytes(&encoder);
                    end(&encoder);
                    committed.join().expect("no panic");
                });
            });
            let counts = driver::counts();
            assert_eq!((counts.encoders_ended, counts.of(Group::Commit)), (1, 1));
            assert_eq!(counts.of(Group::Compute), 1);
            assert_eq!((counted.encoders_ended, counted.misuse), (1, 0));
            assert_eq!(counts.encoders_live, 0);
            guard.uninstall();
        },
        child::succeeds,
    );
}

/// Defect 9: command buffers were known by an address that another one can get.
#[test]
fn defect_9_a_command_buffer_does_not_inherit_the_encoders_of_another() {
    let _turn = turn();
    let classes = empty::classes();
    // Its encoders do not keep their command buffer, so that can go while they are open.
    empty::make(classes.buffer, classes.encoder);
    let mut options = Options::new("session".parse().expect("a strategy"));
    options.timeout = Duration::from_millis(100);
    let guard = options.install_on(empty::create_device).expect("installs");
    // SAFETY: a class.
    let new_buffer = || Object::owned(unsafe { msg_send![classes.buffer, new] });
    let mut returned = 0;
    let counted = meanwhile(|| {
        for _ in 0..100 {
            let buffer = new_buffer();
            let address = buffer.id();
            let encoder = std::thread::scope(|scope| {
                let made = scope.spawn(|| compute(&buffer));
                made.join().expect("no panic")
            });
            drop(buffer);
            let next = new_buffer();
            returned += u32::from(next.id() == address);
            // Another thread's encoder was open at this address.
            commit(&next);
            end(&encoder);
        }
    });
    assert!(returned > 0, "no address came back, so nothing was tested");
    assert_eq!((counted.encoder_waits, counted.time_outs), (0, 0));
    guard.uninstall();
}

/// Defect 10: counters of the whole process were changed at each call. Each thread has its own, on cache
/// lines of its own (`locktoll-inject` tests that of its tallies, `locktoll-guard` of its locks' counts),
/// and none is lost.
#[test]
fn defect_10_each_thread_counts_for_itself_and_nothing_is_lost() {
    const THREADS: usize = 8;
    const CALLS: usize = 5_000;
    let _turn = turn();
    // No lock, which would put the threads one after another.
    let guard = guard("none");
    let queue = queue(&device());
    let counted = meanwhile(|| {
        let start = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let encoder = compute(&command_buffer(&queue));
                    start.wait();
                    for _ in 0..CALLS {
                        // SAFETY: a compute encoder.
                        let () = unsafe { msg_send![encoder.id(), dispatchWaitFlush] };
                    }
                    end(&encoder);
                });
            }
        });
    });
    assert_eq!(counted.calls, (THREADS * CALLS) as u64);
    assert_eq!(counted.encoders_ended, THREADS as u64);
    guard.uninstall();
}

/// Defect 11: where a class inherits a method, that of the class above was replaced, for all.
#[test]
fn defect_11_an_inherited_method_stays_its_owners() {
    let _turn = turn();
    let class = |name| AnyClass::get(name).expect("the driver has it");
    let of = |name, selector: Sel| {
        let method = class(name).instance_method(selector).expect("has it");
        method.implementation() as usize
    };
    let all = || {
        let mut found = Vec::new();
        for selector in [sel!(dealloc), sel!(deferredEndEncoding), sel!(destroyImpl)] {
            found.push(of(c"LTContext", selector));
        }
        found.push(of(c"NSObject", sel!(dealloc)));
        found
    };
    let (above, below) = (all(), of(c"LTBlitContext", sel!(dealloc)));
    assert_eq!(below, above[0], "it is inherited, or nothing is tested");
    let guard = guard("global");
    assert_eq!(all(), above);
    assert_ne!(of(c"LTBlitContext", sel!(dealloc)), below);
    let counted = meanwhile(|| {
        let encoder = blit(&command_buffer(&queue(&device())));
        end(&encoder);
    });
    assert_eq!(counted.encoders_freed, 1);
    guard.uninstall();
    assert_eq!(all(), above);
    assert_eq!(of(c"LTBlitContext", sel!(dealloc)), below);
}
