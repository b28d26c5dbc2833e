//! Commands that need more than sections: those that make and end pools and command buffers, hand
//! work to queues, or wait for queues.

use ash::vk;

use super::define::{missing, table};
use super::slice;
use crate::devices::{self, Device};
use crate::idle;
use crate::locks::address;
use crate::tally::{self, Event};

table! {
    allocate_command_buffers c"vkAllocateCommandBuffers" PFN_vkAllocateCommandBuffers = allocate_command_buffers;
    create_command_pool c"vkCreateCommandPool" PFN_vkCreateCommandPool = create_command_pool;
    destroy_command_pool c"vkDestroyCommandPool" PFN_vkDestroyCommandPool = destroy_command_pool;
    destroy_device c"vkDestroyDevice" PFN_vkDestroyDevice = destroy_device;
    device_wait_idle c"vkDeviceWaitIdle" PFN_vkDeviceWaitIdle = device_wait_idle;
    free_command_buffers c"vkFreeCommandBuffers" PFN_vkFreeCommandBuffers = free_command_buffers;
    get_device_queue c"vkGetDeviceQueue" PFN_vkGetDeviceQueue = get_device_queue;
    get_device_queue2 c"vkGetDeviceQueue2" PFN_vkGetDeviceQueue2 = get_device_queue2;
    queue_submit c"vkQueueSubmit" PFN_vkQueueSubmit = queue_submit;
    queue_submit2 c"vkQueueSubmit2" PFN_vkQueueSubmit2 = queue_submit2;
    queue_submit2_khr c"vkQueueSubmit2KHR" PFN_vkQueueSubmit2 = queue_submit2_khr;
    queue_wait_idle c"vkQueueWaitIdle" PFN_vkQueueWaitIdle = queue_wait_idle;
}

// In each of these functions, as in those of the other tables: the program calls it as the command
// of the same name, with arguments that are valid for it, and the next layer gets the same.

/// The device of a handle that the program has passed.
///
/// # Safety
///
/// As for [`devices::find`].
unsafe fn device_of<'a, H: vk::Handle>(handle: H) -> &'a Device {
    // SAFETY: as the caller promises.
    unsafe { devices::find(handle) }.unwrap_or_else(|| missing(c"a command"))
}

unsafe extern "system" fn create_command_pool(
    device: vk::Device,
    info: *const vk::CommandPoolCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    pool: *mut vk::CommandPool,
) -> vk::Result {
    // SAFETY: as said above.
    unsafe {
        let ours = device_of(device);
        let Some(next) = ours.next.by_hand.create_command_pool else {
            missing(c"vkCreateCommandPool")
        };
        let result = next(device, info, allocator, pool);
        if result == vk::Result::SUCCESS && ours.process.locks.need_pools() {
            ours.process.locks.pools.create(ours.entrance().key(*pool));
        }
        result
    }
}

unsafe extern "system" fn destroy_command_pool(
    device: vk::Device,
    pool: vk::CommandPool,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: as said above.
    unsafe {
        let ours = device_of(device);
        let Some(next) = ours.next.by_hand.destroy_command_pool else {
            missing(c"vkDestroyCommandPool")
        };
        let entrance = ours.entrance();
        let section = entrance.pool(pool);
        if section.is_some() && ours.process.locks.need_pools() {
            // Before the driver can give the handles to others.
            entrance.forget_pool(pool);
            ours.process.locks.pools.destroy(entrance.key(pool));
        }
        next(device, pool, allocator);
    }
}

unsafe extern "system" fn allocate_command_buffers(
    device: vk::Device,
    info: *const vk::CommandBufferAllocateInfo<'_>,
    buffers: *mut vk::CommandBuffer,
) -> vk::Result {
    // SAFETY: as said above.
    unsafe {
        let ours = device_of(device);
        let Some(next) = ours.next.by_hand.allocate_command_buffers else {
            missing(c"vkAllocateCommandBuffers")
        };
        let (pool, count) = ((*info).command_pool, (*info).command_buffer_count);
        let entrance = ours.entrance();
        let _section = entrance.pool(pool);
        let result = next(device, info, buffers);
        if result == vk::Result::SUCCESS {
            tally::add(Event::Buffer, u64::from(count));
            if ours.process.locks.need_pools() {
                let allocated = slice(buffers, count).iter().map(|&buffer| address(buffer));
                let key = entrance.key(pool);
                ours.process.locks.pools.allocate(key, allocated);
            }
        }
        result
    }
}

unsafe extern "system" fn free_command_buffers(
    device: vk::Device,
    pool: vk::CommandPool,
    count: u32,
    buffers: *const vk::CommandBuffer,
) {
    // SAFETY: as said above.
    unsafe {
        let ours = device_of(device);
        let Some(next) = ours.next.by_hand.free_command_buffers else {
            missing(c"vkFreeCommandBuffers")
        };
        let entrance = ours.entrance();
        let _section = entrance.pool(pool);
        if ours.process.locks.need_pools() {
            // Before the driver can give the handles to others.
            let freed = slice(buffers, count).iter().map(|&buffer| address(buffer));
            ours.process.locks.pools.free(entrance.key(pool), freed);
        }
        next(device, pool, count, buffers);
    }
}

