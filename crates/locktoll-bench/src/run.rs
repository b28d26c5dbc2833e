//! Runs a plan: block after block, trial after trial, each in the plan's random order.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::duration;
use crate::environment::load_1m;
use crate::error::Result;
use crate::launch::Launch;
use crate::map;
use crate::plan::{Cell, Plan};
use crate::samples::{Record, Samples, SamplesWriter, StopReason, Trial};
use crate::stopping::{Outlook, outlook};

/// What happens during a run, for a progress display.
#[derive(Debug)]
pub enum Event<'a> {
    /// A trial is about to start.
    TrialStarted {
        /// Its block, from 0.
        block: u64,
        /// Its position in the block, from 0.
        position: usize,
        /// Trials in a block.
        of: usize,
        /// Its cell.
        cell: &'a Cell,
    },
    /// A trial was recorded.
    TrialEnded(&'a Trial),
    /// Every cell of a block was tried.
    BlockEnded(&'a Outlook),
    /// A block of a map is about to start.
    MapBlock(&'a map::run::Outlook),
}

/// What a run needs besides its samples.
#[derive(Clone, Copy)]
pub struct Runner<'a> {
    /// Starts the trials.
    pub launcher: &'a dyn Launch,
    /// Builds a trial's command line from its cell.
    pub command_line: &'a dyn Fn(&Plan, &Cell) -> Vec<String>,
    /// Set when the user wants to stop.
    pub interrupted: &'a AtomicBool,
}

impl Runner<'_> {
    /// Runs what `samples` does not hold yet, until the plan's rule or the user says stop.
    ///
    /// Every trial is appended to `writer` before the next one starts. A run that was resumed
    /// after its end is judged before anything more is measured.
    ///
    /// # Errors
    /// A child cannot be started or a record cannot be written. What was recorded before stays.
    pub fn run(
        &self,
        samples: &mut Samples,
        writer: &mut SamplesWriter,
        observer: &mut dyn FnMut(&Event<'_>),
    ) -> Result<StopReason> {
        let cells = samples.header.plan.cells();
        let slots: Vec<usize> = (0..cells.len()).collect();
        let mut block = samples.complete_blocks();
        let reason = loop {
            if block > 0 {
                let outlook = outlook(samples);
                observer(&Event::BlockEnded(&outlook));
                if let Some(reason) = outlook.stop {
                    break reason;
                }
            }
            if !self.block(block, &slots, &cells, samples, writer, observer)? {
                break StopReason::Interrupted;
            }
            block += 1;
        };
        end(reason, samples, writer)
    }

    /// Runs those trials of a block's slots that it still lacks; `false` when interrupted.
    pub(crate) fn block(
        &self,
        block: u64,
        slots: &[usize],
        cells: &[Cell],
        samples: &mut Samples,
        writer: &mut SamplesWriter,
        observer: &mut dyn FnMut(&Event<'_>),
    ) -> Result<bool> {
        let of = slots.len();
        let recorded: BTreeSet<usize> = samples
            .trials
            .iter()
            .filter(|trial| trial.block == block)
            .map(|trial| trial.slot)
            .collect();
        for (position, at) in samples.header.plan.order(block, of).into_iter().enumerate() {
            let slot = slots[at];
            if recorded.contains(&slot) {
                continue;
            }
            if self.interrupted.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let cell = &cells[slot];
            observer(&Event::TrialStarted {
                block,
                position,
                of,
                cell,
            });
            let Some(trial) = self.trial(block, slot, cell, samples)? else {
                return Ok(false);
            };
            writer.append(&Record::Trial(Box::new(trial.clone())))?;
            observer(&Event::TrialEnded(&trial));
            samples.trials.push(trial);
        }
        writer.sync()?;
        Ok(true)
    }

    fn trial(
        &self,
        block: u64,
        slot: usize,
        cell: &Cell,
        samples: &Samples,
    ) -> Result<Option<Trial>> {
        let plan = &samples.header.plan;
        let command = (self.command_line)(plan, cell);
        let load_1m = load_1m();
        let started_unix_ns = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map(duration::ns)
            .unwrap_or_default();
        let started = Instant::now();
        let timeout = Duration::from_nanos(plan.trial_timeout_ns);
        let outcome = self
            .launcher
            .launch(&command, cell, timeout, self.interrupted)?;
        let wall_ns = duration::ns(started.elapsed());
        Ok(outcome.map(|outcome| Trial {
            block,
            slot,
            order: samples.trials.len() as u64,
            cell: cell.clone(),
            command,
            started_unix_ns,
            wall_ns,
            load_1m,
            outcome,
        }))
    }
}

/// Records why a run ended.
pub(crate) fn end(
    reason: StopReason,
    samples: &mut Samples,
    writer: &mut SamplesWriter,
) -> Result<StopReason> {
    writer.append(&Record::Stopped { reason })?;
    writer.sync()?;
    samples.stopped = Some(reason);
    Ok(reason)
}
