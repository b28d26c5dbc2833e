//! One trial: a cell run in this process.
//!
//! A trial is made to be run in a process of its own (`locktoll trial`), since a driver that is
//! not thread-safe may end it at any time. It says how far it came on the way, and at its end
//! what it measured, after checking that the device computed the right results.

mod program;
mod shared_encoder;
mod threads;

use std::num::NonZeroU32;
use std::sync::Arc;

use locktoll_gpu::{Device, Protection, SoftDevice, interpose};
use locktoll_guard::{Counts, Guard, Instrument, Strategy, Timing};

use crate::error::{Error, Result};
use crate::plan::{DevicePlan, TrialSize};
use crate::protocol::Line;
use crate::samples::{DeviceFacts, Durations, LockEvents, Measurement};
use crate::sync_pattern::SyncPattern;
use crate::workload::Workload;

/// Everything that a trial needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialSpec {
    /// The device.
    pub device: DevicePlan,
    /// The workload.
    pub workload: Workload,
    /// The sync pattern.
    pub sync: SyncPattern,
    /// The lock.
    pub protection: Protection,
    /// Whether lock events are counted.
    pub instrument: Instrument,
    /// Threads that encode.
    pub threads: NonZeroU32,
    /// How much to run.
    pub size: TrialSize,
}

/// Opens the planned device.
///
/// # Errors
/// The device is not there, or its settings are refused.
fn open(plan: &DevicePlan) -> Result<SoftDevice> {
    match plan.name.as_str() {
        "soft" => Ok(SoftDevice::new(plan.soft, plan.fault)),
        other => Err(Error::Plan(format!("no device '{other}' in this version"))),
    }
}

/// What the planned device says of itself.
///
/// # Errors
/// As for a trial: the device is not there, or its settings are refused.
pub fn device_facts(plan: &DevicePlan) -> Result<DeviceFacts> {
    let device = open(plan)?;
    let info = device.info();
    Ok(DeviceFacts {
        name: info.name,
        driver: info.driver,
        settings: info.settings,
        notes: info.model_notes,
        engines: u32::try_from(device.busy_ns().len()).unwrap_or(u32::MAX),
    })
}

/// Runs a trial in this process.
///
/// # Errors
/// The device refuses a call or computes something else than its reference.
pub fn run(spec: &TrialSpec, say: &mut dyn FnMut(&Line)) -> Result<Measurement> {
    let device = open(&spec.device)?;
    let guard = Arc::new(Guard::new(spec.protection.strategy(), spec.instrument));
    let mut measured = match spec.protection {
        Protection::Caller(_) => threads::measure(&device, spec, &guard, &guard, say),
        Protection::Interposed(_) => {
            let unchanged_caller = Guard::new(Strategy::None, Instrument::Bare);
            let _installed = interpose(&device, Arc::clone(&guard))?;
            threads::measure(&device, spec, &unchanged_caller, &guard, say)
        }
    }?;
    measured.lock_events =
        (spec.instrument == Instrument::Counted).then(|| lock_events(&guard.counts()));
    Ok(measured)
}

fn lock_events(counts: &Counts) -> LockEvents {
    LockEvents {
        acquisitions: counts.acquisitions,
        contentions: counts.contentions,
        wait: durations(&counts.wait),
        hold: durations(&counts.hold),
        hold_sample_every: counts.hold_sample_every,
        lent: counts.lent,
    }
}

fn durations(timing: &Timing) -> Durations {
    Durations {
        count: timing.count,
        total_ns: timing.total_ns,
        p50_ns: timing.quantile_ns(0.5),
        p99_ns: timing.quantile_ns(0.99),
        max_ns: timing.max_ns,
    }
}
