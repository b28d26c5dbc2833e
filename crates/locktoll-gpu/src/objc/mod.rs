//! A device that is reached through Objective-C, as Metal is: the stand-in driver of
//! `locktoll-objc-driver`.
//!
//! Every call is a message, so whatever is put into the driver's method tables is under it. The
//! driver's threads, locks and lifetimes are real; its times are settings, as those of the soft device.
//! It answers a wrong order of calls, or an overlap under a fault model, by ending the process; the
//! former is refused here with an [`Error`] before it gets there.

mod kernels;
mod object;
mod recording;

use std::sync::Arc;

use locktoll_guard::Address;
use locktoll_objc_driver as driver;
use locktoll_objc_driver::Pool;
use objc2::msg_send;
use objc2::runtime::AnyObject;
use parking_lot::Mutex;

use self::object::Object;
use self::recording::Recording;
use crate::lifecycle::EncoderSerial;
use crate::{
    Device, DeviceInfo, DeviceKind, Error, FaultModel, Kernel, Located, Perturbation, Scope,
    SoftSettings,
};

/// The stand-in driver's device, with the timing model of [`SoftSettings`].
///
/// Where that model says `encode`, each message from here is one call; what the driver calls of its
/// own methods meanwhile costs nothing more. Kernels that compute are run by one thread per engine,
/// one of the device at a time.
///
/// The driver is loaded once, so its times per call, its fault model and its added times are those of
/// the device that was made last. A release of an encoder is outside the fault model's scopes, as on
/// the soft device.
#[derive(Debug)]
pub struct ObjcDevice(Arc<Core>);

/// A lane of an [`ObjcDevice`] to one of its command queues.
#[derive(Debug)]
pub struct ObjcQueue(Arc<Lane>);

/// A command buffer of an [`ObjcDevice`].
#[derive(Debug)]
pub struct ObjcCommandBuffer(Arc<Recording>);

/// An encoder of an [`ObjcDevice`].
#[derive(Debug)]
pub struct ObjcEncoder {
    recording: Arc<Recording>,
    serial: EncoderSerial,
    object: Object,
}

/// A buffer of an [`ObjcDevice`].
#[derive(Debug)]
pub struct ObjcBuffer {
    core: Arc<Core>,
    object: Object,
    len: usize,
}

/// A kernel of an [`ObjcDevice`].
#[derive(Debug)]
pub struct ObjcPipeline(Arc<PipelineObject>);

/// What all objects of one device share.
#[derive(Debug)]
struct Core {
    device: Object,
    queues: Box<[Object]>,
    settings: SoftSettings,
    fault: Option<FaultModel>,
    /// One for each kernel that was ever asked for; it only grows.
    pipelines: Mutex<Vec<Arc<PipelineObject>>>,
}

#[derive(Debug)]
struct PipelineObject {
    kernel: Kernel,
    state: Object,
    /// Its device's address, which lives as long as the device.
    device: usize,
}

#[derive(Debug)]
struct Lane {
    core: Arc<Core>,
    queue: usize,
}

impl ObjcDevice {
    /// A device with these settings; with `fault`, one whose driver is not thread-safe.
    ///
    /// # Errors
    /// [`Error::Objc`].
    pub fn new(settings: SoftSettings, fault: Option<FaultModel>) -> Result<Self, Error> {
        Self::perturbed(settings, fault, &Perturbation::default())
    }

