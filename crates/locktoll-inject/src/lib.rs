//! What every library that locktoll slips under a program needs.
//!
//! Such a library counts what the program does, whatever the locks are, and keeps its figures in a
//! trace (see `locktoll-trace`) without making threads of the program wait:
//!
//! | module | holds |
//! |---|---|
//! | `tally` | counters of each thread, summed when asked |
//! | `record` | when figures go to the trace |
//!
//! Neither keeps anything in a thread that has a destructor, nor panics: both are called by threads
//! that are ending.

mod record;
mod tally;

pub use self::record::{Figured, Record};
pub use self::tally::Tally;
