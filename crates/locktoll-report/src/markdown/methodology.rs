//! How the values came to be, and how they were analysed.

use locktoll_stats::Method;

use super::doc::{Doc, escape, escape_prose};
use crate::format::{count, given_percent, list, plural};
use crate::model::{Experiment, Origin, Role, RunResult, Subject};

pub(super) fn write(doc: &mut Doc, run: &RunResult) {
    doc.heading(2, "Methodology");
    let plan = &run.plan;
    doc.paragraph(&match &plan.origin {
        Origin::Bench { directory } => {
            let command = if run.map.is_some() { "map" } else { "bench" };
            format!(
                "Data source: measured by `locktoll {command}`, kept in {}.",
                escape(directory)
            )
        }
        Origin::Import { file } => format!(
            "Data source: values read from {}. How they were measured is not known to locktoll.",
            escape(file)
        ),
    });
    if let Some(experiment) = &plan.experiment {
        measurement(doc, run, experiment);
    }
    doc.heading(3, "Analysis");
    let mut lines = vec![baseline(run)];
    lines.push(
        "Overhead is 1 − throughput(test) / throughput(baseline): positive is a cost, negative a \
         gain."
            .to_owned(),
    );
    if !plan.higher_is_better {
        lines
            .push("Lower values are better here; throughput is taken as their inverse.".to_owned());
    }
    lines.push(
        if plan.paired {
            "Series are compared block by block (paired)."
        } else {
            "Series are compared as independent samples (unpaired)."
        }
        .to_owned(),
    );
    lines.push(format!("Intervals: {}.", methods(run)));
    lines.push(format!(
        "Intervals have {} confidence. The margin, below which a difference does not matter, is \
         ±{}.",
        given_percent(plan.confidence),
        given_percent(plan.margin)
    ));
    lines.push(format!(
        "\"No difference\" is tested two-sided, with Holm's correction over all {} \"Inside the \
             margin\" is tested by two one-sided tests (TOST).",
        if run.map.is_some() {
            "points and A/A cells of the map."
        } else {
            "strategy and A/A comparisons of the run."
        }
    ));
    lines.push(
        "Verdicts: free = inside the margin, no difference seen; negligible = a real difference, \
         inside the margin; costs, pays = a real difference, not shown to be inside the margin; \
         unresolved = none of these could be shown."
            .to_owned(),
    );
    if let Some(allowed) = plan.max_cost {
        lines.push(format!(
            "Allowed cost (`--max-cost`): {}.",
            given_percent(allowed)
        ));
    }
    if run.has_several_workloads() {
        lines.push("Values of different workloads are never pooled.".to_owned());
    }
    doc.bullets(lines);
}

fn measurement(doc: &mut Doc, run: &RunResult, experiment: &Experiment) {
    let has = |role| run.series.iter().any(|series| series.role == role);
    doc.bullets(
        experiment
            .device_notes
            .iter()
            .map(|note| format!("**Note:** {}", escape_prose(note))),
    );
    let threads: Vec<String> = experiment.threads.iter().map(u32::to_string).collect();
    let strategies: Vec<String> = experiment.strategies.iter().map(|s| escape(s)).collect();
    let resumed = match experiment.resumed {
        0 => "no".to_owned(),
        n => plural(n.into(), "time"),
    };
    let mut rows = subject(experiment);
    rows.push(("Strategies", list(&strategies)));
    if !threads.is_empty() {
        rows.push(("Threads", list(&threads)));
    }
    if let Some(map) = &run.map {
        rows.extend(super::map::measured(map));
    }
    rows.extend([
        (
            "Blocks",
            format!(
                "{} complete, {}; each block is one trial of every cell{}",
                count(experiment.blocks_complete),
                plural(experiment.trials, "trial"),
                if run.map.is_some() {
                    " of its stage"
                } else {
                    ""
                }
            ),
        ),
        (
            "Order",
            format!("random within each block, seed {}", experiment.seed),
        ),
    ]);
    if run.map.is_none() {
        let a_a = if has(Role::AA) {
            "the baseline a second time in every block"
        } else {
            "none"
        };
        rows.push(("A/A arm", a_a.to_owned()));
    }
    rows.extend([
        (
            "Instrument",
            if has(Role::Counted) {
                "throughput with bare locks; locks are counted and timed in trials of their own"
            } else {
                "throughput with bare locks; no trials with counted locks"
            }
            .to_owned(),
        ),
        ("Stopping rule", escape(&experiment.stop_rule)),
        ("Stopped because", escape(&experiment.stop_reason)),
        ("Resumed", resumed),
    ]);
    doc.table(
        &["What", "How"],
        rows.into_iter().map(|(what, how)| [what.to_owned(), how]),
    );
}

