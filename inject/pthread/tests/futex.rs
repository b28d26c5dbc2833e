//! Locks of Rust's standard library and of `parking_lot`, which glibc never sees: their waits are.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use locktoll_trace::Kind;
use support::Stage;

const ROUNDS: u32 = 20;
const HOLD: Duration = Duration::from_millis(5);

/// Runs a test of this file as a program of its own.
fn recorded(program: &str) -> (u64, u64) {
    let stage = Stage::new();
    let exe = std::env::current_exe().expect("this test");
    let arguments = [
        "--exact",
        program,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ];
    let mut command: Command = stage.command(&exe, &arguments);
    let output = command.output().expect("a process");
    assert!(output.status.success(), "{output:?}");
    let [trace] = &stage.traces()[..] else {
        panic!("one trace");
    };
    let recording = trace.recording.as_ref().expect("a recording");
    let waits = recording
        .points
        .iter()
        .filter(|point| point.kind == Kind::FUTEX);
    // The test's own threads wait for each other once, or longer, but not as often.
    let most = waits
        .max_by_key(|point| point.acquisitions)
        .expect("a wait");
    assert_eq!(most.hold.count, 0);
    // The program's own place is on the stack.
    let place = recording.points.iter().position(|point| point == most);
    assert!(
        recording
            .stacks
            .iter()
            .any(|stack| Some(stack.point) == place)
    );
    (most.acquisitions, most.wait.total_ns)
}

/// One thread holds a lock, and tells; the other then waits for it, in each of some rounds.
fn contend(lock: impl Fn(&dyn Fn()) + Sync) {
    let holds = AtomicBool::new(false);
    let rounds = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                lock(&|| {
                    holds.store(true, Ordering::SeqCst);
                    thread::sleep(HOLD);
                });
                while holds.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            }
        });
        for _ in 0..ROUNDS {
            while !holds.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            lock(&|| ());
            rounds.fetch_add(1, Ordering::SeqCst);
            holds.store(false, Ordering::SeqCst);
        }
    });
    assert_eq!(rounds.into_inner(), ROUNDS);
}

#[test]
#[ignore = "a program that a test runs"]
fn std_program() {
    let lock = Mutex::new(());
    contend(|inside| {
        let _guard = lock.lock().unwrap();
        inside();
    });
}

#[test]
#[ignore = "a program that a test runs"]
fn parking_lot_program() {
    let lock = parking_lot::Mutex::new(());
    contend(|inside| {
        let _guard = lock.lock();
        inside();
    });
}

#[test]
fn waits_of_the_standard_library_are_seen() {
    let (waits, ns) = recorded("std_program");
    // A thread may be late once, and spurious wake-ups are waits of their own.
    assert!(waits >= u64::from(ROUNDS) / 2, "{waits}");
    assert!(ns > 20_000_000, "{ns}");
}

#[test]
fn waits_of_parking_lot_are_seen() {
    let (waits, ns) = recorded("parking_lot_program");
    assert!(waits >= u64::from(ROUNDS) / 2, "{waits}");
    assert!(ns > 20_000_000, "{ns}");
}
