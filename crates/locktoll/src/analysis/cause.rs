//! Root causes: what interventions say about where the time per op comes from.
//!
//! If all the times that an op needs of its resources were scaled, so would the time per op T: it is
//! homogeneous of degree one, so by Euler's theorem T = Σ tᵣ · ∂T/∂tᵣ. The derivative is measured: it
//! is the pass-through of known time that is added to the resource. The demand tᵣ is measured too.
//! Their product over T is the resource's share, and the shares must sum to one.
//!
//! An op's way is cut into stretches that do not overlap: outside the lock (A), inside it until the
//! commit (B), the commit (C), the device (D), the latency of the wait (L). With p for pass-through,
//!
//! ```text
//! encode        = pₑ·(A + B)                    the threads' own work
//! lock          = (pₗ − pₑ)·(B + C)             what holding the lock adds to that
//! submit, wait  = (pₛ − pₗ + pₑ)·C + p_w·L
//! device        = p_d·D
//! ```
//!
//! so that a lock that nobody waits for has no share, however long it is held.

use std::collections::BTreeMap;

use locktoll_bench::plan::{Arm, Cell, Config};
use locktoll_bench::probe::{Added, Probe, Resource};
use locktoll_bench::samples::Measurement;
use locktoll_gpu::Protection;
use locktoll_guard::Strategy;
use locktoll_report::model::{
    self, Cause, Estimate, Level, Outcome, Part, PassThrough, Remedy, Share, Witness,
};
use locktoll_stats::pass_through::{self, PassThrough as Slope};
use locktoll_stats::{Policy, Summary, holm};

use super::measured::View;
use super::root::{self, Evidence};
use super::{contention, witness};

/// Below this p-value, after Holm's correction over the resources, levels are not on one line…
const BENT_P: f64 = 0.01;
/// …if the slope also changes by more than this: less does not matter.
const BENT_BY: f64 = 0.15;

/// The cause of every configuration that was probed.
pub(super) fn all(view: &View<'_>, policy: &Policy) -> Vec<Cause> {
    view.cells
        .iter()
        .filter(|cell| cell.arm == Arm::Probe(Probe::Timed))
        .filter(|cell| has_additions(view, cell))
        .filter_map(|cell| Some(Probed::new(view, cell)?.cause(view, policy)))
        .collect()
}

/// Whether time was added to this cell's op, and not only its stages timed.
fn has_additions(view: &View<'_>, like: &Cell) -> bool {
    view.cells.iter().any(|cell| {
        matches!(cell.arm, Arm::Probe(Probe::Added(_)))
            && cell.config == like.config
            && cell.threads == like.threads
    })
}

/// Everything that one configuration's probes measured, in the blocks in which all ran to their end.
struct Probed<'a> {
    config: &'a Config,
    threads: u32,
    /// Levels by resource, as they were planned.
    levels: BTreeMap<Resource, Vec<u64>>,
    blocks: Vec<ProbedBlock<'a>>,
}

/// What one block's trials say.
struct ProbedBlock<'a> {
    /// Time per op as it is, mean over the block's trials of it.
    unchanged_ns: f64,
    added: BTreeMap<(Resource, u64), pass_through::Level>,
    timed: &'a Measurement,
    alone: &'a Measurement,
    /// Ops in one, and the time of each.
    batched: Option<(u32, f64)>,
}

impl ProbedBlock<'_> {
    /// Time per op with what adds time to the resource in place, but none added: that of the op as it
    /// is, unless adding time changes the op.
    fn reference_ns(&self, to: Resource) -> f64 {
        self.added
            .get(&(to, 0))
            .map_or(self.unchanged_ns, |reference| reference.response)
    }
}

/// Time per op of a trial, in nanoseconds.
pub(super) fn time_per_op_ns(measured: &Measurement) -> f64 {
    1e9 / measured.ops_per_s()
}

fn per_op(total_ns: u64, measured: &Measurement) -> f64 {
    total_ns as f64 / measured.ops().max(1) as f64
}

