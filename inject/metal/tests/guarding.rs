//! Installing, taking away, and what a guarded call is.

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use locktoll_metal::{Error, Options, Strategy, coverage, install, stats};
use locktoll_objc_driver as driver;
use support::metal::{
    command_buffer, commit, compute, device, encode, end, pool, queue, wrapping_buffer,
    wrapping_is_guarded,
};

/// The guard is the process's, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn strategy(text: &str) -> Strategy {
    text.parse().expect("a strategy")
}

#[test]
fn every_strategy_passes_calls_on_and_leaves_nothing_behind() {
    let _turn = turn();
    for text in [
        "off",
        "none",
        "global",
        "per-encoder",
        "throttle:2",
        "session",
    ] {
        let guard = install(strategy(text)).expect(text);
        let device = device();
        let queue = queue(&device);
        driver::reset();
        let before = stats();
        for _ in 0..10 {
            let buffer = command_buffer(&queue);
            let encoder = compute(&buffer);
            encode(&encoder);
            end(&encoder);
            commit(&buffer);
        }
        let after = stats();
        let counts = driver::counts();
        assert_eq!(counts.of(driver::Group::Compute), 30, "{text}");
        assert_eq!(
            (counts.encoders_ended, counts.encoders_live),
            (10, 0),
            "{text}"
        );
        assert_eq!(counts.of(driver::Group::Commit), 10);
        if text != "off" {
            assert_eq!(after.encoders_made - before.encoders_made, 10, "{text}");
            assert_eq!(after.encoders_freed - before.encoders_freed, 10, "{text}");
            assert_eq!(after.commits - before.commits, 10, "{text}");
            assert!(after.calls - before.calls >= 30, "{text}");
        }
        assert_eq!(after.misuse, before.misuse, "{text}");
        guard.uninstall();
    }
}

#[test]
fn a_second_installation_is_the_first() {
    let _turn = turn();
    let first = install(strategy("global")).expect("installs");
    let methods = stats().guarded_methods;
    assert!(methods > 100, "{methods}");
    let second = install(strategy("global")).expect("installs again");
    assert_eq!(stats().guarded_methods, methods);
    assert!(matches!(
        install(strategy("session")),
        Err(Error::Installed(_))
    ));
    first.uninstall();
    assert_eq!(stats().guarded_methods, methods);
    second.uninstall();
    assert_eq!(stats().guarded_methods, 0);
}

#[test]
fn coverage_names_what_is_guarded_and_what_is_not() {
    let _turn = turn();
    let guard = install(strategy("global")).expect("installs");
    let coverage = coverage();
    let compute = coverage
        .iter()
        .find(|class| class.class == "LTComputeContext")
        .expect("probed");
    assert!(
        compute
            .guarded
            .contains(&"setBuffer:offset:atIndex:".into())
    );
    assert!(compute.unlisted.contains(&"device".into()), "{compute:#?}");
    println!("{}", locktoll_metal::coverage_text());
    guard.uninstall();
}

#[test]
fn a_wrapping_command_buffer_is_guarded() {
    let _turn = turn();
    let mut options = Options::new(strategy("per-encoder"));
    options.classes = vec!["LTMPSCommandBuffer".into()];
    let guard = options.install().expect("installs");
    wrapping_is_guarded();
    let device = device();
    let queue = queue(&device);
    driver::reset();
    let before = stats();
    pool(|| {
        let buffer = wrapping_buffer(&queue);
        let encoder = compute(&buffer);
        encode(&encoder);
        end(&encoder);
        commit(&buffer);
    });
    let after = stats();
    assert_eq!(after.encoders_made - before.encoders_made, 1);
    assert_eq!(after.commits - before.commits, 1);
    assert_eq!(driver::counts().encoders_live, 0);
    guard.uninstall();
}

/// Threads that encode meanwhile: whether a call is guarded or not, the driver gets it.
#[test]
fn installing_and_taking_away_beside_threads_drops_no_call() {
    const THREADS: usize = 3;
    let _turn = turn();
    for text in ["none", "global", "per-encoder", "session"] {
        let (device, before) = (device(), stats());
        driver::reset();
        let (is_over, ops) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let queue = queue(&device);
                    while !is_over.load(Ordering::Relaxed) {
                        pool(|| {
                            let buffer = command_buffer(&queue);
                            let encoder = compute(&buffer);
                            (0..20).for_each(|_| encode(&encoder));
                            end(&encoder);
                            commit(&buffer);
                        });
                        ops.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            for _ in 0..25 {
                let guard = install(strategy(text)).expect("installs");
                let seen = ops.load(Ordering::Relaxed);
                while ops.load(Ordering::Relaxed) < seen + 2 {
                    std::thread::yield_now();
                }
                guard.uninstall();
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let (after, counts, ops) = (stats(), driver::counts(), ops.into_inner());
        assert_eq!(counts.of(driver::Group::Compute), 60 * ops, "{text}");
        assert_eq!(counts.of(driver::Group::Commit), ops, "{text}");
        assert_eq!(counts.encoders_live, 0, "{text}");
        assert_eq!(
            (after.misuse, after.refused),
            (before.misuse, before.refused),
            "{text}"
        );
    }
}
