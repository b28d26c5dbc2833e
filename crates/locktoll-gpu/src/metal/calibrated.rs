//! How timed kernels are tried: through the calls that an op makes.

use std::sync::Arc;

use objc2::rc::autoreleasepool;

use super::core::{Core, Lane, PipelineObject};
use super::recording::Recording;
use super::{MetalEncoder, MetalPipeline};
use crate::calibration::Calibrated;
use crate::program::Program;
use crate::{Error, Kernel};

/// More than fill any GPU of today; Metal sets no limit.
const MOST_GROUPS: u32 = 65_536;

impl Calibrated for Arc<Core> {
    type Object = Arc<PipelineObject>;
    type Lane = Arc<Lane>;

    fn find(&self, kernel: Kernel) -> Option<Arc<PipelineObject>> {
        Core::find(self, kernel)
    }

    fn make(&self, kernel: Kernel) -> Result<Arc<PipelineObject>, Error> {
        Core::make(self, kernel)
    }

    fn program(object: &Arc<PipelineObject>) -> &Program {
        &object.program
    }

    fn lane(&self) -> Result<Arc<Lane>, Error> {
        Lane::new(self, 0, true).map(Arc::new)
    }

    fn most_groups(&self) -> u32 {
        MOST_GROUPS
    }

    fn once_ns(&self, lane: &Arc<Lane>, object: &Arc<PipelineObject>) -> Result<u64, Error> {
        let pipeline = MetalPipeline {
            core: Arc::clone(self),
            object: Arc::clone(object),
        };
        let recording = autoreleasepool(|_| {
            // SAFETY: the contract of `Device`: this thread alone knows the command buffer and its encoder.
            let recording = unsafe {
                let recording = Arc::new(Recording::begin(lane)?);
                let (serial, object) = recording.open_encoder()?;
                let encoder = MetalEncoder {
                    recording: Arc::clone(&recording),
                    serial,
                    object,
                };
                recording.set_pipeline(&encoder, &pipeline)?;
                recording.dispatch(&encoder, 1)?;
                recording.end_encoding(&encoder)?;
                recording.commit()?;
                recording
            };
            recording.wait()?;
            Ok::<_, Error>(recording)
        })?;
        let interval = recording.interval();
        Ok(interval.map_or(0, |interval| interval.end_ns - interval.start_ns))
    }
}
