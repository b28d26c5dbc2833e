//! A small Vulkan program, which knows nothing of the layer.

use ash::vk;

const SHADER: &str = "
    @group(0) @binding(0) var<storage, read_write> data: array<u32>;
    @compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3<u32>) {
        data[id.x] = data[id.x] * 1664525u + 1013904223u;
    }
";

/// Elements of a buffer: one workgroup.
pub(crate) const ELEMENTS: usize = 64;

/// An instance, a device and a kernel. Nothing is locked by a caller who makes one, but what
/// [`Program::destroy`] destroys again: a shader module, a layout of sets, a layout, a pipeline.
pub(crate) struct Program {
    _entry: ash::Entry,
    instance: ash::Instance,
    pub(crate) device: ash::Device,
    physical: vk::PhysicalDevice,
    pub(crate) family: u32,
    pub(crate) queue: vk::Queue,
    shader: vk::ShaderModule,
    set_layout: vk::DescriptorSetLayout,
    pub(crate) layout: vk::PipelineLayout,
    pub(crate) pipeline: vk::Pipeline,
}

/// A buffer that the kernel works on, with its memory and descriptor set.
pub(crate) struct Data {
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
    sets: vk::DescriptorPool,
    pub(crate) set: vk::DescriptorSet,
    mapped: *mut u32,
}

// SAFETY: the mapping is of the whole process; whoever has the data reads it when no work is
// pending.
unsafe impl Send for Data {}
// SAFETY: as above.
unsafe impl Sync for Data {}