impl<'a> Probed<'a> {
    fn new(view: &View<'a>, timed: &'a Cell) -> Option<Self> {
        let threads = timed.threads?.get();
        let of_config = |arm: Arm, threads: u32| {
            view.cells.iter().position(|cell| {
                cell.arm == arm
                    && cell.config == timed.config
                    && cell.threads.is_some_and(|own| own.get() == threads)
            })
        };
        let by_block = |slot: usize| -> BTreeMap<u64, &'a Measurement> {
            let completed = view.completed(slot);
            completed.map(|(trial, m)| (trial.block, m)).collect()
        };
        // The op as it is, as often as it was measured: a further trial of the baseline is in A/A.
        let again: Vec<BTreeMap<u64, &'a Measurement>> = view
            .cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| cell.config == timed.config && cell.threads == timed.threads)
            .filter(|(_, cell)| matches!(cell.arm, Arm::AA | Arm::Probe(Probe::Again { .. })))
            .map(|(slot, _)| by_block(slot))
            .collect();
        let bare = by_block(of_config(Arm::Bare, threads)?);
        let unchanged = |block: &u64| -> Option<f64> {
            let mut times_ns = vec![time_per_op_ns(bare.get(block)?)];
            for trials in &again {
                times_ns.push(time_per_op_ns(trials.get(block)?));
            }
            Some(times_ns.iter().sum::<f64>() / times_ns.len() as f64)
        };
        let timed_trials = by_block(of_config(timed.arm, threads)?);
        let alone = by_block(of_config(timed.arm, 1)?);
        let mut levels: BTreeMap<Resource, Vec<u64>> = BTreeMap::new();
        let mut added = BTreeMap::new();
        let mut batched = None;
        for cell in &view.cells {
            if cell.config != timed.config || cell.threads != timed.threads {
                continue;
            }
            match cell.arm {
                Arm::Probe(Probe::Added(Added { to, ns })) => {
                    levels.entry(to).or_default().push(ns);
                    added.insert((to, ns), by_block(of_config(cell.arm, threads)?));
                }
                Arm::Probe(Probe::Batched { ops }) => {
                    batched = Some((ops.get(), by_block(of_config(cell.arm, threads)?)));
                }
                _ => {}
            }
        }
        let block = |block: &u64| {
            let mut found = BTreeMap::new();
            for (key, trials) in &added {
                let trial = trials.get(block)?;
                let level = pass_through::Level {
                    added: per_op(trial.added_ns?, trial),
                    response: time_per_op_ns(trial),
                };
                found.insert(*key, level);
            }
            Some(ProbedBlock {
                unchanged_ns: unchanged(block)?,
                added: found,
                timed: timed_trials.get(block)?,
                alone: alone.get(block)?,
                batched: match &batched {
                    Some((ops, trials)) => {
                        Some((*ops, time_per_op_ns(trials.get(block)?) / f64::from(*ops)))
                    }
                    None => None,
                },
            })
        };
        let mut probed = Self {
            config: &timed.config,
            threads,
            blocks: bare.keys().filter_map(block).collect(),
            levels,
        };
        probed.settle_kernels();
        Some(probed)
    }

    /// A kernel that adds time on the device is the same in all trials of its level, and each trial times
    /// it again; so all blocks get the median of these times. A level whose kernel adds nothing is none.
    fn settle_kernels(&mut self) {
        let Some(levels) = self.levels.get_mut(&Resource::Device) else {
            return;
        };
        if !levels.contains(&0) {
            return;
        }
        let blocks = &mut self.blocks;
        levels.retain(|&ns| {
            let key = (Resource::Device, ns);
            let mut times: Vec<f64> = blocks.iter().map(|block| block.added[&key].added).collect();
            times.sort_by(f64::total_cmp);
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            for block in blocks.iter_mut() {
                if let Some(level) = block.added.get_mut(&key) {
                    level.added = median;
                }
            }
            ns == 0 || median > 0.0
        });
    }

    fn cause(&self, view: &View<'_>, policy: &Policy) -> Cause {
        let confidence = policy.confidence;
        let slopes: BTreeMap<Resource, Slope> = self
            .levels
            .iter()
            .filter_map(|(&to, levels)| Some((to, self.slope(to, levels, confidence)?)))
            .collect();
        let bent = bent(&slopes);
        let parts = self.parts(&slopes);
        let mean = |values: &[f64]| estimate(values, confidence);
        let shares: Vec<Share> = parts.iter().map(|part| part.share(confidence)).collect();
        let known = parts.iter().all(|part| !part.by_block.is_empty());
        let sums: Vec<f64> = (0..self.blocks.len())
            .map(|at| parts.iter().filter_map(|part| part.by_block.get(at)).sum())
            .collect();
        let remainder: Vec<f64> = sums.iter().map(|sum| 1.0 - sum).collect();
        let sum = known.then(|| mean(&sums)).flatten();
        let mut all_shares = shares;
        all_shares.push(Share {
            part: Part::Remainder,
            demand_ns: None,
            share: known.then(|| mean(&remainder)).flatten(),
        });
        let trials: Vec<&Measurement> = self.blocks.iter().map(|block| block.timed).collect();
        let utilisation = contention::utilisation(&trials, view.engines(), view.cores());
        let witnesses: Vec<Witness> = utilisation
            .map(|found| witness::all(&found, &all_shares, view.cores()))
            .unwrap_or_default();
        let (root, reason) = root::identify(&Evidence {
            shares: &all_shares,
            sum: sum.as_ref(),
            lock_excess: lock_excess(&slopes, confidence).as_ref(),
            waits_per_op: waits_per_op(&trials),
            shifted: self.shifted(confidence).as_ref(),
            bent: &bent,
            witnesses: &witnesses,
            blocks: self.blocks.len(),
        });
        Cause {
            config: self.config.to_string(),
            threads: self.threads,
            workload: view.samples.header.plan.subject.workload_name(),
            blocks: self.blocks.len(),
            time_per_op_ns: mean(&self.unchanged()),
            pass_throughs: self
                .levels
                .iter()
                .map(|(&to, levels)| self.pass_through(to, levels, &slopes, &bent, confidence))
                .collect(),
            remedy: self.remedy(&parts, &bent, policy),
            shares: all_shares,
            shares_sum: sum,
            root,
            reason,
            witnesses,
        }
    }

    /// How much longer the op takes, as a fraction, by what adds time on the device, with none added.
    fn shifted(&self, confidence: f64) -> Option<Estimate> {
        self.levels
            .get(&Resource::Device)?
            .contains(&0)
            .then_some(())?;
        let shifts: Vec<f64> = self
            .blocks
            .iter()
            .map(|block| block.reference_ns(Resource::Device) / block.unchanged_ns - 1.0)
            .collect();
        estimate(&shifts, confidence)
    }

    fn unchanged(&self) -> Vec<f64> {
        self.blocks.iter().map(|block| block.unchanged_ns).collect()
    }

    fn slope(&self, to: Resource, levels: &[u64], confidence: f64) -> Option<Slope> {
        let blocks: Vec<pass_through::Block> = self
            .blocks
            .iter()
            .map(|block| pass_through::Block {
                unchanged: block.reference_ns(to),
                levels: levels
                    .iter()
                    .filter(|&&ns| ns > 0)
                    .map(|&ns| block.added[&(to, ns)])
                    .collect(),
            })
            .collect();
        Slope::compute(&blocks, confidence).ok()
    }

    fn pass_through(
        &self,
        to: Resource,
        levels: &[u64],
        slopes: &BTreeMap<Resource, Slope>,
        bent: &[Resource],
        confidence: f64,
    ) -> PassThrough {
        let slope = slopes.get(&to);
        let level = |&asked_ns: &u64| {
            let of = |what: fn(&pass_through::Level) -> f64| -> Vec<f64> {
                let blocks = self.blocks.iter();
                blocks
                    .map(|block| what(&block.added[&(to, asked_ns)]))
                    .collect()
            };
            let added = estimate(&of(|level| level.added), confidence)?;
            Some(Level {
                asked_ns,
                added_ns: added.estimate,
                time_per_op_ns: estimate(&of(|level| level.response), confidence)?,
            })
        };
        PassThrough {
            resource: resource(to),
            estimate: slope.map(|slope| Estimate {
                estimate: slope.slope,
                ci: slope.ci.map(|ci| [ci.lo, ci.hi]),
            }),
            levels: levels.iter().filter_map(level).collect(),
            p_linear: slope.and_then(|slope| slope.p_linear),
            linear: slope
                .filter(|slope| slope.p_linear.is_some())
                .map(|_| !bent.contains(&to)),
        }
    }

    /// The parts of the time per op but the remainder, in the order of [`Part`].
    fn parts(&self, slopes: &BTreeMap<Resource, Slope>) -> Vec<PartOfTime> {
        let slope = |to: Resource, at: usize| Some(slopes.get(&to)?.by_block[at]);
        let encode = |at| slope(Resource::Encode, at);
        // Where there is no lock, inside is as outside.
        let lock = |at| slope(Resource::Lock, at).or_else(|| encode(at));
        let collect = |part, of: &DemandAndTime<'_>| {
            let mut found = PartOfTime {
                part,
                demands_ns: Vec::new(),
                by_block: Vec::new(),
            };
            for (at, block) in self.blocks.iter().enumerate() {
                let demands = Demands::of(block, self.config, self.threads);
                if let Some((demand_ns, time_ns)) = of(at, &demands) {
                    found.demands_ns.push(demand_ns);
                    found.by_block.push(time_ns / block.unchanged_ns);
                }
            }
            found
        };
        vec![
            collect(Part::Lock, &|at, demands| {
                Some((demands.hold_ns, (lock(at)? - encode(at)?) * demands.hold_ns))
            }),
            collect(Part::Device, &|at, demands| {
                let busy_ns = demands.device_ns?;
                Some((busy_ns, slope(Resource::Device, at)? * busy_ns))
            }),
            collect(Part::Encode, &|at, demands| {
                Some((demands.encode_ns, encode(at)? * demands.encode_ns))
            }),
            collect(Part::SubmitWait, &|at, demands| {
                let submit = slope(Resource::Submit, at)? - lock(at)? + encode(at)?;
                let waiting_ns = demands.latency_ns?;
                let time_ns = submit * demands.commit_ns + slope(Resource::Wait, at)? * waiting_ns;
                Some((demands.commit_ns + waiting_ns, time_ns))
            }),
        ]
    }

    /// What doing several ops' work in one was predicted to gain and gained: what an op spends on
    /// submission and waiting is then spent once for all of them. Nothing is predicted from levels that
    /// are not on a line.
    fn remedy(&self, parts: &[PartOfTime], bent: &[Resource], policy: &Policy) -> Option<Remedy> {
        let confidence = policy.confidence;
        let (batch, _) = self.blocks.first()?.batched?;
        let measured: Vec<f64> = self
            .blocks
            .iter()
            .map(|block| Some(block.unchanged_ns / block.batched?.1 - 1.0))
            .collect::<Option<_>>()?;
        let measured_gain = estimate(&measured, confidence)?;
        let on_lines = !bent.contains(&Resource::Submit) && !bent.contains(&Resource::Wait);
        let submission = parts.iter().find(|part| part.part == Part::SubmitWait);
        let shares = submission
            .filter(|part| on_lines && part.by_block.len() == self.blocks.len())
            .map_or(&[][..], |part| &part.by_block);
        let predicted: Vec<f64> = shares
            .iter()
            .map(|share| {
                let saved = (share * (1.0 - 1.0 / f64::from(batch))).clamp(-1.0, 0.99);
                1.0 / (1.0 - saved) - 1.0
            })
            .collect();
        Some(Remedy {
            batch,
            predicted_gain: estimate(&predicted, confidence),
            measured_gain,
            outcome: outcome(&measured_gain, policy.margin),
        })
    }
}

