//! A lane: a queue, and a command pool of its own with what is recycled in it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use ash::vk;
use ash::vk::Handle as _;
use locktoll_guard::Address;
use parking_lot::Mutex;

use super::busy::LaneTimes;
use super::core::{self, Core, HardwareQueue};
use super::refusal::refused;
use super::retained::Retained;
use super::timestamps;
use crate::Error;
use crate::busy::DeviceInterval;

/// One lane of a device.
///
/// # Invariant
///
/// Only the `unsafe` calls of [`Device`](crate::Device) touch `pool` and the command buffers
/// allocated from it. By that trait's contract they do not overlap within one lane, whose address
/// to lock at is the pool's.
pub(super) struct Lane {
    pub(super) core: Arc<Core>,
    queue: usize,
    pool: vk::CommandPool,
    /// Whether its command buffers take timestamps.
    pub(super) takes_timestamps: bool,
    times: Arc<LaneTimes>,
    /// Committed command buffers that nobody has waited for yet.
    unfinished: AtomicU32,
    stock: Mutex<Stock>,
}

/// Slots that no command buffer of the user has.
#[derive(Default)]
struct Stock {
    idle: Vec<Slot>,
    /// Dropped before they were waited for, oldest first. The device may still use them.
    abandoned: VecDeque<Slot>,
}

/// A driver's command buffer with all that goes with it; recycled.
pub(super) struct Slot {
    pub(super) handles: Handles,
    pub(super) retained: Retained,
    pub(super) past: Past,
}

/// What a slot was used for last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// Nothing yet.
    None,
    /// A recording that was left before its end.
    Unfinished,
    /// A recording that was ended, and perhaps executed.
    Ended,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Handles {
    pub(super) commands: vk::CommandBuffer,
    pub(super) fence: vk::Fence,
    /// Two timestamps: at the beginning and at the end. Null on a lane without them.
    pub(super) queries: vk::QueryPool,
}

impl Lane {
    pub(super) fn new(
        core: &Arc<Core>,
        index: usize,
        takes_timestamps: bool,
    ) -> Result<Self, Error> {
        let info = vk::CommandPoolCreateInfo::default()
            .flags(vk::CommandPoolCreateFlags::RESET_COMMAND_BUFFER)
            .queue_family_index(core.logical.family.index);
        // SAFETY: the device lives, and was made with this family.
        let pool = unsafe { core.device().create_command_pool(&info, None) };
        Ok(Self {
            queue: index % core.queues.len(),
            pool: pool.map_err(refused("vkCreateCommandPool"))?,
            takes_timestamps,
            times: core.busy.lane(),
            unfinished: AtomicU32::new(0),
            stock: Mutex::default(),
            core: Arc::clone(core),
        })
    }

    pub(super) fn queue(&self) -> &HardwareQueue {
        &self.core.queues[self.queue]
    }

    /// Where to lock: its pool is the encoding context of everything on this lane.
    pub(super) fn address(&self) -> Address {
        Address {
            queue: self.queue().address(),
            encoder: core::address(self.pool.as_raw()),
        }
    }

    /// A slot whose command buffer has begun to record.
    ///
    /// # Safety
    /// The contract of [`Device`](crate::Device), for this lane.
    pub(super) unsafe fn begin(&self) -> Result<Slot, Error> {
        let recycled = {
            let mut stock = self.stock.lock();
            self.recover(&mut stock);
            stock.idle.pop()
        };
        let mut slot = match recycled {
            Some(slot) => slot,
            // SAFETY: the caller's promise.
            None => unsafe { self.allocate()? },
        };
        slot.retained.release_orphans();
        // SAFETY: the slot is idle, so the device does not use it; else the caller's promise.
        let begun = unsafe { self.restart(&slot) };
        match begun {
            Ok(()) => {
                slot.past = Past::Unfinished;
                Ok(slot)
            }
            Err(error) => {
                self.stock.lock().idle.push(slot);
                Err(error)
            }
        }
    }

