//! Every method and every kind of encoder: what a program sends is what the driver gets, and each
//! encoder is followed from its factory to the end of its memory.

mod support;

use std::collections::BTreeMap;
use std::sync::{Barrier, Mutex, MutexGuard};

use locktoll_metal::{Installed, Options, coverage, stats};
use locktoll_objc_driver as driver;
use locktoll_objc_driver::{Group, Scope};
use support::every::{ENDS, FACTORIES};
use support::invoke::Arguments;
use support::metal::{Object, command_buffer, commit, device, end, pool, queue, wrapping_buffer};

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

const STRATEGIES: [&str; 6] = [
    "off",
    "none",
    "global",
    "per-encoder",
    "throttle:2",
    "session",
];

fn guard(strategy: &str) -> Installed {
    let mut options = Options::new(strategy.parse().expect("a strategy"));
    options.classes = vec!["LTMPSCommandBuffer".into()];
    options.install().expect("installs")
}

/// A class and what is guarded of it, ends left out.
type Guarded = BTreeMap<String, Vec<String>>;

/// What is guarded once an encoder of each kind was there.
fn guarded(queue: &Object, arguments: &Arguments) -> Guarded {
    let guard = guard("global");
    for (factory, _) in FACTORIES {
        end(&make(queue, arguments, factory));
    }
    let classes = coverage();
    guard.uninstall();
    let is_call = |name: &String| !ENDS.contains(&name.as_str());
    classes
        .into_iter()
        .map(|class| {
            let calls = class.guarded.into_iter().filter(is_call).collect();
            (class.class, calls)
        })
        .collect()
}

fn make(queue: &Object, arguments: &Arguments, factory: &str) -> Object {
    pool(|| Object::retained(arguments.call(&command_buffer(queue), factory)))
}

/// A call as the driver has seen it: its selector, and a digest of its arguments.
type Seen = (String, u64);

fn seen() -> Seen {
    let (selector, digest) = driver::last_call();
    let selector = selector.expect("there was a call");
    (selector.to_string_lossy().into_owned(), digest)
}

/// What the driver sees of each method, called once; and that the guard is in its way, if it is to be.
fn program(queue: &Object, arguments: &Arguments, of: &Guarded, is_guarded: bool) -> Vec<Seen> {
    let mut all = Vec::new();
    for (factory, class) in FACTORIES {
        let made = stats().encoders_made;
        let encoder = make(queue, arguments, factory);
        all.push(seen());
        assert_eq!(
            stats().encoders_made - made,
            u64::from(is_guarded),
            "{factory}"
        );
        for selector in &of[class] {
            let calls = stats().calls;
            arguments.call(&encoder, selector);
            assert_eq!(stats().calls > calls, is_guarded, "-[{class} {selector}]");
            let seen = seen();
            assert_eq!(seen.0, *selector);
            all.push(seen);
        }
        end(&encoder);
    }
    let buffer = command_buffer(queue);
    for event in ["encodeSignalEvent:value:", "encodeWaitForEvent:value:"] {
        let events = stats().events;
        arguments.call(&buffer, event);
        assert_eq!(stats().events - events, u64::from(is_guarded), "{event}");
        all.push(seen());
    }
    all
}

#[test]
fn every_argument_of_every_method_arrives_as_it_was_sent() {
    let _turn = turn();
    let device = device();
    let queue = queue(&device);
    let arguments = Arguments::new(&device);
    let guarded = guarded(&queue, &arguments);
    for (class, methods) in [
        ("LTComputeContext", 43),
        ("LTBlitContext", 25),
        ("LTRenderContext", 12),
        ("LTResourceStateContext", 3),
        ("LTAccelerationStructureContext", 4),
    ] {
        assert_eq!(guarded[class].len(), methods, "{class}: {guarded:#?}");
    }
    let plain = pool(|| program(&queue, &arguments, &guarded, false));
    for strategy in STRATEGIES {
        let guard = guard(strategy);
        let under = pool(|| program(&queue, &arguments, &guarded, strategy != "off"));
        for (under, plain) in under.iter().zip(&plain) {
            assert_eq!(under, plain, "{strategy}");
        }
        assert_eq!(under.len(), plain.len());
        guard.uninstall();
    }
    assert_eq!(driver::counts().encoders_live, 0);
}

