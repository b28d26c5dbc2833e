//! Where an op's time goes on its thread: the stages of its way, timed one after the other.
//!
//! The clock is read at every stage's end, which a trial of throughput must not do; so it is done in
//! trials of their own.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::duration;

/// Where the threads' time went during the measured iterations: sums over all ops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stages {
    /// Before the caller's lock is asked for and after it is released.
    pub outside_ns: u64,
    /// From asking for the caller's lock to having it.
    pub asking_ns: u64,
    /// From having it to the commit; also where there is no lock.
    pub encoding_ns: u64,
    /// In the commit.
    pub commit_ns: u64,
    /// In waits for the device.
    pub waiting_ns: u64,
}

impl Stages {
    /// The sum of both.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            outside_ns: self.outside_ns + other.outside_ns,
            asking_ns: self.asking_ns + other.asking_ns,
            encoding_ns: self.encoding_ns + other.encoding_ns,
            commit_ns: self.commit_ns + other.commit_ns,
            waiting_ns: self.waiting_ns + other.waiting_ns,
        }
    }
}

/// A clock that gives each stretch of time to one stage.
pub(crate) struct StageClock {
    last: Instant,
    stages: Stages,
}

impl StageClock {
    pub(crate) fn new() -> Self {
        Self {
            last: Instant::now(),
            stages: Stages::default(),
        }
    }

    /// Forgets what was timed.
    pub(crate) fn reset(&mut self) {
        self.stages = Stages::default();
    }

    pub(crate) fn stages(&self) -> Stages {
        self.stages
    }

    /// The time since the last call belongs to no stage.
    pub(crate) fn start(&mut self) {
        self.last = Instant::now();
    }

    /// The time since the last call belongs to this stage.
    pub(crate) fn end(&mut self, stage: impl FnOnce(&mut Stages) -> &mut u64) {
        let now = Instant::now();
        *stage(&mut self.stages) += duration::ns(now - self.last);
        self.last = now;
    }
}
