//! What can go wrong while planning, measuring and keeping samples.

use std::path::{Path, PathBuf};

use crate::layer_missing;

/// How a program is named that ran without its locks.
pub(crate) const LAYER_MISSING: &str = "without locktoll's Vulkan layer under it";

/// An error of this crate. Each message names the thing and says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "create", "append to", ….
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A workload file is not a workload.
    #[error("workload {}: {message}", path.display())]
    Workload {
        /// The file.
        path: PathBuf,
        /// The reason, with line and column where there is one.
        message: String,
    },
    /// A samples file holds something else than samples.
    #[error("{}:{line}: {message}", path.display())]
    Samples {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The reason.
        message: String,
    },
    /// The plan contradicts itself or asks for something impossible.
    #[error("{0}")]
    Plan(String),
    /// The device refused.
    #[error(transparent)]
    Device(#[from] locktoll_gpu::Error),
    /// A kernel computed something else than its reference.
    #[error("wrong result: {0}")]
    WrongResult(String),
    /// The layer's counts cannot be read.
    #[error("the trace in {}: {message}", path.display())]
    Trace {
        /// The folder.
        path: PathBuf,
        /// The reason.
        message: String,
    },
    /// The layer refused to work under a program.
    #[error("locktoll's Vulkan layer refused to work: {message}")]
    LayerRefused {
        /// What it said.
        message: String,
    },
    /// A program ran to its end without the layer under it.
    #[error(
        "`{}` ran {LAYER_MISSING}, so nothing was locked: {}",
        layer_missing::without_variables(command).join(" "),
        layer_missing::reasons(command)
    )]
    LayerNotLoaded {
        /// The command line.
        command: Vec<String>,
    },
    /// No lock could be swizzled under the driver.
    #[error("no lock could be swizzled under the device's driver: {message}")]
    Swizzle {
        /// What was said.
        message: String,
    },
    /// A thread of the trial panicked.
    #[error("a trial thread panicked: {0}")]
    Panicked(String),
}

impl Error {
    /// An [`Error::Io`] with its context.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
