//! The device's own limit, and what lies between it and the workload.

use std::collections::BTreeMap;

use locktoll_bench::plan::{Arm, Cell};
use locktoll_bench::probe::{Ablation, Probe};
use locktoll_bench::sync_pattern::SyncPattern;
use locktoll_gpu::DeviceChoice;
use locktoll_report::model::{AblationStep, Ceiling, CeilingLimit, Estimate};

use super::cause::{estimate, time_per_op_ns};
use super::measured::View;

/// The ceiling, where it was measured.
pub(super) fn of(view: &View<'_>, confidence: f64) -> Option<Ceiling> {
    let mut steps: Vec<(usize, &Cell, Ablation)> = view
        .cells
        .iter()
        .enumerate()
        .filter_map(|(slot, cell)| match cell.arm {
            Arm::Probe(Probe::Without(ablation)) => Some((slot, cell, ablation)),
            _ => None,
        })
        .collect();
    steps.sort_by_key(|&(_, _, ablation)| ablation);
    let &(_, first, _) = steps.first()?;
    let bare = view.bare(&first.config, first)?;
    // Each step's time per op by block, from the op as it is to the empty one.
    let times: Vec<BTreeMap<u64, f64>> = std::iter::once(bare)
        .chain(steps.iter().map(|&(slot, ..)| slot))
        .map(|slot| {
            let completed = view.completed(slot);
            completed
                .map(|(trial, m)| (trial.block, time_per_op_ns(m)))
                .collect()
        })
        .collect();
    let blocks: Vec<Vec<f64>> = times[0]
        .keys()
        .filter_map(|block| times.iter().map(|step| step.get(block).copied()).collect())
        .collect();
    let over_blocks = |of: &dyn Fn(&[f64]) -> f64| {
        let values: Vec<f64> = blocks.iter().map(|block| of(block)).collect();
        estimate(&values, confidence)
    };
    let ablation_step = |(at, &(_, _, ablation)): (usize, &(usize, &Cell, Ablation))| {
        Some(AblationStep {
            removed: ablation.removed().to_owned(),
            saved_ns: over_blocks(&|block| block[at] - block[at + 1])?,
            share: over_blocks(&|block| (block[at] - block[at + 1]) / block[0])?,
            left_ns: over_blocks(&|block| block[at + 1])?,
        })
    };
    let limits = limits(view, &steps, confidence);
    let best = limits
        .iter()
        .max_by(|one, other| one.mean_per_s().total_cmp(&other.mean_per_s()));
    Some(Ceiling {
        set_occupancy_ns: set_occupancy_ns(view),
        config: first.config.to_string(),
        threads: first.threads?.get(),
        queues: view.queues(),
        ratio: best.and_then(|best| {
            let ratios: Vec<f64> = times[0]
                .iter()
                .filter_map(|(block, time_ns)| {
                    Some((1e9 / time_ns / best.by_block.get(block)?).ln())
                })
                .collect();
            estimate(&ratios, confidence).map(|logs| Estimate {
                estimate: logs.estimate.exp(),
                ci: logs.ci.map(|ci| ci.map(f64::exp)),
            })
        }),
        best: best.map(|best| best.limit),
        limits: limits.iter().map(|found| found.limit).collect(),
        time_per_op_ns: over_blocks(&|block| block[0]),
        steps: steps.iter().enumerate().filter_map(ablation_step).collect(),
    })
}

/// The least time for which a command buffer occupies an engine of a device whose times are settings.
fn set_occupancy_ns(view: &View<'_>) -> Option<f64> {
    let device = &view.samples.header.plan.subject.encoders()?.device;
    let service = device.soft.service;
    let is_model = matches!(device.choice, DeviceChoice::Soft | DeviceChoice::Objc);
    (is_model && !service.is_zero()).then_some(service.as_nanos() as f64)
}

/// Empty ops per second at one number of threads and queues.
struct Limit {
    limit: CeilingLimit,
    by_block: BTreeMap<u64, f64>,
}

impl Limit {
    fn mean_per_s(&self) -> f64 {
        self.limit.ops_per_s.estimate
    }
}

/// The limits: of the cells made for that, and of those steps of the ablation that left nothing of the op
/// but its command buffer. Which is the fastest is for the measurement to say: without waiting, threads may
/// crowd at the queue.
fn limits(view: &View<'_>, steps: &[(usize, &Cell, Ablation)], confidence: f64) -> Vec<Limit> {
    let plan = &view.samples.header.plan;
    let waits_at_end = plan
        .subject
        .encoders()
        .is_none_or(|encoders| encoders.sync == SyncPattern::End);
    let own = view.queues();
    let of_cells = view
        .cells
        .iter()
        .enumerate()
        .filter_map(|(slot, cell)| match cell.arm {
            Arm::Probe(Probe::Ceiling { queues }) => Some((slot, queues.get(), false)),
            _ => None,
        });
    let of_steps = steps
        .iter()
        .filter_map(|&(slot, _, removed)| match removed {
            Ablation::Work => Some((slot, own, !waits_at_end)),
            Ablation::Sync => Some((slot, own, false)),
            Ablation::Allocation | Ablation::Calls | Ablation::Dispatches => None,
        });
    let mut limits: Vec<Limit> = of_cells
        .chain(of_steps)
        .filter_map(|(slot, queues, waits)| {
            let by_block: BTreeMap<u64, f64> = view
                .completed(slot)
                .map(|(trial, m)| (trial.block, m.ops_per_s()))
                .collect();
            let values: Vec<f64> = by_block.values().copied().collect();
            let limit = CeilingLimit {
                threads: view.cells[slot].threads?.get(),
                queues,
                waits,
                ops_per_s: estimate(&values, confidence)?,
            };
            Some(Limit { limit, by_block })
        })
        .collect();
    limits.sort_by_key(|Limit { limit, .. }| (limit.queues, limit.threads, limit.waits));
    limits
}
