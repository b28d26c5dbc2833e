//! What loader and layer say to each other, after the loader's `vk_layer.h`.

use core::ffi::{c_char, c_int, c_void};

use ash::vk;

pub(crate) const NEGOTIATE_INTERFACE: c_int = 1;

type GetPhysicalDeviceProcAddr =
    unsafe extern "system" fn(vk::Instance, *const c_char) -> vk::PFN_vkVoidFunction;

/// `VkNegotiateLayerInterface`
#[repr(C)]
#[derive(Debug)]
pub struct NegotiateInterface {
    pub(crate) s_type: c_int,
    pub(crate) next: *mut c_void,
    pub(crate) version: u32,
    pub(crate) get_instance_proc_addr: Option<vk::PFN_vkGetInstanceProcAddr>,
    pub(crate) get_device_proc_addr: Option<vk::PFN_vkGetDeviceProcAddr>,
    pub(crate) get_physical_device_proc_addr: Option<GetPhysicalDeviceProcAddr>,
}

/// `VkLayerInstanceLink`: the next layer, and the chain behind it.
#[repr(C)]
pub(crate) struct InstanceLink {
    pub(crate) next: *mut InstanceLink,
    pub(crate) get_instance_proc_addr: Option<vk::PFN_vkGetInstanceProcAddr>,
    pub(crate) get_physical_device_proc_addr: Option<GetPhysicalDeviceProcAddr>,
}

/// `VkLayerDeviceLink`
#[repr(C)]
pub(crate) struct DeviceLink {
    pub(crate) next: *mut DeviceLink,
    pub(crate) get_instance_proc_addr: Option<vk::PFN_vkGetInstanceProcAddr>,
    pub(crate) get_device_proc_addr: Option<vk::PFN_vkGetDeviceProcAddr>,
}

/// `VkLayerInstanceCreateInfo` and `VkLayerDeviceCreateInfo`, where they hold a link.
#[repr(C)]
pub(crate) struct CreateInfo<Link> {
    s_type: vk::StructureType,
    next: *const c_void,
    function: c_int,
    pub(crate) link: *mut Link,
}

/// Of the loader's structures, the one that holds the link.
const LINK_INFO: c_int = 0;

/// Finds the loader's link in the chain of structures that begins at `next`.
///
/// # Safety
///
/// `next` is null or begins a chain of Vulkan structures, which live and may be changed while the
/// result is in use; those of `s_type` are `CreateInfo<Link>` or another of the loader's that
/// begins with the same three fields.
pub(crate) unsafe fn find_link<'a, Link>(
    mut next: *const c_void,
    s_type: vk::StructureType,
) -> Option<&'a mut CreateInfo<Link>> {
    while !next.is_null() {
        // SAFETY: by the caller's promise every structure begins like this one.
        let base = unsafe { &*next.cast::<vk::BaseInStructure<'_>>() };
        if base.s_type == s_type {
            let info = next.cast_mut().cast::<CreateInfo<Link>>();
            // SAFETY: by the caller's promise this much is common to the loader's structures.
            if unsafe { (*info).function } == LINK_INFO {
                // SAFETY: the loader says that this is the one with a link, and lets layers
                // change it, as they must to advance it.
                return Some(unsafe { &mut *info });
            }
        }
        next = base.p_next.cast();
    }
    None
}

/// The loader's table of a dispatchable object. An instance and its physical devices have one in
/// common; a device, its queues and its command buffers too.
///
/// # Safety
///
/// `handle` is a live dispatchable handle.
#[inline]
pub(crate) unsafe fn dispatch_key<H: vk::Handle>(handle: H) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "dispatchable handles are pointers"
    )]
    let object = handle.as_raw() as usize as *const usize;
    // SAFETY: the loader's interface puts a pointer to its table first in every such object.
    unsafe { *object }
}
