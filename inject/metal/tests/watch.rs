//! Waits for a lock that take long: warned of, counted, or the end of the process, as was asked for.
//!
//! When a wait is long is a matter of the machine, so threads contend until the guard has counted what
//! a test is about. How long waits and intervals are is tested in `watch.rs` itself, with times that are
//! set.

#![cfg(unix)]

mod support;

use std::os::unix::process::ExitStatusExt as _;
use std::process::Output;
use std::sync::Barrier;
use std::time::Duration;

use locktoll_metal::{Options, Stats, stats};
use locktoll_objc_driver as driver;
use support::child;
use support::metal::{command_buffer, compute, device, end, queue, set_bytes};

/// Shorter than a call, so that who waits for one waits for longer.
const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_hours(1);
const CALL_NS: u64 = 40_000_000;
/// Calls of a thread after which a test gives up, rather than hang.
const MOST_CALLS: u32 = 500;

/// A guard that asks for nothing.
fn options(strategy: &str) -> Options {
    let mut options = Options::new(strategy.parse().expect("a strategy"));
    options.timeout = LONG;
    options
}

/// Two threads call one encoder until the guard has seen enough.
fn contend(options: Options, is_enough: impl Fn(&Stats) -> bool + Sync) {
    let guard = options.install().expect("installs");
    let encoder = compute(&command_buffer(&queue(&device())));
    driver::race_window_ns(CALL_NS);
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..MOST_CALLS {
                    set_bytes(&encoder);
                    if is_enough(&stats()) {
                        return;
                    }
                }
                panic!("not seen: {:?}", stats());
            });
        }
    });
    driver::race_window_ns(0);
    end(&encoder);
    guard.uninstall();
}

/// How often a wait was told.
fn warnings(output: &Output) -> usize {
    let said = child::said(output);
    let told = said.lines().filter(|line| {
        line.starts_with("locktoll: thread 0x")
            && line.contains(" has been waiting for a lock for ")
            && line.ends_with(" ms")
    });
    told.count()
}

fn contentions(stats: &Stats) -> u64 {
    stats.locks.iter().map(|(_, lock)| lock.contentions).sum()
}

/// Under every strategy whose locks one encoder's threads meet at.
#[test]
fn a_slow_wait_is_told_and_the_process_goes_on() {
    for strategy in ["global", "per-encoder", "throttle:1", "session"] {
        child::run(
            "a_slow_wait_is_told_and_the_process_goes_on",
            strategy,
            || {
                let mut options = options(strategy);
                options.slow = Some(SHORT);
                options.slow_every = Duration::ZERO;
                contend(options, |stats| stats.slow_waits >= 3);
                assert_eq!((stats().time_outs, stats().refused), (0, 0));
            },
            |output| {
                child::succeeds(output);
                // Each wait at least once, and again while it lasted; the last may go untold.
                assert!(warnings(output) >= 2, "{}", child::said(output));
            },
        );
    }
}

#[test]
fn warnings_keep_their_interval_and_all_slow_waits_are_counted() {
    child::run(
        "warnings_keep_their_interval_and_all_slow_waits_are_counted",
        "interval",
        || {
            let mut options = options("global");
            options.slow = Some(SHORT);
            options.slow_every = LONG;
            contend(options, |stats| stats.slow_waits >= 3);
        },
        |output| {
            child::succeeds(output);
            assert_eq!(warnings(output), 1, "{}", child::said(output));
        },
    );
}

#[test]
fn a_wait_that_is_too_long_ends_the_process_if_that_is_asked_for() {
    for strategy in ["global", "per-encoder", "throttle:1", "session"] {
        child::run(
            "a_wait_that_is_too_long_ends_the_process_if_that_is_asked_for",
            strategy,
            || {
                let mut options = options(strategy);
                options.timeout = SHORT;
                options.abort_on_timeout = true;
                contend(options, |_| false);
            },
            |output| {
                let said = child::said(output);
                assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{said}");
                assert_eq!(warnings(output), 1, "{said}");
                assert!(
                    said.contains("the process ends, as was asked for"),
                    "{said}"
                );
            },
        );
    }
}

#[test]
fn a_wait_that_is_too_long_is_else_told_and_counted() {
    child::run(
        "a_wait_that_is_too_long_is_else_told_and_counted",
        "go on",
        || {
            let mut options = options("global");
            options.timeout = SHORT;
            // So that somebody looks.
            options.slow = Some(LONG);
            contend(options, |stats| stats.time_outs >= 2);
            assert_eq!(stats().slow_waits, 0);
        },
        |output| {
            child::succeeds(output);
            assert!(warnings(output) >= 1, "{}", child::said(output));
        },
    );
}

/// The same waits, where nothing is asked for, or nothing that they come near.
#[test]
fn waits_are_not_told_unless_that_is_asked_for() {
    for (name, slow, aborts) in [
        ("nobody watches", None, false),
        ("slow is longer", Some(LONG), false),
        ("the end is later", None, true),
    ] {
        child::run(
            "waits_are_not_told_unless_that_is_asked_for",
            name,
            || {
                let mut options = options("global");
                options.slow = slow;
                options.slow_every = Duration::ZERO;
                options.abort_on_timeout = aborts;
                contend(options, |stats| contentions(stats) >= 3);
                assert_eq!((stats().slow_waits, stats().time_outs), (0, 0));
            },
            |output| {
                child::succeeds(output);
                assert!(
                    !child::said(output).contains("waiting"),
                    "{}",
                    child::said(output)
                );
            },
        );
    }
}
