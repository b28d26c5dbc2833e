//! Overheads measured on the soft device against their truth, computed from the settings.
//!
//! ```text
//! cargo run --release -p locktoll --example truth -- [--runs 40] [--regime lock|device|both]
//! ```
//!
//! **Lock-bound.** N threads, hold H, service S < H, no encoding time, M ops an iteration. Without
//! a lock the holds run side by side and the device never waits: an iteration lasts c + H + M·S,
//! where c is what starting the threads and waking the last one costs on this machine. Under the
//! global lock one op follows the other: M·(H + h) + S, where h is what handing the lock over costs
//! (and starting and waking, spread over the ops). So the true overhead is
//! 1 − (c + H + M·S) ∕ (M·(H + h) + S).
//!
//! h and c are not settings. They are measured after each block by trials of their own: h under the
//! global lock, (iteration − S) ∕ M − H; c without a lock and with one op a thread,
//! iteration − H − N·S, the median of each. h is also what moves the estimate from trial to trial, so the truth
//! must be known much better than the estimate: there are 8 such trials for each one in the
//! experiment.
//!
//! **Device-bound.** No hold, a service that dominates: the true overhead is under 0.1%, and the
//! verdict must be `free` or `negligible`, within 30 s of measuring and ±1 point.

use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clap::Parser;
use locktoll::analysis::measured::{Overrides, analyse};
use locktoll::cli::Cli;
use locktoll::trial_args;
use locktoll_bench::environment::Environment;
use locktoll_bench::launch::{ChildProcess, Launch as _};
use locktoll_bench::plan::{
    Arm, Cell, Config, DevicePlan, Encoders, Plan, StopRule, Subject, TrialSize,
};
use locktoll_bench::run::{Event, Runner};
use locktoll_bench::samples::{Header, Outcome, SCHEMA, Samples, SamplesWriter};
use locktoll_bench::trial;
use locktoll_bench::workload::Workload;
use locktoll_gpu::DeviceChoice;
use locktoll_report::model::{Comparison, Role};
use locktoll_stats::Verdict;

const THREADS: u32 = 8;

#[derive(Parser)]
struct Arguments {
    /// Runs in each regime
    #[arg(long, default_value_t = 40)]
    runs: u64,
    /// lock, device or both
    #[arg(long, default_value = "both")]
    regime: String,
}