#[test]
fn an_encoder_of_every_factory_is_followed_to_its_end() {
    let _turn = turn();
    let device = device();
    let queue = queue(&device);
    let arguments = Arguments::new(&device);
    for strategy in &STRATEGIES[1..] {
        let guard = guard(strategy);
        for new_buffer in [command_buffer, wrapping_buffer] {
            for (factory, class) in FACTORIES {
                for how in ["endEncoding", "deferredEndEncoding"] {
                    let what = format!("{factory} and {how} under {strategy}");
                    let before = stats();
                    pool(|| {
                        let buffer = new_buffer(&queue);
                        let encoder = Object::retained(arguments.call(&buffer, factory));
                        assert_eq!(encoder.class().name().to_str(), Ok(class), "{what}");
                        arguments.call(&encoder, how);
                        drop(encoder);
                        commit(&buffer);
                    });
                    let after = stats();
                    let grown = [
                        after.encoders_made - before.encoders_made,
                        after.encoders_ended - before.encoders_ended,
                        after.encoders_freed - before.encoders_freed,
                        after.commits - before.commits,
                    ];
                    assert_eq!(grown, [1; 4], "{what}");
                    assert_eq!(after.encoders_met, before.encoders_met, "{what}");
                    assert_eq!((after.misuse, after.own_encoder_open), (0, 0), "{what}");
                }
            }
        }
        assert_eq!(driver::counts().encoders_live, 0, "{strategy}");
        guard.uninstall();
    }
}

/// Render encoders of one parallel encoder, one of each thread, all open at once.
#[test]
fn encoders_of_a_parallel_encoder_are_used_side_by_side() {
    const THREADS: usize = 4;
    const CALLS: usize = 50;
    let _turn = turn();
    let device = device();
    let queue = queue(&device);
    let arguments = Arguments::new(&device);
    // Which of them keeps apart what overlaps within a command buffer; all follow each encoder.
    for (strategy, scope) in [
        ("none", Scope::Off),
        ("per-encoder", Scope::Encoder),
        ("session", Scope::Encoder),
        ("global", Scope::Process),
        ("throttle:1", Scope::Process),
    ] {
        let guard = guard(strategy);
        driver::reset();
        let before = stats();
        pool(|| {
            let buffer = command_buffer(&queue);
            let factory = "parallelRenderCommandEncoderWithDescriptor:";
            let parallel = Object::retained(arguments.call(&buffer, factory));
            driver::fault(scope);
            driver::race_window_ns(2_000);
            let start = Barrier::new(THREADS);
            std::thread::scope(|threads| {
                for _ in 0..THREADS {
                    threads.spawn(|| {
                        pool(|| {
                            let made = arguments.call(&parallel, "renderCommandEncoder");
                            let encoder = Object::retained(made);
                            start.wait();
                            for _ in 0..CALLS {
                                arguments.call(&encoder, "setVertexTexture:atIndex:");
                            }
                            end(&encoder);
                        });
                    });
                }
            });
            driver::fault(Scope::Off);
            driver::race_window_ns(0);
            end(&parallel);
            commit(&buffer);
        });
        let (after, counts) = (stats(), driver::counts());
        let encoders = THREADS as u64 + 1;
        assert_eq!(
            counts.of(Group::Render),
            (THREADS * CALLS) as u64,
            "{strategy}"
        );
        assert_eq!(counts.of(Group::Parallel), THREADS as u64, "{strategy}");
        assert_eq!((counts.encoders_ended, counts.encoders_live), (encoders, 0));
        assert_eq!(
            after.encoders_made - before.encoders_made,
            encoders,
            "{strategy}"
        );
        assert_eq!(
            after.encoders_ended - before.encoders_ended,
            encoders,
            "{strategy}"
        );
        assert_eq!(
            after.encoders_freed - before.encoders_freed,
            encoders,
            "{strategy}"
        );
        assert_eq!((after.misuse, after.own_encoder_open), (0, 0), "{strategy}");
        // The parallel one was ended by its thread; nobody has waited for it.
        assert_eq!(after.time_outs, before.time_outs, "{strategy}");
        guard.uninstall();
    }
}
