//! Devices that locktoll encodes for, behind one small trait.
//!
//! The experiment needs the same encode–commit unit on every driver, with nothing between the
//! caller and the driver that could lock by itself. So [`Device`] has the shape of Metal (queue →
//! command buffer → encoder → set, dispatch → end → commit → wait), is used through associated
//! types rather than trait objects, and takes no lock that the driver does not take. What a driver
//! demands of its callers is the trait's `unsafe` contract, stated once on [`Device`].
//!
//! * [`device`](Device): the trait, and what a device says of itself.
//! * [`SoftDevice`]: a device in this process whose every time is set by its user, so that the
//!   right answer of an experiment is known before it is run. [`SoftSettings`] states its timing
//!   model.
//! * [`VulkanDevice`]: a GPU, or a software renderer, with a Vulkan driver. The loader is opened at
//!   run time.
//! * `MetalDevice`, on macOS: an Apple GPU. Type-checked, never linked or run.
//! * `ObjcDevice`, with the feature `objc`: a stand-in for a Metal driver, reached through
//!   Objective-C as Metal is, so that what is swizzled under Metal programs can be measured anywhere.
//! * [`interpose`]: puts a [`Guard`](locktoll_guard::Guard) under an unchanged caller by
//!   replacing the soft device's method table, as a swizzle does to an Objective-C class.
//! * [`FaultModel`]: a model of a driver that is not thread-safe. It ends the process where such a
//!   driver would.
//! * [`Kernel`] and [`reference`](mod@reference): what is dispatched, and what must come out.
//! * [`Protection`] and [`DeviceChoice`]: what a user names on the command line.
//!
//! # Example
//!
//! One op on the soft device:
//!
//! ```
//! use locktoll_gpu::{Device, Kernel, SoftDevice, SoftSettings};
//!
//! # fn main() -> Result<(), locktoll_gpu::Error> {
//! let device = SoftDevice::new("service=20us,encode=0".parse::<SoftSettings>()?, None);
//! let queue = device.queue(0)?;
//! let axpy = device.pipeline(Kernel::Axpy)?;
//! let x = device.buffer(&[1.0, 2.0, 3.0])?;
//! let y = device.buffer(&[10.0, 10.0, 10.0])?;
//!
//! // SAFETY: one thread, so no two calls overlap.
//! let commands = unsafe {
//!     let commands = device.command_buffer(&queue)?;
//!     let encoder = device.encoder(&commands)?;
//!     device.set_pipeline(&encoder, &axpy)?;
//!     device.set_buffer(&encoder, 0, &x)?;
//!     device.set_buffer(&encoder, 1, &y)?;
//!     device.set_value(&encoder, 2, 0.5)?;
//!     device.dispatch(&encoder, 3)?;
//!     device.end_encoding(&encoder)?;
//!     device.commit(&commands)?;
//!     commands
//! };
//! device.wait(&commands)?;
//! assert_eq!(device.read(&y), [10.5, 11.0, 11.5]);
//! # Ok(())
//! # }
//! ```

mod arguments;
mod busy;
mod calibration;
mod choice;
mod device;
mod error;
mod fault;
mod kernels;
mod lifecycle;
#[cfg(target_os = "macos")]
mod metal;
#[cfg(feature = "objc")]
mod objc;
pub mod pause;
mod perturbation;
mod program;
mod protection;
mod shaders;
mod soft;
mod timed_work;
mod vulkan;

pub use busy::DeviceInterval;
pub use choice::{Availability, DeviceChoice, KnownDevice, devices};
pub use device::{Device, DeviceInfo, DeviceKind, Located};
pub use error::Error;
pub use fault::{FAULT_PREFIX, FaultModel, Scope};
pub use kernels::{Kernel, MLP, SLOTS, reference};
#[cfg(target_os = "macos")]
pub use metal::{
    MetalBuffer, MetalCommandBuffer, MetalDevice, MetalEncoder, MetalPipeline, MetalQueue,
    MetalSettings,
};
#[cfg(feature = "objc")]
pub use objc::{ObjcBuffer, ObjcCommandBuffer, ObjcDevice, ObjcEncoder, ObjcPipeline, ObjcQueue};
pub use perturbation::Perturbation;
pub use protection::Protection;
pub use soft::{
    EngineInterval, Interposition, SoftBuffer, SoftCommandBuffer, SoftDevice, SoftEncoder,
    SoftPipeline, SoftQueue, SoftSettings, interpose,
};
pub use timed_work::TimedWork;
pub use vulkan::{
    HostMoment, VulkanBuffer, VulkanCommandBuffer, VulkanDevice, VulkanEncoder, VulkanPipeline,
    VulkanQueue, VulkanSettings,
};
