//! Root causes of machines whose truth is arithmetic: every trial's time per op is worked out from
//! what limits the machine, and the analysis must find that out.

use std::num::NonZeroU32;

use locktoll::analysis::measured::{Overrides, analyse};
use locktoll::why;
use locktoll_bench::environment::Environment;
use locktoll_bench::plan::{
    Arm, Cell, Config, DevicePlan, Encoders, Plan, StopRule, Subject, TrialSize,
};
use locktoll_bench::probe::{Ablation, Added, Probe, Resource};
use locktoll_bench::samples::{
    DeviceFacts, Durations, Header, Iteration, LockEvents, Measurement, Outcome, SCHEMA, Samples,
    Trial, Usage,
};
use locktoll_bench::stages::Stages;
use locktoll_bench::workload::Workload;
use locktoll_gpu::DeviceChoice;
use locktoll_report::model::{Cause, Part, Root, RunResult};

const THREADS: u32 = 4;
const BLOCKS: u64 = 8;
const OPS: u64 = 1000;

/// A machine: what one op needs, and what that makes of the time per op.
struct Machine {
    config: &'static str,
    /// On the thread's CPU before the lock.
    outside_ns: f64,
    /// Inside the lock, before the commit.
    inside_ns: f64,
    commit_ns: f64,
    device_ns: f64,
    latency_ns: f64,
    /// Locks taken by an op, and how many of them were taken already.
    acquisitions: u64,
    contentions: u64,
    /// Time per op of several threads, from these five times.
    time_ns: fn([f64; 5]) -> f64,
}

impl Machine {
    /// The five times with what a probe adds.
    fn times(&self, added: Option<Added>) -> [f64; 5] {
        let extra = |to| match added {
            Some(added) if added.to == to => added.ns as f64,
            _ => 0.0,
        };
        [
            self.outside_ns + extra(Resource::Encode),
            self.inside_ns + extra(Resource::Lock),
            self.commit_ns + extra(Resource::Submit),
            self.device_ns + extra(Resource::Device),
            self.latency_ns + extra(Resource::Wait),
        ]
    }

    fn time_per_op_ns(&self, cell: &Cell) -> f64 {
        let threads = cell.threads.map_or(1, NonZeroU32::get);
        match cell.arm {
            // Alone, a thread goes through all of them one after the other.
            _ if threads == 1 => self.times(None).iter().sum(),
            Arm::Probe(Probe::Added(added)) => (self.time_ns)(self.times(Some(added))),
            Arm::Probe(Probe::Without(Ablation::Sync) | Probe::Ceiling { .. }) => self.commit_ns,
            Arm::Probe(Probe::Without(_)) => self.commit_ns + self.latency_ns,
            _ => (self.time_ns)(self.times(None)),
        }
    }

    fn measure(&self, cell: &Cell, noise: f64) -> Measurement {
        let time_ns = self.time_per_op_ns(cell) * (1.0 + noise);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small and positive
        let total = |per_op_ns: f64| (per_op_ns * OPS as f64) as u64;
        let timed = cell.arm == Arm::Probe(Probe::Timed);
        let hold_ns = total(self.inside_ns + self.commit_ns);
        Measurement {
            iterations: vec![Iteration {
                ops: OPS,
                elapsed_ns: total(time_ns),
                ops_by_thread: Vec::new(),
            }],
            printed: None,
            latency: None,
            usage: Usage {
                user_ns: total(self.outside_ns + self.inside_ns + self.commit_ns),
                ..Usage::default()
            },
            device_busy_ns: Some(total(self.device_ns)),
            lock_events: timed.then(|| LockEvents {
                acquisitions: OPS * self.acquisitions,
                contentions: OPS * self.contentions,
                hold: Durations {
                    count: OPS * self.acquisitions,
                    total_ns: hold_ns,
                    ..Durations::default()
                },
                ..LockEvents::default()
            }),
            added_ns: match cell.arm {
                Arm::Probe(Probe::Added(added)) => Some(added.ns * OPS),
                _ => None,
            },
            stages: timed.then(|| Stages {
                outside_ns: total(self.outside_ns),
                asking_ns: 0,
                encoding_ns: total(self.inside_ns),
                commit_ns: total(self.commit_ns),
                waiting_ns: total(self.device_ns + self.latency_ns),
            }),
        }
    }

