//! Fault models, each in a child process that it may end.
//!
//! The child is this test binary with one ignored test selected and its case in the environment.
//! Two threads call without pause, so nearly every moment lies inside a call of each, and calls
//! that nothing keeps apart overlap at once.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};
use std::sync::{Arc, Barrier};
use std::thread;

use locktoll_gpu::{Device, Error, FAULT_PREFIX, Located, Protection, SoftDevice, interpose};
use locktoll_guard::{Guard, Instrument, Strategy};

use crate::Calls;

const CASE: &str = "LOCKTOLL_FAULT_CASE";

/// Calls of each thread in a child that must live.
const FEW: u32 = 100;
/// Calls of each thread in a child that must die: more than it lives to make, even where other
/// programs keep its second thread waiting for a core.
const MANY: u32 = 100_000;

/// Runs a case, `FAULT PROTECTION WHAT`, in a child whose threads make `times` calls each.
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
fn survives(case: &str) {
    let output = run(case, FEW);
    assert!(output.status.success(), "{case}: {output:?}");
    assert!(
        !String::from_utf8_lossy(&output.stderr).contains(FAULT_PREFIX),
        "{case}: {output:?}"
    );
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
    let said = line
        .strip_prefix(start.as_str())
        .unwrap_or_else(|| panic!("{case}: {line}"));
    for call in calls {
        assert!(
            said.contains(&format!("{call} by thread ")),
            "{case}: {line}"
        );
    }
    assert!(said.contains(" overlaps "), "{case}: {line}");
}

#[test]
fn calls_on_one_encoder_overlap_in_every_scope() {
    for model in ["agx:encoder", "agx:queue", "agx:process"] {
        dies(
            &format!("{model} none one-encoder"),
            "SIGABRT",
            &["set_value"],
        );
    }
}

#[test]
fn ending_an_encoder_under_a_call_is_a_segmentation_fault() {
    for model in ["agx:encoder", "agx:queue", "agx:process"] {
        dies(
            &format!("{model} none end-under-call"),
            "SIGSEGV",
            &["end_encoding", "set_value"],
        );
    }
}

#[test]
fn encoders_of_one_queue_overlap_in_the_queue_and_the_process() {
    survives("agx:encoder none one-queue");
    dies("agx:queue none one-queue", "SIGABRT", &["set_value"]);
    dies("agx:process none one-queue", "SIGABRT", &["set_value"]);
}

#[test]
fn queues_overlap_in_the_process_only() {
    survives("agx:encoder none two-queues");
    survives("agx:queue none two-queues");
    dies("agx:process none two-queues", "SIGABRT", &["set_value"]);
}

#[test]
fn factories_and_commits_are_calls_too() {
    survives("agx:encoder none factories");
    dies("agx:queue none factories", "SIGABRT", &[]);
    dies(
        "agx:encoder none commit-under-call",
        "SIGABRT",
        &["commit", "set_value"],
    );
}

#[test]
fn waiting_and_reading_are_safe_in_every_scope() {
    survives("agx:process none waits");
}

#[test]
fn a_lock_as_wide_as_the_scope_keeps_the_process_alive() {
    for (model, strategy, cases) in [
        (
            "agx:process",
            "global",
            ["one-encoder", "end-under-call", "two-queues"],
        ),
        (
            "agx:queue",
            "per-queue",
            ["one-encoder", "end-under-call", "one-queue"],
        ),
        (
            "agx:encoder",
            "per-encoder",
            ["one-encoder", "end-under-call", "commit-under-call"],
        ),
    ] {
        for case in cases {
            survives(&format!("{model} interposed:{strategy} {case}"));
        }
        survives(&format!("{model} {strategy} {}", cases[0]));
    }
}

#[test]
fn a_narrower_lock_does_not() {
    dies(
        "agx:process interposed:per-queue two-queues",
        "SIGABRT",
        &["set_value"],
    );
    dies(
        "agx:process interposed:per-encoder one-queue",
        "SIGABRT",
        &["set_value"],
    );
    dies(
        "agx:queue interposed:per-encoder one-queue",
        "SIGABRT",
        &["set_value"],
    );
    dies(
        "agx:process interposed:none one-encoder",
        "SIGABRT",
        &["set_value"],
    );
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
    let [fault, protection, what, times] = case.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{case}")
    };
    let times = times.parse().unwrap();
    let settings = "service=0,encode=200us,queues=2".parse().unwrap();
    let device = &SoftDevice::new(settings, Some(fault.parse().unwrap()));
    let protection = protection.parse::<Protection>().unwrap();
    let guard = |strategy| Arc::new(Guard::new(strategy, Instrument::Bare));
    let (by_caller, _interposition) = match protection {
        Protection::Caller(strategy) => (guard(strategy), None),
        Protection::Interposed(strategy) => (
            guard(Strategy::None),
            Some(interpose(device, guard(strategy)).unwrap()),
        ),
    };

    let queues = [0, 1].map(|lane| device.queue(lane).unwrap());
    let new_commands = |lane: usize| {
        let _section = by_caller.enter_at(queues[lane].address());
        device.new_commands(&queues[lane]).unwrap()
    };
    let commands = [
        new_commands(0),
        new_commands(usize::from(what == "two-queues")),
    ];
    let encoders = [&commands[0], &commands[1]].map(|commands| {
        let _section = by_caller.enter_at(commands.address());
        device.open(commands).unwrap()
    });
    let set = |i: usize| {
        let _section = by_caller.enter_at(encoders[i].address());
        device.value(&encoders[i], 0, 0.0)
    };
    match what {
        "one-encoder" => together(times, || set(0).unwrap(), || set(0).unwrap()),
        "one-queue" | "two-queues" => together(times, || set(0).unwrap(), || set(1).unwrap()),
        "factories" => together(times, || drop(new_commands(0)), || drop(new_commands(0))),
        // An encoder ends once, so one race is one encoder: on a busy machine the end may well be
        // over before the call begins.
        "end-under-call" => (0..times).for_each(|_| {
            let commands = new_commands(0);
            let encoder = {
                let _section = by_caller.enter_at(commands.address());
                device.open(&commands).unwrap()
            };
            together(
                1,
                || {
                    let _section = by_caller.enter_at(encoder.address());
                    let called = device.value(&encoder, 0, 0.0);
                    assert!(matches!(called, Ok(()) | Err(Error::EncoderEnded { .. })));
                },
                || {
                    let _section = by_caller.enter_at(encoder.address());
                    device.end(&encoder).unwrap();
                },
            );
        }),
        "commit-under-call" => together(
            times,
            || set(0).unwrap(),
            || {
                let _section = by_caller.enter_at(commands[0].address());
                let refused = device.submit(&commands[0]);
                assert!(matches!(refused, Err(Error::EncoderOpen { .. })));
            },
        ),
        "waits" => {
            device.end(&encoders[0]).unwrap();
            device.submit(&commands[0]).unwrap();
            let buffer = device.buffer(&[0.0]).unwrap();
            together(
                times,
                || set(1).unwrap(),
                || {
                    device.wait(&commands[0]).unwrap();
                    device.read(&buffer);
                    device.busy_ns();
                },
            );
        }
        _ => panic!("{case}"),
    }
}