    /// # Safety
    /// The slot is this lane's and idle. The contract of [`Device`](crate::Device), for this lane.
    unsafe fn restart(&self, slot: &Slot) -> Result<(), Error> {
        let device = self.core.device();
        let Handles {
            commands,
            fence,
            queries,
        } = slot.handles;
        let info = vk::CommandBufferBeginInfo::default()
            .flags(vk::CommandBufferUsageFlags::ONE_TIME_SUBMIT);
        // SAFETY: the caller's promise, and the handles are of this device.
        unsafe {
            if slot.past == Past::Unfinished {
                let keep = vk::CommandBufferResetFlags::empty();
                device
                    .reset_command_buffer(commands, keep)
                    .map_err(refused("vkResetCommandBuffer"))?;
            }
            if slot.past != Past::None {
                device
                    .reset_fences(&[fence])
                    .map_err(refused("vkResetFences"))?;
            }
            device
                .begin_command_buffer(commands, &info)
                .map_err(refused("vkBeginCommandBuffer"))?;
            if self.takes_timestamps {
                device.cmd_reset_query_pool(commands, queries, 0, 2);
                let stage = vk::PipelineStageFlags::TOP_OF_PIPE;
                device.cmd_write_timestamp(commands, stage, queries, 0);
            }
        }
        Ok(())
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this lane.
    unsafe fn allocate(&self) -> Result<Slot, Error> {
        let mut handles = Handles::default();
        // SAFETY: the caller's promise.
        match unsafe { self.fill(&mut handles) } {
            Ok(()) => Ok(Slot {
                handles,
                retained: Retained::default(),
                past: Past::None,
            }),
            Err(error) => {
                // SAFETY: nobody else knows these handles; the command buffer goes with its pool.
                unsafe { handles.destroy(self.core.device()) };
                Err(error)
            }
        }
    }

    /// # Safety
    /// The contract of [`Device`](crate::Device), for this lane.
    unsafe fn fill(&self, handles: &mut Handles) -> Result<(), Error> {
        let device = self.core.device();
        let query_info = vk::QueryPoolCreateInfo::default()
            .query_type(vk::QueryType::TIMESTAMP)
            .query_count(2);
        let commands_info = vk::CommandBufferAllocateInfo::default()
            .command_pool(self.pool)
            .level(vk::CommandBufferLevel::PRIMARY)
            .command_buffer_count(1);
        // SAFETY: the caller's promise, and the pool is of this device.
        unsafe {
            handles.fence = device
                .create_fence(&vk::FenceCreateInfo::default(), None)
                .map_err(refused("vkCreateFence"))?;
            if self.takes_timestamps {
                handles.queries = device
                    .create_query_pool(&query_info, None)
                    .map_err(refused("vkCreateQueryPool"))?;
            }
            let commands = device
                .allocate_command_buffers(&commands_info)
                .map_err(refused("vkAllocateCommandBuffers"))?;
            handles.commands = commands[0];
        }
        Ok(())
    }

    /// Whether nothing of this lane can be running, or have written what was not made visible: all
    /// that was committed has been waited for.
    pub(super) fn is_settled(&self) -> bool {
        self.unfinished.load(Ordering::Acquire) == 0
    }

    pub(super) fn committed(&self) {
        self.unfinished.fetch_add(1, Ordering::AcqRel);
    }

    /// One of those committed has been waited for.
    pub(super) fn finished(&self) {
        self.unfinished.fetch_sub(1, Ordering::AcqRel);
    }

    /// Takes a slot back that the device does not use.
    pub(super) fn give_back(&self, slot: Slot) {
        self.stock.lock().idle.push(slot);
    }

    /// Takes a slot back that the device may still use.
    pub(super) fn abandon(&self, slot: Slot) {
        self.stock.lock().abandoned.push_back(slot);
    }

    /// Makes idle what was abandoned and has completed since.
    fn recover(&self, stock: &mut Stock) {
        while let Some(oldest) = stock.abandoned.front() {
            // SAFETY: the fence is of this device, which lives.
            let status = unsafe { self.core.device().get_fence_status(oldest.handles.fence) };
            if status != Ok(true) {
                break;
            }
            if let Some(slot) = stock.abandoned.pop_front() {
                self.collect(&slot.handles);
                self.finished();
                stock.idle.push(slot);
            }
        }
    }

    /// Adds a completed command buffer to the busy time, and puts its interval into `once`, unless
    /// that has one. While the device has no clock yet, nothing.
    pub(super) fn collect_once(
        &self,
        handles: &Handles,
        once: &OnceLock<DeviceInterval>,
    ) -> Result<(), Error> {
        if !self.takes_timestamps {
            return Ok(());
        }
        let raw = self.timestamps(handles)?;
        if let Some(clock) = self.core.clock.get() {
            once.get_or_init(|| self.times.add(clock, raw));
        }
        Ok(())
    }

    /// The same for one that nobody has any more.
    fn collect(&self, handles: &Handles) {
        // Without its timestamps the busy time lacks this one.
        let _ = self.collect_once(handles, &OnceLock::new());
    }

    /// The raw timestamps of a completed command buffer.
    pub(super) fn timestamps(&self, handles: &Handles) -> Result<[u64; 2], Error> {
        timestamps::read(self.core.device(), handles.queries)
            .map_err(refused("vkGetQueryPoolResults"))
    }

    /// Returns once the device has completed a submitted command buffer.
    pub(super) fn wait(&self, handles: &Handles) -> Result<(), Error> {
        // SAFETY: the fence is of this device, which lives.
        unsafe {
            self.core
                .device()
                .wait_for_fences(&[handles.fence], true, u64::MAX)
        }
        .map_err(refused("vkWaitForFences"))
    }
}

impl Handles {
    /// Destroys what does not go with the command pool.
    ///
    /// # Safety
    /// The device does not use them, and nobody uses them afterwards.
    unsafe fn destroy(&self, device: &ash::Device) {
        // SAFETY: the caller's promise. Null handles are accepted.
        unsafe {
            device.destroy_fence(self.fence, None);
            device.destroy_query_pool(self.queries, None);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let stock = self.stock.get_mut();
        let abandoned: Vec<_> = stock.abandoned.drain(..).collect();
        let idle = std::mem::take(&mut stock.idle);
        for slot in &abandoned {
            // If the device is lost there is nothing to wait for, and nothing to collect.
            if self.wait(&slot.handles).is_ok() {
                self.collect(&slot.handles);
            }
        }
        let device = self.core.device();
        // SAFETY: every recording keeps its lane, so all slots are here, and all have completed.
        unsafe {
            for slot in abandoned.iter().chain(&idle) {
                slot.handles.destroy(device);
            }
            device.destroy_command_pool(self.pool, None);
        }
    }
}
