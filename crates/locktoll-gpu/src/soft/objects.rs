//! The soft device's objects and who keeps whom alive.
//!
//! Device, lanes and command buffers all keep the [`Core`]. A command buffer refers to its lane,
//! which each thread has for itself, rather than to the core, so that the making of command
//! buffers on many threads does not meet on one reference count.

use std::sync::{Arc, OnceLock};

use locktoll_guard::Address;
use parking_lot::Mutex;

use super::detector::{Call, Detector};
use super::engine::Engine;
use super::methods::{MethodTable, Methods};
use super::recording::{EncoderSerial, Recording};
use super::settings::SoftSettings;
use super::timeline::EngineInterval;
use crate::pause;
use crate::{FaultModel, Kernel, Located, Perturbation, Scope};

/// What all objects of one device share.
// Aligned so that none of it shares a cache line with the reference count before it.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Core {
    pub(crate) methods: MethodTable,
    pub(crate) settings: SoftSettings,
    pub(crate) fault: Option<FaultModel>,
    service_ns: u64,
    encode_ns: u64,
    hold_ns: u64,
    pub(crate) perturbation: Perturbation,
    pub(crate) queues: Box<[HardwareQueue]>,
    pub(crate) engines: Box<[Engine]>,
    detector: Detector,
}

/// Its address is the queue's identity, its contents the fault model's view of it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct HardwareQueue(Detector);

impl Core {
    pub(crate) fn new(
        settings: SoftSettings,
        fault: Option<FaultModel>,
        perturbation: Perturbation,
    ) -> Self {
        let ns = |time: std::time::Duration| time.as_nanos().try_into().unwrap_or(u64::MAX);
        Self {
            methods: MethodTable::default(),
            settings,
            fault,
            service_ns: ns(settings.service),
            encode_ns: ns(settings.encode),
            hold_ns: ns(settings.hold),
            perturbation,
            queues: (0..settings.queues.get())
                .map(|_| HardwareQueue::default())
                .collect(),
            engines: (0..settings.engines.get())
                .map(|_| Engine::default())
                .collect(),
            detector: Detector::default(),
        }
    }
}

/// A lane of a [`SoftDevice`](crate::SoftDevice) to one of its hardware queues.
#[derive(Debug)]
pub struct SoftQueue(Arc<Lane>);

#[derive(Debug)]
struct Lane {
    core: Arc<Core>,
    queue: usize,
}

/// A command buffer of a [`SoftDevice`](crate::SoftDevice).
#[derive(Debug)]
pub struct SoftCommandBuffer(pub(crate) Arc<Context>);

/// An encoder of a [`SoftDevice`](crate::SoftDevice).
#[derive(Debug)]
pub struct SoftEncoder {
    pub(crate) context: Arc<Context>,
    pub(crate) serial: EncoderSerial,
}

/// A kernel of a [`SoftDevice`](crate::SoftDevice).
#[derive(Debug)]
pub struct SoftPipeline(pub(crate) Kernel);

/// A command buffer with its encoders: what one lock must cover.
#[derive(Debug)]
pub(crate) struct Context {
    lane: Arc<Lane>,
    pub(crate) recording: Mutex<Recording>,
    /// Known once the command buffer is placed on its engine's timeline.
    interval: OnceLock<EngineInterval>,
    detector: Detector,
}

impl SoftQueue {
    pub(crate) fn new(core: Arc<Core>, lane: usize) -> Self {
        let queue = lane % core.queues.len();
        Self(Arc::new(Lane { core, queue }))
    }

    pub(crate) fn methods(&self) -> &Methods {
        self.0.core.methods.current()
    }

    pub(crate) fn begin(&self, call: Call) -> DriverCall<'_> {
        self.0.begin(call, None)
    }

    pub(crate) fn new_context(&self) -> Context {
        Context {
            lane: Arc::clone(&self.0),
            recording: Mutex::default(),
            interval: OnceLock::new(),
            detector: Detector::default(),
        }
    }
}

impl Lane {
    fn queue(&self) -> &HardwareQueue {
        &self.core.queues[self.queue]
    }

    fn queue_address(&self) -> usize {
        std::ptr::from_ref(self.queue()).addr()
    }

    /// Enters the driver for one call, and spends the call's encoding time there.
    fn begin<'a>(&'a self, call: Call, context: Option<&'a Detector>) -> DriverCall<'a> {
        let scope = self.core.fault.and_then(|model| {
            let FaultModel::Agx(scope) = model;
            let detector = match scope {
                Scope::Encoder => context?,
                Scope::Queue => &self.queue().0,
                Scope::Process => &self.core.detector,
            };
            detector
                .enter(call)
                .unwrap_or_else(|overlap| overlap.end_process(model));
            Some(detector)
        });
        pause::spin(self.core.encode_ns);
        DriverCall(scope)
    }
}

/// A driver call in progress; in its fault model's scope until dropped.
pub(crate) struct DriverCall<'a>(Option<&'a Detector>);

impl Drop for DriverCall<'_> {
    fn drop(&mut self) {
        if let Some(detector) = self.0 {
            detector.leave();
        }
    }
}

impl Context {
    pub(crate) fn methods(&self) -> &Methods {
        self.lane.core.methods.current()
    }

    pub(crate) fn begin(&self, call: Call) -> DriverCall<'_> {
        self.lane.begin(call, Some(&self.detector))
    }

    /// Spends the driver's own time of an `end_encoding`.
    pub(crate) fn hold(&self) {
        pause::hold(self.lane.core.hold_ns);
        self.lane.core.perturbation.encode();
    }

    pub(crate) fn engine(&self) -> &Engine {
        let engines = &self.lane.core.engines;
        &engines[self.lane.queue % engines.len()]
    }

    pub(crate) fn service_ns(&self) -> u64 {
        self.lane.core.service_ns
    }

    pub(crate) fn perturbation(&self) -> &Perturbation {
        &self.lane.core.perturbation
    }

    /// Records where the command buffer lies on its engine's timeline, and wakes its waiters.
    pub(crate) fn place(&self, interval: EngineInterval) {
        // An engine places a command buffer once, so this cannot find an earlier interval.
        self.interval.get_or_init(|| interval);
    }

    pub(crate) fn wait(&self) {
        pause::sleep_until(self.interval.wait().end_ns);
    }
}

impl SoftCommandBuffer {
    /// When the command buffer occupies its engine; `None` until that is known: before the commit,
    /// and while this or an earlier command buffer of the engine computes.
    pub fn engine_interval(&self) -> Option<EngineInterval> {
        self.0.interval.get().copied()
    }
}

impl Located for SoftQueue {
    fn address(&self) -> Address {
        let queue = self.0.queue_address();
        Address {
            queue,
            encoder: queue,
        }
    }
}

impl Located for Context {
    fn address(&self) -> Address {
        let queue = self.lane.queue_address();
        Address {
            queue,
            encoder: std::ptr::from_ref(self).addr(),
        }
    }
}

impl Located for SoftCommandBuffer {
    fn address(&self) -> Address {
        self.0.address()
    }
}

impl Located for SoftEncoder {
    fn address(&self) -> Address {
        self.context.address()
    }
}

impl Drop for Context {
    /// Nobody can reach the context any more; the table in force learns that its address is free.
    fn drop(&mut self) {
        let methods = self.methods();
        (methods.release)(methods, self.address());
    }
}
