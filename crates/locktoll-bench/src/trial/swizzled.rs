//! Trials on a device that is reached through Objective-C, whose interposed locks are swizzled under its
//! driver.

use locktoll_gpu::{Device, Perturbation, Protection};
use locktoll_guard::{Counts, Guard, Instrument, Strategy};
use locktoll_metal::{Installed, Options, c_api, stats};

use super::{TrialSpec, lock_events, threads};
use crate::error::{Error, Result};
use crate::protocol::Line;
use crate::samples::Measurement;

/// Runs a trial on the device that `open` gives. An interposed strategy is installed first,
/// and its callers take no lock. `afterwards` may add to what was measured.
pub(super) fn run<D: Device>(
    spec: &TrialSpec,
    perturbation: &Perturbation,
    say: &mut dyn FnMut(&Line),
    open: impl FnOnce() -> Result<D>,
    afterwards: impl FnOnce(&D, &mut Measurement) -> Result<()>,
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
    let device = open()?;
    let mut measured = threads::measure(&device, spec, &by_caller, &count_anew, perturbation, say)?;
    if spec.instrument.counts() {
        let counts = if swizzled.is_some() {
            swizzled_counts()
        } else {
            by_caller.counts()
        };
        measured.lock_events = Some(lock_events(&counts));
    }
    afterwards(&device, &mut measured)?;
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
