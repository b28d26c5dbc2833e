//! What the driver's result codes mean for the user.

use ash::vk;

use crate::Error;

/// Turns what `call` returned into an error. For use with `map_err`.
pub(super) fn refused(call: &'static str) -> impl Fn(vk::Result) -> Error {
    move |result| match result {
        vk::Result::ERROR_DEVICE_LOST => Error::DeviceLost { call },
        vk::Result::ERROR_OUT_OF_HOST_MEMORY => Error::OutOfMemory {
            call,
            memory: "host memory",
        },
        vk::Result::ERROR_OUT_OF_DEVICE_MEMORY => Error::OutOfMemory {
            call,
            memory: "device memory",
        },
        vk::Result::ERROR_TOO_MANY_OBJECTS => Error::OutOfMemory {
            call,
            memory: "allocations",
        },
        other => Error::Vulkan {
            call,
            result: format!("{other:?}"),
        },
    }
}
