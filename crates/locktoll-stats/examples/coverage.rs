//! How often do the intervals and verdicts of this crate hold the truth?
//!
//! `cargo run --release -p locktoll-stats --example coverage [-- --replicates N --seed S]`
//!
//! Prints shares in percent with their Monte-Carlo standard error. Nothing here is a claim about
//! any machine: the data are simulated, and the models are in `locktoll_stats::simulate`.

use std::process::ExitCode;

use locktoll_stats::fieller::Fieller;
use locktoll_stats::paired::PairedLogRatio;
use locktoll_stats::simulate::{Disturbance, Machine, Order, normal, replicate};
use locktoll_stats::stopping::{TwoStage, confidence_sequence, stein_blocks};
use locktoll_stats::{Bounds, Design, Interval, Policy, Summary, Verdict, compare, decide};

const CONFIDENCE: f64 = 0.95;
/// True throughput of the test arm: an overhead of 3%.
const RATIO: f64 = 0.97;
const BLOCKS: [usize; 3] = [5, 10, 20];

struct Options {
    replicates: usize,
    seed: u64,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        replicates: 10_000,
        seed: 1,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(format!("{name} needs a value"))?;
        let bad = |_| format!("{name}: {value} is not a whole number");
        match name.as_str() {
            "--replicates" => options.replicates = value.parse().map_err(bad)?,
            "--seed" => options.seed = value.parse().map_err(bad)?,
            _ => {
                return Err(format!(
                    "unknown option {name}; known: --replicates N, --seed S"
                ));
            }
        }
    }
    if options.replicates == 0 {
        return Err("--replicates must be at least 1".to_owned());
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    intervals(&options);
    stopping(&options);
    verdicts(
        &options,
        1.0,
        "A/A: no difference, trial SD 0.5%, margin 1%",
    );
    verdicts(&options, 0.99, "true overhead of exactly the margin, 1%");
    ExitCode::SUCCESS
}

/// A share as "95.1±0.2".
fn share(hits: impl Iterator<Item = bool>, of: usize) -> String {
    let p = hits.filter(|&hit| hit).count() as f64 / of as f64;
    let se = (p * (1.0 - p) / of as f64).sqrt();
    format!("{:5.1}±{:.1}", 100.0 * p, 100.0 * se)
}

fn intervals(options: &Options) {
    println!("Coverage of the 95% interval of an overhead of 3%, percent ± Monte-Carlo SE");
    println!(
        "(trial SD 1%, block SD 2%, {} replicates)\n",
        options.replicates
    );
    println!(
        "{:<16}{:>7}{:>14}{:>14}{:>16}",
        "disturbance", "blocks", "paired log", "Fieller", "Fieller"
    );
    println!(
        "{:<16}{:>7}{:>14}{:>14}{:>16}",
        "", "", "random blocks", "random order", "base first"
    );
    for disturbance in [
        Disturbance::Normal,
        Disturbance::Skewed,
        Disturbance::Drift,
        Disturbance::Autoregressive,
    ] {
        let machine = Machine {
            disturbance,
            trial_sd: 0.01,
            block_sd: 0.02,
        };
        for blocks in BLOCKS {
            let coverage = |order, holds: fn(&[f64], &[f64]) -> bool| {
                let hits = replicate(options.replicates, options.seed, |rng| {
                    let series = machine.run(order, blocks, &[1.0, RATIO], rng);
                    holds(&series[0], &series[1])
                });
                share(hits.into_iter(), options.replicates)
            };
            println!(
                "{:<16}{blocks:>7}{:>14}{:>14}{:>16}",
                format!("{disturbance:?}").to_lowercase(),
                coverage(Order::RandomisedBlocks, paired_holds),
                coverage(Order::FullyRandom, fieller_holds),
                coverage(Order::Sequential, fieller_holds),
            );
        }
    }
}

fn paired_holds(base: &[f64], test: &[f64]) -> bool {
    PairedLogRatio::compute(base, test, CONFIDENCE)
        .is_ok_and(|paired| paired.overhead_ci.contains(1.0 - RATIO))
}

fn fieller_holds(base: &[f64], test: &[f64]) -> bool {
    Fieller::unpaired(base, test, CONFIDENCE)
        .is_ok_and(|fieller| covers(fieller.overhead_ci, 1.0 - RATIO))
}

fn covers(bounds: Bounds, truth: f64) -> bool {
    match bounds {
        Bounds::Bounded(interval) => interval.contains(truth),
        Bounds::Unbounded => true,
    }
}

/// A rule for stopping: the interval at the end, and how many blocks that took.
type Rule = fn(&mut dyn FnMut() -> f64) -> (Bounds, usize);

