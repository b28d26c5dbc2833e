//! Instances and devices, and which function is whose.

use core::ffi::{CStr, c_char};
use core::mem::transmute;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::panic::catch_unwind;

use ash::vk;
use parking_lot::Mutex;

use crate::devices::{self, Device};
use crate::hooks::{self, Next};
use crate::interface::{DeviceLink, InstanceLink, dispatch_key, find_link};
use crate::process::Process;
use crate::record;
use crate::settings::Mode;

/// A function of a command's type as what `vkGet…ProcAddr` returns.
macro_rules! erase {
    ($function:expr, $pfn:ty) => {
        transmute::<Option<$pfn>, vk::PFN_vkVoidFunction>(Some($function))
    };
}

/// An instance of the program, and the layers below this one.
#[derive(Clone, Copy)]
struct Instance {
    handle: vk::Instance,
    get_instance_proc_addr: vk::PFN_vkGetInstanceProcAddr,
    /// Asked for when the instance is new: later, the end of the chain answers with the beginning.
    destroy: Option<vk::PFN_vkDestroyInstance>,
}

/// The live instances by their dispatch key.
static INSTANCES: Mutex<BTreeMap<usize, Instance>> = Mutex::new(BTreeMap::new());

/// The instance of a live handle, which is its own or that of one of its physical devices.
///
/// # Safety
///
/// The handle is alive.
unsafe fn instance_of<H: vk::Handle>(handle: H) -> Option<Instance> {
    // SAFETY: as the caller promises.
    let key = unsafe { dispatch_key(handle) };
    INSTANCES.lock().get(&key).copied()
}

/// Says on standard error why the layer does not work, and fails.
fn refuse(why: &str) -> vk::Result {
    // There may be no standard error, and then there is nobody to tell.
    let _ = writeln!(io::stderr(), "VK_LAYER_LOCKTOLL_guard: {why}");
    vk::Result::ERROR_INITIALIZATION_FAILED
}

unsafe extern "system" fn create_instance(
    info: *const vk::InstanceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    instance: *mut vk::Instance,
) -> vk::Result {
    // SAFETY: the loader calls this as `vkCreateInstance`, with its own structures in the chain.
    let create = || unsafe { create_instance_checked(info, allocator, instance) };
    match catch_unwind(create) {
        Ok(result) => result,
        Err(_) => refuse("a panic while an instance was made"),
    }
}

unsafe fn create_instance_checked(
    info: *const vk::InstanceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    instance: *mut vk::Instance,
) -> vk::Result {
    if let Err(why) = Process::get() {
        return refuse(why);
    }
    // SAFETY: as said in `create_instance`. The link is advanced before the call, so that the next
    // layer finds its own; the instance is alive after it succeeds.
    unsafe {
        let link = find_link::<InstanceLink>(
            (*info).p_next,
            vk::StructureType::LOADER_INSTANCE_CREATE_INFO,
        );
        let Some(link) = link.map(|info| &mut info.link) else {
            return refuse("the loader has passed no chain of layers");
        };
        let Some(next) = link.as_ref() else {
            return refuse("the chain of layers ends here");
        };
        let Some(get_instance_proc_addr) = next.get_instance_proc_addr else {
            return refuse("the next layer has no vkGetInstanceProcAddr");
        };
        *link = next.next;
        let create = get_instance_proc_addr(vk::Instance::null(), c"vkCreateInstance".as_ptr());
        let Some(create) =
            transmute::<vk::PFN_vkVoidFunction, Option<vk::PFN_vkCreateInstance>>(create)
        else {
            return refuse("the next layer has no vkCreateInstance");
        };
        let result = create(info, allocator, instance);
        if result == vk::Result::SUCCESS {
            let destroy = get_instance_proc_addr(*instance, c"vkDestroyInstance".as_ptr());
            let ours = Instance {
                handle: *instance,
                get_instance_proc_addr,
                destroy: transmute::<vk::PFN_vkVoidFunction, Option<vk::PFN_vkDestroyInstance>>(
                    destroy,
                ),
            };
            INSTANCES.lock().insert(dispatch_key(*instance), ours);
        }
        result
    }
}

unsafe extern "system" fn destroy_instance(
    instance: vk::Instance,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    if instance == vk::Instance::null() {
        return;
    }
    // SAFETY: the program calls this as `vkDestroyInstance`, with a live instance that nothing
    // else uses.
    unsafe {
        let ours = INSTANCES.lock().remove(&dispatch_key(instance));
        if let Some(destroy) = ours.and_then(|ours| ours.destroy) {
            destroy(instance, allocator);
        }
    }
}

unsafe extern "system" fn create_device(
    physical: vk::PhysicalDevice,
    info: *const vk::DeviceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    device: *mut vk::Device,
) -> vk::Result {
    // SAFETY: the loader calls this as `vkCreateDevice`, with its own structures in the chain.
    let create = || unsafe { create_device_checked(physical, info, allocator, device) };
    match catch_unwind(create) {
        Ok(result) => result,
        Err(_) => refuse("a panic while a device was made"),
    }
}

