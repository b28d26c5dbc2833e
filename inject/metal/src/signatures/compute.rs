//! Methods of compute encoders. The last six are the driver's own, which no header has.

use super::{define, types::*};

define! {
    encode "setComputePipelineState:" (Id);
    encode "setBytes:length:atIndex:" (Pointer, UInt, UInt);
    encode "setBuffer:offset:atIndex:" (Id, UInt, UInt);
    encode "setBufferOffset:atIndex:" (UInt, UInt);
    encode "setBuffers:offsets:withRange:" (Pointer, Pointer, Range);
    encode "setBuffer:offset:attributeStride:atIndex:" (Id, UInt, UInt, UInt);
    encode "setBuffers:offsets:attributeStrides:withRange:" (Pointer, Pointer, Pointer, Range);
    encode "setBufferOffset:attributeStride:atIndex:" (UInt, UInt, UInt);
    encode "setBytes:length:attributeStride:atIndex:" (Pointer, UInt, UInt, UInt);
    encode "setVisibleFunctionTable:atBufferIndex:" (Id, UInt);
    encode "setVisibleFunctionTables:withBufferRange:" (Pointer, Range);
    encode "setIntersectionFunctionTable:atBufferIndex:" (Id, UInt);
    encode "setIntersectionFunctionTables:withBufferRange:" (Pointer, Range);
    encode "setAccelerationStructure:atBufferIndex:" (Id, UInt);
    encode "setTexture:atIndex:" (Id, UInt);
    encode "setTextures:withRange:" (Pointer, Range);
    encode "setSamplerState:atIndex:" (Id, UInt);
    encode "setSamplerStates:withRange:" (Pointer, Range);
    encode "setSamplerState:lodMinClamp:lodMaxClamp:atIndex:" (Id, f32, f32, UInt);
    encode "setSamplerStates:lodMinClamps:lodMaxClamps:withRange:" (Pointer, Pointer, Pointer, Range);
    encode "setThreadgroupMemoryLength:atIndex:" (UInt, UInt);
    encode "setImageblockWidth:height:" (UInt, UInt);
    encode "setStageInRegion:" (Region);
    encode "setStageInRegionWithIndirectBuffer:indirectBufferOffset:" (Id, UInt);
    encode "dispatchThreadgroups:threadsPerThreadgroup:" (Size, Size);
    encode "dispatchThreadgroupsWithIndirectBuffer:indirectBufferOffset:threadsPerThreadgroup:" (Id, UInt, Size);
    encode "dispatchThreads:threadsPerThreadgroup:" (Size, Size);
    encode "updateFence:" (Id);
    encode "waitForFence:" (Id);
    encode "useResource:usage:" (Id, UInt);
    encode "useResources:count:usage:" (Pointer, UInt, UInt);
    encode "useHeap:" (Id);
    encode "useHeaps:count:" (Pointer, UInt);
    encode "executeCommandsInBuffer:withRange:" (Id, Range);
    encode "executeCommandsInBuffer:indirectBuffer:indirectBufferOffset:" (Id, Id, UInt);
    encode "memoryBarrierWithScope:" (UInt);
    encode "memoryBarrierWithResources:count:" (Pointer, UInt);
    encode "sampleCountersInBuffer:atSampleIndex:withBarrier:" (Id, UInt, Bool);
    encode "dispatchWaitFlush" ();
    encode "dispatchFlushInvalidate" ();
    encode "dispatchFlushOnly" ();
    encode "dispatchInvalidateOnly" ();
    encode "dispatchFenceOnly" ();
    encode "dispatchThreadsWithIndirectBuffer:indirectBufferOffset:" (Id, UInt);
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
