//! Handing work to queues.
//!
//! Generated from the Vulkan registry, header version 239, by
//! `cargo run -p locktoll-vulkan-layer --example generate_hooks`. Do not edit.
//!
//! Not in this table, but written by hand in `by_hand.rs`:
//! - `vkQueueSubmit`
//! - `vkQueueSubmit2`
//! - `vkQueueSubmit2KHR`
//! - `vkQueueWaitIdle`
//!
//! Not in this table, since it belongs to other systems:
//! - `vkQueueSignalReleaseImageANDROID`

use ash::vk;

use super::slice;

super::define::hooks! {
    in submission;
    queue_begin_debug_utils_label_ext c"vkQueueBeginDebugUtilsLabelEXT" PFN_vkQueueBeginDebugUtilsLabelEXT (queue: vk::Queue, p_label_info: *const vk::DebugUtilsLabelEXT) -> () [queue(queue)] nothing;
    queue_bind_sparse c"vkQueueBindSparse" PFN_vkQueueBindSparse (queue: vk::Queue, bind_info_count: u32, p_bind_info: *const vk::BindSparseInfo, fence: vk::Fence) -> vk::Result [object(fence), queue(queue)] nothing;
    queue_end_debug_utils_label_ext c"vkQueueEndDebugUtilsLabelEXT" PFN_vkQueueEndDebugUtilsLabelEXT (queue: vk::Queue) -> () [queue(queue)] nothing;
    queue_insert_debug_utils_label_ext c"vkQueueInsertDebugUtilsLabelEXT" PFN_vkQueueInsertDebugUtilsLabelEXT (queue: vk::Queue, p_label_info: *const vk::DebugUtilsLabelEXT) -> () [queue(queue)] nothing;
    queue_present_khr c"vkQueuePresentKHR" PFN_vkQueuePresentKHR (queue: vk::Queue, p_present_info: *const vk::PresentInfoKHR) -> vk::Result [objects(slice((*p_present_info).p_swapchains, (*p_present_info).swapchain_count).iter().copied()), objects(slice((*p_present_info).p_wait_semaphores, (*p_present_info).wait_semaphore_count).iter().copied()), queue(queue)] nothing;
    queue_set_performance_configuration_intel c"vkQueueSetPerformanceConfigurationINTEL" PFN_vkQueueSetPerformanceConfigurationINTEL (queue: vk::Queue, configuration: vk::PerformanceConfigurationINTEL) -> vk::Result [queue(queue)] nothing;
}
