//! Methods of blit encoders.

use super::define;
use super::types::{Bool, Id, Range, Region, Sel, Size, UInt};

define! {
    encode "synchronizeResource:" (Id);
    encode "synchronizeTexture:slice:level:" (Id, UInt, UInt);
    encode "copyFromTexture:sourceSlice:sourceLevel:sourceOrigin:sourceSize:toTexture:destinationSlice:destinationLevel:destinationOrigin:" (Id, UInt, UInt, Size, Size, Id, UInt, UInt, Size);
    encode "copyFromBuffer:sourceOffset:sourceBytesPerRow:sourceBytesPerImage:sourceSize:toTexture:destinationSlice:destinationLevel:destinationOrigin:" (Id, UInt, UInt, UInt, Size, Id, UInt, UInt, Size);
    encode "copyFromBuffer:sourceOffset:sourceBytesPerRow:sourceBytesPerImage:sourceSize:toTexture:destinationSlice:destinationLevel:destinationOrigin:options:" (Id, UInt, UInt, UInt, Size, Id, UInt, UInt, Size, UInt);
    encode "copyFromTexture:sourceSlice:sourceLevel:sourceOrigin:sourceSize:toBuffer:destinationOffset:destinationBytesPerRow:destinationBytesPerImage:" (Id, UInt, UInt, Size, Size, Id, UInt, UInt, UInt);
    encode "copyFromTexture:sourceSlice:sourceLevel:sourceOrigin:sourceSize:toBuffer:destinationOffset:destinationBytesPerRow:destinationBytesPerImage:options:" (Id, UInt, UInt, Size, Size, Id, UInt, UInt, UInt, UInt);
    encode "generateMipmapsForTexture:" (Id);
    encode "fillBuffer:range:value:" (Id, Range, u8);
    encode "copyFromTexture:sourceSlice:sourceLevel:toTexture:destinationSlice:destinationLevel:sliceCount:levelCount:" (Id, UInt, UInt, Id, UInt, UInt, UInt, UInt);
    encode "copyFromTexture:toTexture:" (Id, Id);
    encode "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:" (Id, UInt, Id, UInt, UInt);
    encode "updateFence:" (Id);
    encode "waitForFence:" (Id);
    encode "getTextureAccessCounters:region:mipLevel:slice:resetCounters:countersBuffer:countersBufferOffset:" (Id, Region, UInt, UInt, Bool, Id, UInt);
    encode "resetTextureAccessCounters:region:mipLevel:slice:" (Id, Region, UInt, UInt);
    encode "optimizeContentsForGPUAccess:" (Id);
    encode "optimizeContentsForGPUAccess:slice:level:" (Id, UInt, UInt);
    encode "optimizeContentsForCPUAccess:" (Id);
    encode "optimizeContentsForCPUAccess:slice:level:" (Id, UInt, UInt);
    encode "resetCommandsInBuffer:withRange:" (Id, Range);
    encode "copyIndirectCommandBuffer:sourceRange:destination:destinationIndex:" (Id, Range, Id, UInt);
    encode "optimizeIndirectCommandBuffer:withRange:" (Id, Range);
    encode "sampleCountersInBuffer:atSampleIndex:withBarrier:" (Id, UInt, Bool);
    encode "resolveCounters:inRange:destinationBuffer:destinationOffset:" (Id, Range, Id, UInt);
    encode "copyFromTensor:sourceOrigin:sourceDimensions:toTensor:destinationOrigin:destinationDimensions:" (Id, Id, Id, Id, Id, Id);
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
