//! The driver's own code: what each method does when nothing is put before it.
//!
//! Every method first spends its encoding time inside the fault model's scope, and then takes
//! effect under the command buffer's lock.

use std::sync::Arc;

use super::arguments::Slot;
use super::buffer::SoftBuffer;
use super::detector::Call;
use super::objects::{SoftCommandBuffer, SoftEncoder, SoftPipeline, SoftQueue};
use crate::Error;

#[expect(
    clippy::unnecessary_wraps,
    reason = "one signature for all methods of the table"
)]
pub(crate) fn command_buffer(queue: &SoftQueue) -> Result<SoftCommandBuffer, Error> {
    let _call = queue.begin(Call::CommandBuffer);
    Ok(SoftCommandBuffer(Arc::new(queue.new_context())))
}

pub(crate) fn encoder(commands: &SoftCommandBuffer) -> Result<SoftEncoder, Error> {
    let context = &commands.0;
    let _call = context.begin(Call::Encoder);
    let serial = context.recording.lock().open_encoder()?;
    Ok(SoftEncoder {
        context: Arc::clone(context),
        serial,
    })
}

pub(crate) fn set_pipeline(encoder: &SoftEncoder, pipeline: &SoftPipeline) -> Result<(), Error> {
    let _call = encoder.context.begin(Call::SetPipeline);
    encoder
        .context
        .recording
        .lock()
        .set_pipeline(encoder.serial, pipeline.0)
}

pub(crate) fn set_buffer(
    encoder: &SoftEncoder,
    index: usize,
    buffer: &SoftBuffer,
) -> Result<(), Error> {
    let _call = encoder.context.begin(Call::SetBuffer);
    let argument = Slot::Buffer(buffer.clone());
    let mut recording = encoder.context.recording.lock();
    recording.set_slot(encoder.serial, Call::SetBuffer, index, argument)
}

pub(crate) fn set_value(encoder: &SoftEncoder, index: usize, value: f32) -> Result<(), Error> {
    let _call = encoder.context.begin(Call::SetValue);
    let mut recording = encoder.context.recording.lock();
    recording.set_slot(encoder.serial, Call::SetValue, index, Slot::Value(value))
}

pub(crate) fn dispatch(encoder: &SoftEncoder, threads: usize) -> Result<(), Error> {
    let _call = encoder.context.begin(Call::Dispatch);
    encoder
        .context
        .recording
        .lock()
        .dispatch(encoder.serial, threads)
}

pub(crate) fn end_encoding(encoder: &SoftEncoder) -> Result<(), Error> {
    let _call = encoder.context.begin(Call::EndEncoding);
    encoder.context.hold();
    encoder
        .context
        .recording
        .lock()
        .end_encoding(encoder.serial)
}

pub(crate) fn commit(commands: &SoftCommandBuffer) -> Result<(), Error> {
    let context = &commands.0;
    let _call = context.begin(Call::Commit);
    context.recording.lock().commit(|timed_ns, work| {
        context
            .engine()
            .submit(context, timed_ns.max(context.service_ns()), work)
    })
}
