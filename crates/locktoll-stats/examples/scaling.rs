//! How often does the scalability law's fit tell the truth, and how often is it refused?
//!
//! `cargo run --release -p locktoll-stats --example scaling [-- --replicates N --seed S]`
//!
//! Prints shares in percent with their Monte-Carlo standard error. The data are simulated: values
//! of a known curve, with noise of each value and of each block.

use std::process::ExitCode;

use locktoll_stats::simulate::{Disturbance, LEVEL, Machine, Order, replicate};
use locktoll_stats::usl::{Fit, Point, Refusal, Replicates, fit};

const CONFIDENCE: f64 = 0.95;
const POWERS_TO_8: &[u32] = &[1, 2, 4, 8];
const POWERS_TO_32: &[u32] = &[1, 2, 4, 8, 16, 32];
const TO_8: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8];

/// The true throughput at a thread count, as a multiple of that at one thread.
type Curve = fn(f64) -> f64;

fn main() -> ExitCode {
    let mut replicates = 2_000;
    let mut seed = 1;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u32>().ok());
        match (name.as_str(), value) {
            ("--replicates", Some(n)) if n > 0 => replicates = n as usize,
            ("--seed", Some(n)) => seed = u64::from(n),
            _ => {
                eprintln!("known options: --replicates N, --seed S, both whole numbers");
                return ExitCode::from(2);
            }
        }
    }
    coverage(replicates, seed);
    refusals(replicates, seed);
    ExitCode::SUCCESS
}

/// A share as "95.1±0.2".
fn share(hits: usize, of: usize) -> String {
    let p = hits as f64 / of as f64;
    let se = (p * (1.0 - p) / of as f64).sqrt();
    format!("{:.1}±{:.1}", 100.0 * p, 100.0 * se)
}

fn law(sigma: f64, kappa: f64) -> impl Fn(f64) -> f64 + Sync {
    move |n| n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
}

/// One experiment: a curve, measured with noise, fitted.
struct Experiment<'a> {
    curve: &'a (dyn Fn(f64) -> f64 + Sync),
    threads: &'a [u32],
    blocks: usize,
    disturbance: Disturbance,
    noise: f64,
    replicates: Replicates,
}

impl Experiment<'_> {
    fn run(&self, times: usize, seed: u64) -> Vec<Result<Fit, Refusal>> {
        let ratios: Vec<f64> = self
            .threads
            .iter()
            .map(|&n| (self.curve)(f64::from(n)))
            .collect();
        let machine = Machine {
            disturbance: self.disturbance,
            trial_sd: self.noise,
            block_sd: 0.02,
        };
        let order = match self.replicates {
            Replicates::Blocks => Order::RandomisedBlocks,
            Replicates::Independent => Order::FullyRandom,
        };
        replicate(times, seed, |rng| {
            let series = machine.run(order, self.blocks, &ratios, rng);
            let points: Vec<Point> = self
                .threads
                .iter()
                .zip(&series)
                .flat_map(|(&threads, of)| {
                    of.iter().zip(0..).map(move |(&throughput, block)| Point {
                        threads,
                        block,
                        throughput,
                    })
                })
                .collect();
            fit(&points, self.replicates, CONFIDENCE, seed)
        })
    }
}

/// How a row of the coverage table was measured.
const CONDITIONS: [(&str, Disturbance, f64, Replicates); 4] = [
    ("blocks", Disturbance::Normal, 0.02, Replicates::Blocks),
    ("blocks", Disturbance::Normal, 0.10, Replicates::Blocks),
    ("skewed", Disturbance::Skewed, 0.02, Replicates::Blocks),
    ("single", Disturbance::Normal, 0.02, Replicates::Independent),
];