fn stopping(options: &Options) {
    println!("\nStopping at a half-width of half a standard deviation, normal log ratios\n");
    println!("{:<44}{:>10}{:>14}", "rule", "coverage", "mean blocks");
    let rules: [(&str, Rule); 5] = [
        ("stop when it looks narrow, from 5 blocks on", naive),
        ("Stein, first stage 5", |draw| stein(5, draw)),
        ("Stein, first stage 10", |draw| stein(10, draw)),
        ("confidence sequence, stop when narrow", sequence_stopped),
        (
            "confidence sequence, at every n to 200",
            sequence_throughout,
        ),
    ];
    for (name, rule) in rules {
        let results = replicate(options.replicates, options.seed, |rng| {
            let (bounds, blocks) = rule(&mut || SD * normal(rng));
            (covers(bounds, 0.0), blocks)
        });
        let blocks: usize = results.iter().map(|(_, blocks)| blocks).sum();
        println!(
            "{name:<44}{:>10}{:>14.1}",
            share(results.iter().map(|(hit, _)| *hit), options.replicates),
            blocks as f64 / options.replicates as f64
        );
    }
}

const SD: f64 = 0.01;
const HALF_WIDTH: f64 = SD / 2.0;

fn naive(draw: &mut dyn FnMut() -> f64) -> (Bounds, usize) {
    let mut values: Vec<f64> = (0..5).map(|_| draw()).collect();
    loop {
        if let Ok(Summary { ci: Some(ci), .. }) = Summary::compute(&values, CONFIDENCE)
            && ci.half_width() <= HALF_WIDTH
        {
            return (Bounds::Bounded(ci), values.len());
        }
        values.push(draw());
    }
}

fn stein(first_stage: usize, draw: &mut dyn FnMut() -> f64) -> (Bounds, usize) {
    let mut values: Vec<f64> = (0..first_stage).map(|_| draw()).collect();
    let total = stein_blocks(&values, HALF_WIDTH, CONFIDENCE).unwrap_or(u64::MAX);
    values.extend((first_stage as u64..total).map(|_| draw()));
    // Overhead 0 is log ratio 0, so coverage of one is coverage of the other.
    let ci = TwoStage::compute(&values, first_stage, CONFIDENCE)
        .map_or(Bounds::Unbounded, |result| {
            Bounds::Bounded(result.overhead_ci)
        });
    (ci, values.len())
}

fn sequence_stopped(draw: &mut dyn FnMut() -> f64) -> (Bounds, usize) {
    let mut values = vec![draw(), draw()];
    loop {
        if let Ok(Bounds::Bounded(ci)) = confidence_sequence(&values, CONFIDENCE)
            && ci.half_width() <= HALF_WIDTH
        {
            return (Bounds::Bounded(ci), values.len());
        }
        values.push(draw());
    }
}

/// The intersection of the intervals at every n: it holds the truth only if each of them does.
fn sequence_throughout(draw: &mut dyn FnMut() -> f64) -> (Bounds, usize) {
    let mut values = vec![draw()];
    let mut all = Interval {
        lo: f64::NEG_INFINITY,
        hi: f64::INFINITY,
    };
    while values.len() < 200 {
        values.push(draw());
        if let Ok(Bounds::Bounded(ci)) = confidence_sequence(&values, CONFIDENCE) {
            all = Interval {
                lo: all.lo.max(ci.lo),
                hi: all.hi.min(ci.hi),
            };
        }
    }
    (Bounds::Bounded(all), values.len())
}

/// Shares of each verdict, for one comparison and for four that share a baseline.
fn verdicts(options: &Options, ratio: f64, title: &str) {
    const ALL: [Verdict; 5] = [
        Verdict::Free,
        Verdict::Negligible,
        Verdict::Costs,
        Verdict::Pays,
        Verdict::Unresolved,
    ];
    println!("\nVerdicts, {title}, percent ± Monte-Carlo SE\n");
    print!("{:<16}{:>7}", "comparisons", "blocks");
    for verdict in ALL {
        print!("{:>12}", verdict.to_string());
    }
    println!();
    let machine = Machine {
        disturbance: Disturbance::Normal,
        trial_sd: 0.005,
        block_sd: 0.02,
    };
    for comparisons in [1, 4] {
        // As many comparisons in every row, and a quarter of the replicates: a whole comparison
        // with its bootstrap costs a thousand times as much as one interval.
        let runs = (options.replicates / 4 / comparisons).max(1);
        let mut ratios = vec![1.0];
        ratios.resize(comparisons + 1, ratio);
        for blocks in BLOCKS {
            let decided = replicate(runs, options.seed, |rng| {
                let series = machine.run(Order::RandomisedBlocks, blocks, &ratios, rng);
                verdicts_of(&series)
            });
            print!("{comparisons:<16}{blocks:>7}");
            let flat: Vec<Verdict> = decided.into_iter().flatten().collect();
            for verdict in ALL {
                print!(
                    "{:>12}",
                    share(flat.iter().map(|v| *v == verdict), flat.len())
                );
            }
            println!();
        }
    }
}

fn verdicts_of(series: &[Vec<f64>]) -> Vec<Verdict> {
    let policy = Policy::default();
    let comparisons: Vec<_> = series[1..]
        .iter()
        .filter_map(|test| compare(&series[0], test, Design::Paired, &policy).ok())
        .collect();
    decide(&comparisons, &policy)
        .into_iter()
        .map(|decision| decision.verdict)
        .collect()
}
