//! Ground truth of root causes: does `bench --why` name the cause that the soft device was set to
//! have, and do its pass-throughs contain the true ones?
//!
//! ```text
//! cargo run --release -p locktoll --example why_truth [REGIME…] [--runs N] [--first SEED]
//! ```
//!
//! | regime | setting | true pass-through |
//! |---|---|---|
//! | lock | 2 threads hold one lock for 6 ms; the device takes 1.5 ms | lock and submission (which is inside the lock) 1, all else 0 |
//! | device | 4 threads without a lock; the device takes 4 ms | device 1, all else 0 |
//! | cpu | 1 thread encodes for 6 ms and then waits for 0.6 ms of device time | all 1 |
//! | mixed | 1 thread encodes for 2 ms and then waits for 2 ms of device time | all 1 |
//! | contended | 8 threads crowd at one lock that is held for 0.8 ms; the device takes 2 ms | device 1, all else 0 where it is known |
//! | rare | 2 threads take a lock for each of 70 calls, one of which holds it for 6 ms; the device takes 1.5 ms | lock and submission 1, all else 0 |
//!
//! The last two are traps: in the first the lock is mostly found taken and costs nothing, in the second hardly
//! ever and is the bottleneck.
//!
//! These are the truths of an op whose parts are the times set. What waking a thread costs is not among
//! them, so the times are long against it; and a thread that has just released the lock must not be back
//! before the next one has woken, or it takes the lock again without a hand-over: hence the device's 1.5 ms.
//! In the crowd it does just that, so that one thread does many ops in a row and then waits for all of them:
//! how long waits that are added then last together depends on how many, and no truth is known. Time added
//! to encoding is spun: it is only the thread's own where every thread has a core, so that for the crowd's
//! encoding no truth is known on fewer.
//!
//! What is 0 while an iteration runs is not quite 0 over all of it: time that is added to the first op's
//! encoding or to the last one's wait is added once to each iteration, so that its true pass-through
//! is 1 over the iteration's ops.
//!
//! A regime is named right if the root is the one set; `mixed` may also be `not identified`, but no
//! single cause. Prints a line for each run, and fails below the bars.

use std::process::{Command, ExitCode};

use clap::Parser as _;
use locktoll::cli::Cli;
use locktoll_report::json;
use locktoll_report::model::{Cause, Resource, Root};

struct Regime {
    name: &'static str,
    strategy: &'static str,
    workload: &'static str,
    flags: &'static str,
    root: Root,
    /// Ops of an iteration, all threads together.
    ops: f64,
    threads: usize,
    /// Threads take the lock again before others have woken.
    is_crowd: bool,
    passes_all: fn(Resource) -> bool,
}