impl Program {
    pub(crate) fn new() -> Result<Program, vk::Result> {
        // SAFETY: this is a valid use of Vulkan, call by call.
        unsafe {
            let entry = ash::Entry::load().expect("libvulkan1 is installed");
            let app = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_2);
            let info = vk::InstanceCreateInfo::default().application_info(&app);
            let instance = entry.create_instance(&info, None)?;
            let physical = *instance
                .enumerate_physical_devices()?
                .first()
                .expect("mesa-vulkan-drivers is installed");
            let families = instance.get_physical_device_queue_family_properties(physical);
            let family = families
                .iter()
                .position(|family| family.queue_flags.contains(vk::QueueFlags::COMPUTE))
                .expect("a device that computes");
            let family = u32::try_from(family).expect("few families");
            let queues = [vk::DeviceQueueCreateInfo::default()
                .queue_family_index(family)
                .queue_priorities(&[1.0])];
            let mut timeline =
                vk::PhysicalDeviceTimelineSemaphoreFeatures::default().timeline_semaphore(true);
            let info = vk::DeviceCreateInfo::default()
                .queue_create_infos(&queues)
                .push_next(&mut timeline);
            let device = instance.create_device(physical, &info, None)?;
            let queue = device.get_device_queue(family, 0);
            let words = spirv();
            let info = vk::ShaderModuleCreateInfo::default().code(&words);
            let shader = device.create_shader_module(&info, None)?;
            let bindings = [vk::DescriptorSetLayoutBinding::default()
                .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::COMPUTE)];
            let info = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
            let set_layout = device.create_descriptor_set_layout(&info, None)?;
            let layouts = [set_layout];
            let info = vk::PipelineLayoutCreateInfo::default().set_layouts(&layouts);
            let layout = device.create_pipeline_layout(&info, None)?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(shader)
                .name(c"main");
            let info = vk::ComputePipelineCreateInfo::default()
                .stage(stage)
                .layout(layout);
            let cache = vk::PipelineCache::null();
            let pipeline = device
                .create_compute_pipelines(cache, &[info], None)
                .map_err(|(_, error)| error)?[0];
            Ok(Program {
                _entry: entry,
                instance,
                device,
                physical,
                family,
                queue,
                shader,
                set_layout,
                layout,
                pipeline,
            })
        }
    }

    /// Locks 4 objects: buffer, memory, descriptor pool, descriptor set.
    pub(crate) fn data(&self) -> Result<Data, vk::Result> {
        // SAFETY: this is a valid use of Vulkan, call by call.
        unsafe {
            let size = (ELEMENTS * size_of::<u32>()) as u64;
            let info = vk::BufferCreateInfo::default()
                .size(size)
                .usage(vk::BufferUsageFlags::STORAGE_BUFFER | vk::BufferUsageFlags::TRANSFER_DST);
            let buffer = self.device.create_buffer(&info, None)?;
            let needs = self.device.get_buffer_memory_requirements(buffer);
            let wanted =
                vk::MemoryPropertyFlags::HOST_VISIBLE | vk::MemoryPropertyFlags::HOST_COHERENT;
            let memories = self
                .instance
                .get_physical_device_memory_properties(self.physical);
            let index = (0..memories.memory_type_count)
                .find(|&index| {
                    needs.memory_type_bits & (1 << index) != 0
                        && memories.memory_types[index as usize]
                            .property_flags
                            .contains(wanted)
                })
                .expect("memory that the host sees");
            let info = vk::MemoryAllocateInfo::default()
                .allocation_size(needs.size)
                .memory_type_index(index);
            let memory = self.device.allocate_memory(&info, None)?;
            self.device.bind_buffer_memory(buffer, memory, 0)?;
            let flags = vk::MemoryMapFlags::empty();
            let mapped = self.device.map_memory(memory, 0, vk::WHOLE_SIZE, flags)?;
            let mapped = mapped.cast::<u32>();
            for index in 0..ELEMENTS {
                *mapped.add(index) = u32::try_from(index).expect("small");
            }
            let sizes = [vk::DescriptorPoolSize::default()
                .ty(vk::DescriptorType::STORAGE_BUFFER)
                .descriptor_count(1)];
            let info = vk::DescriptorPoolCreateInfo::default()
                .max_sets(1)
                .pool_sizes(&sizes)
                .flags(vk::DescriptorPoolCreateFlags::FREE_DESCRIPTOR_SET);
            let sets = self.device.create_descriptor_pool(&info, None)?;
            let layouts = [self.set_layout];
            let info = vk::DescriptorSetAllocateInfo::default()
                .descriptor_pool(sets)
                .set_layouts(&layouts);
            let set = self.device.allocate_descriptor_sets(&info)?[0];
            let buffers = [vk::DescriptorBufferInfo::default()
                .buffer(buffer)
                .range(vk::WHOLE_SIZE)];
            let write = vk::WriteDescriptorSet::default()
                .dst_set(set)
                .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
                .buffer_info(&buffers);
            self.device.update_descriptor_sets(&[write], &[]);
            Ok(Data {
                buffer,
                memory,
                sets,
                set,
                mapped,
            })
        }
    }

    pub(crate) fn pool(&self) -> Result<vk::CommandPool, vk::Result> {
        let info = vk::CommandPoolCreateInfo::default()
            .queue_family_index(self.family)
            .flags(vk::CommandPoolCreateFlags::RESET_COMMAND_BUFFER);
        // SAFETY: this is a valid use of Vulkan.
        unsafe { self.device.create_command_pool(&info, None) }
    }

    pub(crate) fn buffers(
        &self,
        pool: vk::CommandPool,
        level: vk::CommandBufferLevel,
        count: u32,
    ) -> Result<Vec<vk::CommandBuffer>, vk::Result> {
        let info = vk::CommandBufferAllocateInfo::default()
            .command_pool(pool)
            .level(level)
            .command_buffer_count(count);
        // SAFETY: this is a valid use of Vulkan, as far as the caller's use of the pool is.
        unsafe { self.device.allocate_command_buffers(&info) }
    }

    pub(crate) fn fence(&self) -> Result<vk::Fence, vk::Result> {
        // SAFETY: this is a valid use of Vulkan.
        unsafe {
            self.device
                .create_fence(&vk::FenceCreateInfo::default(), None)
        }
    }

    /// Records dispatches that each see the writes of the one before: 2 commands for each, less 1,
    /// and 2 more. Begins and ends the buffer.
    pub(crate) fn record(
        &self,
        buffer: vk::CommandBuffer,
        data: &Data,
        dispatches: u32,
    ) -> Recorded {
        // SAFETY: this is a valid use of Vulkan, as far as the caller's use of the pool is.
        unsafe {
            self.device
                .begin_command_buffer(buffer, &vk::CommandBufferBeginInfo::default())?;
            self.record_inside(buffer, data, dispatches);
            self.device.end_command_buffer(buffer)
        }
    }

    /// As [`record`](Self::record), without begin and end.
    pub(crate) fn record_inside(&self, buffer: vk::CommandBuffer, data: &Data, dispatches: u32) {
        let compute = vk::PipelineBindPoint::COMPUTE;
        // SAFETY: this is a valid use of Vulkan, as far as the caller's use of the pool is.
        unsafe {
            self.device
                .cmd_bind_pipeline(buffer, compute, self.pipeline);
            self.device
                .cmd_bind_descriptor_sets(buffer, compute, self.layout, 0, &[data.set], &[]);
            for dispatch in 0..dispatches {
                if dispatch > 0 {
                    self.barrier(buffer);
                }
                self.device.cmd_dispatch(buffer, 1, 1, 1);
            }
        }
    }

    pub(crate) fn barrier(&self, buffer: vk::CommandBuffer) {
        let access = vk::AccessFlags::SHADER_READ | vk::AccessFlags::SHADER_WRITE;
        let barrier = vk::MemoryBarrier::default()
            .src_access_mask(access)
            .dst_access_mask(access);
        let stage = vk::PipelineStageFlags::COMPUTE_SHADER;
        let flags = vk::DependencyFlags::empty();
        // SAFETY: this is a valid use of Vulkan, as far as the caller's use of the pool is.
        unsafe {
            self.device
                .cmd_pipeline_barrier(buffer, stage, stage, flags, &[barrier], &[], &[]);
        }
    }

    pub(crate) fn submit(&self, buffers: &[vk::CommandBuffer], fence: vk::Fence) -> Recorded {
        let batch = vk::SubmitInfo::default().command_buffers(buffers);
        // SAFETY: this is a valid use of Vulkan, as far as the caller's use of the queue is.
        unsafe { self.device.queue_submit(self.queue, &[batch], fence) }
    }

    /// Waits, and resets the fence.
    pub(crate) fn finish(&self, fence: vk::Fence) -> Recorded {
        // SAFETY: this is a valid use of Vulkan.
        unsafe {
            self.device.wait_for_fences(&[fence], true, u64::MAX)?;
            self.device.reset_fences(&[fence])
        }
    }

    /// Locks 4 objects: memory twice, buffer, descriptor pool.
    pub(crate) fn free(&self, data: &Data) {
        // SAFETY: this is a valid use of Vulkan, if no work is pending.
        unsafe {
            self.device.unmap_memory(data.memory);
            self.device.destroy_descriptor_pool(data.sets, None);
            self.device.destroy_buffer(data.buffer, None);
            self.device.free_memory(data.memory, None);
        }
    }

    /// Locks 4 objects.
    pub(crate) fn destroy(self) {
        // SAFETY: this is a valid use of Vulkan, if no work is pending and all else is destroyed.
        unsafe {
            self.device.destroy_pipeline(self.pipeline, None);
            self.device.destroy_pipeline_layout(self.layout, None);
            self.device
                .destroy_descriptor_set_layout(self.set_layout, None);
            self.device.destroy_shader_module(self.shader, None);
            self.device.destroy_device(None);
            self.instance.destroy_instance(None);
        }
    }
}

