//! What all objects of one device share: its queues, its pipelines, its busy time.

use std::ptr::NonNull;
use std::sync::Arc;

use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::ProtocolObject;
use objc2_foundation::NSString;
use objc2_metal::{
    MTLBuffer, MTLCommandQueue, MTLComputePipelineState, MTLCreateSystemDefaultDevice, MTLDevice,
    MTLLibrary as _, MTLResourceOptions,
};
use parking_lot::Mutex;

use super::busy::{BusyTime, LaneTimes};
use super::held::{Held, address};
use super::settings::MetalSettings;
use crate::calibration::Calibrations;
use crate::program::Program;
use crate::shaders::{Msl, Shader};
use crate::{Error, Kernel, Perturbation};

/// Command buffers of a queue that may be unfinished at once. Metal's own default of 64 would make
/// `commandBuffer` wait for others to commit, and with it whoever holds a lock there.
const IN_FLIGHT: usize = 4096;
/// Bytes of an element.
const ELEMENT: usize = size_of::<f32>();

// Without this library in the process, Metal has no default device on macOS.
#[link(name = "CoreGraphics", kind = "framework")]
unsafe extern "C" {}

/// The system's default device.
pub(super) fn system_default() -> Result<Retained<ProtocolObject<dyn MTLDevice>>, Error> {
    MTLCreateSystemDefaultDevice().ok_or(Error::NoMetalDevice)
}

/// See the module.
///
/// # Invariant
///
/// An object in `kept` stays there until this is dropped.
pub(super) struct Core {
    pub(super) device: Retained<ProtocolObject<dyn MTLDevice>>,
    queues: Box<[Retained<ProtocolObject<dyn MTLCommandQueue>>]>,
    /// Held round the added time of submissions, where there is one: the model is a queue that takes one
    /// thread at a time.
    pub(super) submitting: Mutex<()>,
    kept: Mutex<Vec<Arc<PipelineObject>>>,
    pub(super) calibrations: Calibrations,
    pub(super) busy: BusyTime,
    pub(super) perturbation: Perturbation,
}

/// The driver's pipeline, and what a dispatch of its kernel needs to know.
pub(super) struct PipelineObject {
    pub(super) program: Program,
    pub(super) state: Retained<ProtocolObject<dyn MTLComputePipelineState>>,
    /// GPU threads of a threadgroup.
    pub(super) width: usize,
    /// Bytes of threadgroup memory, by index.
    pub(super) shared: Box<[usize]>,
}

/// A lane to one of the queues.
pub(super) struct Lane {
    pub(super) core: Arc<Core>,
    queue: usize,
    /// What timed kernels pretend to write to: of this lane alone, since Metal would put those of all
    /// lanes one after another for it.
    pub(super) sink: Buffer,
    /// Where command buffers are asked when they ran.
    pub(super) times: Option<Arc<LaneTimes>>,
}

/// Numbers in memory that device and host share.
///
/// # Invariant
///
/// `object` has at least `len` elements.
pub(super) struct Buffer {
    pub(super) object: Held<ProtocolObject<dyn MTLBuffer>>,
    pub(super) len: usize,
}

