//! `--max-cost`: from a result to an exit code.
//!
//! A lock passes when its whole interval is at or below the limit and fails when its whole
//! interval is above; otherwise the question is not settled. Nor is it where nothing was compared
//! or where the A/A arm failed: such a run can neither pass nor fail a lock.

use locktoll_report::evidence::{AaOutcome, a_a};
use locktoll_report::format::{given_percent, plural};
use locktoll_report::model::{Role, RunResult};

/// What the policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every lock is within the limit.
    Within,
    /// These locks cost more than allowed.
    Exceeded(Vec<String>),
    /// No lock is shown to exceed the limit, but not all are shown to be within it: why.
    Unsettled(Vec<String>),
}

impl Outcome {
    /// The exit code of the contract.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Within => 0,
            Self::Exceeded(_) => 10,
            Self::Unsettled(_) => 11,
        }
    }

    /// One sentence for people.
    pub fn describe(&self, max_cost: f64) -> String {
        let limit = given_percent(max_cost);
        match self {
            Self::Within => format!("Policy: every lock costs at most {limit}."),
            Self::Exceeded(locks) => {
                format!("Policy failed: more than {limit} for {}.", locks.join(", "))
            }
            Self::Unsettled(reasons) => {
                format!("Policy of {limit} not settled: {}.", reasons.join(", "))
            }
        }
    }
}

/// Judges the strategy comparisons of a result.
pub fn judge(result: &RunResult, max_cost: f64) -> Outcome {
    if a_a(result) == AaOutcome::Failed {
        return Outcome::Unsettled(vec!["the A/A arm failed".into()]);
    }
    let (mut exceeded, mut unsettled) = (Vec::new(), Vec::new());
    let mut compared = false;
    for row in result
        .comparisons
        .iter()
        .filter(|row| row.role == Role::Strategy)
    {
        compared = true;
        let name = match row.threads {
            Some(1) => format!("{} at 1 thread", row.test),
            Some(threads) => {
                format!("{} at {}", row.test, plural(threads.into(), "thread"))
            }
            None => row.test.clone(),
        };
        match row.overhead.ci {
            Some([lo, _]) if lo > max_cost => exceeded.push(name),
            Some([_, hi]) if hi <= max_cost => {}
            Some(_) => unsettled.push(format!("it lies inside the interval of {name}")),
            None => unsettled.push(format!("there is no interval of {name}")),
        }
    }
    if !compared {
        unsettled.push("nothing was compared".into());
    }
    if !exceeded.is_empty() {
        Outcome::Exceeded(exceeded)
    } else if !unsettled.is_empty() {
        Outcome::Unsettled(unsettled)
    } else {
        Outcome::Within
    }
}
