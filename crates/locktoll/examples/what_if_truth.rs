//! Ground truth of `record --what-if`: does a program run as fast as predicted once its section is really
//! cut, and is a lock that does not matter told as one?
//!
//! ```text
//! cargo run --release -p locktoll --example what_if_truth [CASE…] [--runs N] [--blocks N] [--rounds N]
//! ```
//!
//! | case | program | truth |
//! |---|---|---|
//! | long | 2 threads do nothing but hold one mutex for some 20 µs | reruns with 25, 50 and 75% of the section cut |
//! | short | the same with some 200 ns | the same |
//! | device | 4 threads take a mutex for 25 µs, then wait for a device that serves one op in 500 µs | no gain |
//!
//! A run of 200 ns sections differs from the next by some 30%, however long it is: whether its threads alternate or
//! pass each other is settled as it begins. So `short` needs many short runs: `short --blocks 100 --rounds 60`.
//!
//! The device is a line of times, as that of locktoll's soft device: an op begins when the one before it
//! has ended, and whoever asked for it sleeps until then. Reruns are without any library, in random order in
//! rounds after each experiment; those of all experiments together are the truth.
//!
//! Fails if fewer than 90% of the intervals contain the truth, if a prediction is off by more than 10% in the
//! median of the runs, or if a gain of over 1% is not excluded for the device.

use std::cell::UnsafeCell;
use std::process::{Command, ExitCode};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser as _;
use locktoll::cli::Cli;
use locktoll_report::what_if::{self, WhatIf};
use nix::libc;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;

const CUTS: [f64; 3] = [0.25, 0.5, 0.75];

struct Case {
    name: &'static str,
    /// Steps of work in a section, some 0.7 to the nanosecond.
    work: u64,
    /// Acquisitions of each of two threads.
    acquisitions: u64,
}

const CASES: [Case; 2] = [
    Case {
        name: "long",
        work: 14_000,
        acquisitions: 5_000,
    },
    Case {
        name: "short",
        work: 140,
        acquisitions: 60_000,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: u64| {
        arguments
            .iter()
            .position(|word| word == name)
            .and_then(|at| arguments.get(at + 1)?.parse().ok())
            .unwrap_or(default)
    };
    match arguments.first().map(String::as_str) {
        Some("record" | "replica") => {
            return match locktoll::run(&Cli::parse()) {
                Ok(code) => ExitCode::from(code),
                Err(error) => {
                    eprintln!("{error}");
                    ExitCode::FAILURE
                }
            };
        }
        Some("sections") => {
            sections(number("--acquisitions", 1), number("--work", 1));
            return ExitCode::SUCCESS;
        }
        Some("served") => {
            served(number("--ops", 1));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let (runs, blocks, rounds) = (
        number("--runs", 10),
        number("--blocks", 10),
        number("--rounds", 10),
    );
    let known = ["long", "short", "device"];
    let named = |name: &str| arguments.iter().any(|word| word == name);
    let wanted = |name: &str| named(name) || !known.iter().any(|name| named(name));
    let mut good = true;
    for case in CASES.iter().filter(|case| wanted(case.name)) {
        good &= measure(case, runs, blocks, rounds);
    }
    if wanted("device") {
        good &= harmless(runs, blocks);
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A mutex of the C library in the program's own data.
struct Mutex(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: it is made for several threads.
unsafe impl Sync for Mutex {}

static HOT: Mutex = Mutex(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

impl Mutex {
    #[inline]
    fn with(&self, work: impl FnOnce()) {
        // SAFETY: a static, initialised mutex that this thread does not have.
        unsafe { libc::pthread_mutex_lock(self.0.get()) };
        work();
        // SAFETY: this thread has it.
        unsafe { libc::pthread_mutex_unlock(self.0.get()) };
    }
}

/// Dependent steps.
#[inline]
fn spin(steps: u64) {
    let mut x = 1_u64;
    for _ in 0..steps {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // SAFETY: no instruction at all.
        unsafe {
            core::arch::asm!("/* {0} */", inout(reg) x, options(nomem, nostack, preserves_flags));
        }
    }
}

/// Two threads that do nothing but hold one mutex.
fn sections(acquisitions: u64, work: u64) {
    let begin = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                begin.wait();
                for _ in 0..acquisitions {
                    HOT.with(|| spin(work));
                }
            });
        }
    });
}

/// Four threads that take a mutex and then wait for a device.
fn served(ops: u64) {
    const SERVICE_NS: u64 = 500_000;
    const HOLD_STEPS: u64 = 17_500;
    let began = Instant::now();
    let now = || u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let free_at = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..ops {
                    HOT.with(|| spin(HOLD_STEPS));
                    let serve = |free: u64| Some(free.max(now()) + SERVICE_NS);
                    let order = (Ordering::AcqRel, Ordering::Acquire);
                    let begins = free_at.fetch_update(order.0, order.1, serve);
                    let ends = begins.unwrap_or(0).max(now()) + SERVICE_NS;
                    thread::sleep(Duration::from_nanos(ends.saturating_sub(now())));
                }
            });
        }
    });
}

