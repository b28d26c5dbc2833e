//! Arguments of `locktoll guard`.

use std::fmt;

use clap::{Args, ValueEnum};
use locktoll_guard::{ParseStrategyError, Strategy};

/// `locktoll guard`.
#[derive(Debug, Args)]
#[command(after_help = "\
On macOS the lock is put under Metal, elsewhere under Vulkan. Further settings of the Metal guard (time limits, slow
locks, what is guarded) are variables of the environment: docs/metal.md has them. macOS does not let
it under programs of its own, such as /usr/bin/python3: use one from Homebrew, conda or python.org.
The exit code is the program's, 128 + N where signal N ended it, and 1 where it ran without the
locks or calls were kept from the driver. The summary goes to standard error.

Examples:
  locktoll guard --strategy global -- vkcube
  locktoll guard --strategy throttle:2 -- python infer.py
  locktoll guard --strategy session --on-misuse abort -- python infer.py    on macOS")]
pub struct GuardArgs {
    /// Lock to slip under the program: global, per-encoder (a lock for each command pool, of Metal
    /// for each command buffer), per-queue (Vulkan), throttle:K (at most K sections at a time),
    /// session (Metal: a command buffer is one thread's from the making of an encoder to its end),
    /// none (count calls only) or off
    #[arg(long, value_name = "STRATEGY", value_parser = strategy)]
    pub strategy: GuardStrategy,

    /// What becomes of a call on an encoder that has ended, of Metal only [default: what the
    /// environment says (docs/metal.md), else refuse]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub on_misuse: Option<OnMisuse>,

    /// Bare locks: without counting and timing them
    #[arg(long)]
    pub no_counting: bool,

    /// Fail where the locks have seen no work submitted, rather than warn: then another process than
    /// those that they were under may have done it
    #[arg(long)]
    pub strict: bool,

    /// No summary
    #[arg(short, long)]
    pub quiet: bool,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// What is put under a program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardStrategy {
    /// It is there and takes no part.
    Off,
    /// It takes the locks of a strategy.
    Lock(Strategy),
    /// It keeps a command buffer for one thread, from the making of an encoder to its end: Metal's
    /// alone.
    Session,
}

impl fmt::Display for GuardStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Lock(strategy) => strategy.fmt(f),
            Self::Session => f.write_str("session"),
        }
    }
}

/// What becomes of a call on an encoder that has ended; it is counted in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnMisuse {
    /// It is told, the driver does not get it, and guard exits with an error
    Refuse,
    /// It is told, and the driver gets it; most end the process
    Warn,
    /// The driver gets it
    Pass,
    /// It is told, and the process ends
    Abort,
}

impl OnMisuse {
    /// As the library reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Warn => "warn",
            Self::Pass => "pass",
            Self::Abort => "abort",
        }
    }
}

/// A strategy for a program, under which every lock is slipped: `interposed:` may stand before it.
fn strategy(text: &str) -> Result<GuardStrategy, String> {
    match text.strip_prefix("interposed:").unwrap_or(text) {
        "off" if text == "off" => Ok(GuardStrategy::Off),
        "session" => Ok(GuardStrategy::Session),
        name => name
            .parse()
            .map(GuardStrategy::Lock)
            .map_err(|error: ParseStrategyError| format!("{error}; off; and session, of Metal")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_may_be_off_or_session_or_have_its_prefix() {
        assert_eq!(strategy("off"), Ok(GuardStrategy::Off));
        let global = Ok(GuardStrategy::Lock(Strategy::Global));
        assert_eq!(strategy("global"), global);
        assert_eq!(strategy("interposed:global"), global);
        assert_eq!(strategy("session"), Ok(GuardStrategy::Session));
        assert_eq!(strategy("interposed:session"), Ok(GuardStrategy::Session));
        for text in ["mutex", "Session", "interposed:off"] {
            let error = strategy(text).unwrap_err();
            assert!(
                error.contains("off") && error.contains("session"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_strategy_is_written_as_it_is_read() {
        for text in ["off", "none", "global", "throttle:2", "session"] {
            assert_eq!(strategy(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn choices_are_written_as_they_are_read() {
        for value in OnMisuse::value_variants() {
            assert_eq!(OnMisuse::from_str(value.name(), false), Ok(*value));
        }
    }
}
