//! From the samples of an own run to its result.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use locktoll_bench::baseline;
use locktoll_bench::measure::Measure;
use locktoll_bench::plan::{Arm, Cell, Config, StopRule, Subject as Ran};
use locktoll_bench::samples::{LatencyQuantiles, Measurement, Outcome, Samples, Trial};
use locktoll_report::format::plural;
use locktoll_report::model::{
    self, CrashEvent, Crashes, Experiment, Latency, Origin, Plan, Role, RunResult, Series, Subject,
    Value, Variance,
};
use locktoll_stats::hierarchical;
use locktoll_stats::proportion::Proportion;
use locktoll_stats::{Direction, Policy, Summary};

use super::{Pair, Values, cause, ceiling, contention, judge, pairing, scaling, warnings};
use crate::error::{Error, Result};

/// What `analyze` may set differently from the run itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Another baseline.
    pub baseline: Option<String>,
    /// Another margin, as a fraction.
    pub margin: Option<f64>,
    /// Another confidence, as a fraction.
    pub confidence: Option<f64>,
    /// Another largest allowed overhead, as a fraction.
    pub max_cost: Option<f64>,
}

/// Analyses a run; `directory` is how the user named it.
///
/// # Errors
/// An override names something that the run does not have.
pub fn analyse(samples: &Samples, directory: &str, overrides: &Overrides) -> Result<RunResult> {
    let plan = &samples.header.plan;
    let policy = Policy {
        confidence: overrides.confidence.unwrap_or(plan.confidence),
        margin: overrides.margin.unwrap_or(plan.margin),
        direction: if plan.lower_is_better() {
            Direction::LowerIsBetter
        } else {
            Direction::HigherIsBetter
        },
    };
    let view = View::new(samples);
    let (baseline, baseline_reason) = view.baseline(overrides.baseline.as_deref())?;
    let comparisons = judge(view.pairs(baseline), &policy)?;
    let (probes, series): (Vec<Series>, Vec<Series>) = view
        .cells
        .iter()
        .enumerate()
        .map(|(slot, cell)| view.series(slot, cell, &policy))
        .partition(|series| series.role == Role::Probe);
    let mut result = RunResult {
        schema: model::SCHEMA.to_owned(),
        environment: samples.header.environment.clone(),
        plan: Plan {
            origin: Origin::Bench {
                directory: directory.to_owned(),
            },
            baseline: baseline.to_string(),
            baseline_reason,
            margin: policy.margin,
            confidence: policy.confidence,
            paired: true,
            higher_is_better: !plan.lower_is_better(),
            max_cost: overrides.max_cost.or(plan.max_cost),
            experiment: Some(experiment(samples)),
        },
        series,
        comparisons,
        probes,
        causes: cause::all(&view, &policy),
        scaling: Vec::new(),
        ceiling: ceiling::of(&view, policy.confidence),
        map: None,
        warnings: Vec::new(),
    };
    result.scaling = scaling::of_series(&result.series, &result.plan);
    result.warnings = warnings::of_run(&result, samples);
    Ok(result)
}

/// The samples, by slot.
pub(super) struct View<'a> {
    pub(super) samples: &'a Samples,
    pub(super) cells: Vec<Cell>,
    trials: Vec<Vec<&'a Trial>>,
}

impl<'a> View<'a> {
    fn new(samples: &'a Samples) -> Self {
        let cells = samples.header.plan.cells();
        let mut trials = vec![Vec::new(); cells.len()];
        for trial in &samples.trials {
            if let Some(of_slot) = trials.get_mut(trial.slot) {
                of_slot.push(trial);
            }
        }
        for of_slot in &mut trials {
            of_slot.sort_by_key(|trial| trial.block);
        }
        Self {
            samples,
            cells,
            trials,
        }
    }

