//! Which lock survives which fault model, and for how many ops.
//!
//! ```text
//! cargo run --release -p locktoll --example safety -- [--trials 105]
//! ```
//!
//! Each trial is a process of 8 threads × 50 ops. For the scope `encoder` the threads share
//! encoders, since calls on encoders of their own cannot overlap. A crash rate has a
//! Clopper–Pearson interval.

use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Parser;
use locktoll::cli::Cli;
use locktoll_bench::launch::{ChildProcess, Launch as _};
use locktoll_bench::plan::{Arm, Cell, Config};
use locktoll_bench::samples::Outcome;
use locktoll_stats::proportion::Proportion;

/// Threads share encoders; `timed` has no arguments that they could mix up.
const SHARED: &str =
    "name = \"shared\"\nkernel = \"timed\"\ndispatches = 4\nthreads-per-encoder = 8\n";

#[derive(Parser)]
struct Arguments {
    /// Trials of each lock under each scope
    #[arg(long, default_value_t = 105)]
    trials: u64,
}

/// What must be seen.
#[derive(Clone, Copy)]
enum Expected {
    /// Crashes in most trials.
    Mostly,
    /// Crashes at least once.
    Some,
    /// Never crashes.
    Never,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("trial") {
        return match locktoll::run(&Cli::parse()) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let trials = Arguments::parse().trials;
    let shared = std::env::temp_dir().join(format!("locktoll-shared-{}.toml", std::process::id()));
    std::fs::write(&shared, SHARED).expect("a temporary file");
    let shared = shared.display().to_string();
    let cases = [
        ("process", "stress", "none", Expected::Mostly),
        ("queue", "stress", "none", Expected::Mostly),
        ("encoder", &shared, "none", Expected::Mostly),
        ("process", "stress", "per-encoder", Expected::Some),
        ("encoder", &shared, "per-encoder", Expected::Never),
        (
            "encoder",
            &shared,
            "interposed:per-encoder",
            Expected::Never,
        ),
        ("queue", "stress", "per-queue", Expected::Never),
        ("process", "stress", "global", Expected::Never),
        ("queue", "stress", "global", Expected::Never),
        ("encoder", &shared, "global", Expected::Never),
        ("process", "stress", "interposed:global", Expected::Never),
        ("queue", "stress", "interposed:global", Expected::Never),
        ("encoder", &shared, "interposed:global", Expected::Never),
    ];
    let mut held = true;
    println!(
        "fault model   lock                     crashed      rate   95% interval      as expected"
    );
    for (scope, workload, lock, expected) in cases {
        let crashed = (0..trials)
            .filter(|_| crashes(scope, workload, lock))
            .count() as u64;
        let proportion = Proportion::new(crashed, trials).expect("at least one trial");
        let interval = proportion
            .clopper_pearson(0.95)
            .expect("a confidence of 95%");
        let good = match expected {
            Expected::Mostly => 2 * crashed > trials,
            Expected::Some => crashed > 0,
            Expected::Never => crashed == 0,
        };
        held &= good;
        println!(
            "agx:{scope:<9} {lock:<24} {crashed:>3} of {trials:<3}  {:>5.1}%  {:>5.1}% to {:>5.1}%   {}",
            proportion.estimate() * 100.0,
            interval.lo * 100.0,
            interval.hi * 100.0,
            if good { "yes" } else { "NO" }
        );
    }
    std::fs::remove_file(&shared).expect("the temporary file");
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn crashes(scope: &str, workload: &str, lock: &str) -> bool {
    let program = std::env::current_exe()
        .expect("this program")
        .display()
        .to_string();
    let fault = format!("agx:{scope}");
    let flags = [
        "trial",
        "--device",
        "soft",
        "--fault",
        &fault,
        "--workload",
        workload,
        "--strategy",
        lock,
    ];
    let size = [
        "--threads",
        "8",
        "--ops",
        "50",
        "--iterations",
        "1",
        "--warmup",
        "0",
    ];
    let command: Vec<String> = [program.as_str()]
        .into_iter()
        .chain(flags)
        .chain(size)
        .map(str::to_owned)
        .collect();
    let cell = Cell {
        arm: Arm::Bare,
        config: Config::Lock(lock.parse().expect("a lock")),
        threads: NonZeroU32::new(8),
        point: None,
    };
    let outcome = ChildProcess
        .launch(
            &command,
            &cell,
            Duration::from_mins(1),
            &AtomicBool::new(false),
        )
        .expect("a child process");
    match outcome {
        Some(Outcome::Completed(_)) => false,
        Some(Outcome::Crashed(crash)) => {
            assert!(
                crash.message.starts_with("locktoll fault model"),
                "{lock} under {fault} ended otherwise: {crash:?}"
            );
            true
        }
        None => unreachable!("nobody interrupts this run"),
    }
}
