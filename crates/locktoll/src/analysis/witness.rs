//! Utilisations as a witness of their own: do they agree with what the interventions say?
//!
//! By the utilisation law (Denning and Buzen 1978) a resource is busy for U = X · demand of the time.
//! No more of the time per op can come from it than that, and where it is always busy, everything
//! does.

use locktoll_report::format::{percent_interval, share};
use locktoll_report::model::{Part, Share, Utilisation, Witness};

/// How far a share may lie above the utilisation: what the clocks of two kinds of trials differ by.
const SLACK: f64 = 0.1;
/// From here on a resource counts as always busy.
const SATURATED: f64 = 0.95;
/// An always busy resource has at least this share.
const LEAST_WHEN_SATURATED: f64 = 0.5;

/// One witness for each resource of which the utilisation is known.
pub(super) fn all(found: &Utilisation, shares: &[Share], cores: Option<u64>) -> Vec<Witness> {
    // Threads that take turns keep one core busy between them, so it is in cores that a share has its bound.
    let of_one_core = cores.map_or(1.0, |cores| cores as f64);
    [
        (Part::Lock, found.lock),
        (Part::Device, found.device),
        (Part::Encode, found.cpu.map(|cpu| cpu * of_one_core)),
    ]
    .into_iter()
    .filter_map(|(part, utilisation)| {
        let row = shares.iter().find(|row| row.part == part)?;
        witness(part, utilisation?, row)
    })
    .collect()
}

fn witness(part: Part, utilisation: f64, row: &Share) -> Option<Witness> {
    let estimate = row.share?;
    let [lo, hi] = estimate.ci?;
    let what = match part {
        Part::Lock => format!("the lock is held for {} of the time", share(utilisation)),
        Part::Device => format!("the device is busy for {} of the time", share(utilisation)),
        _ => format!("the encoding threads keep {utilisation:.2} cores busy"),
    };
    let seen = format!(
        "{what}, and {} ({}) of the time per op comes from it",
        share(estimate.estimate),
        percent_interval([lo, hi])
    );
    let more_than_busy = lo > utilisation + SLACK;
    // Several cores may be busy with what does not hold anything up, such as spinning.
    let busy_for_nothing =
        part == Part::Device && utilisation > SATURATED && hi < LEAST_WHEN_SATURATED;
    let statement = if more_than_busy {
        format!("{seen}, which is more than it was busy")
    } else if busy_for_nothing {
        format!("{seen}, though it was never idle")
    } else {
        seen
    };
    Some(Witness {
        part,
        utilisation,
        agrees: !more_than_busy && !busy_for_nothing,
        statement,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use locktoll_report::model::Estimate;

    fn device(utilisation: f64, lo: f64, hi: f64) -> bool {
        let row = Share {
            part: Part::Device,
            demand_ns: None,
            share: Some(Estimate {
                estimate: f64::midpoint(lo, hi),
                ci: Some([lo, hi]),
            }),
        };
        witness(Part::Device, utilisation, &row).unwrap().agrees
    }

    #[test]
    fn threads_that_take_turns_may_owe_more_to_the_cpu_than_each_of_them_uses() {
        let row = Share {
            part: Part::Encode,
            demand_ns: None,
            share: Some(Estimate {
                estimate: 0.46,
                ci: Some([0.44, 0.48]),
            }),
        };
        // 4 of 8 cores' worth of threads, of which one works at a time.
        let found = Utilisation {
            cpu: Some(0.46 / 8.0),
            lock: None,
            device: None,
            voluntary_switches_per_op: None,
            involuntary_switches_per_op: None,
        };
        assert!(all(&found, std::slice::from_ref(&row), Some(8))[0].agrees);
        let idle = Utilisation {
            cpu: Some(0.02),
            ..found
        };
        assert!(!all(&idle, &[row], Some(8))[0].agrees);
    }

    #[test]
    fn the_utilisation_law_is_held_against_the_share() {
        assert!(device(0.99, 0.95, 1.02));
        assert!(device(0.5, 0.45, 0.55));
        // More of the time than it was busy.
        assert!(!device(0.3, 0.5, 0.6));
        // Never idle, and yet nothing comes from it.
        assert!(!device(0.99, 0.0, 0.2));
        // Idle half of the time, and in nobody's way.
        assert!(device(0.5, -0.02, 0.02));
    }
}
