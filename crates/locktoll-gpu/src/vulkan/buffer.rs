//! Buffers: one allocation of memory each, mapped as long as they live.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ash::vk;

use super::core::{Core, Logical};
use super::refusal::refused;
use crate::Error;

const ELEMENT: u64 = size_of::<f32>() as u64;

/// A buffer of a [`VulkanDevice`](crate::VulkanDevice).
///
/// When it is dropped its memory is kept until no command buffer that used it can still run: each
/// of these is waited for, or waits for itself at the latest when its lane is dropped.
pub struct VulkanBuffer(pub(super) Arc<BufferObject>);

/// The driver's objects behind a buffer.
pub(super) struct BufferObject {
    pub(super) core: Arc<Core>,
    pub(super) memory: MappedBuffer,
    pub(super) len: usize,
    /// The user's handle is gone, so who keeps this for reuse may let go.
    is_orphan: AtomicBool,
}

impl VulkanBuffer {
    pub(super) fn new(core: &Arc<Core>, contents: &[f32]) -> Result<Self, Error> {
        let memory = MappedBuffer::new(&core.logical, contents.len())?;
        memory.write(contents);
        Ok(Self(Arc::new(BufferObject {
            core: Arc::clone(core),
            memory,
            len: contents.len(),
            is_orphan: AtomicBool::new(false),
        })))
    }

    pub(super) fn read(&self) -> Vec<f32> {
        self.0.memory.read(self.0.len)
    }
}

impl Drop for VulkanBuffer {
    fn drop(&mut self) {
        self.0.is_orphan.store(true, Ordering::Release);
    }
}

impl BufferObject {
    pub(super) fn is_orphan(&self) -> bool {
        self.is_orphan.load(Ordering::Acquire)
    }
}

impl Drop for BufferObject {
    fn drop(&mut self) {
        // SAFETY: command buffers that use the buffer keep this object until they have completed.
        unsafe { self.memory.destroy(self.core.device()) };
    }
}

/// A `VkBuffer` with its memory.
///
/// # Invariant
///
/// `mapped` points to at least `len` elements until `destroy`.
pub(super) struct MappedBuffer {
    pub(super) handle: vk::Buffer,
    memory: vk::DeviceMemory,
    mapped: NonNull<f32>,
}

// SAFETY: the pointer is to memory that belongs to no thread. Elements are read by volatile reads,
// since the device may write them at any time, and written only before the object is shared.
unsafe impl Send for MappedBuffer {}
// SAFETY: as above.
unsafe impl Sync for MappedBuffer {}

impl MappedBuffer {
    /// Room for `len` elements, and for one if that is none: no `VkBuffer` is empty.
    pub(super) fn new(logical: &Logical, len: usize) -> Result<Self, Error> {
        let size = (len as u64).saturating_mul(ELEMENT).max(ELEMENT);
        let most = u64::from(logical.physical.limits.max_storage_buffer_range);
        if size > most {
            return Err(Error::BufferTooLong {
                len,
                most: usize::try_from(most / ELEMENT).unwrap_or(usize::MAX),
            });
        }
        let info = vk::BufferCreateInfo::default()
            .size(size)
            .usage(vk::BufferUsageFlags::STORAGE_BUFFER)
            .sharing_mode(vk::SharingMode::EXCLUSIVE);
        let device = &logical.device;
        // SAFETY: the logical device lives, and `info` is complete.
        let handle = unsafe { device.create_buffer(&info, None) };
        let handle = handle.map_err(refused("vkCreateBuffer"))?;
        Self::with_memory(logical, handle).inspect_err(|_| {
            // SAFETY: nobody else knows the buffer.
            unsafe { device.destroy_buffer(handle, None) };
        })
    }

    fn with_memory(logical: &Logical, handle: vk::Buffer) -> Result<Self, Error> {
        let device = &logical.device;
        // SAFETY: the buffer is of this device, and no other thread knows it.
        let needed = unsafe { device.get_buffer_memory_requirements(handle) };
        let memory = allocate(logical, &needed)?;
        // SAFETY: the memory is as large and of a type as the buffer needs; nobody else knows it.
        let mapped = unsafe {
            device
                .bind_buffer_memory(handle, memory, 0)
                .map_err(refused("vkBindBufferMemory"))
                .and_then(|()| {
                    device
                        .map_memory(memory, 0, vk::WHOLE_SIZE, vk::MemoryMapFlags::empty())
                        .map_err(refused("vkMapMemory"))
                })
        };
        let mapped = mapped.and_then(|mapped| {
            NonNull::new(mapped.cast()).ok_or(Error::Vulkan {
                call: "vkMapMemory",
                result: "no address".to_owned(),
            })
        });
        match mapped {
            Ok(mapped) => Ok(Self {
                handle,
                memory,
                mapped,
            }),
            Err(error) => {
                // SAFETY: nobody else knows the memory; the buffer bound to it is never used.
                unsafe { device.free_memory(memory, None) };
                Err(error)
            }
        }
    }

    fn write(&self, contents: &[f32]) {
        // SAFETY: by the invariant there is room; the device does not use the buffer yet.
        unsafe {
            std::ptr::copy_nonoverlapping(contents.as_ptr(), self.mapped.as_ptr(), contents.len());
        }
    }

    fn read(&self, len: usize) -> Vec<f32> {
        // SAFETY: by the invariant all of them are mapped.
        let element = |index| unsafe { self.mapped.add(index).read_volatile() };
        (0..len).map(element).collect()
    }

    /// # Safety
    /// The device no longer uses it, and nobody uses it afterwards.
    pub(super) unsafe fn destroy(&self, device: &ash::Device) {
        // SAFETY: the caller's promise; freeing memory unmaps it.
        unsafe {
            device.destroy_buffer(self.handle, None);
            device.free_memory(self.memory, None);
        }
    }
}

/// Memory that the host can map, in the device's own memory if it can be had there.
fn allocate(logical: &Logical, needed: &vk::MemoryRequirements) -> Result<vk::DeviceMemory, Error> {
    let visible = vk::MemoryPropertyFlags::HOST_VISIBLE | vk::MemoryPropertyFlags::HOST_COHERENT;
    let types = (0..).zip(logical.memory.memory_types_as_slice());
    let mut suited: Vec<(u32, vk::MemoryPropertyFlags)> = types
        .filter(|(index, kind)| {
            needed.memory_type_bits & (1 << index) != 0 && kind.property_flags.contains(visible)
        })
        .map(|(index, kind)| (index, kind.property_flags))
        .collect();
    suited.sort_by_key(|(_, flags)| !flags.contains(vk::MemoryPropertyFlags::DEVICE_LOCAL));
    // Every driver must have such memory for buffers.
    let mut result = Err(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY);
    for (index, _) in suited {
        let info = vk::MemoryAllocateInfo::default()
            .allocation_size(needed.size)
            .memory_type_index(index);
        // SAFETY: the logical device lives, and the type is one of its.
        result = unsafe { logical.device.allocate_memory(&info, None) };
        // The part of the device's own memory that the host can map is often small.
        if result != Err(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY) {
            break;
        }
    }
    result.map_err(refused("vkAllocateMemory"))
}
