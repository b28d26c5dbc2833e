//! Which devices there are, and which one a user asks for.

use std::fmt;
use std::str::FromStr;

use crate::{Error, vulkan};

/// The device that a user asks for: `auto`, `soft`, `objc`, `vulkan` or `vulkan:N`.
///
/// `metal` is a known name, but refused: this version has no such device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// The best Vulkan device that is hardware; where there is none, the soft device. A software
    /// Vulkan device is used only by those who ask for it.
    #[default]
    Auto,
    /// The soft device.
    Soft,
    /// The stand-in driver in Objective-C, where this build has it.
    Objc,
    /// A Vulkan device: number N of [`devices`], or the best hardware, or else the first that can
    /// be used.
    Vulkan(Option<usize>),
}

/// What a build with the feature `objc` needs.
const OBJC_NEEDS: &str = "an Objective-C compiler and GNUstep (Debian: gobjc, libgnustep-base-dev)";

impl DeviceChoice {
    /// What the choice means on this machine: [`Soft`](Self::Soft), [`Objc`](Self::Objc), or
    /// [`Vulkan`](Self::Vulkan) with a number.
    ///
    /// # Errors
    /// [`Error::NotBuilt`].
    /// Where a Vulkan device is asked for: [`Error::NoVulkanLoader`], [`Error::NoVulkanDevice`],
    /// [`Error::NoSuchVulkanDevice`], [`Error::VulkanDeviceLacks`], and what the driver refuses.
    pub fn resolve(self) -> Result<Self, Error> {
        match self {
            Self::Objc if !cfg!(feature = "objc") => Err(Error::NotBuilt {
                device: "objc",
                feature: "objc",
                needs: OBJC_NEEDS,
            }),
            _ => vulkan::resolve(self),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Soft => f.write_str("soft"),
            Self::Objc => f.write_str("objc"),
            Self::Vulkan(None) => f.write_str("vulkan"),
            Self::Vulkan(Some(index)) => write!(f, "vulkan:{index}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownDevice {
            text: text.to_owned(),
        };
        match text {
            "auto" => Ok(Self::Auto),
            "soft" => Ok(Self::Soft),
            "objc" => Ok(Self::Objc),
            "vulkan" => Ok(Self::Vulkan(None)),
            "metal" => Err(Error::NotInThisVersion {
                text: text.to_owned(),
            }),
            _ => {
                let digits = text.strip_prefix("vulkan:").ok_or_else(unknown)?;
                if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(unknown());
                }
                let index = digits.parse().map_err(|_| unknown())?;
                Ok(Self::Vulkan(Some(index)))
            }
        }
    }
}

/// A device that locktoll knows, and whether it can be used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// The name to choose it by.
    pub name: String,
    /// What it is, in a few words.
    pub summary: String,
    /// Whether it can be used here.
    pub availability: Availability,
}

/// Whether a device can be used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Available,
    /// It cannot.
    Missing {
        /// What is missing.
        what: String,
        /// What a user can do about it.
        remedy: String,
    },
}

/// All devices that locktoll knows: the soft one, the stand-in driver in Objective-C, each Vulkan
/// device of this machine, and Metal.
///
/// Vulkan's loader and drivers are loaded for this.
pub fn devices() -> Vec<KnownDevice> {
    let soft = KnownDevice {
        name: DeviceChoice::Soft.to_string(),
        summary: "a timing model in this process; its times are settings".to_owned(),
        availability: Availability::Available,
    };
    let objc = KnownDevice {
        name: DeviceChoice::Objc.to_string(),
        summary: "a stand-in for a Metal driver, in Objective-C; its times are settings".to_owned(),
        availability: if cfg!(feature = "objc") {
            Availability::Available
        } else {
            Availability::Missing {
                what: "this build leaves it out".to_owned(),
                remedy: format!("build with --features objc, which needs {OBJC_NEEDS}"),
            }
        },
    };
    let metal = KnownDevice {
        name: "metal".to_owned(),
        summary: "Apple GPUs".to_owned(),
        availability: Availability::Missing {
            what: "this version has no Metal device".to_owned(),
            remedy: "use a version that has one; the machine was not examined".to_owned(),
        },
    };
    let mut devices = vec![soft, objc];
    devices.extend(vulkan::known());
    devices.push(metal);
    devices
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_listed_name_is_known_and_metal_is_refused_as_absent() {
        for device in devices() {
            match device.name.parse::<DeviceChoice>() {
                Ok(choice) => assert_eq!(choice.to_string(), device.name),
                Err(error) => {
                    assert!(matches!(error, Error::NotInThisVersion { .. }));
                    assert_eq!(device.name, "metal");
                }
            }
        }
        let names: Vec<_> = devices().into_iter().map(|device| device.name).collect();
        assert_eq!(
            (names[0].as_str(), names[names.len() - 1].as_str()),
            ("soft", "metal")
        );
        assert_eq!(names[1], "objc");
        assert!(names[2].starts_with("vulkan"));
    }

    #[test]
    fn only_a_whole_number_follows_the_colon() {
        assert_eq!(
            "vulkan:17".parse::<DeviceChoice>().unwrap(),
            DeviceChoice::Vulkan(Some(17))
        );
        for text in [
            "vulkan:",
            "vulkan:x",
            "vulkan:-1",
            "vulkan:+1",
            "vulkan:99999999999999999999",
            "metal:0",
            "cuda",
            "",
        ] {
            let error = text.parse::<DeviceChoice>().unwrap_err();
            assert!(
                matches!(error, Error::UnknownDevice { .. }),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn the_soft_device_is_always_itself() {
        assert_eq!(DeviceChoice::Soft.resolve().unwrap(), DeviceChoice::Soft);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(index: Option<usize>) {
            let choice = DeviceChoice::Vulkan(index);
            prop_assert_eq!(choice.to_string().parse::<DeviceChoice>().unwrap(), choice);
        }

        #[test]
        fn no_text_panics(text in "(vulkan|soft)?:?[0-9a-z:+-]{0,24}") {
            let _ = text.parse::<DeviceChoice>();
        }
    }
}
