//! Results to render, built by hand.
//!
//! Recipe: the imported run holds the published values of N=1467 with the figures that `SciPy` 1.17.1
//! computes from them. The measured runs are invented, with means, deviations and errors computed
//! from their values, and verdicts set as the case wants them: rendering must not depend on whether
//! an analysis would agree.

use std::collections::BTreeMap;

use locktoll_report::model::{
    Comparison, Contention, CrashEvent, Crashes, Experiment, Latency, Origin, Overhead, Plan, Role,
    RunResult, SCHEMA, Series, Subject, Timing, Utilisation, Value, Variance, Warning,
};
use locktoll_stats::{Design, Method, Policy, Verdict};

/// A run with a plan and nothing else.
pub(crate) fn empty() -> RunResult {
    RunResult {
        schema: SCHEMA.to_owned(),
        environment: BTreeMap::new(),
        plan: Plan {
            origin: Origin::Import {
                file: "values.csv".to_owned(),
            },
            baseline: "none".to_owned(),
            baseline_reason: None,
            margin: 0.01,
            confidence: 0.95,
            paired: false,
            higher_is_better: true,
            max_cost: None,
            experiment: None,
        },
        series: Vec::new(),
        comparisons: Vec::new(),
        probes: Vec::new(),
        causes: Vec::new(),
        scaling: Vec::new(),
        ceiling: None,
        map: None,
        warnings: Vec::new(),
    }
}

/// A measured run without series.
pub(crate) fn bench() -> RunResult {
    let mut run = empty();
    run.environment = BTreeMap::from([
        ("cpu_model".to_owned(), "Example CPU 3.0 GHz".into()),
        ("cores".to_owned(), 16.into()),
        ("kernel".to_owned(), "6.12".into()),
        ("load_1m".to_owned(), 0.42.into()),
    ]);
    run.plan.origin = Origin::Bench {
        directory: "runs/first".to_owned(),
    };
    run.plan.paired = true;
    run.plan.experiment = Some(experiment());
    run
}

fn experiment() -> Experiment {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Experiment {
        subject: Subject::Encoders {
            device: "soft".to_owned(),
            device_settings: "service=100us,encode=2us,hold=0,queues=1,engines=1".to_owned(),
            fault: None,
            workload_description: "3 dispatches of a small network per op".to_owned(),
            sync: "each-op".to_owned(),
            ops_per_thread: 200,
            iterations: 5,
            warmup: 1,
        },
        workload: "mlp".to_owned(),
        device_notes: vec!["The soft device is a model, not a GPU.".to_owned()],
        strategies: names(&["none", "global", "per-encoder"]),
        threads: vec![1, 8],
        seed: 7,
        blocks_complete: 20,
        trials: 320,
        stop_rule: "20 blocks".to_owned(),
        stop_reason: "all blocks done".to_owned(),
        resumed: 0,
        command: "locktoll bench --device soft --threads 1,8 --seed 7 --blocks 20".to_owned(),
        trial_command: Some(
            "locktoll trial --device soft --threads 8 --strategy global".to_owned(),
        ),
        uncontended_ns: BTreeMap::from([
            ("global".to_owned(), 18.4),
            ("none".to_owned(), 0.6),
            ("per-encoder".to_owned(), 19.1),
        ]),
    }
}

/// Twenty values round `mean`, with the summary that follows from them.
pub(crate) fn series(role: Role, config: &str, threads: Option<u32>, mean: f64) -> Series {
    // Sums to zero, so that the mean of the values is close to `mean`.
    let shape = [3.0, -1.0, 2.0, -4.0, 0.5, -0.5, 1.0, -2.0, 4.0, -3.0];
    let values: Vec<f64> = shape
        .iter()
        .chain(&shape)
        .map(|step| (mean + step * mean / 2000.0).round())
        .collect();
    from_values(role, config, threads, &values, 2.093)
}

