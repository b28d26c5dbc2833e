//! Which strategy survives which race, on the stand-in driver: each run is a process of its own, in
//! which 8 threads do 50 ops each.
//!
//! Under the scope `encoder` all threads call the encoder of each op at once; under the others each
//! thread has encoders of its own. A run that lives must also have had the effect of every call, and
//! leave no encoder behind. Exits with 1 if a bar is missed.
//!
//! `cargo run --release -p locktoll-metal --example safety [-- --runs N]`

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::process::{Command, ExitCode, Stdio};
use std::sync::Barrier;

use locktoll_metal::{install, stats};
use locktoll_objc_driver as driver;
use locktoll_objc_driver::{Group, Scope};

#[path = "../tests/support/metal.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod metal;

use metal::{Object, command_buffer, commit, compute, device, encode, end, pool, queue};

const THREADS: usize = 8;
const OPS: usize = 50;
/// The calls of `encode`.
const CALLS: usize = 3;
/// Set in child processes.
const CHILD: &str = "LOCKTOLL_SAFETY_CHILD";

/// A scope, a strategy or nothing, and how many of 105 runs may and must crash at least.
type Arm = (&'static str, Option<&'static str>, Expected);

#[derive(Clone, Copy)]
enum Expected {
    Never,
    /// In so many of 105 runs at least.
    Often(usize),
}

const ARMS: [Arm; 12] = [
    ("encoder", None, Expected::Often(50)),
    ("encoder", Some("off"), Expected::Often(50)),
    ("encoder", Some("global"), Expected::Never),
    ("encoder", Some("per-encoder"), Expected::Never),
    ("encoder", Some("session"), Expected::Never),
    ("context", None, Expected::Often(50)),
    ("context", Some("global"), Expected::Never),
    ("context", Some("per-encoder"), Expected::Often(50)),
    ("process", None, Expected::Often(50)),
    ("process", Some("global"), Expected::Never),
    ("process", Some("throttle:1"), Expected::Never),
    ("process", Some("per-encoder"), Expected::Often(50)),
];

fn main() -> ExitCode {
    if let Ok(arm) = std::env::var(CHILD) {
        let (scope, strategy) = arm.split_once(' ').expect("a scope and a strategy");
        child(scope, strategy);
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = std::env::args().collect();
    let runs: usize = arguments
        .iter()
        .position(|argument| argument == "--runs")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(105);
    println!("{THREADS} threads, {OPS} ops each; crashed runs of {runs}");
    let mut missed = false;
    for (scope, strategy, expected) in ARMS {
        let crashed = (0..runs).filter(|_| !survives(scope, strategy)).count();
        let holds = match expected {
            Expected::Never => crashed == 0,
            Expected::Often(least) => crashed * 105 >= least * runs,
        };
        missed |= !holds;
        let name = strategy.unwrap_or("not installed");
        let verdict = if holds { "" } else { "  MISSED" };
        println!("{scope:10} {name:14} {crashed:4}{verdict}");
    }
    ExitCode::from(u8::from(missed))
}

fn survives(scope: &str, strategy: Option<&str>) -> bool {
    let status = Command::new(std::env::current_exe().expect("this program"))
        .env(CHILD, format!("{scope} {}", strategy.unwrap_or("")))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.expect("a child process").success()
}

fn child(scope: &str, strategy: &str) {
    let guard = (!strategy.is_empty())
        .then(|| install(strategy.parse().expect("a strategy")).expect("installs"));
    let queue = queue(&device());
    driver::fault(match scope {
        "encoder" => Scope::Encoder,
        "context" => Scope::Context,
        _ => Scope::Process,
    });
    driver::race_window_ns(2_000);
    driver::reset();
    let calls = if scope == "encoder" {
        together(&queue);
        THREADS * THREADS * OPS * CALLS
    } else {
        apart(&queue);
        THREADS * OPS * CALLS
    };
    let counts = driver::counts();
    assert_eq!(
        counts.of(Group::Compute),
        calls as u64,
        "a call had no effect"
    );
    assert_eq!(counts.of(Group::Commit), (THREADS * OPS) as u64);
    assert_eq!(counts.encoders_live, 0, "an encoder is left");
    assert_eq!(stats().refused, 0);
    drop(guard);
}

/// Every thread calls the encoder of each op; they take turns at making and committing it.
fn together(queue: &Object) {
    let meeting = Barrier::new(THREADS);
    let current = std::sync::RwLock::new(None::<(Object, Object)>);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (meeting, current) = (&meeting, &current);
            scope.spawn(move || {
                for op in 0..THREADS * OPS {
                    let is_mine = op % THREADS == thread;
                    if is_mine {
                        let buffer = command_buffer(queue);
                        let encoder = compute(&buffer);
                        *current.write().expect("no panic") = Some((buffer, encoder));
                    }
                    meeting.wait();
                    if let Some((_, encoder)) = &*current.read().expect("no panic") {
                        encode(encoder);
                    }
                    meeting.wait();
                    if is_mine
                        && let Some((buffer, encoder)) = current.write().expect("no panic").take()
                    {
                        end(&encoder);
                        drop(encoder);
                        commit(&buffer);
                    }
                    meeting.wait();
                }
            });
        }
    });
}

/// Every thread has command buffers and encoders of its own, from one queue.
fn apart(queue: &Object) {
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for _ in 0..OPS {
                    pool(|| {
                        let buffer = command_buffer(queue);
                        let encoder = compute(&buffer);
                        encode(&encoder);
                        end(&encoder);
                        drop(encoder);
                        commit(&buffer);
                    });
                }
            });
        }
    });
}