unsafe fn create_device_checked(
    physical: vk::PhysicalDevice,
    info: *const vk::DeviceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    device: *mut vk::Device,
) -> vk::Result {
    let process = match Process::get() {
        Ok(process) => process,
        Err(why) => return refuse(why),
    };
    // SAFETY: as said in `create_device`. The link is advanced before the call, so that the next
    // layer finds its own; the device is alive after it succeeds, and `get` asks for its commands.
    unsafe {
        let Some(instance) = instance_of(physical) else {
            return refuse("a device is made of an instance that this layer has not seen");
        };
        let link =
            find_link::<DeviceLink>((*info).p_next, vk::StructureType::LOADER_DEVICE_CREATE_INFO);
        let Some(link) = link.map(|info| &mut info.link) else {
            return refuse("the loader has passed no chain of layers");
        };
        let Some(next) = link.as_ref() else {
            return refuse("the chain of layers ends here");
        };
        let (Some(get_instance_proc_addr), Some(get_device_proc_addr)) =
            (next.get_instance_proc_addr, next.get_device_proc_addr)
        else {
            return refuse("the next layer has no vkGetDeviceProcAddr");
        };
        *link = next.next;
        // Some layers below need the instance here.
        let create = get_instance_proc_addr(instance.handle, c"vkCreateDevice".as_ptr());
        let Some(create) =
            transmute::<vk::PFN_vkVoidFunction, Option<vk::PFN_vkCreateDevice>>(create)
        else {
            return refuse("the next layer has no vkCreateDevice");
        };
        let result = create(physical, info, allocator, device);
        if result != vk::Result::SUCCESS {
            return result;
        }
        let handle = *device;
        let get = |name: &CStr| get_device_proc_addr(handle, name.as_ptr());
        let inserted = devices::insert(handle, |number| Device {
            process,
            number,
            handle,
            get_device_proc_addr,
            next: Next::load(&get),
            queues: Mutex::new(Vec::new()),
            fences: Mutex::new(Vec::new()),
        });
        if !inserted {
            let destroy = get(c"vkDestroyDevice");
            if let Some(destroy) =
                transmute::<vk::PFN_vkVoidFunction, Option<vk::PFN_vkDestroyDevice>>(destroy)
            {
                destroy(handle, allocator);
            }
            return refuse("too many devices are alive");
        }
        record::count_device();
        process.flush();
        result
    }
}

/// The layer's `vkGetInstanceProcAddr`.
pub(crate) unsafe extern "system" fn get_instance_proc_addr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: loader and program pass a name; function pointers are all alike until they are
    // called, and callers know these by their names. An instance that is not null is alive; while
    // the loader makes one it asks with a handle that no layer has seen yet.
    unsafe {
        let command = CStr::from_ptr(name);
        match command.to_bytes() {
            b"vkGetInstanceProcAddr" => {
                erase!(get_instance_proc_addr, vk::PFN_vkGetInstanceProcAddr)
            }
            b"vkCreateInstance" => erase!(create_instance, vk::PFN_vkCreateInstance),
            b"vkDestroyInstance" => erase!(destroy_instance, vk::PFN_vkDestroyInstance),
            b"vkCreateDevice" => erase!(create_device, vk::PFN_vkCreateDevice),
            b"vkGetDeviceProcAddr" => erase!(get_device_proc_addr, vk::PFN_vkGetDeviceProcAddr),
            _ if instance == vk::Instance::null() => None,
            _ => {
                let ours = instance_of(instance)?;
                let next = (ours.get_instance_proc_addr)(ours.handle, name);
                // What the layers below do not have, this one cannot stand in for.
                next.and(device_command(command).or(next))
            }
        }
    }
}

/// The layer's `vkGetDeviceProcAddr`.
pub(crate) unsafe extern "system" fn get_device_proc_addr(
    device: vk::Device,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: the device is alive, and the name is one; function pointers as above.
    unsafe {
        let device = devices::find(device)?;
        let next = (device.get_device_proc_addr)(device.handle, name);
        let command = CStr::from_ptr(name);
        let ours = match command.to_bytes() {
            b"vkGetDeviceProcAddr" => erase!(get_device_proc_addr, vk::PFN_vkGetDeviceProcAddr),
            _ => device_command(command),
        };
        next.and(ours.or(next))
    }
}

/// What stands in for a command of a device, a queue or a command buffer.
fn device_command(command: &CStr) -> vk::PFN_vkVoidFunction {
    match Process::existing()?.mode {
        Mode::Off if command == c"vkDestroyDevice" => {
            // SAFETY: as in `get_instance_proc_addr`.
            unsafe { erase!(hooks::destroy_device, vk::PFN_vkDestroyDevice) }
        }
        Mode::Off => None,
        Mode::Hook(..) => hooks::find(command),
    }
}
