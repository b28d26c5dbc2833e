//! From a handle to its device, without a lock.
//!
//! A program has one or two devices, so a short table is searched from its beginning. The key is the
//! loader's dispatch table, which a device, its queues and its command buffers have in common.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use ash::vk;
use parking_lot::Mutex;

use crate::hooks::Next;
use crate::interface::dispatch_key;
use crate::locks::Entrance;
use crate::process::Process;

/// More live devices than any program has; one more is refused.
const CAPACITY: usize = 64;

/// A device of the program, and the layers below this one.
pub(crate) struct Device {
    pub(crate) process: &'static Process,
    /// Another one for each device that lives: it keeps objects of two devices apart.
    pub(crate) number: u8,
    pub(crate) handle: vk::Device,
    pub(crate) get_device_proc_addr: vk::PFN_vkGetDeviceProcAddr,
    pub(crate) next: Next,
    /// The queues that the program has asked for, each once.
    pub(crate) queues: Mutex<Vec<vk::Queue>>,
    /// Fences for waiting, not signalled and in nobody's use.
    pub(crate) fences: Mutex<Vec<vk::Fence>>,
}

impl Device {
    /// The locks, as this device's objects use them.
    #[inline]
    pub(crate) fn entrance(&self) -> Entrance<'static> {
        Entrance {
            locks: &self.process.locks,
            device: self.number,
        }
    }
}

struct Slot {
    /// 0 while the slot is free.
    key: AtomicUsize,
    /// While `key` is not 0: the device of that key.
    device: AtomicPtr<Device>,
}

static SLOTS: [Slot; CAPACITY] = [const {
    Slot {
        key: AtomicUsize::new(0),
        device: AtomicPtr::new(ptr::null_mut()),
    }
}; CAPACITY];

/// Held to take and to free slots.
static CHANGES: Mutex<()> = Mutex::new(());

/// Makes a device known to its hooks; `make` gets its number. False if there are too many.
///
/// # Safety
///
/// `handle` is a live device.
pub(crate) unsafe fn insert(handle: vk::Device, make: impl FnOnce(u8) -> Device) -> bool {
    // SAFETY: as the caller promises.
    let key = unsafe { dispatch_key(handle) };
    let _changes = CHANGES.lock();
    let mut numbered = (0_u8..).zip(&SLOTS);
    let Some((number, slot)) = numbered.find(|(_, slot)| slot.key.load(Ordering::Relaxed) == 0)
    else {
        return false;
    };
    let device = Box::into_raw(Box::new(make(number)));
    slot.device.store(device, Ordering::Relaxed);
    slot.key.store(key, Ordering::Release);
    true
}

/// The device of a live handle, which is its device's, queue's or command buffer's.
///
/// # Safety
///
/// The handle is alive and stays so while the result is in use. The specification demands as much
/// of the program: a device is destroyed when nothing of it is in use any more.
#[inline]
pub(crate) unsafe fn find<'a, H: vk::Handle>(handle: H) -> Option<&'a Device> {
    // SAFETY: as the caller promises.
    let key = unsafe { dispatch_key(handle) };
    let slot = SLOTS
        .iter()
        .find(|slot| slot.key.load(Ordering::Acquire) == key)?;
    // SAFETY: `insert` stored the device before the key, and `remove` frees it only after the
    // program has begun to destroy it, which by the caller's promise has not happened.
    Some(unsafe { &*slot.device.load(Ordering::Relaxed) })
}

/// Makes the slot of a device free, and returns the device.
///
/// # Safety
///
/// `handle` is a live device that nothing uses any more.
pub(crate) unsafe fn remove(handle: vk::Device) -> Option<Box<Device>> {
    // SAFETY: as the caller promises.
    let key = unsafe { dispatch_key(handle) };
    let _changes = CHANGES.lock();
    let slot = SLOTS
        .iter()
        .find(|slot| slot.key.load(Ordering::Relaxed) == key)?;
    slot.key.store(0, Ordering::Relaxed);
    // SAFETY: from `Box::into_raw` in `insert`; the slot is free now, so that it is given out once.
    Some(unsafe { Box::from_raw(slot.device.load(Ordering::Relaxed)) })
}
