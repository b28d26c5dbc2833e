//! Which lock is taken, and what is done about misuse.

use core::fmt;
use core::str::FromStr;

use locktoll_guard::Strategy as Locks;

use crate::error::Error;

/// Which lock a guarded method takes.
///
/// Written as `off`, `none`, `global`, `per-encoder`, `throttle:K` or `session`.
///
/// ```
/// use locktoll_metal::Strategy;
///
/// let strategy: Strategy = "throttle:2".parse()?;
/// assert_eq!(strategy.to_string(), "throttle:2");
/// # Ok::<(), locktoll_metal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// No method is replaced. The driver's classes are looked at all the same, and what would be left alone
    /// is told.
    Off,
    /// `none`: encoders are kept, misuse is found, calls are counted, and no lock is taken.
    /// `global`: one lock for every method. `per-encoder`: one for each encoder, and one for each
    /// command buffer. `throttle:K`: at most K threads in methods. `per-queue` is not to be had:
    /// an encoder does not tell its queue.
    Locks(Locks),
    /// As `per-encoder`; besides, a factory waits until the encoder that another thread has open in
    /// the same command buffer has ended. From factory to end a command buffer is one thread's.
    Session,
}

/// What is done about a call on an encoder that has ended.
///
/// It is counted in any case. What is told, the first ten times of each kind, is told on standard error
/// and in the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnMisuse {
    /// It is told, the driver is not called, and the caller gets nothing, null or false. The encoder,
    /// which may be gone, is not touched. What the call was to do is missing in the program's results.
    #[default]
    Refuse,
    /// It is told, and the driver is called, as without the guard: most end the process.
    Warn,
    /// The driver is called, and nothing is told.
    Pass,
    /// It is told, and the process ends.
    Abort,
}

impl Strategy {
    /// What the guard round encoders does.
    pub(crate) fn locks(self) -> Locks {
        match self {
            Strategy::Off => Locks::None,
            Strategy::Locks(locks) => locks,
            Strategy::Session => Locks::PerEncoder,
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::Off => f.pad("off"),
            Strategy::Session => f.pad("session"),
            Strategy::Locks(locks) => locks.fmt(f),
        }
    }
}

impl FromStr for Strategy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "off" => Ok(Strategy::Off),
            "session" => Ok(Strategy::Session),
            _ => match text.parse() {
                Err(_) | Ok(Locks::PerQueue) => Err(Error::Setting {
                    text: text.into(),
                    choices: "off, none, global, per-encoder, throttle:K or session",
                }),
                Ok(locks) => Ok(Strategy::Locks(locks)),
            },
        }
    }
}

impl FromStr for OnMisuse {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "refuse" => Ok(OnMisuse::Refuse),
            "warn" => Ok(OnMisuse::Warn),
            "pass" => Ok(OnMisuse::Pass),
            "abort" => Ok(OnMisuse::Abort),
            _ => Err(Error::Setting {
                text: text.into(),
                choices: "refuse, warn, pass or abort",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for text in [
            "off",
            "none",
            "global",
            "per-encoder",
            "throttle:3",
            "session",
        ] {
            let strategy: Strategy = text.parse().expect(text);
            assert_eq!(strategy.to_string(), text);
        }
        for text in ["", "per-queue", "throttle:0", "Session"] {
            let error = text.parse::<Strategy>().expect_err(text).to_string();
            assert!(error.contains(text) && error.contains("session"), "{error}");
        }
        assert!("ignore".parse::<OnMisuse>().is_err());
    }
}
