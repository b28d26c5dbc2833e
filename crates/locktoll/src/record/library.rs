//! The library that is loaded into the program: its file, and the variables by which the dynamic loader
//! finds it and it finds its settings.

use std::fs;
use std::path::{Path, PathBuf};

use locktoll_bench::Error as BenchError;

use super::folder::TRACES;
use crate::cli::RecordArgs;
use crate::error::{Error, Result};

const BYTES: &[u8] = include_bytes!(env!("LOCKTOLL_PTHREAD_LIBRARY"));
const NAME: &str = "liblocktoll_pthread.so";
/// What the dynamic loader reads.
const PRELOAD: &str = "LD_PRELOAD";

/// The library, written out, with its settings.
pub(crate) struct Library {
    file: PathBuf,
    traces: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl Library {
    /// Writes the library into the folder of a recording.
    pub(crate) fn write(directory: &Path, arguments: &RecordArgs) -> Result<Self> {
        let directory = directory
            .canonicalize()
            .map_err(BenchError::io("find the folder", directory))?;
        let file = directory.join(NAME);
        if file.to_string_lossy().contains([':', ' ']) {
            return Err(Error::Usage(format!(
                "the dynamic loader takes a : or a space for the end of a library's name, so the library \
                 cannot be put into {}: give another --out",
                directory.display()
            )));
        }
        // A program of an earlier recording may still have it mapped.
        let _ = fs::remove_file(&file);
        fs::write(&file, BYTES).map_err(BenchError::io("write", &file))?;
        let mut settings = vec![
            ("LOCKTOLL_MODE", arguments.mode.name().to_owned()),
            ("LOCKTOLL_HOLD_EVERY", arguments.hold_every.to_string()),
            ("LOCKTOLL_EVENTS", arguments.events.to_string()),
        ];
        if let Some(scale) = ns_per_tick() {
            settings.push(("LOCKTOLL_NS_PER_TICK", scale.to_string()));
        }
        Ok(Self {
            file,
            traces: directory.join(TRACES),
            settings,
        })
    }

    /// Removes the file.
    pub(crate) fn remove(&self) {
        // Nothing has loaded it, and nobody misses it.
        let _ = fs::remove_file(&self.file);
    }

    /// Where the program's processes leave their traces.
    pub(super) fn traces(&self) -> &Path {
        &self.traces
    }

    /// The variables that load the library into a program, with its traces in the recording's folder.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        self.variables_for(&self.traces)
    }

    /// The same with its traces elsewhere.
    pub(crate) fn variables_for(&self, traces: &Path) -> Vec<(&'static str, String)> {
        let mut libraries = self.file.display().to_string();
        if let Some(theirs) = std::env::var(PRELOAD)
            .ok()
            .filter(|value| !value.is_empty())
        {
            libraries = format!("{libraries}:{theirs}");
        }
        let mut variables = vec![
            (PRELOAD, libraries),
            ("LOCKTOLL_TRACE_DIR", traces.display().to_string()),
        ];
        variables.extend(self.settings.iter().cloned());
        variables
    }
}

/// Nanoseconds a tick of the processor's counter, so that not each process of the program has to measure it.
/// The library decides by itself whether the counter can be used at all.
#[cfg(target_arch = "x86_64")]
fn ns_per_tick() -> Option<f64> {
    use std::time::{Duration, Instant};

    // Reading both takes some 100 ns, which is then two millionths.
    const COMPARED: Duration = Duration::from_millis(50);
    let ticks = || {
        // SAFETY: every x86_64 has the instruction, and Linux lets every process use it unless it
        // forbade that to itself, which this one does not.
        unsafe { core::arch::x86_64::_rdtsc() }
    };
    let (began, first) = (Instant::now(), ticks());
    std::thread::sleep(COMPARED);
    let (ns, last) = (began.elapsed().as_nanos() as f64, ticks());
    let passed = last.checked_sub(first).filter(|&passed| passed > 0)?;
    Some(ns / passed as f64)
}

#[cfg(not(target_arch = "x86_64"))]
fn ns_per_tick() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_carried_is_a_shared_library() {
        assert_eq!(BYTES.get(..4), Some(b"\x7fELF".as_slice()));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_tick_is_a_part_of_a_nanosecond_or_a_few() {
        let scale = ns_per_tick().unwrap();
        // Counters of 100 MHz to 10 GHz.
        assert!((0.1..=10.0).contains(&scale), "{scale}");
    }
}