unsafe extern "system" fn get_device_queue(
    device: vk::Device,
    family: u32,
    index: u32,
    queue: *mut vk::Queue,
) {
    // SAFETY: as said above.
    unsafe {
        let ours = device_of(device);
        let Some(next) = ours.next.by_hand.get_device_queue else {
            missing(c"vkGetDeviceQueue")
        };
        next(device, family, index, queue);
        note_queue(ours, *queue);
    }
}

unsafe extern "system" fn get_device_queue2(
    device: vk::Device,
    info: *const vk::DeviceQueueInfo2<'_>,
    queue: *mut vk::Queue,
) {
    // SAFETY: as said above.
    unsafe {
        let ours = device_of(device);
        let Some(next) = ours.next.by_hand.get_device_queue2 else {
            missing(c"vkGetDeviceQueue2")
        };
        next(device, info, queue);
        note_queue(ours, *queue);
    }
}

fn note_queue(device: &Device, queue: vk::Queue) {
    let mut queues = device.queues.lock();
    if queue != vk::Queue::null() && !queues.contains(&queue) {
        queues.push(queue);
    }
}

unsafe extern "system" fn queue_submit(
    queue: vk::Queue,
    count: u32,
    batches: *const vk::SubmitInfo<'_>,
    fence: vk::Fence,
) -> vk::Result {
    // SAFETY: as said above.
    unsafe {
        let ours = device_of(queue);
        let Some(next) = ours.next.by_hand.queue_submit else {
            missing(c"vkQueueSubmit")
        };
        count_submission(ours, count);
        let entrance = ours.entrance();
        let _fence = entrance.object(fence);
        let _queue = entrance.queue(queue);
        if ours.process.locks.need_queues() {
            for batch in slice(batches, count) {
                for &buffer in slice(batch.p_command_buffers, batch.command_buffer_count) {
                    entrance.learn_queue(buffer, queue);
                }
            }
        }
        next(queue, count, batches, fence)
    }
}

unsafe extern "system" fn queue_submit2(
    queue: vk::Queue,
    count: u32,
    batches: *const vk::SubmitInfo2<'_>,
    fence: vk::Fence,
) -> vk::Result {
    // SAFETY: as said above.
    unsafe {
        let ours = device_of(queue);
        submit2(
            ours,
            ours.next.by_hand.queue_submit2,
            queue,
            count,
            batches,
            fence,
        )
    }
}

unsafe extern "system" fn queue_submit2_khr(
    queue: vk::Queue,
    count: u32,
    batches: *const vk::SubmitInfo2<'_>,
    fence: vk::Fence,
) -> vk::Result {
    // SAFETY: as said above.
    unsafe {
        let ours = device_of(queue);
        submit2(
            ours,
            ours.next.by_hand.queue_submit2_khr,
            queue,
            count,
            batches,
            fence,
        )
    }
}

unsafe fn submit2(
    ours: &Device,
    next: Option<vk::PFN_vkQueueSubmit2>,
    queue: vk::Queue,
    count: u32,
    batches: *const vk::SubmitInfo2<'_>,
    fence: vk::Fence,
) -> vk::Result {
    // SAFETY: as said above.
    unsafe {
        let Some(next) = next else {
            missing(c"vkQueueSubmit2")
        };
        count_submission(ours, count);
        let entrance = ours.entrance();
        let _fence = entrance.object(fence);
        let _queue = entrance.queue(queue);
        if ours.process.locks.need_queues() {
            for batch in slice(batches, count) {
                for info in slice(
                    batch.p_command_buffer_infos,
                    batch.command_buffer_info_count,
                ) {
                    entrance.learn_queue(info.command_buffer, queue);
                }
            }
        }
        next(queue, count, batches, fence)
    }
}

/// Counts a submission, after the reset that it may bring about.
fn count_submission(device: &Device, batches: u32) {
    device.process.on_submission();
    tally::add(Event::Submission, 1);
    tally::add(Event::Batch, u64::from(batches));
}

unsafe extern "system" fn queue_wait_idle(queue: vk::Queue) -> vk::Result {
    // SAFETY: as said above.
    unsafe { idle::wait(device_of(queue), &[queue]) }
}

unsafe extern "system" fn device_wait_idle(device: vk::Device) -> vk::Result {
    // SAFETY: as said above.
    let ours = unsafe { device_of(device) };
    let queues = ours.queues.lock().clone();
    // SAFETY: queues live as long as their device.
    unsafe { idle::wait(ours, &queues) }
}

/// `vkDestroyDevice`, which stands in also where nothing else does.
pub(crate) unsafe extern "system" fn destroy_device(
    device: vk::Device,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    if device == vk::Device::null() {
        return;
    }
    // SAFETY: as said above; the program uses nothing of the device any more.
    unsafe {
        let Some(ours) = devices::remove(device) else {
            missing(c"vkDestroyDevice")
        };
        idle::destroy_fences(&ours);
        for &queue in ours.queues.lock().iter() {
            ours.entrance().forget_queue(queue);
        }
        ours.process.flush();
        if let Some(next) = ours.next.by_hand.destroy_device {
            next(device, allocator);
        }
    }
}
