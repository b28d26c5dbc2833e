//! Methods of command queues: where new classes of command buffers come from.

use super::define;
use super::types::{Id, Sel};

define! {
    supply(CommandBuffer) "commandBuffer" () -> Id;
    supply(CommandBuffer) "commandBufferWithUnretainedReferences" () -> Id;
    supply(CommandBuffer) "commandBufferWithDescriptor:" (Id) -> Id;
}