    /// The same, with known times added to its work.
    ///
    /// # Errors
    /// [`Error::Objc`].
    pub fn perturbed(
        settings: SoftSettings,
        fault: Option<FaultModel>,
        perturbation: &Perturbation,
    ) -> Result<Self, Error> {
        /// Two devices that are made at once must not get each other's settings.
        static MAKING: Mutex<()> = Mutex::new(());
        let _making = MAKING.lock();
        let ns = |time: std::time::Duration| time.as_nanos().try_into().unwrap_or(u64::MAX);
        driver::configure(&driver::Settings {
            service_ns: ns(settings.service),
            hold_ns: ns(settings.hold),
            engines: settings.engines.get().into(),
        });
        driver::race_window_ns(ns(settings.encode));
        driver::fault(match fault {
            None => driver::Scope::Off,
            Some(FaultModel::Agx(Scope::Encoder)) => driver::Scope::Encoder,
            Some(FaultModel::Agx(Scope::Queue)) => driver::Scope::Context,
            Some(FaultModel::Agx(Scope::Process)) => driver::Scope::Process,
        });
        driver::fault_covers_destroy(false);
        let [encoding_ns, submission_ns, execution_ns] = perturbation.times_ns();
        driver::add(&driver::Added {
            encoding_ns,
            submission_ns,
            execution_ns,
        });
        perturbation.is_spent_by(driver::added_spent_ns);

        let device = driver::MTLCreateSystemDefaultDevice().cast::<AnyObject>();
        // SAFETY: a new device, of which we get one reference.
        let device = unsafe { Object::owned(device, "MTLCreateSystemDefaultDevice")? };
        let queues = (0..settings.queues.get()).map(|_| {
            // SAFETY: a live device; the queue is new.
            unsafe {
                let queue: *mut AnyObject = msg_send![device.as_ptr(), newCommandQueue];
                Object::owned(queue, "newCommandQueue")
            }
        });
        let queues = queues.collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Core {
            device,
            queues,
            settings,
            fault,
            pipelines: Mutex::default(),
        })))
    }
}

impl Core {
    fn is_device(&self, device: usize) -> bool {
        self.device.address() == device
    }

    /// The kernel's pipeline, which is kept as long as the device.
    fn pipeline(&self, kernel: Kernel) -> Result<Arc<PipelineObject>, Error> {
        let mut pipelines = self.pipelines.lock();
        if let Some(made) = pipelines.iter().find(|made| made.kernel == kernel) {
            return Ok(Arc::clone(made));
        }
        let (function, constants, duration_ns) = kernels::of(kernel);
        // SAFETY: a live device; dispatches are checked for what the kernels read and write.
        let state = unsafe {
            let device = self.device.as_void();
            let state = driver::new_pipeline(device, function, constants, duration_ns);
            Object::owned(state.cast(), "newComputePipelineState")?
        };
        let pipeline = Arc::new(PipelineObject {
            kernel,
            state,
            device: self.device.address(),
        });
        pipelines.push(Arc::clone(&pipeline));
        Ok(pipeline)
    }
}

impl Lane {
    fn queue(&self) -> &Object {
        &self.core.queues[self.queue]
    }
}

impl Device for ObjcDevice {
    type Queue = ObjcQueue;
    type CommandBuffer = ObjcCommandBuffer;
    type Encoder = ObjcEncoder;
    type Buffer = ObjcBuffer;
    type Pipeline = ObjcPipeline;

    fn info(&self) -> DeviceInfo {
        let mut model_notes = vec![
            "The objc device is a stand-in for a Metal driver, reached through Objective-C: messages, \
             locks and threads are real, its times are settings."
                .to_owned(),
        ];
        if let Some(model) = self.0.fault {
            model_notes.push(format!(
                "Its driver is the fault model {model}: a model of a driver that is not \
                 thread-safe, which ends the process when two calls overlap."
            ));
        }
        DeviceInfo {
            name: "objc".to_owned(),
            driver: format!("locktoll-objc-driver {}", env!("CARGO_PKG_VERSION")),
            kind: DeviceKind::Model,
            settings: self.0.settings.to_string(),
            requires: self.0.fault.map(|FaultModel::Agx(scope)| scope),
            model_notes,
        }
    }

    fn queue(&self, index: usize) -> Result<ObjcQueue, Error> {
        Ok(ObjcQueue(Arc::new(Lane {
            core: Arc::clone(&self.0),
            queue: index % self.0.queues.len(),
        })))
    }

    fn pipeline(&self, kernel: Kernel) -> Result<ObjcPipeline, Error> {
        self.0.pipeline(kernel).map(ObjcPipeline)
    }

