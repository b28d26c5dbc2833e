//! Reading a trace: bytes in, checked values or an error out.

use core::sync::atomic::{Ordering, fence};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::durations::Durations;
use crate::error::Error;
use crate::layout::{self, Text, WORD, counter, header, row};

/// What one process has recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Who wrote it.
    pub producer: String,
    /// The process that it is about.
    pub pid: u32,
    /// What was done to the program.
    pub strategy: String,
    /// The classes of locks, in the order of their rows. A class may be one mutex; see its kind.
    pub classes: Vec<LockClass>,
    /// Named numbers.
    pub counters: BTreeMap<String, u64>,
    /// Lines for people to read.
    pub notes: String,
    /// Whether the process has come to its end in order. If not, it still runs or has crashed.
    pub ended: bool,
    /// Whether the producer refused to work; the notes say why.
    pub refused: bool,
    /// Rows that were being written. For a process that runs, reading again will help; in what a
    /// crashed one left, they are lost.
    pub torn_rows: usize,
    /// Resets that were asked for; see [`request_reset`].
    pub resets_requested: u64,
    /// The last reset that was done. The figures are of the time since then.
    pub resets_done: u64,
}

/// What a [`LockClass`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(pub u32);

impl Kind {
    /// All locks of one class, such as those of the queues.
    pub const LOCK_CLASS: Kind = Kind(1);
    /// One mutex of the program itself.
    pub const MUTEX: Kind = Kind(2);
}

/// What one lock or class of locks cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockClass {
    /// What it is about.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Locks taken.
    pub acquisitions: u64,
    /// Acquisitions whose lock was not free at the first try.
    pub contentions: u64,
    /// Acquisitions that ran inside another thread's section, since waiting could not have ended.
    pub lent: u64,
    /// On average, one of this many acquisitions has its hold timed; 0 if none has.
    pub hold_sample_every: u32,
    /// From asking to having, of the contentions that waited.
    pub wait: Box<Durations>,
    /// From having to releasing, of a sample of the acquisitions.
    pub hold: Box<Durations>,
}

/// How often a torn row is read again, and how long to wait before.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(1);

impl Trace {
    /// Reads a trace, also while its process writes it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or whatever [`parse`](Self::parse) finds wrong.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = || {
            fs::read(path).map_err(|source| Error::Io {
                path: path.into(),
                doing: "read the trace",
                source,
            })
        };
        let mut attempt = 1;
        loop {
            let mut first = bytes()?;
            // A row is whole if its number was even before and has not changed until after.
            fence(Ordering::SeqCst);
            mark_changed_rows(&mut first, &bytes()?);
            let trace = Trace::parse(&first)?;
            if trace.torn_rows == 0 || attempt == ATTEMPTS {
                return Ok(trace);
            }
            attempt += 1;
            thread::sleep(PAUSE);
        }
    }

    /// Reads every file in a folder whose name ends in `.trace`, in the order of their names: those
    /// of the processes that one program started.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), for the first file that fails.
    pub fn read_dir(folder: &Path) -> Result<Vec<Self>, Error> {
        let failed = |source| Error::Io {
            path: folder.into(),
            doing: "list the traces",
            source,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "trace")
            {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().map(|path| Trace::read(path)).collect()
    }

    /// Makes a trace of a file's bytes. Takes any bytes.
    ///
    /// # Errors
    ///
    /// Says what is wrong if they are not a trace of this version, undamaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields = Fields::of(bytes)?;
        let flags = fields.word(header::FLAGS);
        let mut trace = Trace {
            producer: fields.text(header::PRODUCER, "the producer")?,
            pid: fields.small(header::PID, "the process number")?,
            strategy: fields.text(header::STRATEGY, "the strategy")?,
            classes: Vec::new(),
            counters: BTreeMap::new(),
            notes: fields.text(header::NOTES, "the notes")?,
            ended: flags & header::ENDED != 0,
            refused: flags & header::REFUSED != 0,
            torn_rows: 0,
            resets_requested: fields.word(header::RESETS_REQUESTED),
            resets_done: fields.word(header::RESETS_DONE),
        };
        for base in (0..fields.rows).map(layout::row_at) {
            if fields.word(base + row::SEQUENCE) % 2 == 1 {
                trace.torn_rows += 1;
            } else if fields.word(base + row::KIND) != 0 {
                trace.classes.push(fields.row(base)?);
            }
        }
        for base in (0..layout::COUNTERS).map(|index| layout::counter_at(fields.rows, index)) {
            let name = fields.text(counter::NAME.of(base), "a counter's name")?;
            if !name.is_empty() {
                trace
                    .counters
                    .insert(name, fields.word(base + counter::VALUE));
            }
        }
        Ok(trace)
    }
}

