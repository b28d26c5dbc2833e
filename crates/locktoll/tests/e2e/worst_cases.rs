//! Results that are hard to draw: long names with markup in them, many rows or one, missing
//! intervals, enormous gains, thousands of trials, maps, causes with all their parts.
//!
//! The figures are invented, and set so that they are awkward.

use std::collections::BTreeMap;

use locktoll_report::model::{
    AblationStep, Cause, Ceiling, CeilingLimit, Comparison, Contention, CrashEvent, Crashes,
    Crossover, Estimate, Experiment, Latency, Level, MapCell, Origin, Outcome, Overhead, Part,
    PassThrough, Plan, RegimeMap, Remedy, Resource, Role, Root, RunResult, SCHEMA, ScalabilityLaw,
    Scaling, Series, Share, Subject, Timing, Utilisation, Value, Warning, Witness,
};
use locktoll_stats::{Method, Verdict};

/// A name as a hostile program could have.
pub(super) const HOSTILE: &str = "<script>alert(\"x\")</script>&'";

const LONG: [&str; 5] = [
    "global",
    "per-encoder",
    "interposed:throttle:16",
    "interposed:per-encoder",
    HOSTILE,
];

fn around(estimate: f64, half: f64) -> Estimate {
    Estimate {
        estimate,
        ci: Some([estimate - half, estimate + half]),
    }
}

fn plan(threads: &[u32]) -> Plan {
    Plan {
        origin: Origin::Bench {
            directory: format!("runs/{HOSTILE}"),
        },
        baseline: "none".to_owned(),
        baseline_reason: None,
        margin: 0.01,
        confidence: 0.95,
        paired: true,
        higher_is_better: true,
        max_cost: None,
        experiment: Some(Experiment {
            subject: Subject::Encoders {
                device: "soft".to_owned(),
                device_settings: "service=100us,encode=2us".to_owned(),
                fault: None,
                workload_description: "3 dispatches".to_owned(),
                sync: "each-op".to_owned(),
                ops_per_thread: 50,
                iterations: 5,
                warmup: 2,
            },
            workload: format!("a-workload-with-a-rather-long-name {HOSTILE}"),
            device_notes: vec![format!("A note on the device, {HOSTILE}.")],
            strategies: LONG.map(str::to_owned).to_vec(),
            threads: threads.to_vec(),
            seed: u64::MAX,
            blocks_complete: 20,
            trials: 2000,
            stop_rule: "20 blocks".to_owned(),
            stop_reason: "all blocks done".to_owned(),
            resumed: 3,
            command: format!(
                "locktoll bench --threads 1,2,4,8 --out '{HOSTILE}' {}",
                "--ops 50 ".repeat(20)
            ),
            trial_command: Some("locktoll trial --threads 8".to_owned()),
            uncontended_ns: BTreeMap::from([("global".to_owned(), 18.4)]),
        }),
    }
}

fn result(threads: &[u32]) -> RunResult {
    RunResult {
        schema: SCHEMA.to_owned(),
        environment: BTreeMap::from([
            ("cpu_model".to_owned(), HOSTILE.into()),
            (
                "device".to_owned(),
                "A GPU with a long name, 80 GB, rev. a1".into(),
            ),
        ]),
        plan: plan(threads),
        series: Vec::new(),
        probes: Vec::new(),
        comparisons: Vec::new(),
        causes: Vec::new(),
        scaling: Vec::new(),
        ceiling: None,
        map: None,
        warnings: vec![Warning {
            code: "x".to_owned(),
            message: format!("A warning about {HOSTILE} and much else, at some length."),
        }],
    }
}

/// A wave that never repeats exactly, between −1 and 1.
fn wave(n: u64) -> f64 {
    (n as f64 * 2.399_963).sin()
}

