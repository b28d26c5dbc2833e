//! What a trial says on its standard output, one JSON object a line.
//!
//! A person who pastes a trial's command line reads the same lines.

use serde::{Deserialize, Serialize};

use crate::samples::Measurement;

/// Environment variable by which a run tells its trial who the parent is. The trial then ends
/// with its parent, even when that is killed; without the variable it stands alone.
pub const PARENT_VARIABLE: &str = "LOCKTOLL_PARENT";

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line {
    /// The threads are about to start.
    Started {
        /// The trial's process.
        pid: u32,
    },
    /// An iteration ended, warm-up included.
    Iteration {
        /// Its index, warm-up included.
        index: u32,
        /// Ops completed in it.
        ops: u64,
        /// From the first thread's start to the last one's end.
        elapsed_ns: u64,
    },
    /// The trial ended and its results are right.
    Done {
        /// What it measured.
        measurement: Box<Measurement>,
    },
}
