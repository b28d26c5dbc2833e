//! One lock for each command buffer from factory to end, and its hazards: none may hang.

mod support;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard};
use std::time::Duration;

use locktoll_metal::{Installed, Options, install, stats};
use locktoll_objc_driver as driver;
use locktoll_objc_driver::{Group, Scope};
use objc2::msg_send;
use support::child;
use support::metal::{
    Object, command_buffer, commit, compute, device, encode, end, pool, queue, queue_of_two,
    signal, wrapping_buffer_of,
};

/// The guard is the process's, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    let turn = TURN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    driver::reset();
    turn
}

fn session(timeout: Duration) -> Installed {
    let mut options = Options::new("session".parse().expect("a strategy"));
    options.timeout = timeout;
    options.install().expect("installs")
}

const LONG: Duration = Duration::from_mins(1);

fn waits_since(before: u64) {
    while stats().encoder_waits == before {
        std::thread::yield_now();
    }
}

/// Threads that use one command buffer, each from factory to end.
#[test]
fn threads_that_share_a_command_buffer_take_turns() {
    child::run(
        "threads_that_share_a_command_buffer_take_turns",
        "turns",
        || {
            let guard = session(LONG);
            let buffer = command_buffer(&queue(&device()));
            driver::fault(Scope::Encoder);
            driver::race_window_ns(5_000);
            driver::reset();
            let start = Barrier::new(8);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        start.wait();
                        for _ in 0..25 {
                            let encoder = compute(&buffer);
                            encode(&encoder);
                            end(&encoder);
                        }
                    });
                }
            });
            commit(&buffer);
            let counts = driver::counts();
            assert_eq!(counts.of(Group::Compute), 8 * 25 * 3);
            assert_eq!((counts.encoders_ended, counts.encoders_live), (200, 0));
            assert_eq!(stats().time_outs, 0);
            guard.uninstall();
        },
        child::succeeds,
    );
}

/// What only a session can put right: a lock for each call lets two encoders into one command buffer.
#[test]
fn without_a_session_a_second_encoder_is_made_too_early() {
    for (strategy, survives) in [("global", false), ("per-encoder", false), ("session", true)] {
        child::run(
            "without_a_session_a_second_encoder_is_made_too_early",
            strategy,
            || {
                let _guard = install(strategy.parse().expect("a strategy")).expect("installs");
                let buffer = command_buffer(&queue(&device()));
                let first = compute(&buffer);
                std::thread::scope(|scope| {
                    scope.spawn(|| end(&compute(&buffer)));
                    waits_since(0);
                    end(&first);
                });
            },
            |output| {
                let said = child::said(output);
                assert_eq!(output.status.success(), survives, "{said}");
                assert_eq!(!said.contains("already encoding"), survives, "{said}");
            },
        );
    }
}

/// Two threads with an encoder each that want the other's command buffer: for an encoder in a session, to
/// commit it under any strategy.
#[test]
fn a_circle_of_waits_is_told_and_does_not_hang() {
    /// A strategy, what each wants with the other's command buffer, and what the driver says then.
    type Case = (&'static str, fn(&Object), &'static str);

    let make = |buffer: &Object| end(&compute(buffer));
    let cases: [Case; 6] = [
        ("session", make, "already encoding"),
        ("session", commit, "with uncommitted encoder"),
        ("per-encoder", commit, "with uncommitted encoder"),
        ("global", commit, "with uncommitted encoder"),
        ("throttle:1", commit, "with uncommitted encoder"),
        ("none", commit, "with uncommitted encoder"),
    ];
    for (index, (strategy, want, says)) in cases.into_iter().enumerate() {
        child::run(
            "a_circle_of_waits_is_told_and_does_not_hang",
            &format!("{strategy} {index}"),
            || {
                let mut options = Options::new(strategy.parse().expect("a strategy"));
                options.timeout = Duration::from_secs(20);
                let _guard = options.install().expect("installs");
                let queue = queue(&device());
                let buffers = [command_buffer(&queue), command_buffer(&queue)];
                let both_have = Barrier::new(2);
                std::thread::scope(|scope| {
                    for (own, others) in [(0, 1), (1, 0)] {
                        let (buffers, both_have) = (&buffers, &both_have);
                        scope.spawn(move || {
                            let first = compute(&buffers[own]);
                            both_have.wait();
                            // One waits, and the other one would close the circle. It gets what it
                            // would get without a guard.
                            want(&buffers[others]);
                            end(&first);
                        });
                    }
                });
            },
            |output| {
                let said = child::said(output);
                assert!(said.contains("wait for each other's encoders"), "{said}");
                assert!(said.contains(says), "{strategy}: {said}");
            },
        );
    }
}

/// A thread that waits for one that will never end its encoder.
#[test]
fn a_wait_that_takes_too_long_is_told_and_given_up() {
    for aborts in [false, true] {
        child::run(
            "a_wait_that_takes_too_long_is_told_and_given_up",
            if aborts { "abort" } else { "go on" },
            || {
                let mut options = Options::new("session".parse().expect("a strategy"));
                options.timeout = Duration::from_millis(50);
                options.abort_on_timeout = aborts;
                let _guard = options.install().expect("installs");
                let buffer = command_buffer(&queue(&device()));
                let _encoder = compute(&buffer);
                std::thread::scope(|scope| {
                    scope.spawn(|| signal(&buffer));
                });
            },
            |output| {
                let said = child::said(output);
                assert!(
                    said.contains("was open in a command buffer for 50 ms"),
                    "{said}"
                );
                // What the driver says then; or it is not called.
                assert_eq!(!said.contains("with uncommitted encoder"), aborts, "{said}");
            },
        );
    }
}

