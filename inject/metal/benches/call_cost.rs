//! What a guarded call costs: an empty method of an encoder, called through the runtime, with each
//! strategy and with none of the library in its way.
//!
//! All arms run in one process. Each round runs every arm once, in a new random order, and takes the
//! fastest of an arm's stretches: what else runs on the machine only ever makes a stretch slower.
//! Differences and ratios are taken within rounds, and their median gets a bootstrap interval. Exits
//! with 1 if a bar is missed.
//!
//! `cargo bench -p locktoll-metal [-- --rounds N]`

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use locktoll_guard::Instrument;
use locktoll_metal::Options;
use objc2::msg_send;
use rand::SeedableRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_pcg::Pcg64;

#[path = "../tests/support/mod.rs"]
mod support;

use support::empty;
use support::metal::{Object, compute, pool};

/// A name, and the strategy with whether it counts; or nothing installed.
type Arm = (&'static str, Option<(&'static str, Instrument)>);

const ARMS: [Arm; 9] = [
    ("plain", None),
    ("off", Some(("off", Instrument::Bare))),
    ("none", Some(("none", Instrument::Counted))),
    ("global, bare", Some(("global", Instrument::Bare))),
    ("global", Some(("global", Instrument::Counted))),
    ("per-encoder, bare", Some(("per-encoder", Instrument::Bare))),
    ("per-encoder", Some(("per-encoder", Instrument::Counted))),
    ("session", Some(("session", Instrument::Counted))),
    ("throttle:2", Some(("throttle:2", Instrument::Counted))),
];
const PLAIN: usize = 0;

/// An arm's name and the most that it may cost, as a factor of plain and in nanoseconds over it.
const BARS: [(&str, f64, f64); 3] = [
    ("off", 1.2, f64::INFINITY),
    ("global", f64::INFINITY, 25.0),
    ("per-encoder", f64::INFINITY, 35.0),
];

const STRETCHES: usize = 12;
const CALLS: u32 = 20_000;
const RESAMPLES: usize = 4_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = arguments
        .iter()
        .position(|argument| argument == "--rounds")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(60);
    let classes = empty::classes();
    empty::make(classes.buffer, classes.encoder);
    let mut random = Pcg64::seed_from_u64(1);
    let mut values = vec![Vec::new(); ARMS.len()];
    for _ in 0..rounds {
        let mut order: Vec<usize> = (0..ARMS.len()).collect();
        order.shuffle(&mut random);
        for arm in order {
            values[arm].push(measure(ARMS[arm].1));
        }
    }
    report(&values, rounds, &mut random)
}

/// Nanoseconds for one call, in the fastest stretch.
fn measure(arm: Option<(&str, Instrument)>) -> f64 {
    let guard = arm.map(|(strategy, instrument)| {
        let mut options = Options::new(strategy.parse().expect("a strategy"));
        options.instrument = instrument;
        options.install_on(empty::create_device).expect("installs")
    });
    let ns = pool(|| {
        // SAFETY: a class.
        let buffer = Object::owned(unsafe { msg_send![empty::classes().buffer, new] });
        let encoder = compute(&buffer);
        let this = encoder.id();
        let mut fastest = f64::INFINITY;
        for _ in 0..STRETCHES {
            let start = Instant::now();
            for _ in 0..CALLS {
                // SAFETY: an encoder.
                let () = unsafe { msg_send![this, dispatchWaitFlush] };
            }
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
        }
        support::metal::end(&encoder);
        fastest
    });
    drop(guard);
    ns
}

fn report(values: &[Vec<f64>], rounds: usize, random: &mut Pcg64) -> ExitCode {
    let mut text = format!(
        "{rounds} rounds, ns per call of an empty method\n{:18} {:>8} {:>22} {:>22}\n",
        "", "median", "over plain", "of plain"
    );
    let mut missed = Vec::new();
    for (arm, (name, _)) in ARMS.iter().enumerate() {
        let pairs = || values[arm].iter().zip(&values[PLAIN]);
        let over = Estimate::of(pairs().map(|(test, base)| test - base).collect(), random);
        let of = Estimate::of(pairs().map(|(test, base)| test / base).collect(), random);
        let _ = writeln!(
            text,
            "{name:18} {:8.2} {:>22} {:>22}",
            median(&mut values[arm].clone()),
            over.text(1),
            of.text(3)
        );
        for (bar, factor, ns) in BARS {
            if bar == *name && (of.median > factor || over.median > ns) {
                missed.push(bar);
            }
        }
    }
    print!("{text}");
    for bar in &missed {
        println!("missed: {bar}");
    }
    ExitCode::from(u8::from(!missed.is_empty()))
}

/// A median with its 95% interval.
struct Estimate {
    median: f64,
    interval: (f64, f64),
}

impl Estimate {
    fn of(mut values: Vec<f64>, random: &mut Pcg64) -> Self {
        let mut medians: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let draw = |_| *values.choose(random).expect("there are rounds");
                let mut sample: Vec<f64> = (0..values.len()).map(draw).collect();
                median(&mut sample)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Estimate {
            median: median(&mut values),
            interval: (
                medians[RESAMPLES / 40],
                medians[RESAMPLES - 1 - RESAMPLES / 40],
            ),
        }
    }

    fn text(&self, digits: usize) -> String {
        let (low, high) = self.interval;
        format!(
            "{:.digits$} ({low:.digits$} to {high:.digits$})",
            self.median
        )
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
