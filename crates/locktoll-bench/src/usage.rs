//! What processes have used, as the system counts it.

use nix::sys::resource::Usage as Counted;
use nix::sys::time::TimeValLike as _;

use crate::samples::Usage;

/// What was used between two readings.
pub(crate) fn between(before: &Counted, after: &Counted) -> Usage {
    let count = |of: &dyn Fn(&Counted) -> i64| {
        u64::try_from(of(after).saturating_sub(of(before))).unwrap_or_default()
    };
    Usage {
        user_ns: count(&|usage| usage.user_time().num_nanoseconds()),
        system_ns: count(&|usage| usage.system_time().num_nanoseconds()),
        voluntary_switches: count(&|usage| usage.voluntary_context_switches()),
        involuntary_switches: count(&|usage| usage.involuntary_context_switches()),
    }
}