/// Asks the process that writes the trace at `path` to begin counting anew. It does so when it
/// next submits work; [`Trace::resets_done`] then equals the number returned.
///
/// # Errors
///
/// [`Error::Io`], or whatever is wrong with the file.
pub fn request_reset(path: &Path) -> Result<u64, Error> {
    let failed = |doing| {
        move |source| Error::Io {
            path: path.into(),
            doing,
            source,
        }
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(failed("open the trace"))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(failed("read the trace"))?;
    let number = Fields::of(&bytes)?
        .word(header::RESETS_REQUESTED)
        .wrapping_add(1);
    let store = |file: &mut fs::File| -> io::Result<()> {
        file.seek(SeekFrom::Start(header::RESETS_REQUESTED as u64))?;
        // One write of one aligned word, which no reader sees in halves.
        file.write_all(&number.to_ne_bytes())
    };
    store(&mut file).map_err(failed("ask for a reset"))?;
    Ok(number)
}

/// Gives rows of `first` whose sequence number is another in `second` an odd one.
fn mark_changed_rows(first: &mut [u8], second: &[u8]) {
    let rows = Fields::of(first).map_or(0, |fields| fields.rows);
    for at in (0..rows).map(|index| layout::row_at(index) + row::SEQUENCE) {
        let word = at..at + WORD;
        if second.get(word.clone()) != first.get(word.clone())
            && let Some(sequence) = first.get_mut(word)
        {
            sequence.copy_from_slice(&1_u64.to_ne_bytes());
        }
    }
}

/// The bytes of a file whose header is right.
///
/// Invariant: of `file_size(rows)` bytes, so that every field of `layout` lies inside.
struct Fields<'a> {
    bytes: &'a [u8],
    rows: usize,
}

impl<'a> Fields<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() < WORD || word(bytes, header::MAGIC) != layout::MAGIC {
            return Err(Error::NotATrace);
        }
        if bytes.len() < header::SIZE {
            return Err(Error::Length {
                found: bytes.len(),
                expected: header::SIZE,
            });
        }
        let found = word(bytes, header::VERSION);
        if found != layout::VERSION {
            return Err(Error::Version {
                found,
                expected: layout::VERSION,
            });
        }
        let found = word(bytes, header::COUNTERS);
        if found != layout::COUNTERS as u64 {
            return Err(Error::Field {
                field: "the number of counters",
                found,
            });
        }
        let found = word(bytes, header::ROWS);
        let rows = usize::try_from(found)
            .ok()
            .filter(|&rows| rows <= layout::MAX_ROWS)
            .ok_or(Error::Field {
                field: "the number of rows",
                found,
            })?;
        if bytes.len() != layout::file_size(rows) {
            return Err(Error::Length {
                found: bytes.len(),
                expected: layout::file_size(rows),
            });
        }
        Ok(Fields { bytes, rows })
    }

    fn word(&self, at: usize) -> u64 {
        word(self.bytes, at)
    }

    fn small(&self, at: usize, field: &'static str) -> Result<u32, Error> {
        let found = self.word(at);
        u32::try_from(found).map_err(|_| Error::Field { field, found })
    }

    fn text(&self, text: Text, field: &'static str) -> Result<String, Error> {
        let found = self.word(text.at);
        let length = usize::try_from(found)
            .ok()
            .filter(|&length| length <= text.capacity)
            .ok_or(Error::Field { field, found })?;
        let bytes = &self.bytes[text.bytes_at()..text.bytes_at() + length];
        match str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(Error::Text { field }),
        }
    }

    fn row(&self, base: usize) -> Result<LockClass, Error> {
        Ok(LockClass {
            kind: Kind(self.small(base + row::KIND, "a row's kind")?),
            name: self.text(row::NAME.of(base), "a row's name")?,
            acquisitions: self.word(base + row::ACQUISITIONS),
            contentions: self.word(base + row::CONTENTIONS),
            lent: self.word(base + row::LENT),
            hold_sample_every: self.small(base + row::HOLD_SAMPLE_EVERY, "a sampling rate")?,
            wait: self.durations(base + row::WAIT),
            hold: self.durations(base + row::HOLD),
        })
    }

    fn durations(&self, at: usize) -> Box<Durations> {
        let mut durations = Box::new(Durations::new());
        durations.count = self.word(at);
        durations.total_ns = self.word(at + WORD);
        durations.max_ns = self.word(at + 2 * WORD);
        for (index, count) in durations.histogram.iter_mut().enumerate() {
            *count = self.word(at + (3 + index) * WORD);
        }
        durations
    }
}

/// The word at an offset that lies inside.
fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; WORD];
    word.copy_from_slice(&bytes[at..at + WORD]);
    u64::from_ne_bytes(word)
}
