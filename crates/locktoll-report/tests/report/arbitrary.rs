//! Results of any shape: odd names, missing parts, figures of every size.

use std::collections::BTreeMap;

use locktoll_report::model::{
    Comparison, Contention, CrashEvent, Crashes, Estimate, Latency, Origin, Overhead, Role,
    RunResult, ScalabilityLaw, Scaling, Series, Timing, Utilisation, Value, Variance, Warning,
};
use locktoll_stats::{Method, Note, Verdict};
use proptest::option::of;
use proptest::prelude::*;

use crate::fixtures;

/// Names as files and processes give them: with markup, bars, newlines and control characters.
pub(crate) fn name() -> BoxedStrategy<String> {
    prop_oneof![
        Just("none".to_owned()),
        Just("global".to_owned()),
        Just("per-encoder".to_owned()),
        r"[a-z|<>*`\\\[\]\n\r\t&]{0,12}",
        any::<String>(),
    ]
    .boxed()
}

/// Finite figures of every size, zero of either sign included.
pub(crate) fn figure() -> BoxedStrategy<f64> {
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        -1.0..1.0,
        0.0..100_000.0,
        any::<f64>().prop_filter("finite", |x| x.is_finite()),
    ]
    .boxed()
}

fn interval() -> BoxedStrategy<[f64; 2]> {
    (figure(), figure())
        .prop_map(|(a, b)| [a.min(b), a.max(b)])
        .boxed()
}

fn role() -> BoxedStrategy<Role> {
    prop_oneof![Just(Role::Strategy), Just(Role::AA), Just(Role::Counted)].boxed()
}

pub(crate) fn verdict() -> BoxedStrategy<Verdict> {
    prop_oneof![
        Just(Verdict::Free),
        Just(Verdict::Negligible),
        Just(Verdict::Costs),
        Just(Verdict::Pays),
        Just(Verdict::Unresolved),
    ]
    .boxed()
}

fn method() -> BoxedStrategy<Method> {
    prop_oneof![
        Just(Method::FiellerSatterthwaite),
        Just(Method::FiellerPaired),
        Just(Method::PairedLogRatio),
        Just(Method::SteinTwoStage),
    ]
    .boxed()
}

fn threads() -> BoxedStrategy<Option<u32>> {
    of(prop_oneof![Just(1), Just(8), any::<u32>()]).boxed()
}

fn timing() -> BoxedStrategy<Timing> {
    (
        any::<u64>(),
        of(figure()),
        of(figure()),
        of(figure()),
        of(figure()),
    )
        .prop_map(|(count, mean_ns, p50_ns, p99_ns, max_ns)| Timing {
            count,
            mean_ns,
            p50_ns,
            p99_ns,
            max_ns,
        })
        .boxed()
}

fn contention() -> BoxedStrategy<Contention> {
    let counts = (
        any::<u64>(),
        any::<u64>(),
        any::<u64>(),
        any::<u64>(),
        any::<u32>(),
    );
    (counts, figure(), figure(), timing(), timing(), of(figure()))
        .prop_map(
            |(
                (ops, acquisitions, contentions, lent, every),
                rate,
                per_op,
                wait,
                hold,
                expected,
            )| {
                Contention {
                    ops,
                    acquisitions,
                    contentions,
                    rate,
                    acquisitions_per_op: per_op,
                    wait,
                    hold,
                    hold_sample_every: every,
                    lent,
                    expected_rate: expected,
                }
            },
        )
        .boxed()
}

fn crashes() -> BoxedStrategy<Crashes> {
    let event = (
        name(),
        name(),
        of(any::<u32>()),
        of(name()),
        any::<String>(),
    )
        .prop_map(|(block, signal, iteration, thread, message)| CrashEvent {
            block,
            signal,
            iteration,
            thread,
            message,
        });
    (
        any::<u64>(),
        any::<u64>(),
        interval(),
        figure(),
        prop::collection::vec(event, 0..3),
    )
        .prop_map(|(trials, crashed, ci, figure, events)| Crashes {
            trials,
            crashed,
            rate: figure,
            ci,
            upper_bound: figure,
            events,
        })
        .boxed()
}

fn utilisation() -> BoxedStrategy<Utilisation> {
    (
        of(figure()),
        of(figure()),
        of(figure()),
        of(figure()),
        of(figure()),
    )
        .prop_map(|(lock, device, cpu, voluntary, involuntary)| Utilisation {
            lock,
            device,
            cpu,
            voluntary_switches_per_op: voluntary,
            involuntary_switches_per_op: involuntary,
        })
        .boxed()
}

fn latency() -> BoxedStrategy<Latency> {
    (figure(), figure(), figure(), figure())
        .prop_map(|(p50_ns, p90_ns, p99_ns, max_ns)| Latency {
            p50_ns,
            p90_ns,
            p99_ns,
            max_ns,
        })
        .boxed()
}

fn variance() -> BoxedStrategy<Variance> {
    (figure(), figure(), of(figure()))
        .prop_map(|(between, within, icc)| Variance {
            between_processes_sd: between,
            within_process_sd: within,
            icc,
        })
        .boxed()
}

