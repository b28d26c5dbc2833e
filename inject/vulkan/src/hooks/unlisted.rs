//! Commands that `ash` knows and the registry of the other tables does not, written by hand.
//!
//! One is an older name, for which only the newer one's type is there. A test fails when the registry
//! comes to list another one of them, which then has two hooks.

use core::ffi::c_void;

use ash::vk;

super::define::hooks! {
    in unlisted;
    cmd_bind_descriptor_buffer_embedded_samplers2_ext c"vkCmdBindDescriptorBufferEmbeddedSamplers2EXT" PFN_vkCmdBindDescriptorBufferEmbeddedSamplers2EXT (command_buffer: vk::CommandBuffer, p_info: *const vk::BindDescriptorBufferEmbeddedSamplersInfoEXT) -> () [buffer(command_buffer)] command;
    cmd_bind_descriptor_sets2_khr c"vkCmdBindDescriptorSets2KHR" PFN_vkCmdBindDescriptorSets2KHR (command_buffer: vk::CommandBuffer, p_bind_descriptor_sets_info: *const vk::BindDescriptorSetsInfoKHR) -> () [buffer(command_buffer)] command;
    cmd_bind_index_buffer2_khr c"vkCmdBindIndexBuffer2KHR" PFN_vkCmdBindIndexBuffer2KHR (command_buffer: vk::CommandBuffer, buffer: vk::Buffer, offset: vk::DeviceSize, size: vk::DeviceSize, index_type: vk::IndexType) -> () [buffer(command_buffer)] command;
    cmd_bind_shaders_ext c"vkCmdBindShadersEXT" PFN_vkCmdBindShadersEXT (command_buffer: vk::CommandBuffer, stage_count: u32, p_stages: *const vk::ShaderStageFlags, p_shaders: *const vk::ShaderEXT) -> () [buffer(command_buffer)] command;
    cmd_cuda_launch_kernel_nv c"vkCmdCudaLaunchKernelNV" PFN_vkCmdCudaLaunchKernelNV (command_buffer: vk::CommandBuffer, p_launch_info: *const vk::CudaLaunchInfoNV) -> () [buffer(command_buffer)] command;
    cmd_dispatch_graph_amdx c"vkCmdDispatchGraphAMDX" PFN_vkCmdDispatchGraphAMDX (command_buffer: vk::CommandBuffer, scratch: vk::DeviceAddress, p_count_info: *const vk::DispatchGraphCountInfoAMDX) -> () [buffer(command_buffer)] dispatch;
    cmd_dispatch_graph_indirect_amdx c"vkCmdDispatchGraphIndirectAMDX" PFN_vkCmdDispatchGraphIndirectAMDX (command_buffer: vk::CommandBuffer, scratch: vk::DeviceAddress, p_count_info: *const vk::DispatchGraphCountInfoAMDX) -> () [buffer(command_buffer)] dispatch;
    cmd_dispatch_graph_indirect_count_amdx c"vkCmdDispatchGraphIndirectCountAMDX" PFN_vkCmdDispatchGraphIndirectCountAMDX (command_buffer: vk::CommandBuffer, scratch: vk::DeviceAddress, count_info: vk::DeviceAddress) -> () [buffer(command_buffer)] dispatch;
    cmd_initialize_graph_scratch_memory_amdx c"vkCmdInitializeGraphScratchMemoryAMDX" PFN_vkCmdInitializeGraphScratchMemoryAMDX (command_buffer: vk::CommandBuffer, scratch: vk::DeviceAddress) -> () [buffer(command_buffer)] command;
    cmd_push_constants2_khr c"vkCmdPushConstants2KHR" PFN_vkCmdPushConstants2KHR (command_buffer: vk::CommandBuffer, p_push_constants_info: *const vk::PushConstantsInfoKHR) -> () [buffer(command_buffer)] command;
    cmd_push_descriptor_set2_khr c"vkCmdPushDescriptorSet2KHR" PFN_vkCmdPushDescriptorSet2KHR (command_buffer: vk::CommandBuffer, p_push_descriptor_set_info: *const vk::PushDescriptorSetInfoKHR) -> () [buffer(command_buffer)] command;
    cmd_push_descriptor_set_with_template2_khr c"vkCmdPushDescriptorSetWithTemplate2KHR" PFN_vkCmdPushDescriptorSetWithTemplate2KHR (command_buffer: vk::CommandBuffer, p_push_descriptor_set_with_template_info: *const vk::PushDescriptorSetWithTemplateInfoKHR) -> () [buffer(command_buffer)] command;
    cmd_set_attachment_feedback_loop_enable_ext c"vkCmdSetAttachmentFeedbackLoopEnableEXT" PFN_vkCmdSetAttachmentFeedbackLoopEnableEXT (command_buffer: vk::CommandBuffer, aspect_mask: vk::ImageAspectFlags) -> () [buffer(command_buffer)] command;
    cmd_set_depth_bias2_ext c"vkCmdSetDepthBias2EXT" PFN_vkCmdSetDepthBias2EXT (command_buffer: vk::CommandBuffer, p_depth_bias_info: *const vk::DepthBiasInfoEXT) -> () [buffer(command_buffer)] command;
    cmd_set_descriptor_buffer_offsets2_ext c"vkCmdSetDescriptorBufferOffsets2EXT" PFN_vkCmdSetDescriptorBufferOffsets2EXT (command_buffer: vk::CommandBuffer, p_set_descriptor_buffer_offsets_info: *const vk::SetDescriptorBufferOffsetsInfoEXT) -> () [buffer(command_buffer)] command;
    cmd_set_discard_rectangle_enable_ext c"vkCmdSetDiscardRectangleEnableEXT" PFN_vkCmdSetDiscardRectangleEnableEXT (command_buffer: vk::CommandBuffer, discard_rectangle_enable: vk::Bool32) -> () [buffer(command_buffer)] command;
    cmd_set_discard_rectangle_mode_ext c"vkCmdSetDiscardRectangleModeEXT" PFN_vkCmdSetDiscardRectangleModeEXT (command_buffer: vk::CommandBuffer, discard_rectangle_mode: vk::DiscardRectangleModeEXT) -> () [buffer(command_buffer)] command;
    cmd_set_exclusive_scissor_enable_nv c"vkCmdSetExclusiveScissorEnableNV" PFN_vkCmdSetExclusiveScissorEnableNV (command_buffer: vk::CommandBuffer, first_exclusive_scissor: u32, exclusive_scissor_count: u32, p_exclusive_scissor_enables: *const vk::Bool32) -> () [buffer(command_buffer)] command;
    cmd_set_line_stipple_ext c"vkCmdSetLineStippleEXT" PFN_vkCmdSetLineStippleKHR (command_buffer: vk::CommandBuffer, line_stipple_factor: u32, line_stipple_pattern: u16) -> () [buffer(command_buffer)] command;
    cmd_set_line_stipple_khr c"vkCmdSetLineStippleKHR" PFN_vkCmdSetLineStippleKHR (command_buffer: vk::CommandBuffer, line_stipple_factor: u32, line_stipple_pattern: u16) -> () [buffer(command_buffer)] command;
    cmd_set_rendering_attachment_locations_khr c"vkCmdSetRenderingAttachmentLocationsKHR" PFN_vkCmdSetRenderingAttachmentLocationsKHR (command_buffer: vk::CommandBuffer, p_location_info: *const vk::RenderingAttachmentLocationInfoKHR) -> () [buffer(command_buffer)] command;
    cmd_set_rendering_input_attachment_indices_khr c"vkCmdSetRenderingInputAttachmentIndicesKHR" PFN_vkCmdSetRenderingInputAttachmentIndicesKHR (command_buffer: vk::CommandBuffer, p_location_info: *const vk::RenderingInputAttachmentIndexInfoKHR) -> () [buffer(command_buffer)] command;
    cmd_update_pipeline_indirect_buffer_nv c"vkCmdUpdatePipelineIndirectBufferNV" PFN_vkCmdUpdatePipelineIndirectBufferNV (command_buffer: vk::CommandBuffer, pipeline_bind_point: vk::PipelineBindPoint, pipeline: vk::Pipeline) -> () [buffer(command_buffer)] command;
    destroy_cuda_function_nv c"vkDestroyCudaFunctionNV" PFN_vkDestroyCudaFunctionNV (device: vk::Device, function: vk::CudaFunctionNV, p_allocator: *const vk::AllocationCallbacks) -> () [dying(function)] nothing;
    destroy_cuda_module_nv c"vkDestroyCudaModuleNV" PFN_vkDestroyCudaModuleNV (device: vk::Device, module: vk::CudaModuleNV, p_allocator: *const vk::AllocationCallbacks) -> () [dying(module)] nothing;
    destroy_shader_ext c"vkDestroyShaderEXT" PFN_vkDestroyShaderEXT (device: vk::Device, shader: vk::ShaderEXT, p_allocator: *const vk::AllocationCallbacks) -> () [dying(shader)] nothing;
    map_memory2_khr c"vkMapMemory2KHR" PFN_vkMapMemory2KHR (device: vk::Device, p_memory_map_info: *const vk::MemoryMapInfoKHR, pp_data: *mut *mut c_void) -> vk::Result [object((*p_memory_map_info).memory)] nothing;
    queue_notify_out_of_band_nv c"vkQueueNotifyOutOfBandNV" PFN_vkQueueNotifyOutOfBandNV (queue: vk::Queue, p_queue_type_info: *const vk::OutOfBandQueueTypeInfoNV) -> () [queue(queue)] nothing;
    unmap_memory2_khr c"vkUnmapMemory2KHR" PFN_vkUnmapMemory2KHR (device: vk::Device, p_memory_unmap_info: *const vk::MemoryUnmapInfoKHR) -> vk::Result [object((*p_memory_unmap_info).memory)] nothing;
}
