//! Probes: cells whose op is changed on purpose, to learn what limits it.
//!
//! A root cause is an experiment, not a sentence. Known time is added to one resource at a time, or
//! one thing at a time is taken away from the op, and the answer is what that does to the
//! throughput. Each probe is one more cell of the same random blocks.

use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};
use std::str::FromStr;
use std::time::Duration;

use crate::duration;
use crate::plan::{Encoders, join};
use crate::sync_pattern::SyncPattern;
use crate::workload::{Allocation, KernelChoice};

/// How a probe's op differs from the plan's. Written `again:1`, `timed`, `lock:20us`, `without:work`,
/// `ceiling:8` or `batched:4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Probe {
    /// Nothing at all is changed: every level is compared with the op as it is, so one trial of that a
    /// block would bring its noise into each of them.
    Again {
        /// Which further trial of the block, from 1.
        copy: NonZeroU32,
    },
    /// Nothing is changed, but the stages of each op are timed, and lock events counted.
    Timed,
    /// Known time is added to one resource.
    Added(Added),
    /// Something is taken away, and with it all that comes before it in [`Ablation::ALL`].
    Without(Ablation),
    /// Nothing is left of the op but its command buffer, and nobody waits before the end.
    Ceiling {
        /// Queues over which the threads are spread.
        queues: NonZeroU32,
    },
    /// One op does the work of several.
    Batched {
        /// Of how many.
        ops: NonZeroU32,
    },
}

impl Probe {
    /// Changes what is encoded; added time is not part of that.
    pub fn change(self, encoders: &mut Encoders) {
        match self {
            Self::Again { .. } | Self::Timed | Self::Added(_) => {}
            Self::Without(last) => {
                for ablation in Ablation::ALL.into_iter().filter(|&step| step <= last) {
                    ablation.change(encoders);
                }
            }
            Self::Ceiling { queues } => {
                Self::Without(Ablation::Sync).change(encoders);
                encoders.device.queues = queues;
                encoders.device.soft.queues =
                    NonZeroU16::try_from(queues).unwrap_or(NonZeroU16::MAX);
            }
            Self::Batched { ops } => {
                let workload = &mut encoders.workload;
                workload.dispatches = workload.dispatches.saturating_mul(ops.get());
                if let KernelChoice::Timed {
                    service_ns: Some(ns),
                } = &mut workload.kernel
                {
                    *ns = ns.saturating_mul(ops.get().into());
                }
            }
        }
    }
}

impl Probe {
    /// The probe for people.
    pub fn describe(self) -> String {
        match self {
            Self::Again { copy } => format!("unchanged, again ({copy})"),
            Self::Timed => "stages timed".to_owned(),
            Self::Added(Added { to, ns }) => {
                format!(
                    "{to} +{}",
                    humantime::format_duration(Duration::from_nanos(ns))
                )
            }
            Self::Without(ablation) => format!("without {}", ablation.removed()),
            Self::Ceiling { queues } => {
                let plural = if queues.get() == 1 { "" } else { "s" };
                format!("ceiling, {queues} queue{plural}")
            }
            Self::Batched { ops } => format!("{ops} ops in one"),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again { copy } => write!(f, "again:{copy}"),
            Self::Timed => f.write_str("timed"),
            Self::Added(added) => added.fmt(f),
            Self::Without(ablation) => write!(f, "without:{ablation}"),
            Self::Ceiling { queues } => write!(f, "ceiling:{queues}"),
            Self::Batched { ops } => write!(f, "batched:{ops}"),
        }
    }
}

impl FromStr for Probe {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse::<NonZeroU32>()
                .map_err(|_| format!("'{text}' is not a number from 1"))
        };
        match text.split_once(':') {
            None if text == "timed" => Ok(Self::Timed),
            Some(("again", copy)) => Ok(Self::Again {
                copy: number(copy)?,
            }),
            Some(("without", step)) => step.parse().map(Self::Without),
            Some(("ceiling", queues)) => Ok(Self::Ceiling {
                queues: number(queues)?,
            }),
            Some(("batched", ops)) => Ok(Self::Batched { ops: number(ops)? }),
            _ => text.parse().map(Self::Added),
        }
    }
}

/// What time can be added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    /// Inside the lock's hold, on the CPU.
    Lock,
    /// On the encoding thread's CPU, outside the lock.
    Encode,
    /// Inside the submission to the device's queue.
    Submit,
    /// On the device.
    Device,
    /// After the op's completion, without using a core.
    Wait,
}

