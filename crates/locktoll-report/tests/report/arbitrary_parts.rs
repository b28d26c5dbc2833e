//! Causes, ceilings and maps of any shape.

use locktoll_report::model::{
    AblationStep, Cause, Ceiling, CeilingLimit, Crossover, Estimate, Level, MapCell, Outcome,
    Overhead, Part, PassThrough, RegimeMap, Remedy, Resource, Root, RunResult, Share, Witness,
};
use locktoll_stats::Verdict;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::arbitrary::{figure, name, verdict};

fn estimate() -> BoxedStrategy<Estimate> {
    (figure(), of((figure(), figure())))
        .prop_map(|(estimate, ends)| Estimate {
            estimate,
            ci: ends.map(|(a, b)| [a.min(b), a.max(b)]),
        })
        .boxed()
}

fn part() -> BoxedStrategy<Part> {
    prop_oneof![
        Just(Part::Lock),
        Just(Part::Device),
        Just(Part::Encode),
        Just(Part::SubmitWait),
        Just(Part::Remainder),
    ]
    .boxed()
}

fn root() -> BoxedStrategy<Root> {
    prop_oneof![
        Just(Root::LockBound),
        Just(Root::DeviceBound),
        Just(Root::EncodeBound),
        Just(Root::SubmissionBound),
        Just(Root::Mixed),
        Just(Root::NotIdentified),
    ]
    .boxed()
}

fn resource() -> BoxedStrategy<Resource> {
    prop_oneof![
        Just(Resource::Lock),
        Just(Resource::Encode),
        Just(Resource::Submit),
        Just(Resource::Device),
        Just(Resource::Wait),
    ]
    .boxed()
}

fn pass_through() -> BoxedStrategy<PassThrough> {
    let level = (any::<u64>(), figure(), estimate()).prop_map(|(asked_ns, added_ns, time)| Level {
        asked_ns,
        added_ns,
        time_per_op_ns: time,
    });
    (
        resource(),
        of(estimate()),
        vec(level, 0..3),
        of(figure()),
        any::<Option<bool>>(),
    )
        .prop_map(
            |(resource, estimate, levels, p_linear, linear)| PassThrough {
                resource,
                estimate,
                levels,
                p_linear,
                linear,
            },
        )
        .boxed()
}

fn cause() -> BoxedStrategy<Cause> {
    let share = (part(), of(figure()), of(estimate())).prop_map(|(part, demand_ns, share)| Share {
        part,
        demand_ns,
        share,
    });
    let witness = (part(), figure(), any::<bool>(), name()).prop_map(
        |(part, utilisation, agrees, statement)| Witness {
            part,
            utilisation,
            agrees,
            statement,
        },
    );
    let remedy =
        (any::<u32>(), of(estimate()), estimate()).prop_map(|(batch, predicted, measured)| {
            Remedy {
                batch,
                predicted_gain: predicted,
                measured_gain: measured,
                outcome: [
                    Outcome::Gains,
                    Outcome::Loses,
                    Outcome::NoMatter,
                    Outcome::Unsettled,
                ][batch as usize % 4],
            }
        });
    let head = (name(), any::<u32>(), of(estimate()), root(), name());
    let evidence = (
        vec(pass_through(), 0..3),
        vec(share, 0..6),
        of(estimate()),
        vec(witness, 0..2),
        of(remedy),
    );
    (head, evidence)
        .prop_map(|((config, threads, time, root, reason), evidence)| Cause {
            config,
            threads,
            workload: "w".to_owned(),
            blocks: 3,
            time_per_op_ns: time,
            pass_throughs: evidence.0,
            shares: evidence.1,
            shares_sum: evidence.2,
            root,
            reason,
            witnesses: evidence.3,
            remedy: evidence.4,
        })
        .boxed()
}

fn ceiling() -> BoxedStrategy<Ceiling> {
    let step = (name(), estimate(), estimate(), estimate()).prop_map(
        |(removed, saved_ns, share, left_ns)| AblationStep {
            removed,
            saved_ns,
            share,
            left_ns,
        },
    );
    let limit = (any::<u32>(), any::<u32>(), any::<bool>(), estimate()).prop_map(
        |(threads, queues, waits, ops_per_s)| CeilingLimit {
            threads,
            queues,
            waits,
            ops_per_s,
        },
    );
    (
        name(),
        vec(limit.clone(), 0..2),
        of(limit),
        of(estimate()),
        of(estimate()),
        vec(step, 0..4),
    )
        .prop_map(
            |(config, limits, best, ratio, time_per_op_ns, steps)| Ceiling {
                config,
                threads: 8,
                queues: 1,
                set_occupancy_ns: best.map(|best: CeilingLimit| f64::from(best.queues)),
                limits,
                best,
                ratio,
                time_per_op_ns,
                steps,
            },
        )
        .boxed()
}

fn map() -> BoxedStrategy<RegimeMap> {
    let work = prop_oneof![Just(2_000_u64), Just(8_000), any::<u64>()];
    let few = prop_oneof![Just(1_u32), Just(8), any::<u32>()];
    let cell = (
        few.clone(),
        few.clone(),
        work.clone(),
        of(estimate()),
        of(verdict()),
    )
        .prop_map(|(threads, queues, work_ns, found, verdict)| MapCell {
            threads,
            queues,
            work_ns,
            n: 6,
            baseline_per_s: found.map(|found| found.estimate),
            overhead: Overhead {
                estimate: found.map(|found| found.estimate),
                ci: found.and_then(|found| found.ci),
                confidence: 0.95,
                method: None,
            },
            verdict,
            blocks_needed: (work_ns % 2 == 0).then_some(work_ns),
            crashed: 0,
        });
    let crossover =
        (few.clone(), few, work.clone(), work.clone()).prop_map(|(threads, queues, from, to)| {
            Crossover {
                threads,
                queues,
                below: Verdict::Costs,
                above: Verdict::Free,
                between_ns: [from, to],
            }
        });
    (
        name(),
        vec(work, 0..6),
        vec(cell.clone(), 0..6),
        vec(cell, 0..2),
        vec(crossover, 0..3),
        any::<u64>(),
    )
        .prop_map(
            |(test, levels_ns, cells, a_a, crossovers, full_grid_trials)| RegimeMap {
                baseline: "none".to_owned(),
                test,
                levels_ns,
                cells,
                a_a,
                crossovers,
                trials: 7,
                full_grid_trials,
                complete: false,
            },
        )
        .boxed()
}

/// Any result with all that can be drawn.
pub(crate) fn drawn() -> BoxedStrategy<RunResult> {
    (
        crate::arbitrary::run(),
        vec(cause(), 0..3),
        of(ceiling()),
        of(map()),
        of(any::<u32>()),
        any::<bool>(),
    )
        .prop_map(|(mut run, causes, ceiling, map, first, paired)| {
            run.causes = causes;
            run.ceiling = ceiling;
            run.map = map;
            run.plan.paired = paired;
            if let Some(first) = first {
                let values = run.series.iter_mut().flat_map(|series| &mut series.values);
                for (order, value) in (u64::from(first)..).zip(values) {
                    value.order = Some(order);
                }
            }
            run
        })
        .boxed()
}
