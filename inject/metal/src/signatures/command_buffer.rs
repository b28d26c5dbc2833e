//! Methods of command buffers.

use super::define;
use super::types::{Id, Sel, UInt};

define! {
    factory(Blit) "blitCommandEncoder" () -> Id;
    factory(Render) "renderCommandEncoderWithDescriptor:" (Id) -> Id;
    factory(Compute) "computeCommandEncoderWithDescriptor:" (Id) -> Id;
    factory(Blit) "blitCommandEncoderWithDescriptor:" (Id) -> Id;
    factory(Compute) "computeCommandEncoder" () -> Id;
    factory(Compute) "computeCommandEncoderWithDispatchType:" (UInt) -> Id;
    factory(ParallelRender) "parallelRenderCommandEncoderWithDescriptor:" (Id) -> Id;
    factory(ResourceState) "resourceStateCommandEncoder" () -> Id;
    factory(ResourceState) "resourceStateCommandEncoderWithDescriptor:" (Id) -> Id;
    factory(AccelerationStructure) "accelerationStructureCommandEncoder" () -> Id;
    factory(AccelerationStructure) "accelerationStructureCommandEncoderWithDescriptor:" (Id) -> Id;
    commit "commit" ();
    event "encodeSignalEvent:value:" (Id, UInt);
    event "encodeWaitForEvent:value:" (Id, UInt);
    retire "dealloc" ();
}
