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

/// Costs 20% below a 16th of the crossing, nothing up to it, and gains above.
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
            added_ns: None,
            stages: None,
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

/// The same at every level: small enough to settle almost every point.
fn quiet(_: f64) -> f64 {
    0.003
}

/// Loud where there is little work, as GPUs are: points above a crossing there stay open.
fn loud(work_ns: f64) -> f64 {
    0.003 + 0.02 * (-work_ns / 8_000.0).exp()
}

/// So loud that nothing can be settled.
fn deafening(_: f64) -> f64 {
    0.5
}

struct Found {
    maps: u64,
    /// Maps with one crossing.
    one: u64,
    /// Maps of which a crossing contains the truth.
    covered: u64,
    /// Maps whose crossings are known to one step.
    exact: u64,
    /// Mean share of the finest grid's trials.
    share: f64,
}

/// Maps of a device whose overhead crosses the margin once, anywhere but next to the ends.
fn maps_with_one_crossing(maps: u64, noise: fn(f64) -> f64) -> Found {
    let mut all = Found {
        maps,
        one: 0,
        covered: 0,
        exact: 0,
        share: 0.0,
    };
    for seed in 0..maps {
        let at = Pcg64Mcg::seed_from_u64(seed ^ 0x5eed).random::<f64>();
        let device = Device {
            overhead: costs_then_free,
            crossing_ns: 2_828.0 * (362_038.0_f64 / 2_828.0).powf(at),
            noise,
            crashes: 0.0,
        };
        let samples = simulate(map_plan(seed), &device);
        let row = row(&samples);
        let crossings = refine::crossings(&row);
        all.one += u64::from(crossings.len() == 1);
        all.covered += u64::from(contains(&samples, &crossings, device.crossing_ns));
        all.exact += u64::from(refine::is_complete(&row));
        all.share += share(&samples) / maps as f64;
    }
    println!(
        "one crossing {}, containing the truth {}, to one step {} of {maps}; trials {:.1}%",
        all.one,
        all.covered,
        all.exact,
        all.share * 100.0
    );
    all
}

fn contains(samples: &Samples, crossings: &[Crossing], truth_ns: f64) -> bool {
    let levels_ns = &grid_of(samples).levels_ns;
    crossings.iter().any(|crossing| {
        levels_ns[crossing.below] as f64 <= truth_ns && truth_ns <= levels_ns[crossing.above] as f64
    })
}

#[test]
fn the_bracket_contains_the_crossing_and_few_trials_find_it() {
    let found = maps_with_one_crossing(1_000, quiet);
    assert!(found.one * 100 >= found.maps * 98, "{}", found.one);
    assert!(found.covered * 100 >= found.maps * 98, "{}", found.covered);
    assert!(found.exact * 100 >= found.maps * 90, "{}", found.exact);
    assert!(found.share <= 0.4, "{}", found.share);
}

#[test]
fn noise_widens_the_bracket_and_does_not_move_it() {
    let found = maps_with_one_crossing(1_000, loud);
    assert!(found.one * 100 >= found.maps * 98, "{}", found.one);
    assert!(found.covered * 100 >= found.maps * 98, "{}", found.covered);
    assert!(found.exact < found.maps * 9 / 10, "{}", found.exact);
    assert!(found.share <= 0.45, "{}", found.share);
}

#[test]
fn without_a_crossing_the_coarse_levels_are_all() {
    let mut spurious = 0;
    for seed in 0..300 {
        let device = Device {
            overhead: never_costs,
            crossing_ns: 0.0,
            noise: quiet,
            crashes: 0.0,
        };
        let samples = simulate(map_plan(seed), &device);
        let row = row(&samples);
        let crossings = refine::crossings(&row);
        let ends_settle = row[0] != Level::Open && row[LEVELS - 1] != Level::Open;
        // 3 levels with 2 cells each, and the A/A cell, in 6 blocks.
        assert!(!crossings.is_empty() || !ends_settle || samples.trials.len() == 42);
        spurious += u64::from(!crossings.is_empty());
    }
    // A false side needs a whole interval beyond the margin, 8 standard errors away.
    assert_eq!(spurious, 0);
}