/// What a gain is worth, by its whole interval.
fn outcome(gain: &Estimate, margin: f64) -> Outcome {
    match gain.ci {
        Some([lo, _]) if lo > margin => Outcome::Gains,
        Some([_, hi]) if hi < -margin => Outcome::Loses,
        Some([lo, hi]) if -margin <= lo && hi <= margin => Outcome::NoMatter,
        _ => Outcome::Unsettled,
    }
}

/// Of a block: what an op needs of a part, and what that makes of the time per op.
type DemandAndTime<'a> = dyn Fn(usize, &Demands) -> Option<(f64, f64)> + 'a;

/// What one op needs of each resource, queueing left out.
#[allow(clippy::struct_field_names)] // they are all times
struct Demands {
    encode_ns: f64,
    hold_ns: f64,
    commit_ns: f64,
    device_ns: Option<f64>,
    latency_ns: Option<f64>,
}

impl Demands {
    /// The threads' own stretches are those of one thread alone, since with others they contain
    /// waiting. The lock's hold is the one that others met.
    fn of(block: &ProbedBlock<'_>, config: &Config, threads: u32) -> Self {
        let (timed, alone) = (block.timed, block.alone);
        let stages = alone.stages.unwrap_or_default();
        let own_ns = stages.outside_ns + stages.asking_ns + stages.encoding_ns;
        let busy_alone = alone.device_busy_ns.map(|busy_ns| per_op(busy_ns, alone));
        let waiting_ns = per_op(stages.waiting_ns, alone);
        Self {
            encode_ns: per_op(own_ns, alone),
            hold_ns: if threads > 1 {
                hold_ns(timed, config)
            } else {
                0.0
            },
            commit_ns: per_op(stages.commit_ns, alone),
            device_ns: timed.device_busy_ns.map(|busy_ns| per_op(busy_ns, timed)),
            latency_ns: busy_alone.map(|busy_ns| (waiting_ns - busy_ns).max(0.0)),
        }
    }
}

