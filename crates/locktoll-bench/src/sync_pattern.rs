//! When a thread waits for the device: after each op, after every N ops, or at the end.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// The sync pattern of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncPattern {
    /// Wait for each op before the next is encoded.
    EachOp,
    /// Wait after every N-th op for all of them.
    Batch(NonZeroU32),
    /// Wait once, at the end of an iteration.
    End,
}

impl SyncPattern {
    /// Ops that a thread has in flight at most before it waits; `None` is no limit.
    pub fn in_flight(self) -> Option<usize> {
        match self {
            Self::EachOp => Some(1),
            Self::Batch(n) => Some(n.get() as usize),
            Self::End => None,
        }
    }
}

impl fmt::Display for SyncPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EachOp => f.write_str("each-op"),
            Self::Batch(n) => write!(f, "batch:{n}"),
            Self::End => f.write_str("end"),
        }
    }
}

impl FromStr for SyncPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown =
            || format!("unknown sync pattern '{text}': expected each-op, batch:N (N ≥ 1) or end");
        match text {
            "each-op" => Ok(Self::EachOp),
            "end" => Ok(Self::End),
            _ => text
                .strip_prefix("batch:")
                .and_then(|n| n.parse().ok())
                .map(Self::Batch)
                .ok_or_else(unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_survives_display_and_parse() {
        for text in ["each-op", "batch:1", "batch:64", "end"] {
            assert_eq!(text.parse::<SyncPattern>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_choices() {
        for text in ["", "batch", "batch:0", "batch:-1", "each", "batch:x"] {
            let error = text.parse::<SyncPattern>().unwrap_err();
            assert!(error.contains("each-op, batch:N"), "{error}");
        }
    }
}