#[test]
fn two_crossings_are_both_found() {
    let mut both = 0;
    let maps = 300;
    for seed in 0..maps {
        let at = Pcg64Mcg::seed_from_u64(seed ^ 0x5eed).random::<f64>();
        let device = Device {
            overhead: costs_then_free_then_pays,
            // With the first crossing at a 16th of it, the middle level lies between the two.
            crossing_ns: 40_000.0 * (400_000.0_f64 / 40_000.0).powf(at),
            noise: quiet,
            crashes: 0.0,
        };
        let samples = simulate(map_plan(seed), &device);
        let row = row(&samples);
        let crossings = refine::crossings(&row);
        let sides: Vec<Level> = crossings.iter().map(|c| row[c.below]).collect();
        both += u64::from(
            sides == [Level::Settled(Side::Costs), Level::Settled(Side::Inside)]
                && contains(&samples, &crossings[..1], device.crossing_ns / 16.0)
                && contains(&samples, &crossings[1..], device.crossing_ns),
        );
    }
    assert!(both * 100 >= maps * 97, "{both} of {maps}");
}

#[test]
fn where_nothing_settles_nothing_is_claimed_and_little_is_run() {
    let mut longer = 0;
    for seed in 0..50 {
        let device = Device {
            overhead: costs_then_free,
            crossing_ns: 3_000.0,
            noise: deafening,
            crashes: 0.0,
        };
        let samples = simulate(map_plan(seed), &device);
        let row = row(&samples);
        assert_eq!(refine::crossings(&row), [], "seed {seed}");
        assert!(!refine::is_complete(&row));
        // The lock does cost at the least work, and where luck settles that, it is asked how far it does.
        longer += u64::from(samples.trials.len() > 42);
        assert!(share(&samples) <= 0.4, "seed {seed}: {}", share(&samples));
    }
    assert!(longer <= 5, "{longer} of 50");
}

#[test]
fn crashed_trials_leave_their_blocks_out_and_their_points_open() {
    let device = |crashes| Device {
        overhead: costs_then_free,
        crossing_ns: 40_000.0,
        noise: quiet,
        crashes,
    };
    let never = simulate(map_plan(1), &device(1.0));
    let (plan, grid) = (&never.header.plan, grid_of(&never));
    let judged = judge(points(plan, grid, &never.trials), &Policy::default());
    assert_eq!(judged.len(), 4, "three levels and A/A");
    for point in &judged {
        assert!(point.estimate.is_none() && point.side == Level::Open);
        assert_eq!(point.values.crashed, 6);
    }
    let sometimes = simulate(map_plan(1), &device(0.1));
    assert!(contains(
        &sometimes,
        &refine::crossings(&row(&sometimes)),
        40_000.0
    ));
}

/// Counts its trials, and is interrupted at one of them.
struct Simulator {
    device: Device,
    launched: AtomicU64,
    interrupt_at: u64,
}

impl Launch for Simulator {
    fn launch(
        &self,
        _: &[String],
        cell: &Cell,
        _: Duration,
        _: &AtomicBool,
    ) -> Result<Option<Outcome>> {
        let number = self.launched.fetch_add(1, Ordering::Relaxed);
        if number >= self.interrupt_at {
            return Ok(None);
        }
        // What a cell measures depends on the cell alone, so that the same cells come out whenever
        // the run is broken off.
        let seed = cell.point.expect("a cell of a map").work_ns + number % 7;
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        Ok(Some(self.device.trial(cell, &mut random)))
    }
}

fn run(path: &Path, interrupt_at: u64) -> (StopReason, u64) {
    let simulator = Simulator {
        device: Device {
            overhead: costs_then_free,
            crossing_ns: 40_000.0,
            noise: quiet,
            crashes: 0.0,
        },
        launched: AtomicU64::new(0),
        interrupt_at,
    };
    let (mut writer, mut all) = if path.exists() {
        SamplesWriter::resume(path).unwrap()
    } else {
        let plan = map_plan(5);
        let writer = SamplesWriter::create(path, header(plan.clone())).unwrap();
        (writer, samples(plan))
    };
    let runner = Runner {
        launcher: &simulator,
        command_line: &common::any_command,
        interrupted: &AtomicBool::new(false),
    };
    let reason = runner.run_map(&mut all, &mut writer, &mut |_| {}).unwrap();
    (reason, simulator.launched.load(Ordering::Relaxed))
}