/// An encoder that is made by one thread, and used and ended by another.
#[test]
fn an_encoder_may_be_handed_to_another_thread() {
    let _turn = turn();
    let guard = session(LONG);
    let buffer = command_buffer(&queue(&device()));
    let before = stats();
    for _ in 0..20 {
        let encoder = compute(&buffer);
        std::thread::scope(|scope| {
            let buffer = &buffer;
            scope.spawn(move || {
                encode(&encoder);
                end(&encoder);
                // Its own now, since nothing is open.
                let next = compute(buffer);
                end(&next);
            });
        });
    }
    commit(&buffer);
    let after = stats();
    assert_eq!(after.encoders_ended - before.encoders_ended, 40);
    assert_eq!(after.time_outs, before.time_outs);
    assert_eq!(driver::counts().encoders_live, 0);
    guard.uninstall();
}

/// A thread with an encoder in one command buffer that makes one in another.
#[test]
fn one_thread_may_have_several_command_buffers_open() {
    let _turn = turn();
    let guard = session(LONG);
    let queue = queue(&device());
    let (first, second) = (command_buffer(&queue), command_buffer(&queue));
    let before = stats();
    let outer = compute(&first);
    let inner = compute(&second);
    encode(&inner);
    encode(&outer);
    std::thread::scope(|scope| {
        let others: Vec<_> = [&first, &second]
            .map(|buffer: &Object| scope.spawn(move || end(&compute(buffer))))
            .into();
        waits_since(before.encoder_waits);
        end(&outer);
        end(&inner);
        for other in others {
            other.join().expect("no panic");
        }
    });
    let after = stats();
    assert_eq!(after.encoders_ended - before.encoders_ended, 4);
    assert_eq!(
        (after.time_outs, after.wait_circles),
        (before.time_outs, before.wait_circles)
    );
    guard.uninstall();
}

/// A thread that makes one encoder after another in a command buffer that another thread waits for.
#[test]
fn a_thread_that_comes_again_and_again_lets_others_have_their_turn() {
    const ROUNDS: u32 = 20;
    let _turn = turn();
    let guard = session(LONG);
    let buffer = command_buffer(&queue(&device()));
    let before = stats();
    let others = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for round in 0..ROUNDS {
            let waits = stats().encoder_waits;
            let first = compute(&buffer);
            let other = scope.spawn(|| {
                let encoder = compute(&buffer);
                others.fetch_add(1, Ordering::SeqCst);
                end(&encoder);
            });
            waits_since(waits);
            end(&first);
            // The other one came first.
            let second = compute(&buffer);
            assert_eq!(others.load(Ordering::SeqCst), round + 1);
            end(&second);
            other.join().expect("no panic");
        }
    });
    let after = stats();
    assert_eq!(
        (after.time_outs, after.wait_circles),
        (before.time_outs, before.wait_circles)
    );
    commit(&buffer);
    guard.uninstall();
}

/// `-[MPSCommandBuffer commitAndContinue]` gives it another command buffer of the driver's, whose class
/// tells which, or does not.
#[test]
fn a_wrapping_command_buffer_that_goes_on_leaves_the_one_before() {
    let _turn = turn();
    for class in [c"LTMPSCommandBuffer", c"LTWrappingCommandBuffer"] {
        let mut options = Options::new("session".parse().expect("a strategy"));
        options.timeout = Duration::from_millis(100);
        options.classes = vec![class.to_str().expect("ASCII").to_owned()];
        let guard = options.install().expect("installs");
        let queue = queue(&device());
        let wrapping = wrapping_buffer_of(class, &queue);
        end(&compute(&wrapping));
        pool(|| {
            // SAFETY: a method of the class.
            let () = unsafe { msg_send![wrapping.id(), commitAndContinue] };
        });
        let before = stats();
        // It gets what was kept for the one that was committed, and has gone.
        let other = command_buffer(&queue);
        let open = std::thread::scope(|scope| {
            let made = scope.spawn(|| compute(&other));
            made.join().expect("no panic")
        });
        // Nothing is open in this one.
        end(&compute(&wrapping));
        commit(&wrapping);
        let after = stats();
        assert_eq!(
            (after.encoder_waits, after.time_outs),
            (before.encoder_waits, before.time_outs),
            "{class:?}"
        );
        end(&open);
        guard.uninstall();
    }
}

/// A queue that makes no command buffer until one is committed, as Metal's do from the 64th on.
#[test]
fn a_thread_that_waits_for_a_queue_keeps_no_other_from_encoding() {
    let name = "a_thread_that_waits_for_a_queue_keeps_no_other_from_encoding";
    for strategy in ["global", "throttle:1", "per-encoder", "session"] {
        child::run(
            name,
            strategy,
            || {
                let guard = install(strategy.parse().expect("a strategy")).expect("installs");
                let queue = queue_of_two(&device());
                let buffers = [command_buffer(&queue), command_buffer(&queue)];
                std::thread::scope(|scope| {
                    let third = scope.spawn(|| commit(&command_buffer(&queue)));
                    while driver::waiting_for_room() == 0 {
                        std::thread::yield_now();
                    }
                    for buffer in &buffers {
                        let encoder = compute(buffer);
                        encode(&encoder);
                        end(&encoder);
                        commit(buffer);
                    }
                    third.join().expect("no panic");
                });
                assert_eq!(driver::counts().of(Group::Commit), 3);
                guard.uninstall();
            },
            child::succeeds,
        );
    }
}
