//! Which lock the others are compared with.

use locktoll_gpu::Protection;
use locktoll_guard::Strategy;

use crate::plan::{Arm, Config};
use crate::samples::{Outcome, Samples};

/// Locks in the order of what they are expected to cost where nothing is known: whether they are
/// taken per op or per call, then how many encoders one lock covers. Fixed beforehand, so that a
/// baseline is never chosen by its own measured value. Commands of the user's are all alike.
pub fn expected_cost(config: &Config) -> (bool, u8) {
    let Some(lock) = config.lock() else {
        return (false, 0);
    };
    let interposed = matches!(lock, Protection::Interposed(_));
    let covers = match lock.strategy() {
        Strategy::None => 0,
        Strategy::PerEncoder => 1,
        Strategy::PerQueue => 2,
        Strategy::Throttle(_) => 3,
        Strategy::Global => 4,
    };
    (interposed, covers)
}

/// The baseline of a run as far as it was measured, and why it is not `none` or not the planned one.
///
/// It is the planned one, unless its bare trials crash: what survives of a crashing lock is a
/// selection, so the first lock in the order of [`expected_cost`] that never crashed takes its
/// place. A baseline that the user named is kept.
pub fn in_force(samples: &Samples) -> (&Config, Option<String>) {
    let plan = &samples.header.plan;
    let planned = &plan.baseline;
    let crashes = |config: &Config| {
        samples.trials.iter().any(|trial| {
            trial.cell.arm == Arm::Bare
                && &trial.cell.config == config
                && matches!(trial.outcome, Outcome::Crashed(_))
        })
    };
    if plan.baseline_named || !crashes(planned) {
        return (planned, plan.baseline_reason.clone());
    }
    let safe = plan.configs.iter().filter(|&config| !crashes(config));
    match safe.min_by_key(|config| expected_cost(config)) {
        Some(lock) if lock.lock().is_none() => {
            let reason = format!("{planned} crashed; {lock} is the first that did not");
            (lock, Some(reason))
        }
        Some(lock) => {
            let reason = format!(
                "{planned} crashed, and of those that did not, {lock} is expected to cost least"
            );
            (lock, Some(reason))
        }
        None => (planned, Some("every strategy crashed".to_owned())),
    }
}
