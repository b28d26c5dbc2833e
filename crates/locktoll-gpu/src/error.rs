//! Everything that can go wrong here, for users who mistype and callers who misuse.

use locktoll_guard::ParseStrategyError;

use crate::Kernel;

/// Why a device could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key that no soft device has.
    #[error("unknown setting `{key}`; a soft device has service, encode, hold, queues and engines")]
    UnknownSetting {
        /// The key as it was given.
        key: String,
    },
    /// A setting whose value cannot be used.
    #[error("setting `{key}={value}`: {reason}")]
    BadSetting {
        /// The setting.
        key: String,
        /// The value as it was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A device name that nobody knows.
    #[error("unknown device `{text}`; choose auto, soft, objc, metal, vulkan or vulkan:N")]
    UnknownDevice {
        /// The name as it was given.
        text: String,
    },
    /// A device that this system cannot have.
    #[error("device `{device}`: this system has none; it needs {needs}")]
    NotOnThisSystem {
        /// The device.
        device: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A device that this build leaves out.
    #[error(
        "device `{device}`: this build leaves it out; build with --features {feature}, which needs \
         {needs}"
    )]
    NotBuilt {
        /// The device.
        device: &'static str,
        /// The feature that puts it in.
        feature: &'static str,
        /// What that needs.
        needs: &'static str,
    },
    /// A fault model that nobody knows.
    #[error("unknown fault model `{text}`; choose agx:encoder, agx:queue or agx:process")]
    UnknownFaultModel {
        /// The name as it was given.
        text: String,
    },
    /// Timed work that is not of its form.
    #[error("timed work `{text}`: expected ASKED_NS:GROUPSxITERATIONS:TOOK_NS")]
    BadTimedWork {
        /// The work as it was given.
        text: String,
    },
    /// A protection whose strategy could not be read.
    #[error("protection `{text}`")]
    UnknownProtection {
        /// The name as it was given.
        text: String,
        /// What the strategy's parser said.
        source: ParseStrategyError,
    },

    /// The command buffer has an encoder that was not ended, so it can neither open another nor be
    /// committed.
    #[error("{call}: the command buffer's encoder has not been ended")]
    EncoderOpen {
        /// The refused call.
        call: &'static str,
    },
    /// The encoder was ended before this call.
    #[error("{call}: the encoder has been ended")]
    EncoderEnded {
        /// The refused call.
        call: &'static str,
    },
    /// The command buffer was committed before this call.
    #[error("{call}: the command buffer has been committed")]
    Committed {
        /// The refused call.
        call: &'static str,
    },
    /// A wait for a command buffer that was never committed; it would never end.
    #[error("wait: the command buffer has not been committed")]
    NotCommitted,

    /// A dispatch without a pipeline.
    #[error("dispatch: no pipeline is set")]
    NoPipeline,
    /// An argument slot beyond the last one.
    #[error("argument slot {index} does not exist; the last one is {}", crate::SLOTS - 1)]
    NoSuchSlot {
        /// The slot asked for.
        index: usize,
    },
    /// A dispatch whose kernel finds nothing, or the wrong kind of thing, in one of its slots.
    #[error("dispatch: {kernel} needs {wanted} in argument slot {index}")]
    Unbound {
        /// The kernel.
        kernel: Kernel,
        /// Its slot.
        index: usize,
        /// `a buffer` or `a value`.
        wanted: &'static str,
    },
    /// A dispatch that would read or write behind the end of a buffer.
    #[error("dispatch: {kernel} needs {needed} elements in argument slot {index}, which has {len}")]
    BufferTooShort {
        /// The kernel.
        kernel: Kernel,
        /// Its slot.
        index: usize,
        /// Elements that the dispatch would touch.
        needed: u64,
        /// Elements that there are.
        len: usize,
    },
    /// A dispatch of more threads than the kernel has outputs.
    #[error("dispatch: {kernel} has {outputs} outputs, fewer than the {threads} threads")]
    TooManyThreads {
        /// The kernel.
        kernel: Kernel,
        /// Threads dispatched.
        threads: usize,
        /// Outputs that the kernel has.
        outputs: u32,
    },

    /// The device's method table is interposed already; a second guard under the first would hide
    /// which of them was measured.
    #[error("the method table is interposed already; uninstall that interposition first")]
    AlreadyInterposed,
    /// An object that was made by another device than the one that it is used with.
    #[error("{call}: the object was made by another device")]
    OtherDevice {
        /// The refused call.
        call: &'static str,
    },
    /// A buffer longer than the device allows.
    #[error("a buffer of {len} elements; this device allows {most}")]
    BufferTooLong {
        /// Elements asked for.
        len: usize,
        /// Elements that one buffer can have.
        most: usize,
    },

    /// There is no Vulkan loader that could be opened.
    #[error(
        "no Vulkan loader ({reason}); install it: Debian and Ubuntu libvulkan1, Fedora \
         vulkan-loader, Arch vulkan-icd-loader, macOS the Vulkan SDK"
    )]
    NoVulkanLoader {
        /// What the system said.
        reason: String,
    },
    /// The loader found no driver, or the drivers no device.
    #[error(
        "the Vulkan loader found no device; install the GPU's Vulkan driver, or mesa-vulkan-drivers \
         for most GPUs and for a software device on the CPU, and check that VK_DRIVER_FILES and \
         VK_ICD_FILENAMES are unset or right"
    )]
    NoVulkanDevice,
    /// An index that no Vulkan device has.
    #[error("no device vulkan:{index}; {devices}")]
    NoSuchVulkanDevice {
        /// The index asked for.
        index: usize,
        /// The devices that there are.
        devices: String,
    },
    /// A Vulkan device that cannot be used.
    #[error("vulkan:{index} ({name}) lacks {what}; choose another device or a newer driver")]
    VulkanDeviceLacks {
        /// Its index.
        index: usize,
        /// Its name.
        name: String,
        /// What is missing.
        what: &'static str,
    },
    /// More queues than the device's family has.
    #[error(
        "{name} has {queues} queues that can compute (queue family {family}), not {asked}; \
         ask for at most {queues}"
    )]
    TooFewQueues {
        /// Queues asked for.
        asked: u32,
        /// The family.
        family: u32,
        /// Queues that the family has.
        queues: u32,
        /// The device's name.
        name: String,
    },
    /// The device stopped working: a hang, a reset, or a fault.
    #[error(
        "{call}: the device is lost; see the kernel's log (dmesg) for the driver's reason, and start \
         again"
    )]
    DeviceLost {
        /// The driver call that noticed.
        call: &'static str,
    },
    /// There is not enough of some memory.
    #[error("{call}: out of {memory}; use fewer or smaller buffers, or end other programs")]
    OutOfMemory {
        /// The driver call that failed.
        call: &'static str,
        /// Which memory.
        memory: &'static str,
    },
    /// Metal offers no device.
    #[error("Metal offers no device")]
    NoMetalDevice,
    /// A refusal of Metal's.
    #[error("{call}: Metal says: {message}")]
    Metal {
        /// The message.
        call: &'static str,
        /// What it says.
        message: String,
    },
    /// A message of the Objective-C driver, or of Metal, that returned no object.
    #[error("{call}: the driver returned nothing; use fewer objects, or end other programs")]
    Objc {
        /// The message.
        call: &'static str,
    },
    /// Any other refusal of the driver.
    #[error("{call}: the driver returned {result}; a newer driver may help")]
    Vulkan {
        /// The driver call that failed.
        call: &'static str,
        /// What it returned.
        result: String,
    },
    /// A shader of locktoll's own that does not compile.
    #[error("shader `{name}`: {message}; this is a fault of locktoll")]
    Shader {
        /// Its name.
        name: &'static str,
        /// What the compiler said.
        message: String,
    },
    /// The host refused something that the device needs.
    #[error("could not {what}")]
    Host {
        /// What was tried.
        what: &'static str,
        /// Why the host refused.
        source: std::io::Error,
    },
}
