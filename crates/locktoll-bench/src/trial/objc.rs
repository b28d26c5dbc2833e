//! Trials on the device `objc`.

use locktoll_gpu::{ObjcDevice, Perturbation};

use super::{TrialSpec, swizzled};
use crate::error::Result;
use crate::plan::DevicePlan;
use crate::protocol::Line;
use crate::samples::Measurement;

pub(super) fn open(plan: &DevicePlan, perturbation: &Perturbation) -> Result<ObjcDevice> {
    Ok(ObjcDevice::perturbed(plan.soft, plan.fault, perturbation)?)
}

pub(super) fn run(
    spec: &TrialSpec,
    perturbation: &Perturbation,
    say: &mut dyn FnMut(&Line),
) -> Result<Measurement> {
    let open = || open(&spec.encoders.device, perturbation);
    swizzled::run(spec, perturbation, say, open, |_, _| Ok(()))
}
