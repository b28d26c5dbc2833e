//! Where each field of the file lies.
//!
//! ```text
//! header    words, producer, strategy, notes, words of the recording
//! rows      one lock or class of locks each
//! counters  one named number each
//! recording what `recording::layout` says, where there is one
//! ```
//!
//! A word is a `u64` in the machine's own byte order: both ends are on one machine, and the first
//! word shows where they are not. All offsets are multiples of 8 bytes. A text is a word with its
//! length in bytes, then the bytes.
//!
//! A row begins with a sequence number: odd while the row is being written, and different after.

use crate::durations::BUCKETS;
use crate::recording::layout::Shape;

pub(crate) const WORD: usize = 8;

/// `locktoll` as a little-endian machine stores it.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"locktoll");
/// Changes with everything in this module and in `recording::layout`.
pub(crate) const VERSION: u64 = 3;

/// Rows that a file has unless its writer asks for another number.
pub(crate) const DEFAULT_ROWS: usize = 16;
/// More than any writer needs, and few enough that a damaged header cannot ask for terabytes.
pub(crate) const MAX_ROWS: usize = 1 << 16;
pub(crate) const COUNTERS: usize = 64;

/// A text field: where it lies and how many bytes it can hold.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    pub(crate) at: usize,
    pub(crate) capacity: usize,
}

impl Text {
    const fn new(at: usize, size: usize) -> Self {
        Text {
            at,
            capacity: size - WORD,
        }
    }

    pub(crate) const fn bytes_at(self) -> usize {
        self.at + WORD
    }

    /// The same field of a row or counter that begins at `base`.
    pub(crate) const fn of(self, base: usize) -> Self {
        Text {
            at: base + self.at,
            capacity: self.capacity,
        }
    }
}

/// Fields of the header, by their offset in bytes.
pub(crate) mod header {
    use super::{Text, WORD};

    pub(crate) const MAGIC: usize = 0;
    pub(crate) const VERSION: usize = WORD;
    pub(crate) const ROWS: usize = 2 * WORD;
    pub(crate) const COUNTERS: usize = 3 * WORD;
    pub(crate) const PID: usize = 4 * WORD;
    pub(crate) const FLAGS: usize = 5 * WORD;
    pub(crate) const RESETS_REQUESTED: usize = 6 * WORD;
    pub(crate) const RESETS_DONE: usize = 7 * WORD;
    pub(crate) const PRODUCER: Text = Text::new(8 * WORD, 64);
    pub(crate) const STRATEGY: Text = Text::new(16 * WORD, 64);
    pub(crate) const NOTES: Text = Text::new(24 * WORD, 2048);
    /// 32 words, which `recording::layout::header` names.
    pub(crate) const RECORDING: usize = 24 * WORD + 2048;
    pub(crate) const SIZE: usize = RECORDING + 32 * WORD;

    /// The process has said that it ends.
    pub(crate) const ENDED: u64 = 1;
    /// The producer refused to work; the notes say why.
    pub(crate) const REFUSED: u64 = 2;
}

/// Fields of a row, by their offset from its beginning.
pub(crate) mod row {
    use super::{BUCKETS, Text, WORD};

    pub(crate) const SEQUENCE: usize = 0;
    /// 0: the row was never written.
    pub(crate) const KIND: usize = WORD;
    pub(crate) const ACQUISITIONS: usize = 2 * WORD;
    pub(crate) const CONTENTIONS: usize = 3 * WORD;
    pub(crate) const LENT: usize = 4 * WORD;
    pub(crate) const HOLD_SAMPLE_EVERY: usize = 5 * WORD;
    pub(crate) const NAME: Text = Text::new(6 * WORD, 64);
    pub(crate) const WAIT: usize = 14 * WORD;
    pub(crate) const HOLD: usize = WAIT + DURATIONS_SIZE;
    pub(crate) const SIZE: usize = HOLD + DURATIONS_SIZE;

    /// Count, sum, maximum, then the histogram.
    pub(crate) const DURATIONS_SIZE: usize = (3 + BUCKETS) * WORD;
}

/// Fields of a counter, by their offset from its beginning.
pub(crate) mod counter {
    use super::{Text, WORD};

    pub(crate) const VALUE: usize = 0;
    /// Of length 0: the counter was never written.
    pub(crate) const NAME: Text = Text::new(WORD, 48);
    pub(crate) const SIZE: usize = WORD + 48;
}

pub(crate) const fn row_at(index: usize) -> usize {
    header::SIZE + index * row::SIZE
}

pub(crate) const fn counter_at(rows: usize, index: usize) -> usize {
    row_at(rows) + index * counter::SIZE
}

/// Bytes before the recording of a file with this many rows; its counters are always [`COUNTERS`].
pub(crate) const fn rows_and_counters(rows: usize) -> usize {
    counter_at(rows, COUNTERS)
}

/// Bytes of a file.
pub(crate) const fn file_size(rows: usize, shape: &Shape) -> usize {
    Shape::thread_after(rows, 0) - Shape::thread_after(0, 0) + shape.file_size()
}
