//! Reading a trace: bytes in, checked values or an error out.

use core::ops::Range;
use core::sync::atomic::{Ordering, fence};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::durations::Durations;
use crate::error::Error;
use crate::layout::{self, Text, WORD, counter, header, row};
use crate::recording::layout::Shape;
use crate::recording::{self, Recording};

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
    /// What each lock cost at each call site, where the producer records that.
    pub recording: Option<Recording>,
}

/// What a [`LockClass`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(pub u32);

impl Kind {
    /// All locks of one class, such as those of the queues.
    pub const LOCK_CLASS: Kind = Kind(1);
    /// One mutex of the program itself.
    pub const MUTEX: Kind = Kind(2);
    /// One reader-writer lock.
    pub const RWLOCK: Kind = Kind(3);
    /// One spinlock.
    pub const SPINLOCK: Kind = Kind(4);
    /// One condition variable. Its waits are idle time and not contention; it is never held.
    pub const CONDVAR: Kind = Kind(5);
    /// One semaphore. Its waits are no contention; it is never held.
    pub const SEMAPHORE: Kind = Kind(6);
    /// One barrier. Its waits are no contention; it is never held.
    pub const BARRIER: Kind = Kind(7);
    /// A word that a thread waited at in the kernel, called for by the program itself: how locks of
    /// Rust's standard library and of `parking_lot` wait. Only its waits can be seen.
    pub const FUTEX: Kind = Kind(8);
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
        let mut attempt = 1;
        loop {
            let trace = read_once(path)?;
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
        let fields = Fields::of(bytes, bytes.len() as u64)?;
        let mut trace = fields.trace()?;
        if let Some(place) = fields.recording() {
            let section = |range: Range<usize>| Ok(Cow::Borrowed(&bytes[range]));
            trace.recording = Some(recording::parse(bytes, place, section)?);
        }
        Ok(trace)
    }
}

/// Reads what is used of the file; most of a recording is a hole.
fn read_once(path: &Path) -> Result<Trace, Error> {
    let failed = |source| Error::Io {
        path: path.into(),
        doing: "read the trace",
        source,
    };
    let mut file = fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut section = |range: Range<usize>| -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let refused = |_| failed(io::ErrorKind::OutOfMemory.into());
        bytes.try_reserve_exact(range.len()).map_err(refused)?;
        file.seek(SeekFrom::Start(range.start as u64))
            .and_then(|_| {
                Read::by_ref(&mut file)
                    .take(range.len() as u64)
                    .read_to_end(&mut bytes)
            })
            .map_err(failed)?;
        // A file that was cut meanwhile.
        bytes.resize(range.len(), 0);
        Ok(bytes)
    };
    let header = section(0..header::SIZE.min(usize::try_from(length).unwrap_or(usize::MAX)))?;
    let (rows, _) = shape(&header, length)?;
    let before = 0..layout::rows_and_counters(rows);
    let mut first = section(before.clone())?;
    if rows > 0 {
        // A row is whole if its number was even before and has not changed until after.
        fence(Ordering::SeqCst);
        mark_changed_rows(&mut first, &section(before)?, rows);
    }
    let fields = Fields::of(&first, length)?;
    let mut trace = fields.trace()?;
    if let Some(place) = fields.recording() {
        let section = |range| section(range).map(Cow::Owned);
        trace.recording = Some(recording::parse(&first, place, section)?);
    }
    Ok(trace)
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
    let length = file.metadata().map_err(failed("read the trace"))?.len();
    let mut bytes = Vec::new();
    Read::by_ref(&mut file)
        .take(header::SIZE as u64)
        .read_to_end(&mut bytes)
        .map_err(failed("read the trace"))?;
    shape(&bytes, length)?;
    let number = word(&bytes, header::RESETS_REQUESTED).wrapping_add(1);
    let store = |file: &mut fs::File| -> io::Result<()> {
        file.seek(SeekFrom::Start(header::RESETS_REQUESTED as u64))?;
        // One write of one aligned word, which no reader sees in halves.
        file.write_all(&number.to_ne_bytes())
    };
    store(&mut file).map_err(failed("ask for a reset"))?;
    Ok(number)
}

