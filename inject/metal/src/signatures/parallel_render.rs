//! Methods of parallel render encoders.

use super::define;
use super::types::{Id, Sel, UInt};

define! {
    split(Render) "renderCommandEncoder" () -> Id;
    encode "setColorStoreAction:atIndex:" (UInt, UInt);
    encode "setDepthStoreAction:" (UInt);
    encode "setStencilStoreAction:" (UInt);
    encode "setColorStoreActionOptions:atIndex:" (UInt, UInt);
    encode "setDepthStoreActionOptions:" (UInt);
    encode "setStencilStoreActionOptions:" (UInt);
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