fn main() -> ExitCode {
    // The trials of these runs are this program, started as `locktoll trial` would be.
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
    let mut held = true;
    if arguments.regime != "device" {
        held &= lock_bound(arguments.runs);
    }
    if arguments.regime != "lock" {
        held &= device_bound(arguments.runs);
    }
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Trials that measure the hand-over, and the start, for each one of the experiment.
const CALIBRATIONS: usize = 8;

/// At least 37 of 40 intervals contain the truth.
fn lock_bound(runs: u64) -> bool {
    let ops_per_thread = 6;
    let mut covered = 0;
    println!("run  hold_us service_us handover_us start_us  truth    estimate  interval");
    for run in 0..runs {
        // Holds of 1.2 to 2.4 ms over a service of 1 ms: true overheads of 20% to 60%.
        let hold_us = 1_200 + 1_200 * run / runs.max(2);
        let service_us = 1_000_u64;
        let soft = format!("service={service_us}us,encode=0,hold={hold_us}us");
        let mut plan = plan(&soft, run, ops_per_thread, 1);
        plan.stop = StopRule::Blocks { blocks: 6 };
        let (hold, service) = (hold_us as f64 * 1e3, service_us as f64 * 1e3);
        let ops = f64::from(THREADS * ops_per_thread);
        let mut one_op = plan.clone();
        if let Subject::Encoders(encoders) = &mut one_op.subject {
            encoders.size.ops_per_thread = NonZeroU32::MIN;
        }
        let (mut handovers_ns, mut starts_ns) = (Vec::new(), Vec::new());
        let row = measure(&plan, &mut || {
            for _ in 0..CALIBRATIONS {
                let start_ns = mean_iteration_ns(&one_op, "none") - hold;
                starts_ns.push(start_ns - f64::from(THREADS) * service);
                handovers_ns.push((mean_iteration_ns(&plan, "global") - service) / ops - hold);
            }
        });
        let (handover_ns, start_ns) = (median(handovers_ns), median(starts_ns));
        let unlocked = start_ns + hold + ops * service;
        let truth = 1.0 - unlocked / (ops * (hold + handover_ns) + service);
        let [lo, hi] = row.overhead.ci.expect("an interval of 6 blocks");
        let inside = lo <= truth && truth <= hi;
        covered += u64::from(inside);
        println!(
            "{run:>3}  {hold_us:>7} {service_us:>10} {:>11.1} {:>8.1}  {:>6.2}%  {:>7.2}%  {:.2}% to {:.2}%{}",
            handover_ns / 1e3,
            start_ns / 1e3,
            truth * 100.0,
            row.overhead.estimate.expect("an estimate") * 100.0,
            lo * 100.0,
            hi * 100.0,
            if inside { "" } else { "  MISSED" }
        );
    }
    let needed = (runs * 37).div_ceil(40);
    println!("lock-bound: {covered} of {runs} intervals contain the truth (needed: {needed})");
    covered >= needed
}

/// The median was taken after the mean had been seen to miss 6 of 38 runs. The presumed reason, not
/// tested: a core that is taken away slows a single trial by any amount, and the 48 trials here meet
/// that more often than the 6 of the experiment.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

/// At least 38 of 40 verdicts are `free` or `negligible`, quickly and precisely.
fn device_bound(runs: u64) -> bool {
    let mut right = 0;
    println!("run  verdict     half-width  seconds");
    for run in 0..runs {
        // 7 waiting ops of 2 ms bridge most of the moments in which a shared machine stands still.
        let mut plan = plan("service=2ms,encode=2us,hold=0", run, 4, 5);
        plan.stop = StopRule::Precision {
            half_width: 0.005,
            first_stage: 10,
        };
        plan.max_time_ns = 25_000_000_000;
        let started = Instant::now();
        let row = measure(&plan, &mut || {});
        let seconds = started.elapsed().as_secs_f64();
        let half_width = row
            .overhead
            .ci
            .map_or(f64::INFINITY, |[lo, hi]| (hi - lo) / 2.0);
        let verdict = row.verdict.expect("a verdict");
        let good = matches!(verdict, Verdict::Free | Verdict::Negligible)
            && half_width <= 0.01
            && seconds <= 30.0;
        right += u64::from(good);
        let verdict = verdict.to_string();
        println!(
            "{run:>3}  {verdict:<11} {:>9.3}%  {seconds:>7.1}",
            half_width * 100.0
        );
    }
    let needed = (runs * 38).div_ceil(40);
    println!("device-bound: {right} of {runs} verdicts are right (needed: {needed})");
    right >= needed
}

fn plan(soft: &str, seed: u64, ops_per_thread: u32, iterations: u32) -> Plan {
    let nonzero = |n| NonZeroU32::new(n).expect("not zero");
    let workload = Workload::built_in("timed").expect("built in");
    Plan {
        subject: Subject::Encoders(Encoders {
            device: DevicePlan {
                choice: DeviceChoice::Soft,
                soft: soft.parse().expect("settings"),
                queues: NonZeroU32::MIN,
                timed: None,
                added: Vec::new(),
                fault: None,
            },
            sync: workload.sync,
            workload,
            size: TrialSize {
                ops_per_thread: nonzero(ops_per_thread),
                iterations: nonzero(iterations),
                warmup: 1,
            },
        }),
        configs: ["none", "global"].map(lock).to_vec(),
        baseline: lock("none"),
        baseline_named: true,
        baseline_reason: None,
        threads: vec![nonzero(THREADS)],
        counted: false,
        probes: Vec::new(),
        map: None,
        stop: StopRule::Blocks { blocks: 10 },
        max_time_ns: 0,
        trial_timeout_ns: 60_000_000_000,
        seed,
        margin: 0.01,
        confidence: 0.95,
        max_cost: None,
        command: "truth".into(),
    }
}

fn lock(name: &str) -> Config {
    Config::Lock(name.parse().expect("a lock"))
}

fn encoders(plan: &Plan) -> &Encoders {
    plan.subject.encoders().expect("a plan of encoders")
}

fn command_line(plan: &Plan, cell: &Cell) -> Vec<String> {
    let program = std::env::current_exe()
        .expect("this program")
        .display()
        .to_string();
    let encoders = encoders(plan);
    trial_args::command_line(&program, encoders, cell, &encoders.workload.name, None)
}

/// Runs a plan and gives the comparison of `global` with `none`.
fn measure(plan: &Plan, after_block: &mut dyn FnMut()) -> Comparison {
    let header = Header {
        schema: SCHEMA.into(),
        plan: plan.clone(),
        environment: Environment::new(),
        device: Some(
            trial::device_facts(encoders(plan))
                .expect("the soft device")
                .0,
        ),
        uncontended_ns: [].into(),
    };
    let name = format!("locktoll-truth-{}-{}.jsonl", std::process::id(), plan.seed);
    let path = std::env::temp_dir().join(name);
    let mut writer = SamplesWriter::create(&path, header.clone()).expect("a temporary file");
    let mut samples = Samples {
        header,
        trials: Vec::new(),
        resumed: Vec::new(),
        stopped: None,
    };
    let runner = Runner {
        launcher: &ChildProcess,
        command_line: &command_line,
        interrupted: &AtomicBool::new(false),
    };
    let ended = runner.run(&mut samples, &mut writer, &mut |event| {
        if let Event::BlockEnded(_) = event {
            after_block();
        }
    });
    std::fs::remove_file(&path).expect("the temporary file");
    ended.expect("a run");
    analyse(&samples, "truth", &Overrides::default())
        .expect("an analysis")
        .comparisons
        .into_iter()
        .find(|row| row.role == Role::Strategy)
        .expect("global against none")
}

/// Mean duration of the iterations of one further trial.
fn mean_iteration_ns(plan: &Plan, lock: &str) -> f64 {
    let cell = Cell {
        arm: Arm::Bare,
        config: self::lock(lock),
        threads: NonZeroU32::new(THREADS),
        point: None,
    };
    let command = command_line(plan, &cell);
    let outcome = ChildProcess.launch(
        &command,
        &cell,
        Duration::from_mins(1),
        &AtomicBool::new(false),
    );
    match outcome {
        Ok(Some(Outcome::Completed(measured))) => {
            measured.elapsed_ns() as f64 / measured.iterations.len() as f64
        }
        other => panic!("the hand-over trial failed: {other:?}"),
    }
}