fn series(role: Role, config: &str, threads: u32, mean: f64, blocks: u64, first: u64) -> Series {
    let value = |block: u64| Value {
        block: (block + 1).to_string(),
        order: Some(first + block * 101),
        // One outlier in fifty, and one far outside.
        value: mean
            * match block {
                7 => 3.0,
                b if b % 50 == 49 => 0.8,
                b => 1.0 + 0.01 * wave(b + first),
            },
        iterations: vec![mean; 5],
    };
    let timing = Timing {
        count: 40_000,
        mean_ns: Some(41_000.0),
        p50_ns: Some(22_500.0),
        p99_ns: Some(310_000.0),
        max_ns: None,
    };
    let counted = role == Role::Counted;
    Series {
        config: config.to_owned(),
        role,
        probe: None,
        threads: Some(threads),
        workload: Some("timed".to_owned()),
        n: usize::try_from(blocks).unwrap(),
        mean: Some(mean),
        sd: Some(mean * 0.01),
        se: Some(mean * 0.002),
        ci: (blocks > 1).then_some([mean * 0.996, mean * 1.004]),
        unit: "ops/s".to_owned(),
        values: (0..blocks).map(value).collect(),
        crashes: Some(Crashes {
            trials: blocks,
            crashed: u64::from(config == HOSTILE) * 2,
            rate: 0.1,
            ci: [0.01, 0.3],
            upper_bound: 0.28,
            events: if config == HOSTILE {
                ["2", "9"].map(crash).to_vec()
            } else {
                Vec::new()
            },
        }),
        contention: counted.then(|| Contention {
            ops: 32_000,
            acquisitions: 96_000,
            contentions: 39_600,
            rate: 0.4125,
            acquisitions_per_op: 3.0,
            wait: timing.clone(),
            hold: timing,
            hold_sample_every: 64,
            lent: 0,
            expected_rate: Some(0.095),
        }),
        utilisation: counted.then_some(Utilisation {
            lock: Some(1.91),
            device: Some(0.87),
            cpu: None,
            voluntary_switches_per_op: Some(2.04),
            involuntary_switches_per_op: Some(0.013),
        }),
        latency: Some(Latency {
            p50_ns: 121_000.0,
            p90_ns: 180_000.0,
            p99_ns: 402_000.0,
            max_ns: 2_400_000.0,
        }),
        fairness: Some(0.998),
        variance: None,
    }
}

fn crash(block: &str) -> CrashEvent {
    CrashEvent {
        block: block.to_owned(),
        signal: "SIGABRT".to_owned(),
        iteration: Some(2),
        thread: Some(HOSTILE.to_owned()),
        message: format!("failed assertion {HOSTILE} {}", "and-so-on-".repeat(20)),
    }
}

fn comparison(
    role: Role,
    test: &str,
    threads: u32,
    overhead: Option<Estimate>,
    verdict: Option<Verdict>,
) -> Comparison {
    Comparison {
        role,
        baseline: "none".to_owned(),
        test: test.to_owned(),
        threads: Some(threads),
        workload: Some("timed".to_owned()),
        n_baseline: 20,
        n_test: 20,
        overhead: Overhead {
            estimate: overhead.map(|found| found.estimate),
            ci: overhead.and_then(|found| found.ci),
            confidence: 0.95,
            method: Some(Method::PairedLogRatio),
        },
        p_difference: Some(0.000_02),
        p_difference_holm: Some(0.000_06),
        p_equivalence: Some(0.71),
        margin: 0.01,
        verdict,
        blocks_needed: (verdict == Some(Verdict::Unresolved)).then_some(3_521),
        secondary: None,
        notes: Vec::new(),
        missing: overhead
            .is_none()
            .then(|| format!("every trial of {test} crashed")),
    }
}

/// Overheads from −350% to 60%, some without interval or estimate.
fn awkward(n: usize) -> (Option<Estimate>, Option<Verdict>) {
    let bare = |estimate| Some(Estimate { estimate, ci: None });
    match n % 7 {
        0 => (Some(around(0.0002, 0.001)), Some(Verdict::Free)),
        1 => (Some(around(-3.5, 0.9)), Some(Verdict::Pays)),
        2 => (Some(around(0.6, 0.01)), Some(Verdict::Costs)),
        3 => (Some(around(0.03, 25.0)), Some(Verdict::Unresolved)),
        4 => (bare(-0.02), None),
        5 => (None, None),
        _ => (Some(around(0.004, 0.0005)), Some(Verdict::Negligible)),
    }
}

