//! Who takes the lock: the caller, or an entry slipped under it.

use std::fmt;
use std::str::FromStr;

use locktoll_guard::Strategy;

use crate::Error;

const INTERPOSED: &str = "interposed:";

/// A lock strategy, and the place from which it is applied.
///
/// Written as the strategy alone (`per-encoder`) where the caller takes the lock, and with
/// `interposed:` before it (`interposed:per-encoder`) where the driver's method table does.
/// `interposed:none` takes no lock and so costs what the replaced table itself costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// The caller enters the guard round its calls.
    Caller(Strategy),
    /// The caller is unchanged; [`interpose`](crate::interpose) puts the guard under it.
    Interposed(Strategy),
}

impl Protection {
    /// The strategy, whoever applies it.
    pub const fn strategy(self) -> Strategy {
        match self {
            Self::Caller(strategy) | Self::Interposed(strategy) => strategy,
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller(strategy) => write!(f, "{strategy}"),
            Self::Interposed(strategy) => write!(f, "{INTERPOSED}{strategy}"),
        }
    }
}

impl FromStr for Protection {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |source| Error::UnknownProtection {
            text: text.to_owned(),
            source,
        };
        match text.strip_prefix(INTERPOSED) {
            Some(strategy) => strategy.parse().map(Self::Interposed).map_err(refused),
            None => text.parse().map(Self::Caller).map_err(refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn the_prefix_says_who_locks() {
        let two = NonZeroU32::new(2).unwrap();
        for (text, protection) in [
            ("none", Protection::Caller(Strategy::None)),
            ("global", Protection::Caller(Strategy::Global)),
            ("interposed:none", Protection::Interposed(Strategy::None)),
            (
                "interposed:global",
                Protection::Interposed(Strategy::Global),
            ),
            (
                "interposed:per-encoder",
                Protection::Interposed(Strategy::PerEncoder),
            ),
            (
                "interposed:per-queue",
                Protection::Interposed(Strategy::PerQueue),
            ),
            (
                "interposed:throttle:2",
                Protection::Interposed(Strategy::Throttle(two)),
            ),
        ] {
            assert_eq!(text.parse::<Protection>().unwrap(), protection);
            assert_eq!(protection.to_string(), text);
        }
    }

    #[test]
    fn a_bad_strategy_is_named_with_its_cause() {
        for text in [
            "",
            "mutex",
            "interposed:",
            "interposed:mutex",
            "interposed:interposed:none",
        ] {
            let error = text.parse::<Protection>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
            assert!(error.source().is_some());
        }
    }
}
