//! One trial: a cell run in this process.
//!
//! A trial is made to be run in a process of its own (`locktoll trial`), since a driver that is
//! not thread-safe may end it at any time. It says how far it came on the way, and at its end
//! what it measured, after checking that the device computed the right results.

mod added_kernel;
mod calibrating;
#[cfg(target_os = "macos")]
mod metal;
#[cfg(feature = "objc")]
mod objc;
mod program;
mod shared_encoder;
#[cfg(any(feature = "objc", target_os = "macos"))]
mod swizzled;
mod threads;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use locktoll_gpu::{
    Device, DeviceChoice, Perturbation, Protection, SoftDevice, TimedWork, VulkanDevice,
    VulkanSettings, interpose,
};
use locktoll_guard::{Counts, Guard, Instrument, Strategy, Timing};
use locktoll_trace::Trace;

use self::added_kernel::AddedKernel;
use self::calibrating::Calibrating;
use crate::error::{Error, Result};
use crate::layer_counts;
use crate::plan::{DevicePlan, Encoders};
use crate::probe::{Added, Probe, Resource};
use crate::protocol::Line;
use crate::samples::{DeviceFacts, Durations, LockEvents, Measurement};
use crate::workload::{KernelChoice, Workload};

/// Everything that a trial needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialSpec {
    /// What is encoded, on which device, and how much of it.
    pub encoders: Encoders,
    /// The lock.
    pub protection: Protection,
    /// Whether lock events are counted, and how many holds are timed.
    pub instrument: Instrument,
    /// How the op is changed, if it is.
    pub probe: Option<Probe>,
    /// Threads that encode.
    pub threads: NonZeroU32,
    /// Where the layer under this process leaves its counts; needed for interposed locks on
    /// Vulkan.
    pub traces: Option<PathBuf>,
}

impl TrialSpec {
    /// Whether the stages of each op are timed.
    fn times_stages(&self) -> bool {
        self.probe == Some(Probe::Timed)
    }

    /// The time that is added to each op.
    fn added(&self) -> Option<Added> {
        match self.probe {
            Some(Probe::Added(added)) => Some(added),
            _ => None,
        }
    }

    /// The part of it that the encoding threads add: what is not inside the driver.
    fn added_by_threads(&self) -> Option<Added> {
        self.added().filter(|added| match added.to {
            Resource::Encode | Resource::Wait => true,
            Resource::Lock => matches!(self.protection, Protection::Caller(_)),
            Resource::Submit | Resource::Device => false,
        })
    }

