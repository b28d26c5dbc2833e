//! Running a Vulkan program in a child process, with and without the layer.

pub(crate) mod child;
pub(crate) mod client;
pub(crate) mod programs;
