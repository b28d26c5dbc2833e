//! The folder of a recording: traces, and what was made of them.

use std::fs;
use std::path::{Path, PathBuf};

use locktoll_bench::Error as BenchError;
use locktoll_report::record::{self, Record};
use locktoll_symbols::Symbolizer;

use crate::error::{Error, Result};
use crate::recorded::{self, Facts, Observed};
use crate::what_if;

/// What holds every figure of a recording.
pub const RECORD_FILE: &str = "record.json";
/// The folder of the traces in it.
pub(super) const TRACES: &str = "traces";

/// Makes the folder of a new recording.
pub(crate) fn create(out: Option<&Path>) -> Result<PathBuf> {
    let directory = out.map_or_else(
        || {
            let now = jiff::Zoned::now();
            PathBuf::from(format!("locktoll-record-{}", now.strftime("%Y%m%d-%H%M%S")))
        },
        Path::to_path_buf,
    );
    for (held, what) in [
        (holds_recording(&directory), "a recording"),
        (what_if::holds_result(&directory), "the result of --what-if"),
    ] {
        if held {
            return Err(Error::Usage(format!(
                "{} already holds {what}: give another --out",
                directory.display()
            )));
        }
    }
    fs::create_dir_all(&directory).map_err(BenchError::io("create the folder", &directory))?;
    Ok(directory)
}

/// Makes the folder of its traces.
pub(super) fn create_traces(recording: &Path) -> Result<()> {
    let traces = recording.join(TRACES);
    fs::create_dir_all(&traces).map_err(BenchError::io("create the folder", &traces))?;
    Ok(())
}

/// Whether a folder, or the file named, is a recording.
pub fn holds_recording(input: &Path) -> bool {
    if input.is_dir() {
        return input.join(RECORD_FILE).exists() || has_traces(&traces_of(input));
    }
    input.file_name().is_some_and(|name| name == RECORD_FILE)
}

/// Where the traces of a recording are: in a folder of it, or where the library was loaded by hand, in itself.
pub fn traces_of(recording: &Path) -> PathBuf {
    let folder = recording.join(TRACES);
    if folder.is_dir() {
        folder
    } else {
        recording.to_owned()
    }
}

fn has_traces(folder: &Path) -> bool {
    let is_trace = |entry: fs::DirEntry| {
        let path = entry.path();
        path.extension()
            .is_some_and(|extension| extension == "trace")
    };
    fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(is_trace))
}

/// Reads a recording: what was made of it, or where locktoll itself was ended before, its traces.
///
/// # Errors
/// There is neither, or it cannot be read.
pub fn read(input: &Path) -> Result<Record> {
    let file = if input.is_dir() {
        input.join(RECORD_FILE)
    } else {
        input.to_owned()
    };
    if !file.exists() && input.is_dir() {
        let observed = Observed::read(&traces_of(input))?;
        return Ok(recorded::analyse(
            &observed,
            Facts::default(),
            &Symbolizer::new(),
        ));
    }
    let text = fs::read_to_string(&file).map_err(BenchError::io("read", &file))?;
    record::from_str(&text).map_err(|source| Error::Result { path: file, source })
}

/// Writes `record.json`, `record.md` and `record.html`.
pub(super) fn write(directory: &Path, record: &Record) -> Result<()> {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).map_err(BenchError::io("write", &path))
    };
    write(RECORD_FILE, &record::to_string_pretty(record)?)?;
    write("record.md", &record::to_markdown(record))?;
    write("record.html", &record::to_html(record))?;
    Ok(())
}
