//! The soft device from outside: what it computes, when it is busy, what it refuses, what is
//! slipped under its callers, and how its fault models end a process.

#![expect(clippy::float_cmp, reason = "all sums compared here are exact")]

mod faults;
mod interposition;
mod misuse;
mod overlap;
mod results;
mod timing;

use locktoll_gpu::{
    Device, Error, Kernel, SoftBuffer, SoftCommandBuffer, SoftDevice, SoftEncoder, SoftPipeline,
    SoftQueue,
};

fn device(settings: &str) -> SoftDevice {
    SoftDevice::new(settings.parse().unwrap(), None)
}

/// The device's `unsafe` calls as safe ones.
///
/// SAFETY, for all of them: the soft device has no undefined behaviour, whatever overlaps.
trait Calls: Device {
    fn new_commands(&self, queue: &Self::Queue) -> Result<Self::CommandBuffer, Error>;
    fn open(&self, commands: &Self::CommandBuffer) -> Result<Self::Encoder, Error>;
    fn pipe(&self, encoder: &Self::Encoder, pipeline: &Self::Pipeline) -> Result<(), Error>;
    fn bind(&self, at: &Self::Encoder, index: usize, buffer: &Self::Buffer) -> Result<(), Error>;
    fn value(&self, encoder: &Self::Encoder, index: usize, value: f32) -> Result<(), Error>;
    fn go(&self, encoder: &Self::Encoder, threads: usize) -> Result<(), Error>;
    fn end(&self, encoder: &Self::Encoder) -> Result<(), Error>;
    fn submit(&self, commands: &Self::CommandBuffer) -> Result<(), Error>;
}

impl Calls for SoftDevice {
    fn new_commands(&self, queue: &SoftQueue) -> Result<SoftCommandBuffer, Error> {
        // SAFETY: see the trait.
        unsafe { self.command_buffer(queue) }
    }
    fn open(&self, commands: &SoftCommandBuffer) -> Result<SoftEncoder, Error> {
        // SAFETY: see the trait.
        unsafe { self.encoder(commands) }
    }
    fn pipe(&self, encoder: &SoftEncoder, pipeline: &SoftPipeline) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.set_pipeline(encoder, pipeline) }
    }
    fn bind(&self, encoder: &SoftEncoder, index: usize, buffer: &SoftBuffer) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.set_buffer(encoder, index, buffer) }
    }
    fn value(&self, encoder: &SoftEncoder, index: usize, value: f32) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.set_value(encoder, index, value) }
    }
    fn go(&self, encoder: &SoftEncoder, threads: usize) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.dispatch(encoder, threads) }
    }
    fn end(&self, encoder: &SoftEncoder) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.end_encoding(encoder) }
    }
    fn submit(&self, commands: &SoftCommandBuffer) -> Result<(), Error> {
        // SAFETY: see the trait.
        unsafe { self.commit(commands) }
    }
}

/// Driver calls of [`axpy_op`].
const AXPY_CALLS: u64 = 9;

/// Commits `y += 1 · x` for all of `x`, as one op.
fn axpy_op(
    device: &SoftDevice,
    queue: &SoftQueue,
    x: &SoftBuffer,
    y: &SoftBuffer,
    elements: usize,
) -> Result<SoftCommandBuffer, Error> {
    let pipeline = device.pipeline(Kernel::Axpy)?;
    let commands = device.new_commands(queue)?;
    let encoder = device.open(&commands)?;
    device.pipe(&encoder, &pipeline)?;
    device.bind(&encoder, 0, x)?;
    device.bind(&encoder, 1, y)?;
    device.value(&encoder, 2, 1.0)?;
    device.go(&encoder, elements)?;
    device.end(&encoder)?;
    device.submit(&commands)?;
    Ok(commands)
}

/// Commits one timed dispatch for each of `durations_ns`, all as one op.
fn timed_op(
    device: &SoftDevice,
    queue: &SoftQueue,
    durations_ns: &[Option<u64>],
) -> Result<SoftCommandBuffer, Error> {
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
