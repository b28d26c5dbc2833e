//! What one op encodes: the calls that a workload makes on an encoder, and its results' check.

use locktoll_gpu::{Device, Error as DeviceError, Kernel, MLP, reference};

use crate::error::{Error, Result};
use crate::workload::{Allocation, KernelChoice, Workload};

/// Slot of axpy's factor.
const FACTOR: usize = 2;

/// Pipelines and buffers that every thread only reads.
pub(super) struct Program<D: Device> {
    steps: Vec<Step<D>>,
    /// What a probe dispatches after them.
    added: Option<Step<D>>,
    workload: Workload,
}

/// One dispatch.
struct Step<D: Device> {
    pipeline: D::Pipeline,
    /// Device threads of the dispatch.
    width: usize,
    inputs: Vec<D::Buffer>,
    /// The host's copy of the inputs, for the check.
    host: Vec<Vec<f32>>,
}

/// Buffers that one thread's ops write.
pub(super) struct Outputs<D: Device> {
    buffers: Vec<D::Buffer>,
    /// Ops encoded into these buffers.
    ops: u64,
}

impl<D: Device> Program<D> {
    /// `added` is dispatched at the end of each op, beyond the workload.
    pub(super) fn new(device: &D, workload: &Workload, added: Option<Kernel>) -> Result<Self> {
        let step = |kernel, width: u32, host: Vec<Vec<f32>>| -> Result<Step<D>> {
            let inputs = host
                .iter()
                .map(|data| device.buffer(data))
                .collect::<Result<_, DeviceError>>()?;
            Ok(Step {
                pipeline: device.pipeline(kernel)?,
                width: width as usize,
                inputs,
                host,
            })
        };
        let steps = match workload.kernel {
            KernelChoice::Axpy { elements } => {
                // Small whole numbers: sums stay exact in single precision for 2 million ops.
                let x = (0..elements).map(|i| (i % 7 + 1) as f32).collect();
                vec![step(Kernel::Axpy, elements, vec![x])?]
            }
            KernelChoice::Mlp => (1..)
                .zip(MLP)
                .map(|(seed, kernel)| match kernel {
                    Kernel::MlpLayer {
                        inputs, outputs, ..
                    } => {
                        let bias = numbers(outputs, seed + 16);
                        step(kernel, outputs, vec![numbers(inputs * outputs, seed), bias])
                    }
                    _ => step(kernel, 0, Vec::new()),
                })
                .collect::<Result<_>>()?,
            KernelChoice::Timed { service_ns } => {
                // An ablation may have left no dispatch.
                let share = service_ns.map(|ns| ns / u64::from(workload.dispatches.max(1)));
                vec![step(Kernel::Timed { duration_ns: share }, 1, Vec::new())?]
            }
        };
        Ok(Self {
            steps,
            added: added
                .map(|kernel| step(kernel, 1, Vec::new()))
                .transpose()?,
            workload: workload.clone(),
        })
    }

    /// Fresh output buffers: for axpy `y`, for the network its input and each layer's output.
    pub(super) fn outputs(&self, device: &D) -> Result<Outputs<D>> {
        let buffers = match self.workload.kernel {
            KernelChoice::Axpy { elements } => vec![device.buffer(&vec![0.0; elements as usize])?],
            KernelChoice::Mlp => {
                let mut buffers = vec![device.buffer(&network_input())?];
                for step in &self.steps {
                    buffers.push(device.buffer(&vec![0.0; step.width])?);
                }
                buffers
            }
            KernelChoice::Timed { .. } => Vec::new(),
        };
        Ok(Outputs { buffers, ops: 0 })
    }

    /// Gives the next op its own outputs where the workload allocates per op.
    pub(super) fn prepare(&self, device: &D, outputs: &mut Outputs<D>) -> Result<()> {
        if self.workload.allocation == Allocation::PerOp {
            *outputs = self.outputs(device)?;
        }
        outputs.ops += 1;
        Ok(())
    }