    pub(super) fn completed(
        &self,
        slot: usize,
    ) -> impl Iterator<Item = (&'a Trial, &'a Measurement)> + '_ {
        self.trials[slot]
            .iter()
            .filter_map(|trial| match &trial.outcome {
                Outcome::Completed(measured) => Some((*trial, measured.as_ref())),
                Outcome::Crashed(_) => None,
            })
    }

    /// The slot of a configuration's bare cell with as many threads as another cell has.
    pub(super) fn bare(&self, config: &Config, like: &Cell) -> Option<usize> {
        self.cells.iter().position(|cell| {
            cell.arm == Arm::Bare && &cell.config == config && cell.threads == like.threads
        })
    }

    /// Engines of the device that work at the same time.
    pub(super) fn engines(&self) -> Option<u32> {
        self.samples
            .header
            .device
            .as_ref()
            .map(|device| device.engines)
    }

    /// Cores of the machine.
    pub(super) fn cores(&self) -> Option<u64> {
        let cores = self.samples.header.environment.get("cores");
        cores.and_then(serde_json::Value::as_u64)
    }

    /// Queues over which the threads are spread.
    pub(super) fn queues(&self) -> u32 {
        match self.samples.header.plan.subject.encoders() {
            Some(encoders) => encoders.device.queues().get(),
            None => 1,
        }
    }

    /// The baseline named now, else the one [in force](baseline::in_force).
    fn baseline(&self, named: Option<&str>) -> Result<(&'a Config, Option<String>)> {
        let plan = &self.samples.header.plan;
        if let Some(name) = named {
            return match plan.configs.iter().find(|lock| lock.to_string() == name) {
                Some(config) => Ok((config, None)),
                None => Err(Error::Usage(format!(
                    "no strategy '{name}' in this run; it has {}",
                    plan.configs
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(", ")
                ))),
            };
        }
        Ok(baseline::in_force(self.samples))
    }

    /// Every comparison: each lock with the baseline, the baseline with itself, and each counted
    /// arm with its bare one.
    fn pairs(&self, baseline: &Config) -> Vec<Pair> {
        let planned = &self.samples.header.plan.baseline;
        let mut pairs = Vec::new();
        for (slot, cell) in self.cells.iter().enumerate() {
            let (role, against) = match cell.arm {
                Arm::Bare if &cell.config == baseline => continue,
                Arm::Bare => (Role::Strategy, baseline),
                Arm::AA => (Role::AA, planned),
                Arm::Counted => (Role::Counted, &cell.config),
                Arm::Probe(_) => continue,
            };
            let values = match self.bare(against, cell) {
                Some(base) => self.common_blocks(base, slot),
                None => Values::Missing(format!("{against} was not measured")),
            };
            let pairs_found = match &values {
                Values::Present { test, .. } => test.len(),
                Values::Missing(_) => 0,
            };
            pairs.push(Pair {
                role,
                baseline: against.to_string(),
                test: cell.config.to_string(),
                threads: cell.threads.map(NonZeroU32::get),
                workload: Some(self.samples.header.plan.subject.workload_name()),
                values,
                design: pairing::design(self.samples, pairs_found),
            });
        }
        pairs
    }

    /// Throughputs of two slots in the blocks in which both completed.
    fn common_blocks(&self, base: usize, test: usize) -> Values {
        let baseline: BTreeMap<u64, f64> = self
            .completed(base)
            .map(|(trial, m)| (trial.block, m.value()))
            .collect();
        let (baseline, test): (Vec<f64>, Vec<f64>) = self
            .completed(test)
            .filter_map(|(trial, m)| Some((*baseline.get(&trial.block)?, m.value())))
            .unzip();
        if test.is_empty() {
            Values::Missing("no block in which both ran to their end".to_owned())
        } else {
            Values::Present { baseline, test }
        }
    }

    fn series(&self, slot: usize, cell: &Cell, policy: &Policy) -> Series {
        let header = &self.samples.header;
        let measured: Vec<&Measurement> = self.completed(slot).map(|(_, m)| m).collect();
        let values: Vec<Value> = self
            .completed(slot)
            .map(|(trial, m)| Value {
                block: (trial.block + 1).to_string(),
                order: Some(trial.order),
                value: m.value(),
                iterations: match &header.plan.subject {
                    Ran::Encoders(_) => m.iterations.iter().map(iteration_ops_per_s).collect(),
                    Ran::Program { .. } | Ran::Commands { .. } => Vec::new(),
                },
            })
            .collect();
        let plain: Vec<f64> = values.iter().map(|value| value.value).collect();
        let summary = Summary::compute(&plain, policy.confidence).ok();
        Series {
            config: cell.config.to_string(),
            role: match cell.arm {
                Arm::Bare => Role::Strategy,
                Arm::AA => Role::AA,
                Arm::Counted => Role::Counted,
                Arm::Probe(_) => Role::Probe,
            },
            probe: match cell.arm {
                Arm::Probe(probe) => Some(probe.describe()),
                _ => None,
            },
            threads: cell.threads.map(NonZeroU32::get),
            workload: Some(header.plan.subject.workload_name()),
            n: values.len(),
            mean: summary.as_ref().map(|s| s.mean),
            sd: summary.as_ref().and_then(|s| s.sd),
            se: summary.as_ref().and_then(|s| s.se),
            ci: summary.as_ref().and_then(|s| s.ci).map(|ci| [ci.lo, ci.hi]),
            unit: header
                .plan
                .subject
                .measure()
                .map_or("ops/s", Measure::unit)
                .to_owned(),
            crashes: self.crashes(slot, policy.confidence),
            contention: contention::sum(&measured, cell),
            utilisation: contention::utilisation(&measured, self.engines(), self.cores()),
            latency: latency(&measured),
            fairness: fairness(&measured),
            variance: variance(&values, policy.confidence),
            values,
        }
    }

    fn crashes(&self, slot: usize, confidence: f64) -> Option<Crashes> {
        let trials = &self.trials[slot];
        let events: Vec<CrashEvent> = trials
            .iter()
            .filter_map(|trial| match &trial.outcome {
                Outcome::Completed(_) => None,
                Outcome::Crashed(crash) => Some(CrashEvent {
                    block: (trial.block + 1).to_string(),
                    signal: crash.signal.clone(),
                    iteration: crash.iteration,
                    thread: crash.thread.clone(),
                    message: crash.message.clone(),
                }),
            })
            .collect();
        let (crashed, all) = (events.len() as u64, trials.len() as u64);
        let proportion = Proportion::new(crashed, all).ok()?;
        let exact = proportion.clopper_pearson(confidence).ok()?;
        let upper_bound = proportion.upper_bound(confidence).ok()?;
        Some(Crashes {
            trials: all,
            crashed,
            rate: crashed as f64 / all as f64,
            ci: [exact.lo, exact.hi],
            upper_bound,
            events,
        })
    }
}

