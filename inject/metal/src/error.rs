//! What keeps the guard from being installed.

use crate::install::Refusal;
use crate::strategy::Strategy;

/// Why the guard is not installed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that is none of the choices.
    #[error("{text:?}: choose {choices}")]
    Setting {
        /// The value.
        text: Box<str>,
        /// What it could be.
        choices: &'static str,
    },
    /// There is no `MTLCreateSystemDefaultDevice` in this process.
    #[error(
        "this process has no MTLCreateSystemDefaultDevice: Metal is not loaded, or not yet; \
         nothing is guarded"
    )]
    NoMetal,
    /// There is no device, or it makes no command queue or buffer.
    #[error("Metal makes no {0} here; nothing is guarded")]
    NoDevice(&'static str),
    /// A method without which encoders cannot be followed is not as the table has it.
    #[error("{0}; without it encoders cannot be followed, so nothing is guarded")]
    Refused(Refusal),
    /// The runtime did not take a method; those before it were taken back.
    #[error(
        "the runtime does not let {class} have a method {selector} of its own; nothing is guarded"
    )]
    NotTaken {
        /// The class.
        class: String,
        /// The selector.
        selector: String,
    },
    /// This process was forked off a guarded one.
    #[error(
        "this process was forked off a guarded one, whose locks it cannot have; nothing is guarded: \
         start programs that are to be guarded anew (exec, or multiprocessing's \"spawn\")"
    )]
    Forked,
    /// It is installed already, with another strategy.
    #[error("already installed with {0}; uninstall that first")]
    Installed(Strategy),
}
