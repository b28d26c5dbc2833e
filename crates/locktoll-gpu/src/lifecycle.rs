//! The order in which calls on a command buffer make sense, and who of several callers wins.
//!
//! One word, changed by compare-and-exchange: calls that overlap against the device's contract
//! endanger the driver, not this.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

/// Which of its command buffer's encoders this is, counted from 0.
pub(crate) type EncoderSerial = u32;

/// A command buffer's stage.
///
/// | bits | meaning |
/// |---|---|
/// | 32–63 | encoders opened so far |
/// | 3 | the driver has ended its recording; nothing can be added |
/// | 2 | committed |
/// | 1 | a commit is under way |
/// | 0 | the encoder opened last is open |
#[derive(Debug, Default)]
pub(crate) struct Lifecycle(AtomicU64);

const OPEN: u64 = 1;
const COMMITTING: u64 = 1 << 1;
const COMMITTED: u64 = 1 << 2;
const ENDED: u64 = 1 << 3;
const ONE_ENCODER: u64 = 1 << 32;

impl Lifecycle {
    pub(crate) fn open_encoder(&self) -> Result<EncoderSerial, Error> {
        let call = "encoder";
        let before = self.change(|state| {
            check_unfinished(state, call)?;
            if state & ENDED != 0 {
                return Err(Error::Committed { call });
            }
            Ok(state.wrapping_add(ONE_ENCODER) | OPEN)
        })?;
        Ok(opened(before))
    }

    pub(crate) fn check_open(
        &self,
        encoder: EncoderSerial,
        call: &'static str,
    ) -> Result<(), Error> {
        check_open(self.0.load(Ordering::Acquire), encoder, call)
    }

    pub(crate) fn end_encoding(&self, encoder: EncoderSerial) -> Result<(), Error> {
        self.change(|state| {
            check_open(state, encoder, "end_encoding")?;
            Ok(state & !OPEN)
        })?;
        Ok(())
    }

    /// Makes the caller the one who commits, until it calls one of the two below. Says whether the
    /// driver has ended the recording already, in a commit that failed later.
    pub(crate) fn begin_commit(&self) -> Result<bool, Error> {
        let before = self.change(|state| {
            check_unfinished(state, "commit")?;
            Ok(state | COMMITTING)
        })?;
        Ok(before & ENDED != 0)
    }

    pub(crate) fn commit_done(&self) {
        self.0.fetch_or(COMMITTED | ENDED, Ordering::AcqRel);
    }

    pub(crate) fn commit_failed(&self, ended: bool) {
        if ended {
            self.0.fetch_or(ENDED, Ordering::AcqRel);
        }
        self.0.fetch_and(!COMMITTING, Ordering::AcqRel);
    }

    pub(crate) fn is_committed(&self) -> bool {
        self.0.load(Ordering::Acquire) & COMMITTED != 0
    }

    /// Whether the driver is still recording.
    pub(crate) fn is_recording(&self) -> bool {
        self.0.load(Ordering::Acquire) & ENDED == 0
    }

    /// Applies `to`; returns the state before.
    fn change(&self, to: impl Fn(u64) -> Result<u64, Error>) -> Result<u64, Error> {
        let mut state = self.0.load(Ordering::Acquire);
        loop {
            let next = to(state)?;
            match self
                .0
                .compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(before) => return Ok(before),
                Err(seen) => state = seen,
            }
        }
    }
}

const fn opened(state: u64) -> u32 {
    (state >> 32) as u32
}

fn check_unfinished(state: u64, call: &'static str) -> Result<(), Error> {
    if state & (COMMITTED | COMMITTING) != 0 {
        Err(Error::Committed { call })
    } else if state & OPEN != 0 {
        Err(Error::EncoderOpen { call })
    } else {
        Ok(())
    }
}

fn check_open(state: u64, encoder: EncoderSerial, call: &'static str) -> Result<(), Error> {
    if state & OPEN != 0 && opened(state) == encoder.wrapping_add(1) {
        Ok(())
    } else if state & (COMMITTED | COMMITTING) != 0 {
        Err(Error::Committed { call })
    } else {
        Err(Error::EncoderEnded { call })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn one_encoder_at_a_time_and_none_after_the_commit() {
        let stage = Lifecycle::default();
        let first = stage.open_encoder().unwrap();
        assert!(matches!(
            stage.open_encoder(),
            Err(Error::EncoderOpen { call: "encoder" })
        ));
        assert!(matches!(
            stage.begin_commit(),
            Err(Error::EncoderOpen { call: "commit" })
        ));
        stage.end_encoding(first).unwrap();
        let second = stage.open_encoder().unwrap();
        assert!(matches!(
            stage.check_open(first, "dispatch"),
            Err(Error::EncoderEnded { call: "dispatch" })
        ));
        stage.check_open(second, "dispatch").unwrap();
        stage.end_encoding(second).unwrap();
        assert!(!stage.begin_commit().unwrap());
        stage.commit_done();
        assert!(stage.is_committed() && !stage.is_recording());
        assert!(matches!(
            stage.open_encoder(),
            Err(Error::Committed { call: "encoder" })
        ));
        assert!(matches!(
            stage.check_open(second, "set_value"),
            Err(Error::Committed { call: "set_value" })
        ));
    }

    #[test]
    fn a_failed_commit_can_be_repeated_but_not_added_to() {
        let stage = Lifecycle::default();
        assert!(!stage.begin_commit().unwrap());
        stage.commit_failed(false);
        assert!(stage.is_recording());
        assert!(!stage.begin_commit().unwrap());
        stage.commit_failed(true);
        assert!(!stage.is_committed() && !stage.is_recording());
        assert!(matches!(
            stage.open_encoder(),
            Err(Error::Committed { call: "encoder" })
        ));
        assert!(stage.begin_commit().unwrap());
    }

    #[test]
    fn of_racing_ends_and_commits_one_wins() {
        const THREADS: usize = 4;
        let race = |call: &(dyn Fn() -> bool + Sync)| {
            let barrier = Barrier::new(THREADS);
            thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS)
                    .map(|_| {
                        scope.spawn(|| {
                            barrier.wait();
                            call()
                        })
                    })
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| usize::from(thread.join().unwrap()))
                    .sum::<usize>()
            })
        };
        for _ in 0..200 {
            let stage = Lifecycle::default();
            assert_eq!(race(&|| stage.open_encoder().is_ok()), 1);
            assert_eq!(race(&|| stage.end_encoding(0).is_ok()), 1);
            assert_eq!(race(&|| stage.begin_commit().is_ok()), 1);
        }
    }
}