pub(super) fn experiment(samples: &Samples) -> Experiment {
    let header = &samples.header;
    let plan = &header.plan;
    let bound = match plan.max_time_ns {
        0 => String::new(),
        ns => {
            let limit = humantime::format_duration(std::time::Duration::from_nanos(ns));
            format!(", at most {limit} of measuring, but 2 blocks in any case")
        }
    };
    let stop_rule = match plan.stop {
        StopRule::Blocks { blocks } => format!("{}{bound}", plural(blocks, "block")),
        StopRule::Precision {
            half_width,
            first_stage,
        } => format!(
            "overheads known to ±{} points, by Stein's rule after {}{bound}",
            half_width * 100.0,
            plural(first_stage, "block")
        ),
    };
    Experiment {
        subject: subject(samples),
        workload: plan.subject.workload_name(),
        device_notes: header
            .device
            .as_ref()
            .map(|device| device.notes.clone())
            .unwrap_or_default(),
        strategies: plan.configs.iter().map(ToString::to_string).collect(),
        threads: plan.threads.iter().map(|threads| threads.get()).collect(),
        seed: plan.seed,
        blocks_complete: samples.complete_blocks(),
        trials: samples.trials.len() as u64,
        stop_rule,
        stop_reason: samples
            .stopped
            .map_or("the run was cut off; it can be resumed", |reason| {
                reason.describe()
            })
            .to_owned(),
        resumed: u32::try_from(samples.resumed.len()).unwrap_or(u32::MAX),
        command: plan.command.clone(),
        trial_command: samples
            .trials
            .first()
            .map(|trial| crate::shell::join(&trial.command)),
        uncontended_ns: header.uncontended_ns.clone(),
    }
}

