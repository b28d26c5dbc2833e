//! Which devices there are, and which one a user asks for.

use std::fmt;
use std::str::FromStr;

#[cfg(target_os = "macos")]
use crate::metal;
use crate::{Error, vulkan};

/// The device that a user asks for: `auto`, `soft`, `objc`, `metal`, `vulkan` or `vulkan:N`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// On macOS Metal, where it offers a device; else the best Vulkan device that is hardware; where there
    /// is none, the soft device. A software Vulkan device is used only by those who ask for it.
    #[default]
    Auto,
    /// The soft device.
    Soft,
    /// The stand-in driver in Objective-C, where this build has it.
    Objc,
    /// Metal's default device, on macOS.
    Metal,
    /// A Vulkan device: number N of [`devices`], or the best hardware, or else the first that can
    /// be used.
    Vulkan(Option<usize>),
}

/// What a build with the feature `objc` needs.
const OBJC_NEEDS: &str = "an Objective-C compiler and GNUstep (Debian: gobjc, libgnustep-base-dev)";

/// What the device `metal` needs.
#[cfg(not(target_os = "macos"))]
const METAL_NEEDS: &str = "macOS";

impl DeviceChoice {
    /// What the choice means on this machine: [`Soft`](Self::Soft), [`Objc`](Self::Objc),
    /// [`Metal`](Self::Metal), or [`Vulkan`](Self::Vulkan) with a number.
    ///
    /// # Errors
    /// [`Error::NotBuilt`], [`Error::NotOnThisSystem`], [`Error::NoMetalDevice`].
    /// Where a Vulkan device is asked for: [`Error::NoVulkanLoader`], [`Error::NoVulkanDevice`],
    /// [`Error::NoSuchVulkanDevice`], [`Error::VulkanDeviceLacks`], and what the driver refuses.
    pub fn resolve(self) -> Result<Self, Error> {
        match self {
            Self::Objc if !cfg!(feature = "objc") => Err(Error::NotBuilt {
                device: "objc",
                feature: "objc",
                needs: OBJC_NEEDS,
            }),
            #[cfg(target_os = "macos")]
            Self::Auto if metal::is_there() => Ok(Self::Metal),
            #[cfg(target_os = "macos")]
            Self::Metal if metal::is_there() => Ok(self),
            #[cfg(target_os = "macos")]
            Self::Metal => Err(Error::NoMetalDevice),
            #[cfg(not(target_os = "macos"))]
            Self::Metal => Err(Error::NotOnThisSystem {
                device: "metal",
                needs: METAL_NEEDS,
            }),
            Self::Soft | Self::Objc => Ok(self),
            Self::Auto => {
                Ok(vulkan::best_hardware().map_or(Self::Soft, |it| Self::Vulkan(Some(it))))
            }
            Self::Vulkan(asked) => vulkan::choose(asked).map(|it| Self::Vulkan(Some(it))),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Soft => f.write_str("soft"),
            Self::Objc => f.write_str("objc"),
            Self::Metal => f.write_str("metal"),
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
            "metal" => Ok(Self::Metal),
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
    let mut devices = vec![soft, objc];
    devices.extend(vulkan::known());
    #[cfg(target_os = "macos")]
    devices.push(metal::known());
    #[cfg(not(target_os = "macos"))]
    devices.push(known_metal());
    devices
}

/// The device as it is listed where it cannot be.
#[cfg(not(target_os = "macos"))]
fn known_metal() -> KnownDevice {
    KnownDevice {
        name: DeviceChoice::Metal.to_string(),
        summary: "Apple GPUs".to_owned(),
        availability: Availability::Missing {
            what: "this system has no Metal".to_owned(),
            remedy: format!("run it on {METAL_NEEDS}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_listed_name_is_known() {
        for device in devices() {
            let choice: DeviceChoice = device.name.parse().unwrap();
            assert_eq!(choice.to_string(), device.name);
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
    #[cfg(not(target_os = "macos"))]
    fn metal_is_refused_where_it_cannot_be_with_what_it_needs() {
        let refused = DeviceChoice::Metal.resolve().unwrap_err().to_string();
        for part in ["`metal`", "macOS"] {
            assert!(refused.contains(part), "{refused}");
        }
        let listed = devices().pop().unwrap();
        assert_eq!(listed.name, "metal");
        assert!(
            matches!(&listed.availability, Availability::Missing { remedy, .. }
                if remedy.contains("macOS")),
            "{listed:?}"
        );
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