/// Gives rows of `first` whose sequence number is another in `second` an odd one.
fn mark_changed_rows(first: &mut [u8], second: &[u8], rows: usize) {
    for at in (0..rows).map(|index| layout::row_at(index) + row::SEQUENCE) {
        let word = at..at + WORD;
        if second.get(word.clone()) != first.get(word.clone())
            && let Some(sequence) = first.get_mut(word)
        {
            sequence.copy_from_slice(&1_u64.to_ne_bytes());
        }
    }
}

/// How many rows a file has, and what recording, by its header. `length` is the file's.
fn shape(header: &[u8], length: u64) -> Result<(usize, Shape), Error> {
    if header.len() < WORD || word(header, header::MAGIC) != layout::MAGIC {
        return Err(Error::NotATrace);
    }
    if header.len() < 2 * WORD {
        return Err(Error::Length {
            found: length,
            expected: header::SIZE as u64,
        });
    }
    let found = word(header, header::VERSION);
    if found != layout::VERSION {
        return Err(Error::Version {
            found,
            expected: layout::VERSION,
        });
    }
    if header.len() < header::SIZE {
        return Err(Error::Length {
            found: length,
            expected: header::SIZE as u64,
        });
    }
    let found = word(header, header::COUNTERS);
    if found != layout::COUNTERS as u64 {
        return Err(Error::Field {
            field: "the number of counters",
            found,
        });
    }
    let capacity = |at, most: usize, field| {
        let found = word(header, at);
        usize::try_from(found)
            .ok()
            .filter(|&capacity| capacity <= most)
            .ok_or(Error::Field { field, found })
    };
    let rows = capacity(header::ROWS, layout::MAX_ROWS, "the number of rows")?;
    let shape = recording::shape(capacity)?;
    let expected = layout::file_size(rows, &shape) as u64;
    if length != expected {
        return Err(Error::Length {
            found: length,
            expected,
        });
    }
    Ok((rows, shape))
}

/// The beginning of a file whose header is right.
///
/// Invariant: of at least `rows_and_counters(rows)` bytes, so that every field of `layout` lies
/// inside.
struct Fields<'a> {
    bytes: &'a [u8],
    rows: usize,
    shape: Shape,
}

impl<'a> Fields<'a> {
    fn of(bytes: &'a [u8], length: u64) -> Result<Self, Error> {
        let (rows, shape) = shape(bytes, length)?;
        Ok(Fields { bytes, rows, shape })
    }

    /// Where the recording lies, if there is one.
    fn recording(&self) -> Option<recording::Place> {
        (self.shape != Shape::NONE).then(|| recording::Place {
            shape: self.shape,
            shift: Shape::thread_after(self.rows, 0) - Shape::thread_after(0, 0),
        })
    }

    /// Everything but the recording.
    fn trace(&self) -> Result<Trace, Error> {
        let flags = self.word(header::FLAGS);
        let mut trace = Trace {
            producer: self.text(header::PRODUCER, "the producer")?,
            pid: self.small(header::PID, "the process number")?,
            strategy: self.text(header::STRATEGY, "the strategy")?,
            classes: Vec::new(),
            counters: BTreeMap::new(),
            notes: self.text(header::NOTES, "the notes")?,
            ended: flags & header::ENDED != 0,
            refused: flags & header::REFUSED != 0,
            torn_rows: 0,
            resets_requested: self.word(header::RESETS_REQUESTED),
            resets_done: self.word(header::RESETS_DONE),
            recording: None,
        };
        for base in (0..self.rows).map(layout::row_at) {
            if self.word(base + row::SEQUENCE) % 2 == 1 {
                trace.torn_rows += 1;
            } else if self.word(base + row::KIND) != 0 {
                trace.classes.push(self.row(base)?);
            }
        }
        for base in (0..layout::COUNTERS).map(|index| layout::counter_at(self.rows, index)) {
            let name = self.text(counter::NAME.of(base), "a counter's name")?;
            if !name.is_empty() {
                trace
                    .counters
                    .insert(name, self.word(base + counter::VALUE));
            }
        }
        Ok(trace)
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
pub(crate) fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; WORD];
    word.copy_from_slice(&bytes[at..at + WORD]);
    u64::from_ne_bytes(word)
}
