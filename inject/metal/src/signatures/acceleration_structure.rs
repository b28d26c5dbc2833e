//! Methods of acceleration structure encoders.

use super::define;
use super::types::{Bool, Id, Pointer, Sel, UInt};

define! {
    encode "buildAccelerationStructure:descriptor:scratchBuffer:scratchBufferOffset:" (Id, Id, Id, UInt);
    encode "refitAccelerationStructure:descriptor:destination:scratchBuffer:scratchBufferOffset:" (Id, Id, Id, Id, UInt);
    encode "refitAccelerationStructure:descriptor:destination:scratchBuffer:scratchBufferOffset:options:" (Id, Id, Id, Id, UInt, UInt);
    encode "copyAccelerationStructure:toAccelerationStructure:" (Id, Id);
    encode "writeCompactedAccelerationStructureSize:toBuffer:offset:" (Id, Id, UInt);
    encode "writeCompactedAccelerationStructureSize:toBuffer:offset:sizeDataType:" (Id, Id, UInt, UInt);
    encode "copyAndCompactAccelerationStructure:toAccelerationStructure:" (Id, Id);
    encode "updateFence:" (Id);
    encode "waitForFence:" (Id);
    encode "useResource:usage:" (Id, UInt);
    encode "useResources:count:usage:" (Pointer, UInt, UInt);
    encode "useHeap:" (Id);
    encode "useHeaps:count:" (Pointer, UInt);
    encode "sampleCountersInBuffer:atSampleIndex:withBarrier:" (Id, UInt, Bool);
    encode "setLabel:" (Id);
    encode "insertDebugSignpost:" (Id);
    encode "pushDebugGroup:" (Id);
    encode "popDebugGroup" ();
    encode "barrierAfterQueueStages:beforeStages:" (UInt, UInt);
    end "endEncoding" ();
    end_late "deferredEndEncoding" ();
    destroy "destroyImpl" ();
    dealloc "dealloc" ();
}