/// Time per op for which a configuration's locks are held.
fn hold_ns(timed: &Measurement, config: &Config) -> f64 {
    match config.lock() {
        None | Some(Protection::Caller(Strategy::None)) => 0.0,
        Some(Protection::Caller(_)) => {
            let stages = timed.stages.unwrap_or_default();
            per_op(stages.encoding_ns + stages.commit_ns, timed)
        }
        // Taken for each call, which the caller cannot see.
        Some(Protection::Interposed(_)) => timed.lock_events.as_ref().map_or(0.0, |events| {
            let holds = events.hold.count.max(1) as f64;
            events.hold.total_ns as f64 / holds * per_op(events.acquisitions, timed)
        }),
    }
}

/// One part, block by block; empty where something was not measured.
struct PartOfTime {
    part: Part,
    demands_ns: Vec<f64>,
    by_block: Vec<f64>,
}

impl PartOfTime {
    fn share(&self, confidence: f64) -> Share {
        Share {
            part: self.part,
            demand_ns: Summary::compute(&self.demands_ns, confidence)
                .ok()
                .map(|summary| summary.mean),
            share: estimate(&self.by_block, confidence),
        }
    }
}

/// Acquisitions per op that found a lock taken, over all trials.
fn waits_per_op(trials: &[&Measurement]) -> Option<f64> {
    let (mut waits, mut ops) = (0, 0);
    for trial in trials {
        waits += trial.lock_events.as_ref()?.contentions;
        ops += trial.ops();
    }
    (ops > 0).then(|| waits as f64 / ops as f64)
}