fn series() -> BoxedStrategy<Series> {
    let value = (name(), figure()).prop_map(|(block, value)| Value {
        block,
        order: None,
        value,
        iterations: Vec::new(),
    });
    let head = (name(), role(), threads(), of(name()), name());
    let summary = (
        of(figure()),
        of(interval()),
        prop::collection::vec(value, 0..5),
    );
    let parts = (
        of(crashes()),
        of(contention()),
        of(utilisation()),
        of(latency()),
        of(figure()),
        of(variance()),
    );
    (head, summary, parts)
        .prop_map(|(head, (mean, ci, values), parts)| {
            let (config, role, threads, workload, unit) = head;
            let (crashes, contention, utilisation, latency, fairness, variance) = parts;
            Series {
                config,
                role,
                probe: None,
                threads,
                workload,
                n: values.len(),
                mean,
                sd: mean,
                se: mean,
                ci,
                unit,
                values,
                crashes,
                contention,
                utilisation,
                latency,
                fairness,
                variance,
            }
        })
        .boxed()
}

fn comparison() -> BoxedStrategy<Comparison> {
    let head = (role(), name(), name(), threads(), of(name()));
    let overhead = (of(figure()), of(interval()), of(method()), 0.0..1.0_f64);
    let tests = (of(figure()), of(figure()), of(figure()), 1e-6..0.5_f64);
    let end = (
        of(verdict()),
        of(any::<u64>()),
        of(any::<String>()),
        figure(),
    );
    (head, overhead, tests, end)
        .prop_map(|(head, overhead, tests, end)| Comparison {
            role: head.0,
            baseline: head.1,
            test: head.2,
            threads: head.3,
            workload: head.4,
            n_baseline: 3,
            n_test: 3,
            overhead: Overhead {
                estimate: overhead.0,
                ci: overhead.1,
                confidence: overhead.3,
                method: overhead.2,
            },
            p_difference: tests.0,
            p_difference_holm: tests.1,
            p_equivalence: tests.2,
            margin: tests.3,
            verdict: end.0,
            blocks_needed: end.1,
            secondary: None,
            notes: vec![Note::IndexCorrelated { r: end.3, p: end.3 }],
            missing: end.2,
        })
        .boxed()
}

fn estimate() -> BoxedStrategy<Estimate> {
    (figure(), of(interval()))
        .prop_map(|(estimate, ci)| Estimate { estimate, ci })
        .boxed()
}

fn scaling() -> BoxedStrategy<Scaling> {
    let head = (
        name(),
        of(name()),
        prop::collection::vec(any::<u32>(), 0..6),
        of(name()),
    );
    let parameters = (estimate(), estimate(), estimate(), any::<[bool; 3]>());
    let rest = (of(estimate()), of(figure()), figure(), of(figure()));
    (head, of((parameters, rest)))
        .prop_map(|((config, workload, threads, refused), law)| Scaling {
            config,
            workload,
            threads,
            refused,
            law: law.map(|((lambda, sigma, kappa, flags), rest)| ScalabilityLaw {
                lambda,
                sigma,
                kappa,
                sigma_at_bound: flags[0],
                kappa_at_bound: flags[1],
                peak_threads: rest.0,
                peak_at_least: rest.1,
                peak_extrapolated: flags[2],
                worst_residual: rest.2,
                p_lack_of_fit: rest.3,
            }),
        })
        .boxed()
}

/// Any result that the types allow, except for numbers that JSON cannot hold.
pub(crate) fn run() -> BoxedStrategy<RunResult> {
    let plan = (
        any::<bool>(),
        name(),
        1e-6..0.5_f64,
        any::<bool>(),
        of(figure()),
    );
    let warning = (name(), any::<String>()).prop_map(|(code, message)| Warning { code, message });
    let environment = prop::collection::btree_map(any::<String>(), any::<String>(), 0..3);
    (
        plan,
        environment,
        prop::collection::vec(series(), 0..5),
        prop::collection::vec(comparison(), 0..7),
        prop::collection::vec(warning, 0..3),
        prop::collection::vec(scaling(), 0..3),
    )
        .prop_map(
            |(plan, environment, series, comparisons, warnings, scaling)| {
                let (measured, baseline, margin, higher_is_better, max_cost) = plan;
                let mut run = if measured {
                    fixtures::bench()
                } else {
                    fixtures::empty()
                };
                if !measured {
                    run.plan.origin = Origin::Import {
                        file: baseline.clone(),
                    };
                }
                run.plan.baseline = baseline;
                run.plan.margin = margin;
                run.plan.higher_is_better = higher_is_better;
                run.plan.max_cost = max_cost;
                let texts = environment
                    .into_iter()
                    .map(|(k, v)| (k, serde_json::Value::from(v)));
                run.environment = texts.collect::<BTreeMap<_, _>>();
                run.series = series;
                run.comparisons = comparisons;
                run.warnings = warnings;
                run.scaling = scaling;
                run
            },
        )
        .boxed()
}
