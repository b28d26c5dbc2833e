//! What an acquisition costs when nobody else wants the lock.
//!
//! A baseline that takes locks itself hides this cost from every overhead measured against it;
//! the report multiplies it with the acquisitions per op to say how much is left out.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use locktoll_gpu::Protection;
use locktoll_guard::{Address, Guard, Instrument, OwnedLock, Site};

use crate::plan::Config;

/// Rounds of which the median is taken: single rounds are disturbed on a shared machine.
const ROUNDS: usize = 15;
/// Acquisitions in a round.
const PER_ROUND: u32 = 20_000;

/// Nanoseconds per uncontended acquisition and release of each lock that locktoll takes, by name.
pub fn uncontended_ns(configs: &[Config]) -> BTreeMap<String, f64> {
    configs
        .iter()
        .filter(|config| config.takes_locks())
        .filter_map(|config| Some((config.to_string(), median(config.lock()?))))
        .collect()
}

fn median(protection: Protection) -> f64 {
    let guard = Guard::new(protection.strategy(), Instrument::Bare);
    let (queue, encoder) = (OwnedLock::new(), OwnedLock::new());
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..PER_ROUND {
                let section = match protection {
                    Protection::Caller(_) => guard.enter(Site {
                        queue: black_box(&queue),
                        encoder: black_box(&encoder),
                    }),
                    Protection::Interposed(_) => guard.enter_at(black_box(Address {
                        queue: 64,
                        encoder: 128,
                    })),
                };
                drop(black_box(section));
            }
            start.elapsed().as_nanos() as f64 / f64::from(PER_ROUND)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