/// How much more of an addition arrives from inside the lock than from outside it.
fn lock_excess(slopes: &BTreeMap<Resource, Slope>, confidence: f64) -> Option<Estimate> {
    let (inside, outside) = (slopes.get(&Resource::Lock)?, slopes.get(&Resource::Encode)?);
    let excess: Vec<f64> = inside
        .by_block
        .iter()
        .zip(&outside.by_block)
        .map(|(inside, outside)| inside - outside)
        .collect();
    estimate(&excess, confidence)
}

/// Resources whose levels are not on one line.
fn bent(slopes: &BTreeMap<Resource, Slope>) -> Vec<Resource> {
    let tested: Vec<(Resource, f64, f64)> = slopes
        .iter()
        .filter_map(|(&to, slope)| Some((to, slope.bend?, slope.p_linear?)))
        .collect();
    let p: Vec<f64> = tested.iter().map(|&(_, _, p)| p).collect();
    tested
        .iter()
        .zip(holm::adjust(&p))
        .filter(|&(&(to, bend, _), p)| {
            // A per-thread resource's slope is spread over the threads already; so is its bend.
            p < BENT_P && bend.abs() > BENT_BY * scale(to, slopes)
        })
        .map(|(&(to, ..), _)| to)
        .collect()
}

/// The slope against which a bend is judged.
fn scale(to: Resource, slopes: &BTreeMap<Resource, Slope>) -> f64 {
    if to.is_per_thread() {
        slopes.get(&to).map_or(1.0, |slope| slope.slope.abs())
    } else {
        1.0
    }
}

/// Mean with its t interval.
pub(super) fn estimate(values: &[f64], confidence: f64) -> Option<Estimate> {
    let summary = Summary::compute(values, confidence).ok()?;
    Some(Estimate {
        estimate: summary.mean,
        ci: summary.ci.map(|ci| [ci.lo, ci.hi]),
    })
}

fn resource(of: Resource) -> model::Resource {
    match of {
        Resource::Lock => model::Resource::Lock,
        Resource::Encode => model::Resource::Encode,
        Resource::Submit => model::Resource::Submit,
        Resource::Device => model::Resource::Device,
        Resource::Wait => model::Resource::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_worth_what_its_whole_interval_says() {
        for (ci, is) in [
            (Some([0.011, 0.3]), Outcome::Gains),
            (Some([-0.3, -0.011]), Outcome::Loses),
            (Some([-0.01, 0.01]), Outcome::NoMatter),
            (Some([0.009, 0.3]), Outcome::Unsettled),
            (Some([-0.3, 0.3]), Outcome::Unsettled),
            (None, Outcome::Unsettled),
        ] {
            let gain = Estimate { estimate: 0.1, ci };
            assert_eq!(outcome(&gain, 0.01), is, "{ci:?}");
        }
    }
}
