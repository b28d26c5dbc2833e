//! Machines without Vulkan, imitated by the environment of a child process.

use locktoll_gpu::{Availability, DeviceChoice, Error, VulkanDevice, VulkanSettings, devices};

use crate::child;

/// The one Vulkan entry in the list: what is missing, and the remedy.
fn missing() -> (String, String) {
    let mut vulkan = devices()
        .into_iter()
        .filter(|known| known.name.starts_with("vulkan"));
    let entry = vulkan.next().unwrap();
    assert_eq!((entry.name.as_str(), vulkan.next()), ("vulkan", None));
    match entry.availability {
        Availability::Missing { what, remedy } => (what, remedy),
        Availability::Available => panic!("available"),
    }
}

fn new_device() -> Result<VulkanDevice, Error> {
    VulkanDevice::new(&VulkanSettings::default())
}

#[test]
fn without_a_driver_the_list_says_so_and_auto_is_the_soft_device() {
    let output = child::test("missing::in_a_child_without_a_driver")
        .env("VK_DRIVER_FILES", "/nonexistent/icd.json")
        .env("VK_ICD_FILENAMES", "/nonexistent/icd.json")
        .output()
        .unwrap();
    child::assert_passed(&output);
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn in_a_child_without_a_driver() {
    let (what, remedy) = missing();
    assert!(what.contains("no device"), "{what}");
    assert!(remedy.contains("mesa-vulkan-drivers"), "{remedy}");
    assert!(matches!(new_device(), Err(Error::NoVulkanDevice)));
    assert_eq!(DeviceChoice::Auto.resolve().unwrap(), DeviceChoice::Soft);
    assert!(matches!(
        DeviceChoice::Vulkan(None).resolve(),
        Err(Error::NoVulkanDevice)
    ));
}

// The system's linker finds a file that is no library before it finds the loader.
#[cfg(target_os = "linux")]
#[test]
fn without_a_loader_the_list_names_the_packages_and_auto_is_the_soft_device() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["libvulkan.so.1", "libvulkan.so"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let output = child::test("missing::in_a_child_without_a_loader")
        .env("LD_LIBRARY_PATH", folder.path())
        .output()
        .unwrap();
    child::assert_passed(&output);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by another test, in a process of its own"]
fn in_a_child_without_a_loader() {
    let (what, remedy) = missing();
    assert!(what.contains("no Vulkan loader"), "{what}");
    assert!(
        remedy.contains("libvulkan1") && remedy.contains("Fedora vulkan-loader"),
        "{remedy}"
    );
    assert!(matches!(new_device(), Err(Error::NoVulkanLoader { .. })));
    assert_eq!(DeviceChoice::Auto.resolve().unwrap(), DeviceChoice::Soft);
}
