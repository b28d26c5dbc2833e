//! What a calibration has found, so that another process can have it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// What makes a timed kernel take its time on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimedWork {
    /// The time that was asked for.
    pub asked_ns: u64,
    /// Workgroups.
    pub groups: u32,
    /// Iterations of each.
    pub iterations: u32,
    /// The time that it took when it was calibrated.
    pub took_ns: u64,
}

impl fmt::Display for TimedWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            asked_ns,
            groups,
            iterations,
            took_ns,
        } = self;
        write!(f, "{asked_ns}:{groups}x{iterations}:{took_ns}")
    }
}

impl FromStr for TimedWork {
    type Err = Error;

    /// `ASKED_NS:GROUPSxITERATIONS:TOOK_NS`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let (asked_ns, rest) = text.split_once(':')?;
            let (work, took_ns) = rest.split_once(':')?;
            let (groups, iterations) = work.split_once('x')?;
            Some(Self {
                asked_ns: asked_ns.parse().ok()?,
                groups: groups.parse().ok()?,
                iterations: iterations.parse().ok()?,
                took_ns: took_ns.parse().ok()?,
            })
        };
        read().ok_or_else(|| Error::BadTimedWork {
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timed_work_reads_as_it_is_written() {
        let text = "110000:4096x512:109876";
        let work: TimedWork = text.parse().unwrap();
        assert_eq!((work.asked_ns, work.groups), (110_000, 4096));
        assert_eq!((work.iterations, work.took_ns), (512, 109_876));
        assert_eq!(work.to_string(), text);
        for bad in ["", "1:2:3", "1:2x3", "a:2x3:4", "1:2x-3:4"] {
            assert!(bad.parse::<TimedWork>().is_err(), "{bad}");
        }
    }
}
