//! Methods of resource state encoders.

use super::define;
use super::types::{Id, Pointer, Region, Sel, Size, UInt};

define! {
    encode "updateTextureMappings:mode:regions:mipLevels:slices:numRegions:" (Id, UInt, Pointer, Pointer, Pointer, UInt);
    encode "updateTextureMapping:mode:region:mipLevel:slice:" (Id, UInt, Region, UInt, UInt);
    encode "updateTextureMapping:mode:indirectBuffer:indirectBufferOffset:" (Id, UInt, Id, UInt);
    encode "updateFence:" (Id);
    encode "waitForFence:" (Id);
    encode "moveTextureMappingsFromTexture:sourceSlice:sourceLevel:sourceOrigin:sourceSize:toTexture:destinationSlice:destinationLevel:destinationOrigin:" (Id, UInt, UInt, Size, Size, Id, UInt, UInt, Size);
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
