//! Storing, in the injected code.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering, fence};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use memmap2::MmapRaw;

use crate::durations::Durations;
use crate::error::Error;
use crate::layout::{self, Text, WORD, counter, header, row};
use crate::recording::layout::Shape;
use crate::trace::Kind;

/// A trace file that is being written.
///
/// Everything it stores is in the file at once, as far as other processes and the time after a
/// crash are concerned; only a crash of the whole machine can lose it.
///
/// Any thread may call any method. Two that write *one* row at the same time leave it a mixture of
/// both, so writers of one row must take turns.
#[derive(Debug)]
pub struct Writer {
    /// Invariant: mapped for reading and writing, page-aligned, of `file_size(rows)` bytes, all
    /// of them zero or stored by atomics, and accessed by nothing but atomics.
    map: MmapRaw,
    rows: usize,
}

/// What is stored of one lock or one class of locks.
#[derive(Clone, Copy, Debug)]
pub struct Figures<'a> {
    /// Locks taken.
    pub acquisitions: u64,
    /// Acquisitions whose lock was not free at the first try.
    pub contentions: u64,
    /// Acquisitions that ran inside another thread's section, since waiting could not have ended.
    pub lent: u64,
    /// On average, one of this many acquisitions has its hold timed; 0 if none has.
    pub hold_sample_every: u32,
    /// From asking to having, of the contentions that waited.
    pub wait: &'a Durations,
    /// From having to releasing, of a sample of the acquisitions.
    pub hold: &'a Durations,
}

impl Default for Figures<'_> {
    fn default() -> Self {
        static NONE: Durations = Durations::new();
        Figures {
            acquisitions: 0,
            contentions: 0,
            lent: 0,
            hold_sample_every: 0,
            wait: &NONE,
            hold: &NONE,
        }
    }
}

impl Writer {
    /// Makes a trace of 16 rows and 64 counters for the calling process, in place of whatever was
    /// at `path`. `producer` says who writes, `strategy` what is being done to the program; both
    /// are cut to 56 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be made or mapped.
    pub fn create(path: &Path, producer: &str, strategy: &str) -> Result<Self, Error> {
        Writer::create_with_rows(path, producer, strategy, layout::DEFAULT_ROWS)
    }

