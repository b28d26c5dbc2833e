//! Everything else: objects that are made, changed and destroyed.
//!
//! Generated from the Vulkan registry, header version 239, by
//! `cargo run -p locktoll-vulkan-layer --example generate_hooks`. Do not edit.
//!
//! Not in this table, but written by hand in `by_hand.rs`:
//! - `vkAllocateCommandBuffers`
//! - `vkDestroyCommandPool`
//! - `vkDestroyDevice`
//! - `vkDeviceWaitIdle`
//! - `vkFreeCommandBuffers`
//!
//! Not in this table, since it belongs to other systems:
//! - `vkImportFenceWin32HandleKHR`
//! - `vkImportSemaphoreWin32HandleKHR`
//! - `vkImportSemaphoreZirconHandleFUCHSIA`
//!
//! Not in this table, since it names its object in a way of its own, in an extension that `VK_EXT_debug_utils` has replaced:
//! - `vkDebugMarkerSetObjectNameEXT`
//! - `vkDebugMarkerSetObjectTagEXT`
//!
//! Not in this table, since it waits for what another thread may have to do, and a lock held meanwhile would keep that thread out:
//! - `vkAcquireNextImage2KHR`
//! - `vkAcquireNextImageKHR`
//! - `vkWaitForPresentKHR`

use core::ffi::c_void;

use ash::vk;

use super::slice;

