//! Known time that a device adds to its own work, so that an experiment can see what it does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::pause;

/// Times added to each command buffer, and the time that was added in fact. Clones share the sum.
///
/// ```
/// use locktoll_gpu::Perturbation;
///
/// let perturbation = Perturbation::default().submission(20_000);
/// assert_eq!(perturbation.spent_ns(), 0);
/// ```
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_field_names)] // they are all times
pub struct Perturbation {
    encoding_ns: u64,
    submission_ns: u64,
    execution_ns: u64,
    spent: Arc<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    ns: AtomicU64,
    /// Where a driver counts by itself what it has added, and what it had counted before.
    by_driver: OnceLock<(fn() -> u64, u64)>,
}

impl Perturbation {
    /// Spins for so many nanoseconds in `end_encoding`: inside whatever lock is held there, be it
    /// the caller's or one that was slipped in. On the soft device only.
    #[must_use]
    pub fn encoding(self, ns: u64) -> Self {
        Self {
            encoding_ns: ns,
            ..self
        }
    }

    /// Spins for so many nanoseconds in the submission, where the queue takes one thread at a time.
    #[must_use]
    pub fn submission(self, ns: u64) -> Self {
        Self {
            submission_ns: ns,
            ..self
        }
    }

    /// Adds so many nanoseconds to the execution. On the soft device only; elsewhere a kernel does
    /// that.
    #[must_use]
    pub fn execution(self, ns: u64) -> Self {
        Self {
            execution_ns: ns,
            ..self
        }
    }

    /// The time that has been added so far, by all threads.
    pub fn spent_ns(&self) -> u64 {
        let by_driver = self.spent.by_driver.get();
        let by_driver_ns = by_driver.map_or(0, |(total_ns, before_ns)| total_ns() - before_ns);
        self.spent.ns.load(Ordering::Relaxed) + by_driver_ns
    }

    /// The times for encoding, submission and execution, for a driver that adds them itself.
    #[cfg(feature = "objc")]
    pub(crate) const fn times_ns(&self) -> [u64; 3] {
        [self.encoding_ns, self.submission_ns, self.execution_ns]
    }

    /// From now on, what such a driver adds is part of what was spent. It counts once.
    #[cfg(feature = "objc")]
    pub(crate) fn is_spent_by(&self, total_ns: fn() -> u64) {
        self.spent.by_driver.get_or_init(|| (total_ns, total_ns()));
    }

    pub(crate) fn encode(&self) {
        self.spin(self.encoding_ns);
    }

    #[cfg(target_os = "macos")]
    pub(crate) fn delays_submission(&self) -> bool {
        self.submission_ns > 0
    }

    pub(crate) fn submit(&self) {
        self.spin(self.submission_ns);
    }

    /// Counts the added execution of one command buffer, and gives it.
    pub(crate) fn execution_ns(&self) -> u64 {
        if self.execution_ns > 0 {
            self.spent
                .ns
                .fetch_add(self.execution_ns, Ordering::Relaxed);
        }
        self.execution_ns
    }

    fn spin(&self, ns: u64) {
        if ns > 0 {
            self.spent.ns.fetch_add(pause::spin(ns), Ordering::Relaxed);
        }
    }
}