pub(crate) type Recorded = Result<(), vk::Result>;

impl Data {
    /// Valid when no work is pending.
    pub(crate) fn read(&self) -> Vec<u32> {
        // SAFETY: mapped until freed, and of this many elements.
        unsafe { core::slice::from_raw_parts(self.mapped, ELEMENTS) }.to_vec()
    }

    pub(crate) fn descriptor_pool(&self) -> vk::DescriptorPool {
        self.sets
    }
}

/// What the kernel leaves after so many dispatches.
pub(crate) fn expected(dispatches: u32) -> Vec<u32> {
    let step = |value: u32| value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (0..ELEMENTS)
        .map(|index| u32::try_from(index).expect("small"))
        .map(|first| (0..dispatches).fold(first, |value, _| step(value)))
        .collect()
}

fn spirv() -> Vec<u32> {
    use naga::back::spv;
    use naga::valid::{Capabilities, ValidationFlags, Validator};
    let module = naga::front::wgsl::parse_str(SHADER).expect("the shader is right");
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .expect("the shader is valid");
    let options = spv::Options {
        // Without bounds checks the indices must be right, and they are.
        lang_version: (1, 3),
        ..spv::Options::default()
    };
    spv::write_vec(&module, &info, &options, None).expect("the shader can be written")
}
