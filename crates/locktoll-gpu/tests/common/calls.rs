//! A device's `unsafe` calls as safe ones, and whole ops made of them.

use locktoll_gpu::{Device, Error, Kernel};

/// The encoding calls.
///
/// SAFETY, for all of them: the soft device has no undefined behaviour, whatever overlaps; and the
/// tests of a device that has keep the calls on one lane apart.
pub(crate) trait Calls: Device {
    fn new_commands(&self, queue: &Self::Queue) -> Result<Self::CommandBuffer, Error> {
        // SAFETY: see the trait.
        unsafe { self.command_buffer(queue) }
    }
    fn open(&self, commands: &Self::CommandBuffer) -> Result<Self::Encoder, Error> {
        // SAFETY: see the trait.
        unsafe { self.encoder(commands) }
    }
    fn pipe(&self, encoder: &Self::Encoder, pipeline: &Self::Pipeline) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.set_pipeline(encoder, pipeline) }
    }
    fn bind(&self, at: &Self::Encoder, index: usize, buffer: &Self::Buffer) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.set_buffer(at, index, buffer) }
    }
    fn value(&self, encoder: &Self::Encoder, index: usize, value: f32) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.set_value(encoder, index, value) }
    }
    fn go(&self, encoder: &Self::Encoder, threads: usize) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.dispatch(encoder, threads) }
    }
    fn end(&self, encoder: &Self::Encoder) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.end_encoding(encoder) }
    }
    fn submit(&self, commands: &Self::CommandBuffer) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.commit(commands) }
    }
}

impl<D: Device> Calls for D {}

/// Encodes `y += a · x` for the first `elements` of `x`.
pub(crate) fn encode_axpy<D: Device>(
    device: &D,
    encoder: &D::Encoder,
    a: f32,
    [x, y]: [&D::Buffer; 2],
    elements: usize,
) -> Result<(), Error> {
    device.pipe(encoder, &device.pipeline(Kernel::Axpy)?)?;
    device.bind(encoder, 0, x)?;
    device.bind(encoder, 1, y)?;
    device.value(encoder, 2, a)?;
    device.go(encoder, elements)
}

/// Commits `y += 1 · x` for the first `elements` of `x`, as one op.
pub(crate) fn axpy_op<D: Device>(
    device: &D,
    queue: &D::Queue,
    x: &D::Buffer,
    y: &D::Buffer,
    elements: usize,
) -> Result<D::CommandBuffer, Error> {
    let commands = device.new_commands(queue)?;
    let encoder = device.open(&commands)?;
    encode_axpy(device, &encoder, 1.0, [x, y], elements)?;
    device.end(&encoder)?;
    device.submit(&commands)?;
    Ok(commands)
}

/// Commits one timed dispatch for each of `durations_ns`, all as one op.
pub(crate) fn timed_op<D: Device>(
    device: &D,
    queue: &D::Queue,
    durations_ns: &[Option<u64>],
) -> Result<D::CommandBuffer, Error> {
    let commands = device.new_commands(queue)?;
    let encoder = device.open(&commands)?;
    for duration_ns in durations_ns {
        let pipeline = device.pipeline(Kernel::Timed {
            duration_ns: *duration_ns,
        })?;
        device.pipe(&encoder, &pipeline)?;
        device.go(&encoder, 1)?;
    }
    device.end(&encoder)?;
    device.submit(&commands)?;
    Ok(commands)
}
