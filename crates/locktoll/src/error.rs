//! What can stop a command, and the exit code that it means.

use std::path::PathBuf;

/// An error of the command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Measuring failed.
    #[error(transparent)]
    Bench(#[from] locktoll_bench::Error),
    /// A CSV file is not what it should be.
    #[error("{}:{place}: {message}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Line, and column where there is one, as `line` or `line:column`.
        place: String,
        /// The reason.
        message: String,
    },
    /// The arguments contradict each other or the data.
    #[error("{0}")]
    Usage(String),
    /// A Metal program ran without the library under it.
    #[error("the program ran without locktoll's Metal library, so nothing was locked: {0}")]
    NotInserted(String),
    /// The locks of a program cannot be recorded.
    #[error("the locks of {} cannot be recorded: {why}", program.display())]
    NotRecordable {
        /// The program's file.
        program: PathBuf,
        /// The reason, and what to do instead.
        why: String,
    },
    /// The library was in a process and refused to put locks under it.
    #[error("the program ran without locktoll's locks: {0}")]
    RanBare(String),
    /// The Metal guard has kept calls from the driver.
    #[error(
        "calls on encoders that had ended were kept from the driver: {0}. What they were to do is missing \
         in the program's results; --on-misuse says what else becomes of such calls"
    )]
    CallsKeptBack(String),
    /// The locks were under processes that did nothing.
    #[error(
        "no process that the locks were under has submitted any work: either the program submits none, or \
         another process of it did, without locks"
    )]
    NothingSubmitted,
    /// Every trial failed, and no fault model explains it.
    #[error("no trial ran to its end; the first said: {said}")]
    NothingMeasured {
        /// How the first trial ended, and its last words.
        said: String,
    },
    /// What was given holds nothing that can be compared.
    #[error("{0}")]
    NotComparable(String),
    /// The statistics refuse the series.
    #[error("{series}: {source}")]
    Statistics {
        /// The series compared.
        series: String,
        /// The reason.
        source: locktoll_stats::Error,
    },
    /// A file is no result that this version reads.
    #[error("{}: {source}", path.display())]
    Result {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: locktoll_report::json::Error,
    },
    /// The result could not be written as JSON.
    #[error(transparent)]
    Json(#[from] locktoll_report::json::Error),
}

impl Error {
    /// The exit code: 2 for bad usage, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::Bench(
                locktoll_bench::Error::Plan(_) | locktoll_bench::Error::Workload { .. },
            ) => 2,
            _ => 1,
        }
    }
}

/// The result type of the command.
pub type Result<T, E = Error> = std::result::Result<T, E>;