/// What each trial ran.
fn subject(samples: &Samples) -> Subject {
    let header = &samples.header;
    match &header.plan.subject {
        Ran::Encoders(encoders) => {
            let device = header.device.as_ref();
            Subject::Encoders {
                device: device.map_or_else(
                    || encoders.device.choice.to_string(),
                    |device| device.name.clone(),
                ),
                device_settings: device
                    .map(|device| device.settings.clone())
                    .unwrap_or_default(),
                fault: encoders.device.fault.map(|fault| fault.to_string()),
                workload_description: encoders.workload.describe(),
                sync: encoders.sync.to_string(),
                ops_per_thread: u64::from(encoders.size.ops_per_thread.get()),
                iterations: encoders.size.iterations.get(),
                warmup: encoders.size.warmup,
            }
        }
        Ran::Program {
            command, measure, ..
        } => Subject::Program {
            command: crate::shell::join(command),
            measure: measure.describe(),
        },
        Ran::Commands {
            commands, measure, ..
        } => Subject::Commands {
            commands: commands
                .iter()
                .map(|(name, command)| (name.clone(), crate::shell::join(command)))
                .collect(),
            measure: measure.describe(),
        },
    }
}

fn iteration_ops_per_s(iteration: &locktoll_bench::samples::Iteration) -> f64 {
    iteration.ops as f64 * 1e9 / iteration.elapsed_ns.max(1) as f64
}

/// Medians of the trials' own quantiles; the largest of all.
fn latency(measured: &[&Measurement]) -> Option<Latency> {
    let seen = || measured.iter().filter_map(|m| m.latency);
    let median = |of: fn(LatencyQuantiles) -> u64| contention::median(seen().map(of));
    Some(Latency {
        p50_ns: median(|latency| latency.p50_ns)?,
        p90_ns: median(|latency| latency.p90_ns)?,
        p99_ns: median(|latency| latency.p99_ns)?,
        max_ns: seen().map(|latency| latency.max_ns).max()? as f64,
    })
}

/// Jain's index (Jain, Chiu and Hawe 1984), (Σx)² ∕ (n Σx²), as the mean over iterations.
fn fairness(measured: &[&Measurement]) -> Option<f64> {
    let of = |ops: &[u64]| {
        let sum: f64 = ops.iter().map(|&ops| ops as f64).sum();
        let squares: f64 = ops.iter().map(|&ops| (ops as f64).powi(2)).sum();
        (squares > 0.0).then(|| sum * sum / (ops.len() as f64 * squares))
    };
    let indices: Vec<f64> = measured
        .iter()
        .flat_map(|m| &m.iterations)
        .filter_map(|iteration| of(&iteration.ops_by_thread))
        .collect();
    (!indices.is_empty()).then(|| indices.iter().sum::<f64>() / indices.len() as f64)
}

fn variance(values: &[Value], confidence: f64) -> Option<Variance> {
    let processes: Vec<Vec<f64>> = values
        .iter()
        .map(|value| value.iterations.clone())
        .collect();
    let components = hierarchical::Estimate::compute(&processes, confidence).ok()?;
    Some(Variance {
        between_processes_sd: components.process_variance.sqrt(),
        within_process_sd: components.iteration_variance.sqrt(),
        icc: components.icc,
    })
}
