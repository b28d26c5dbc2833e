//! Everything that can be wrong with a trace.

use std::io;
use std::path::PathBuf;

/// Why a trace could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused something.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done with it.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not begin as a trace does, or was written by a machine of the other byte
    /// order.
    #[error("not a locktoll trace")]
    NotATrace,
    /// Written by another version of locktoll.
    #[error(
        "trace format {found}, but this locktoll reads format {expected}; use one version of both"
    )]
    Version {
        /// The format of the file.
        found: u64,
        /// The format that this version reads.
        expected: u64,
    },
    /// The file is shorter or longer than its own header says.
    #[error("{found} bytes, but its header asks for {expected}: the file was cut or overwritten")]
    Length {
        /// Bytes that there are.
        found: u64,
        /// Bytes that there should be.
        expected: u64,
    },
    /// A field holds what no writer stores.
    #[error("{field} is {found}, which no writer stores: the file is damaged")]
    Field {
        /// The field.
        field: &'static str,
        /// Its value.
        found: u64,
    },
    /// A text is not UTF-8.
    #[error("{field} is not UTF-8: the file is damaged")]
    Text {
        /// The field.
        field: &'static str,
    },
}