/// 20 comparisons at 4 thread counts over `blocks` blocks, with crashes and laws of scaling.
fn many(blocks: u64) -> RunResult {
    let threads = [1, 2, 8, 64];
    let mut run = result(&threads);
    let mut cell = 0;
    let mut n = 0;
    for at in threads {
        let scale = 9_000.0 * f64::from(at).sqrt();
        run.series
            .push(series(Role::Strategy, "none", at, scale, blocks, cell));
        run.series
            .push(series(Role::AA, "none", at, scale, blocks, cell + 1));
        cell += 2;
        let same = Some(around(0.001, 0.002));
        run.comparisons
            .push(comparison(Role::AA, "none", at, same, Some(Verdict::Free)));
        for config in LONG {
            let (overhead, verdict) = awkward(n);
            n += 1;
            let mean = scale * (1.0 - 0.03 * (n % 5) as f64);
            run.series
                .push(series(Role::Strategy, config, at, mean, blocks, cell));
            run.series.push(series(
                Role::Counted,
                config,
                at,
                mean,
                blocks.min(5),
                cell + 1,
            ));
            cell += 2;
            run.comparisons
                .push(comparison(Role::Strategy, config, at, overhead, verdict));
        }
    }
    run.scaling = vec![
        Scaling {
            threads: vec![1, 2, 4, 8],
            config: "none".to_owned(),
            workload: Some("timed".to_owned()),
            law: Some(ScalabilityLaw {
                lambda: around(9_000.0, 80.0),
                sigma: around(0.05, 0.01),
                kappa: around(0.001, 0.0005),
                peak_threads: Some(around(30.8, 8.0)),
                worst_residual: 0.02,
                sigma_at_bound: false,
                kappa_at_bound: false,
                peak_at_least: None,
                peak_extrapolated: false,
                p_lack_of_fit: None,
            }),
            refused: None,
        },
        Scaling {
            threads: vec![1, 2, 4, 8],
            config: "global".to_owned(),
            workload: Some("timed".to_owned()),
            law: None,
            refused: Some("the worst residual is 14%".to_owned()),
        },
    ];
    run
}

/// Causes with all parts, a ceiling with its steps, probes.
fn taken_apart() -> RunResult {
    let mut run = result(&[8]);
    run.series = vec![
        series(Role::Strategy, "none", 8, 9_000.0, 12, 0),
        series(Role::Strategy, "global", 8, 5_000.0, 12, 1),
    ];
    let mut probe = series(Role::Probe, "global", 8, 4_500.0, 12, 2);
    probe.probe = Some("lock +20µs".to_owned());
    run.probes = vec![probe];
    let costs = Some(around(0.44, 0.01));
    run.comparisons = vec![comparison(
        Role::Strategy,
        "global",
        8,
        costs,
        Some(Verdict::Costs),
    )];
    let parts = [
        (Part::Lock, 0.47),
        (Part::Device, 0.31),
        (Part::Encode, 0.12),
        (Part::SubmitWait, 0.01),
        (Part::Remainder, 0.16),
    ];
    let cause = |config: &str, root, scale: f64| Cause {
        config: config.to_owned(),
        threads: 8,
        workload: "timed".to_owned(),
        blocks: 12,
        time_per_op_ns: Some(around(200_000.0, 4_000.0)),
        pass_throughs: vec![PassThrough {
            resource: Resource::Lock,
            estimate: Some(around(0.98, 0.03)),
            levels: vec![Level {
                asked_ns: 20_000,
                added_ns: 20_400.0,
                time_per_op_ns: around(220_000.0, 4_000.0),
            }],
            p_linear: Some(0.4),
            linear: Some(true),
        }],
        shares: parts
            .into_iter()
            .map(|(part, share)| Share {
                part,
                demand_ns: Some(share * 200_000.0),
                share: Some(around(share * scale, 0.05)),
            })
            .collect(),
        shares_sum: Some(around(0.91 * scale, 0.08)),
        root,
        reason: format!("the lock's share is largest under {HOSTILE}."),
        witnesses: vec![Witness {
            part: Part::Lock,
            utilisation: 0.97,
            agrees: true,
            statement: "the lock is busy for 97% of the time".to_owned(),
        }],
        remedy: Some(Remedy {
            batch: 4,
            predicted_gain: Some(around(0.6, 0.1)),
            measured_gain: around(0.55, 0.02),
            outcome: Outcome::Gains,
        }),
    };
    run.causes = vec![
        cause("interposed:throttle:16", Root::LockBound, 1.0),
        cause(HOSTILE, Root::NotIdentified, 1.4),
    ];
    run.ceiling = Some(ceiling());
    run
}

