//! `--max-cost`: from the comparisons of a run to an exit code.
//!
//! A lock passes when its whole interval is at or below the limit and fails when its whole
//! interval is above; otherwise the question is not settled.

use locktoll_report::model::{Comparison, Role};

/// What the policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every lock is within the limit.
    Within,
    /// These locks cost more than allowed.
    Exceeded(Vec<String>),
    /// No lock is shown to exceed the limit, but these are not shown to be within it.
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
        let limit = max_cost * 100.0;
        match self {
            Self::Within => format!("Policy: every lock costs at most {limit}%."),
            Self::Exceeded(locks) => {
                format!(
                    "Policy failed: more than {limit}% for {}.",
                    locks.join(", ")
                )
            }
            Self::Unsettled(locks) => {
                format!(
                    "Policy not settled: {limit}% lies inside the interval of {}.",
                    locks.join(", ")
                )
            }
        }
    }
}

/// Judges the strategy comparisons of a run.
pub fn judge(comparisons: &[Comparison], max_cost: f64) -> Outcome {
    let (mut exceeded, mut unsettled) = (Vec::new(), Vec::new());
    for row in comparisons.iter().filter(|row| row.role == Role::Strategy) {
        let name = match row.threads {
            Some(threads) => format!("{} at {threads} threads", row.test),
            None => row.test.clone(),
        };
        match row.overhead.ci {
            Some([lo, _]) if lo > max_cost => exceeded.push(name),
            Some([_, hi]) if hi <= max_cost => {}
            _ => unsettled.push(name),
        }
    }
    if !exceeded.is_empty() {
        Outcome::Exceeded(exceeded)
    } else if !unsettled.is_empty() {
        Outcome::Unsettled(unsettled)
    } else {
        Outcome::Within
    }
}
