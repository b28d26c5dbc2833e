//! How timed kernels are tried: through the calls that an op makes.

use std::sync::Arc;

use super::core::Core;
use super::lane::Lane;
use super::pipeline::{PipelineObject, VulkanPipeline};
use super::recording::Recording;
use crate::calibration::Calibrated;
use crate::program::Program;
use crate::{DeviceKind, Error, Kernel};

impl Calibrated for Arc<Core> {
    type Object = Arc<PipelineObject>;
    type Lane = Arc<Lane>;

    fn find(&self, kernel: Kernel) -> Option<Arc<PipelineObject>> {
        self.programs.find(kernel)
    }

    fn make(&self, kernel: Kernel) -> Result<Arc<PipelineObject>, Error> {
        self.programs.make(kernel)
    }

    fn program(object: &Arc<PipelineObject>) -> &Program {
        &object.program
    }

    fn lane(&self) -> Result<Arc<Lane>, Error> {
        Lane::new(self, 0, true).map(Arc::new)
    }

    fn most_groups(&self) -> u32 {
        let physical = &self.logical.physical;
        if physical.kind() == DeviceKind::SoftwareRasterizer {
            1
        } else {
            physical.limits.max_compute_work_group_count[0]
        }
    }

    fn once_ns(&self, lane: &Arc<Lane>, object: &Arc<PipelineObject>) -> Result<u64, Error> {
        let pipeline = VulkanPipeline {
            core: Arc::clone(self),
            object: Arc::clone(object),
        };
        // SAFETY: this thread alone has the lane.
        let recording = unsafe {
            let recording = Recording::begin(lane)?;
            let encoder = recording.open_encoder()?;
            recording.set_pipeline(encoder, &pipeline)?;
            recording.dispatch(encoder, 1)?;
            recording.end_encoding(encoder)?;
            recording.commit()?;
            recording
        };
        recording.wait()?;
        let interval = recording.interval();
        Ok(interval.map_or(0, |interval| interval.end_ns - interval.start_ns))
    }
}
