//! Where an object is in its life, in one word.
//!
//! ```text
//! unknown → open → ended → dying → (forgotten)
//!             ↑______|  a driver that takes an encoder up again
//! ```
//!
//! The word also holds whether a reference of ours keeps the object, and a number that grows with
//! each new life. So a change that was decided on for one life can never befall another, and no two
//! threads can both end an encoder, or both let it go.

use core::sync::atomic::{AtomicU64, Ordering};

/// Where an object is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not met yet.
    Unknown,
    /// May be used.
    Open,
    /// The program or the driver has ended it.
    Ended,
    /// Its memory is being freed.
    Dying,
}

/// The word as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(u64);

/// The word.
#[derive(Default)]
pub(crate) struct Life(AtomicU64);

const PHASE: u64 = 0b11;
const KEPT: u64 = 0b100;
const ONE_LIFE: u64 = 0b1000;

impl Moment {
    #[inline]
    pub(crate) fn phase(self) -> Phase {
        match self.0 & PHASE {
            0 => Phase::Unknown,
            1 => Phase::Open,
            2 => Phase::Ended,
            _ => Phase::Dying,
        }
    }

    /// Whether a reference of ours keeps the object.
    pub(crate) fn is_kept(self) -> bool {
        self.0 & KEPT != 0
    }

    fn with(self, phase: Phase) -> Self {
        Moment(self.0 & !PHASE | phase as u64)
    }
}

impl Life {
    /// The order of all these accesses, and of the counts of threads inside (see `encoders`), is
    /// one: who ends an object and then finds nobody inside is seen by all who come later.
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::SeqCst))
    }

    /// Begins a life, which is open. Returns what was before.
    pub(crate) fn begin(&self, kept: bool) -> Moment {
        let change = |word: u64| {
            let next = (word & !(PHASE | KEPT)).wrapping_add(ONE_LIFE);
            Some(next | Phase::Open as u64 | if kept { KEPT } else { 0 })
        };
        let before = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, change);
        Moment(before.unwrap_or_else(|word| word))
    }

    /// Goes on to a phase, if nothing has changed since `from`.
    pub(crate) fn pass(&self, from: Moment, to: Phase) -> Result<Moment, Moment> {
        self.change(from, from.with(to))
    }

    /// Takes our reference out of the word, if nothing has changed since `from`: who succeeds has
    /// to release the object.
    pub(crate) fn take_kept(&self, from: Moment) -> bool {
        from.is_kept() && self.change(from, Moment(from.0 & !KEPT)).is_ok()
    }

    fn change(&self, from: Moment, to: Moment) -> Result<Moment, Moment> {
        self.0
            .compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::SeqCst)
            .map(|_| to)
            .map_err(Moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_runs_once_and_lets_go_once() {
        let life = Life::default();
        assert_eq!(life.now().phase(), Phase::Unknown);
        assert_eq!(life.begin(true).phase(), Phase::Unknown);
        let open = life.now();
        assert_eq!((open.phase(), open.is_kept()), (Phase::Open, true));
        let ended = life.pass(open, Phase::Ended).expect("nothing changed");
        assert_eq!(life.pass(open, Phase::Ended), Err(ended));
        assert!(life.take_kept(ended));
        assert!(!life.take_kept(ended));
        assert!(!life.take_kept(life.now()));
    }

    #[test]
    fn a_decision_about_one_life_does_not_befall_the_next() {
        let life = Life::default();
        life.begin(true);
        let ended = life
            .pass(life.now(), Phase::Ended)
            .expect("nothing changed");
        assert!(life.begin(true).is_kept());
        let ended_again = life
            .pass(life.now(), Phase::Ended)
            .expect("nothing changed");
        assert!(!life.take_kept(ended));
        assert!(life.pass(ended, Phase::Dying).is_err());
        assert!(life.take_kept(ended_again));
    }
}
