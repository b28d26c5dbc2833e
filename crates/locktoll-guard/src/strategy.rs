//! Which lock protects encoding, and how closely it is watched.

use core::fmt;
use core::num::NonZeroU32;
use core::str::FromStr;

/// Which lock a [`Guard`](crate::Guard) takes for a section.
///
/// Written as `none`, `global`, `per-encoder`, `per-queue` or `throttle:K`.
///
/// ```
/// use locktoll_guard::Strategy;
///
/// let strategy: Strategy = "throttle:2".parse()?;
/// assert_eq!(strategy.to_string(), "throttle:2");
/// # Ok::<(), locktoll_guard::ParseStrategyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// No lock.
    None,
    /// One lock for everything.
    Global,
    /// One lock for each encoder.
    PerEncoder,
    /// One lock for each queue.
    PerQueue,
    /// At most this many sections at once, whatever they touch.
    Throttle(NonZeroU32),
}

/// What a [`Guard`](crate::Guard) does besides taking locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instrument {
    /// Nothing: throughput is measured with these.
    Bare,
    /// Counts acquisitions and contentions, and times waits and a sample of holds.
    Counted,
    /// As [`Counted`](Self::Counted), but times every hold: for locks whose rare long holds a sample
    /// would miss, where the cost of two looks at the clock does not matter.
    Timed,
}

impl Instrument {
    /// `Counted` or `Bare`.
    pub const fn counted_if(wanted: bool) -> Self {
        if wanted {
            Instrument::Counted
        } else {
            Instrument::Bare
        }
    }

    /// Whether acquisitions are counted.
    pub const fn counts(self) -> bool {
        !matches!(self, Instrument::Bare)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::None => f.pad("none"),
            Strategy::Global => f.pad("global"),
            Strategy::PerEncoder => f.pad("per-encoder"),
            Strategy::PerQueue => f.pad("per-queue"),
            Strategy::Throttle(permits) => f.pad(&format!("throttle:{permits}")),
        }
    }
}

impl FromStr for Strategy {
    type Err = ParseStrategyError;

    fn from_str(text: &str) -> Result<Self, ParseStrategyError> {
        let error = || ParseStrategyError { text: text.into() };
        match text {
            "none" => Ok(Strategy::None),
            "global" => Ok(Strategy::Global),
            "per-encoder" => Ok(Strategy::PerEncoder),
            "per-queue" => Ok(Strategy::PerQueue),
            _ => {
                let permits = text.strip_prefix("throttle:").ok_or_else(error)?;
                // `NonZeroU32` would also take a sign, which no other program writes.
                if !permits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(error());
                }
                permits.parse().map(Strategy::Throttle).map_err(|_| error())
            }
        }
    }
}

/// A text that names no [`Strategy`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseStrategyError {
    text: Box<str>,
}

impl fmt::Display for ParseStrategyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown strategy {:?}: the choices are none, global, per-encoder, per-queue and \
             throttle:K, K from 1 to {}",
            self.text,
            u32::MAX
        )
    }
}

impl core::error::Error for ParseStrategyError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::Strategy as Generator;

    use super::{NonZeroU32, Strategy};

    fn any_strategy() -> impl Generator<Value = Strategy> {
        prop_oneof![
            Just(Strategy::None),
            Just(Strategy::Global),
            Just(Strategy::PerEncoder),
            Just(Strategy::PerQueue),
            any::<NonZeroU32>().prop_map(Strategy::Throttle),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(strategy in any_strategy()) {
            prop_assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }

        #[test]
        fn what_is_read_is_a_known_name(text in "(none|global|per-(encoder|queue)|throttle:?)?[0-9+ -]{0,12}") {
            match text.parse::<Strategy>() {
                Ok(Strategy::Throttle(permits)) => {
                    let digits = text.strip_prefix("throttle:").expect("only this prefix");
                    prop_assert_eq!(digits.trim_start_matches('0'), permits.to_string());
                }
                Ok(other) => prop_assert_eq!(other.to_string(), text),
                Err(error) => prop_assert!(error.to_string().contains("throttle:K")),
            }
        }
    }

    #[test]
    fn the_error_names_the_text_and_every_choice() {
        for text in [
            "",
            "Global",
            "throttle",
            "throttle:",
            "throttle:0",
            "throttle:4294967296",
        ] {
            let message = text.parse::<Strategy>().expect_err(text).to_string();
            for part in [
                text,
                "none",
                "global",
                "per-encoder",
                "per-queue",
                "throttle:K",
            ] {
                assert!(message.contains(part), "{part:?} not in {message:?}");
            }
        }
    }

    #[test]
    fn display_heeds_the_width() {
        let two = NonZeroU32::new(2).expect("not zero");
        assert_eq!(format!("{:>12}|", Strategy::Throttle(two)), "  throttle:2|");
        assert_eq!(format!("{:<8}|", Strategy::Global), "global  |");
    }
}
