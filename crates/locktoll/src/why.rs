//! `bench --why`: the probes that tell what limits the throughput, added to every block.
//!
//! How much time to add follows from the time per op, which one pilot trial of each configuration
//! measures. Everything else is fixed beforehand, so that the experiment does not depend on its own
//! results.

use std::num::NonZeroU32;
use std::time::Duration;

use locktoll_bench::duration;
use locktoll_bench::plan::{Arm, Cell, Config, Encoders, Plan};
use locktoll_bench::probe::{Ablation, Added, Probe, Resource};
use locktoll_gpu::Protection;

use crate::error::{Error, Result};

/// Levels of added time, as fractions of the time per op: small enough that what limits the throughput
/// mostly stays the same (where it does not, the levels are seen not to be on one line), and otherwise as
/// large as that allows, since the error of a pass-through falls with them: with 10 and 20% it is half as
/// large again.
const LEVELS: [f64; 2] = [0.15, 0.3];
/// The least time that is added: below it, reading the clock is part of it.
const LEAST_NS: f64 = 500.0;
/// Ops that the remedy does in one.
const BATCH: u32 = 4;

/// Which configurations are probed.
///
/// # Errors
/// One that is not part of the plan, or whose locks cannot be held longer on purpose.
pub fn configs(plan: &Plan, named: &[Protection]) -> Result<Vec<Config>> {
    let Some(encoders) = plan.subject.encoders() else {
        return Err(Error::Usage(
            "--why changes the ops of locktoll's own workloads; it cannot change a program of yours"
                .into(),
        ));
    };
    let chosen: Vec<Config> = if named.is_empty() {
        let with_lock = plan.configs.iter().find(|config| {
            config.takes_locks() && matches!(config.lock(), Some(Protection::Caller(_)))
        });
        vec![with_lock.unwrap_or(&plan.baseline).clone()]
    } else {
        named.iter().copied().map(Config::Lock).collect()
    };
    for config in &chosen {
        if !plan.configs.contains(config) {
            return Err(Error::Usage(format!(
                "--why {config}: not among the strategies of this run"
            )));
        }
        if encoders.device.is_gpu() && matches!(config.lock(), Some(Protection::Interposed(_))) {
            return Err(Error::Usage(format!(
                "--why {config}: on a GPU, only locks that the caller takes can be held longer"
            )));
        }
    }
    Ok(chosen)
}

/// The probes. `time_per_op_ns` runs a cell once.
///
/// # Errors
/// A pilot trial did not run to its end.
pub fn probes(
    plan: &Plan,
    configs: &[Config],
    time_per_op_ns: &mut dyn FnMut(&Cell) -> Result<f64>,
) -> Result<Vec<Cell>> {
    let (Some(&threads), Some(encoders)) = (plan.threads.iter().max(), plan.subject.encoders())
    else {
        return Ok(Vec::new());
    };
    let mut cells = Vec::new();
    for config in configs {
        let mut add = |arm: Arm, threads: NonZeroU32| {
            let cell = Cell {
                arm,
                config: config.clone(),
                threads: Some(threads),
                point: None,
            };
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        };
        add(Arm::Probe(Probe::Timed), threads);
        add(Arm::Probe(Probe::Timed), NonZeroU32::MIN);
        let pilot = Cell {
            arm: Arm::Bare,
            config: config.clone(),
            threads: Some(threads),
            point: None,
        };
        let time_ns = time_per_op_ns(&pilot)?;
        for to in Resource::ALL {
            // Where there is no lock, there is no inside.
            if to == Resource::Lock && !config.takes_locks() {
                continue;
            }
            if to == Resource::Device && encoders.device.is_gpu() {
                // A GPU takes longer by a further dispatch, which must be recorded too: the levels are
                // compared with one that has nothing to do.
                add(Arm::Probe(Probe::Added(Added { to, ns: 0 })), threads);
            }
            // Threads run side by side: so much more time of each shows as much.
            let side_by_side = if to.is_per_thread() {
                f64::from(threads.get())
            } else {
                1.0
            };
            for fraction in LEVELS {
                let ns = readable((fraction * side_by_side * time_ns).max(LEAST_NS));
                add(Arm::Probe(Probe::Added(Added { to, ns })), threads);
            }
        }
        if let Some(ops) = NonZeroU32::new(BATCH) {
            add(Arm::Probe(Probe::Batched { ops }), threads);
        }
    }
    cells.extend(ceiling(plan, encoders, threads));
    Ok(cells)
}

/// The levels of time that the probes add on the device.
pub fn device_levels_ns(probes: &[Cell]) -> Vec<u64> {
    let mut levels: Vec<u64> = probes
        .iter()
        .filter_map(|cell| match cell.arm {
            Arm::Probe(Probe::Added(Added {
                to: Resource::Device,
                ns,
            })) => Some(ns),
            _ => None,
        })
        .collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

/// What is taken away from the baseline's op, as far as it is there, and empty ops at one and all
/// threads, on one and all queues.
fn ceiling(plan: &Plan, encoders: &Encoders, threads: NonZeroU32) -> Vec<Cell> {
    let cell = |probe, threads| Cell {
        arm: Arm::Probe(probe),
        config: plan.baseline.clone(),
        threads: Some(threads),
        point: None,
    };
    let mut left = encoders.clone();
    let mut cells: Vec<Cell> = Ablation::ALL
        .into_iter()
        .filter_map(|ablation| {
            let probe = Probe::Without(ablation);
            let before = left.clone();
            probe.change(&mut left);
            (left != before).then(|| cell(probe, threads))
        })
        .collect();
    let own = encoders.device.queues();
    let mut limits = vec![(NonZeroU32::MIN, own), (NonZeroU32::MIN, NonZeroU32::MIN)];
    limits.push((threads, NonZeroU32::MIN));
    for (threads_of_limit, queues) in limits {
        let limit = cell(Probe::Ceiling { queues }, threads_of_limit);
        // The last step of the ablation is the empty op at all threads on the run's own queues.
        if (threads_of_limit, queues) != (threads, own) && !cells.contains(&limit) {
            cells.push(limit);
        }
    }
    cells
}

/// Two leading digits, since people read it.
fn readable(ns: f64) -> u64 {
    let magnitude = 10_f64.powf((ns.log10().floor() - 1.0).max(0.0));
    let rounded_ns = (ns / magnitude).round() * magnitude;
    duration::ns(Duration::try_from_secs_f64(rounded_ns * 1e-9).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_two_digits() {
        for (ns, round) in [(500.0, 500), (12_345.0, 12_000), (987_654.0, 990_000)] {
            assert_eq!(readable(ns), round);
        }
    }
}
