//! Workloads: what one op encodes and how its buffers live.
//!
//! Three are built in; a TOML file describes one's own (documented in `docs/workloads.md`).

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::duration;
use crate::error::{Error, Result};
use crate::sync_pattern::SyncPattern;

/// What an op computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelChoice {
    /// `y += a·x` over `elements` numbers.
    Axpy {
        /// Length of `x` and `y`.
        elements: u32,
    },
    /// The network 512→1024→1024→512 with `ReLU` on its hidden layers: three dispatches.
    Mlp,
    /// Occupies the device for a set time and computes nothing.
    Timed {
        /// Device time of a whole op, shared equally by its dispatches; the device's own service
        /// time when absent.
        service_ns: Option<u64>,
    },
}

/// Where an op's output buffer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allocation {
    /// Allocated once a thread, before the measurement.
    Pooled,
    /// Allocated anew in each op, before its lock is taken.
    PerOp,
}

/// A workload: what each op encodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Its name in reports.
    pub name: String,
    /// The kernel.
    pub kernel: KernelChoice,
    /// Times that the kernel is dispatched in an op (an `mlp` run is three dispatches).
    pub dispatches: u32,
    /// Further encoder calls (setting the pipeline once more) before each dispatch.
    pub calls: u32,
    /// Where output buffers come from.
    pub allocation: Allocation,
    /// Threads that encode into one encoder.
    pub threads_per_encoder: u32,
    /// The sync pattern, unless the command line gives another.
    #[serde(with = "crate::as_text")]
    pub sync: SyncPattern,
}

/// Names of the built-in workloads.
pub const BUILT_IN: [&str; 3] = ["stress", "mlp", "timed"];

/// Largest accepted `size`, `dispatches` and `calls`: far above any use, and small enough that a
/// mistyped file can't ask for all memory.
const LIMIT: u32 = 1 << 24;

impl Workload {
    /// A built-in workload by name.
    pub fn built_in(name: &str) -> Option<Self> {
        let (kernel, dispatches) = match name {
            "stress" => (KernelChoice::Axpy { elements: 64 }, 4),
            "mlp" => (KernelChoice::Mlp, 1),
            "timed" => (KernelChoice::Timed { service_ns: None }, 1),
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            kernel,
            dispatches,
            calls: 0,
            allocation: Allocation::Pooled,
            threads_per_encoder: 1,
            sync: SyncPattern::EachOp,
        })
    }

    /// A built-in workload by name, or one from a TOML file.
    ///
    /// # Errors
    /// The name is neither built in nor a readable, valid file.
    pub fn load(name_or_path: &str) -> Result<Self> {
        Self::load_with_source(name_or_path).map(|(workload, _)| workload)
    }

    /// As [`load`](Self::load), with the text of the file if it is one.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with_source(name_or_path: &str) -> Result<(Self, Option<String>)> {
        if let Some(workload) = Self::built_in(name_or_path) {
            return Ok((workload, None));
        }
        let path = Path::new(name_or_path);
        if path.extension().is_none_or(|extension| extension != "toml") && !path.exists() {
            return Err(Error::Plan(format!(
                "unknown workload '{name_or_path}': expected {}, or a .toml file",
                BUILT_IN.join(", ")
            )));
        }
        let text = std::fs::read_to_string(path).map_err(Error::io("read workload", path))?;
        match Self::from_toml(&text) {
            Ok(workload) => Ok((workload, Some(text))),
            Err(message) => Err(Error::Workload {
                path: path.into(),
                message,
            }),
        }
    }

    /// Reads a workload from TOML.
    ///
    /// # Errors
    /// The reason, with the line where TOML itself is wrong.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        file.check()
    }

    /// Dispatches that one op encodes.
    pub fn dispatches_per_op(&self) -> u32 {
        match self.kernel {
            KernelChoice::Mlp => 3 * self.dispatches,
            _ => self.dispatches,
        }
    }

    /// The workload in words.
    pub fn describe(&self) -> String {
        let kernel = match self.kernel {
            KernelChoice::Axpy { elements } => format!("axpy over {elements} elements"),
            KernelChoice::Mlp => "the 512→1024→1024→512 network".to_owned(),
            KernelChoice::Timed { service_ns: None } => {
                "a timed kernel of the device's service time".to_owned()
            }
            KernelChoice::Timed {
                service_ns: Some(ns),
            } => {
                format!("timed kernels of {ns} ns in all")
            }
        };
        let dispatches = self.dispatches_per_op();
        let buffers = match self.allocation {
            Allocation::Pooled => "pooled buffers",
            Allocation::PerOp => "a new output buffer per op",
        };
        let sharing = match self.threads_per_encoder {
            1 => "one encoder per thread and op".to_owned(),
            n => format!("{n} threads share an encoder"),
        };
        let plural = if dispatches == 1 { "" } else { "es" };
        let calls = match self.calls {
            0 => String::new(),
            n => format!(" with {n} further calls each"),
        };
        format!("{dispatches} dispatch{plural} per op of {kernel}{calls}, {buffers}, {sharing}")
    }
}

