//! A small plan and a launcher that simulates trials with a known truth.
#![allow(dead_code, unreachable_pub)] // each test binary uses its own part

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use locktoll_bench::Result;
use locktoll_bench::environment::Environment;
use locktoll_bench::launch::Launch;
use locktoll_bench::plan::{
    Cell, Config, DevicePlan, Encoders, Plan, StopRule, Subject, TrialSize,
};
use locktoll_bench::samples::{
    Crash, DeviceFacts, Header, Iteration, Measurement, Outcome, SCHEMA, Samples, Usage,
};
use locktoll_bench::workload::Workload;
use locktoll_gpu::DeviceChoice;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

pub fn nonzero(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

pub fn lock(name: &str) -> Config {
    Config::Lock(name.parse().unwrap())
}

/// The encoders of a plan that has them.
pub fn encoders(plan: &mut Plan) -> &mut Encoders {
    match &mut plan.subject {
        Subject::Encoders(encoders) => encoders,
        other => panic!("{other:?}"),
    }
}

pub fn plan(stop: StopRule) -> Plan {
    Plan {
        subject: Subject::Encoders(Encoders {
            device: DevicePlan {
                choice: DeviceChoice::Soft,
                soft: locktoll_gpu::SoftSettings::default(),
                queues: nonzero(1),
                timed: None,
                added: Vec::new(),
                fault: None,
            },
            workload: Workload::built_in("timed").unwrap(),
            sync: "each-op".parse().unwrap(),
            size: TrialSize {
                ops_per_thread: nonzero(50),
                iterations: nonzero(2),
                warmup: 1,
            },
        }),
        configs: vec![lock("none"), lock("global")],
        baseline: lock("none"),
        baseline_named: true,
        baseline_reason: None,
        threads: vec![nonzero(1), nonzero(8)],
        counted: true,
        probes: Vec::new(),
        map: None,
        stop,
        max_time_ns: 0,
        trial_timeout_ns: 1_000_000_000,
        seed: 7,
        margin: 0.01,
        confidence: 0.95,
        max_cost: None,
        command: "locktoll bench".into(),
    }
}

pub fn header(plan: Plan) -> Header {
    Header {
        schema: SCHEMA.into(),
        plan,
        environment: Environment::new(),
        device: Some(DeviceFacts {
            name: "soft".into(),
            driver: "none".into(),
            settings: String::new(),
            notes: Vec::new(),
            engines: 1,
        }),
        uncontended_ns: [].into(),
    }
}

pub fn samples(plan: Plan) -> Samples {
    Samples {
        header: header(plan),
        trials: Vec::new(),
        resumed: Vec::new(),
        stopped: None,
    }
}

/// A command line that is recorded and never run.
pub fn any_command(_: &Plan, cell: &Cell) -> Vec<String> {
    vec![cell.to_string()]
}

/// Trials of `10,000 · (1 − overhead) · (1 + noise)` ops/s.
pub struct Simulator {
    pub random: RefCell<Pcg64Mcg>,
    pub overhead_of_global: f64,
    pub noise: f64,
    pub crash_share_of_none: f64,
    pub launched: RefCell<u64>,
    /// Interrupts the run when this many trials were launched.
    pub interrupt_at: Option<u64>,
}

impl Simulator {
    pub fn new(seed: u64) -> Self {
        Self {
            random: RefCell::new(Pcg64Mcg::seed_from_u64(seed)),
            overhead_of_global: 0.1,
            noise: 0.01,
            crash_share_of_none: 0.0,
            launched: RefCell::new(0),
            interrupt_at: None,
        }
    }
}

impl Launch for Simulator {
    fn launch(
        &self,
        _: &[String],
        cell: &Cell,
        _: Duration,
        _: &AtomicBool,
    ) -> Result<Option<Outcome>> {
        *self.launched.borrow_mut() += 1;
        if self
            .interrupt_at
            .is_some_and(|at| *self.launched.borrow() >= at)
        {
            return Ok(None);
        }
        let mut random = self.random.borrow_mut();
        let global = cell.config.to_string() == "global";
        if !global && random.random::<f64>() < self.crash_share_of_none {
            return Ok(Some(Outcome::Crashed(Crash {
                signal: "SIGABRT".into(),
                iteration: Some(1),
                thread: None,
                message: "simulated".into(),
            })));
        }
        // Irwin–Hall with 12 terms: near enough to a normal variable of variance 1.
        let normal = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        let factor = if global {
            1.0 - self.overhead_of_global
        } else {
            1.0
        };
        let ops_per_s = 10_000.0 * factor * (1.0 + self.noise * normal);
        let ops = 100_000;
        let elapsed = Duration::from_secs_f64(ops as f64 / ops_per_s);
        let elapsed_ns = locktoll_bench::duration::ns(elapsed);
        Ok(Some(Outcome::Completed(Box::new(Measurement {
            iterations: vec![Iteration {
                ops,
                elapsed_ns,
                ops_by_thread: vec![ops],
            }],
            printed: None,
            latency: None,
            usage: Usage::default(),
            device_busy_ns: None,
            lock_events: None,
            added_ns: None,
            stages: None,
        }))))
    }
}
