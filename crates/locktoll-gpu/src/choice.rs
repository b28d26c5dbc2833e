//! Which devices there are, and which one a user asks for.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The device that a user asks for: `auto` or `soft`.
///
/// `vulkan`, `vulkan:N` and `metal` are known names, but refused: this version has no such device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// The best device of this build, which in this version is the soft one.
    #[default]
    Auto,
    /// The soft device.
    Soft,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Soft => "soft",
        })
    }
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_vulkan = |text: &str| {
            text == "vulkan"
                || text
                    .strip_prefix("vulkan:")
                    .is_some_and(|n| n.parse::<u32>().is_ok())
        };
        match text {
            "auto" => Ok(Self::Auto),
            "soft" => Ok(Self::Soft),
            "metal" => Err(Error::NotInThisVersion {
                text: text.to_owned(),
            }),
            _ if is_vulkan(text) => Err(Error::NotInThisVersion {
                text: text.to_owned(),
            }),
            _ => Err(Error::UnknownDevice {
                text: text.to_owned(),
            }),
        }
    }
}

/// A kind of device that locktoll knows, and whether it can be used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// The name to choose it by.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// Whether it can be used here.
    pub availability: Availability,
}

/// Whether a device can be used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Available,
    /// It cannot.
    Missing {
        /// What is missing.
        what: &'static str,
        /// What a user can do about it.
        remedy: &'static str,
    },
}

/// All devices that locktoll knows.
///
/// Nothing is probed: this version contains the soft device and no other.
pub const fn devices() -> [KnownDevice; 3] {
    [
        KnownDevice {
            name: "soft",
            summary: "a timing model in this process; its times are settings",
            availability: Availability::Available,
        },
        KnownDevice {
            name: "vulkan",
            summary: "any GPU with a Vulkan driver",
            availability: Availability::Missing {
                what: "this version has no Vulkan device",
                remedy: "use a version that has one; the machine was not examined",
            },
        },
        KnownDevice {
            name: "metal",
            summary: "Apple GPUs",
            availability: Availability::Missing {
                what: "this version has no Metal device",
                remedy: "use a version that has one; the machine was not examined",
            },
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_can_be_chosen_and_nothing_else() {
        for device in devices() {
            let chosen = device.name.parse::<DeviceChoice>();
            match device.availability {
                Availability::Available => assert_eq!(chosen.unwrap().to_string(), device.name),
                Availability::Missing { .. } => {
                    assert!(matches!(chosen, Err(Error::NotInThisVersion { .. })));
                }
            }
        }
        assert_eq!("auto".parse::<DeviceChoice>().unwrap(), DeviceChoice::Auto);
    }

    #[test]
    fn a_known_but_absent_device_is_not_called_unknown() {
        let absent = |text: &str| match text.parse::<DeviceChoice>() {
            Err(Error::NotInThisVersion { .. }) => true,
            Err(Error::UnknownDevice { .. }) => false,
            other => panic!("{other:?}"),
        };
        assert!(absent("vulkan:0") && absent("vulkan:17"));
        assert!(!absent("vulkan:") && !absent("vulkan:x") && !absent("metal:0") && !absent("cuda"));
    }
}
