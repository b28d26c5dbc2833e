//! `bench --why`: the probes that tell what limits the throughput, added to every block.
//!
//! How much time to add follows from the time per op, which one pilot trial of each configuration
//! measures. Everything else is fixed beforehand, so that the experiment does not depend on its own
//! results.

use std::num::NonZeroU32;
use std::time::Duration;

use locktoll_bench::duration;
use locktoll_bench::plan::{Arm, Cell, Config, Encoders, Plan, StopRule};
use locktoll_bench::probe::{Ablation, Added, Probe, Resource};
use locktoll_gpu::Protection;
use locktoll_report::format::plural;

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
/// Trials of the unchanged op in a block. All levels are compared with it: with levels at x and 2x, a
/// slope's variance is (5 + 9/n)/25 of a trial's over x², so that three trials instead of one take a
/// quarter off every interval and are a tenth of the trials that ask why.
const UNCHANGED: u32 = 3;

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
        // The baseline has its A/A cell too.
        let present = if *config == plan.baseline { 2 } else { 1 };
        for copy in (1..=UNCHANGED - present).filter_map(NonZeroU32::new) {
            add(Arm::Probe(Probe::Again { copy }), threads);
        }
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

/// What knowing why costs, told before it is paid: how many more trials a block has, and how long that
/// takes where a trial takes as long as the pilots did.
pub fn cost(plan: &Plan, pilot: Duration) -> String {
    let all = plan.cells().len() as u64;
    let block = pilot.saturating_mul(u32::try_from(all).unwrap_or(u32::MAX));
    let limit = Duration::from_nanos(plan.max_time_ns);
    let run = match plan.stop {
        _ if !limit.is_zero() => {
            // Two are measured in any case.
            let room = (plan.max_time_ns / duration::ns(block).max(1)).max(2);
            format!(
                "; in {} that is about {}",
                humantime::format_duration(limit),
                plural(room, "block")
            )
        }
        StopRule::Blocks { blocks } => {
            let run = block.saturating_mul(u32::try_from(blocks).unwrap_or(u32::MAX));
            format!("; {} take about {}", plural(blocks, "block"), about(run))
        }
        StopRule::Precision { .. } => String::new(),
    };
    format!(
        "To know why, each block has {} more, {all} in all: about {} a block, by the pilot trials{run}.",
        plural(plan.probes.len() as u64, "trial"),
        about(block)
    )
}

/// In tenths of a second, and in whole ones from ten on.
fn about(time: Duration) -> humantime::FormattedDuration {
    let step_ms = if time < Duration::from_secs(10) {
        100
    } else {
        1_000
    };
    let ms = duration::ns(time) / 1_000_000;
    humantime::format_duration(Duration::from_millis((ms / step_ms).max(1) * step_ms))
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
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::cli::{Cli, Command, Locks};
    use crate::planning;

    #[test]
    fn levels_have_two_digits() {
        for (ns, round) in [(500.0, 500), (12_345.0, 12_000), (987_654.0, 990_000)] {
            assert_eq!(readable(ns), round);
        }
    }

    /// The plan of a command line, with its probes.
    fn planned(flags: &str) -> Plan {
        let words = ["locktoll", "bench", "--device", "soft"];
        let cli = Cli::parse_from(words.into_iter().chain(flags.split_whitespace()));
        let Command::Bench(arguments) = cli.command else {
            panic!("not bench");
        };
        let Locks(named) = arguments.why.clone().unwrap();
        let mut plan = planning::plan(&arguments).unwrap().0;
        let configs = configs(&plan, &named).unwrap();
        plan.probes = probes(&plan, &configs, &mut |_| Ok(1e5)).unwrap();
        plan
    }

    #[test]
    fn the_help_tells_how_many_trials_more() {
        let one = planned("--why").probes.len();
        let two = planned("--why=global,per-encoder").probes.len();
        let mut cli = Cli::command();
        let bench = cli.find_subcommand_mut("bench").unwrap();
        let help = bench.render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = format!(
            "{one} further trials a block, and {} more for each",
            two - one
        );
        assert!(help.contains(&told), "{told} is not in {help}");
    }

    #[test]
    fn every_probed_lock_has_three_trials_of_the_unchanged_op_in_a_block() {
        let plan = planned("--strategies none,global --threads 4 --why=none,global");
        for lock in ["none", "global"] {
            let config = Config::Lock(lock.parse().unwrap());
            let unchanged = |cell: &&Cell| {
                cell.config == config
                    && matches!(
                        cell.arm,
                        Arm::Bare | Arm::AA | Arm::Probe(Probe::Again { .. })
                    )
            };
            assert_eq!(plan.cells().iter().filter(unchanged).count(), 3, "{lock}");
        }
    }

    #[test]
    fn the_cost_is_told_in_trials_and_time() {
        let pilot = Duration::from_millis(250);
        let plan = planned("--strategies none,global --threads 4 --why --blocks 20");
        let (more, all) = (plan.probes.len(), plan.cells().len());
        let told = cost(&plan, pilot);
        let start = format!("To know why, each block has {more} trials more, {all} in all: about ");
        assert!(told.starts_with(&start), "{told}");
        let block = about(pilot * u32::try_from(all).unwrap());
        assert!(told.contains(&format!("about {block} a block")), "{told}");
        assert!(told.contains("; 20 blocks take about "), "{told}");
        let limited = planned("--strategies none,global --threads 4 --why --max-time 1min");
        assert!(
            cost(&limited, Duration::from_mins(1)).contains("; in 1m that is about 2 blocks"),
            "{}",
            cost(&limited, Duration::from_mins(1))
        );
    }
}
