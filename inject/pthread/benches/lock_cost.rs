//! What recording adds to a lock and its unlock, against the same program alone.
//!
//! Each value comes from a process of its own. Each round runs every mode once, in a new random order,
//! so that drift of the machine falls on all of them alike. Ratios are those within rounds: their
//! geometric mean, with Student's interval on the logarithms. Exits with 1 if a bar is missed.
//!
//! `cargo bench -p locktoll-pthread [-- --rounds N]`

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use locktoll_stats::paired::PairedLogRatio;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

const MODES: [&str; 4] = ["alone", "aggregate", "contentions", "events"];
const CONFIDENCE: f64 = 0.95;

/// What a program is run with, and between which ratios each mode is to be.
struct Load {
    name: &'static str,
    arguments: &'static [&'static str],
    bars: [(f64, f64); 3],
}

const LOADS: [Load; 2] = [
    Load {
        name: "one thread, nothing inside",
        arguments: &["alone", "40", "100000"],
        bars: [(0.0, 2.0), (0.0, 1.4), (0.0, 10.0)],
    },
    Load {
        name: "two threads, one lock, 200 ns inside",
        arguments: &["together", "15", "40000", "200"],
        bars: [(0.95, 1.10), (0.95, 1.10), (0.0, f64::INFINITY)],
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = arguments
        .iter()
        .position(|argument| argument == "--rounds")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(20);
    let program = compiled();
    let mut random = Pcg64::seed_from_u64(1);
    let mut missed = 0;
    for load in &LOADS {
        let mut values: [Vec<(f64, f64)>; MODES.len()] = Default::default();
        for _ in 0..rounds {
            let mut order: Vec<usize> = (0..MODES.len()).collect();
            order.shuffle(&mut random);
            for mode in order {
                values[mode].push(measure(&program, load, MODES[mode]));
            }
        }
        missed += print(load, &values);
    }
    ExitCode::from(u8::from(missed > 0))
}

/// Nanoseconds for each pair, and hand-offs in 1,000.
fn measure(program: &Path, load: &Load, mode: &str) -> (f64, f64) {
    let traces = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(program);
    command.args(load.arguments);
    if mode != "alone" {
        command
            .env("LD_PRELOAD", library())
            .env("LOCKTOLL_TRACE_DIR", traces.path())
            .env("LOCKTOLL_MODE", mode);
    }
    let output = command.output().expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = said.split_whitespace().flat_map(str::parse).collect();
    let [ns, handed_over] = figures[..] else {
        panic!("no figures: {output:?}");
    };
    (ns, handed_over)
}

/// Prints a load's figures, and says how many of its bars are missed.
fn print(load: &Load, values: &[Vec<(f64, f64)>; MODES.len()]) -> usize {
    let ns = |mode: usize| values[mode].iter().map(|value| value.0).collect::<Vec<_>>();
    let over = |mode: usize| values[mode].iter().map(|value| value.1).collect::<Vec<_>>();
    println!("{}, {} rounds", load.name, values[0].len());
    println!(
        "{:12} {:>8} {:>22} {:>12}",
        "", "ns", "times alone", "hand-offs"
    );
    let mut missed = 0;
    for (mode, name) in MODES.iter().enumerate() {
        let (median_ns, median_over) = (median(ns(mode)), median(over(mode)));
        let ratio = PairedLogRatio::compute(&ns(0), &ns(mode), CONFIDENCE)
            .expect("two rounds at least, and times above zero");
        let estimate = 1.0 - ratio.overhead;
        let (low, high) = (1.0 - ratio.overhead_ci.hi, 1.0 - ratio.overhead_ci.lo);
        let bar = mode.checked_sub(1).map(|index| load.bars[index]);
        let held = bar.is_none_or(|(least, most)| (least..=most).contains(&estimate));
        missed += usize::from(!held);
        println!(
            "{name:12} {median_ns:8.1} {:>22} {median_over:8.0} ‰ {}",
            format!("{estimate:.3} ({low:.3} to {high:.3})"),
            if held { "" } else { "missed" }
        );
    }
    missed
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The library, which cargo builds beside this program.
fn library() -> PathBuf {
    let exe = std::env::current_exe().expect("this program");
    exe.with_file_name("liblocktoll_pthread.so")
}

fn compiled() -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pairs");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/pairs.c");
    let built = Command::new("cc")
        .args(["-O2", "-pthread", "-o"])
        .arg(&path)
        .arg(source)
        .status();
    assert!(built.expect("a C compiler, cc").success());
    path
}
