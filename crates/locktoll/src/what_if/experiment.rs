//! The runs: in each block every arm once, in random order, so that a slow minute hits all of them.

use locktoll_report::what_if::model::{Change, Subject};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;

use super::choice::Choice;
use super::fitting::Fitted;
use super::trial::{Seen, Trials};
use crate::error::Result;

/// Parts of the replica's holds that are cut.
pub(super) const CUTS: [f64; 3] = [0.25, 0.5, 0.75];

/// Times that are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Additions {
    /// Two levels inside the holds.
    pub(super) inside_ns: [u64; 2],
    /// One after them.
    pub(super) outside_ns: u64,
}

impl Additions {
    /// At most a hold, so that even without the hold a gain is within what was tested; or the part `least` of
    /// the time between two acquisitions where that is longer.
    pub(super) fn new(hold_ns: f64, turn_ns: f64, least: f64) -> Self {
        let most = hold_ns.max(least * turn_ns).max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and saturates"
        )]
        let ns = |ns: f64| ns.ceil() as u64;
        Self {
            inside_ns: [ns(most / 2.0), ns(most)],
            outside_ns: ns(most),
        }
    }
}

/// Time added inside the holds, and after them; `None` where the library is not loaded.
fn additions(change: Change) -> Option<[u64; 2]> {
    match change {
        Change::Bare | Change::Cut { .. } => None,
        Change::Watched => Some([0, 0]),
        Change::Inside { ns } => Some([ns, 0]),
        Change::After { ns } => Some([0, ns]),
    }
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) block: u32,
    pub(super) subject: Subject,
    pub(super) change: Change,
    pub(super) seen: Seen,
}

/// Everything that is fixed beforehand.
pub(super) struct Experiment<'a> {
    pub(super) program: &'a [String],
    pub(super) choice: &'a Choice,
    pub(super) replica: Option<&'a Fitted>,
    pub(super) additions: Additions,
    /// Whether a run without the library has a time.
    pub(super) is_seen_bare: bool,
    pub(super) blocks: u32,
    pub(super) seed: u64,
}

impl Experiment<'_> {
    /// What is added, inside the holds first.
    pub(super) fn added(&self) -> [Change; 3] {
        let [less, more] = self.additions.inside_ns;
        [
            Change::Inside { ns: less },
            Change::Inside { ns: more },
            Change::After {
                ns: self.additions.outside_ns,
            },
        ]
    }

    /// What each block runs, and how changed.
    fn arms(&self) -> Vec<(Subject, Change)> {
        let bare = [Change::Bare].into_iter();
        let watched = || [Change::Watched].into_iter().chain(self.added());
        let mut arms: Vec<(Subject, Change)> = bare
            .clone()
            .filter(|_| self.is_seen_bare)
            .chain(watched())
            .map(|change| (Subject::Program, change))
            .collect();
        if self.replica.is_some() {
            let cuts = CUTS.map(|fraction| Change::Cut { fraction });
            let all = bare.chain(watched()).chain(cuts);
            arms.extend(all.map(|change| (Subject::Replica, change)));
        }
        arms
    }

    /// Runs all; `began` is told of each block.
    ///
    /// # Errors
    /// A run fails.
    pub(super) fn run(
        &self,
        trials: &mut Trials<'_>,
        mut began: impl FnMut(u32),
    ) -> Result<Vec<Run>> {
        let mut random = Pcg64Mcg::seed_from_u64(self.seed);
        let mut runs = Vec::new();
        for block in 0..self.blocks {
            began(block + 1);
            let mut arms = self.arms();
            arms.shuffle(&mut random);
            for (subject, change) in arms {
                let seen = self.one(trials, subject, change)?;
                runs.push(Run {
                    block,
                    subject,
                    change,
                    seen,
                });
            }
        }
        Ok(runs)
    }

    fn one(&self, trials: &mut Trials<'_>, subject: Subject, change: Change) -> Result<Seen> {
        let added = additions(change);
        if let (Subject::Replica, Some(replica)) = (subject, self.replica) {
            let cut = match change {
                Change::Cut { fraction } => fraction,
                _ => 0.0,
            };
            let delay = added.map(|[inside, after]| Fitted::delay(inside, after));
            trials.replica(&replica.command(cut), delay.as_ref())
        } else {
            let delay = added.map(|[inside, after]| self.choice.delay(inside, after));
            trials.program(self.program, delay.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_added_as_a_hold_or_as_can_be_seen() {
        let found = Additions::new(200.0, 300.0, 0.1);
        assert_eq!((found.inside_ns, found.outside_ns), ([100, 200], 200));
        let found = Additions::new(200.0, 100_000.0, 0.1);
        assert_eq!(
            (found.inside_ns, found.outside_ns),
            ([5_000, 10_000], 10_000)
        );
    }
}