fn coverage(times: usize, seed: u64) {
    println!("Share of accepted fits whose 95% interval holds the truth, and of data refused,");
    println!("percent ± Monte-Carlo SE ({times} replicates, block SD 2%; blocks: values share a");
    println!("block; skewed: now and then a much slower one; single: each value by itself)\n");
    println!(
        "{:<10}{:>6}{:>7}{:>8}{:>7}{:>7}{:>11}{:>11}{:>11}{:>11}{:>10}",
        "threads", "σ", "κ", "data", "noise", "values", "λ", "σ", "κ", "peak", "refused"
    );
    for (threads, name) in [(POWERS_TO_8, "1,2,4,8"), (POWERS_TO_32, "1,2,…,32")] {
        for (sigma, kappa) in [(0.05, 0.005), (0.05, 0.0), (0.0, 0.002), (0.5, 0.01)] {
            let curve = law(sigma, kappa);
            for (data, disturbance, noise, replicates) in CONDITIONS {
                for blocks in [3, 5, 20] {
                    let found = Experiment {
                        curve: &curve,
                        threads,
                        blocks,
                        disturbance,
                        noise,
                        replicates,
                    }
                    .run(times, seed);
                    println!(
                        "{name:<10}{sigma:>6}{kappa:>7}{data:>8}{noise:>7}{blocks:>7}{}",
                        coverage_cells(&found, sigma, kappa, disturbance)
                    );
                }
            }
        }
    }
}

fn coverage_cells(
    found: &[Result<Fit, Refusal>],
    sigma: f64,
    kappa: f64,
    disturbance: Disturbance,
) -> String {
    let fits: Vec<&Fit> = found.iter().flatten().collect();
    let held = |holds: &dyn Fn(&Fit) -> bool| {
        let hits = fits.iter().filter(|fit| holds(fit)).count();
        share(hits, fits.len().max(1))
    };
    let peak = ((1.0 - sigma) / kappa).sqrt();
    let lambda = match disturbance {
        // The mean of a skewed value lies below the level, so that λ is another.
        Disturbance::Skewed => "–".to_owned(),
        _ => held(&|fit| fit.lambda.ci.contains(LEVEL)),
    };
    let peak = held(&|fit| {
        if peak.is_finite() {
            fit.peak.at_least.is_some_and(|end| end <= peak)
                && fit.peak.at_most.is_none_or(|end| peak <= end)
        } else {
            fit.peak.at_most.is_none()
        }
    });
    format!(
        "{lambda:>11}{:>11}{:>11}{peak:>11}{:>10}",
        held(&|fit| fit.sigma.ci.contains(sigma)),
        held(&|fit| fit.kappa.ci.contains(kappa)),
        share(found.len() - fits.len(), found.len()),
    )
}

fn refusals(times: usize, seed: u64) {
    let curves: [(&str, Curve); 6] = [
        ("queue that is full at 2", |n| n.min(2.0)),
        ("queue that is full at 4", |n| n.min(4.0)),
        (
            "step down 20% above 4",
            |n| if n > 4.0 { 0.8 * n } else { n },
        ),
        (
            "step down 10% above 4",
            |n| if n > 4.0 { 0.9 * n } else { n },
        ),
        (
            "half as fast from 2 on",
            |n| if n > 1.0 { 0.5 } else { 1.0 },
        ),
        ("superlinear, N^1.2", |n| n.powf(1.2)),
    ];
    println!("\nData that do not follow the law: share refused, percent ± Monte-Carlo SE");
    println!("(10 blocks; \"off\" is the median of the worst residual, in percent)\n");
    println!(
        "{:<26}{:>12}{:>8}{:>12}{:>12}{:>12}",
        "curve", "threads", "noise", "refused", "accepted", "off"
    );
    for (name, curve) in curves {
        for (threads, which) in [
            (POWERS_TO_8, "1,2,4,8"),
            (TO_8, "1,2,3,…,8"),
            (POWERS_TO_32, "1,2,…,32"),
        ] {
            for noise in [0.005, 0.02, 0.10] {
                let found = Experiment {
                    curve: &curve,
                    threads,
                    blocks: 10,
                    disturbance: Disturbance::Normal,
                    noise,
                    replicates: Replicates::Blocks,
                }
                .run(times, seed);
                let accepted = found.iter().flatten().count();
                let mut off: Vec<f64> = found
                    .iter()
                    .filter_map(|found| match found {
                        Ok(fit) => Some(fit.worst_residual()),
                        Err(
                            Refusal::DoesNotFit { worst, .. } | Refusal::TooNoisy { worst, .. },
                        ) => Some(worst.relative.abs()),
                        Err(_) => None,
                    })
                    .collect();
                off.sort_by(f64::total_cmp);
                let median = off.get(off.len() / 2).copied().unwrap_or(f64::NAN);
                println!(
                    "{name:<26}{which:>12}{noise:>8}{:>12}{:>12}{:>12.1}",
                    share(found.len() - accepted, found.len()),
                    share(accepted, found.len()),
                    100.0 * median
                );
            }
        }
    }
}