    fn buffer(&self, contents: &[f32]) -> Result<ObjcBuffer, Error> {
        let (len, most) = (contents.len(), u32::MAX as usize);
        if len > most {
            return Err(Error::BufferTooLong { len, most });
        }
        Ok(ObjcBuffer {
            core: Arc::clone(&self.0),
            object: object::new_buffer(&self.0.device, contents)?,
            len,
        })
    }

    fn read(&self, buffer: &ObjcBuffer) -> Vec<f32> {
        let mut contents = vec![0.0; buffer.len];
        // SAFETY: a live buffer of this length.
        unsafe { driver::read(buffer.object.as_void(), &mut contents) };
        contents
    }

    fn op<R>(&self, body: impl FnOnce() -> R) -> R {
        let _pool = Pool::new();
        body()
    }

    unsafe fn command_buffer(&self, queue: &ObjcQueue) -> Result<ObjcCommandBuffer, Error> {
        // SAFETY: the caller's promise.
        let recording = unsafe { Recording::begin(&queue.0)? };
        Ok(ObjcCommandBuffer(Arc::new(recording)))
    }

    unsafe fn encoder(&self, commands: &ObjcCommandBuffer) -> Result<ObjcEncoder, Error> {
        let recording = &commands.0;
        // SAFETY: the caller's promise.
        let (serial, object) = unsafe { recording.open_encoder()? };
        Ok(ObjcEncoder {
            recording: Arc::clone(recording),
            serial,
            object,
        })
    }

    unsafe fn set_pipeline(
        &self,
        encoder: &ObjcEncoder,
        pipeline: &ObjcPipeline,
    ) -> Result<(), Error> {
        let ObjcEncoder {
            recording,
            serial,
            object,
        } = encoder;
        // SAFETY: the caller's promise.
        unsafe { recording.set_pipeline(*serial, object, &pipeline.0) }
    }

    unsafe fn set_buffer(
        &self,
        encoder: &ObjcEncoder,
        index: usize,
        buffer: &ObjcBuffer,
    ) -> Result<(), Error> {
        let ObjcEncoder {
            recording,
            serial,
            object,
        } = encoder;
        // SAFETY: the caller's promise.
        unsafe { recording.set_buffer(*serial, object, index, buffer) }
    }

    unsafe fn set_value(
        &self,
        encoder: &ObjcEncoder,
        index: usize,
        value: f32,
    ) -> Result<(), Error> {
        let ObjcEncoder {
            recording,
            serial,
            object,
        } = encoder;
        // SAFETY: the caller's promise.
        unsafe { recording.set_value(*serial, object, index, value) }
    }

    unsafe fn dispatch(&self, encoder: &ObjcEncoder, threads: usize) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe {
            encoder
                .recording
                .dispatch(encoder.serial, &encoder.object, threads)
        }
    }

    unsafe fn end_encoding(&self, encoder: &ObjcEncoder) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe {
            encoder
                .recording
                .end_encoding(encoder.serial, &encoder.object)
        }
    }

    unsafe fn commit(&self, commands: &ObjcCommandBuffer) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { commands.0.commit() }
    }

    fn wait(&self, commands: &ObjcCommandBuffer) -> Result<(), Error> {
        commands.0.wait()
    }

    fn busy_ns(&self) -> Vec<u64> {
        let device = self.0.device.as_void();
        (0..self.0.settings.engines.get())
            .map(|engine| {
                // SAFETY: a live device.
                unsafe { driver::busy_ns(device, engine.into()) }
            })
            .collect()
    }
}

impl Located for ObjcQueue {
    fn address(&self) -> Address {
        let queue = self.0.queue().address();
        Address {
            queue,
            encoder: queue,
        }
    }
}

impl Located for Recording {
    fn address(&self) -> Address {
        Address {
            queue: self.lane().queue().address(),
            encoder: self.commands_address(),
        }
    }
}

impl Located for ObjcCommandBuffer {
    fn address(&self) -> Address {
        Located::address(&*self.0)
    }
}

impl Located for ObjcEncoder {
    fn address(&self) -> Address {
        Located::address(&*self.recording)
    }
}