super::define::hooks! {
    in objects;
    allocate_descriptor_sets c"vkAllocateDescriptorSets" PFN_vkAllocateDescriptorSets (device: vk::Device, p_allocate_info: *const vk::DescriptorSetAllocateInfo, p_descriptor_sets: *mut vk::DescriptorSet) -> vk::Result [object((*p_allocate_info).descriptor_pool)] nothing;
    bind_buffer_memory c"vkBindBufferMemory" PFN_vkBindBufferMemory (device: vk::Device, buffer: vk::Buffer, memory: vk::DeviceMemory, memory_offset: vk::DeviceSize) -> vk::Result [object(buffer)] nothing;
    bind_buffer_memory2 c"vkBindBufferMemory2" PFN_vkBindBufferMemory2 (device: vk::Device, bind_info_count: u32, p_bind_infos: *const vk::BindBufferMemoryInfo) -> vk::Result [objects(slice(p_bind_infos, bind_info_count).iter().map(|each| each.buffer))] nothing;
    bind_buffer_memory2_khr c"vkBindBufferMemory2KHR" PFN_vkBindBufferMemory2 (device: vk::Device, bind_info_count: u32, p_bind_infos: *const vk::BindBufferMemoryInfo) -> vk::Result [objects(slice(p_bind_infos, bind_info_count).iter().map(|each| each.buffer))] nothing;
    bind_image_memory c"vkBindImageMemory" PFN_vkBindImageMemory (device: vk::Device, image: vk::Image, memory: vk::DeviceMemory, memory_offset: vk::DeviceSize) -> vk::Result [object(image)] nothing;
    bind_image_memory2 c"vkBindImageMemory2" PFN_vkBindImageMemory2 (device: vk::Device, bind_info_count: u32, p_bind_infos: *const vk::BindImageMemoryInfo) -> vk::Result [objects(slice(p_bind_infos, bind_info_count).iter().map(|each| each.image))] nothing;
    bind_image_memory2_khr c"vkBindImageMemory2KHR" PFN_vkBindImageMemory2 (device: vk::Device, bind_info_count: u32, p_bind_infos: *const vk::BindImageMemoryInfo) -> vk::Result [objects(slice(p_bind_infos, bind_info_count).iter().map(|each| each.image))] nothing;
    bind_video_session_memory_khr c"vkBindVideoSessionMemoryKHR" PFN_vkBindVideoSessionMemoryKHR (device: vk::Device, video_session: vk::VideoSessionKHR, bind_session_memory_info_count: u32, p_bind_session_memory_infos: *const vk::BindVideoSessionMemoryInfoKHR) -> vk::Result [object(video_session)] nothing;
    create_shared_swapchains_khr c"vkCreateSharedSwapchainsKHR" PFN_vkCreateSharedSwapchainsKHR (device: vk::Device, swapchain_count: u32, p_create_infos: *const vk::SwapchainCreateInfoKHR, p_allocator: *const vk::AllocationCallbacks, p_swapchains: *mut vk::SwapchainKHR) -> vk::Result [objects(slice(p_create_infos, swapchain_count).iter().map(|each| each.old_swapchain)), objects(slice(p_create_infos, swapchain_count).iter().map(|each| each.surface))] nothing;
    create_swapchain_khr c"vkCreateSwapchainKHR" PFN_vkCreateSwapchainKHR (device: vk::Device, p_create_info: *const vk::SwapchainCreateInfoKHR, p_allocator: *const vk::AllocationCallbacks, p_swapchain: *mut vk::SwapchainKHR) -> vk::Result [object((*p_create_info).old_swapchain), object((*p_create_info).surface)] nothing;
    destroy_acceleration_structure_khr c"vkDestroyAccelerationStructureKHR" PFN_vkDestroyAccelerationStructureKHR (device: vk::Device, acceleration_structure: vk::AccelerationStructureKHR, p_allocator: *const vk::AllocationCallbacks) -> () [dying(acceleration_structure)] nothing;
    destroy_acceleration_structure_nv c"vkDestroyAccelerationStructureNV" PFN_vkDestroyAccelerationStructureNV (device: vk::Device, acceleration_structure: vk::AccelerationStructureNV, p_allocator: *const vk::AllocationCallbacks) -> () [dying(acceleration_structure)] nothing;
    destroy_buffer c"vkDestroyBuffer" PFN_vkDestroyBuffer (device: vk::Device, buffer: vk::Buffer, p_allocator: *const vk::AllocationCallbacks) -> () [dying(buffer)] nothing;
    destroy_buffer_view c"vkDestroyBufferView" PFN_vkDestroyBufferView (device: vk::Device, buffer_view: vk::BufferView, p_allocator: *const vk::AllocationCallbacks) -> () [dying(buffer_view)] nothing;
    destroy_deferred_operation_khr c"vkDestroyDeferredOperationKHR" PFN_vkDestroyDeferredOperationKHR (device: vk::Device, operation: vk::DeferredOperationKHR, p_allocator: *const vk::AllocationCallbacks) -> () [dying(operation)] nothing;
    destroy_descriptor_pool c"vkDestroyDescriptorPool" PFN_vkDestroyDescriptorPool (device: vk::Device, descriptor_pool: vk::DescriptorPool, p_allocator: *const vk::AllocationCallbacks) -> () [dying(descriptor_pool)] nothing;
    destroy_descriptor_set_layout c"vkDestroyDescriptorSetLayout" PFN_vkDestroyDescriptorSetLayout (device: vk::Device, descriptor_set_layout: vk::DescriptorSetLayout, p_allocator: *const vk::AllocationCallbacks) -> () [dying(descriptor_set_layout)] nothing;
    destroy_descriptor_update_template c"vkDestroyDescriptorUpdateTemplate" PFN_vkDestroyDescriptorUpdateTemplate (device: vk::Device, descriptor_update_template: vk::DescriptorUpdateTemplate, p_allocator: *const vk::AllocationCallbacks) -> () [dying(descriptor_update_template)] nothing;
    destroy_descriptor_update_template_khr c"vkDestroyDescriptorUpdateTemplateKHR" PFN_vkDestroyDescriptorUpdateTemplate (device: vk::Device, descriptor_update_template: vk::DescriptorUpdateTemplate, p_allocator: *const vk::AllocationCallbacks) -> () [dying(descriptor_update_template)] nothing;
    destroy_event c"vkDestroyEvent" PFN_vkDestroyEvent (device: vk::Device, event: vk::Event, p_allocator: *const vk::AllocationCallbacks) -> () [dying(event)] nothing;
    destroy_fence c"vkDestroyFence" PFN_vkDestroyFence (device: vk::Device, fence: vk::Fence, p_allocator: *const vk::AllocationCallbacks) -> () [dying(fence)] nothing;
    destroy_framebuffer c"vkDestroyFramebuffer" PFN_vkDestroyFramebuffer (device: vk::Device, framebuffer: vk::Framebuffer, p_allocator: *const vk::AllocationCallbacks) -> () [dying(framebuffer)] nothing;
    destroy_image c"vkDestroyImage" PFN_vkDestroyImage (device: vk::Device, image: vk::Image, p_allocator: *const vk::AllocationCallbacks) -> () [dying(image)] nothing;
    destroy_image_view c"vkDestroyImageView" PFN_vkDestroyImageView (device: vk::Device, image_view: vk::ImageView, p_allocator: *const vk::AllocationCallbacks) -> () [dying(image_view)] nothing;
    destroy_indirect_commands_layout_nv c"vkDestroyIndirectCommandsLayoutNV" PFN_vkDestroyIndirectCommandsLayoutNV (device: vk::Device, indirect_commands_layout: vk::IndirectCommandsLayoutNV, p_allocator: *const vk::AllocationCallbacks) -> () [dying(indirect_commands_layout)] nothing;
    destroy_micromap_ext c"vkDestroyMicromapEXT" PFN_vkDestroyMicromapEXT (device: vk::Device, micromap: vk::MicromapEXT, p_allocator: *const vk::AllocationCallbacks) -> () [dying(micromap)] nothing;
    destroy_pipeline c"vkDestroyPipeline" PFN_vkDestroyPipeline (device: vk::Device, pipeline: vk::Pipeline, p_allocator: *const vk::AllocationCallbacks) -> () [dying(pipeline)] nothing;
    destroy_pipeline_cache c"vkDestroyPipelineCache" PFN_vkDestroyPipelineCache (device: vk::Device, pipeline_cache: vk::PipelineCache, p_allocator: *const vk::AllocationCallbacks) -> () [dying(pipeline_cache)] nothing;
    destroy_pipeline_layout c"vkDestroyPipelineLayout" PFN_vkDestroyPipelineLayout (device: vk::Device, pipeline_layout: vk::PipelineLayout, p_allocator: *const vk::AllocationCallbacks) -> () [dying(pipeline_layout)] nothing;
    destroy_private_data_slot c"vkDestroyPrivateDataSlot" PFN_vkDestroyPrivateDataSlot (device: vk::Device, private_data_slot: vk::PrivateDataSlot, p_allocator: *const vk::AllocationCallbacks) -> () [dying(private_data_slot)] nothing;
    destroy_private_data_slot_ext c"vkDestroyPrivateDataSlotEXT" PFN_vkDestroyPrivateDataSlot (device: vk::Device, private_data_slot: vk::PrivateDataSlot, p_allocator: *const vk::AllocationCallbacks) -> () [dying(private_data_slot)] nothing;
    destroy_query_pool c"vkDestroyQueryPool" PFN_vkDestroyQueryPool (device: vk::Device, query_pool: vk::QueryPool, p_allocator: *const vk::AllocationCallbacks) -> () [dying(query_pool)] nothing;
    destroy_render_pass c"vkDestroyRenderPass" PFN_vkDestroyRenderPass (device: vk::Device, render_pass: vk::RenderPass, p_allocator: *const vk::AllocationCallbacks) -> () [dying(render_pass)] nothing;
    destroy_sampler c"vkDestroySampler" PFN_vkDestroySampler (device: vk::Device, sampler: vk::Sampler, p_allocator: *const vk::AllocationCallbacks) -> () [dying(sampler)] nothing;
    destroy_sampler_ycbcr_conversion c"vkDestroySamplerYcbcrConversion" PFN_vkDestroySamplerYcbcrConversion (device: vk::Device, ycbcr_conversion: vk::SamplerYcbcrConversion, p_allocator: *const vk::AllocationCallbacks) -> () [dying(ycbcr_conversion)] nothing;
    destroy_sampler_ycbcr_conversion_khr c"vkDestroySamplerYcbcrConversionKHR" PFN_vkDestroySamplerYcbcrConversion (device: vk::Device, ycbcr_conversion: vk::SamplerYcbcrConversion, p_allocator: *const vk::AllocationCallbacks) -> () [dying(ycbcr_conversion)] nothing;
    destroy_semaphore c"vkDestroySemaphore" PFN_vkDestroySemaphore (device: vk::Device, semaphore: vk::Semaphore, p_allocator: *const vk::AllocationCallbacks) -> () [dying(semaphore)] nothing;
    destroy_shader_module c"vkDestroyShaderModule" PFN_vkDestroyShaderModule (device: vk::Device, shader_module: vk::ShaderModule, p_allocator: *const vk::AllocationCallbacks) -> () [dying(shader_module)] nothing;
    destroy_swapchain_khr c"vkDestroySwapchainKHR" PFN_vkDestroySwapchainKHR (device: vk::Device, swapchain: vk::SwapchainKHR, p_allocator: *const vk::AllocationCallbacks) -> () [dying(swapchain)] nothing;
    destroy_validation_cache_ext c"vkDestroyValidationCacheEXT" PFN_vkDestroyValidationCacheEXT (device: vk::Device, validation_cache: vk::ValidationCacheEXT, p_allocator: *const vk::AllocationCallbacks) -> () [dying(validation_cache)] nothing;
    destroy_video_session_khr c"vkDestroyVideoSessionKHR" PFN_vkDestroyVideoSessionKHR (device: vk::Device, video_session: vk::VideoSessionKHR, p_allocator: *const vk::AllocationCallbacks) -> () [dying(video_session)] nothing;
    destroy_video_session_parameters_khr c"vkDestroyVideoSessionParametersKHR" PFN_vkDestroyVideoSessionParametersKHR (device: vk::Device, video_session_parameters: vk::VideoSessionParametersKHR, p_allocator: *const vk::AllocationCallbacks) -> () [dying(video_session_parameters)] nothing;
    free_descriptor_sets c"vkFreeDescriptorSets" PFN_vkFreeDescriptorSets (device: vk::Device, descriptor_pool: vk::DescriptorPool, descriptor_set_count: u32, p_descriptor_sets: *const vk::DescriptorSet) -> vk::Result [dying_all(slice(p_descriptor_sets, descriptor_set_count).iter().copied()), object(descriptor_pool)] nothing;
    free_memory c"vkFreeMemory" PFN_vkFreeMemory (device: vk::Device, memory: vk::DeviceMemory, p_allocator: *const vk::AllocationCallbacks) -> () [dying(memory)] nothing;
    get_device_group_surface_present_modes_khr c"vkGetDeviceGroupSurfacePresentModesKHR" PFN_vkGetDeviceGroupSurfacePresentModesKHR (device: vk::Device, surface: vk::SurfaceKHR, p_modes: *mut vk::DeviceGroupPresentModeFlagsKHR) -> vk::Result [object(surface)] nothing;
    get_past_presentation_timing_google c"vkGetPastPresentationTimingGOOGLE" PFN_vkGetPastPresentationTimingGOOGLE (device: vk::Device, swapchain: vk::SwapchainKHR, p_presentation_timing_count: *mut u32, p_presentation_timings: *mut vk::PastPresentationTimingGOOGLE) -> vk::Result [object(swapchain)] nothing;
    get_refresh_cycle_duration_google c"vkGetRefreshCycleDurationGOOGLE" PFN_vkGetRefreshCycleDurationGOOGLE (device: vk::Device, swapchain: vk::SwapchainKHR, p_display_timing_properties: *mut vk::RefreshCycleDurationGOOGLE) -> vk::Result [object(swapchain)] nothing;
    get_swapchain_status_khr c"vkGetSwapchainStatusKHR" PFN_vkGetSwapchainStatusKHR (device: vk::Device, swapchain: vk::SwapchainKHR) -> vk::Result [object(swapchain)] nothing;
    import_fence_fd_khr c"vkImportFenceFdKHR" PFN_vkImportFenceFdKHR (device: vk::Device, p_import_fence_fd_info: *const vk::ImportFenceFdInfoKHR) -> vk::Result [object((*p_import_fence_fd_info).fence)] nothing;
    import_semaphore_fd_khr c"vkImportSemaphoreFdKHR" PFN_vkImportSemaphoreFdKHR (device: vk::Device, p_import_semaphore_fd_info: *const vk::ImportSemaphoreFdInfoKHR) -> vk::Result [object((*p_import_semaphore_fd_info).semaphore)] nothing;
    map_memory c"vkMapMemory" PFN_vkMapMemory (device: vk::Device, memory: vk::DeviceMemory, offset: vk::DeviceSize, size: vk::DeviceSize, flags: vk::MemoryMapFlags, pp_data: *mut *mut c_void) -> vk::Result [object(memory)] nothing;
    merge_pipeline_caches c"vkMergePipelineCaches" PFN_vkMergePipelineCaches (device: vk::Device, dst_cache: vk::PipelineCache, src_cache_count: u32, p_src_caches: *const vk::PipelineCache) -> vk::Result [object(dst_cache)] nothing;
    merge_validation_caches_ext c"vkMergeValidationCachesEXT" PFN_vkMergeValidationCachesEXT (device: vk::Device, dst_cache: vk::ValidationCacheEXT, src_cache_count: u32, p_src_caches: *const vk::ValidationCacheEXT) -> vk::Result [object(dst_cache)] nothing;
    release_performance_configuration_intel c"vkReleasePerformanceConfigurationINTEL" PFN_vkReleasePerformanceConfigurationINTEL (device: vk::Device, configuration: vk::PerformanceConfigurationINTEL) -> vk::Result [object(configuration)] nothing;
    release_swapchain_images_ext c"vkReleaseSwapchainImagesEXT" PFN_vkReleaseSwapchainImagesEXT (device: vk::Device, p_release_info: *const vk::ReleaseSwapchainImagesInfoEXT) -> vk::Result [object((*p_release_info).swapchain)] nothing;
    reset_command_pool c"vkResetCommandPool" PFN_vkResetCommandPool (device: vk::Device, command_pool: vk::CommandPool, flags: vk::CommandPoolResetFlags) -> vk::Result [pool(command_pool)] nothing;
    reset_descriptor_pool c"vkResetDescriptorPool" PFN_vkResetDescriptorPool (device: vk::Device, descriptor_pool: vk::DescriptorPool, flags: vk::DescriptorPoolResetFlags) -> vk::Result [object(descriptor_pool)] nothing;
    reset_event c"vkResetEvent" PFN_vkResetEvent (device: vk::Device, event: vk::Event) -> vk::Result [object(event)] nothing;
    reset_fences c"vkResetFences" PFN_vkResetFences (device: vk::Device, fence_count: u32, p_fences: *const vk::Fence) -> vk::Result [objects(slice(p_fences, fence_count).iter().copied())] nothing;
    set_debug_utils_object_name_ext c"vkSetDebugUtilsObjectNameEXT" PFN_vkSetDebugUtilsObjectNameEXT (device: vk::Device, p_name_info: *const vk::DebugUtilsObjectNameInfoEXT) -> vk::Result [named((*p_name_info).object_type, (*p_name_info).object_handle)] nothing;
    set_debug_utils_object_tag_ext c"vkSetDebugUtilsObjectTagEXT" PFN_vkSetDebugUtilsObjectTagEXT (device: vk::Device, p_tag_info: *const vk::DebugUtilsObjectTagInfoEXT) -> vk::Result [named((*p_tag_info).object_type, (*p_tag_info).object_handle)] nothing;
    set_event c"vkSetEvent" PFN_vkSetEvent (device: vk::Device, event: vk::Event) -> vk::Result [object(event)] nothing;
    trim_command_pool c"vkTrimCommandPool" PFN_vkTrimCommandPool (device: vk::Device, command_pool: vk::CommandPool, flags: vk::CommandPoolTrimFlags) -> () [pool(command_pool)] nothing;
    trim_command_pool_khr c"vkTrimCommandPoolKHR" PFN_vkTrimCommandPool (device: vk::Device, command_pool: vk::CommandPool, flags: vk::CommandPoolTrimFlags) -> () [pool(command_pool)] nothing;
    unmap_memory c"vkUnmapMemory" PFN_vkUnmapMemory (device: vk::Device, memory: vk::DeviceMemory) -> () [object(memory)] nothing;
    update_descriptor_set_with_template c"vkUpdateDescriptorSetWithTemplate" PFN_vkUpdateDescriptorSetWithTemplate (device: vk::Device, descriptor_set: vk::DescriptorSet, descriptor_update_template: vk::DescriptorUpdateTemplate, p_data: *const c_void) -> () [object(descriptor_set)] nothing;
    update_descriptor_set_with_template_khr c"vkUpdateDescriptorSetWithTemplateKHR" PFN_vkUpdateDescriptorSetWithTemplate (device: vk::Device, descriptor_set: vk::DescriptorSet, descriptor_update_template: vk::DescriptorUpdateTemplate, p_data: *const c_void) -> () [object(descriptor_set)] nothing;
    update_descriptor_sets c"vkUpdateDescriptorSets" PFN_vkUpdateDescriptorSets (device: vk::Device, descriptor_write_count: u32, p_descriptor_writes: *const vk::WriteDescriptorSet, descriptor_copy_count: u32, p_descriptor_copies: *const vk::CopyDescriptorSet) -> () [objects(slice(p_descriptor_copies, descriptor_copy_count).iter().map(|each| each.dst_set)), objects(slice(p_descriptor_writes, descriptor_write_count).iter().map(|each| each.dst_set))] nothing;
}
