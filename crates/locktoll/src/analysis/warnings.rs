//! What a reader must know before trusting a number, most important first.

use locktoll_bench::samples::{Samples, StopReason};
use locktoll_gpu::{FaultModel, Scope};
use locktoll_report::evidence::A_A_FAILED;
use locktoll_report::format::{duration_ns, plural};
use locktoll_report::model::{Comparison, Role, RunResult, Warning};
use locktoll_stats::{Note, Verdict};

/// Fewer blocks than this leave intervals that a single odd block can ruin.
const FEW_BLOCKS: u64 = 5;

/// Warnings about a measured run.
pub(super) fn of_run(result: &RunResult, samples: &Samples) -> Vec<Warning> {
    let mut all = a_a(result);
    all.extend(of_course(result, samples, samples.complete_blocks()));
    for row in result
        .comparisons
        .iter()
        .filter(|row| row.role == Role::Counted)
    {
        if matches!(row.verdict, Some(Verdict::Costs | Verdict::Pays)) {
            all.push(Warning {
                code: "instrument".into(),
                message: format!(
                    "Counting changes the throughput of {}{}: read its contention figures as those \
                     of a slightly different program.",
                    row.test,
                    at(row)
                ),
            });
        }
    }
    all.extend(notes(result));
    all
}

/// Warnings about a map.
pub(super) fn of_map(result: &RunResult, samples: &Samples) -> Vec<Warning> {
    let cells = result.map.iter().flat_map(|map| &map.a_a);
    let mut all: Vec<Warning> = cells
        .filter(|cell| matches!(cell.verdict, Some(Verdict::Costs | Verdict::Pays)))
        .map(|cell| Warning {
            code: A_A_FAILED.into(),
            message: format!(
                "A/A fails at {} on {} with {} of work: {} differs from itself. Something other \
                 than the lock moves the figures; do not decide from this map.",
                plural(cell.threads.into(), "thread"),
                plural(cell.queues.into(), "queue"),
                duration_ns(cell.work_ns as f64),
                result.plan.baseline
            ),
        })
        .collect();
    let blocks = samples.header.plan.map.as_ref().map_or(0, |map| map.blocks);
    all.extend(of_course(result, samples, blocks));
    all
}

/// Warnings about a run's plan, its end and its machine. `complete` is how many blocks its intervals
/// rest on.
fn of_course(result: &RunResult, samples: &Samples, complete: u64) -> Vec<Warning> {
    let mut all = Vec::new();
    let mut add = |code: &str, message: String| {
        all.push(Warning {
            code: code.into(),
            message,
        });
    };
    if let Some(reason) = &result.plan.baseline_reason {
        add(
            "baseline",
            format!("Overheads are against {}: {reason}.", result.plan.baseline),
        );
    }
    let plan = &samples.header.plan;
    if plan.subject.encoders().is_some_and(|encoders| {
        encoders.device.fault == Some(FaultModel::Agx(Scope::Encoder))
            && encoders.workload.threads_per_encoder == 1
    }) {
        add(
            "fault_cannot_fire",
            "The fault model agx:encoder cannot fire: no two threads of this workload share an \
             encoder. Use a workload with threads-per-encoder above 1."
                .into(),
        );
    }
    match samples.stopped {
        None => add(
            "cut_off",
            "The run was cut off; these are the trials until then.".into(),
        ),
        Some(StopReason::Interrupted) => {
            add(
                "interrupted",
                "The run was interrupted; these are the trials until then.".into(),
            );
        }
        Some(StopReason::Hopeless) => add(
            "nothing_to_compare",
            "No two strategies ran to their end often enough to be compared.".into(),
        ),
        Some(
            StopReason::Blocks | StopReason::Precision | StopReason::Refined | StopReason::Time,
        ) => {}
    }
    if complete < FEW_BLOCKS {
        let message = match complete {
            0 => "No block is complete: what is compared rests on single trials, if on any.".into(),
            _ => format!(
                "Only {}: intervals are wide.",
                plural(complete, "complete block")
            ),
        };
        add("few_blocks", message);
    }
    let cores = samples
        .header
        .environment
        .get("cores")
        .and_then(serde_json::Value::as_u64);
    if let (Some(load), Some(cores)) = (foreign_load(samples), cores)
        && load > 0.5 * cores as f64
    {
        add(
            "busy_machine",
            format!(
                "The machine was busy when the run began: load {load} on {}.",
                plural(cores, "core")
            ),
        );
    }
    if let Some(change) = samples.resumed.iter().find_map(|later| {
        ["cpu_model", "kernel", "cores", "locktoll_version"]
            .into_iter()
            .find(|fact| later.get(*fact) != samples.header.environment.get(*fact))
    }) {
        add(
            "resumed_elsewhere",
            format!("The run was resumed with another {change}."),
        );
    }
    all
}

