//! A Vulkan layer that puts locktoll's locks under an unmodified program.
//!
//! The loader calls the layer in place of the driver, and the layer calls the next one down the
//! chain, under a lock that the environment chose:
//!
//! | variable | meaning |
//! |---|---|
//! | `LOCKTOLL_STRATEGY` | `off`, `none`, `global`, `per-encoder`, `per-queue` or `throttle:K`; must be set |
//! | `LOCKTOLL_COUNT` | `1`: acquisitions are counted, waits and a sample of holds are timed (the default); `all`: every hold is timed; `0`: bare locks |
//! | `LOCKTOLL_TRACE_DIR` | the folder for `PID.trace`, if figures are to be kept |
//!
//! With `off` the layer is loaded and hooks nothing but what tells that it was; with `none` all
//! hooks are there and take no lock. A value that cannot be used makes `vkCreateInstance` fail and
//! names the variable on standard error: a program must not run unprotected unseen.
//!
//! # What is locked
//!
//! Whatever the specification calls externally synchronized, in commands of a device, a queue or a
//! command buffer; which strategy locks what is said in `locks`. Not locked, on purpose:
//!
//! - **Waits**: `vkWaitForFences`, `vkWaitSemaphores`, `vkGetQueryPoolResults`,
//!   `vkAcquireNextImage*`, `vkWaitForPresentKHR`. What ends them may be another thread's call,
//!   which a lock held meanwhile would keep out for ever. The two waits for idle that are externally
//!   synchronized are taken apart instead; see `idle`.
//! - **Instance commands**, such as those that destroy surfaces: they are no part of encoding.
//! - **Pipeline caches in `vkCreate*Pipelines`**: only those made with a flag that says so are
//!   externally synchronized there, and a lock would serialise all compilation.
//!
//! - **Sets that go with their descriptor pool**: resetting or destroying a pool locks the pool, not
//!   each of its sets.
//!
//! A program's own functions (`VkAllocationCallbacks`, messengers of layers below) are called by the
//! driver inside a call, and so inside the lock. One that waits there for another thread that makes
//! Vulkan calls waits for ever under `global` or `throttle:1`.
//!
//! `vkQueuePresentKHR` is locked, and on some systems it waits for the display: under `global` other
//! threads wait with it.
//!
//! A queue of `VK_KHR_internally_synchronized_queues` is locked like others, which is sound and not
//! needed.
//!
//! # Where things are
//!
//! | module | holds |
//! |---|---|
//! | `interface` | what loader and layer say to each other |
//! | `chain` | instances and devices, and which function is whose |
//! | `settings` | the environment |
//! | `process` | what there is once in a process |
//! | `devices` | from a handle to its device, without a lock |
//! | `locks` | from an object to its section |
//! | `handles` | a map that is read without a lock, by threads in any state |
//! | `pools` | from a command buffer to its pool and the pool's queue |
//! | `idle` | waiting for queues without holding their locks |
//! | `tally` | what is counted |
//! | `record` | what goes to the trace |
//! | `hooks` | the commands: tables from the registry, and those written by hand |
//!
//! # Panics
//!
//! A panic must not cross into the loader. The functions that the loader or the program calls are
//! `extern "system"`, so one would end the process with a message. Nothing in the hooks that run
//! while a program encodes can panic: they unwrap nothing and index nothing by what they were given,
//! and the guard says the same of itself. They are called by threads that are ending, too, so they
//! keep nothing in a thread that has a destructor.

#![allow(non_snake_case, reason = "layers are named like this")]

mod chain;
mod devices;
mod handles;
#[expect(
    elided_lifetimes_in_paths,
    reason = "spelled out in tables, they would only be noise"
)]
mod hooks;
mod idle;
mod interface;
mod locks;
mod pools;
mod process;
mod record;
mod settings;
mod tally;

use ash::vk;

use crate::interface::{NEGOTIATE_INTERFACE, NegotiateInterface};

/// The version of the loader's interface that is spoken here.
const INTERFACE_VERSION: u32 = 2;

/// The one function that the loader looks up by name.
///
/// # Safety
///
/// `negotiate` points to a structure of the loader's, as its interface document says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vkNegotiateLoaderLayerInterfaceVersion(
    negotiate: *mut NegotiateInterface,
) -> vk::Result {
    // SAFETY: as the caller promises.
    let Some(negotiate) = (unsafe { negotiate.as_mut() }) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    if negotiate.s_type != NEGOTIATE_INTERFACE || negotiate.version < INTERFACE_VERSION {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    }
    negotiate.version = INTERFACE_VERSION;
    negotiate.get_instance_proc_addr = Some(chain::get_instance_proc_addr);
    negotiate.get_device_proc_addr = Some(chain::get_device_proc_addr);
    // No command of a physical device is hooked.
    negotiate.get_physical_device_proc_addr = None;
    vk::Result::SUCCESS
}
