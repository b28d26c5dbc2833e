//! The Vulkan loader and instances.
//!
//! The loader is opened at run time, so that the program starts where there is none and can say
//! what to install. It is never closed: drivers leave threads and thread-local destructors behind
//! that would then run in unmapped code.

use std::sync::OnceLock;

use ash::{Entry, ext, khr, vk};

use super::refusal::refused;
use crate::Error;

/// An instance, destroyed when dropped.
pub(super) struct Instance(ash::Instance);

impl Instance {
    pub(super) fn new() -> Result<Self, Error> {
        let entry = entry()?;
        // SAFETY: the loader is open, and these functions have no other precondition.
        let (version, extensions) = unsafe {
            let version = entry
                .try_enumerate_instance_version()
                .map_err(refused("vkEnumerateInstanceVersion"))?;
            let extensions = entry
                .enumerate_instance_extension_properties(None)
                .map_err(refused("vkEnumerateInstanceExtensionProperties"))?;
            (version.unwrap_or(vk::API_VERSION_1_0), extensions)
        };
        if version < vk::API_VERSION_1_1 {
            return Err(Error::NoVulkanLoader {
                reason: "it is older than Vulkan 1.1".to_owned(),
            });
        }
        // Where drivers that lack parts of the standard (as on macOS) are hidden unless asked for.
        let portability = khr::portability_enumeration::NAME;
        let has_portability = extensions
            .iter()
            .any(|known| known.extension_name_as_c_str() == Ok(portability));
        let (names, flags) = if has_portability {
            (
                vec![portability.as_ptr()],
                vk::InstanceCreateFlags::ENUMERATE_PORTABILITY_KHR,
            )
        } else {
            (Vec::new(), vk::InstanceCreateFlags::empty())
        };
        let application = vk::ApplicationInfo::default()
            .application_name(c"locktoll")
            .api_version(version.min(vk::API_VERSION_1_3));
        let info = vk::InstanceCreateInfo::default()
            .flags(flags)
            .application_info(&application)
            .enabled_extension_names(&names);
        // SAFETY: everything that `info` points to outlives the call.
        let instance = unsafe { entry.create_instance(&info, None) };
        match instance {
            Ok(instance) => Ok(Self(instance)),
            // What loaders answer when they found no driver.
            Err(vk::Result::ERROR_INCOMPATIBLE_DRIVER) => Err(Error::NoVulkanDevice),
            Err(error) => Err(refused("vkCreateInstance")(error)),
        }
    }

    pub(super) fn raw(&self) -> &ash::Instance {
        &self.0
    }

    /// The instance's part of an extension of devices. `None` only without a loader, which made
    /// this instance.
    pub(super) fn calibrated_timestamps(&self) -> Option<ext::calibrated_timestamps::Instance> {
        let entry = entry().ok()?;
        Some(ext::calibrated_timestamps::Instance::new(entry, &self.0))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: the owner of an instance drops what it made from it first.
        unsafe { self.0.destroy_instance(None) };
    }
}

fn entry() -> Result<&'static Entry, Error> {
    static ENTRY: OnceLock<Result<Entry, String>> = OnceLock::new();
    // SAFETY: the library that answers to the loader's name is taken to be a Vulkan loader, as by
    // every program that links it.
    let opened = ENTRY.get_or_init(|| unsafe { Entry::load() }.map_err(|error| error.to_string()));
    opened.as_ref().map_err(|reason| Error::NoVulkanLoader {
        reason: reason.clone(),
    })
}
