//! The refinement of a map on simulated devices whose crossovers are known.

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::{encoders, header, nonzero, plan, samples};
use locktoll_bench::Result;
use locktoll_bench::launch::Launch;
use locktoll_bench::map::judge::{judge, levels, points};
use locktoll_bench::map::{Crossing, Grid, Level, Side, grid, refine, stages};
use locktoll_bench::plan::{Arm, Cell, Plan, StopRule};
use locktoll_bench::run::Runner;
use locktoll_bench::samples::{
    Crash, Iteration, Measurement, Outcome, Samples, SamplesWriter, StopReason, Trial, Usage, parse,
};
use locktoll_stats::Policy;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

const LEVELS: usize = 17;

/// A device on which `global` has an overhead that depends on the work, and whose throughput
/// varies from trial to trial.
struct Device {
    /// Overhead by work per op in nanoseconds.
    overhead: fn(f64, f64) -> f64,
    /// A parameter of the overhead: the work at which it crosses the margin.
    crossing_ns: f64,
    /// Standard deviation of a trial's logarithm.
    noise: fn(f64) -> f64,
    /// Share of the trials without a lock that crash.
    crashes: f64,
}

/// The lock takes `crossing/1.01` of the device's time: work below waits for it.
fn costs_then_free(work_ns: f64, crossing_ns: f64) -> f64 {
    (1.0 - work_ns * 0.99 / crossing_ns).max(0.0)
}

/// Costs 20% below a third of the crossing, nothing up to it, and gains above.
fn costs_then_free_then_pays(work_ns: f64, crossing_ns: f64) -> f64 {
    if work_ns < crossing_ns / 16.0 {
        0.2
    } else if work_ns < crossing_ns {
        0.0
    } else {
        -0.1
    }
}

fn never_costs(_: f64, _: f64) -> f64 {
    0.0
}

impl Device {
    fn trial(&self, cell: &Cell, random: &mut Pcg64Mcg) -> Outcome {
        let work_ns = cell.point.expect("a cell of a map").work_ns as f64;
        let locked = cell.config.to_string() == "global";
        if !locked && random.random::<f64>() < self.crashes {
            return Outcome::Crashed(Crash {
                signal: "SIGABRT".into(),
                iteration: None,
                thread: None,
                message: "simulated".into(),
            });
        }
        // Irwin–Hall with 12 terms: near enough to a normal variable of variance 1.
        let normal = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        let factor = if locked {
            1.0 - (self.overhead)(work_ns, self.crossing_ns)
        } else {
            1.0
        };
        let ops_per_s = 10_000.0 * factor * ((self.noise)(work_ns) * normal).exp();
        let elapsed = Duration::from_secs_f64(1e9 / ops_per_s);
        Outcome::Completed(Box::new(Measurement {
            iterations: vec![Iteration {
                ops: 1_000_000_000,
                elapsed_ns: locktoll_bench::duration::ns(elapsed),
                ops_by_thread: vec![1_000_000_000],
            }],
            printed: None,
            latency: None,
            usage: Usage::default(),
            device_busy_ns: None,
            lock_events: None,
        }))
    }
}

fn map_plan(seed: u64) -> Plan {
    let mut plan = plan(StopRule::Blocks { blocks: 6 });
    plan.seed = seed;
    plan.counted = false;
    plan.threads = vec![nonzero(8)];
    encoders(&mut plan).size.warmup = 0;
    plan.map = Some(Grid {
        queues: vec![nonzero(1)],
        levels_ns: grid::log_spaced(2_000, 512_000, LEVELS).unwrap(),
        coarse: grid::default_coarse(LEVELS),
        blocks: 6,
        timed: Vec::new(),
    });
    plan.check().unwrap();
    plan
}

fn grid_of(samples: &Samples) -> &Grid {
    samples.header.plan.map.as_ref().unwrap()
}

/// Runs a map on a simulated device without files: each due stage in full, until none is due.
fn simulate(plan: Plan, device: &Device) -> Samples {
    let mut random = Pcg64Mcg::seed_from_u64(plan.seed);
    let cells = plan.cells();
    let mut samples = samples(plan);
    let grid = grid_of(&samples).clone();
    while let Some(stage) = stages::replay(&samples, &grid).1 {
        for block in stage.block_range() {
            for &slot in &stage.slots {
                let outcome = device.trial(&cells[slot], &mut random);
                samples.trials.push(Trial {
                    block,
                    slot,
                    order: samples.trials.len() as u64,
                    cell: cells[slot].clone(),
                    command: Vec::new(),
                    started_unix_ns: 0,
                    wall_ns: 0,
                    load_1m: None,
                    outcome,
                });
            }
        }
    }
    samples
}

/// What is known of the only row at the end.
fn row(samples: &Samples) -> Vec<Level> {
    let (plan, grid) = (&samples.header.plan, grid_of(samples));
    let judged = judge(points(plan, grid, &samples.trials), &Policy::default());
    levels(plan, grid, &judged).remove(0)
}

/// Trials per trial of the finest grid.
fn share(samples: &Samples) -> f64 {
    samples.trials.len() as f64 / grid_of(samples).full_trials(&samples.header.plan) as f64
}

/// Quiet where there is work, loud where there is little.
fn noise(work_ns: f64) -> f64 {
    0.003 + 0.02 * (-work_ns / 8_000.0).exp()
}

#[test]
fn the_bracket_contains_the_crossing_and_few_trials_find_it() {
    let maps = 2_000;
    let (mut found, mut covered, mut exact, mut shares) = (0, 0, 0, Vec::new());
    for seed in 0..maps {
        // Anywhere between the second level and the last but one, on a logarithmic scale.
        let at = Pcg64Mcg::seed_from_u64(seed ^ 0x5eed).random::<f64>();
        let device = Device {
            overhead: costs_then_free,
            crossing_ns: 2_828.0 * (362_038.0_f64 / 2_828.0).powf(at),
            noise,
            crashes: 0.0,
        };
        let samples = simulate(map_plan(seed), &device);
        let levels_ns = &grid_of(&samples).levels_ns;
        let row = row(&samples);
        let crossings = refine::crossings(&row);
        found += usize::from(crossings.len() == 1);
        covered += usize::from(crossings.iter().any(|crossing| {
            levels_ns[crossing.below] as f64 <= device.crossing_ns
                && device.crossing_ns <= levels_ns[crossing.above] as f64
        }));
        exact += usize::from(refine::is_complete(&row));
        shares.push(share(&samples));
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    shares.sort_by(f64::total_cmp);
    let most = shares[shares.len() * 95 / 100];
    println!(
        "one crossing {found}, containing the truth {covered}, to one step {exact} of {maps}; \
         trials {:.1}% (95% of maps: at most {:.1}%)",
        mean * 100.0,
        most * 100.0
    );
    assert!(found * 100 >= maps_percent(maps, 97), "{found}");
    assert!(covered * 100 >= maps_percent(maps, 95), "{covered}");
    assert!(mean <= 0.4, "{mean}");
}

fn maps_percent(maps: u64, percent: usize) -> usize {
    usize::try_from(maps).unwrap() * percent
}