    fn plan(&self) -> Plan {
        let nonzero = |n| NonZeroU32::new(n).unwrap();
        let workload = Workload::built_in("timed").unwrap();
        let config = Config::Lock(self.config.parse().unwrap());
        let mut plan = Plan {
            subject: Subject::Encoders(Encoders {
                device: DevicePlan {
                    choice: DeviceChoice::Soft,
                    soft: locktoll_gpu::SoftSettings::default(),
                    queues: nonzero(1),
                    timed: None,
                    added: Vec::new(),
                    fault: None,
                },
                sync: workload.sync,
                workload,
                size: TrialSize {
                    ops_per_thread: nonzero(50),
                    iterations: nonzero(1),
                    warmup: 0,
                },
            }),
            configs: vec![config.clone()],
            baseline: config,
            baseline_named: true,
            baseline_reason: None,
            threads: vec![nonzero(THREADS)],
            counted: false,
            probes: Vec::new(),
            map: None,
            stop: StopRule::Blocks { blocks: BLOCKS },
            max_time_ns: 0,
            trial_timeout_ns: 1_000_000_000,
            seed: 1,
            margin: 0.01,
            confidence: 0.95,
            max_cost: None,
            command: "test".into(),
        };
        let configs = why::configs(&plan, &[self.config.parse().unwrap()]).unwrap();
        plan.probes =
            why::probes(&plan, &configs, &mut |cell| Ok(self.time_per_op_ns(cell))).unwrap();
        plan
    }

    /// A whole run with 1% noise between trials.
    fn run(&self) -> RunResult {
        let plan = self.plan();
        let cells = plan.cells();
        let mut state = 42_u64;
        let mut noise = || {
            // Knuth's 64-bit linear congruential generator: any fixed numbers will do.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f64 / f64::from(1 << 24) - 0.5) * 0.02
        };
        let trials = (0..BLOCKS)
            .flat_map(|block| {
                cells
                    .iter()
                    .enumerate()
                    .map(move |(slot, cell)| (block, slot, cell))
            })
            .enumerate()
            .map(|(order, (block, slot, cell))| Trial {
                block,
                slot,
                order: order as u64,
                cell: cell.clone(),
                command: Vec::new(),
                started_unix_ns: 0,
                wall_ns: 1,
                load_1m: None,
                outcome: Outcome::Completed(Box::new(self.measure(cell, noise()))),
            })
            .collect();
        let samples = Samples {
            header: Header {
                schema: SCHEMA.into(),
                plan,
                environment: Environment::from([("cores".to_owned(), 8.into())]),
                device: Some(DeviceFacts {
                    name: "soft".into(),
                    driver: "none".into(),
                    settings: String::new(),
                    notes: Vec::new(),
                    engines: 1,
                }),
                uncontended_ns: [].into(),
            },
            trials,
            resumed: Vec::new(),
            stopped: None,
        };
        analyse(&samples, "test", &Overrides::default()).unwrap()
    }

    fn cause(&self) -> Cause {
        self.run().causes.remove(0)
    }

    fn contention_rate(&self) -> f64 {
        self.contentions as f64 / self.acquisitions as f64
    }
}

fn share(cause: &Cause, part: Part) -> f64 {
    let row = cause.shares.iter().find(|row| row.part == part).unwrap();
    row.share.unwrap().estimate
}

/// Threads queue at one resource: the sum of what is inside the lock, or the device.
const LOCK_OR_DEVICE: fn([f64; 5]) -> f64 = |[outside, inside, commit, device, latency]| {
    let round = outside + inside + commit + device + latency;
    (inside + commit)
        .max(device)
        .max(round / f64::from(THREADS))
};

const CONTENDED_AND_FREE: Machine = Machine {
    config: "global",
    outside_ns: 1_000.0,
    inside_ns: 20_000.0,
    commit_ns: 5_000.0,
    device_ns: 200_000.0,
    latency_ns: 10_000.0,
    acquisitions: 1,
    // Threads that wake together all want it, and find it taken.
    contentions: 1,
    time_ns: LOCK_OR_DEVICE,
};

const RARELY_CONTENDED_AND_DEAR: Machine = Machine {
    config: "interposed:global",
    outside_ns: 1_000.0,
    inside_ns: 290_000.0,
    commit_ns: 10_000.0,
    device_ns: 30_000.0,
    latency_ns: 10_000.0,
    // Many short ones that nobody is in the way of, and a long one for which the others wait.
    acquisitions: 40,
    contentions: 1,
    time_ns: LOCK_OR_DEVICE,
};

