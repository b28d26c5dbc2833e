//! The runs: in each block every arm once, in random order, so that a slow minute hits all of them.

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

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    Program,
    Replica,
}

/// What is done to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    /// No library is loaded.
    Bare,
    /// The lock is watched, and so much added inside its holds and after them.
    Added { inside_ns: u64, outside_ns: u64 },
    /// The part of the replica's holds that is cut; no library is loaded.
    Cut(f64),
}

/// One arm of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Arm {
    pub(super) what: What,
    pub(super) change: Change,
}

impl Arm {
    pub(super) fn name(&self) -> String {
        let what = match self.what {
            What::Program => "program",
            What::Replica => "replica",
        };
        match self.change {
            Change::Bare => format!("{what} bare"),
            Change::Added {
                inside_ns: 0,
                outside_ns: 0,
            } => format!("{what} watched"),
            Change::Added {
                inside_ns,
                outside_ns: 0,
            } => format!("{what} {inside_ns} ns inside"),
            Change::Added { outside_ns, .. } => format!("{what} {outside_ns} ns after"),
            Change::Cut(part) => format!("{what} cut by {}%", part * 100.0),
        }
    }
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) block: u32,
    pub(super) arm: Arm,
    pub(super) seen: Seen,
}

/// Everything that is fixed beforehand.
pub(super) struct Experiment<'a> {
    pub(super) program: &'a [String],
    pub(super) choice: &'a Choice,
    pub(super) replica: Option<&'a Fitted>,
    pub(super) additions: Additions,
    pub(super) blocks: u32,
    pub(super) seed: u64,
}

pub(super) const WATCHED: Change = Change::Added {
    inside_ns: 0,
    outside_ns: 0,
};

impl Experiment<'_> {
    /// The changes by additions, those inside first.
    pub(super) fn added(&self) -> [Change; 3] {
        let [less, more] = self.additions.inside_ns;
        let inside = |inside_ns| Change::Added {
            inside_ns,
            outside_ns: 0,
        };
        [
            inside(less),
            inside(more),
            Change::Added {
                inside_ns: 0,
                outside_ns: self.additions.outside_ns,
            },
        ]
    }

    /// The arms of each block.
    fn arms(&self) -> Vec<Arm> {
        let both = [Change::Bare, WATCHED].into_iter().chain(self.added());
        let mut arms: Vec<Arm> = both
            .clone()
            .map(|change| Arm {
                what: What::Program,
                change,
            })
            .collect();
        if self.replica.is_some() {
            let cuts = CUTS.map(Change::Cut);
            arms.extend(both.chain(cuts).map(|change| Arm {
                what: What::Replica,
                change,
            }));
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
            for arm in arms {
                let seen = self.one(trials, arm)?;
                runs.push(Run { block, arm, seen });
            }
        }
        Ok(runs)
    }

    fn one(&self, trials: &mut Trials<'_>, arm: Arm) -> Result<Seen> {
        let delay = |all: bool| match arm.change {
            Change::Bare | Change::Cut(_) => None,
            Change::Added {
                inside_ns,
                outside_ns,
            } if all => Some(Fitted::delay(inside_ns, outside_ns)),
            Change::Added {
                inside_ns,
                outside_ns,
            } => Some(self.choice.delay(inside_ns, outside_ns)),
        };
        match (arm.what, self.replica) {
            (What::Replica, Some(replica)) => {
                let cut = match arm.change {
                    Change::Cut(part) => part,
                    _ => 0.0,
                };
                trials.replica(&replica.command(cut), delay(true).as_ref())
            }
            _ => trials.program(self.program, delay(false).as_ref()),
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
