//! When figures go to the trace.
//!
//! Summing over all threads takes microseconds, so it is not done while commands are recorded: only
//! at a submission, when the last time is long enough ago or a reset was asked for, and when the
//! owner says so, which at the latest is the end of the process.

use core::sync::atomic::{AtomicU64, Ordering};
use std::path::Path;
use std::time::{Duration, Instant};

use locktoll_guard::{Counts, Timing};
use locktoll_trace::{Durations, Error, Figures, Writer, bucket_of};
use parking_lot::Mutex;

/// A crash loses at most the figures of this time, and of the submission that is under way.
const EVERY: Duration = Duration::from_millis(250);

/// Whose figures a [`Record`] keeps.
pub trait Figured {
    /// The classes of locks, with what each has counted since the last reset.
    fn classes(&self) -> Vec<(&'static str, Counts)>;
    /// Begins counting in the locks anew.
    fn reset(&self);
    /// Named counters, always in one order, which only ever grow: the record takes off what they were at a reset.
    fn counters(&self) -> Vec<(&'static str, u64)>;
    /// Named counters that a reset leaves as they are.
    fn standing(&self) -> Vec<(&'static str, u64)>;
}

/// The trace of a process.
pub struct Record {
    writer: Writer,
    /// A forked child inherits the mapping and must not write.
    pid: u32,
    begun: Instant,
    /// When to write next, in nanoseconds since `begun`.
    due_ns: AtomicU64,
    state: Mutex<State>,
    /// Lines are added one after another.
    notes: Mutex<()>,
}

struct State {
    /// The counters at the last reset.
    baseline: Vec<(&'static str, u64)>,
    wait: Box<Durations>,
    hold: Box<Durations>,
}

impl Record {
    /// A trace `PID.trace` in a folder.
    ///
    /// # Errors
    ///
    /// The file cannot be made.
    pub fn create(folder: &Path, producer: &str, strategy: &str) -> Result<Self, Error> {
        let pid = std::process::id();
        let path = folder.join(format!("{pid}.trace"));
        Ok(Record {
            writer: Writer::create(&path, producer, strategy)?,
            pid,
            begun: Instant::now(),
            due_ns: AtomicU64::new(0),
            state: Mutex::new(State {
                baseline: Vec::new(),
                wait: Box::default(),
                hold: Box::default(),
            }),
            notes: Mutex::new(()),
        })
    }

    /// Says that the library refused to work, and why.
    pub fn refuse(&self, why: &str) {
        if self.is_ours() {
            let _turn = self.notes.lock();
            self.writer.refuse(why);
        }
    }

    /// Adds a line for people to read.
    pub fn note(&self, line: &str) {
        if self.is_ours() {
            let _turn = self.notes.lock();
            self.writer.note(line);
        }
    }

    /// Whether this is the process whose trace it is, and no child that was forked off it.
    fn is_ours(&self) -> bool {
        std::process::id() == self.pid
    }

    /// To be called when work is submitted.
    pub fn on_submission(&self, of: &impl Figured) {
        if self.writer.reset_requested().is_some() {
            self.reset(of);
        } else if self.age_ns() >= self.due_ns.load(Ordering::Relaxed)
            && let Some(mut state) = self.state.try_lock()
        {
            self.write(&mut state, of);
        }
    }

    /// Brings the trace up to date.
    pub fn flush(&self, of: &impl Figured) {
        self.write(&mut self.state.lock(), of);
    }

    /// Brings the trace up to date for the last time.
    pub fn end(&self, of: &impl Figured) {
        if self.is_ours() {
            // The thread that holds the state may be one that the end of the process has stopped.
            if let Some(mut state) = self.state.try_lock_for(EVERY) {
                self.write(&mut state, of);
            }
            self.writer.end();
        }
    }

    /// Begins counting anew: the submission that notices is the first to be counted.
    #[cold]
    fn reset(&self, of: &impl Figured) {
        if !self.is_ours() {
            return;
        }
        let mut state = self.state.lock();
        // Another thread may have been faster.
        if let Some(number) = self.writer.reset_requested() {
            of.reset();
            state.baseline = of.counters();
            self.write(&mut state, of);
            self.writer.reset_done(number);
        }
    }

    fn write(&self, state: &mut State, of: &impl Figured) {
        if !self.is_ours() {
            return;
        }
        for (index, (name, counts)) in of.classes().iter().enumerate() {
            copy(&counts.wait, &mut state.wait);
            copy(&counts.hold, &mut state.hold);
            let figures = Figures {
                acquisitions: counts.acquisitions,
                contentions: counts.contentions,
                lent: counts.lent,
                hold_sample_every: counts.hold_sample_every,
                wait: &state.wait,
                hold: &state.hold,
            };
            self.writer.lock_class(index, name, &figures);
        }
        let mut counters = of.counters();
        for (counter, at_reset) in counters.iter_mut().zip(&state.baseline) {
            counter.1 = counter.1.wrapping_sub(at_reset.1);
        }
        counters.extend(of.standing());
        for (index, (name, value)) in counters.into_iter().enumerate() {
            self.writer.counter(index, name, value);
        }
        let every = u64::try_from(EVERY.as_nanos()).unwrap_or(u64::MAX);
        let due_ns = self.age_ns().saturating_add(every);
        self.due_ns.store(due_ns, Ordering::Relaxed);
    }

    fn age_ns(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Copies the guard's figures into the trace's form; a test of the trace holds the buckets of the
/// two together.
fn copy(timing: &Timing, durations: &mut Durations) {
    durations.count = timing.count;
    durations.total_ns = timing.total_ns;
    durations.max_ns = timing.max_ns;
    durations.histogram.fill(0);
    for bucket in timing.buckets() {
        if let Some(count) = durations.histogram.get_mut(bucket_of(bucket.first_ns)) {
            *count = bucket.count;
        }
    }
}