/// A series with its summary; `t` is Student's 97.5% quantile for its degrees of freedom.
pub(crate) fn from_values(
    role: Role,
    config: &str,
    threads: Option<u32>,
    xs: &[f64],
    t: f64,
) -> Series {
    let n = xs.len() as f64;
    let mean = xs.iter().sum::<f64>() / n;
    let sd = (xs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let se = sd / n.sqrt();
    let value = |(index, x): (usize, &f64)| Value {
        block: (index + 1).to_string(),
        order: None,
        value: *x,
        iterations: Vec::new(),
    };
    Series {
        config: config.to_owned(),
        role,
        probe: None,
        threads,
        workload: None,
        n: xs.len(),
        mean: Some(mean),
        sd: Some(sd),
        se: Some(se),
        ci: Some([mean - t * se, mean + t * se]),
        unit: "ops/s".to_owned(),
        values: xs.iter().enumerate().map(value).collect(),
        crashes: None,
        contention: None,
        utilisation: None,
        latency: None,
        fairness: None,
        variance: None,
    }
}

/// A comparison with `none` at a margin of 1%.
pub(crate) fn compared(
    role: Role,
    test: &str,
    threads: Option<u32>,
    estimate: f64,
    ci: [f64; 2],
    verdict: Verdict,
) -> Comparison {
    let equivalent = matches!(verdict, Verdict::Free | Verdict::Negligible);
    let different = matches!(
        verdict,
        Verdict::Costs | Verdict::Pays | Verdict::Negligible
    );
    Comparison {
        role,
        baseline: "none".to_owned(),
        test: test.to_owned(),
        threads,
        workload: None,
        n_baseline: 20,
        n_test: 20,
        overhead: Overhead {
            estimate: Some(estimate),
            ci: Some(ci),
            confidence: 0.95,
            method: Some(Method::PairedLogRatio),
        },
        p_difference: Some(if different { 0.000_02 } else { 0.43 }),
        p_difference_holm: Some(if different { 0.000_06 } else { 0.86 }),
        p_equivalence: Some(if equivalent { 0.0015 } else { 0.71 }),
        margin: 0.01,
        verdict: Some(verdict),
        blocks_needed: None,
        secondary: None,
        notes: Vec::new(),
        missing: None,
    }
}

/// No crash in twenty trials: 1 − 0.05^(1/20) is 13.9%, 1 − 0.025^(1/20) is 16.8%.
pub(crate) fn calm() -> Crashes {
    Crashes {
        trials: 20,
        crashed: 0,
        rate: 0.0,
        ci: [0.0, 0.168_433_5],
        upper_bound: 0.139_108_3,
        events: Vec::new(),
    }
}

/// Three crashes in twenty trials; Clopper–Pearson 3.2% to 37.9%.
pub(crate) fn crashed() -> Crashes {
    let event = |block: &str, signal: &str| CrashEvent {
        block: block.to_owned(),
        signal: signal.to_owned(),
        iteration: Some(2),
        thread: Some("encoder-5".to_owned()),
        message: "failed assertion `encoder != nil | already ended'\n".to_owned(),
    };
    Crashes {
        trials: 20,
        crashed: 3,
        rate: 0.15,
        ci: [0.032_07, 0.378_93],
        upper_bound: 0.343_66,
        events: vec![
            event("4", "SIGABRT"),
            event("9", "SIGSEGV"),
            event("15", "SIGABRT"),
        ],
    }
}

fn contention(rate: f64, contentions: u64, expected: f64) -> Contention {
    let waited = contentions > 0;
    Contention {
        ops: 32_000,
        acquisitions: 96_000,
        contentions,
        rate,
        acquisitions_per_op: 3.0,
        wait: Timing {
            count: contentions,
            mean_ns: waited.then_some(41_000.0),
            p50_ns: waited.then_some(22_500.0),
            p99_ns: waited.then_some(310_000.0),
            max_ns: waited.then_some(1_204_000.0),
        },
        hold: Timing {
            count: 1_500,
            mean_ns: Some(2_310.0),
            p50_ns: Some(2_050.0),
            p99_ns: Some(7_800.0),
            max_ns: Some(55_000.0),
        },
        hold_sample_every: 64,
        lent: 0,
        expected_rate: Some(expected),
    }
}

/// A series with everything that locktoll measures beside throughput.
fn measured(role: Role, config: &str, threads: u32, mean: f64) -> Series {
    let mut series = series(role, config, Some(threads), mean);
    series.crashes = Some(calm());
    series.latency = Some(Latency {
        p50_ns: 121_000.0,
        p90_ns: 180_000.0,
        p99_ns: 402_000.0,
        max_ns: 2_400_000.0,
    });
    series.fairness = Some(0.998);
    series.variance = Some(Variance {
        between_processes_sd: mean * 0.001,
        within_process_sd: mean * 0.0004,
        icc: Some(0.862),
    });
    if role == Role::Counted {
        let (contention, lock) = if threads > 1 && config == "global" {
            (contention(0.412_5, 39_600, 0.095), 0.191)
        } else {
            (contention(0.0, 0, 0.0), 0.055)
        };
        series.contention = Some(contention);
        series.utilisation = Some(Utilisation {
            lock: Some(lock),
            device: Some(0.874),
            cpu: Some(0.31),
            voluntary_switches_per_op: Some(2.04),
            involuntary_switches_per_op: Some(0.013),
        });
    }
    series
}

/// Three strategies at 1 and 8 threads: every verdict but `unresolved`, A/A passes.
pub(crate) fn three_strategies() -> RunResult {
    use Role::{AA, Counted, Strategy};
    use Verdict::{Costs, Free, Negligible, Pays};

    let mut run = bench();
    for (threads, none, global, per_encoder) in [
        (1, 8_012.4, 7_985.2, 8_010.9),
        (8, 41_240.0, 27_590.0, 41_900.0),
    ] {
        run.series.extend([
            measured(Strategy, "none", threads, none),
            measured(AA, "none", threads, none * 1.0003),
            measured(Strategy, "global", threads, global),
            measured(Strategy, "per-encoder", threads, per_encoder),
            measured(Counted, "global", threads, global * 0.996),
            measured(Counted, "per-encoder", threads, per_encoder * 0.997),
        ]);
        let on = Some(threads);
        run.comparisons.extend([
            compared(AA, "none", on, -0.0003, [-0.0012, 0.0006], Free),
            compared(Counted, "global", on, 0.004, [0.003, 0.005], Negligible),
            compared(
                Counted,
                "per-encoder",
                on,
                0.003,
                [0.0021, 0.0039],
                Negligible,
            ),
        ]);
    }
    run.comparisons.extend([
        compared(
            Strategy,
            "global",
            Some(1),
            0.003_395,
            [0.0024, 0.0044],
            Negligible,
        ),
        compared(
            Strategy,
            "per-encoder",
            Some(1),
            0.0002,
            [-0.0008, 0.0012],
            Free,
        ),
        compared(Strategy, "global", Some(8), 0.331, [0.3255, 0.3365], Costs),
        compared(
            Strategy,
            "per-encoder",
            Some(8),
            -0.016,
            [-0.0223, -0.0098],
            Pays,
        ),
    ]);
    for row in &mut run.comparisons {
        if row.role == Counted {
            row.baseline.clone_from(&row.test);
            row.p_difference_holm = None;
        }
    }
    run
}

/// `none` crashes, so `per-encoder` is the baseline; `none` has too few values to compare.
pub(crate) fn crashes() -> RunResult {
    let mut run = three_strategies();
    run.plan.baseline = "per-encoder".into();
    run.plan.baseline_reason =
        Some("3 of 20 trials crashed without a lock at 8 threads.".to_owned());
    run.plan.max_cost = Some(0.05);
    if let Some(Subject::Encoders { fault, .. }) = run
        .plan
        .experiment
        .as_mut()
        .map(|experiment| &mut experiment.subject)
    {
        *fault = Some("agx:encoder".to_owned());
    }
    run.series.retain(|series| series.threads == Some(8));
    for series in &mut run.series {
        match (series.role, series.config.as_str()) {
            (Role::Strategy, "none") => {
                series.crashes = Some(crashed());
                series
                    .values
                    .retain(|value| !["4", "9", "15"].contains(&value.block.as_str()));
                let left: Vec<f64> = series.values.iter().map(|value| value.value).collect();
                let summary = from_values(series.role, "none", Some(8), &left, 2.120);
                (series.n, series.mean, series.ci) = (summary.n, summary.mean, summary.ci);
                (series.sd, series.se) = (summary.sd, summary.se);
            }
            (Role::AA, _) => series.config = "per-encoder".into(),
            _ => {}
        }
    }
    run.comparisons = vec![
        compared(
            Role::Strategy,
            "global",
            Some(8),
            0.3415,
            [0.336, 0.347],
            Verdict::Costs,
        ),
        compared(
            Role::Strategy,
            "none",
            Some(8),
            0.0157,
            [0.0096, 0.0218],
            Verdict::Costs,
        ),
        compared(
            Role::AA,
            "per-encoder",
            Some(8),
            0.0004,
            [-0.0007, 0.0015],
            Verdict::Free,
        ),
    ];
    for row in &mut run.comparisons {
        row.baseline = "per-encoder".into();
    }
    run.comparisons[1].overhead.estimate = None;
    run.comparisons[1].overhead.ci = None;
    run.comparisons[1].overhead.method = None;
    run.comparisons[1].p_difference = None;
    run.comparisons[1].p_difference_holm = None;
    run.comparisons[1].p_equivalence = None;
    run.comparisons[1].verdict = None;
    run.comparisons[1].missing = Some("3 of 20 trials crashed without a lock".to_owned());
    run.warnings.push(Warning {
        code: "baseline_changed".to_owned(),
        message: "The baseline is per-encoder, since the unprotected strategy crashed.".to_owned(),
    });
    run
}

/// The published values of N=1467, imported without knowing more of them.
pub(crate) fn imported() -> RunResult {
    let mut run = empty();
    run.plan.origin = Origin::Import {
        file: "n1467.csv".to_owned(),
    };
    run.plan.baseline = "per-encoder".into();
    let global = [8922.0, 8915.0, 8930.0, 8918.0, 8925.0];
    let per_encoder = [8952.0, 8943.0, 8961.0, 8948.0, 8956.0];
    run.series = vec![
        from_values(Role::Strategy, "global", None, &global, 2.776),
        from_values(Role::Strategy, "per-encoder", None, &per_encoder, 2.776),
    ];
    let mut row = compared(
        Role::Strategy,
        "global",
        None,
        0.003_351_21,
        [0.002_298_07, 0.004_403_04],
        Verdict::Negligible,
    );
    row.baseline = "per-encoder".into();
    row.n_baseline = 5;
    row.n_test = 5;
    row.overhead.method = Some(Method::FiellerSatterthwaite);
    row.p_difference = Some(9.108e-5);
    row.p_difference_holm = Some(9.108e-5);
    row.p_equivalence = Some(2.889e-7);
    let found =
        locktoll_stats::compare(&per_encoder, &global, Design::Unpaired, &Policy::default())
            .expect("the published values can be compared");
    row.notes = found.notes;
    row.secondary = Some(found.secondary);
    run.comparisons = vec![row];
    run
}

/// Two workloads, six thread counts, and more comparisons open than settled.
pub(crate) fn unresolved() -> RunResult {
    let mut run = bench();
    for threads in [1, 2, 4, 8, 12, 16] {
        run.series.push(series(
            Role::Strategy,
            "none",
            Some(threads),
            1000.0 * f64::from(threads),
        ));
        run.series.push(series(
            Role::Strategy,
            "global",
            Some(threads),
            990.0 * f64::from(threads),
        ));
        let half = 0.004 * f64::from(threads);
        let mut row = compared(
            Role::Strategy,
            "global",
            Some(threads),
            0.01,
            [0.01 - half, 0.01 + half],
            if threads < 4 {
                Verdict::Costs
            } else {
                Verdict::Unresolved
            },
        );
        row.blocks_needed = (threads >= 4).then_some(12 * u64::from(threads));
        run.comparisons.push(row);
    }
    run.comparisons[5].blocks_needed = None;
    run
}

/// The baseline differs from itself.
pub(crate) fn a_a_fails() -> RunResult {
    let mut run = three_strategies();
    let row = run
        .comparisons
        .iter_mut()
        .find(|row| row.role == Role::AA && row.threads == Some(8))
        .expect("the fixture has an A/A arm at 8 threads");
    *row = compared(
        Role::AA,
        "none",
        Some(8),
        0.021,
        [0.0142, 0.0278],
        Verdict::Costs,
    );
    run.warnings.push(Warning {
        code: "a_a_failed".to_owned(),
        message: "The A/A arm found a difference of 2.1% where there is none.".to_owned(),
    });
    run
}

/// Every fixture with its name.
pub(crate) fn all() -> Vec<(&'static str, RunResult)> {
    vec![
        ("three_strategies", three_strategies()),
        ("crashes", crashes()),
        ("imported", imported()),
        ("unresolved", unresolved()),
        ("a_a_fails", a_a_fails()),
        ("empty", empty()),
        ("scaling", crate::scaling::scales()),
        ("map", crate::map::map()),
        ("causes", crate::causes::causes()),
    ]
}