impl Regime {
    /// The true pass-through, where it can be worked out on this machine.
    fn truth(&self, of: Resource) -> Option<f64> {
        if (self.passes_all)(of) {
            return Some(1.0);
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let unknown = match of {
            Resource::Wait => true,
            Resource::Encode => cores < self.threads,
            _ => false,
        };
        if self.is_crowd && unknown {
            return None;
        }
        Some(1.0 / self.ops)
    }
}

/// A workload of many calls for one kernel.
const MANY_CALLS: &str = "name = \"many-calls\"\nkernel = \"timed\"\ncalls = 64\n";

const REGIMES: [Regime; 6] = [
    Regime {
        name: "lock",
        strategy: "global",
        workload: "timed",
        flags: "--threads 2 --ops 5 --soft service=1500us,encode=2us,hold=6ms",
        root: Root::LockBound,
        ops: 10.0,
        threads: 2,
        is_crowd: false,
        passes_all: |resource| matches!(resource, Resource::Lock | Resource::Submit),
    },
    Regime {
        name: "device",
        strategy: "none",
        workload: "timed",
        flags: "--threads 4 --ops 4 --soft service=4ms,encode=2us,hold=0",
        root: Root::DeviceBound,
        ops: 16.0,
        threads: 4,
        is_crowd: false,
        passes_all: |resource| resource == Resource::Device,
    },
    Regime {
        name: "cpu",
        strategy: "per-encoder",
        workload: "timed",
        flags: "--threads 1 --ops 8 --soft service=600us,encode=750us,hold=0",
        root: Root::EncodeBound,
        ops: 8.0,
        threads: 1,
        is_crowd: false,
        passes_all: |_| true,
    },
    Regime {
        name: "mixed",
        strategy: "per-encoder",
        workload: "timed",
        flags: "--threads 1 --ops 14 --soft service=2ms,encode=250us,hold=0",
        root: Root::Mixed,
        ops: 14.0,
        threads: 1,
        is_crowd: false,
        passes_all: |_| true,
    },
    Regime {
        name: "contended",
        strategy: "global",
        workload: "timed",
        flags: "--threads 8 --ops 4 --sync end --soft service=2ms,encode=80us,hold=800us",
        root: Root::DeviceBound,
        ops: 32.0,
        threads: 8,
        is_crowd: true,
        passes_all: |resource| resource == Resource::Device,
    },
    Regime {
        name: "rare",
        strategy: "interposed:global",
        workload: MANY_CALLS,
        flags: "--threads 2 --ops 5 --soft service=1500us,encode=0,hold=6ms",
        root: Root::LockBound,
        ops: 10.0,
        threads: 2,
        is_crowd: false,
        passes_all: |resource| matches!(resource, Resource::Lock | Resource::Submit),
    },
];

/// What one regime's runs showed.
#[derive(Default)]
struct Tally {
    right: u64,
    wrong_single: u64,
    runs: u64,
    covered: u64,
    intervals: u64,
    sums_to_one: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if matches!(
        arguments.first().map(String::as_str),
        Some("trial" | "bench")
    ) {
        return match locktoll::run(&Cli::parse()) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let number = |flag: &str| {
        let at = arguments.iter().position(|word| word == flag)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let first = number("--first").unwrap_or(0);
    let seeds = first..first + number("--runs").unwrap_or(30);
    let wanted = |regime: &&Regime| {
        let names = || REGIMES.iter().map(|regime| regime.name);
        let named = |word: &&String| names().any(|name| name == word.as_str());
        !arguments.iter().any(|word| named(&word))
            || arguments.iter().any(|word| word == regime.name)
    };
    let mut all = Tally::default();
    let mut good = true;
    for regime in REGIMES.iter().filter(wanted) {
        let tally = measure(regime, seeds.clone());
        let single = tally.wrong_single;
        println!(
            "{}: named right {} of {}, wrongly named {single}; {} of {} pass-throughs contain the \
             truth; shares sum to 1 in {} of {}",
            regime.name,
            tally.right,
            tally.runs,
            tally.covered,
            tally.intervals,
            tally.sums_to_one,
            tally.runs
        );
        good &= single == 0;
        good &= regime.root == Root::Mixed || tally.right * 100 >= tally.runs * 95;
        all.covered += tally.covered;
        all.intervals += tally.intervals;
        all.sums_to_one += tally.sums_to_one;
        all.runs += tally.runs;
    }
    let coverage = all.covered as f64 / all.intervals.max(1) as f64;
    println!(
        "all: {:.1}% of {} intervals contain the truth",
        coverage * 100.0,
        all.intervals
    );
    if good && coverage >= 0.93 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn measure(regime: &Regime, seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let cause = run(regime, seed);
        let mut missed = Vec::new();
        for row in &cause.pass_throughs {
            let Some([lo, hi]) = row.estimate.and_then(|found| found.ci) else {
                continue;
            };
            let Some(truth) = regime.truth(row.resource) else {
                continue;
            };
            tally.intervals += 1;
            if lo <= truth && truth <= hi {
                tally.covered += 1;
            } else {
                missed.push(format!("{:?} {lo:.3} to {hi:.3}", row.resource));
            }
        }
        let sum = cause
            .shares_sum
            .and_then(|sum| sum.ci)
            .unwrap_or([f64::NAN; 2]);
        let is_one = sum[0] <= 1.0 && 1.0 <= sum[1];
        tally.sums_to_one += u64::from(is_one);
        tally.runs += 1;
        tally.right += u64::from(cause.root == regime.root);
        tally.wrong_single +=
            u64::from(![regime.root, Root::Mixed, Root::NotIdentified].contains(&cause.root));
        println!(
            "{:<7} {seed:>3}  {:<15} shares sum to {:.3} to {:.3}{}{}",
            regime.name,
            format!("{:?}", cause.root),
            sum[0],
            sum[1],
            if missed.is_empty() { "" } else { "  missed: " },
            missed.join(", ")
        );
        if cause.root != regime.root {
            println!("             {}", cause.reason);
        }
    }
    tally
}

fn run(regime: &Regime, seed: u64) -> Cause {
    let folder = std::env::temp_dir().join(format!(
        "locktoll-why-truth-{}-{}-{seed}",
        std::process::id(),
        regime.name
    ));
    let program = std::env::current_exe().expect("this program");
    let text = folder.with_extension("toml");
    let workload = if regime.workload.contains('=') {
        std::fs::write(&text, regime.workload).expect("a workload");
        text.display().to_string()
    } else {
        regime.workload.to_owned()
    };
    let line = format!(
        "bench --quiet --device soft --workload {workload} --strategies {0} --why={0} --no-counting \
         --iterations 1 --blocks 12 --seed {seed} {1} --out",
        regime.strategy, regime.flags
    );
    let output = Command::new(program)
        .args(line.split_whitespace())
        .arg(&folder)
        .output()
        .expect("a run");
    let result = std::fs::read_to_string(folder.join("result.json"))
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    std::fs::remove_dir_all(&folder).expect("the run's folder");
    let _ = std::fs::remove_file(&text);
    let result = json::from_str(&result).expect("a result");
    result.causes.into_iter().next().expect("a cause")
}
