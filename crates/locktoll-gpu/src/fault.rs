//! Names of the fault models.
//!
//! A fault model stands for a driver that is not thread-safe. Real ones cannot be had on every
//! machine and fail only now and then; the model fails whenever two calls really overlap, and so
//! shows on any machine whether a lock covers what it must.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// What a fault model's line on standard error begins with, right before the scope.
///
/// The whole line is
/// `locktoll fault model agx:SCOPE: SIGNAL: CALL by thread N overlaps CALL by thread M`, where
/// threads are numbered in the order of their first call and followed by `(name)` if they are
/// the reporting one and have a name.
pub const FAULT_PREFIX: &str = "locktoll fault model agx:";

/// The part of a driver within which calls must not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One command buffer and its encoders.
    Encoder,
    /// One hardware queue and all command buffers made from it.
    Queue,
    /// The driver as it is loaded into the process.
    Process,
}

impl Scope {
    const fn name(self) -> &'static str {
        match self {
            Self::Encoder => "encoder",
            Self::Queue => "queue",
            Self::Process => "process",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A model of a driver that is not thread-safe, named `agx:encoder`, `agx:queue` or `agx:process`.
///
/// Each driver call (the factories, `set_*`, `dispatch`, `end_encoding`, `commit`) enters its
/// scope for as long as it lasts, which is at least the device's `encode` time. A call that finds
/// another thread's call in its scope ends the process, as the AGX driver does:
///
/// * by `SIGABRT`, a failed assertion, where both are ordinary calls;
/// * by `SIGSEGV`, a use of a destroyed context, where one of the two is `end_encoding`.
///
/// A line that starts with [`FAULT_PREFIX`] on standard error names both calls. Nothing undefined
/// happens: overlap is found with atomics. A thread's call inside its own call is no overlap.
///
/// A new command buffer is nobody else's yet, so under `agx:encoder` the factory
/// `command_buffer` overlaps nothing; nor does a release in any scope, since an object is released
/// when no thread can reach it. One soft device is one loaded driver: `agx:process` spans
/// all queues of a device, not two devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultModel {
    /// The driver of Apple's GPUs, not thread-safe within the scope.
    Agx(Scope),
}

impl fmt::Display for FaultModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Agx(scope) = self;
        write!(f, "agx:{scope}")
    }
}

impl FromStr for FaultModel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        [Scope::Encoder, Scope::Queue, Scope::Process]
            .into_iter()
            .find(|scope| text.strip_prefix("agx:") == Some(scope.name()))
            .map(Self::Agx)
            .ok_or_else(|| Error::UnknownFaultModel {
                text: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for text in ["agx:encoder", "agx:queue", "agx:process"] {
            assert_eq!(text.parse::<FaultModel>().unwrap().to_string(), text);
        }
        assert_eq!(
            "agx:queue".parse::<FaultModel>().unwrap(),
            FaultModel::Agx(Scope::Queue)
        );
    }

    #[test]
    fn other_names_are_refused_with_the_choices() {
        for text in ["", "agx", "agx:", "agx:Queue", "queue", "agx:queue "] {
            let said = text.parse::<FaultModel>().unwrap_err().to_string();
            assert!(said.contains(&format!("`{text}`")), "{said}");
            assert!(
                said.contains("agx:encoder, agx:queue or agx:process"),
                "{said}"
            );
        }
    }
}
