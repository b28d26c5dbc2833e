//! Crossovers that `locktoll map` finds on the soft device against their truth, computed from the
//! settings.
//!
//! ```text
//! cargo run --release -p locktoll --example map_truth -- [--maps 10]
//! ```
//!
//! N threads, hold H, no encoding time, work S per op, M ops an iteration. Under the global lock one
//! op follows the other, so an iteration with S below H lasts M·(H + h) + S, where h is what handing
//! the lock over costs. Without a lock the holds run side by side and the device is the limit as
//! long as N·S is above H + S: the iteration lasts c + H + M·S, where c is what starting the threads and
//! waking the last one costs. The overhead 1 − (c + H + M·S) ∕ (M·(H + h) + S) falls to the margin m at
//!
//! ```text
//! S* = ((1 − m)·M·(H + h) − H − c) ∕ (M − 1 + m)
//! ```
//!
//! just below H + h. Above that the lock is never waited for while the device has nothing to do, and the
//! overhead is nothing.
//!
//! h and c are not settings. They are measured before and after each map by trials of their own, h
//! under the global lock with the least work and c without a lock with the most; the median of each
//! counts.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Parser;
use locktoll::cli::{Cli, Command};
use locktoll::map;
use locktoll_bench::launch::{ChildProcess, Launch as _};
use locktoll_bench::plan::{Arm, Cell, Config};
use locktoll_bench::samples::Outcome;

const THREADS: f64 = 8.0;
const OPS_PER_THREAD: f64 = 4.0;
const MARGIN: f64 = 0.01;
/// Trials before and after each map that measure the hand-over, and as many that measure the start.
const CALIBRATIONS: usize = 6;
/// Work per op, from the least to the most, and levels between.
const WORK_US: (u64, u64, u64) = (250, 4_000, 17);

#[derive(Parser)]
struct Arguments {
    /// Maps to measure
    #[arg(long, default_value_t = 10)]
    maps: u64,
    /// Seed of the first; the others follow it
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    // The trials of these maps are this program, started as `locktoll trial` would be.
    if std::env::args().nth(1).as_deref() == Some("trial") {
        return match locktoll::run(&Cli::parse()) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let arguments = Arguments::parse();
    let (mut contained, mut shares) = (0, Vec::new());
    println!(
        "map  hold_us handover_us start_us  truth_us  crossovers, us            trials   share"
    );
    for number in 0..arguments.maps {
        let one = measure(arguments.seed + number, number, arguments.maps);
        println!(
            "{number:>3}  {:>7} {:>11.1} {:>8.1} {:>9.1}  {:<24} {:>7} {:>6.1}%{}",
            one.hold_us,
            one.handover_ns / 1e3,
            one.start_ns / 1e3,
            one.truth_ns / 1e3,
            one.intervals,
            one.trials,
            one.share * 100.0,
            match (one.contained, one.intervals.is_empty()) {
                (true, _) => "",
                // As on a machine that is too busy for any verdict.
                (false, true) => "  none found",
                (false, false) => "  MISSED",
            }
        );
        contained += u64::from(one.contained);
        shares.push(one.share);
    }
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    let most = shares.iter().copied().fold(0.0, f64::max);
    let needed = (arguments.maps * 9).div_ceil(10);
    println!(
        "{contained} of {} maps have one crossover whose interval contains the truth (needed: \
         {needed}); trials {:.1}% of the full grid's on average (allowed: 40%), {:.1}% at most",
        arguments.maps,
        mean * 100.0,
        most * 100.0
    );
    if contained >= needed && mean <= 0.4 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct One {
    hold_us: u64,
    handover_ns: f64,
    start_ns: f64,
    truth_ns: f64,
    intervals: String,
    contained: bool,
    trials: u64,
    share: f64,
}

fn measure(seed: u64, number: u64, maps: u64) -> One {
    // From 0.6 to 1.7 ms, so that the crossover lies at another place between other levels.
    let hold_us = 600 + 1_100 * number / maps.max(2);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (least, most, levels) = WORK_US;
    let line = format!(
        "locktoll map --quiet --device soft --soft encode=0,hold={hold_us}us --threads {THREADS} \
         --work {least}us..{most}us --levels {levels} --ops {OPS_PER_THREAD} --iterations 3 \
         --seed {seed} --margin {} --out",
        MARGIN * 100.0
    );
    let out = folder.path().join("map").display().to_string();
    let words = line.split_whitespace().map(str::to_owned).chain([out]);
    let Command::Map(arguments) = Cli::parse_from(words).command else {
        panic!("the command is map");
    };
    let (hold_ns, ops) = (hold_us as f64 * 1e3, THREADS * OPS_PER_THREAD);
    let (mut handovers_ns, mut starts_ns) = (Vec::new(), Vec::new());
    let mut calibrate = || {
        for _ in 0..CALIBRATIONS {
            let locked = mean_iteration_ns("global", hold_us, least);
            handovers_ns.push((locked - least as f64 * 1e3) / ops - hold_ns);
            let unlocked = mean_iteration_ns("none", hold_us, most);
            starts_ns.push(unlocked - hold_ns - ops * most as f64 * 1e3);
        }
    };
    calibrate();
    let measured = map::measure(&arguments).expect("a map");
    calibrate();
    assert!(Path::new(&measured.directory).join("result.json").exists());
    let (handover_ns, start_ns) = (median(handovers_ns), median(starts_ns));
    let truth_ns = ((1.0 - MARGIN) * ops * (hold_ns + handover_ns) - hold_ns - start_ns)
        / (ops - 1.0 + MARGIN);
    let map = measured.result.map.expect("a map");
    let intervals: Vec<[u64; 2]> = map.crossovers.iter().map(|one| one.between_ns).collect();
    let contained = match intervals.as_slice() {
        [[from, to]] => *from as f64 <= truth_ns && truth_ns <= *to as f64,
        _ => false,
    };
    let intervals: Vec<String> = intervals
        .iter()
        .map(|[from, to]| format!("{} to {}", from / 1_000, to / 1_000))
        .collect();
    One {
        hold_us,
        handover_ns,
        start_ns,
        truth_ns,
        intervals: intervals.join("; "),
        contained,
        trials: map.trials,
        share: map.trials as f64 / map.full_grid_trials as f64,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

/// Mean duration of the iterations of one further trial.
fn mean_iteration_ns(lock: &str, hold_us: u64, work_us: u64) -> f64 {
    let program = std::env::current_exe().expect("this program");
    let line = format!(
        "trial --device soft --soft service=0,encode=0,hold={hold_us}us --workload timed \
         --work {work_us}us --strategy {lock} --threads {THREADS} --ops {OPS_PER_THREAD} \
         --iterations 3"
    );
    let command: Vec<String> = std::iter::once(program.display().to_string())
        .chain(line.split_whitespace().map(str::to_owned))
        .collect();
    let cell = Cell {
        arm: Arm::Bare,
        config: Config::Lock(lock.parse().expect("a lock")),
        threads: None,
        point: None,
    };
    let timeout = Duration::from_mins(1);
    match ChildProcess.launch(&command, &cell, timeout, &AtomicBool::new(false)) {
        Ok(Some(Outcome::Completed(measured))) => {
            measured.elapsed_ns() as f64 / measured.iterations.len() as f64
        }
        other => panic!("the calibrating trial failed: {other:?}"),
    }
}