/// Blocks and slots in the order in which they were run.
fn course(path: &Path) -> Vec<(u64, usize)> {
    let samples = Samples::read(path).unwrap();
    let trials = samples.trials.iter();
    trials.map(|trial| (trial.block, trial.slot)).collect()
}

#[test]
fn a_map_cut_anywhere_goes_on_to_the_same_cells_in_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.jsonl");
    assert_eq!(run(&whole, u64::MAX).0, StopReason::Refined);
    let trials = course(&whole).len() as u64;
    let bytes = std::fs::read(&whole).unwrap();
    let header_ends = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for cut in (header_ends..bytes.len()).step_by(3_001) {
        let path = folder.path().join("cut.jsonl");
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let kept = Samples::read(&path).unwrap().trials.len() as u64;
        let (reason, launched) = run(&path, u64::MAX);
        assert_eq!(reason, StopReason::Refined);
        assert_eq!(
            launched,
            trials - kept,
            "a trial was run twice, or left out"
        );
        assert_eq!(course(&path), course(&whole));
        std::fs::remove_file(&path).unwrap();
    }
    let broken = folder.path().join("broken.jsonl");
    assert_eq!(run(&broken, 17).0, StopReason::Interrupted);
    run(&broken, u64::MAX);
    assert_eq!(course(&broken), course(&whole));
    assert_eq!(
        run(&whole, u64::MAX).1,
        0,
        "a finished map is measured again"
    );
}

#[test]
fn a_trial_in_another_slot_than_its_own_is_an_error_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.jsonl");
    run(&path, u64::MAX);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let says = |line: &str| {
        let text = format!("{}\n{}\n{line}\n", lines[0], lines[1]);
        let error = parse(text.as_bytes(), Path::new("s.jsonl")).unwrap_err();
        error.to_string()
    };
    assert!(says(lines[1]).contains("s.jsonl:3: block 0 slot"));
    let start = lines[2].find("\"slot\":").unwrap() + "\"slot\":".len();
    let end = start + lines[2][start..].find(',').unwrap();
    for slot in ["33", "999999"] {
        let moved = format!("{}{slot}{}", &lines[2][..start], &lines[2][end..]);
        let said = says(&moved);
        assert!(
            said.starts_with(&format!("s.jsonl:3: slot {slot} is not")),
            "{said}"
        );
    }
}

#[test]
fn the_cells_of_a_map_have_a_slot_each_and_one_a_a_cell_a_row() {
    let mut plan = map_plan(1);
    plan.threads = vec![nonzero(1), nonzero(8)];
    let grid = plan.map.as_mut().unwrap();
    grid.queues = vec![nonzero(1), nonzero(4)];
    let grid = grid.clone();
    let cells = plan.cells();
    assert_eq!(cells.len(), 4 * (2 * LEVELS + 1));
    assert_eq!(grid.full_trials(&plan), 6 * cells.len() as u64);
    for (at, row) in grid.rows(&plan).into_iter().enumerate() {
        let of = |slot: usize| {
            let cell = &cells[slot];
            let point = cell.point.unwrap();
            assert_eq!(
                (cell.threads, point.queues),
                (Some(row.threads), row.queues)
            );
            (cell.arm, cell.config.to_string(), point.work_ns)
        };
        for (level, &work_ns) in grid.levels_ns.iter().enumerate() {
            let [base, test] = grid.slots(at, level).map(of);
            assert_eq!(base, (Arm::Bare, "none".into(), work_ns));
            assert_eq!(test, (Arm::Bare, "global".into(), work_ns));
        }
        let [base, again] = grid.a_a_slots(at).map(of);
        assert_eq!((again.0, &again.1, again.2), (Arm::AA, &base.1, base.2));
    }
}