#[test]
fn a_lock_that_is_always_contended_may_cost_nothing() {
    let machine = CONTENDED_AND_FREE;
    assert!(machine.contention_rate() > 0.9);
    let cause = machine.cause();
    assert_eq!(cause.root, Root::DeviceBound, "{}", cause.reason);
    assert!(share(&cause, Part::Lock).abs() < 0.05);
    assert!((share(&cause, Part::Device) - 1.0).abs() < 0.1);
    assert!(cause.witnesses.iter().all(|witness| witness.agrees));
}

#[test]
fn a_lock_that_is_rarely_contended_may_be_the_bottleneck() {
    let machine = RARELY_CONTENDED_AND_DEAR;
    assert!(machine.contention_rate() < 0.05);
    let cause = machine.cause();
    assert_eq!(cause.root, Root::LockBound, "{}", cause.reason);
    assert!((share(&cause, Part::Lock) - 1.0).abs() < 0.1);
    assert!(share(&cause, Part::Device).abs() < 0.05);
}

#[test]
fn pass_throughs_are_what_the_arithmetic_says() {
    let cause = CONTENDED_AND_FREE.cause();
    for row in &cause.pass_throughs {
        let truth = f64::from(u8::from(
            row.resource == locktoll_report::model::Resource::Device,
        ));
        let [lo, hi] = row.estimate.unwrap().ci.unwrap();
        assert!(lo - 0.02 <= truth && truth <= hi + 0.02, "{row:?}");
        assert_eq!(row.linear, Some(true), "{row:?}");
    }
    let [lo, hi] = cause.shares_sum.unwrap().ci.unwrap();
    assert!(lo <= 1.0 && 1.0 <= hi + 0.01, "{lo} {hi}");
}

#[test]
fn two_bottlenecks_are_not_called_one() {
    // As long in the lock as on the device: more of either arrives, less of either gains nothing.
    let machine = Machine {
        inside_ns: 195_000.0,
        ..CONTENDED_AND_FREE
    };
    let cause = machine.cause();
    assert_eq!(cause.root, Root::Mixed, "{}", cause.reason);
}

#[test]
fn one_thread_s_stretches_are_mixed_and_sum_to_the_whole() {
    let machine = Machine {
        config: "none",
        inside_ns: 100_000.0,
        device_ns: 100_000.0,
        time_ns: |times| times.iter().sum(),
        ..CONTENDED_AND_FREE
    };
    let cause = machine.cause();
    assert_eq!(cause.root, Root::Mixed, "{}", cause.reason);
    let sum = cause.shares_sum.unwrap().estimate;
    assert!((sum - 1.0).abs() < 0.05, "{sum}");
    assert!(share(&cause, Part::Lock).abs() < 1e-12);
}

#[test]
fn submission_that_takes_turns_is_named_and_batching_predicted() {
    let machine = Machine {
        config: "none",
        inside_ns: 2_000.0,
        commit_ns: 60_000.0,
        device_ns: 10_000.0,
        time_ns: |[outside, inside, commit, device, latency]| {
            let round = outside + inside + commit + device + latency;
            commit.max(device).max(round / f64::from(THREADS))
        },
        ..CONTENDED_AND_FREE
    };
    let cause = machine.cause();
    assert_eq!(cause.root, Root::SubmissionBound, "{}", cause.reason);
    // Four ops in one save three quarters of a share of nearly all: 1 ∕ (1 − 0.75) − 1 = 3.
    let predicted = cause.remedy.unwrap().predicted_gain.unwrap().estimate;
    assert!((2.5..3.5).contains(&predicted), "{predicted}");
}

#[test]
fn the_gap_to_the_ceiling_is_the_sum_of_its_parts() {
    let ceiling = CONTENDED_AND_FREE.run().ceiling.unwrap();
    let saved: f64 = ceiling
        .steps
        .iter()
        .map(|step| step.saved_ns.estimate)
        .sum();
    let whole = ceiling.time_per_op_ns.unwrap().estimate;
    let left = ceiling.steps.last().unwrap().left_ns.estimate;
    assert!((whole - saved - left).abs() < 1e-6 * whole);
    // The soft device's service time, which an empty op has too.
    assert_eq!(ceiling.set_occupancy_ns, Some(100_000.0));
    // 5 µs of 200 µs, and 1% of noise on each.
    let ratio = ceiling.ratio.unwrap().estimate;
    assert!((ratio - 0.025).abs() < 0.001, "{ratio}");
}
