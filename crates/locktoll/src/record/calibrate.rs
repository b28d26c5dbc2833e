//! What recording costs: bare and recorded runs of the program, in random order.

use std::process::Stdio;
use std::time::Instant;

use locktoll_bench::Error as BenchError;
use locktoll_report::record::model::{Cost, Estimate};
use locktoll_stats::paired::PairedLogRatio;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;

use super::launch;
use super::library::Library;
use crate::cli::RecordArgs;
use crate::error::{Error, Result};
use crate::planning;
use crate::recorded::{CONFIDENCE, Observed};

/// Runs `pairs` bare and as many recorded runs: each pair one after the other in random order, so that a slow
/// minute hits both.
///
/// # Errors
/// A run fails, or ends otherwise recorded than bare.
pub(super) fn measure(arguments: &RecordArgs, library: &Library, pairs: u32) -> Result<Cost> {
    let mut random = Pcg64Mcg::seed_from_u64(planning::any_seed());
    let (mut bare, mut recorded) = (Vec::new(), Vec::new());
    let mut events = Vec::new();
    for pair in 1..=pairs {
        if !arguments.quiet {
            anstream::eprintln!("Calibrating: pair {pair} of {pairs} …");
        }
        let mut order = [false, true];
        order.shuffle(&mut random);
        let mut statuses = [None, None];
        for is_recorded in order {
            let traces = tempfile::tempdir().map_err(BenchError::io("create", "a folder"))?;
            let variables = if is_recorded {
                library.variables_for(traces.path())
            } else {
                Vec::new()
            };
            let (ns, status) = one_run(arguments, &variables)?;
            statuses[usize::from(is_recorded)] = Some(status);
            if is_recorded {
                recorded.push(ns);
                events.push(events_in(&Observed::read(traces.path())?));
            } else {
                bare.push(ns);
            }
        }
        if let [Some(bare), Some(recorded)] = statuses
            && bare != recorded
        {
            return Err(Error::Usage(format!(
                "the program ends otherwise when it is recorded ({recorded}) than bare ({bare}), so its \
                 times cannot be compared: calibrate with a command that always ends alike"
            )));
        }
    }
    cost(&bare, &recorded, &events)
}

/// One run without input and output: its wall time in nanoseconds, and how it ended.
fn one_run(arguments: &RecordArgs, variables: &[(&'static str, String)]) -> Result<(f64, String)> {
    let program = arguments.command.first().cloned().unwrap_or_default();
    let mut command = launch::prepare(&arguments.command, variables)?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let began = Instant::now();
    let status = command
        .status()
        .map_err(BenchError::io("start", &program))?;
    Ok((began.elapsed().as_nanos() as f64, status.to_string()))
}

/// Acquisitions and waits that were recorded.
fn events_in(observed: &Observed) -> f64 {
    let points = observed
        .processes
        .iter()
        .flat_map(|process| &process.recording.points);
    points
        .map(|point| point.acquisitions.max(point.contentions) as f64)
        .sum()
}

fn cost(bare: &[f64], recorded: &[f64], events: &[f64]) -> Result<Cost> {
    let ratio = PairedLogRatio::compute(bare, recorded, CONFIDENCE).map_err(|source| {
        Error::Statistics {
            series: "calibration".to_owned(),
            source,
        }
    })?;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (bare_ns, recorded_ns, events) = (mean(bare), mean(recorded), mean(events));
    // The overhead of the statistics is 1 − ratio.
    let (ratio, ci) = (
        1.0 - ratio.overhead,
        [1.0 - ratio.overhead_ci.hi, 1.0 - ratio.overhead_ci.lo],
    );
    let per_event = |ratio: f64| (ratio - 1.0) * bare_ns / events;
    Ok(Cost {
        pairs: bare.len() as u64,
        ratio,
        ci,
        bare_ns,
        recorded_ns,
        per_event_ns: (events > 0.0).then(|| Estimate {
            value: per_event(ratio),
            ci: Some(ci.map(per_event)),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_the_mean_ratio_of_pairs() {
        let found = cost(&[100.0, 200.0], &[110.0, 220.0], &[10.0, 20.0]).unwrap();
        assert!((found.ratio - 1.1).abs() < 1e-12, "{found:?}");
        assert!((found.ci[0] - 1.1).abs() < 1e-9 && (found.ci[1] - 1.1).abs() < 1e-9);
        // 10% of 150 ns more for 15 events.
        let per_event = found.per_event_ns.unwrap();
        assert!((per_event.value - 1.0).abs() < 1e-9, "{per_event:?}");
        assert_eq!(
            cost(&[100.0, 200.0], &[110.0, 220.0], &[0.0, 0.0])
                .unwrap()
                .per_event_ns,
            None
        );
    }

    #[test]
    fn an_interval_is_students() {
        // Log ratios 0 and ln 1.21: mean ln 1.1, se ln 1.1, t(1) = 12.7062.
        let found = cost(&[100.0, 100.0], &[100.0, 121.0], &[1.0, 1.0]).unwrap();
        assert!((found.ratio - 1.1).abs() < 1e-12);
        let half = 12.706_204_736 * 1.1_f64.ln();
        assert!(
            (found.ci[0].ln() - (1.1_f64.ln() - half)).abs() < 1e-6,
            "{found:?}"
        );
        assert!((found.ci[1].ln() - (1.1_f64.ln() + half)).abs() < 1e-6);
    }
}