fn what_if(blocks: u64, seed: u64, program: &[String]) -> WhatIf {
    let own = std::env::current_exe().expect("this program");
    let folder = std::env::temp_dir().join(format!(
        "locktoll-what-if-truth-{}-{seed}",
        std::process::id()
    ));
    let blocks = blocks.to_string();
    let seed = seed.to_string();
    let output = Command::new(&own)
        .args(["record", "--quiet", "--what-if", "HOT", "--blocks", &blocks])
        .args(["--seed", &seed, "--out"])
        .arg(&folder)
        .arg("--")
        .arg(&own)
        .args(program)
        .output()
        .expect("an experiment");
    let text = std::fs::read_to_string(folder.join("what-if.json"))
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    std::fs::remove_dir_all(&folder).expect("the experiment's folder");
    what_if::from_str(&text).expect("a result")
}

fn program(case: &Case, cut: f64) -> Vec<String> {
    let work = (case.work as f64 * (1.0 - cut)).round().to_string();
    let acquisitions = case.acquisitions.to_string();
    ["sections", "--acquisitions", &acquisitions, "--work", &work]
        .map(str::to_owned)
        .to_vec()
}

fn time_of(program: &[String]) -> f64 {
    let own = std::env::current_exe().expect("this program");
    let began = Instant::now();
    let status = Command::new(own).args(program).status().expect("a rerun");
    assert!(status.success(), "{status}");
    began.elapsed().as_secs_f64()
}

fn measure(case: &Case, runs: u64, blocks: u64, rounds: u64) -> bool {
    let mut random = Pcg64Mcg::seed_from_u64(1);
    // Log of how many times faster the section's cut made it, by round.
    let mut truths: [Vec<f64>; 3] = Default::default();
    let mut results = Vec::new();
    for seed in 0..runs {
        let result = what_if(blocks, seed, &program(case, 0.0));
        for _ in 0..rounds {
            let mut arms = [None, Some(0), Some(1), Some(2)];
            arms.shuffle(&mut random);
            let mut times = [0.0; 4];
            for arm in arms {
                let cut = arm.map_or(0.0, |index: usize| CUTS[index]);
                times[arm.map_or(3, |index| index)] = time_of(&program(case, cut));
            }
            for (truth, time) in truths.iter_mut().zip(times) {
                truth.push((times[3] / time).ln());
            }
        }
        let words: Vec<String> = result
            .cuts
            .iter()
            .map(|cut| match cut.expected {
                Some(found) => format!(
                    "{:.2} ({:.2} to {:.2})",
                    found.ratio, found.ci.lo, found.ci.hi
                ),
                None => format!("at most {:.2}", cut.at_most.unwrap_or(f64::INFINITY)),
            })
            .collect();
        println!(
            "{:<6} {seed:>3}  hold {:.0} ns  inside {:.2}  outside {:.2}  {}",
            case.name,
            result.lock.hold_ns,
            result.inside.slope,
            result.outside.slope,
            words.join("  ")
        );
        if let Some(replica) = &result.replica {
            let found = &replica.comparison;
            let responses: Vec<String> = found
                .responses
                .iter()
                .map(|of| format!("{:+.0}%", 100.0 * of.log.exp_m1()))
                .collect();
            println!(
                "            replica {}: level {:+.0}%, responses {}",
                if found.believed {
                    "believed"
                } else {
                    "not believed"
                },
                100.0 * found.level.log.exp_m1(),
                responses.join(" ")
            );
        }
        results.push(result);
    }
    let mut good = true;
    let (mut contained, mut intervals) = (0_u64, 0_u64);
    for (index, truth) in truths.iter().enumerate() {
        let (mean, se) = mean_and_se(truth);
        let mut errors = Vec::new();
        let (mut within, mut said) = (0_u64, 0_u64);
        for result in &results {
            let cut = &result.cuts[index];
            said += 1;
            let holds = match cut.expected {
                Some(found) => {
                    errors.push((found.ratio / mean.exp() - 1.0).abs());
                    found.ci.lo <= mean.exp() && mean.exp() <= found.ci.hi
                }
                None => cut.at_most.is_none_or(|most| most >= mean.exp()),
            };
            within += u64::from(holds);
        }
        errors.sort_by(f64::total_cmp);
        let median = errors.get(errors.len() / 2).copied().unwrap_or(f64::NAN);
        let worst = errors.last().copied().unwrap_or(f64::NAN);
        println!(
            "{}, cut {:.0}%: true {:.3} (±{:.1}% at 95%); {within} of {said} contain it; predicted by {}, off by \
             {:.1}% in the median, {:.1}% at worst",
            case.name,
            CUTS[index] * 100.0,
            mean.exp(),
            196.0 * se,
            errors.len(),
            median * 100.0,
            worst * 100.0
        );
        contained += within;
        intervals += said;
        good &= median <= 0.1;
    }
    println!(
        "{}: {contained} of {intervals} intervals contain the truth",
        case.name
    );
    good && contained * 10 >= intervals * 9
}

fn mean_and_se(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / (n - 1.0);
    (mean, (variance / n).sqrt())
}

fn harmless(runs: u64, blocks: u64) -> bool {
    let program = ["served", "--ops", "100"].map(str::to_owned);
    let mut excluded = 0;
    for seed in 0..runs {
        let result = what_if(blocks, seed, &program);
        let most = result.cuts.last().and_then(|cut| cut.at_most);
        println!(
            "device {seed:>3}  hold {:.0} ns, {:.1}% of the time  inside {:.3}  at most {:.4}",
            result.lock.hold_ns,
            100.0 * result.held_ns / result.watched_ns,
            result.inside.slope,
            most.unwrap_or(f64::INFINITY)
        );
        excluded += u64::from(most.is_some_and(|most| most <= 1.01));
    }
    println!("device: {excluded} of {runs} exclude a gain of over 1%");
    excluded == runs
}
