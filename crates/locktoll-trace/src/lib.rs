//! The record that injected code writes and the locktoll command reads.
//!
//! Code that was slipped under a foreign program cannot print, cannot trust the program to end in
//! order, and must not cost it anything. So it stores its figures into a small memory-mapped file:
//! the kernel keeps what was stored, even if the program is killed at the next instruction. The
//! layout is fixed, versioned, and defined here once for both ends.
//!
//! A [`Writer`] makes the file and updates it with plain atomic stores: no lock, no allocation, no
//! system call. A [`Trace`] is what a reader makes of it; it is checked field by field and never
//! trusted. [`request_reset`] asks a running writer to begin counting anew, so that a benchmark can
//! leave its warm-up out.
//!
//! ```
//! use locktoll_trace::{Durations, Figures, Trace, Writer};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("1.trace");
//! let mut hold = Durations::default();
//! hold.record(1_500);
//! let writer = Writer::create(&path, "example", "global")?;
//! writer.lock_class(0, "queue", &Figures {
//!     acquisitions: 256,
//!     hold_sample_every: 256,
//!     hold: &hold,
//!     ..Figures::default()
//! });
//! writer.counter(0, "submissions", 12);
//!
//! let trace = Trace::read(&path)?;
//! assert_eq!(trace.classes[0].acquisitions, 256);
//! assert_eq!(trace.counters["submissions"], 12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//!
//! | module | holds |
//! |---|---|
//! | `layout` | where each field of the file lies |
//! | `writer` | storing, in the injected code |
//! | `trace` | reading, checking, asking for a reset |
//! | [`recording`] | what each lock cost at each call site: its values, layout and reader |
//! | `durations` | times as a count, a sum, a maximum and a histogram |

mod durations;
mod error;
mod layout;
pub mod recording;
mod trace;
mod writer;

pub use self::durations::{
    BUCKETS, Distribution, Durations, FINE_BUCKETS, FineDurations, bounds_of, bucket_of,
};
pub use self::error::Error;
pub use self::recording::Recording;
pub use self::trace::{Kind, LockClass, Trace, request_reset};
pub use self::writer::{Figures, Writer};
