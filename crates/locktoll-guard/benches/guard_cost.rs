//! What a section costs, beside a `parking_lot::ReentrantMutex` in the same run.
//!
//! Each round times every lock once, in a new random order, so that drift of the machine falls on
//! all of them alike; the figures are medians over the rounds. Exits with 1 if a bar is missed.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use locktoll_guard::{Address, Guard, Instrument, OwnedLock, Site, Strategy};
use parking_lot::ReentrantMutex;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

/// The bar that every ratio is held against.
#[derive(Clone, Copy)]
enum Bar {
    AtMost(f64),
    AtLeast(f64),
    Free,
}

/// One lock: `run(n)` enters and leaves it `n` times.
struct Arm<'a> {
    name: &'static str,
    bar: Bar,
    run: Box<dyn Fn(u32) + Sync + 'a>,
}

const BASELINE: &str = "parking_lot::ReentrantMutex";

fn main() -> ExitCode {
    let locks = Locks::new();

    let arms = locks.arms(|_| {});
    let alone = measure(&arms, 800, |arm| time_alone(arm, 10_000));
    let passed = print("one thread, ns per lock and unlock", &alone, |ns| ns);

    // A section about as long as a cheap driver call.
    let steps = steps_of(200.0);
    let arms = locks.contended_arms(|pause| work(if pause { steps / 2 } else { steps }));
    let together = measure(&arms, 200, |arm| time_together(arm, 5_000));
    let together_passed = print(
        "two threads, one lock, 200 ns inside, per µs",
        &together,
        |ns| 1000.0 / ns,
    );

    if passed && together_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The locks under test. The guards are opaque to the optimiser, as they are to a caller that
/// learns the strategy at run time.
struct Locks {
    reentrant: ReentrantMutex<()>,
    queue: OwnedLock,
    encoder: OwnedLock,
    guards: BTreeMap<&'static str, Guard>,
}

impl Locks {
    fn new() -> Locks {
        let counted = |strategy| Guard::new(strategy, Instrument::Counted);
        let bare = |strategy| Guard::new(strategy, Instrument::Bare);
        let guards = vec![
            ("none", counted(Strategy::None)),
            ("global, bare", bare(Strategy::Global)),
            ("global", counted(Strategy::Global)),
            ("per-encoder, bare", bare(Strategy::PerEncoder)),
            ("per-encoder", counted(Strategy::PerEncoder)),
            ("per-queue", counted(Strategy::PerQueue)),
            ("throttle:1", counted(Strategy::Throttle(NonZeroU32::MIN))),
        ];
        Locks {
            reentrant: ReentrantMutex::new(()),
            queue: OwnedLock::new(),
            encoder: OwnedLock::new(),
            guards: guards.into_iter().collect(),
        }
    }

    fn owned<'a>(
        &'a self,
        name: &'static str,
        bar: Bar,
        body: impl Fn(bool) + Copy + Sync + 'a,
    ) -> Arm<'a> {
        let guard = &self.guards[name];
        let run = move |times| {
            for _ in 0..times {
                {
                    let site = Site {
                        queue: &self.queue,
                        encoder: &self.encoder,
                    };
                    let _section = black_box(guard).enter(site);
                    body(false);
                }
                body(true);
            }
        };
        Arm {
            name,
            bar,
            run: Box::new(run),
        }
    }

    /// Goes through `encoders` addresses in turn.
    fn by_address<'a>(
        &'a self,
        name: &'static str,
        encoders: usize,
        bar: Bar,
        body: impl Fn(bool) + Copy + Sync + 'a,
    ) -> Arm<'a> {
        let guard = &self.guards["per-encoder"];
        let run = move |times| {
            let mut encoder = 0;
            for _ in 0..times {
                {
                    encoder = if encoder + 1 < encoders {
                        encoder + 1
                    } else {
                        0
                    };
                    let at = Address {
                        queue: 0x7f12_3456_7000,
                        encoder: 0x7f12_3456_8000 + encoder * 0x340,
                    };
                    let _section = black_box(guard).enter_at(at);
                    body(false);
                }
                body(true);
            }
        };
        Arm {
            name,
            bar,
            run: Box::new(run),
        }
    }

    fn baseline<'a>(&'a self, body: impl Fn(bool) + Copy + Sync + 'a) -> Arm<'a> {
        let run = move |times| {
            let lock = &self.reentrant;
            for _ in 0..times {
                {
                    let _section = black_box(lock).lock();
                    body(false);
                }
                body(true);
            }
        };
        Arm {
            name: BASELINE,
            bar: Bar::Free,
            run: Box::new(run),
        }
    }

    fn arms<'a>(&'a self, body: impl Fn(bool) + Copy + Sync + 'a) -> Vec<Arm<'a>> {
        vec![
            self.baseline(body),
            self.owned("none", Bar::AtMost(0.15), body),
            self.owned("global, bare", Bar::Free, body),
            self.owned("global", Bar::AtMost(1.3), body),
            self.owned("per-encoder, bare", Bar::Free, body),
            self.owned("per-encoder", Bar::AtMost(1.3), body),
            self.owned("per-queue", Bar::AtMost(1.3), body),
            self.by_address("per-encoder by address", 1, Bar::AtMost(2.0), body),
            self.by_address("per-encoder by address, 64 in turn", 64, Bar::Free, body),
            self.owned("throttle:1", Bar::Free, body),
        ]
    }

    fn contended_arms<'a>(&'a self, body: impl Fn(bool) + Copy + Sync + 'a) -> Vec<Arm<'a>> {
        vec![
            self.baseline(body),
            self.owned("global, bare", Bar::AtLeast(0.9), body),
            self.owned("global", Bar::AtLeast(0.9), body),
            self.owned("per-encoder", Bar::AtLeast(0.9), body),
            self.by_address("per-encoder by address", 1, Bar::Free, body),
            self.owned("throttle:1", Bar::Free, body),
        ]
    }
}

