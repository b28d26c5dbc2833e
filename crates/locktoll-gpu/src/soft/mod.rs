//! The soft device: a driver and a GPU in this process, whose times are settings.
//!
//! Its reason is truth. An experiment on it has an answer that can be worked out by hand from
//! [`SoftSettings`], so the experiment itself can be tested; and it runs on any machine.

mod arguments;
mod buffer;
mod detector;
mod driver;
mod engine;
mod interpose;
mod methods;
mod objects;
mod recording;
mod settings;
mod timeline;

use std::sync::Arc;

pub use buffer::SoftBuffer;
pub use interpose::{Interposition, interpose};
use objects::Core;
pub use objects::{SoftCommandBuffer, SoftEncoder, SoftPipeline, SoftQueue};
pub use settings::SoftSettings;
pub use timeline::EngineInterval;

use crate::{Device, DeviceInfo, DeviceKind, Error, FaultModel, Kernel, Perturbation};

/// A device in this process, with the timing model of [`SoftSettings`].
///
/// Its encoding calls go through a method table that [`interpose`] replaces. A call on another soft
/// device's object is a call on that other device.
#[derive(Debug)]
pub struct SoftDevice(Arc<Core>);

impl SoftDevice {
    /// A device with these settings; with `fault`, one whose driver is not thread-safe.
    pub fn new(settings: SoftSettings, fault: Option<FaultModel>) -> Self {
        Self::perturbed(settings, fault, Perturbation::default())
    }

    /// The same, with known times added to its work.
    pub fn perturbed(
        settings: SoftSettings,
        fault: Option<FaultModel>,
        perturbation: Perturbation,
    ) -> Self {
        Self(Arc::new(Core::new(settings, fault, perturbation)))
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &SoftSettings {
        &self.0.settings
    }

    fn core(&self) -> Arc<Core> {
        Arc::clone(&self.0)
    }
}

impl Device for SoftDevice {
    type Queue = SoftQueue;
    type CommandBuffer = SoftCommandBuffer;
    type Encoder = SoftEncoder;
    type Buffer = SoftBuffer;
    type Pipeline = SoftPipeline;

    fn info(&self) -> DeviceInfo {
        let mut model_notes = vec![
            "The soft device is a timing model: its times are settings, not measurements of \
             a GPU."
                .to_owned(),
        ];
        if let Some(model) = self.0.fault {
            model_notes.push(format!(
                "Its driver is the fault model {model}: a model of a driver that is not \
                 thread-safe, which ends the process when two calls overlap."
            ));
        }
        DeviceInfo {
            name: "soft".to_owned(),
            driver: format!("locktoll-gpu {}", env!("CARGO_PKG_VERSION")),
            kind: DeviceKind::Model,
            settings: self.0.settings.to_string(),
            requires: self.0.fault.map(|FaultModel::Agx(scope)| scope),
            model_notes,
        }
    }

    fn queue(&self, index: usize) -> Result<SoftQueue, Error> {
        Ok(SoftQueue::new(self.core(), index))
    }

    fn pipeline(&self, kernel: Kernel) -> Result<SoftPipeline, Error> {
        Ok(SoftPipeline(kernel))
    }

    fn buffer(&self, contents: &[f32]) -> Result<SoftBuffer, Error> {
        Ok(SoftBuffer::new(contents))
    }

    fn read(&self, buffer: &SoftBuffer) -> Vec<f32> {
        buffer.snapshot().to_vec()
    }

    unsafe fn command_buffer(&self, queue: &SoftQueue) -> Result<SoftCommandBuffer, Error> {
        let methods = queue.methods();
        (methods.command_buffer)(methods, queue)
    }

    unsafe fn encoder(&self, commands: &SoftCommandBuffer) -> Result<SoftEncoder, Error> {
        let methods = commands.0.methods();
        (methods.encoder)(methods, commands)
    }

    unsafe fn set_pipeline(
        &self,
        encoder: &SoftEncoder,
        pipeline: &SoftPipeline,
    ) -> Result<(), Error> {
        let methods = encoder.context.methods();
        (methods.set_pipeline)(methods, encoder, pipeline)
    }

    unsafe fn set_buffer(
        &self,
        encoder: &SoftEncoder,
        index: usize,
        buffer: &SoftBuffer,
    ) -> Result<(), Error> {
        let methods = encoder.context.methods();
        (methods.set_buffer)(methods, encoder, index, buffer)
    }

    unsafe fn set_value(
        &self,
        encoder: &SoftEncoder,
        index: usize,
        value: f32,
    ) -> Result<(), Error> {
        let methods = encoder.context.methods();
        (methods.set_value)(methods, encoder, index, value)
    }

    unsafe fn dispatch(&self, encoder: &SoftEncoder, threads: usize) -> Result<(), Error> {
        let methods = encoder.context.methods();
        (methods.dispatch)(methods, encoder, threads)
    }

    unsafe fn end_encoding(&self, encoder: &SoftEncoder) -> Result<(), Error> {
        let methods = encoder.context.methods();
        (methods.end_encoding)(methods, encoder)
    }

    unsafe fn commit(&self, commands: &SoftCommandBuffer) -> Result<(), Error> {
        let methods = commands.0.methods();
        (methods.commit)(methods, commands)
    }

    fn wait(&self, commands: &SoftCommandBuffer) -> Result<(), Error> {
        let committed = commands.0.recording.lock().is_committed();
        if !committed {
            return Err(Error::NotCommitted);
        }
        commands.0.wait();
        Ok(())
    }

    fn busy_ns(&self) -> Vec<u64> {
        self.0.engines.iter().map(engine::Engine::busy_ns).collect()
    }
}