/// Warnings about comparisons alone.
pub(super) fn of_comparisons(result: &RunResult) -> Vec<Warning> {
    let mut all = Vec::new();
    if let Some(reason) = &result.plan.baseline_reason {
        let message = format!("Overheads are against {}: {reason}.", result.plan.baseline);
        all.push(Warning {
            code: "baseline".into(),
            message,
        });
    }
    all.extend(notes(result));
    all
}

/// The A/A arm's outcome, where the arms differ or are not there.
fn a_a(result: &RunResult) -> Vec<Warning> {
    let rows = result.comparisons.iter().filter(|row| row.role == Role::AA);
    rows.filter_map(|row| {
        let (code, message) = match row.verdict {
            // Inside the margin is a pass. Not settled is no failure; the summary says so where it
            // speaks of A/A.
            Some(Verdict::Free | Verdict::Negligible | Verdict::Unresolved) => return None,
            Some(_) => (
                A_A_FAILED,
                format!(
                    "A/A fails{}: {} differs from itself. Something other than the lock moves the \
                     figures; do not decide from this run.",
                    at(row),
                    row.test
                ),
            ),
            None => (
                "a_a_missing",
                format!(
                    "There is no A/A check{}: {}.",
                    at(row),
                    row.missing.as_deref().unwrap_or("no values")
                ),
            ),
        };
        Some(Warning {
            code: code.into(),
            message,
        })
    })
    .collect()
}

/// One warning for all comparisons whose values depend on their order, one for pairs that are too
/// alike; the report has the notes themselves.
fn notes(result: &RunResult) -> Vec<Warning> {
    let named = |wanted: fn(&Note) -> bool| -> Vec<String> {
        let rows = result
            .comparisons
            .iter()
            .filter(|row| row.role != Role::Counted);
        rows.filter(|row| row.notes.iter().any(wanted))
            .map(|row| format!("{} against {}{}", row.test, row.baseline, at(row)))
            .collect()
    };
    let mut all = Vec::new();
    let moving = named(|note| {
        matches!(
            note,
            Note::Autocorrelated { .. } | Note::Drift { .. } | Note::LevelShift { .. }
        )
    });
    if !moving.is_empty() {
        all.push(Warning {
            code: "order_effect".into(),
            message: format!(
                "Values depend on when they were measured, so that intervals may be too narrow: {}.",
                moving.join("; ")
            ),
        });
    }
    let alike = named(|note| matches!(note, Note::IndexCorrelated { .. }));
    if !alike.is_empty() && !result.plan.paired {
        all.push(Warning {
            code: "index_correlated".into(),
            message: format!(
                "Series that should be independent move together, value by value: {}. Were they \
                 measured in pairs (then add --paired), or derived from each other?",
                alike.join("; ")
            ),
        });
    }
    all
}

fn at(row: &Comparison) -> String {
    match row.threads {
        Some(threads) => format!(" at {}", plural(threads.into(), "thread")),
        None => String::new(),
    }
}

/// The load before the first trial: later ones see the load of the run itself.
fn foreign_load(samples: &Samples) -> Option<f64> {
    samples.trials.first().and_then(|trial| trial.load_1m)
}
