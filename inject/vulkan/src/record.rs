//! When figures go to the trace.
//!
//! Summing over all threads takes microseconds, so it is not done while commands are recorded: only
//! at a submission, when the last time is long enough ago or a reset was asked for, when a device is
//! destroyed, and when the process ends.

use core::sync::atomic::{AtomicU64, Ordering};
use std::path::Path;
use std::time::{Duration, Instant};

use locktoll_guard::Timing;
use locktoll_trace::{Durations, Error, Figures, Writer, bucket_of};
use parking_lot::Mutex;

use crate::locks::Locks;
use crate::process::Process;
use crate::tally::{self, Sums};

/// A crash loses at most the figures of this time, and of the submission that is under way.
const EVERY: Duration = Duration::from_millis(250);

/// As it stands in the trace.
const PRODUCER: &str = "vulkan layer";

/// The counters of the trace. `commands` holds dispatches and draws too.
const COUNTERS: [&str; 7] = [
    "commands",
    "dispatches",
    "draws",
    "submissions",
    "batches",
    "command_buffers",
    "devices",
];

pub(crate) struct Record {
    writer: Writer,
    /// A forked child inherits the mapping and must not write.
    pid: u32,
    begun: Instant,
    /// When to write next, in nanoseconds since `begun`.
    due_ns: AtomicU64,
    devices: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// The tallies at the last reset.
    baseline: Sums,
    wait: Box<Durations>,
    hold: Box<Durations>,
}

impl Record {
    pub(crate) fn create(folder: &Path, strategy: &str) -> Result<Self, Error> {
        let pid = std::process::id();
        let path = folder.join(format!("{pid}.trace"));
        Ok(Record {
            writer: Writer::create(&path, PRODUCER, strategy)?,
            pid,
            begun: Instant::now(),
            due_ns: AtomicU64::new(0),
            devices: AtomicU64::new(0),
            state: Mutex::new(State {
                baseline: Sums::default(),
                wait: Box::default(),
                hold: Box::default(),
            }),
        })
    }

    pub(crate) fn refuse(&self, why: &str) {
        self.writer.refuse(why);
    }

    /// Counts a device, in every mode: this is how one sees that the layer was there.
    pub(crate) fn count_device(&self) {
        self.devices.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn on_submission(&self, locks: &Locks) {
        if self.writer.reset_requested().is_some() {
            self.reset(locks);
        } else if self.age_ns() >= self.due_ns.load(Ordering::Relaxed)
            && let Some(mut state) = self.state.try_lock()
        {
            self.write(&mut state, locks);
        }
    }

    pub(crate) fn flush(&self, locks: &Locks) {
        self.write(&mut self.state.lock(), locks);
    }

    /// Begins counting anew: the submission that notices is the first to be counted.
    #[cold]
    fn reset(&self, locks: &Locks) {
        let mut state = self.state.lock();
        // Another thread may have been faster.
        if let Some(number) = self.writer.reset_requested() {
            locks.reset();
            state.baseline = tally::sums();
            self.write(&mut state, locks);
            self.writer.reset_done(number);
        }
    }

    fn write(&self, state: &mut State, locks: &Locks) {
        if std::process::id() != self.pid {
            return;
        }
        for (index, (name, counts)) in locks.counts().iter().enumerate() {
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
        let mut sums = tally::sums();
        for (sum, baseline) in sums.iter_mut().zip(&state.baseline) {
            *sum = sum.wrapping_sub(*baseline);
        }
        let [others, dispatches, draws, submissions, batches, buffers] = sums;
        let values = [
            others.wrapping_add(dispatches).wrapping_add(draws),
            dispatches,
            draws,
            submissions,
            batches,
            buffers,
            self.devices.load(Ordering::Relaxed),
        ];
        for (index, (name, value)) in COUNTERS.iter().zip(values).enumerate() {
            self.writer.counter(index, name, value);
        }
        let every = u64::try_from(EVERY.as_nanos()).unwrap_or(u64::MAX);
        let due_ns = self.age_ns().saturating_add(every);
        self.due_ns.store(due_ns, Ordering::Relaxed);
    }

    fn end(&self, locks: &Locks) {
        if std::process::id() == self.pid {
            // The thread that holds the state may be one that the end of the process has stopped.
            if let Some(mut state) = self.state.try_lock_for(EVERY) {
                self.write(&mut state, locks);
            }
            self.writer.end();
        }
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

/// Sees to it that the record is complete when the process ends by `exit`.
pub(crate) fn flush_at_exit() {
    // SAFETY: the function lives as long as the library, which is never unloaded (`build.rs`). A
    // failure means that only the regular writes are kept, which is what a crash leaves as well.
    let _ = unsafe { libc::atexit(at_exit) };
}

extern "C" fn at_exit() {
    if let Some(process) = Process::existing()
        && let Some(record) = &process.record
    {
        record.end(&process.locks);
    }
}