    /// As [`create`](Self::create), with room for up to `rows` rows, at most 65,536. Rows that are
    /// never written take no space on most file systems.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be made or mapped.
    pub fn create_with_rows(
        path: &Path,
        producer: &str,
        strategy: &str,
        rows: usize,
    ) -> Result<Self, Error> {
        let rows = rows.min(layout::MAX_ROWS);
        let failed = |doing| {
            move |source| Error::Io {
                path: path.into(),
                doing,
                source,
            }
        };
        // A file that another process has mapped must not be cut, which would kill that process.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove the old trace")(error));
            }
            _ => {}
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(failed("create the trace"))?;
        // Written, not only made long: on a full disk this fails, where the first store into a hole
        // would end the process.
        file.write_all(&vec![0; layout::file_size(rows, &Shape::NONE)])
            .map_err(failed("write the trace"))?;
        let map = MmapRaw::map_raw(&file).map_err(failed("map the trace"))?;
        let writer = Writer { map, rows };
        writer.store(header::VERSION, layout::VERSION);
        writer.store(header::ROWS, rows as u64);
        writer.store(header::COUNTERS, layout::COUNTERS as u64);
        writer.store(header::PID, u64::from(std::process::id()));
        writer.text(header::PRODUCER, producer);
        writer.text(header::STRATEGY, strategy);
        // Last, so that a reader sees either no trace or a whole header.
        writer
            .word(header::MAGIC)
            .store(layout::MAGIC, Ordering::Release);
        Ok(writer)
    }

    /// Stores the figures of one lock or class of locks. Does nothing if there is no row `index`.
    pub fn row(&self, index: usize, kind: Kind, name: &str, figures: &Figures<'_>) {
        if index >= self.rows {
            return;
        }
        let base = layout::row_at(index);
        let sequence = self.word(base + row::SEQUENCE);
        let before = sequence.load(Ordering::Relaxed);
        sequence.store(before | 1, Ordering::Relaxed);
        // No store below can be seen before the odd number.
        fence(Ordering::Release);
        self.store(base + row::KIND, u64::from(kind.0));
        self.store(base + row::ACQUISITIONS, figures.acquisitions);
        self.store(base + row::CONTENTIONS, figures.contentions);
        self.store(base + row::LENT, figures.lent);
        self.store(
            base + row::HOLD_SAMPLE_EVERY,
            u64::from(figures.hold_sample_every),
        );
        self.text(row::NAME.of(base), name);
        self.durations(base + row::WAIT, figures.wait);
        self.durations(base + row::HOLD, figures.hold);
        sequence.store((before | 1).wrapping_add(1), Ordering::Release);
    }

    /// Stores the figures of a class of locks: a [row](Self::row) of [`Kind::LOCK_CLASS`].
    pub fn lock_class(&self, index: usize, name: &str, figures: &Figures<'_>) {
        self.row(index, Kind::LOCK_CLASS, name, figures);
    }

    /// Stores a named number. Names are cut to 40 bytes. Does nothing if `index` is 64 or more.
    pub fn counter(&self, index: usize, name: &str, value: u64) {
        if index >= layout::COUNTERS {
            return;
        }
        let base = layout::counter_at(self.rows, index);
        self.store(base + counter::VALUE, value);
        self.text(counter::NAME.of(base), name);
    }

    /// Adds a line for people to read; what no longer fits is left out.
    pub fn note(&self, line: &str) {
        let field = header::NOTES;
        let used = usize::try_from(self.word(field.at).load(Ordering::Relaxed))
            .unwrap_or(usize::MAX)
            .min(field.capacity);
        let line = cut(line, (field.capacity - used).saturating_sub(1));
        if line.is_empty() {
            return;
        }
        self.bytes(field.bytes_at() + used, line.as_bytes());
        self.bytes(field.bytes_at() + used + line.len(), b"\n");
        let used = used + line.len() + 1;
        self.word(field.at).store(used as u64, Ordering::Release);
    }

    /// Says that the producer refused to work, and why.
    pub fn refuse(&self, why: &str) {
        self.note(why);
        self.word(header::FLAGS)
            .fetch_or(header::REFUSED, Ordering::Relaxed);
    }

    /// Says that the process has come to its end in order. Without this, a reader takes it for
    /// still running or crashed.
    pub fn end(&self) {
        self.word(header::FLAGS)
            .fetch_or(header::ENDED, Ordering::Relaxed);
    }

    /// The number of a reset that was [requested](crate::request_reset) and not yet
    /// [done](Self::reset_done).
    #[inline]
    pub fn reset_requested(&self) -> Option<u64> {
        let requested = self.word(header::RESETS_REQUESTED).load(Ordering::Relaxed);
        let done = self.word(header::RESETS_DONE).load(Ordering::Relaxed);
        (requested != done).then_some(requested)
    }

    /// Says that everything is counted anew from now on, as reset `number` asked for. Call it after
    /// the first figures of the new count are stored.
    pub fn reset_done(&self, number: u64) {
        self.word(header::RESETS_DONE)
            .store(number, Ordering::Release);
    }

    fn durations(&self, at: usize, durations: &Durations) {
        self.store(at, durations.count);
        self.store(at + WORD, durations.total_ns);
        self.store(at + 2 * WORD, durations.max_ns);
        for (index, &count) in durations.histogram.iter().enumerate() {
            self.store(at + (3 + index) * WORD, count);
        }
    }

    fn text(&self, field: Text, text: &str) {
        let text = cut(text, field.capacity);
        self.bytes(field.bytes_at(), text.as_bytes());
        self.word(field.at)
            .store(text.len() as u64, Ordering::Release);
    }

    #[inline]
    fn store(&self, at: usize, value: u64) {
        self.word(at).store(value, Ordering::Relaxed);
    }

    #[inline]
    fn word(&self, at: usize) -> &AtomicU64 {
        debug_assert!(at.is_multiple_of(WORD) && at + WORD <= self.map.len());
        // SAFETY: by the invariant of `map`; every offset comes from `layout`, which keeps words
        // aligned and inside the file.
        unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().add(at).cast()) }
    }

    fn bytes(&self, at: usize, bytes: &[u8]) {
        debug_assert!(at + bytes.len() <= self.map.len());
        for (index, &byte) in bytes.iter().enumerate() {
            // SAFETY: by the invariant of `map`; callers cut `bytes` to their field of `layout`,
            // which lies inside the file, and no field's bytes are ever accessed as words.
            let place = unsafe { AtomicU8::from_ptr(self.map.as_mut_ptr().add(at + index)) };
            place.store(byte, Ordering::Relaxed);
        }
    }
}

/// The longest beginning of `text` that has at most `capacity` bytes and splits no character.
fn cut(text: &str, capacity: usize) -> &str {
    &text[..text.floor_char_boundary(capacity)]
}