    /// Encodes one op.
    ///
    /// # Safety
    /// As for the encoding methods of [`Device`]: the caller's lock, or the device's own
    /// tolerance, keeps these calls from overlapping where its driver forbids it.
    pub(super) unsafe fn encode(
        &self,
        device: &D,
        encoder: &D::Encoder,
        outputs: &Outputs<D>,
    ) -> Result<(), DeviceError> {
        for _ in 0..self.repeats() {
            for (index, step) in self.steps.iter().enumerate() {
                // SAFETY: the caller upholds the contract of `Device` for this whole function.
                unsafe {
                    device.set_pipeline(encoder, &step.pipeline)?;
                    let written = self.bound(index, outputs);
                    for (slot, buffer) in step.inputs.iter().chain(written).enumerate() {
                        device.set_buffer(encoder, slot, buffer)?;
                    }
                    for _ in 0..self.launches() {
                        for _ in 0..self.workload.calls {
                            device.set_pipeline(encoder, &step.pipeline)?;
                        }
                        if matches!(self.workload.kernel, KernelChoice::Axpy { .. }) {
                            device.set_value(encoder, FACTOR, 1.0)?;
                        }
                        device.dispatch(encoder, step.width)?;
                    }
                }
            }
        }
        if let Some(step) = &self.added {
            // SAFETY: as above.
            unsafe {
                device.set_pipeline(encoder, &step.pipeline)?;
                device.dispatch(encoder, step.width)?;
            }
        }
        Ok(())
    }

    /// Times that the whole sequence of steps is encoded.
    fn repeats(&self) -> u32 {
        if self.steps.len() > 1 {
            self.workload.dispatches
        } else {
            1
        }
    }

    /// Dispatches in a row of one step.
    fn launches(&self) -> u32 {
        if self.steps.len() > 1 {
            1
        } else {
            self.workload.dispatches
        }
    }

    /// The thread's own buffers that a step binds after its inputs.
    fn bound<'a>(&self, step: usize, outputs: &'a Outputs<D>) -> &'a [D::Buffer] {
        match self.workload.kernel {
            KernelChoice::Mlp => &outputs.buffers[step..step + 2],
            _ => &outputs.buffers,
        }
    }

    /// Compares what the device computed for one thread with a naive reference.
    pub(super) fn check(&self, device: &D, outputs: &Outputs<D>) -> Result<()> {
        match self.workload.kernel {
            KernelChoice::Axpy { .. } => {
                let times = outputs.ops * u64::from(self.workload.dispatches);
                let seen = device.read(&outputs.buffers[0]);
                let x = &self.steps[0].host[0];
                for (index, (&seen, &x)) in seen.iter().zip(x).enumerate() {
                    let expected = (0..times).fold(0.0_f32, |y, _| y + x);
                    #[allow(clippy::float_cmp)] // the same additions in the same order
                    if seen != expected {
                        return Err(Error::WrongResult(format!(
                            "axpy element {index} is {seen} after {times} dispatches, not {expected}"
                        )));
                    }
                }
                Ok(())
            }
            KernelChoice::Mlp if outputs.ops == 0 => Ok(()),
            KernelChoice::Mlp => {
                // Layer by layer, each from the device's own input to it: the bound is a layer's.
                for (layer, step) in self.steps.iter().enumerate() {
                    let input = device.read(&outputs.buffers[layer]);
                    let seen = device.read(&outputs.buffers[layer + 1]);
                    let relu = layer + 1 < self.steps.len();
                    let expected = reference::mlp_layer(&step.host[0], &step.host[1], &input, relu);
                    for (index, (&seen, expected)) in seen.iter().zip(expected).enumerate() {
                        if !expected.accepts(seen) {
                            return Err(Error::WrongResult(format!(
                                "output {index} of network layer {layer} is {seen}, not {}",
                                expected.value
                            )));
                        }
                    }
                }
                Ok(())
            }
            KernelChoice::Timed { .. } => Ok(()),
        }
    }
}

/// The network's input.
fn network_input() -> Vec<f32> {
    let inputs = match MLP[0] {
        Kernel::MlpLayer { inputs, .. } => inputs,
        _ => 0,
    };
    numbers(inputs, 99)
}

/// Reproducible values in ±1/16 from a linear congruential generator (Numerical Recipes' 32-bit
/// constants): enough to make every sum different, and the same on every machine.
fn numbers(count: u32, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as f32 / (1 << 24) as f32 - 0.5) / 8.0
        })
        .collect()
}
