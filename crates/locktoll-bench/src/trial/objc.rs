//! Trials on the device `objc`, whose interposed locks are swizzled under its driver.

use locktoll_gpu::{ObjcDevice, Perturbation, Protection};
use locktoll_guard::{Counts, Guard, Instrument, Strategy};
use locktoll_metal::{Installed, Options, c_api, stats};

use super::{TrialSpec, lock_events, threads};
use crate::error::{Error, Result};
use crate::plan::DevicePlan;
use crate::protocol::Line;
use crate::samples::Measurement;

pub(super) fn open(plan: &DevicePlan, perturbation: &Perturbation) -> Result<ObjcDevice> {
    Ok(ObjcDevice::perturbed(plan.soft, plan.fault, perturbation)?)
}

/// Runs a trial. `guard` is what the caller's code enters; an interposed strategy is installed first,
/// and its callers take no lock.
pub(super) fn run(
    spec: &TrialSpec,
    perturbation: &Perturbation,
    say: &mut dyn FnMut(&Line),
) -> Result<Measurement> {
    let (by_caller, swizzled) = match spec.protection {
        Protection::Caller(strategy) => (Guard::new(strategy, spec.instrument), None),
        Protection::Interposed(strategy) => (
            Guard::new(Strategy::None, Instrument::Bare),
            Some(install(strategy, spec.instrument)?),
        ),
    };
    let count_anew = || {
        by_caller.reset();
        if swizzled.is_some() {
            c_api::locktoll_metal_reset();
        }
        Ok(())
    };
    let device = open(&spec.encoders.device, perturbation)?;
    let mut measured = threads::measure(&device, spec, &by_caller, &count_anew, perturbation, say)?;
    if spec.instrument == Instrument::Counted {
        let counts = if swizzled.is_some() {
            swizzled_counts()
        } else {
            by_caller.counts()
        };
        measured.lock_events = Some(lock_events(&counts));
    }
    Ok(measured)
}

fn install(strategy: Strategy, instrument: Instrument) -> Result<Installed> {
    let refused = |error: locktoll_metal::Error| Error::Swizzle {
        message: error.to_string(),
    };
    let mut options = Options::new(strategy.to_string().parse().map_err(refused)?);
    options.instrument = instrument;
    options.install().map_err(refused)
}

/// The events of all classes of locks.
fn swizzled_counts() -> Counts {
    let mut all = Counts::default();
    for (_, counts) in stats().locks {
        all.merge(&counts);
    }
    all
}