impl Core {
    pub(super) fn new(settings: &MetalSettings, perturbation: Perturbation) -> Result<Self, Error> {
        let device = system_default()?;
        let queue = |_| {
            device
                .newCommandQueueWithMaxCommandBufferCount(IN_FLIGHT)
                .ok_or_else(|| nothing("newCommandQueueWithMaxCommandBufferCount:"))
        };
        let queues = (0..settings.queues.get())
            .map(queue)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            queues,
            submitting: Mutex::default(),
            kept: Mutex::default(),
            calibrations: Calibrations::new(settings.timed.clone()),
            busy: BusyTime::default(),
            perturbation,
            device,
        })
    }

    /// A copy of numbers.
    pub(super) fn buffer(&self, contents: &[f32]) -> Result<Buffer, Error> {
        autoreleasepool(|_| Buffer::new(&self.device, contents))
    }

    /// The kernel's pipeline, if it has been made ready before.
    pub(super) fn find(&self, kernel: Kernel) -> Option<Arc<PipelineObject>> {
        let kept = self.kept.lock();
        let mut ready = kept.iter().filter(|object| object.program.is_ready());
        ready
            .find(|object| object.program.kernel == kernel)
            .cloned()
    }

    /// A new object for the kernel, on the driver's pipeline of an earlier one of the same shader if
    /// there is one. The caller makes it ready.
    pub(super) fn make(&self, kernel: Kernel) -> Result<Arc<PipelineObject>, Error> {
        // Kept through the compilation, so that each shader is compiled once.
        let mut kept = self.kept.lock();
        let shader = Shader::of(kernel);
        let earlier = kept
            .iter()
            .find(|object| Shader::of(object.program.kernel).name == shader.name);
        let program = Program::new(kernel);
        let object = match earlier {
            Some(object) => PipelineObject {
                program,
                state: object.state.clone(),
                width: object.width,
                shared: object.shared.clone(),
            },
            None => self.compile(shader, program)?,
        };
        let object = Arc::new(object);
        kept.push(Arc::clone(&object));
        Ok(object)
    }

    fn compile(&self, shader: &Shader, program: Program) -> Result<PipelineObject, Error> {
        let Msl {
            source,
            function,
            width,
            shared,
        } = shader.msl()?;
        let state = autoreleasepool(|_| {
            let refused = |call| {
                move |error: Retained<objc2_foundation::NSError>| Error::Metal {
                    call,
                    message: error.localizedDescription().to_string(),
                }
            };
            let library = self
                .device
                .newLibraryWithSource_options_error(&NSString::from_str(&source), None)
                .map_err(refused("newLibraryWithSource:options:error:"))?;
            let function = library
                .newFunctionWithName(&NSString::from_str(&function))
                .ok_or_else(|| nothing("newFunctionWithName:"))?;
            self.device
                .newComputePipelineStateWithFunction_error(&function)
                .map_err(refused("newComputePipelineStateWithFunction:error:"))
        })?;
        let (width, most) = (width as usize, state.maxTotalThreadsPerThreadgroup());
        if width > most {
            return Err(Error::Metal {
                call: "newComputePipelineStateWithFunction:error:",
                message: format!(
                    "a threadgroup of {most} threads; {} has {width}",
                    shader.name
                ),
            });
        }
        Ok(PipelineObject {
            program,
            state,
            width,
            shared: shared.into_iter().map(|bytes| bytes as usize).collect(),
        })
    }
}

impl Lane {
    pub(super) fn new(core: &Arc<Core>, index: usize, timestamps: bool) -> Result<Self, Error> {
        Ok(Self {
            core: Arc::clone(core),
            queue: index % core.queues.len(),
            sink: core.buffer(&[0.0])?,
            times: timestamps.then(|| core.busy.lane()),
        })
    }

    pub(super) fn queue(&self) -> &ProtocolObject<dyn MTLCommandQueue> {
        &self.core.queues[self.queue]
    }

    pub(super) fn queue_address(&self) -> usize {
        address(self.queue())
    }
}

impl Buffer {
    /// A copy of numbers, in room for one if there are none: no `MTLBuffer` is empty.
    fn new(device: &ProtocolObject<dyn MTLDevice>, contents: &[f32]) -> Result<Self, Error> {
        // Shaders count elements in 32 bits.
        let most = (device.maxBufferLength() / ELEMENT).min(u32::MAX as usize);
        let len = contents.len();
        if len > most {
            return Err(Error::BufferTooLong { len, most });
        }
        let object = device
            .newBufferWithLength_options(
                len.max(1) * ELEMENT,
                MTLResourceOptions::StorageModeShared,
            )
            .ok_or_else(|| nothing("newBufferWithLength:options:"))?;
        let buffer = Self {
            object: Held::new(object),
            len,
        };
        // SAFETY: by the invariant there is room; nobody else knows the buffer yet.
        unsafe {
            std::ptr::copy_nonoverlapping(contents.as_ptr(), buffer.elements().as_ptr(), len);
        }
        Ok(buffer)
    }

    /// The memory of a shared buffer, which is mapped as long as the buffer lives.
    fn elements(&self) -> NonNull<f32> {
        self.object.contents().cast()
    }

    pub(super) fn read(&self) -> Vec<f32> {
        let elements = self.elements();
        // SAFETY: by the invariant all of them are there, and the driver aligns buffers for any type. The
        // device may write meanwhile, so each is read as it is now.
        let element = |index| unsafe { elements.add(index).read_volatile() };
        (0..self.len).map(element).collect()
    }
}

/// A message that returned no object.
pub(super) fn nothing(call: &'static str) -> Error {
    Error::Objc { call }
}
