//! What a recorded program has left in the folder: for each of its processes a trace, and its mappings.

use std::fs;
use std::path::Path;

use locktoll_bench::Error as BenchError;
use locktoll_symbols::Maps;
use locktoll_trace::Trace;
use locktoll_trace::recording::Recording;

use crate::error::Result;

/// Everything that was left.
#[derive(Debug, Default)]
pub struct Observed {
    /// In the order of their files.
    pub processes: Vec<ObservedProcess>,
    /// Files that can't be read, and why.
    pub unreadable: Vec<String>,
}

/// One process, between two calls of `exec`.
#[derive(Debug)]
pub struct ObservedProcess {
    /// The name of its trace.
    pub file: String,
    /// Its number.
    pub pid: u32,
    /// What it recorded.
    pub recording: Recording,
    /// Whether it said that it ended.
    pub ended: bool,
    /// What lay where in its memory.
    pub maps: Maps,
}

impl Observed {
    /// Reads a folder of traces, also while they are written. A file that can't be read is told of and
    /// left out: those of other processes are still right.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(BenchError::io("list", folder))? {
            let path = entry.map_err(BenchError::io("list", folder))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "trace")
            {
                paths.push(path);
            }
        }
        paths.sort();
        let mut observed = Self::default();
        for path in paths {
            observed.add(&path);
        }
        Ok(observed)
    }

    fn add(&mut self, path: &Path) {
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let trace = match Trace::read(path) {
            Ok(trace) => trace,
            Err(error) => return self.unreadable.push(format!("{file}: {error}")),
        };
        // A trace of the Vulkan layer, which may lie in the same folder.
        let Some(recording) = trace.recording else {
            return;
        };
        let maps = fs::read(path.with_extension("maps")).unwrap_or_default();
        let maps = Maps::parse(&maps).unwrap_or_else(|error| {
            self.unreadable
                .push(format!("the mappings of {file}: {error}"));
            Maps::default()
        });
        self.processes.push(ObservedProcess {
            file,
            pid: trace.pid,
            recording,
            ended: trace.ended,
            maps,
        });
    }
}
