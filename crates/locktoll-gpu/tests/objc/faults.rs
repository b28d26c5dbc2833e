//! Fault models, each in a child process that it may end; see the soft device's for the way.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};
use std::sync::Barrier;
use std::thread;

use locktoll_gpu::{Device, Error, FAULT_PREFIX, Located, ObjcDevice};
use locktoll_guard::{Guard, Instrument, Strategy};

use crate::{Calls, misuse, timing};

const CASE: &str = "LOCKTOLL_FAULT_CASE";

/// Calls of each thread in a child that must live.
const FEW: u32 = 100;
/// Calls of each thread in a child that must die: more than it lives to make.
const MANY: u32 = 100_000;

const SET_VALUE: &str = "setBytes:length:atIndex:";

/// Runs a case, `FAULT STRATEGY WHAT`, in a child whose threads make `times` calls each.
fn run(case: &str, times: u32) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "faults::child",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CASE, format!("{case} {times}"))
        .output()
        .unwrap()
}

#[track_caller]
pub(crate) fn survives(case: &str) {
    let output = run(case, FEW);
    assert!(output.status.success(), "{case}: {output:?}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "{case}: {output:?}"
    );
}

/// The child must die of `signal`, with one line that names the model and each of `calls`.
#[track_caller]
fn dies(case: &str, signal: &str, calls: &[&str]) {
    let output = run(case, MANY);
    let expected = if signal == "SIGSEGV" { 11 } else { 6 };
    assert_eq!(output.status.signal(), Some(expected), "{case}: {output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = stderr
        .lines()
        .filter(|line| line.contains(FAULT_PREFIX))
        .collect();
    let [line] = lines[..] else {
        panic!("{case}: {stderr}")
    };
    let model = case.split(' ').next().unwrap();
    let start = format!("locktoll fault model {model}: {signal}: ");
    assert!(line.starts_with(&start), "{case}: {line}");
    for call in calls {
        assert!(
            line.contains(&format!("{call} by thread ")),
            "{case}: {line}"
        );
    }
    assert!(line.contains(" overlaps "), "{case}: {line}");
}

#[test]
fn calls_overlap_within_their_scope_only() {
    for (case, scopes) in [
        ("one-encoder", &["encoder", "queue", "process"][..]),
        ("one-queue", &["queue", "process"]),
        ("two-queues", &["process"]),
    ] {
        for scope in ["encoder", "queue", "process"] {
            let run = format!("agx:{scope} none {case}");
            if scopes.contains(&scope) {
                dies(&run, "SIGABRT", &[SET_VALUE]);
            } else {
                survives(&run);
            }
        }
    }
}

#[test]
fn ending_an_encoder_under_a_call_is_a_segmentation_fault() {
    dies(
        "agx:encoder none end-under-call",
        "SIGSEGV",
        &["endEncoding", SET_VALUE],
    );
}

#[test]
fn factories_are_calls_too_and_releases_are_none() {
    survives("agx:encoder none factories");
    dies(
        "agx:queue none factories",
        "SIGABRT",
        &["computeCommandEncoder"],
    );
    // As Metal's documents say.
    survives("agx:process none queues");
    survives("agx:process none releases");
}

#[test]
fn a_lock_as_wide_as_the_scope_keeps_the_process_alive() {
    for (case, what) in [
        ("agx:process global", "two-queues"),
        ("agx:queue per-queue", "one-queue"),
        ("agx:encoder per-encoder", "one-encoder"),
    ] {
        survives(&format!("{case} {what}"));
    }
    dies("agx:queue per-encoder one-queue", "SIGABRT", &[SET_VALUE]);
}

/// Two threads that start together and call `times` times each.
fn together(times: u32, first: impl Fn() + Sync + Send, second: impl Fn() + Sync + Send) {
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            barrier.wait();
            (0..times).for_each(|_| first());
        });
        scope.spawn(|| {
            barrier.wait();
            (0..times).for_each(|_| second());
        });
    });
}

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child() {
    let case = std::env::var(CASE).expect("the parent sets the case");
    let [fault, strategy, what, times] = case.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{case}")
    };
    if what == "added" {
        return timing::added();
    }
    let times = times.parse().unwrap();
    let settings = "service=0,encode=200us,queues=2".parse().unwrap();
    let device = &ObjcDevice::new(settings, Some(fault.parse().unwrap())).unwrap();
    let guard = Guard::new(strategy.parse::<Strategy>().unwrap(), Instrument::Bare);

    let queues = [0, 1].map(|lane| device.queue(lane).unwrap());
    let new_commands = |lane: usize| {
        let _section = guard.enter_at(queues[lane].address());
        device.new_commands(&queues[lane]).unwrap()
    };
    let other = usize::from(what == "two-queues");
    let commands = [0, other].map(new_commands);
    let encoders = [&commands[0], &commands[1]].map(|commands| {
        let _section = guard.enter_at(commands.address());
        device.open(commands).unwrap()
    });
    let set = |i: usize| {
        let _section = guard.enter_at(encoders[i].address());
        device.value(&encoders[i], 0, 0.0)
    };
    match what {
        "says" => misuse::says(device),
        "one-encoder" => together(times, || set(0).unwrap(), || set(0).unwrap()),
        "one-queue" | "two-queues" => together(times, || set(0).unwrap(), || set(1).unwrap()),
        "factories" => {
            // Never ended, so never to be dropped.
            let make = || std::mem::forget(device.open(&new_commands(0)).unwrap());
            together(times, make, make);
        }
        "queues" => together(times, || drop(new_commands(0)), || drop(new_commands(0))),
        "releases" => {
            let ended: Vec<_> = (0..times)
                .map(|_| {
                    let encoder = device.open(&new_commands(0)).unwrap();
                    device.end(&encoder).unwrap();
                    std::sync::Mutex::new(Some(encoder))
                })
                .collect();
            let next = std::sync::atomic::AtomicUsize::new(0);
            together(
                times,
                || set(0).unwrap(),
                || {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    drop(ended[at].lock().unwrap().take());
                },
            );
        }
        // An encoder ends once, so one race is one encoder: on a busy machine the end may well be
        // over before the call begins.
        "end-under-call" => (0..times).for_each(|_| {
            let encoder = device.open(&new_commands(0)).unwrap();
            together(
                1,
                || {
                    let called = device.value(&encoder, 0, 0.0);
                    assert!(matches!(called, Ok(()) | Err(Error::EncoderEnded { .. })));
                },
                || device.end(&encoder).unwrap(),
            );
        }),
        _ => panic!("{case}"),
    }
}
