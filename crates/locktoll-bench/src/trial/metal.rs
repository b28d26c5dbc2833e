//! Trials on Metal's device. Type-checked for Apple's target, never linked or run.

use locktoll_gpu::{MetalDevice, MetalSettings, Perturbation};
use locktoll_guard::Instrument;

use super::{TrialSpec, swizzled};
use crate::error::Result;
use crate::plan::DevicePlan;
use crate::protocol::Line;
use crate::samples::Measurement;

pub(super) fn open(
    plan: &DevicePlan,
    instrument: Instrument,
    perturbation: &Perturbation,
) -> Result<MetalDevice> {
    let settings = MetalSettings {
        queues: plan.queues,
        timestamps: instrument.counts(),
        timed: plan.timed.iter().chain(&plan.added).copied().collect(),
    };
    Ok(MetalDevice::perturbed(&settings, perturbation.clone())?)
}

pub(super) fn run(
    spec: &TrialSpec,
    perturbation: &Perturbation,
    say: &mut dyn FnMut(&Line),
) -> Result<Measurement> {
    let open = || open(&spec.encoders.device, spec.instrument, perturbation);
    let kernel = spec.added_kernel()?;
    swizzled::run(spec, perturbation, say, open, |device, measured| {
        if let Some(kernel) = kernel {
            // As on Vulkan: by the device's clock, in this process.
            measured.added_ns = Some(kernel.time_ns(device)?.saturating_mul(measured.ops()));
        }
        Ok(())
    })
}
