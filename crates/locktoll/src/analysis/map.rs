//! From the samples of a map to its result: verdicts of its points, and the crossovers that follow.

use locktoll_bench::map::judge::{Judged, judge, levels, points};
use locktoll_bench::map::{Grid, Level, Row, refine, stages};
use locktoll_bench::plan::Plan as Planned;
use locktoll_bench::samples::{Samples, StopReason};
use locktoll_report::format;
use locktoll_report::model::{
    self, Crossover, Experiment, MapCell, Origin, Overhead, Plan, RegimeMap, RunResult, Subject,
};
use locktoll_stats::Policy;

use super::measured::{self, Overrides};
use super::warnings;
use crate::error::{Error, Result};

/// Analyses a map; `directory` is how the user named it.
///
/// # Errors
/// The samples are not those of a map; an override asks for what a map has not.
pub fn analyse(samples: &Samples, directory: &str, overrides: &Overrides) -> Result<RunResult> {
    let plan = &samples.header.plan;
    let Some(grid) = &plan.map else {
        return Err(Error::Usage(format!("{directory} holds no map")));
    };
    check(plan, overrides)?;
    let policy = Policy {
        confidence: overrides.confidence.unwrap_or(plan.confidence),
        margin: overrides.margin.unwrap_or(plan.margin),
        ..Policy::default()
    };
    let judged = judge(points(plan, grid, &samples.trials), &policy);
    let mut result = RunResult {
        schema: model::SCHEMA.to_owned(),
        environment: samples.header.environment.clone(),
        plan: Plan {
            origin: Origin::Bench {
                directory: directory.to_owned(),
            },
            baseline: plan.baseline.to_string(),
            baseline_reason: None,
            margin: policy.margin,
            confidence: policy.confidence,
            paired: true,
            higher_is_better: true,
            max_cost: None,
            experiment: Some(experiment(samples, grid)),
        },
        series: Vec::new(),
        probes: Vec::new(),
        comparisons: Vec::new(),
        causes: Vec::new(),
        scaling: Vec::new(),
        ceiling: None,
        map: Some(map(samples, grid, &judged, &policy)),
        warnings: Vec::new(),
    };
    result.warnings = warnings::of_map(&result, samples);
    Ok(result)
}

fn check(plan: &Planned, overrides: &Overrides) -> Result<()> {
    if overrides.max_cost.is_some() {
        return Err(Error::Usage(
            "--max-cost: a map has no one cost; its points are in result.json".into(),
        ));
    }
    match &overrides.baseline {
        Some(name) if *name != plan.baseline.to_string() => Err(Error::Usage(format!(
            "the baseline of this map is {}, not '{name}'",
            plan.baseline
        ))),
        _ => Ok(()),
    }
}

fn map(samples: &Samples, grid: &Grid, judged: &[Judged], policy: &Policy) -> RegimeMap {
    let plan = &samples.header.plan;
    let rows = grid.rows(plan);
    let known = levels(plan, grid, judged);
    let cells = |of_a_a: bool| {
        judged
            .iter()
            .filter(move |point| point.values.level.is_none() == of_a_a)
            .map(|point| cell(point, rows[point.values.row], grid, policy))
            .collect()
    };
    RegimeMap {
        baseline: plan.baseline.to_string(),
        test: plan.configs[1].to_string(),
        levels_ns: grid.levels_ns.clone(),
        cells: cells(false),
        a_a: cells(true),
        crossovers: crossovers(grid, &rows, judged, &known),
        trials: samples.trials.len() as u64,
        full_grid_trials: grid.full_trials(plan),
        complete: samples.stopped == Some(StopReason::Refined)
            && known.iter().all(|row| refine::is_complete(row)),
    }
}

fn cell(point: &Judged, row: Row, grid: &Grid, policy: &Policy) -> MapCell {
    let level = point.values.level.unwrap_or_else(|| grid.a_a_level());
    let estimate = point.estimate.as_ref();
    let baseline = &point.values.baseline;
    let n = baseline.len();
    MapCell {
        threads: row.threads.get(),
        queues: row.queues.get(),
        work_ns: grid.levels_ns[level],
        n,
        baseline_per_s: (n > 0).then(|| baseline.iter().sum::<f64>() / n as f64),
        overhead: Overhead {
            estimate: estimate.map(|found| found.overhead.estimate),
            ci: estimate
                .and_then(|found| found.overhead.ci.as_ref()?.interval())
                .map(|interval| [interval.lo, interval.hi]),
            confidence: policy.confidence,
            method: estimate.map(|found| found.overhead.method),
        },
        verdict: point.decision.map(|decision| decision.verdict),
        blocks_needed: point.decision.and_then(|decision| decision.blocks_needed),
        crashed: point.values.crashed,
    }
}

fn crossovers(
    grid: &Grid,
    rows: &[Row],
    judged: &[Judged],
    known: &[Vec<Level>],
) -> Vec<Crossover> {
    let verdict = |row: usize, level: usize| {
        judged
            .iter()
            .find(|point| point.values.row == row && point.values.level == Some(level))
            .and_then(|point| point.decision)
            .map(|decision| decision.verdict)
    };
    let mut all = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        for crossing in refine::crossings(&known[at]) {
            // Both levels are settled, so both have a verdict.
            if let (Some(below), Some(above)) =
                (verdict(at, crossing.below), verdict(at, crossing.above))
            {
                all.push(Crossover {
                    threads: row.threads.get(),
                    queues: row.queues.get(),
                    below,
                    above,
                    between_ns: [
                        grid.levels_ns[crossing.below],
                        grid.levels_ns[crossing.above],
                    ],
                });
            }
        }
    }
    all
}

/// The course of a map: as that of any run, but with its own blocks and its own rule.
fn experiment(samples: &Samples, grid: &Grid) -> Experiment {
    let mut experiment = measured::experiment(samples);
    let recorded = stages::recorded(samples);
    let (complete, due) = stages::replay(samples, grid);
    experiment.blocks_complete = complete
        .iter()
        .chain(&due)
        .map(|stage| stage.complete_blocks(&recorded))
        .sum();
    let limit = match samples.header.plan.max_time_ns {
        0 => String::new(),
        ns => {
            let limit = humantime::format_duration(std::time::Duration::from_nanos(ns));
            format!(", at most {limit} of measuring, but 2 blocks in any case")
        }
    };
    experiment.stop_rule = format!(
        "{} blocks for each point, stage by stage, until nothing can be narrowed further on the \
         finest grid{limit}",
        grid.blocks
    );
    let ends = [grid.levels_ns.first(), grid.levels_ns.last()]
        .map(|ns| format::duration_ns(ns.copied().unwrap_or_default() as f64));
    if let Subject::Encoders {
        workload_description,
        ..
    } = &mut experiment.subject
    {
        *workload_description = format!(
            "1 dispatch per op of a kernel that takes a set time, from {} to {}, one encoder per \
             thread and op",
            ends[0], ends[1]
        );
    }
    experiment
}
