//! Waiting for queues without holding their locks.
//!
//! `vkQueueWaitIdle` wants the queue for itself and waits. A lock held meanwhile would keep out the
//! thread that signals, through this very queue, the semaphore that the queue waits for. The
//! specification defines the command as equivalent to giving a fence to every earlier submission of
//! the queue and waiting for all those fences. An empty submission's fence is signalled once
//! everything submitted to the queue before it has completed, so one such fence is enough; and
//! `vkWaitForFences` wants nothing for itself. (Of sparse bindings the specification does not say
//! so; that they complete in the same order is an assumption.) `vkDeviceWaitIdle` is equivalent to
//! `vkQueueWaitIdle` for each queue.
//!
//! Only queues that the program has asked for can have work.

use core::ptr;

use ash::vk;
use smallvec::SmallVec;

use crate::devices::Device;

/// Waits until everything submitted to `queues` so far has completed.
///
/// # Safety
///
/// The queues are live ones of `device`.
pub(crate) unsafe fn wait(device: &Device, queues: &[vk::Queue]) -> vk::Result {
    let mut fences = SmallVec::<[vk::Fence; 4]>::new();
    for &queue in queues {
        // SAFETY: as the caller promises.
        match unsafe { submit_fence(device, queue) } {
            Ok(fence) => fences.push(fence),
            Err(error) => {
                // Those already submitted are still in use, and are left to the device.
                return error;
            }
        }
    }
    if fences.is_empty() {
        return vk::Result::SUCCESS;
    }
    let Some(wait_for_fences) = device.next.plain.wait_for_fences else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    let Some(reset_fences) = device.next.objects.reset_fences else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    let count = u32::try_from(fences.len()).unwrap_or(u32::MAX);
    // If this fails, the fences may still be in use; they are left to the device.
    // SAFETY: the fences are ours, of this device and submitted.
    let mut result =
        unsafe { wait_for_fences(device.handle, count, fences.as_ptr(), vk::TRUE, u64::MAX) };
    if result == vk::Result::SUCCESS {
        // SAFETY: the fences are signalled, so nothing uses them, and nobody else knows them.
        result = unsafe { reset_fences(device.handle, count, fences.as_ptr()) };
        if result == vk::Result::SUCCESS {
            device.fences.lock().extend(fences);
        }
    }
    result
}

/// Submits nothing but a fence, and returns it.
unsafe fn submit_fence(device: &Device, queue: vk::Queue) -> Result<vk::Fence, vk::Result> {
    let fence = take_fence(device)?;
    let Some(queue_submit) = device.next.by_hand.queue_submit else {
        return Err(vk::Result::ERROR_INITIALIZATION_FAILED);
    };
    let result = {
        let _section = device.entrance().queue(queue);
        // SAFETY: the queue is alive as the caller promises, and the fence is ours and unused.
        unsafe { queue_submit(queue, 0, ptr::null(), fence) }
    };
    if result == vk::Result::SUCCESS {
        return Ok(fence);
    }
    device.fences.lock().push(fence);
    Err(result)
}

fn take_fence(device: &Device) -> Result<vk::Fence, vk::Result> {
    if let Some(fence) = device.fences.lock().pop() {
        return Ok(fence);
    }
    let Some(create_fence) = device.next.plain.create_fence else {
        return Err(vk::Result::ERROR_INITIALIZATION_FAILED);
    };
    let info = vk::FenceCreateInfo::default();
    let mut fence = vk::Fence::null();
    // SAFETY: the device lives, and everything pointed to does.
    let result =
        unsafe { create_fence(device.handle, &raw const info, ptr::null(), &raw mut fence) };
    if result == vk::Result::SUCCESS {
        Ok(fence)
    } else {
        Err(result)
    }
}

/// Destroys the fences that were kept for waiting.
pub(crate) fn destroy_fences(device: &Device) {
    if let Some(destroy_fence) = device.next.objects.destroy_fence {
        for fence in device.fences.lock().drain(..) {
            // SAFETY: the fence is ours, of this device and in nobody's use.
            unsafe { destroy_fence(device.handle, fence, ptr::null()) };
        }
    }
}
