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

/// Replaces [`DeviceChoice::Auto`] and an unnumbered Vulkan device by what they mean here.
pub(crate) fn resolve(choice: DeviceChoice) -> Result<DeviceChoice, Error> {
    let index = |index: usize| DeviceChoice::Vulkan(Some(index));
    match choice {
        DeviceChoice::Soft | DeviceChoice::Objc => Ok(choice),
        // Whatever keeps Vulkan from working here, the soft device works.
        DeviceChoice::Auto => Ok(list()
            .ok()
            .and_then(|devices| physical::best_hardware(&devices))
            .map_or(DeviceChoice::Soft, index)),
        DeviceChoice::Vulkan(asked) => physical::choose(&list()?, asked).map(index),
    }
}

fn list() -> Result<Vec<Physical>, Error> {
    // The list outlives its instance: nothing asks the handles any more.
    physical::list(&Instance::new()?)
}
