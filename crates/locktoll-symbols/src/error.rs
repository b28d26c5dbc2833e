//! What can be wrong with the text of a process's mappings.

/// Why a copy of `/proc/PID/maps` could not be read.
///
/// Files that hold symbols have no errors: one that is missing or damaged names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line is not of the form that proc(5) gives.
    #[error("line {line} of the mappings is not as /proc/PID/maps has it: {text:?}")]
    Mapping {
        /// Its number, from 1.
        line: usize,
        /// The line, or its beginning.
        text: String,
    },
}