impl Resource {
    /// All of them, along an op's way.
    pub const ALL: [Self; 5] = [
        Self::Lock,
        Self::Encode,
        Self::Submit,
        Self::Device,
        Self::Wait,
    ];

    /// Its name on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Encode => "encode",
            Self::Submit => "submit",
            Self::Device => "device",
            Self::Wait => "wait",
        }
    }

    /// Whether each thread has its own, so that the threads' times run side by side.
    pub const fn is_per_thread(self) -> bool {
        matches!(self, Self::Encode | Self::Wait)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Time added to one resource by every op, written `lock:20us`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Added {
    /// The resource.
    pub to: Resource,
    /// The time, in nanoseconds.
    pub ns: u64,
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}ns", self.to, self.ns)
    }
}

impl FromStr for Added {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, time) = text
            .split_once(':')
            .ok_or_else(|| format!("'{text}' is not RESOURCE:TIME, as lock:20us"))?;
        let to = Resource::ALL
            .into_iter()
            .find(|resource| resource.name() == name)
            .ok_or_else(|| format!("'{name}' is none of {}", join(&Resource::ALL)))?;
        let ns = duration::parse(time).map(duration::ns)?;
        Ok(Self { to, ns })
    }
}

/// What is taken away from an op. Each step includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ablation {
    /// Output buffers are pooled, whatever the workload says.
    Allocation,
    /// No encoder calls but those that one dispatch needs.
    Calls,
    /// One dispatch.
    Dispatches,
    /// No dispatch: an empty command buffer.
    Work,
    /// No waiting before the end of an iteration.
    Sync,
}

impl Ablation {
    /// All steps, in their order.
    pub const ALL: [Self; 5] = [
        Self::Allocation,
        Self::Calls,
        Self::Dispatches,
        Self::Work,
        Self::Sync,
    ];

    fn change(self, encoders: &mut Encoders) {
        let workload = &mut encoders.workload;
        match self {
            Self::Allocation => workload.allocation = Allocation::Pooled,
            Self::Calls => workload.calls = 0,
            Self::Dispatches => {
                let before = workload.dispatches.max(1);
                workload.dispatches = workload.dispatches.min(1);
                // The time set is that of all dispatches together; what is left is one's part of it.
                if let KernelChoice::Timed {
                    service_ns: Some(ns),
                } = &mut workload.kernel
                {
                    *ns /= u64::from(before);
                }
            }
            Self::Work => workload.dispatches = 0,
            Self::Sync => encoders.sync = SyncPattern::End,
        }
    }

    /// Its name on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allocation => "allocation",
            Self::Calls => "calls",
            Self::Dispatches => "dispatches",
            Self::Work => "work",
            Self::Sync => "sync",
        }
    }

    /// What is gone, in words.
    pub const fn removed(self) -> &'static str {
        match self {
            Self::Allocation => "a new buffer per op",
            Self::Calls => "further encoder calls",
            Self::Dispatches => "all dispatches but one",
            Self::Work => "the last dispatch",
            Self::Sync => "waiting within an iteration",
        }
    }
}

impl fmt::Display for Ablation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Ablation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|ablation| ablation.name() == text)
            .ok_or_else(|| format!("'{text}' is none of {}", join(&Self::ALL)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for to in Resource::ALL {
            let added = Added { to, ns: 20_500 };
            assert_eq!(added.to_string().parse(), Ok(added));
        }
        let two = NonZeroU32::new(2).unwrap();
        let mut probes = vec![
            Probe::Again { copy: two },
            Probe::Timed,
            Probe::Ceiling { queues: two },
            Probe::Batched { ops: two },
        ];
        probes.extend(Ablation::ALL.map(Probe::Without));
        probes.extend(Resource::ALL.map(|to| Probe::Added(Added { to, ns: 7 })));
        for probe in probes {
            assert_eq!(probe.to_string().parse(), Ok(probe));
        }
        assert_eq!(
            "lock:20us".parse(),
            Ok(Added {
                to: Resource::Lock,
                ns: 20_000
            })
        );
    }

    #[test]
    fn mistakes_name_the_choices() {
        let bad = |text: &str| text.parse::<Added>().unwrap_err();
        assert!(bad("lock").contains("lock:20us"));
        assert!(bad("gpu:1us").contains("lock, encode, submit, device, wait"));
        assert!("batched:0".parse::<Probe>().unwrap_err().contains("'0'"));
        assert!(
            "all"
                .parse::<Ablation>()
                .unwrap_err()
                .contains("dispatches")
        );
    }
}
