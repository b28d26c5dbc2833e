//! The driver's factories and ends of encoders, all of them.

/// Factories, and the class of what each makes.
pub(crate) const FACTORIES: [(&str, &str); 11] = [
    ("computeCommandEncoder", "LTComputeContext"),
    ("computeCommandEncoderWithDispatchType:", "LTComputeContext"),
    ("computeCommandEncoderWithDescriptor:", "LTComputeContext"),
    ("blitCommandEncoder", "LTBlitContext"),
    ("blitCommandEncoderWithDescriptor:", "LTBlitContext"),
    ("renderCommandEncoderWithDescriptor:", "LTRenderContext"),
    (
        "parallelRenderCommandEncoderWithDescriptor:",
        "LTParallelRenderContext",
    ),
    ("resourceStateCommandEncoder", "LTResourceStateContext"),
    (
        "resourceStateCommandEncoderWithDescriptor:",
        "LTResourceStateContext",
    ),
    (
        "accelerationStructureCommandEncoder",
        "LTAccelerationStructureContext",
    ),
    (
        "accelerationStructureCommandEncoderWithDescriptor:",
        "LTAccelerationStructureContext",
    ),
];

/// Methods of encoders that are no calls: ends, and what makes encoders.
pub(crate) const ENDS: [&str; 5] = [
    "endEncoding",
    "deferredEndEncoding",
    "destroyImpl",
    "dealloc",
    "renderCommandEncoder",
];
