//! Simulated runs with known truth: does a 95% interval hold the truth 95 times in 100?
//!
//! Each arm's value is level × ratio × disturbance, where the disturbance has the same
//! distribution in every arm. Both the ratio of means and the mean log ratio are then the ratio
//! given, so every method is held to the same truth. The `coverage` example tabulates the answers.

use std::num::NonZero;
use std::thread;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Operations per second of an undisturbed baseline; any positive number.
pub const LEVEL: f64 = 10_000.0;
/// Correlation of neighbours under [`Disturbance::Autoregressive`].
const CORRELATION: f64 = 0.5;
/// Rise over the run under [`Disturbance::Drift`], in standard deviations of a trial.
const DRIFT_SDS: f64 = 5.0;

/// How trials differ from one another besides their arm and block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// Independent normal.
    Normal,
    /// Independent; now and then a trial is much slower (time is lognormal above a floor).
    Skewed,
    /// Independent normal on a straight rise over the run.
    Drift,
    /// Normal, correlated 0.5 with the trial before in run order.
    Autoregressive,
}

/// The order of the trials, and what they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Block after block, arms in random order inside each; a block's trials share its effect.
    RandomisedBlocks,
    /// All trials in random order, each with a block effect of its own.
    FullyRandom,
    /// All trials of one arm, then all of the next, each with a block effect of its own.
    Sequential,
}

/// A machine to measure on; standard deviations are fractions of the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// How trials differ.
    pub disturbance: Disturbance,
    /// Standard deviation of a trial.
    pub trial_sd: f64,
    /// Standard deviation of a block's effect.
    pub block_sd: f64,
}

impl Machine {
    /// Measures `blocks` trials of each arm, where `ratios[arm]` is its true throughput as a
    /// fraction of the level. Returns one series for each arm, in block order.
    pub fn run(
        &self,
        order: Order,
        blocks: usize,
        ratios: &[f64],
        rng: &mut Pcg64,
    ) -> Vec<Vec<f64>> {
        let effects: Vec<f64> = (0..blocks).map(|_| self.block_sd * normal(rng)).collect();
        let schedule = schedule(order, blocks, ratios.len(), rng);
        let mut series = vec![vec![0.0; blocks]; ratios.len()];
        let mut carried = normal(rng);
        for (position, &(arm, block)) in schedule.iter().enumerate() {
            let effect = match order {
                Order::RandomisedBlocks => effects[block],
                Order::FullyRandom | Order::Sequential => self.block_sd * normal(rng),
            };
            let progress = position as f64 / schedule.len() as f64;
            let trial = self.trial(progress, &mut carried, rng);
            series[arm][block] = LEVEL * ratios[arm] * (1.0 + effect) * trial;
        }
        series
    }

    fn trial(&self, progress: f64, carried: &mut f64, rng: &mut Pcg64) -> f64 {
        let z = normal(rng);
        match self.disturbance {
            Disturbance::Normal => 1.0 + self.trial_sd * z,
            Disturbance::Skewed => 1.0 / (1.0 + self.trial_sd * z.exp()),
            Disturbance::Drift => 1.0 + self.trial_sd * (z + DRIFT_SDS * progress),
            Disturbance::Autoregressive => {
                *carried = CORRELATION * *carried + (1.0 - CORRELATION * CORRELATION).sqrt() * z;
                1.0 + self.trial_sd * *carried
            }
        }
    }
}

/// (arm, block) of every trial, in run order.
fn schedule(order: Order, blocks: usize, arms: usize, rng: &mut Pcg64) -> Vec<(usize, usize)> {
    let by_block = (0..blocks).flat_map(|block| (0..arms).map(move |arm| (arm, block)));
    match order {
        Order::Sequential => (0..arms)
            .flat_map(|arm| (0..blocks).map(move |block| (arm, block)))
            .collect(),
        Order::FullyRandom => {
            let mut all: Vec<_> = by_block.collect();
            shuffle(&mut all, rng);
            all
        }
        Order::RandomisedBlocks => {
            let mut all: Vec<_> = by_block.collect();
            for block in all.chunks_mut(arms) {
                shuffle(block, rng);
            }
            all
        }
    }
}

/// Fisher–Yates.
fn shuffle<T>(items: &mut [T], rng: &mut Pcg64) {
    for i in (1..items.len()).rev() {
        items.swap(i, rng.random_range(0..=i));
    }
}

/// A standard normal variate (G. E. P. Box and M. E. Muller, *Annals of Mathematical Statistics*
/// 29 (1958) 610–611).
pub fn normal(rng: &mut Pcg64) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Runs an experiment many times, on all processors. Each replicate has its own generator, seeded
/// by `seed` and its number, so the results do not depend on the number of processors.
pub fn replicate<T: Send>(
    replicates: usize,
    seed: u64,
    experiment: impl Fn(&mut Pcg64) -> T + Sync,
) -> Vec<T> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let share = replicates.div_ceil(workers).max(1);
    let one = |number: usize| {
        // Consecutive seeds are far apart after seed_from_u64's own mixing.
        experiment(&mut Pcg64::seed_from_u64(seed.wrapping_add(number as u64)))
    };
    thread::scope(|scope| {
        let handles: Vec<_> = (0..replicates)
            .step_by(share)
            .map(|from| {
                let one = &one;
                scope.spawn(move || {
                    (from..replicates.min(from + share))
                        .map(one)
                        .collect::<Vec<T>>()
                })
            })
            .collect();
        handles
            .into_iter()
            .flat_map(|handle| match handle.join() {
                Ok(results) => results,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}
