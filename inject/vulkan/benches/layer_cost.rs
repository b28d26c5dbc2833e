//! What the layer adds to a call that records: one thread, one command buffer, and no submission.
//!
//! Each value comes from a process of its own, and is the fastest of its stretches of 10,000 calls:
//! what else runs on the machine only ever makes a stretch slower. Each round runs every arm once, in
//! a new random order, so that drift of the machine falls on all of them alike; differences are
//! taken within rounds, and their median gets a bootstrap interval. Exits with 1 if a bar is missed.
//!
//! `cargo bench -p locktoll-vulkan-layer [-- --rounds N]`

use std::fmt::Write as _;
use std::process::{Command, ExitCode};
use std::time::Instant;

use ash::vk;
use rand::SeedableRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_pcg::Pcg64;

#[path = "../tests/support/child.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod child;
#[path = "../tests/support/client.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod client;

use child::{Child, LAYER, Stage};
use client::Program;

/// A name, what `LOCKTOLL_STRATEGY` is, and what `LOCKTOLL_COUNT` is.
type Arm = (&'static str, Option<&'static str>, &'static str);

const ARMS: [Arm; 9] = [
    ("no layer", None, "0"),
    ("off", Some("off"), "0"),
    ("none", Some("none"), "0"),
    ("global, bare", Some("global"), "0"),
    ("global", Some("global"), "1"),
    ("per-encoder, bare", Some("per-encoder"), "0"),
    ("per-encoder", Some("per-encoder"), "1"),
    ("per-queue", Some("per-queue"), "1"),
    ("throttle:2", Some("throttle:2"), "1"),
];
const NO_LAYER: usize = 0;
const OFF: usize = 1;
const GLOBAL: usize = 4;

/// In each pass, into one command buffer.
const STRETCHES: u32 = 10;
const STRETCH: u32 = 10_000;
const PASSES: usize = 10;
const RESAMPLES: usize = 4_000;

/// Set in child processes.
const CHILD: &str = "LOCKTOLL_BENCH_CHILD";

fn main() -> ExitCode {
    if std::env::var_os(CHILD).is_some() {
        println!("ns {}", call_ns().expect("Vulkan reports no error"));
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = arguments
        .iter()
        .position(|argument| argument == "--rounds")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(40);
    compare(rounds)
}

/// Nanoseconds for one call, in the fastest stretch.
fn call_ns() -> Result<f64, vk::Result> {
    let program = Program::new()?;
    let data = program.data()?;
    let pool = program.pool()?;
    let buffer = program.buffers(pool, vk::CommandBufferLevel::PRIMARY, 1)?[0];
    let mut fastest = f64::INFINITY;
    for _ in 0..PASSES {
        // SAFETY: this is a valid use of Vulkan, call by call.
        unsafe {
            let device = &program.device;
            device.begin_command_buffer(buffer, &vk::CommandBufferBeginInfo::default())?;
            program.record_inside(buffer, &data, 1);
            for _ in 0..STRETCHES {
                let start = Instant::now();
                for _ in 0..STRETCH {
                    device.cmd_dispatch(buffer, 1, 1, 1);
                }
                fastest = fastest.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(STRETCH));
            }
            device.end_command_buffer(buffer)?;
        }
    }
    // SAFETY: nothing was submitted.
    unsafe { program.device.destroy_command_pool(pool, None) };
    program.free(&data);
    program.destroy();
    Ok(fastest)
}

fn compare(rounds: usize) -> ExitCode {
    let stage = Stage::new();
    let mut random = Pcg64::seed_from_u64(1);
    let mut values = vec![Vec::new(); ARMS.len()];
    for _ in 0..rounds {
        let mut order: Vec<usize> = (0..ARMS.len()).collect();
        order.shuffle(&mut random);
        for arm in order {
            values[arm].push(measure(&stage, ARMS[arm]));
        }
    }
    let mut text = format!(
        "{rounds} rounds, ns per vkCmdDispatch\n{:18} {:>8} {:>22} {:>22}\n",
        "", "median", "over no layer", "over off"
    );
    let mut missed = Vec::new();
    for (arm, (name, ..)) in ARMS.iter().enumerate() {
        let over_nothing = difference(&values[arm], &values[NO_LAYER], &mut random);
        let over_off = difference(&values[arm], &values[OFF], &mut random);
        let _ = writeln!(
            text,
            "{name:18} {:8.1} {over_nothing:>22} {over_off:>22}",
            median(&mut values[arm].clone())
        );
        if arm == GLOBAL && over_off.estimate > 60.0 {
            missed.push("global adds more than 60 ns to off");
        }
        let base = median(&mut values[NO_LAYER].clone());
        if arm == OFF && over_nothing.estimate > 0.02 * base {
            missed.push("off adds more than 2% to no layer");
        }
    }
    print!("{text}");
    for bar in &missed {
        println!("missed: {bar}");
    }
    ExitCode::from(u8::from(!missed.is_empty()))
}

fn measure(stage: &Stage, (_, strategy, count): Arm) -> f64 {
    let layers: &[&str] = if strategy.is_some() { &[LAYER] } else { &[] };
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    stage.set(&mut command, layers, strategy);
    let child = Child::of(command.env("LOCKTOLL_COUNT", count).env(CHILD, "1"));
    let ns = child
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("ns ")?.parse().ok());
    ns.unwrap_or_else(|| panic!("no figure: {child:#?}"))
}

/// The median of differences within rounds, with its 95% interval.
struct Difference {
    estimate: f64,
    interval: (f64, f64),
}

fn difference(test: &[f64], base: &[f64], random: &mut Pcg64) -> Difference {
    let mut pairs: Vec<f64> = test
        .iter()
        .zip(base)
        .map(|(test, base)| test - base)
        .collect();
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let mut sample: Vec<f64> = (0..pairs.len())
                .map(|_| *pairs.choose(random).expect("there are rounds"))
                .collect();
            median(&mut sample)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    Difference {
        estimate: median(&mut pairs),
        interval: (
            medians[RESAMPLES / 40],
            medians[RESAMPLES - 1 - RESAMPLES / 40],
        ),
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (low, high) = self.interval;
        f.pad(&format!("{:.1} ({low:.1} to {high:.1})", self.estimate))
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}