/// Steps with long and hostile names, one of which saved less than nothing.
fn ceiling() -> Ceiling {
    let step = |removed: &str, saved: f64, left: f64| AblationStep {
        removed: removed.to_owned(),
        saved_ns: around(saved, 3_000.0),
        share: around(saved / 200_000.0, 0.02),
        left_ns: around(left, 3_000.0),
    };
    let limit = CeilingLimit {
        threads: 8,
        queues: 2,
        waits: true,
        ops_per_s: around(310_000.0, 9_000.0),
    };
    Ceiling {
        set_occupancy_ns: Some(100_000.0),
        config: "global".to_owned(),
        threads: 8,
        queues: 2,
        limits: vec![limit],
        best: Some(limit),
        ratio: Some(around(0.016, 0.001)),
        time_per_op_ns: Some(around(200_000.0, 4_000.0)),
        steps: vec![
            step("the kernel's work", 120_000.0, 80_000.0),
            step("a new buffer per op", 50_000.0, 30_000.0),
            step(HOSTILE, -2_000.0, 32_000.0),
            step(
                "one of several rather long names of things that were removed",
                29_000.0,
                3_000.0,
            ),
        ],
    }
}

/// A map alone, with crossovers in one row and none in another.
fn mapped() -> RunResult {
    let levels: Vec<u64> = std::iter::successors(Some(2_000), |ns| Some(ns * 141 / 100))
        .take(17)
        .collect();
    let mut run = result(&[8]);
    let cell = |threads, queues, level: usize, overhead: f64, verdict| MapCell {
        threads,
        queues,
        work_ns: levels[level],
        n: 6,
        baseline_per_s: Some(40_000.0),
        overhead: Overhead {
            estimate: Some(overhead),
            ci: Some([overhead - 0.02, overhead + 0.02]),
            confidence: 0.95,
            method: Some(Method::PairedLogRatio),
        },
        verdict: Some(verdict),
        blocks_needed: (verdict == Verdict::Unresolved).then_some(3_521),
        crashed: u64::from(level == 0),
    };
    let row = [
        (0, 0.55, Verdict::Costs),
        (4, 0.22, Verdict::Costs),
        (5, 0.004, Verdict::Unresolved),
        (7, 0.0, Verdict::Free),
        (10, -0.07, Verdict::Pays),
        (12, -0.4, Verdict::Pays),
        (16, 0.003, Verdict::Negligible),
    ];
    let mut cells = Vec::new();
    for (threads, queues) in [(8, 1), (16, 8), (128, 64)] {
        for (level, overhead, verdict) in row {
            cells.push(cell(threads, queues, level, overhead, verdict));
        }
    }
    let crossover = |below, above, from: usize, to: usize| Crossover {
        threads: 8,
        queues: 1,
        below,
        above,
        between_ns: [levels[from], levels[to]],
    };
    run.map = Some(RegimeMap {
        baseline: "none".to_owned(),
        test: "global".to_owned(),
        a_a: vec![cell(8, 1, 4, 0.001, Verdict::Free)],
        crossovers: vec![
            crossover(Verdict::Costs, Verdict::Free, 4, 7),
            crossover(Verdict::Free, Verdict::Pays, 7, 8),
        ],
        cells,
        levels_ns: levels,
        trials: 504,
        full_grid_trials: 1_224,
        complete: false,
    });
    run
}

/// One row at an unknown number of threads, without an interval.
fn single() -> RunResult {
    let mut run = result(&[]);
    let found = Some(Estimate {
        estimate: 0.02,
        ci: None,
    });
    let mut row = comparison(Role::Strategy, "global", 1, found, None);
    (row.threads, row.workload) = (None, None);
    run.comparisons = vec![row];
    let mut one = series(Role::Strategy, "global", 1, 9_000.0, 1, 0);
    (one.threads, one.workload) = (None, None);
    run.series = vec![one];
    run.warnings.clear();
    run
}

/// 2,000 trials and more: 24 bare cells of 84 blocks.
pub(super) fn thousands() -> RunResult {
    let run = many(84);
    let bare = run
        .series
        .iter()
        .filter(|series| series.role != Role::Counted);
    let trials: usize = bare.map(|series| series.values.len()).sum();
    assert!(trials >= 2_000, "{trials}");
    run
}

/// Every case with its name.
pub(super) fn all() -> Vec<(&'static str, RunResult)> {
    let mut empty = result(&[]);
    empty.warnings.clear();
    vec![
        ("many", many(20)),
        ("thousands", thousands()),
        ("taken-apart", taken_apart()),
        ("mapped", mapped()),
        ("single", single()),
        ("empty", empty),
    ]
}
