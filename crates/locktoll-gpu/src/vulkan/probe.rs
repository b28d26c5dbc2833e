//! What a user is told of this machine's Vulkan devices before one is chosen.

use super::loader::Instance;
use super::physical::{self, Physical};
use crate::choice::{Availability, KnownDevice};
use crate::{DeviceChoice, Error};

/// The machine's Vulkan devices as `vulkan:N`, or one entry that says why there is none.
pub(crate) fn known() -> Vec<KnownDevice> {
    match list() {
        Ok(devices) if !devices.is_empty() => {
            let entries = (0..).zip(&devices);
            entries.map(|(index, device)| device.known(index)).collect()
        }
        Ok(_) => vec![missing(&Error::NoVulkanDevice)],
        Err(error) => vec![missing(&error)],
    }
}

impl Physical {
    fn known(&self, index: usize) -> KnownDevice {
        KnownDevice {
            name: DeviceChoice::Vulkan(Some(index)).to_string(),
            summary: self.summary(),
            availability: match self.usable() {
                Ok(_) => Availability::Available,
                Err(what) => Availability::Missing {
                    what: format!("it lacks {what}"),
                    remedy: "choose another device or a newer driver".to_owned(),
                },
            },
        }
    }
}

fn missing(error: &Error) -> KnownDevice {
    // Each of these messages ends with a semicolon and what to do.
    let message = error.to_string();
    let (what, remedy) = message.rsplit_once("; ").unwrap_or((&message, ""));
    KnownDevice {
        name: DeviceChoice::Vulkan(None).to_string(),
        summary: "any GPU with a Vulkan driver".to_owned(),
        availability: Availability::Missing {
            what: what.to_owned(),
            remedy: remedy.to_owned(),
        },
    }
}

/// The number of the best device that is hardware; none where anything keeps Vulkan from working.
pub(crate) fn best_hardware() -> Option<usize> {
    list()
        .ok()
        .and_then(|devices| physical::best_hardware(&devices))
}

/// The number of the device that is asked for, or of the best one.
pub(crate) fn choose(asked: Option<usize>) -> Result<usize, Error> {
    physical::choose(&list()?, asked)
}

fn list() -> Result<Vec<Physical>, Error> {
    // The list outlives its instance: nothing asks the handles any more.
    physical::list(&Instance::new()?)
}