/// The TOML form, as documented.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    name: String,
    kernel: KernelName,
    size: Option<u32>,
    service: Option<String>,
    #[serde(default = "one")]
    dispatches: u32,
    #[serde(default)]
    calls: u32,
    #[serde(default = "pooled")]
    allocation: Allocation,
    #[serde(default = "one")]
    threads_per_encoder: u32,
    #[serde(default = "each_op", with = "crate::as_text")]
    sync: SyncPattern,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum KernelName {
    Axpy,
    Mlp,
    Timed,
}

fn one() -> u32 {
    1
}

fn pooled() -> Allocation {
    Allocation::Pooled
}

fn each_op() -> SyncPattern {
    SyncPattern::EachOp
}

impl File {
    fn check(self) -> Result<Workload, String> {
        if self.name.trim().is_empty() || self.name.chars().any(char::is_control) {
            return Err("name: must be one line of text".to_owned());
        }
        within("dispatches", self.dispatches, 1)?;
        within("calls", self.calls, 0)?;
        within("threads-per-encoder", self.threads_per_encoder, 1)?;
        if self.size.is_some() && self.kernel != KernelName::Axpy {
            return Err("size: only the axpy kernel has a size".to_owned());
        }
        if self.service.is_some() && self.kernel != KernelName::Timed {
            return Err("service: only the timed kernel has a service time of its own".to_owned());
        }
        let kernel = match self.kernel {
            KernelName::Axpy => {
                let elements = self.size.unwrap_or(64);
                within("size", elements, 1)?;
                KernelChoice::Axpy { elements }
            }
            KernelName::Mlp => KernelChoice::Mlp,
            KernelName::Timed => {
                let service_ns = match self.service.as_deref() {
                    Some(text) => Some(
                        duration::parse(text)
                            .map(duration::ns)
                            .map_err(|reason| format!("service: {reason}"))?,
                    ),
                    None => None,
                };
                KernelChoice::Timed { service_ns }
            }
        };
        Ok(Workload {
            name: self.name,
            kernel,
            dispatches: self.dispatches,
            calls: self.calls,
            allocation: self.allocation,
            threads_per_encoder: self.threads_per_encoder,
            sync: self.sync,
        })
    }
}

fn within(field: &str, value: u32, least: u32) -> Result<(), String> {
    if (least..=LIMIT).contains(&value) {
        Ok(())
    } else {
        Err(format!("{field}: {value} is outside {least} to {LIMIT}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_whole_file_is_read() {
        let workload = Workload::from_toml(
            "name = \"mine\"\nkernel = \"timed\"\nservice = \"80us\"\ndispatches = 8\ncalls = 2\n\
             allocation = \"per-op\"\nthreads-per-encoder = 4\nsync = \"batch:16\"\n",
        )
        .unwrap();
        assert_eq!(
            workload.kernel,
            KernelChoice::Timed {
                service_ns: Some(80_000)
            }
        );
        assert_eq!(
            (
                workload.dispatches,
                workload.calls,
                workload.threads_per_encoder
            ),
            (8, 2, 4)
        );
        assert_eq!(workload.allocation, Allocation::PerOp);
        assert_eq!(workload.sync.to_string(), "batch:16");
    }

    #[test]
    fn mistakes_name_the_line_or_the_field() {
        let broken = Workload::from_toml("name = \"x\"\nkernel = axpy\n").unwrap_err();
        assert!(broken.contains("line 2"), "{broken}");
        let unknown = Workload::from_toml("name='x'\nkernel='axpy'\ndispatch=3\n").unwrap_err();
        assert!(
            unknown.contains("dispatch") && unknown.contains("line 3"),
            "{unknown}"
        );
        let zero = Workload::from_toml("name='x'\nkernel='axpy'\ndispatches=0\n").unwrap_err();
        assert!(zero.starts_with("dispatches: 0"), "{zero}");
        let size = Workload::from_toml("name='x'\nkernel='mlp'\nsize=3\n").unwrap_err();
        assert!(size.starts_with("size:"), "{size}");
        let unit = Workload::from_toml("name='x'\nkernel='timed'\nservice='9'\n").unwrap_err();
        assert!(unit.starts_with("service:"), "{unit}");
    }

    #[test]
    fn an_unknown_name_lists_the_choices() {
        let error = Workload::load("stres").unwrap_err().to_string();
        assert!(
            error.contains("'stres'") && error.contains("stress, mlp, timed"),
            "{error}"
        );
    }

    #[test]
    fn built_in_workloads_survive_the_samples_file() {
        for name in BUILT_IN {
            let workload = Workload::built_in(name).unwrap();
            let text = serde_json::to_string(&workload).unwrap();
            assert_eq!(serde_json::from_str::<Workload>(&text).unwrap(), workload);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            let _ = Workload::from_toml(&text);
        }
    }
}
