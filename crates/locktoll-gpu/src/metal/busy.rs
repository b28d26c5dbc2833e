//! How long the device was busy, and the lanes from which that comes.

use std::sync::Arc;

use objc2_metal::{MTLCommandBuffer as _, MTLCommandBufferStatus};
use parking_lot::Mutex;

use super::held::{Commands, Held};
use crate::busy::{DeviceInterval, Union};

/// When the command buffer occupied the device, which has completed it.
pub(super) fn interval(commands: &Commands) -> Option<DeviceInterval> {
    DeviceInterval::of_seconds(commands.GPUStartTime(), commands.GPUEndTime())
}

/// What of one lane was not yet added to the union.
#[derive(Default)]
pub(super) struct LaneTimes(Mutex<Fresh>);

#[derive(Default)]
struct Fresh {
    intervals: Vec<DeviceInterval>,
    /// Command buffers that were dropped by all others before they were waited for.
    abandoned: Vec<Held<Commands>>,
}

impl LaneTimes {
    pub(super) fn add(&self, interval: DeviceInterval) {
        self.0.lock().intervals.push(interval);
    }

    pub(super) fn abandon(&self, commands: Held<Commands>) {
        let mut fresh = self.0.lock();
        fresh.collect();
        fresh.abandoned.push(commands);
    }
}

impl Fresh {
    /// Asks those that have ended by now when they ran. They end in the order of their commits, or
    /// nearly, so it is seldom that more than a few are asked.
    fn collect(&mut self) {
        let is_over = |commands: &mut Held<Commands>| {
            let status = commands.status();
            status == MTLCommandBufferStatus::Completed || status == MTLCommandBufferStatus::Error
        };
        for commands in self.abandoned.extract_if(.., is_over) {
            self.intervals.extend(interval(&commands));
        }
    }
}

/// The device's busy time so far, and the lanes from which more of it comes.
#[derive(Default)]
pub(super) struct BusyTime(Mutex<State>);

#[derive(Default)]
struct State {
    union: Union,
    lanes: Vec<Arc<LaneTimes>>,
}

impl BusyTime {
    /// A new lane's times.
    pub(super) fn lane(&self) -> Arc<LaneTimes> {
        let times = Arc::<LaneTimes>::default();
        self.0.lock().lanes.push(Arc::clone(&times));
        times
    }

    pub(super) fn nanoseconds(&self) -> u64 {
        let State { union, lanes } = &mut *self.0.lock();
        lanes.retain(|lane| {
            // First, so that a lane that goes meanwhile is kept until the next time.
            let in_use = Arc::strong_count(lane) > 1;
            let mut fresh = lane.0.lock();
            fresh.collect();
            union.add(std::mem::take(&mut fresh.intervals));
            in_use || !fresh.abandoned.is_empty()
        });
        union.length_ns()
    }
}