/// What each trial ran.
fn subject(experiment: &Experiment) -> Vec<(&'static str, String)> {
    match &experiment.subject {
        Subject::Encoders {
            device,
            device_settings,
            fault,
            workload_description,
            sync,
            ops_per_thread,
            iterations,
            warmup,
        } => vec![
            ("Device", escape(device)),
            ("Device settings", escape(device_settings)),
            (
                "Fault model",
                fault.as_deref().map_or_else(|| "none".to_owned(), escape),
            ),
            (
                "Workload",
                format!(
                    "{}: {}",
                    escape(&experiment.workload),
                    escape(workload_description)
                ),
            ),
            ("Sync pattern", escape(sync)),
            (
                "One trial",
                format!(
                    "one process; {warmup} warm-up and {} of {} per thread",
                    plural((*iterations).into(), "measured iteration"),
                    plural(*ops_per_thread, "op")
                ),
            ),
        ],
        Subject::Program { command, measure } => vec![
            ("Program", escape(command)),
            (
                "Locks",
                "slipped under the program by a Vulkan layer; none is the program as it is, \
              or with a layer that only counts where counts are measured"
                    .to_owned(),
            ),
            ("Value", escape(measure)),
            ("One trial", ONE_RUN.to_owned()),
        ],
        Subject::Commands { commands, measure } => {
            let mut rows: Vec<_> = commands
                .iter()
                .map(|(name, command)| {
                    ("Command", format!("{}: {}", escape(name), escape(command)))
                })
                .collect();
            rows.push(("Value", escape(measure)));
            rows.push(("One trial", ONE_RUN.to_owned()));
            rows
        }
    }
}

const ONE_RUN: &str = "one run of the program, from before its start to after its end";

fn baseline(run: &RunResult) -> String {
    let baseline = escape(&run.plan.baseline);
    match &run.plan.baseline_reason {
        Some(reason) => format!("Baseline: {baseline}. Reason: {}", escape(reason)),
        None => format!("Baseline: {baseline}."),
    }
}

/// The methods of the run's comparisons, each once.
fn methods(run: &RunResult) -> String {
    let mut names: Vec<&str> = run
        .comparisons
        .iter()
        .filter(|row| row.role != Role::Counted)
        .map(|row| &row.overhead)
        .chain(
            run.map
                .iter()
                .flat_map(|map| &map.cells)
                .map(|cell| &cell.overhead),
        )
        .filter_map(|overhead| overhead.method.map(method_name))
        .collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [] => "none computed".to_owned(),
        names => names.join("; "),
    }
}

/// A method in words.
pub(super) fn method_name(method: Method) -> &'static str {
    match method {
        Method::FiellerSatterthwaite => {
            "Fieller's interval of a ratio of means, Satterthwaite's degrees of freedom"
        }
        Method::FiellerPaired => {
            "Fieller's interval of a ratio of paired means, taken where zeros forbid logarithms"
        }
        Method::PairedLogRatio => "Student-t interval of the mean paired log-ratio",
        Method::SteinTwoStage => {
            "Stein's two-stage interval of the mean paired log-ratio, whose coverage holds although \
             the number of blocks was chosen from the data"
        }
    }
}
