//! Pipelines: one shader each for the three kernels, and one layout for all of them.
//!
//! With one layout, an argument that is set stays set when the kernel changes, and each call of
//! the [`Device`](crate::Device) trait is one call of the driver.

use std::sync::Arc;

use ash::vk;
use parking_lot::Mutex;

use super::buffer::MappedBuffer;
use super::core::{Core, Logical};
use super::refusal::refused;
use crate::program::{DIMENSIONS_OFFSET, Dimensions, Program, SINK};
use crate::shaders::{self, Shader};
use crate::{Error, Kernel};

/// A kernel of a [`VulkanDevice`](crate::VulkanDevice).
pub struct VulkanPipeline {
    pub(super) core: Arc<Core>,
    pub(super) object: Arc<PipelineObject>,
}

/// The driver's pipeline, and what a dispatch of its kernel needs to know.
pub(super) struct PipelineObject {
    pub(super) program: Program,
    pub(super) handle: vk::Pipeline,
}

/// The device's pipelines.
///
/// # Invariant
///
/// An object in `kept` stays there until this is dropped.
pub(super) struct Programs {
    device: ash::Device,
    set_layout: vk::DescriptorSetLayout,
    pub(super) layout: vk::PipelineLayout,
    pub(super) sink: MappedBuffer,
    kept: Mutex<Vec<Arc<PipelineObject>>>,
}

impl Programs {
    pub(super) fn new(logical: &Logical) -> Result<Self, Error> {
        let mut programs = Self {
            device: logical.device.clone(),
            set_layout: vk::DescriptorSetLayout::null(),
            layout: vk::PipelineLayout::null(),
            sink: MappedBuffer::new(logical, 1)?,
            kept: Mutex::default(),
        };
        let stage = vk::ShaderStageFlags::COMPUTE;
        let bindings: Vec<_> = (0..=SINK)
            .map(|binding| {
                vk::DescriptorSetLayoutBinding::default()
                    .binding(binding)
                    .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
                    .descriptor_count(1)
                    .stage_flags(stage)
            })
            .collect();
        let set_info = vk::DescriptorSetLayoutCreateInfo::default()
            .flags(vk::DescriptorSetLayoutCreateFlags::PUSH_DESCRIPTOR_KHR)
            .bindings(&bindings);
        // SAFETY: the device lives; what the structures point to outlives the calls.
        unsafe {
            programs.set_layout = logical
                .device
                .create_descriptor_set_layout(&set_info, None)
                .map_err(refused("vkCreateDescriptorSetLayout"))?;
            let sets = [programs.set_layout];
            let constants = [vk::PushConstantRange::default()
                .stage_flags(stage)
                .size(DIMENSIONS_OFFSET + Dimensions::BYTES)];
            let info = vk::PipelineLayoutCreateInfo::default()
                .set_layouts(&sets)
                .push_constant_ranges(&constants);
            programs.layout = logical
                .device
                .create_pipeline_layout(&info, None)
                .map_err(refused("vkCreatePipelineLayout"))?;
        }
        Ok(programs)
    }

    /// The kernel's pipeline, if it has been made ready before.
    pub(super) fn find(&self, kernel: Kernel) -> Option<Arc<PipelineObject>> {
        let kept = self.kept.lock();
        let mut ready = kept.iter().filter(|object| object.program.is_ready());
        ready
            .find(|object| object.program.kernel == kernel)
            .cloned()
    }

    /// A new object for the kernel, on the driver's pipeline of an earlier one of the same shader
    /// if there is one. The caller makes it ready.
    pub(super) fn make(&self, kernel: Kernel) -> Result<Arc<PipelineObject>, Error> {
        // Kept through the compilation, so that each shader is compiled once.
        let mut kept = self.kept.lock();
        let shader = Shader::of(kernel);
        let earlier = kept
            .iter()
            .find(|object| Shader::of(object.program.kernel).name == shader.name);
        let handle = match earlier {
            Some(object) => object.handle,
            None => self.compile(shader)?,
        };
        let object = Arc::new(PipelineObject {
            program: Program::new(kernel),
            handle,
        });
        kept.push(Arc::clone(&object));
        Ok(object)
    }

    fn compile(&self, shader: &Shader) -> Result<vk::Pipeline, Error> {
        let words = shader.spirv()?;
        let module_info = vk::ShaderModuleCreateInfo::default().code(&words);
        // SAFETY: the device lives and the layout is its own; naga has validated the shader; the
        // module is destroyed after its only use.
        unsafe {
            let module = self
                .device
                .create_shader_module(&module_info, None)
                .map_err(refused("vkCreateShaderModule"))?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(module)
                .name(shaders::ENTRY);
            let info = [vk::ComputePipelineCreateInfo::default()
                .stage(stage)
                .layout(self.layout)];
            let made = self
                .device
                .create_compute_pipelines(vk::PipelineCache::null(), &info, None);
            self.device.destroy_shader_module(module, None);
            let made = made.map_err(|(_, result)| refused("vkCreateComputePipelines")(result))?;
            Ok(made[0])
        }
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let mut handles: Vec<_> = self
            .kept
            .lock()
            .iter()
            .map(|object| object.handle)
            .collect();
        handles.sort_unstable();
        handles.dedup();
        // SAFETY: the device's work is over, as `Core` waits for it before it drops this, and
        // destroys the device afterwards.
        unsafe {
            for handle in handles {
                self.device.destroy_pipeline(handle, None);
            }
            self.device.destroy_pipeline_layout(self.layout, None);
            self.device
                .destroy_descriptor_set_layout(self.set_layout, None);
            self.sink.destroy(&self.device);
        }
    }
}