/// Some nanoseconds of work that the optimiser cannot remove.
#[inline(never)]
fn work(steps: u32) {
    for step in 0..steps {
        black_box(step);
    }
}

/// How much [`work`] takes this long.
fn steps_of(ns: f64) -> u32 {
    let trial = 1_000_000;
    let start = Instant::now();
    work(trial);
    let steps = ns * f64::from(trial) / start.elapsed().as_nanos() as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few hundred"
    )]
    let steps = steps as u32;
    steps.max(1)
}

/// Nanoseconds of one run by one thread, per section.
fn time_alone(arm: &Arm<'_>, sections: u32) -> f64 {
    let start = Instant::now();
    (arm.run)(sections);
    start.elapsed().as_nanos() as f64 / f64::from(sections)
}

/// Nanoseconds from the first of two threads' beginning to the last one's end, per section.
fn time_together(arm: &Arm<'_>, sections: u32) -> f64 {
    let ready = Barrier::new(2);
    let spans = thread::scope(|scope| {
        let timed = || {
            ready.wait();
            let start = Instant::now();
            (arm.run)(sections);
            (start, Instant::now())
        };
        let other = scope.spawn(timed);
        [timed(), other.join().expect("no arm panics")]
    });
    let start = spans.iter().map(|span| span.0).min().expect("two spans");
    let end = spans.iter().map(|span| span.1).max().expect("two spans");
    (end - start).as_nanos() as f64 / f64::from(2 * sections)
}

/// The sorted figures of each arm over all rounds, in the order of the arms.
fn measure<'a>(
    arms: &'a [Arm<'a>],
    rounds: usize,
    time: impl Fn(&Arm<'_>) -> f64,
) -> Vec<(&'a Arm<'a>, Vec<f64>)> {
    let mut random = Pcg64::seed_from_u64(1);
    let mut order: Vec<usize> = (0..arms.len()).collect();
    let mut figures: Vec<_> = arms
        .iter()
        .map(|arm| (arm, Vec::with_capacity(rounds)))
        .collect();
    for round in 0..=rounds {
        order.shuffle(&mut random);
        for &index in &order {
            let ns = time(&arms[index]);
            // The first round warms up.
            if round > 0 {
                figures[index].1.push(ns);
            }
        }
    }
    for (_, figures) in &mut figures {
        figures.sort_by(f64::total_cmp);
    }
    figures
}

fn print(title: &str, figures: &[(&Arm<'_>, Vec<f64>)], unit: impl Fn(f64) -> f64) -> bool {
    let median = |figures: &[f64]| unit(figures[figures.len() / 2]);
    let baseline = figures
        .iter()
        .find(|(arm, _)| arm.name == BASELINE)
        .expect("is an arm");
    let baseline = median(&baseline.1);
    println!(
        "\n{title:<44}{:>8}  {:<17}{:>6}  bar",
        "median", "min to max", "ratio"
    );
    let mut passed = true;
    for (arm, figures) in figures {
        let ends = [unit(figures[0]), unit(figures[figures.len() - 1])];
        let range = format!("{:.2} to {:.2}", ends[0].min(ends[1]), ends[0].max(ends[1]));
        let ratio = median(figures) / baseline;
        let (within, bar) = match arm.bar {
            Bar::AtMost(bar) => (ratio <= bar, format!("≤ {bar}")),
            Bar::AtLeast(bar) => (ratio >= bar, format!("≥ {bar}")),
            Bar::Free => (true, String::new()),
        };
        passed &= within;
        let verdict = match arm.bar {
            Bar::Free => "",
            _ if within => " pass",
            _ => " FAIL",
        };
        println!(
            "{:<44}{:>8.2}  {range:<17}{ratio:>6.2}  {bar}{verdict}",
            arm.name,
            median(figures)
        );
    }
    passed
}