    /// The kernel that adds it, on a device that computes for real.
    ///
    /// # Errors
    /// It was not calibrated.
    fn added_kernel(&self) -> Result<Option<AddedKernel>> {
        match self.added() {
            Some(Added {
                to: Resource::Device,
                ns,
            }) if self.encoders.device.is_gpu() => {
                AddedKernel::new(ns, &self.encoders.device.added).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The part of it that the device adds.
    fn perturbation(&self) -> Perturbation {
        let none = Perturbation::default();
        match (self.added(), self.added_by_threads()) {
            (Some(added), None) => match added.to {
                Resource::Lock => none.encoding(added.ns),
                Resource::Submit => none.submission(added.ns),
                Resource::Device => none.execution(added.ns),
                Resource::Encode | Resource::Wait => none,
            },
            _ => none,
        }
    }
}

fn open_soft(plan: &DevicePlan, perturbation: &Perturbation) -> SoftDevice {
    SoftDevice::perturbed(plan.soft, plan.fault, perturbation.clone())
}

fn open_vulkan(
    plan: &DevicePlan,
    index: Option<usize>,
    instrument: Instrument,
    perturbation: &Perturbation,
) -> Result<VulkanDevice> {
    let settings = VulkanSettings {
        index,
        queues: plan.queues,
        timestamps: instrument.counts(),
        timed: plan.timed.iter().chain(&plan.added).copied().collect(),
    };
    Ok(VulkanDevice::perturbed(&settings, perturbation.clone())?)
}

/// What the planned device says of itself, and what its timed kernel does, if the workload has one
/// that needs to be calibrated.
///
/// # Errors
/// As for a trial: the device is not there, or its settings are refused.
pub fn device_facts(encoders: &Encoders) -> Result<(DeviceFacts, Option<TimedWork>)> {
    fn checked(device: &impl Device, workload: &Workload) -> Result<DeviceFacts> {
        program::Program::new(device, workload, None)?;
        Ok(facts(device))
    }
    let plan = &encoders.device;
    match plan.choice.resolve()? {
        DeviceChoice::Vulkan(index) => {
            let device = open_vulkan(plan, index, Instrument::Counted, &Perturbation::default())?;
            let facts = checked(&device, &encoders.workload)?;
            Ok((facts, device.timed_work()))
        }
        #[cfg(target_os = "macos")]
        DeviceChoice::Metal => {
            let device = metal::open(plan, Instrument::Counted, &Perturbation::default())?;
            let facts = checked(&device, &encoders.workload)?;
            Ok((facts, device.timed_work()))
        }
        #[cfg(feature = "objc")]
        DeviceChoice::Objc => {
            let device = objc::open(plan, &Perturbation::default())?;
            Ok((checked(&device, &encoders.workload)?, None))
        }
        _ => {
            let device = open_soft(plan, &Perturbation::default());
            Ok((checked(&device, &encoders.workload)?, None))
        }
    }
}

/// What the planned device says of itself, and what its timed kernel does at each of these times per
/// op, shortest first: nothing on a device that needs no calibration. All queues must be there.
///
/// # Errors
/// As for a trial: the device is not there, or its settings are refused.
pub fn timed_facts(
    encoders: &Encoders,
    service_ns: &[u64],
) -> Result<(DeviceFacts, Vec<TimedWork>)> {
    let plan = &encoders.device;
    match plan.choice.resolve()? {
        DeviceChoice::Vulkan(index) => {
            let device = open_vulkan(plan, index, Instrument::Counted, &Perturbation::default())?;
            timed_on(&device, encoders, service_ns)
        }
        #[cfg(target_os = "macos")]
        DeviceChoice::Metal => {
            let device = metal::open(plan, Instrument::Counted, &Perturbation::default())?;
            timed_on(&device, encoders, service_ns)
        }
        #[cfg(feature = "objc")]
        DeviceChoice::Objc => {
            let device = objc::open(plan, &Perturbation::default())?;
            Ok((facts(&device), Vec::new()))
        }
        _ => {
            let device = open_soft(plan, &Perturbation::default());
            Ok((facts(&device), Vec::new()))
        }
    }
}

fn timed_on(
    device: &impl Calibrating,
    encoders: &Encoders,
    service_ns: &[u64],
) -> Result<(DeviceFacts, Vec<TimedWork>)> {
    // Before any calibration, each of which would add a note of its own.
    let mut facts = facts(device);
    let mut timed = Vec::with_capacity(service_ns.len());
    for &ns in service_ns {
        let mut workload = encoders.workload.clone();
        workload.kernel = KernelChoice::Timed {
            service_ns: Some(ns),
        };
        program::Program::new(device, &workload, None)?;
        timed.extend(device.timed_work());
    }
    facts.notes.extend(calibration_note(&timed));
    Ok((facts, timed))
}

/// What the kernels do that add these times per op on the device, and the reference that adds none:
/// nothing on a device whose time is a setting.
///
/// # Errors
/// As for a trial: the device is not there, or its settings are refused.
pub fn added_work(encoders: &Encoders, levels_ns: &[u64]) -> Result<Vec<TimedWork>> {
    let plan = &encoders.device;
    match plan.choice.resolve()? {
        DeviceChoice::Vulkan(index) => {
            let device = open_vulkan(plan, index, Instrument::Counted, &Perturbation::default())?;
            added_kernel::calibrate(&device, levels_ns)
        }
        #[cfg(target_os = "macos")]
        DeviceChoice::Metal => {
            let device = metal::open(plan, Instrument::Counted, &Perturbation::default())?;
            added_kernel::calibrate(&device, levels_ns)
        }
        _ => Ok(Vec::new()),
    }
}

/// How far a calibrated time may be off without a word, as a fraction.
const CALIBRATED: f64 = 0.05;

/// Which times could not be had.
fn calibration_note(timed: &[TimedWork]) -> Option<String> {
    let off: Vec<String> = timed
        .iter()
        .filter(|work| {
            work.took_ns.abs_diff(work.asked_ns) as f64 > CALIBRATED * work.asked_ns as f64
        })
        .map(|work| format!("{} ns took {} ns", work.asked_ns, work.took_ns))
        .collect();
    (!off.is_empty()).then(|| {
        format!(
            "The work per op is what a calibrated kernel was asked to take, its command buffer \
             included. More than {:.0}% off when it was calibrated: {}.",
            CALIBRATED * 100.0,
            off.join(", ")
        )
    })
}

fn facts(device: &impl Device) -> DeviceFacts {
    let info = device.info();
    DeviceFacts {
        name: info.name,
        driver: info.driver,
        settings: info.settings,
        notes: info.model_notes,
        engines: u32::try_from(device.busy_ns().len()).unwrap_or(u32::MAX),
    }
}

/// The choice itself where it is one already: to ask the driver takes as long as a short trial.
fn resolved(choice: DeviceChoice) -> Result<DeviceChoice> {
    match choice {
        DeviceChoice::Soft | DeviceChoice::Vulkan(Some(_)) => Ok(choice),
        DeviceChoice::Auto
        | DeviceChoice::Objc
        | DeviceChoice::Metal
        | DeviceChoice::Vulkan(None) => Ok(choice.resolve()?),
    }
}

/// Runs a trial in this process.
///
/// # Errors
/// The device refuses a call or computes something else than its reference; an interposed lock on
/// Vulkan, but the layer that takes it is not under this process.
pub fn run(spec: &TrialSpec, say: &mut dyn FnMut(&Line)) -> Result<Measurement> {
    let mut spec = spec.clone();
    spec.encoders.device.choice = resolved(spec.encoders.device.choice)?;
    if let Some(probe) = spec.probe {
        probe.change(&mut spec.encoders);
    }
    run_changed(&spec, say)
}

/// Runs a trial whose probe has changed its op already.
fn run_changed(spec: &TrialSpec, say: &mut dyn FnMut(&Line)) -> Result<Measurement> {
    let perturbation = spec.perturbation();
    let plan = &spec.encoders.device;
    let choice = plan.choice;
    if let (DeviceChoice::Vulkan(index), Protection::Interposed(_)) = (choice, spec.protection) {
        return run_layered(spec, index, &perturbation, say);
    }
    #[cfg(target_os = "macos")]
    if choice == DeviceChoice::Metal {
        return metal::run(spec, &perturbation, say);
    }
    #[cfg(feature = "objc")]
    if choice == DeviceChoice::Objc {
        return objc::run(spec, &perturbation, say);
    }
    let guard = Arc::new(Guard::new(spec.protection.strategy(), spec.instrument));
    let count_anew = || {
        guard.reset();
        Ok(())
    };
    let unchanged_caller = Guard::new(Strategy::None, Instrument::Bare);
    let mut measured = match (choice, spec.protection) {
        (DeviceChoice::Vulkan(index), _) => {
            let device = open_vulkan(plan, index, spec.instrument, &perturbation)?;
            let mut measured =
                threads::measure(&device, spec, &guard, &count_anew, &perturbation, say)?;
            if let Some(kernel) = spec.added_kernel()? {
                // Verified, not assumed: by the device's clock, in this process.
                measured.added_ns = Some(kernel.time_ns(&device)?.saturating_mul(measured.ops()));
            }
            Ok(measured)
        }
        (_, Protection::Caller(_)) => {
            let device = open_soft(plan, &perturbation);
            threads::measure(&device, spec, &guard, &count_anew, &perturbation, say)
        }
        (_, Protection::Interposed(_)) => {
            let device = open_soft(plan, &perturbation);
            let _installed = interpose(&device, Arc::clone(&guard))?;
            let guard = &unchanged_caller;
            threads::measure(&device, spec, guard, &count_anew, &perturbation, say)
        }
    }?;
    measured.lock_events = spec
        .instrument
        .counts()
        .then(|| lock_events(&guard.counts()));
    Ok(measured)
}

/// Runs a trial whose locks the Vulkan layer takes, which the loader has put under this process.
fn run_layered(
    spec: &TrialSpec,
    index: Option<usize>,
    perturbation: &Perturbation,
    say: &mut dyn FnMut(&Line),
) -> Result<Measurement> {
    let traces = spec.traces.as_deref().ok_or_else(|| {
        Error::Plan("an interposed lock on Vulkan needs the layer's folder".into())
    })?;
    if spec.added_kernel()?.is_some() {
        return Err(Error::Plan(
            "time is added on a Vulkan device under locks of the caller only".into(),
        ));
    }
    let unchanged_caller = Guard::new(Strategy::None, Instrument::Bare);
    let mut measured = {
        let plan = &spec.encoders.device;
        let device = open_vulkan(plan, index, spec.instrument, perturbation)?;
        let trace = own_trace(traces)?;
        let count_anew = || {
            locktoll_trace::request_reset(&trace)
                .map(drop)
                .map_err(|error| Error::Trace {
                    path: trace.clone(),
                    message: error.to_string(),
                })
        };
        let guard = &unchanged_caller;
        threads::measure(&device, spec, guard, &count_anew, perturbation, say)?
    };
    // The layer writes its last counts when the device is destroyed, which has happened now.
    if spec.instrument.counts() {
        let path = own_trace(traces)?;
        let trace = Trace::read(&path).map_err(|error| Error::Trace {
            path,
            message: error.to_string(),
        })?;
        measured.lock_events = Some(layer_counts::lock_events(&[trace]));
    }
    Ok(measured)
}

/// The trace of this process, which is there as soon as the layer is.
fn own_trace(traces: &Path) -> Result<PathBuf> {
    let path = layer_counts::trace_of(traces, std::process::id());
    if path.exists() {
        Ok(path)
    } else {
        Err(Error::LayerNotLoaded {
            command: std::env::args().collect(),
        })
    }
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
