//! The device's own limit, and what lies between it and the workload.

use std::collections::BTreeMap;

use locktoll_bench::plan::{Arm, Cell};
use locktoll_bench::probe::{Ablation, Probe};
use locktoll_report::model::{AblationStep, Ceiling, CeilingLimit};

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
    let queues = view.queues();
    let empty = steps.last().filter(|&&(_, _, last)| last >= Ablation::Work);
    Some(Ceiling {
        config: first.config.to_string(),
        threads: first.threads?.get(),
        queues,
        limits: limits(view, empty.map(|&(slot, ..)| (slot, queues)), confidence),
        ratio: empty.and_then(|_| over_blocks(&|block| block[block.len() - 1] / block[0])),
        time_per_op_ns: over_blocks(&|block| block[0]),
        steps: steps.iter().enumerate().filter_map(ablation_step).collect(),
    })
}

/// Empty ops per second at each number of threads and queues: of the cells made for that, and of the
/// last step of the ablation, which is one too.
fn limits(view: &View<'_>, last_step: Option<(usize, u32)>, confidence: f64) -> Vec<CeilingLimit> {
    let of_cells = view
        .cells
        .iter()
        .enumerate()
        .filter_map(|(slot, cell)| match cell.arm {
            Arm::Probe(Probe::Ceiling { queues }) => Some((slot, queues.get())),
            _ => None,
        });
    let mut limits: Vec<CeilingLimit> = of_cells
        .chain(last_step)
        .filter_map(|(slot, queues)| {
            let values: Vec<f64> = view.completed(slot).map(|(_, m)| m.ops_per_s()).collect();
            Some(CeilingLimit {
                threads: view.cells[slot].threads?.get(),
                queues,
                ops_per_s: estimate(&values, confidence)?,
            })
        })
        .collect();
    limits.sort_by_key(|limit| (limit.queues, limit.threads));
    limits
}
